//! The named checks of messages and their results, for the administrator of a connection: which check a
//! message failed, what it expected and what it found.
//!
//! [`crate::validate`] makes all of them but [`SamlCheck::Replay`] and [`SamlCheck::Domain`]. Callers add
//! these two and the part of [`SamlCheck::InResponseTo`] that compares with our own requests, because they
//! need stored state and the account's settings. [`crate::RequestedAuthentication`] makes two more, once the
//! request is known.

use serde::Serialize;

/// Declares the checks. The doc comment of each variant is also its description for administrators.
macro_rules! declare_checks {
    ($(#[$about:meta])* $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $text:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[doc = $doc])* $variant,)* }

        impl $name {
            /// Its name in stored reports.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The check with this name.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }

            /// What it demands, in words for administrators: the doc comment of the variant.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}

declare_checks! {
    /// A check a message has to pass.
    SamlCheck {
        /// The message size is within the limit.
        Size = "size",
        /// The message is correctly encoded (Base64, UTF-8).
        Encoding = "encoding",
        /// The message contains no document type declaration (DTD).
        Dtd = "dtd",
        /// The XML nesting depth is within the limit.
        Depth = "depth",
        /// The message is well-formed XML.
        Parse = "parse",
        /// The message has the expected structure and no comments, processing instructions or duplicate IDs.
        Structure = "structure",
        /// The response or the assertion is signed, and every signature covers the element that contains it.
        SignatureCoverage = "signature_coverage",
        /// The signature and encryption algorithms are allowed.
        Algorithm = "algorithm",
        /// The connection has a certificate with a sufficiently strong key.
        Certificate = "certificate",
        /// Every signature is valid and made with a certificate of this connection.
        Signature = "signature",
        /// Encrypted elements can be decrypted with the keys of this connection.
        Decryption = "decryption",
        /// The SAML version is 2.0.
        Version = "version",
        /// The identity provider reports the status Success.
        Status = "status",
        /// The issuer is the identity provider of this connection.
        Issuer = "issuer",
        /// The destination matches the URL that received the message.
        Destination = "destination",
        /// The audience matches the SP entity ID.
        Audience = "audience",
        /// The subject has a bearer confirmation.
        SubjectConfirmation = "subject_confirmation",
        /// The recipient matches the ACS URL.
        Recipient = "recipient",
        /// The message is valid at the current time.
        Times = "times",
        /// The response answers exactly one request from this server.
        InResponseTo = "in_response_to",
        /// The user authenticated after the request, because this connection requires re-authentication.
        AuthnInstant = "authn_instant",
        /// The authentication context is one that this connection requests.
        AuthnContext = "authn_context",
        /// The assertion contains an email address.
        Email = "email",
        /// The message has not been used before.
        Replay = "replay",
        /// The email domain is allowed in this account.
        Domain = "domain",
        /// The connection may sign in users of this email domain: the domain is verified and selected for it.
        ConnectionDomain = "connection_domain",
    }
}

/// One check with its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedItem {
    /// The check.
    pub check: SamlCheck,
    /// Whether the message passed it.
    pub passed: bool,
    /// What was expected, if the check states it as a value.
    pub expected: Option<String>,
    /// What was found, if the check states it as a value.
    pub found: Option<String>,
}

/// The checks so far, in the order in which they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SamlReport {
    /// All of them passed, except the last one of a rejection.
    pub checks: Vec<CheckedItem>,
}

/// A refused message and the check that it failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("check {} failed: expected {expected}, found {found}", .check.as_str())]
pub struct SamlRejection {
    /// The check that failed.
    pub check: SamlCheck,
    /// What was expected.
    pub expected: String,
    /// What was found, cut to 200 characters.
    pub found: String,
    /// All checks that were made, this one last.
    pub report: SamlReport,
}

/// What a check expected and what it found, passed or not.
#[derive(Debug, Clone)]
pub struct SamlFinding {
    expected: String,
    found: String,
}

/// The result of one check.
pub type SamlCheckResult = Result<SamlFinding, SamlFinding>;

/// A result that passes if `ok`. The text of `found` is cut to 200 characters.
pub fn check_that(ok: bool, expected: impl ToString, found: impl ToString) -> SamlCheckResult {
    let finding = SamlFinding { expected: expected.to_string(), found: truncate(found) };
    if ok { Ok(finding) } else { Err(finding) }
}

fn truncate(text: impl ToString) -> String {
    text.to_string().chars().take(200).collect()
}

impl SamlReport {
    /// Records a result. If the check failed, the returned rejection ends the validation.
    pub fn record(&mut self, check: SamlCheck, result: SamlCheckResult) -> Result<(), SamlRejection> {
        match result {
            Ok(SamlFinding { expected, found }) => {
                let (expected, found) = (Some(expected), Some(found));
                self.checks.push(CheckedItem { check, passed: true, expected, found });
                Ok(())
            }
            Err(SamlFinding { expected, found }) => Err(self.fail(check, expected, found)),
        }
    }

    /// Records that a check was passed, once even if it is made several times.
    pub(crate) fn pass(&mut self, check: SamlCheck) {
        if self.checks.iter().all(|known| known.check != check) {
            self.checks.push(CheckedItem { check, passed: true, expected: None, found: None });
        }
    }

    /// The rejection by this check, with all checks that were passed before it.
    #[must_use]
    pub fn fail(&self, check: SamlCheck, expected: impl ToString, found: impl ToString) -> SamlRejection {
        let (expected, found) = (expected.to_string(), truncate(found));
        let mut report = self.clone();
        report.checks.push(CheckedItem {
            check,
            passed: false,
            expected: Some(expected.clone()),
            found: Some(found.clone()),
        });
        SamlRejection { check, expected, found, report }
    }

    /// Fails unless `ok`. It does not record a check that passes.
    pub(crate) fn require(
        &self,
        check: SamlCheck,
        ok: bool,
        expected: impl ToString,
        found: impl ToString,
    ) -> Result<(), SamlRejection> {
        if ok {
            return Ok(());
        }
        Err(self.fail(check, expected, found))
    }
}
