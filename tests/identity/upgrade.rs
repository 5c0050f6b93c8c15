//! The upgrade from a version in which the address led users of a connection to their user.

use std::path::Path;

use serde_json::json;
use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, Connection as _};
use vestibule::signin::password::{Hasher, Password};

use super::subjects;
use crate::harness::directory::{self, Slapd, person};
use crate::harness::idp::{PERSISTENT_FORMAT, Provider, name_id};
use crate::harness::server::now;
use crate::harness::{Answer, Backend, Client, Server};
use crate::ldap::world as ldap;

const DAY: u64 = 24 * 3_600;
const PASSWORD: &str = "a good long password";

/// A user of the version before.
struct Before {
    account: &'static str,
    name: &'static str,
    /// Whether they have signed in with the connection.
    came: bool,
    is_viewer: bool,
    has_password: bool,
}

/// The connections of `acme` and `initech` list the domain of the users, that of `globex` lists none.
const USERS: [Before; 11] = [
    Before { account: "acme", name: "ann", came: true, is_viewer: false, has_password: false },
    Before { account: "acme", name: "lou", came: true, is_viewer: false, has_password: false },
    Before { account: "acme", name: "vic", came: true, is_viewer: true, has_password: false },
    Before { account: "acme", name: "pat", came: true, is_viewer: true, has_password: true },
    Before { account: "acme", name: "new", came: false, is_viewer: true, has_password: false },
    Before { account: "globex", name: "dan", came: true, is_viewer: false, has_password: false },
    Before { account: "globex", name: "fay", came: true, is_viewer: false, has_password: false },
    Before { account: "globex", name: "eve", came: false, is_viewer: false, has_password: false },
    Before { account: "initech", name: "kim", came: true, is_viewer: false, has_password: false },
    Before { account: "initech", name: "liz", came: true, is_viewer: true, has_password: false },
    Before { account: "initech", name: "moe", came: true, is_viewer: false, has_password: false },
];

impl Before {
    fn email(&self) -> String {
        format!("{}@{}.example", self.name, self.account)
    }

    async fn insert(&self, c: &mut AnyConnection) {
        let Self { account, name, .. } = *self;
        let email = self.email();
        let insert = "INSERT INTO users (id, account_id, user_name, user_name_folded, email, email_folded, display_name, \
             active, attributes, epoch, version, created_at, updated_at) \
             VALUES ($1, $2, $3, $3, $3, $3, $1, 1, '{}', 0, 1, 1, 1)";
        sqlx::query(insert).bind(name).bind(account).bind(&email).execute(&mut *c).await.expect("user");
        if self.came {
            let insert = "INSERT INTO audit_events (id, account_id, time, actor_kind, actor_id, actor_name, action, \
                 resource_type, resource_id, resource_name, outcome, address, request_id, detail) \
                 VALUES ($1, $2, $3, 'user', $4, $4, 'session.sign_in', 'user', $4, $4, 'success', '', '', $5)";
            let detail = json!({"method": "any", "connection": format!("connection-{account}")}).to_string();
            let event = sqlx::query(insert).bind(format!("0-{name}")).bind(account).bind(now().0);
            let event = event.bind(name).bind(detail);
            event.execute(&mut *c).await.expect("event");
        }
        if self.is_viewer {
            let insert = "INSERT INTO role_bindings (account_id, principal_kind, principal_id, role, created_at) \
                 VALUES ($1, 'user', $2, 'account_viewer', 1)";
            sqlx::query(insert).bind(account).bind(name).execute(&mut *c).await.expect("role");
        }
        if self.has_password {
            let hash = Hasher::default().hash(&Password::new(PASSWORD)).await.expect("hash");
            let insert =
                "INSERT INTO passwords (user_id, account_id, hash, changed_at) VALUES ($1, $2, $3, 1)";
            sqlx::query(insert).bind(name).bind(account).bind(hash).execute(&mut *c).await.expect("password");
        }
    }
}

/// A connection of the version before, with the id `connection-{account}`.
struct Connection<'a> {
    account: &'a str,
    kind: &'a str,
    settings: &'a str,
    lists_domain: bool,
}

impl Connection<'_> {
    async fn insert(&self, c: &mut AnyConnection) {
        let Self { account, kind, settings, lists_domain } = *self;
        let insert = "INSERT INTO accounts (id, slug, name, settings, created_at, updated_at) VALUES ($1, $1, $1, '{}', 1, 1)";
        sqlx::query(insert).bind(account).execute(&mut *c).await.expect("account");
        let insert = "INSERT INTO connections (id, account_id, kind, name, name_folded, enabled, settings, is_default, position, \
             created_at, updated_at) VALUES ($1, $2, $3, 'Company', 'company', 1, $4, 0, 1, 1, 1)";
        let id = format!("connection-{account}");
        let connection = sqlx::query(insert).bind(&id).bind(account).bind(kind).bind(settings);
        connection.execute(&mut *c).await.expect("connection");
        if lists_domain {
            let insert =
                "INSERT INTO connection_domains (account_id, domain, connection_id) VALUES ($1, $2, $3)";
            let domain = sqlx::query(insert).bind(account).bind(format!("{account}.example")).bind(&id);
            domain.execute(&mut *c).await.expect("domain");
        }
    }
}

/// A server on a database of the version before with these connections and the users of their accounts.
async fn upgraded(backend: Backend, dir: &tempfile::TempDir, connections: &[Connection<'_>]) -> Server {
    let url = backend.fresh(dir).await;
    sqlx::any::install_default_drivers();
    let mut c = AnyConnection::connect(&url.replace(".db", ".db?mode=rwc")).await.expect("database");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let all = Migrator::new(folder.as_path()).await.expect("migrations");
    all.run_to(10, &mut c).await.expect("migrated");
    for connection in connections {
        connection.insert(&mut c).await;
        for user in USERS.iter().filter(|user| user.account == connection.account) {
            user.insert(&mut c).await;
        }
    }
    c.close().await.expect("closed");
    Server::start_with(backend, |config| {
        config.database.url = url;
        config.outgoing.allowed_networks = vec!["127.0.0.0/8".parse().expect("network")];
    })
    .await
}

/// The settings of a connection of `model`, as they are stored.
async fn settings_of(model: &Server, id: &str) -> String {
    sqlx::query_scalar("SELECT settings FROM connections WHERE id = $1")
        .bind(id)
        .fetch_one(&mut *model.kernel.db.read().await.expect("database"))
        .await
        .expect("settings")
}

/// A provider, and the settings of a connection that trusts it.
async fn provider_with_settings() -> (Provider, String) {
    let model = Server::start(Backend::Sqlite).await;
    let tenant = model.tenant("model").await;
    let provider = Provider::new(&model, &tenant, json!({"email_domains": []})).await;
    let settings = settings_of(&model, &provider.id).await;
    (provider, settings)
}

/// The upgraded server, and the provider of both SAML connections.
struct World {
    server: Server,
    provider: Provider,
}

impl World {
    /// Signs in as the provider's user `name` of an account, with the address that the provider states.
    async fn enter(&mut self, account: &str, name: &str, email: &str) -> (Answer, Client) {
        self.provider.id = format!("connection-{account}");
        self.provider.name_id = Some(name_id(PERSISTENT_FORMAT, &format!("p-{name}")));
        self.provider.attributes = vec![("email".into(), email.into())];
        let browser = self.server.client();
        let answer = self.provider.sign_in(&self.server, &browser, email).await;
        (answer, browser)
    }

    /// Signs in, and expects to be in without a question.
    async fn lets_in(&mut self, account: &str, name: &str, email: &str) {
        let (answer, browser) = self.enter(account, name, email).await;
        assert_eq!(answer.expect(303).location().as_deref(), Some("/profile"), "{name}");
        assert_eq!(browser.get("/api/v1/me").await.ok()["id"], name);
    }
}

async fn nobody_at_a_provider_loses_their_sign_in(backend: Backend) {
    let dir = tempfile::tempdir().expect("dir");
    let (provider, settings) = provider_with_settings().await;
    let saml =
        |account, lists_domain| Connection { account, kind: "saml", settings: &settings, lists_domain };
    let server = upgraded(backend, &dir, &[saml("acme", true), saml("globex", false)]).await;
    let (acme, globex) = (server.furnish("acme").await, server.furnish("globex").await);
    let api = server.client().bearer(&acme.token);
    let mut world = World { server, provider };

    // Who has signed in before is linked by the subject, whether the connection listed the domain or none.
    for (account, name) in [("acme", "ann"), ("acme", "vic"), ("globex", "dan")] {
        world.lets_in(account, name, &format!("{name}@{account}.example")).await;
    }
    assert_eq!(subjects(&api, "ann").await, ["persistent:p-ann"]);
    let (waiting, browser) = world.enter("acme", "pat", "pat@acme.example").await;
    browser.confirm_link(&waiting.expect(303), PASSWORD).await.expect(303);
    assert_eq!(browser.get("/api/v1/me").await.ok()["id"], "pat");
    // From now on the subject decides: about another address, and about the address of somebody else.
    world.lets_in("acme", "ann", "ann.smith@elsewhere.example").await;
    world.enter("acme", "other", "ann@acme.example").await.0.expect(403);
    assert_eq!(world.server.last_refusal(&acme).await, "address_of_another");
    // The grace is for who has come before.
    world.enter("acme", "new", "new@acme.example").await.0.expect(403);
    assert_eq!(world.server.last_refusal(&acme).await, "link_needs_approval");
    world.enter("globex", "eve", "eve@globex.example").await.0.expect(403);
    assert_eq!(world.server.last_refusal(&globex).await, "not_in_connection_domains");

    // Afterwards, those who are linked still sign in, and the others once their domain is verified.
    world.server.advance(30 * DAY);
    for (account, name) in [("acme", "ann"), ("acme", "vic"), ("acme", "pat"), ("globex", "dan")] {
        world.lets_in(account, name, &format!("{name}@{account}.example")).await;
    }
    for (account, name, tenant) in [("acme", "lou", &acme), ("globex", "fay", &globex)] {
        let email = format!("{name}@{account}.example");
        world.enter(account, name, &email).await.0.expect(403);
        assert_eq!(world.server.last_refusal(tenant).await, "not_in_connection_domains");
        let id = format!("connection-{account}");
        world.server.verify_domain(account, &format!("{account}.example"), &[&id]).await;
        world.lets_in(account, name, &email).await;
    }
}

async fn nobody_in_a_directory_loses_their_sign_in(backend: Backend) {
    let dir = tempfile::tempdir().expect("dir");
    let entry = |name| person(name, &[]).replace("@acme.example", "@initech.example");
    let slapd = Slapd::start(&["kim", "liz", "moe"].map(entry).concat());
    let model = Server::inside(Backend::Sqlite).await;
    let tenant = model.tenant("model").await;
    let mut body = ldap::body(&slapd);
    body["email_domains"] = json!([]);
    let made = model.client().bearer(&tenant.token).post("/api/v1/connections", &body).await.created();
    let settings = settings_of(&model, made["id"].as_str().expect("id")).await;
    let connection = Connection { account: "initech", kind: "ldap", settings: &settings, lists_domain: true };
    let server = upgraded(backend, &dir, &[connection]).await;
    let initech = server.furnish("initech").await;
    let api = server.client().bearer(&initech.token);
    // The secret of the model is encrypted with a key of its own.
    let password = json!({"bind_password": directory::PASSWORD});
    api.patch("/api/v1/connections/connection-initech", &password).await.expect(200);

    let lets_in = async |name: &str| {
        let browser = server.client();
        browser.sign_in("initech", name, directory::PASSWORD).await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["id"], name);
    };
    for name in ["kim", "liz"] {
        lets_in(name).await;
        assert_eq!(subjects(&api, name).await.len(), 1, "{name}");
    }
    server.advance(30 * DAY);
    for name in ["kim", "liz"] {
        lets_in(name).await;
    }
    server.client().sign_in("initech", "moe", directory::PASSWORD).await.expect(401);
    assert_eq!(server.last_refusal(&initech).await, "not_in_connection_domains");
    server.verify_domain("initech", "initech.example", &["connection-initech"]).await;
    lets_in("moe").await;
}

macro_rules! on_both_databases {
    ($($name:ident)*) => {$(
        mod $name {
            use crate::harness::Backend;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(Backend::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(Backend::Postgres).await;
            }
        }
    )*};
}

on_both_databases! {
    nobody_at_a_provider_loses_their_sign_in
    nobody_in_a_directory_loses_their_sign_in
}
