use serde_json::json;

use super::*;

fn read(kind: &str, settings: &serde_json::Value) -> Result<ConnectionSettings, UnreadableConnection> {
    ConnectionSettings::read(kind, &settings.to_string())
}

#[test]
fn members_that_came_later_have_their_defaults() {
    for kind in ["saml", "oidc", "ldap", "scim"] {
        let settings = read(kind, &json!({"a member of a newer version": 1})).expect("read");
        assert_eq!(settings.kind().as_str(), kind);
    }
}

#[test]
fn values_that_are_not_known_make_the_settings_unreadable() {
    let cases = [
        ("saml", json!({"name_id_format": "pairwise"})),
        ("saml", json!({"vendor": "zitadel"})),
        ("saml", json!({"certificates": "one"})),
        ("oidc", json!({"preset": "discord"})),
        ("oidc", json!({"client_auth": "tls_client_auth"})),
        ("oidc", json!({"jit": {"enabled": true, "unless": "guest"}})),
        ("ldap", json!({"max_hops": -1})),
        ("ldap", json!({"user_queries": [{"base_dn": "dc=example", "depth": 2}]})),
        ("scim", json!({"dry_run": "always"})),
        ("scim", json!([])),
    ];
    for (kind, settings) in cases {
        let read = read(kind, &settings);
        assert!(matches!(read, Err(UnreadableConnection::Settings(_))), "{kind} {settings}: {read:?}");
    }
    assert!(ConnectionSettings::read("scim", "").is_err());
}

#[test]
fn a_kind_that_is_not_known_is_none_of_the_known() {
    for kind in ["", "SAML", "ws-federation"] {
        let read = read(kind, &json!({}));
        assert_eq!(read.err(), Some(UnreadableConnection::Kind(kind.to_owned())));
    }
}
