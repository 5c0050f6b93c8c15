//! What a provider's claims say about the user, within what the connection's settings permit.

use serde_json::Value;

use super::check::OidcCheck;
use super::presets::PeopleScope;
use super::token_validation::{Claims, text_claim};
use crate::idp::connections::OidcSettings;
use crate::idp::report::{CheckFailed, CheckReport, CheckResult, check_that};
use crate::signin::ProfileNames;

/// Authentication contexts that stand for more than one factor: those of REFEDS and PAPE.
const MFA_CONTEXTS: [&str; 3] = [
    "https://refeds.org/profile/mfa",
    "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
    "http://schemas.openid.net/pape/policies/2007/06/multi-factor-physical",
];

/// The email address in the claims, and whether it is verified.
pub(super) struct EmailClaim {
    pub(super) email: String,
    pub(super) is_verified: bool,
}

/// Reads the email address. An unverified address identifies no user, but it is accepted: the user may be
/// known by their subject.
pub(super) fn email_claim(
    report: &mut CheckReport<OidcCheck>,
    settings: &OidcSettings,
    claims: &Claims,
) -> Result<EmailClaim, CheckFailed<OidcCheck>> {
    let people = settings.preset.spec().people;
    let tenant_is_ours = people == PeopleScope::Tenants
        && text_claim(claims, "tid").is_some_and(|tid| settings.tenants.contains(&tid.to_lowercase()));
    let mapped = settings.people.email_attribute.as_deref();
    let found = text_claim(claims, mapped.unwrap_or("email")).or_else(|| {
        // In a configured tenant, administrators assign the usernames, and many accounts have no mailbox.
        text_claim(claims, "preferred_username").filter(|_| mapped.is_none() && tenant_is_ours)
    });
    let email = found.unwrap_or_default().trim().to_owned();
    let fits = email.len() <= 320
        && email.split_once('@').is_some_and(|(name, domain)| {
            !name.is_empty() && !domain.is_empty() && !email.contains(char::is_whitespace)
        });
    report.record(OidcCheck::Email, check_that(fits, "an email address", found.unwrap_or("none")))?;
    let is_verified = match people {
        // Anyone can enter any address in a tenant of their own. The address is therefore verified only if
        // `xms_edov` says so or the tenant is one of the configured ones.
        PeopleScope::Tenants => tenant_is_ours || is_true(claims.get("xms_edov")),
        PeopleScope::Everyone | PeopleScope::HostedDomains => {
            settings.trust_email || is_true(claims.get("email_verified"))
        }
    };
    Ok(EmailClaim { email, is_verified })
}

/// Whether a claim is true. Providers write `true`, `"true"`, `1` or `"1"`.
fn is_true(claim: Option<&Value>) -> bool {
    match claim {
        Some(Value::Bool(yes)) => *yes,
        Some(Value::String(text)) => text == "true" || text == "1",
        Some(Value::Number(number)) => number.as_i64() == Some(1),
        _ => false,
    }
}

/// Checks that the user comes from a permitted tenant or hosted domain.
pub(super) fn check_tenant_and_domain(
    report: &mut CheckReport<OidcCheck>,
    settings: &OidcSettings,
    claims: &Claims,
) -> Result<(), CheckFailed<OidcCheck>> {
    let people = settings.preset.spec().people;
    if people == PeopleScope::Tenants && !settings.tenants.is_empty() {
        report.record(OidcCheck::Tenant, check_allow_list(text_claim(claims, "tid"), &settings.tenants))?;
    }
    if people == PeopleScope::HostedDomains && !settings.hosted_domains.is_empty() {
        // `hd` in the request is only a hint to the provider; only the claim proves the domain.
        report.record(
            OidcCheck::HostedDomain,
            check_allow_list(text_claim(claims, "hd"), &settings.hosted_domains),
        )?;
    }
    Ok(())
}

fn check_allow_list(found: Option<&str>, allowed: &[String]) -> CheckResult {
    let fits = found.is_some_and(|found| allowed.contains(&found.to_lowercase()));
    check_that(fits, allowed.join(", "), found.unwrap_or("none"))
}

/// The user's names.
pub(super) fn names(settings: &OidcSettings, claims: &Claims) -> ProfileNames {
    let mapped = |own: &Option<String>, usual: &str| {
        text_claim(claims, own.as_deref().unwrap_or(usual)).and_then(ProfileNames::parse_name)
    };
    ProfileNames {
        given_name: mapped(&settings.people.given_name_attribute, "given_name"),
        family_name: mapped(&settings.people.family_name_attribute, "family_name"),
        display_name: mapped(&settings.people.display_name_attribute, "name"),
    }
}

/// The values of a claim as text.
pub(super) fn claim_values(claims: &Claims, name: &str) -> Vec<String> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    match claims.get(name) {
        Some(Value::Array(many)) => many.iter().filter_map(one).collect(),
        Some(other) => one(other).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Whether the provider asserts that more than one factor was used (RFC 8176).
pub(super) fn asserts_mfa(claims: &Claims) -> bool {
    claim_values(claims, "amr").iter().any(|method| method == "mfa")
        || text_claim(claims, "acr").is_some_and(|acr| MFA_CONTEXTS.contains(&acr))
}
