//! The named checks and what came of them: shown to administrators, kept in the audit trail.

use serde::{Deserialize, Serialize};

macro_rules! checks {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal,)*) => {
        /// A check a message has to pass.
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
    /// No document type declaration.
    Dtd = "dtd",
    /// Not nested too deep.
    Depth = "depth",
    /// Well-formed XML.
    Parse = "parse",
    /// No comments or processing instructions, the elements where they belong, ids unique.
    Structure = "structure",
    /// Signed at all, with the signatures in their places.
    SignatureCoverage = "signature_coverage",
    /// Algorithms on the list.
    Algorithm = "algorithm",
    /// A certificate of this connection with a key that is strong enough.
    Certificate = "certificate",
    /// The signatures are right, by a certificate of this connection.
    Signature = "signature",
    /// What is encrypted is encrypted for us.
    Decryption = "decryption",
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
    /// A bearer confirmation of the subject.
    SubjectConfirmation = "subject_confirmation",
    /// Confirmed for this address.
    Recipient = "recipient",
    /// Valid now.
    Times = "times",
    /// Answers one request, and only one.
    InResponseTo = "in_response_to",
    /// Names somebody by an email address.
    Email = "email",
    /// Not used before.
    Replay = "replay",
    /// An address of a domain that this account lets in.
    Domain = "domain",
}

/// One check with its verdict.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Checked {
    /// Which.
    pub check: Check,
    /// Whether it was passed.
    pub passed: bool,
    /// What was expected, where that can be said in a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// The checks so far.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// In the order they were made.
    pub checks: Vec<Checked>,
}

/// A message was refused.
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

/// What a check expected and what it found, passed or not.
pub(in super::super) struct Finding {
    expected: String,
    found: String,
}

/// What one check comes to.
pub(in super::super) type Verdict = Result<Finding, Finding>;

/// The verdict that is good when `ok`.
pub(in super::super) fn verdict(ok: bool, expected: impl ToString, found: impl ToString) -> Verdict {
    let finding = Finding { expected: expected.to_string(), found: cut(found) };
    if ok { Ok(finding) } else { Err(finding) }
}

fn cut(text: impl ToString) -> String {
    text.to_string().chars().take(200).collect()
}

impl Report {
    /// Writes a verdict down; one that is not good ends the hearing.
    pub(in super::super) fn note(&mut self, check: Check, verdict: Verdict) -> Result<(), Failed> {
        match verdict {
            Ok(Finding { expected, found }) => {
                self.checks.push(Checked {
                    check,
                    passed: true,
                    expected: Some(expected),
                    found: Some(found),
                });
                Ok(())
            }
            Err(Finding { expected, found }) => Err(self.fail(check, expected, found)),
        }
    }

    pub(super) fn pass(&mut self, check: Check) {
        if self.checks.iter().all(|known| known.check != check) {
            self.checks.push(Checked { check, passed: true, expected: None, found: None });
        }
    }

    pub(in super::super) fn fail(
        &self,
        check: Check,
        expected: impl ToString,
        found: impl ToString,
    ) -> Failed {
        let (expected, found) = (expected.to_string(), cut(found));
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
