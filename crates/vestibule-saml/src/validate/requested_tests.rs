use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::check::SamlReport;

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);
const REFEDS: &str = "https://refeds.org/profile/mfa";
const SMARTCARD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI";

fn ago(time: Duration) -> Timestamp {
    NOW.checked_sub(time).expect("a time")
}

fn assertion(authn_instant: Option<Timestamp>, authn_context: &str) -> ValidatedAssertion {
    ValidatedAssertion {
        assertion_id: "_a".into(),
        remember_until: NOW,
        in_response_to: None,
        email: "ada@acme.example".into(),
        name_id: None,
        session_index: None,
        attributes: BTreeMap::new(),
        authn_context: authn_context.into(),
        authn_instant,
        report: SamlReport::default(),
    }
}

fn forced(issued_at: Option<Timestamp>) -> RequestedAuthentication {
    RequestedAuthentication { issued_at, force_authn: true, ..RequestedAuthentication::default() }
}

fn classes(classes: &[&str], comparison: Comparison) -> RequestedAuthentication {
    let classes = classes.iter().map(|class| (*class).to_owned()).collect();
    RequestedAuthentication { classes, comparison, ..RequestedAuthentication::default() }
}

fn failed(asked: &RequestedAuthentication, assertion: ValidatedAssertion) -> Option<SamlCheck> {
    asked.check(assertion, NOW).err().map(|rejection| rejection.check)
}

#[test]
fn a_forced_authentication_is_not_older_than_the_request() {
    let minute = Duration::from_mins(1);
    let asked = forced(Some(ago(5 * minute)));
    for (instant, good) in [
        (Some(ago(5 * minute)), true),
        (Some(ago(6 * minute)), true),
        (Some(ago(6 * minute + Duration::from_millis(1))), false),
        (Some(ago(Duration::from_hours(10))), false),
        (Some(NOW + minute), true),
        (Some(NOW + minute + Duration::from_millis(1)), false),
        (None, false),
    ] {
        let found = failed(&asked, assertion(instant, ""));
        assert_eq!(found, (!good).then_some(SamlCheck::AuthnInstant), "{instant:?}");
    }
    let unsolicited = failed(&forced(None), assertion(Some(NOW), ""));
    assert_eq!(unsolicited, Some(SamlCheck::AuthnInstant));
}

#[test]
fn a_requested_context_is_compared_as_asked() {
    use Comparison::{Better, Exact, Maximum, Minimum};
    for (asked, comparison, found, good) in [
        (&[REFEDS][..], Exact, REFEDS, true),
        (&[REFEDS], Exact, PASSWORD_PROTECTED_TRANSPORT, false),
        (&[REFEDS], Exact, SMARTCARD, false),
        (&[REFEDS], Exact, "", false),
        (&[REFEDS, SMARTCARD], Exact, SMARTCARD, true),
        (&[REFEDS], Minimum, PASSWORD_PROTECTED_TRANSPORT, false),
        (&[REFEDS], Minimum, SMARTCARD, true),
        (&[PASSWORD], Minimum, PASSWORD_PROTECTED_TRANSPORT, true),
        (&[PASSWORD], Minimum, UNSPECIFIED, false),
        (&[PASSWORD], Minimum, "urn:company:strong", false),
        (&["urn:company:strong"], Minimum, "urn:company:strong", true),
        (&["urn:company:strong"], Minimum, REFEDS, false),
        (&[PASSWORD_PROTECTED_TRANSPORT], Better, REFEDS, true),
        (&[PASSWORD_PROTECTED_TRANSPORT], Better, PASSWORD_PROTECTED_TRANSPORT, false),
        (&[PASSWORD_PROTECTED_TRANSPORT], Better, "urn:company:strong", false),
        (&["urn:company:strong"], Better, REFEDS, false),
        (&[PASSWORD_PROTECTED_TRANSPORT], Maximum, PASSWORD, true),
        (&[PASSWORD_PROTECTED_TRANSPORT], Maximum, REFEDS, false),
    ] {
        let refused = failed(&classes(asked, comparison), assertion(Some(NOW), found));
        let expected = (!good).then_some(SamlCheck::AuthnContext);
        assert_eq!(refused, expected, "{asked:?} {comparison:?} {found}");
    }
}

#[test]
fn nothing_is_checked_that_was_not_requested() {
    let passed = RequestedAuthentication::default().check(assertion(None, ""), NOW).expect("passed");
    assert_eq!(passed.report, SamlReport::default());
    let stored = serde_json::to_string(&forced(Some(NOW))).expect("JSON");
    let read: RequestedAuthentication = serde_json::from_str(&stored).expect("read");
    assert_eq!(read, forced(Some(NOW)));
}
