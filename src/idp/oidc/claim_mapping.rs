//! What a provider's claims say about the user, within what the connection's settings permit.

use serde_json::Value;

use super::check::OidcCheck;
use super::presets::PeopleScope;
use super::token_validation::{Claims, text_claim};
use crate::directory::{Email, fold_case};
use crate::idp::connections::OidcSettings;
use crate::idp::report::{CheckFailed, CheckReport, CheckResult, check_that};
use crate::signin::ProfileNames;

/// Authentication contexts that stand for more than one factor: those of REFEDS and PAPE.
const MFA_CONTEXTS: [&str; 3] = [
    "https://refeds.org/profile/mfa",
    "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
    "http://schemas.openid.net/pape/policies/2007/06/multi-factor-physical",
];

/// Claims that say whether the claim `email` beside them is verified.
const EMAIL_VERIFICATIONS: [&str; 2] = ["email_verified", "xms_edov"];

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
    let tenant_is_ours = is_of_configured_tenant(settings, claims);
    let mapped = settings.people.email_attribute.as_deref();
    let found = text_claim(claims, mapped.unwrap_or("email")).or_else(|| {
        // In a configured tenant, administrators assign the usernames, and many accounts have no mailbox.
        text_claim(claims, "preferred_username").filter(|_| mapped.is_none() && tenant_is_ours)
    });
    let email = found.unwrap_or_default().trim().to_owned();
    let fits = email.len() <= 320 && Email::parse(&email).is_ok_and(|email| !email.is_guest_name());
    report.record(OidcCheck::Email, check_that(fits, "an email address", found.unwrap_or("none")))?;
    // What the provider says about the claim `email` holds for another claim only if that has the same value
    // (OpenID Connect Core §5.1). Users may choose the value of many claims, such as their username.
    let is_email_claim =
        text_claim(claims, "email").is_some_and(|own| fold_case(own.trim()) == fold_case(&email));
    let is_verified = match settings.preset.spec().people {
        // Anyone can enter any address in a tenant of their own. The address is therefore verified only if
        // `xms_edov` says so or the tenant is one of the configured ones.
        PeopleScope::Tenants => {
            let is_username = ["preferred_username", "upn"].iter().any(|name| {
                text_claim(claims, name).is_some_and(|name| fold_case(name.trim()) == fold_case(&email))
            });
            (tenant_is_ours && (is_email_claim || is_username))
                || (is_email_claim && is_true(claims.get("xms_edov")))
        }
        PeopleScope::Everyone | PeopleScope::HostedDomains => {
            settings.trust_email || (is_email_claim && is_true(claims.get("email_verified")))
        }
    };
    Ok(EmailClaim { email, is_verified })
}

/// Adds the claims of a `UserInfo` response that the ID token does not have. What one of the two says about its own
/// `email` is not taken for the `email` of the other (OpenID Connect Core §5.1).
pub(super) fn merge_userinfo(claims: &mut Claims, mut said: Claims) {
    let folded = |claims: &Claims| text_claim(claims, "email").map(|email| fold_case(email.trim()));
    match folded(claims) {
        None => claims.retain(|name, _| !EMAIL_VERIFICATIONS.contains(&name.as_str())),
        own if own != folded(&said) => said.retain(|name, _| !EMAIL_VERIFICATIONS.contains(&name.as_str())),
        _ => {}
    }
    for (name, value) in said {
        claims.entry(name).or_insert(value);
    }
}

/// Whether the user is a member of a tenant that the connection lists. A guest is not: their home tenant,
/// which `idp` names, or they themselves chose the address.
fn is_of_configured_tenant(settings: &OidcSettings, claims: &Claims) -> bool {
    let Some(tenant) = text_claim(claims, "tid") else { return false };
    let is_guest = text_claim(claims, "idp").is_some_and(|home| !home.contains(tenant))
        || claim_values(claims, "acct").iter().any(|kind| kind == "1");
    settings.preset.spec().people == PeopleScope::Tenants
        && settings.tenants.contains(&tenant.to_lowercase())
        && !is_guest
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
