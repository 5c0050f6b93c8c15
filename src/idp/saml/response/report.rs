//! The named checks and what came of them: shown to administrators, kept in the audit trail.

use serde::{Deserialize, Serialize};

macro_rules! checks {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal,)*) => {
        /// A check a response has to pass.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Check { $($(#[doc = $doc])* $variant,)* }

        impl Check {
            /// Its name in the audit trail.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it asks for, in words.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}

checks! {
    /// Not too large.
    Size = "size",
    /// Base64 of UTF-8.
    Encoding = "encoding",
    /// Well-formed, no DTD, not too deep.
    Parse = "parse",
    /// No comments or processing instructions, the elements where they belong, ids unique.
    Structure = "structure",
    /// Signed at all, with the signatures in their places.
    SignatureCoverage = "signature_coverage",
    /// Algorithms on the list.
    Algorithm = "algorithm",
    /// The signatures are right, by a certificate of this connection.
    Signature = "signature",
    /// SAML 2.0.
    Version = "version",
    /// The identity provider says Success.
    Status = "status",
    /// From the identity provider of this connection.
    Issuer = "issuer",
    /// Sent to this address.
    Destination = "destination",
    /// Meant for us.
    Audience = "audience",
    /// Valid now.
    Times = "times",
    /// A bearer confirmation for this address.
    Recipient = "recipient",
    /// Answers one request, and only one.
    InResponseTo = "in_response_to",
    /// Names somebody by an email address.
    Email = "email",
    /// Not used before.
    Replay = "replay",
}

/// One check with its verdict.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Checked {
    /// Which.
    pub check: Check,
    /// Whether it was passed.
    pub passed: bool,
    /// What was expected, where it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was found instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// The checks so far.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// In the order they were made.
    pub checks: Vec<Checked>,
}

/// A response was refused.
#[derive(Debug, Clone, thiserror::Error)]
#[error("check {} failed: expected {expected}, found {found}", .check.as_str())]
pub struct Failed {
    /// The check that failed.
    pub check: Check,
    /// What was expected.
    pub expected: String,
    /// What was found, cut to 200 characters.
    pub found: String,
    /// All checks made, this one last.
    pub report: Report,
}

impl Report {
    pub(super) fn pass(&mut self, check: Check) {
        self.checks.push(Checked { check, passed: true, expected: None, found: None });
    }

    pub(in super::super) fn fail(
        &self,
        check: Check,
        expected: impl ToString,
        found: impl ToString,
    ) -> Failed {
        let expected = expected.to_string();
        let found: String = found.to_string().chars().take(200).collect();
        let mut report = self.clone();
        report.checks.push(Checked {
            check,
            passed: false,
            expected: Some(expected.clone()),
            found: Some(found.clone()),
        });
        Failed { check, expected, found, report }
    }

    /// Passes when `ok`, fails otherwise.
    pub(super) fn require(
        &self,
        check: Check,
        ok: bool,
        expected: impl ToString,
        found: impl ToString,
    ) -> Result<(), Failed> {
        if ok {
            return Ok(());
        }
        Err(self.fail(check, expected, found))
    }
}
