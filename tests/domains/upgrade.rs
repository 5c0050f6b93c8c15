//! The upgrade from a version in which a connection listed any domain it liked.

use std::path::Path;

use serde_json::json;
use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, Connection as _};

use super::{connection, domain, forget, leads_to, path};
use crate::harness::{Backend, Server, Tenant};

const DAY: u64 = 24 * 3_600;

/// A database of the version before, in which two accounts list domains: `acme` and, later, `globex`.
async fn database_before(backend: Backend, dir: &tempfile::TempDir) -> String {
    let url = backend.fresh(dir).await;
    sqlx::any::install_default_drivers();
    let mut c = AnyConnection::connect(&url.replace(".db", ".db?mode=rwc")).await.expect("database");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let all = Migrator::new(folder.as_path()).await.expect("migrations");
    all.run_to(10, &mut c).await.expect("migrated");
    // The settings of a connection are of no interest here, but have to be readable.
    let model = Server::start(Backend::Sqlite).await;
    let tenant = model.tenant("model").await;
    let id = connection(&model, &tenant, "Company", &[]).await;
    let settings: String = sqlx::query_scalar("SELECT settings FROM connections WHERE id = $1")
        .bind(&id)
        .fetch_one(&mut *model.kernel.db.read().await.expect("database"))
        .await
        .expect("settings");
    for (number, account) in [(1_i64, "acme"), (2, "globex")] {
        let insert = "INSERT INTO accounts (id, slug, name, settings, created_at, updated_at) VALUES ($1, $1, $1, '{}', $2, $2)";
        sqlx::query(insert).bind(account).bind(number).execute(&mut c).await.expect("account");
        let insert = "INSERT INTO connections (id, account_id, kind, name, name_folded, enabled, settings, is_default, position, \
             created_at, updated_at) VALUES ($1, $2, 'saml', 'Company', 'company', 1, $3, 0, 1, 1, 1)";
        let id = format!("connection-{account}");
        sqlx::query(insert).bind(id).bind(account).bind(&settings).execute(&mut c).await.expect("connection");
    }
    for (account, listed) in [
        ("acme", "acme.example"),
        ("acme", "gmail.com"),
        ("acme", "bücher.example"),
        ("acme", "both.example"),
        ("globex", "both.example"),
        ("globex", "claimed.example"),
    ] {
        let insert = "INSERT INTO connection_domains (account_id, domain, connection_id) VALUES ($1, $2, $3)";
        let id = format!("connection-{account}");
        sqlx::query(insert).bind(account).bind(listed).bind(id).execute(&mut c).await.expect("domain");
    }
    c.close().await.expect("closed");
    url
}

async fn routes(server: &Server, account: &str, name: &str) -> bool {
    let to = leads_to(server, account, name).await;
    assert!(["/login/password", "200"].contains(&to.as_str()) || to.starts_with("/saml/connection-"), "{to}");
    to.starts_with("/saml/")
}

async fn what_was_listed_works_for_thirty_days(backend: Backend) {
    let dir = tempfile::tempdir().expect("dir");
    let url = database_before(backend, &dir).await;
    let server = Server::start_with(backend, |config| config.database.url = url).await;
    let acme: Tenant = server.furnish("acme").await;
    let globex: Tenant = server.furnish("globex").await;
    let api = server.client().bearer(&acme.token);
    let listed = domain(&server, &acme, "acme.example").await;
    assert_eq!((&listed["state"], &listed["connections"]), (&json!("pending"), &json!(["connection-acme"])));
    let until = server.clock.now().plus(std::time::Duration::from_secs(30 * DAY)).to_string();
    assert_eq!(listed["grace_until"], json!(until));
    assert!(listed["record_value"].as_str().expect("a value").starts_with("vestibule-domain-verification="));
    domain(&server, &acme, "xn--bcher-kva.example").await;
    for (account, name, expected) in [
        ("acme", "bob@acme.example", true),
        ("", "bob@acme.example", true),
        ("", "bob@bücher.example", true),
        ("acme", "bob@gmail.com", true),
        ("acme", "bob@both.example", true),
        ("globex", "bob@both.example", true),
        // Nobody but the first account draws users who name none.
        ("", "bob@both.example", true),
        ("globex", "bob@claimed.example", true),
        ("", "bob@claimed.example", false),
        ("globex", "bob@acme.example", false),
    ] {
        assert_eq!(routes(&server, account, name).await, expected, "{account} {name}");
    }
    // A restart begins no new grace, and other changes do not stumble over what is listed.
    let again = Server::beside(&server).await;
    assert_eq!(domain(&again, &acme, "acme.example").await["grace_until"], json!(until));
    api.patch("/api/v1/connections/connection-acme", &json!({"name": "Renamed"})).await.expect(200);
    let kept = json!({"email_domains": ["gmail.com", "acme.example", "bücher.example", "both.example"]});
    api.patch("/api/v1/connections/connection-acme", &kept).await.expect(200);
    assert!(routes(&server, "acme", "bob@gmail.com").await);

    let console = server.client();
    console
        .form(
            "/login/local",
            &[("identifier", &acme.email), ("password", &acme.password), ("account", "acme")],
        )
        .await
        .expect(303);
    let page = console.get("/console").await.expect(200);
    assert!(
        page.body
            .contains("and 3 other domains of your connections are not verified and will stop working on"),
        "{}",
        page.body
    );

    // The proof of a domain ends the grace of others; new claims have none.
    server.verify_domain("globex", "both.example", &[]).await;
    forget(&server, &acme).await;
    assert!(routes(&server, "", "bob@both.example").await);
    assert!(!routes(&server, "acme", "bob@both.example").await);
    api.patch(
        "/api/v1/connections/connection-acme",
        &json!({"email_domains": ["acme.example", "new.example"]}),
    )
    .await
    .expect(200);
    assert!(!routes(&server, "acme", "bob@new.example").await);
    server.verify_domain("acme", "acme.example", &[]).await;
    assert_eq!(domain(&server, &acme, "acme.example").await["grace_until"], json!(null));

    server.advance(30 * DAY);
    let later = Server::beside(&server).await;
    assert!(routes(&later, "", "bob@acme.example").await, "verified in time");
    assert!(!routes(&later, "globex", "bob@claimed.example").await, "not verified in time");
    let claimed = domain(&later, &globex, "claimed.example").await;
    later.client().bearer(&globex.token).delete(&path(&claimed)).await.expect(204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    what_was_listed_works_for_thirty_days(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres() {
    what_was_listed_works_for_thirty_days(Backend::Postgres).await;
}
