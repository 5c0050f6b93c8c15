//! A new address needs a snapshot, or a reason why it has none.

use super::book::shelf;
use super::inside;

/// Addresses without a snapshot, each for a reason.
const WITHOUT: [(&str, &str); 17] = [
    ("GET /api/v1/connections/{id}/waiting", "an earlier path of …/pending-changes"),
    ("POST /api/v1/connections/{id}/waiting/let-through", "an earlier path of …/pending-changes/approve"),
    ("POST /api/v1/connections/{id}/waiting/discard", "an earlier path of …/pending-changes/discard"),
    (
        "GET /console/connections/{id}/waiting",
        "redirects to …/pending-changes, for the links in earlier mails",
    ),
    (
        "GET /assets/{version}/{name}",
        "the files are as they are in templates/assets; their headers have a snapshot",
    ),
    ("ANY /forward-auth", "answers with headers, which have a snapshot; tests/forward_auth reads them"),
    ("ANY /forward-auth/{app}", "the same"),
    ("ANY /forward-auth/{app}/", "the same"),
    ("ANY /forward-auth/{app}/{*path}", "the same"),
    ("GET /.vestibule/sign-in", "at the host of an application; tests/forward_auth goes there"),
    ("GET /.vestibule/callback", "at the host of an application; tests/forward_auth goes there"),
    ("GET /.vestibule/sign-out", "at the host of an application; tests/forward_auth goes there"),
    ("POST /.vestibule/sign-out", "at the host of an application; tests/forward_auth goes there"),
    ("POST /console/users/{id}/identities/approve", "tests/identity/confirmation approves what waits"),
    ("POST /console/users/{id}/identities/discard", "tests/identity/confirmation discards what waits"),
    ("POST /api/v1/users/{id}/identities", "tests/identity/confirmation approves what waits"),
    (
        "DELETE /api/v1/users/{id}/pending-identities/{identity}",
        "tests/identity/confirmation discards what waits",
    ),
];

/// The first lines of all snapshots of answers, such as `GET /console/users`.
fn asked() -> Vec<String> {
    let mut asked = Vec::new();
    for folder in std::fs::read_dir(shelf()).expect("snapshots").flatten() {
        for file in std::fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            let text = std::fs::read_to_string(file.path()).expect("a snapshot");
            // After two lines of dashes, which insta writes around what it knows.
            let said = text.splitn(3, "---\n").nth(2).unwrap_or_default();
            let line = said.lines().next().unwrap_or_default();
            asked.push(line.split('?').next().unwrap_or_default().to_owned());
        }
    }
    asked
}

/// Whether the path that was asked for is this one of the table and no other that fits better.
fn fits(asked: &str, route: &str, table: &[String]) -> bool {
    let matches = |route: &str| {
        asked.split('/').count() == route.split('/').count()
            && asked.split('/').zip(route.split('/')).all(|(a, b)| a == b || b.starts_with('{'))
    };
    let parameters = |route: &str| route.matches('{').count();
    matches(route) && !table.iter().any(|other| matches(other) && parameters(other) < parameters(route))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_address_has_a_snapshot_or_a_reason_why_not() {
    let server = inside::server().await;
    let table: Vec<String> =
        server.table.iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let asked = asked();
    let missing: Vec<&String> = table
        .iter()
        .filter(|route| !route.contains("/aadOptscim062020/"))
        .filter(|route| !WITHOUT.iter().any(|(without, _)| without == route))
        .filter(|route| !asked.iter().any(|one| fits(one, route, &table)))
        .collect();
    assert!(missing.is_empty(), "take a snapshot of these: {missing:#?}");
    for (without, reason) in WITHOUT {
        assert!(table.iter().any(|route| route == without), "{without} is gone ({reason})");
        assert!(!asked.iter().any(|one| fits(one, without, &table)), "{without} has a snapshot ({reason})");
    }
}

#[test]
fn every_folder_of_snapshots_is_somebodys() {
    let mut code = String::new();
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots_code");
    for file in std::fs::read_dir(here).expect("folder").flatten() {
        code.push_str(&std::fs::read_to_string(file.path()).expect("source"));
    }
    for folder in std::fs::read_dir(shelf()).expect("snapshots").flatten() {
        let name = folder.file_name().to_string_lossy().into_owned();
        assert!(code.contains(&format!("\"{name}\"")), "nobody takes the snapshots in {name}");
    }
}
