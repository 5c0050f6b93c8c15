//! What a request demanded of the authentication, checked in the ID token (OpenID Connect Core §3.1.2.1,
//! §3.1.3.7 items 12 and 13).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::check::OidcCheck;
use super::token_validation::{Claims, SKEW, seconds_claim, text_claim};
use crate::idp::connections::OidcSettings;
use crate::idp::report::{CheckFailed, CheckReport, CheckResult, check_that};
use crate::kernel::Timestamp;

/// What an authorization request demands of the authentication. It travels with the request, so that the
/// response is checked against what was asked, whatever the settings are by then.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AuthenticationRequirements {
    /// When the request was made; `None` for one that an earlier version sent.
    issued_at: Option<Timestamp>,
    /// Whether the user must authenticate again (`prompt=login`, `max_age=0`).
    force_authn: bool,
    /// The authentication contexts of which one is required; empty for any.
    acr_values: Vec<String>,
}

impl AuthenticationRequirements {
    pub(super) fn of(settings: &OidcSettings, issued_at: Option<Timestamp>) -> Self {
        Self { issued_at, force_authn: settings.force_authn, acr_values: settings.acr_values.clone() }
    }

    /// The parameters of the request that ask for it. `has_claims` says whether the provider understands the
    /// `claims` parameter, which alone can mark a claim as essential (Core §5.5.1).
    pub(super) fn parameters(&self, has_claims: bool) -> Vec<(&'static str, String)> {
        let mut all = Vec::new();
        let mut claims = serde_json::Map::new();
        if self.force_authn {
            // `max_age` makes `auth_time` a required claim of the ID token (Core §2).
            all.extend([("prompt", "login".to_owned()), ("max_age", "0".to_owned())]);
            claims.insert("auth_time".to_owned(), json!({"essential": true}));
        }
        if !self.acr_values.is_empty() {
            all.push(("acr_values", self.acr_values.join(" ")));
            claims.insert("acr".to_owned(), json!({"essential": true, "values": self.acr_values}));
        }
        if has_claims && !claims.is_empty() {
            all.push(("claims", json!({"id_token": Value::Object(claims)}).to_string()));
        }
        all
    }

    /// Checks the claims of an ID token. Those of a plain OAuth 2.0 provider are empty, because it states
    /// neither when nor how the user authenticated.
    pub(super) fn check(
        &self,
        report: &mut CheckReport<OidcCheck>,
        claims: &Claims,
        now: Timestamp,
    ) -> Result<(), CheckFailed<OidcCheck>> {
        if self.force_authn {
            report.record(OidcCheck::AuthTime, self.auth_time(claims, now))?;
        }
        if !self.acr_values.is_empty() {
            let found = text_claim(claims, "acr");
            let fits = found.is_some_and(|found| self.acr_values.iter().any(|asked| asked == found));
            let expected = format!("one of {}", self.acr_values.join(", "));
            report.record(OidcCheck::Acr, check_that(fits, expected, found.unwrap_or("none")))?;
        }
        Ok(())
    }

    fn auth_time(&self, claims: &Claims, now: Timestamp) -> CheckResult {
        let Some(issued_at) = self.issued_at else {
            return check_that(false, "a request that states when it was made", "none");
        };
        let expected = format!("auth_time at or after the request, {issued_at}");
        let Some(at) = seconds_claim(claims, "auth_time") else { return check_that(false, expected, "none") };
        // `auth_time` has whole seconds.
        let is_fresh = at.plus(SKEW).plus(Duration::from_secs(1)) > issued_at && at <= now.plus(SKEW);
        check_that(is_fresh, expected, at)
    }
}
