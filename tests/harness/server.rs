//! A server in this process, with a clock that tests control.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _};
use tempfile::TempDir;
use tokio::sync::oneshot;
use vestibule::kernel::{Clock, Config, Kernel, Timestamp, config};
use vestibule::web;

use super::Client;
use super::mail::{self, Mail};

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

impl Backend {
    /// The URL of a fresh, empty database.
    pub async fn fresh(self, dir: &TempDir) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}/vestibule.db", dir.path().display()),
            Self::Postgres => {
                let admin = std::env::var("VESTIBULE_TEST_POSTGRES").expect(
                    "PostgreSQL for tests: run them with `make test`, or through tests/peers/with-postgres",
                );
                let name =
                    format!("t{}", uuid::Uuid::from_bytes(vestibule::kernel::random::bytes()).simple());
                sqlx::any::install_default_drivers();
                let mut c = sqlx::AnyConnection::connect(&admin).await.expect("PostgreSQL");
                let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
                c.execute(sqlx::query(create)).await.expect("CREATE DATABASE");
                admin.replace("/postgres?", &format!("/{name}?"))
            }
        }
    }
}

/// A running server.
pub struct Server {
    pub url: String,
    /// The URL of the metrics listener, if the configuration has one.
    pub metrics_url: Option<String>,
    pub clock: Clock,
    pub kernel: Kernel,
    pub table: Vec<(&'static str, String, vestibule::access::Guard)>,
    pub dir: TempDir,
    /// Stops the server when it is dropped.
    _stop: oneshot::Sender<()>,
}

/// An account with an administrator.
#[derive(Clone)]
pub struct Tenant {
    pub email: String,
    pub password: String,
    /// An API token of a service account with the role Account Admin.
    pub token: String,
}

/// The current time, for a clock that then stands still.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Timestamp(i64::try_from(since.as_millis()).expect("fits"))
}

impl Server {
    /// A second node on the database of `first`, with the same clock and keys.
    pub async fn beside(first: &Self) -> Self {
        let mut config = first.kernel.config.clone();
        config.server.public_url = None;
        Self::serve(config, first.clock.clone(), tempfile::tempdir().expect("temporary folder")).await
    }

    /// A second node like [`Self::beside`] that has the public URL of `first`, as behind a load balancer.
    /// Its `url` is its own address.
    pub async fn replica(first: &Self) -> Self {
        let mut config = first.kernel.config.clone();
        config.server.public_url = Some(first.url.parse().expect("url"));
        Self::serve(config, first.clock.clone(), tempfile::tempdir().expect("temporary folder")).await
    }

    pub async fn start(backend: Backend) -> Self {
        Self::start_with(backend, |_| {}).await
    }

    /// A server that may send requests to addresses on this machine, for peers that run on it.
    pub async fn inside(backend: Backend) -> Self {
        Self::start_with(backend, |config| {
            config.outgoing.allowed_networks = vec!["127.0.0.0/8".parse().expect("network")];
        })
        .await
    }

    /// Starts a server with changes to its configuration.
    pub async fn start_with(backend: Backend, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_at(backend, now(), change).await
    }

    /// Starts a server whose clock shows `at`.
    pub async fn start_at(backend: Backend, at: Timestamp, change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().expect("temporary folder");
        let config = Self::config(backend, &dir, change).await;
        Self::serve(config, Clock::manual(at), dir).await
    }

    async fn config(backend: Backend, dir: &TempDir, change: impl FnOnce(&mut Config)) -> Config {
        let mut config = Config {
            database: config::DatabaseConfig { url: backend.fresh(dir).await, max_connections: 4 },
            ..Config::default()
        };
        config.server.listen = ([127, 0, 0, 1], 0).into();
        config.server.trusted_proxies = vec!["127.0.0.0/8".parse().expect("network")];
        config.secrets.master_key_file = dir.path().join("master.key");
        config.mail.directory = dir.path().join("outbox");
        change(&mut config);
        config
    }

    /// A server on the system's clock, for peers that have a clock of their own.
    pub async fn in_real_time(backend: Backend, change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().expect("temporary folder");
        let config = Self::config(backend, &dir, change).await;
        Self::serve(config, Clock::system(), dir).await
    }

    /// A server that browsers reach by a host name, which passkeys require.
    pub async fn on_localhost(backend: Backend, change: impl FnOnce(&mut Config)) -> Self {
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = free.local_addr().expect("address");
        drop(free);
        let public = format!("http://localhost:{}", address.port());
        let mut server = Self::start_with(backend, |config| {
            config.server.listen = address;
            config.server.public_url = Some(public.parse().expect("url"));
            change(config);
        })
        .await;
        server.url = public;
        server
    }

    async fn serve(config: Config, clock: Clock, dir: TempDir) -> Self {
        let server = web::HttpServer::bind(config, clock.clone()).await.expect("the server starts");
        Self::run(server, clock, dir)
    }

    /// A server on SQLite with limits on connections that a test reaches.
    pub async fn start_within(limits: web::ConnectionLimits, change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().expect("temporary folder");
        let config = Self::config(Backend::Sqlite, &dir, change).await;
        let clock = Clock::manual(now());
        let server = web::HttpServer::bind(config, clock.clone()).await.expect("the server starts");
        Self::run(server.with_limits(limits), clock, dir)
    }

    fn run(server: web::HttpServer, clock: Clock, dir: TempDir) -> Self {
        let url = format!("http://{}", server.address());
        let metrics_url = server.metrics_address().map(|address| format!("http://{address}"));
        let kernel = server.app().kernel.clone();
        let table = web::route_table(server.app());
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self { url, metrics_url, clock, kernel, table, dir, _stop: stop }
    }

    /// A client without cookies or credentials.
    pub fn client(&self) -> Client {
        Client::new(&self.url)
    }

    /// Runs `vestibule doctor` on the server's database. Returns whether it succeeded, and its output.
    pub fn doctor(&self) -> (bool, String) {
        self.doctor_with(&[])
    }

    /// The same with more variables.
    pub fn doctor_with(&self, variables: &[(&str, &str)]) -> (bool, String) {
        let done = super::process::vestibule(self.dir.path(), &self.kernel.config.database.url)
            .env("VESTIBULE_OUTGOING__ALLOWED_NETWORKS", r#"["127.0.0.0/8", "::1/128"]"#)
            .env("VESTIBULE_SERVER__PUBLIC_URL", &self.url)
            .envs(variables.iter().copied())
            .arg("doctor")
            .output()
            .expect("runs");
        let said = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Verifies a domain for an account by the operator's word, and lets these connections speak for it. A connection
    /// that lists the domain itself needs no mention.
    pub async fn verify_domain(&self, slug: &str, domain: &str, connections: &[&str]) {
        use vestibule::audit::Context;
        use vestibule::directory::accounts;
        use vestibule::directory::domains::{self, DomainName, NewDomain};
        let mut tx = self.kernel.db.begin().await.expect("tx");
        let account = accounts::by_slug(&mut tx, slug).await.expect("database").expect("account");
        let context = Context::system(&account.id);
        let name = DomainName::parse("domain", domain).expect("a domain");
        let ids: Vec<_> = connections.iter().map(|id| (*id).into()).collect();
        let found = domains::by_name(&mut tx, &account.id, &name).await.expect("database");
        let domain = if let Some(found) = found {
            if !ids.is_empty() {
                domains::set_connections(&mut tx, &context, &found, &ids).await.expect("connections");
            }
            found
        } else {
            let new = NewDomain { name, connections: ids };
            domains::create(&mut tx, &context, new).await.expect("domain")
        };
        domains::verify_by_operator(&mut tx, &context, &domain.id).await.expect("verified");
        tx.commit().await.expect("commit");
    }

    /// Creates an account as an operator would, with an administrator, a password and an API token. The account has
    /// verified the domain of its administrator's address, `{slug}.example`.
    pub async fn tenant(&self, slug: &str) -> Tenant {
        use vestibule::audit::Context;
        use vestibule::directory::accounts;
        let mut tx = self.kernel.db.begin().await.expect("tx");
        accounts::create(&mut tx, slug, slug, |id| Context::system(id)).await.expect("account");
        tx.commit().await.expect("commit");
        let tenant = self.furnish(slug).await;
        self.verify_domain(slug, &format!("{slug}.example"), &[]).await;
        tenant
    }

    /// Gives an account an administrator with a password, and an API token. Verifies no domain.
    pub async fn furnish(&self, slug: &str) -> Tenant {
        use vestibule::access::tokens::{self, NewToken, TokenOrigin, TokenOwner, TokenPurpose};
        use vestibule::access::{PrincipalKind, Role, bind_role, service_accounts};
        use vestibule::audit::Context;
        use vestibule::directory::{accounts, users};
        use vestibule::signin::password;
        let email = format!("admin@{slug}.example");
        let password = "correct horse battery".to_owned();
        let hasher = vestibule::signin::password::Hasher::default();
        let hash = hasher.hash(&password::Password::new(&password)).await.expect("hash");
        let mut tx = self.kernel.db.begin().await.expect("tx");
        let account = accounts::by_slug(&mut tx, slug).await.expect("database").expect("account");
        let context = Context::system(&account.id);
        let profile = users::Profile {
            user_name: email.clone(),
            email: Some(email.clone()),
            active: true,
            ..users::Profile::default()
        };
        let user =
            users::create(&mut tx, &context, users::ChangeAuthority::Local, profile).await.expect("user");
        bind_role(&mut tx, &context, PrincipalKind::User, &user.id, &email, Role::AccountAdmin)
            .await
            .expect("role");
        password::set(&self.kernel, &mut tx, &context, &user, &hash, password::PasswordChangeReason::First)
            .await
            .expect("password");
        let robot =
            service_accounts::create(&mut tx, &context, "tests", Some(Role::AccountAdmin), None).await;
        let robot = robot.expect("service account");
        let owner = TokenOwner { kind: PrincipalKind::ServiceAccount, id: &robot.id, epoch: 0 };
        let new = NewToken {
            origin: TokenOrigin::Operator,
            owner,
            purpose: TokenPurpose::Api,
            connection_id: None,
            application_id: None,
            name: "tests",
            expires_at: None,
        };
        let (_, token) = tokens::create(&mut tx, &context, new).await.expect("token");
        tx.commit().await.expect("commit");
        Tenant { email, password, token }
    }

    /// Creates a user with a password, and returns their ID. A username that is an address is the email address, too.
    pub async fn add_user(&self, tenant: &Tenant, user_name: &str, password: &str) -> String {
        let body = json!({"user_name": user_name, "password": password});
        let made = self.client().bearer(&tenant.token).post("/api/v1/users", &body).await.created();
        made["id"].as_str().expect("id").to_owned()
    }

    /// Creates a directory connection with a token, which may speak for the domain of the administrator's
    /// address: (connection id, token).
    pub async fn scim(&self, tenant: &Tenant, name: &str) -> (String, String) {
        let api = self.client().bearer(&tenant.token);
        let domain = tenant.email.rsplit('@').next().expect("a domain");
        let body = json!({"kind": "scim", "name": name, "email_domains": [domain]});
        let made = api.post("/api/v1/connections", &body).await.created();
        let id = made["id"].as_str().expect("id").to_owned();
        let token = api.post(&format!("/api/v1/connections/{id}/tokens"), &json!({})).await.created();
        (id, token["token"].as_str().expect("token").to_owned())
    }

    /// Waits for a mail to this address whose subject contains `about`, and returns the newest.
    pub async fn mail(&self, to: &str, about: &str) -> Mail {
        let fits = |mail: &Mail| mail.to.contains(to) && mail.subject.contains(about);
        mail::wait_for(&self.dir.path().join("outbox"), 1, fits).await.pop().expect("one")
    }

    /// Waits for a mail to this address whose text contains `words`, and returns the newest.
    pub async fn mail_with(&self, to: &str, words: &str) -> Mail {
        let fits = |mail: &Mail| mail.to.contains(to) && mail.text.replace('\n', " ").contains(words);
        mail::wait_for(&self.dir.path().join("outbox"), 1, fits).await.pop().expect("one")
    }

    /// How many mails are in the outbox, delivered or not.
    pub async fn mails_queued(&self) -> i64 {
        let mut c = self.kernel.db.read().await.expect("database");
        sqlx::query_scalar("SELECT COUNT(*) FROM mail_outbox").fetch_one(&mut *c).await.expect("count")
    }

    /// The tenant's audit events, newest first.
    pub async fn audit(&self, tenant: &Tenant) -> Vec<Value> {
        let list = self.client().bearer(&tenant.token).get("/api/v1/audit-events?limit=200").await.ok();
        list["items"].as_array().expect("items").clone()
    }

    /// The reason of the newest refused sign-in.
    pub async fn last_refusal(&self, tenant: &Tenant) -> String {
        self.last_refusal_of(tenant, "session.sign_in").await
    }

    /// The reason of the newest refused event with this action, or `none`.
    pub async fn last_refusal_of(&self, tenant: &Tenant, action: &str) -> String {
        let events = self.audit(tenant).await;
        let refused = events.iter().find(|e| e["action"] == action && e["outcome"] == "refused");
        refused.and_then(|e| e["reason"].as_str()).unwrap_or("none").to_owned()
    }
}
