//! Who may still come in is written in one place each, and what ends access goes through `src/access/user_changes.rs`.

use super::source::{self, Source, assert_none};

/// What is written in these files and in no other.
const HOMES: [(&str, &[&str]); 9] = [
    ("unchecked::", &["src/access/user_changes.rs"]),
    // The second only says that no connection manages somebody any more.
    ("UPDATE users SET", &["src/directory/users/store.rs", "src/idp/connections/store.rs"]),
    ("INTO role_bindings", &["src/access/bindings.rs"]),
    ("DELETE FROM role_bindings", &["src/access/bindings.rs", "src/access/service_accounts/store.rs"]),
    ("UPDATE api_tokens SET", &["src/access/tokens/store.rs"]),
    ("INTO passwords", &["src/signin/password/store.rs"]),
    ("DELETE FROM sessions", &["src/signin/sessions/store.rs"]),
    // Whoever raises the epoch says what is carried over to the new one.
    (
        "access::raise_epoch(",
        &["src/signin/factors/reset.rs", "src/signin/password/set.rs", "src/signin/sessions/revoke.rs"],
    ),
    // Who gives somebody a profile tells the old address when it changes, …
    (
        "access::update_user(",
        &[
            "src/admin/users.rs",
            "src/provisioning/scim/write/users.rs",
            "src/signin/flow/address.rs",
            // … unless it is only activated, or named.
            "src/signin/flow/admit.rs",
            "src/signin/flow/provider_claims.rs",
            "src/signin/one_time_links/set_password.rs",
        ],
    ),
];

fn elsewhere(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| source.path.starts_with("src/")) {
        for (mark, homes) in HOMES {
            if source.text.contains(mark) && !homes.contains(&source.path.as_str()) {
                found.push(format!("{} has {mark}", source.path));
            }
        }
    }
    found
}

/// Files that can change an address and tell nobody.
fn silent(sources: &[Source]) -> Vec<String> {
    let tells = |source: &&Source| source.text.contains("address_changed(");
    let changes =
        ["src/admin/users.rs", "src/provisioning/scim/write/users.rs", "src/signin/flow/address.rs"];
    let files = sources.iter().filter(|source| changes.contains(&source.path.as_str()));
    files.filter(|source| !tells(source)).map(|source| source.path.clone()).collect()
}

#[test]
fn what_decides_who_comes_in_is_written_in_one_place() {
    let sources = source::all();
    assert_none(&elsewhere(&sources), "call the operation of the file that writes it");
    assert_none(&silent(&sources), "tell the old address");
}

#[test]
fn a_second_writer_is_seen() {
    let sources = [
        Source::new("src/idp/ldap/sync/people.rs", "access::update_user(tx)"),
        Source::new("src/web/x.rs", "UPDATE users SET epoch = 0"),
        Source::new("src/admin/users.rs", "access::update_user(tx)"),
    ];
    assert_eq!(
        elsewhere(&sources),
        ["src/idp/ldap/sync/people.rs has access::update_user(", "src/web/x.rs has UPDATE users SET"]
    );
    assert_eq!(silent(&sources), ["src/admin/users.rs"]);
}
