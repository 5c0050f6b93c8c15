//! The checks of a SAML message.

use crate::idp::report::{self, checks};
pub(crate) use crate::idp::report::{CheckResult, check_that};

checks! {
    /// A check a message has to pass.
    SamlCheck {
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
}

/// The checks so far.
pub type SamlCheckReport = report::CheckReport<SamlCheck>;
/// A message was refused.
pub type SamlCheckFailed = report::CheckFailed<SamlCheck>;
