//! What a request demanded of the authentication, checked in the response that answers it (saml-core §3.4.1
//! `ForceAuthn`, §3.3.2.2.1 `RequestedAuthnContext`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::ValidatedAssertion;
use super::rules::SKEW;
use crate::check::{SamlCheck, SamlCheckResult, SamlRejection, check_that};
use crate::model::Comparison;
use crate::time::{add, format_time};

/// Authentication contexts that stand for more than one factor: those of SAML 2.0
/// (saml-authn-context-2.0-os §3.4), the REFEDS MFA profile, and Entra ID's.
pub const MFA_CONTEXTS: [&str; 6] = [
    "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorUnregistered",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI",
    "https://refeds.org/profile/mfa",
    "http://schemas.microsoft.com/claims/multipleauthn",
];
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified";
const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password";
const PASSWORD_PROTECTED_TRANSPORT: &str =
    "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

/// What a request demands of the authentication. The caller keeps it with the request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedAuthentication {
    /// When the request was issued; `None` for a response that answers no request.
    pub issued_at: Option<Timestamp>,
    /// Whether the user must authenticate again (`ForceAuthn`).
    pub force_authn: bool,
    /// The requested classes (`AuthnContextClassRef`); empty for any.
    pub classes: Vec<String>,
    /// How the class that was used must compare to them.
    pub comparison: Comparison,
}

impl RequestedAuthentication {
    /// Checks an assertion that passed all other checks. If nothing was requested, there is nothing to
    /// check.
    pub fn check(
        &self,
        mut assertion: ValidatedAssertion,
        now: Timestamp,
    ) -> Result<ValidatedAssertion, SamlRejection> {
        if self.force_authn {
            let result = self.authn_instant(&assertion, now);
            assertion.report.record(SamlCheck::AuthnInstant, result)?;
        }
        if !self.classes.is_empty() {
            let result = self.authn_context(&assertion.authn_context);
            assertion.report.record(SamlCheck::AuthnContext, result)?;
        }
        Ok(assertion)
    }

    /// saml-core §3.4.1: the identity provider must authenticate the user itself and not rely on an earlier
    /// session. The time at which it did so must therefore not be before the request.
    fn authn_instant(&self, assertion: &ValidatedAssertion, now: Timestamp) -> SamlCheckResult {
        let Some(issued_at) = self.issued_at else {
            let expected = "a response to a request from this server, because re-authentication is required";
            return check_that(false, expected, "an unsolicited (IdP-initiated) response");
        };
        let expected = format!("at or after the request, {}", format_time(issued_at));
        let Some(instant) = assertion.authn_instant else { return check_that(false, expected, "none") };
        let is_fresh = add(instant, SKEW) >= issued_at && instant <= add(now, SKEW);
        check_that(is_fresh, expected, format_time(instant))
    }

    fn authn_context(&self, found: &str) -> SamlCheckResult {
        let listed = self.classes.iter().any(|class| class == found);
        let strengths = || self.classes.iter().map(|class| strength(class));
        // A class whose strength is not known compares to nothing, so it has to be listed.
        let compares = |to_one: fn(u8, u8) -> bool| {
            strength(found).is_some_and(|own| strengths().flatten().any(|asked| to_one(own, asked)))
        };
        let fits = match self.comparison {
            Comparison::Exact => listed,
            Comparison::Minimum => listed || compares(|own, asked| own >= asked),
            Comparison::Maximum => listed || compares(|own, asked| own <= asked),
            Comparison::Better => {
                let own = strength(found);
                !listed && strengths().all(|asked| asked.is_some() && own > asked)
            }
        };
        let how = match self.comparison {
            Comparison::Exact => "one of",
            Comparison::Minimum => "at least as strong as one of",
            Comparison::Maximum => "at most as strong as one of",
            Comparison::Better => "stronger than each of",
        };
        let found = if found.is_empty() { "none" } else { found };
        check_that(fits, format!("{how} {}", self.classes.join(", ")), found)
    }
}

/// The strength of the classes whose order is beyond doubt: no statement, a password, a password over a
/// protected transport, more than one factor. The order of all others is up to the identity provider.
fn strength(class: &str) -> Option<u8> {
    match class {
        UNSPECIFIED => Some(0),
        PASSWORD => Some(1),
        PASSWORD_PROTECTED_TRANSPORT => Some(2),
        _ => MFA_CONTEXTS.contains(&class).then_some(3),
    }
}

#[cfg(test)]
#[path = "requested_tests.rs"]
mod tests;
