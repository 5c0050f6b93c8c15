//! Changes to the second factors of one user that happen at once.

use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection as _, Executor as _};
use tokio::task::JoinHandle;

use crate::harness::phone::{self, Phone};
use crate::harness::{Answer, Client, Server, Tenant};
use crate::on_both;

const ADD: &str = "/profile/two-factor/add?what=app";
const BOB: &str = "bob@acme.example";
const PASSWORD: &str = "a good long password";
const SETTINGS: &str = "/api/v1/authentication-settings";
/// Removals wait for it with the locks that they hold, after they have read which factors there are.
const DELETES_OF_FACTORS: &str = "LOCK TABLE factors IN EXCLUSIVE MODE";
/// An enrolment waits for it after it has written the factor.
const UPDATES_OF_SESSIONS: &str = "SELECT id FROM sessions FOR UPDATE";
const INSERTS_OF_EVENTS: &str = "LOCK TABLE audit_events IN EXCLUSIVE MODE";

/// A lock in the database of a test, which makes requests wait at a known place.
struct HeldLock {
    holder: AnyConnection,
    /// Another connection, because what PostgreSQL tells of its activity is the same throughout a transaction.
    observer: AnyConnection,
}

impl HeldLock {
    /// Takes a lock with the statement `lock`. On `SQLite`, where units of work run one after the other, there is none.
    async fn take(server: &Server, lock: &'static str) -> Option<Self> {
        let url = &server.kernel.config.database.url;
        if !url.starts_with("postgres") {
            return None;
        }
        sqlx::any::install_default_drivers();
        let mut holder = AnyConnection::connect(url).await.expect("PostgreSQL");
        holder.execute("BEGIN").await.expect("begun");
        holder.execute(lock).await.expect("locked");
        Some(Self { holder, observer: AnyConnection::connect(url).await.expect("PostgreSQL") })
    }

    /// Waits until this many requests wait for this lock or for each other.
    async fn has_waiting(&mut self, count: i64) {
        // The server writes the uses of sessions by itself.
        let waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
            AND wait_event_type = 'Lock' AND backend_type = 'client backend' \
            AND query NOT LIKE 'UPDATE sessions SET last_seen_at%'";
        let observer = &mut self.observer;
        let all_wait = async {
            while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut *observer).await.expect("a count")
                < count
            {
                crate::harness::pause().await;
            }
        };
        let waited = tokio::time::timeout(crate::harness::WAIT_LIMIT, all_wait).await;
        waited.unwrap_or_else(|_| panic!("{count} requests should wait for the lock"));
    }

    async fn release(mut self) {
        self.holder.execute("COMMIT").await.expect("released");
    }
}

/// Bob with an app, and two browsers in which he has signed in with it.
struct World<'s> {
    server: &'s Server,
    tenant: Tenant,
    bob: String,
    browser: Client,
    other: Client,
}

impl<'s> World<'s> {
    async fn new(server: &'s Server) -> Self {
        let tenant = server.tenant("acme").await;
        // Whoever requires a second factor of others has one.
        let admin = server.client();
        admin.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        Phone::set_up(server, &admin, ADD).await;
        let body = json!({"user_name": BOB, "email": BOB, "password": PASSWORD});
        let made = server.client().bearer(&tenant.token).post("/api/v1/users", &body).await.created();
        let bob = made["id"].as_str().expect("id").to_owned();
        let (browser, other) = (server.client(), server.client());
        browser.sign_in("acme", BOB, PASSWORD).await.expect(303);
        let phone = Phone::set_up(server, &browser, ADD).await.phone;
        let waiting = other.sign_in("acme", BOB, PASSWORD).await.expect(303);
        other.second_factor(&waiting, &phone.code(server, 0)).await.expect(303);
        Self { server, tenant, bob, browser, other }
    }

    fn api(&self) -> Client {
        self.server.client().bearer(&self.tenant.token)
    }

    /// Bob's second factors as the API shows them.
    async fn shown(&self) -> Value {
        self.api().get(&format!("/api/v1/users/{}/two-factor", self.bob)).await.ok()
    }

    async fn factor_ids(&self) -> Vec<String> {
        let shown = self.shown().await;
        let id = |factor: &Value| factor["id"].as_str().expect("id").to_owned();
        shown["factors"].as_array().expect("factors").iter().map(id).collect()
    }

    /// Begins to add an app in Bob's first browser.
    async fn begin_to_add(&self) -> (Phone, JoinHandle<Answer>) {
        let page = self.browser.get(ADD).await.expect(200);
        let phone = Phone::typing(&page.body);
        let (browser, code) = (self.browser.clone(), phone.code(self.server, 0));
        (phone, tokio::spawn(async move { phone::confirm(&browser, ADD, &page, &code).await }))
    }

    /// Begins to remove a factor in Bob's second browser.
    fn begin_to_remove(&self, id: &str) -> JoinHandle<Answer> {
        let (browser, id) = (self.other.clone(), id.to_owned());
        tokio::spawn(async move { browser.form("/profile/two-factor/remove", &[("id", &id)]).await })
    }

    fn begin_to_require(&self) -> JoinHandle<Answer> {
        let api = self.api();
        tokio::spawn(async move { api.patch(SETTINGS, &json!({"two_factor": {"enforced": true}})).await })
    }

    /// Removes two factors at once; the answers, that of a removal that was done first.
    async fn remove_both(&self) -> [Answer; 2] {
        let ids = self.factor_ids().await;
        assert_eq!(ids.len(), 2, "{ids:?}");
        let held = HeldLock::take(self.server, DELETES_OF_FACTORS).await;
        let removals = [self.begin_to_remove(&ids[0]), self.begin_to_remove(&ids[1])];
        if let Some(mut held) = held {
            held.has_waiting(2).await;
            held.release().await;
        }
        let [one, two] = removals;
        let mut answers = [one.await.expect("an answer"), two.await.expect("an answer")];
        answers.sort_by_key(|answer| answer.status);
        answers
    }

    /// Where a new sign-in of Bob leads after the password.
    async fn sign_in_leads_to(&self) -> String {
        let to = self.server.client().sign_in("acme", BOB, PASSWORD).await.expect(303);
        to.location().expect("a redirect").split('?').next().expect("a path").to_owned()
    }
}

/// A factor is removed while the account begins to require one. On PostgreSQL, the one of the two that is first holds the
/// locks when the other begins.
async fn require_beside_a_removal(server: &Server, removal_is_first: bool) {
    let world = World::new(server).await;
    let id = world.factor_ids().await.remove(0);
    let lock = if removal_is_first { DELETES_OF_FACTORS } else { INSERTS_OF_EVENTS };
    let mut held = HeldLock::take(server, lock).await;
    let is_certain = held.is_some();
    let removal = removal_is_first.then(|| world.begin_to_remove(&id));
    let requirement = (!removal_is_first).then(|| world.begin_to_require());
    if let Some(held) = &mut held {
        held.has_waiting(1).await;
    }
    let removal = removal.unwrap_or_else(|| world.begin_to_remove(&id));
    let requirement = requirement.unwrap_or_else(|| world.begin_to_require());
    if let Some(mut held) = held {
        held.has_waiting(2).await;
        held.release().await;
    }
    requirement.await.expect("an answer").expect(200);
    let removed = removal.await.expect("an answer");
    assert!(!is_certain || (removed.status == 303) == removal_is_first, "{removed:?}");
    if removed.status == 303 {
        // Like everybody without a factor: asked for one at the next request and the next sign-in, and told so.
        for browser in [&world.browser, &world.other] {
            browser.get("/api/v1/me").await.expect(401);
            let to = browser.get("/profile").await.expect(303).location().expect("a redirect");
            assert!(to.starts_with("/profile/two-factor/add?"), "{to}");
        }
        assert_eq!(world.sign_in_leads_to().await, "/login/enrol");
        server.mail(BOB, "Set up two-factor authentication").await;
    } else {
        let refused = removed.expect(422);
        assert!(refused.body.contains("Add another method first"), "{}", refused.body);
        assert_eq!(world.factor_ids().await, [id]);
        world.browser.get("/api/v1/me").await.expect(200);
        assert_eq!(world.sign_in_leads_to().await, "/login/second-factor");
    }
}

on_both! {
    async fn of_two_removals_one_is_refused_where_a_factor_is_required(server: Server) {
        let world = World::new(server).await;
        world.begin_to_require().await.expect("an answer").expect(200);
        for round in 0..5 {
            world.begin_to_add().await.1.await.expect("an answer").expect(303);
            let [done, refused] = world.remove_both().await;
            assert_eq!((done.status.as_u16(), refused.status.as_u16()), (303, 422), "round {round}: {refused:?}");
            assert!(refused.body.contains("Add another method first"), "{}", refused.body);
            let shown = world.shown().await;
            assert_eq!((shown["factors"].as_array().map(Vec::len), &shown["recovery_codes"]), (Some(1), &json!(10)), "{shown}");
            world.browser.get("/api/v1/me").await.expect(200);
            assert_eq!(world.sign_in_leads_to().await, "/login/second-factor");
        }
    }

    async fn two_removals_leave_nothing_where_no_factor_is_required(server: Server) {
        let world = World::new(server).await;
        world.begin_to_add().await.1.await.expect("an answer").expect(303);
        for answer in world.remove_both().await {
            assert_eq!(answer.expect(303).location().as_deref(), Some("/profile/two-factor?notice=factor_removed"));
        }
        let shown = world.shown().await;
        assert_eq!((&shown["enrolled_at"], &shown["factors"], &shown["recovery_codes"]), (&Value::Null, &json!([]), &json!(0)));
        // Nothing is asked for, as nothing could be shown.
        world.browser.get("/api/v1/me").await.expect(200);
        assert_eq!(world.sign_in_leads_to().await, "/");
    }

    async fn of_two_removals_one_leaves_the_last_passkey_of_a_user_without_a_password(server: Server) {
        let world = World::new(server).await;
        world.begin_to_add().await.1.await.expect("an answer").expect(303);
        let mut tx = server.kernel.db.begin().await.expect("tx");
        for sql in [
            "DELETE FROM passwords",
            "UPDATE factors SET kind = 'webauthn', discoverable = 1, credential_id = id, secret = '{}'",
        ] {
            sqlx::query(sql).execute(&mut *tx).await.expect("changed");
        }
        tx.commit().await.expect("commit");
        let [done, refused] = world.remove_both().await;
        assert_eq!((done.status.as_u16(), refused.status.as_u16()), (303, 422), "{refused:?}");
        assert!(refused.body.contains("This passkey is your only sign-in method"), "{}", refused.body);
        assert_eq!(world.factor_ids().await.len(), 1);
    }

    async fn a_removal_is_done_before_a_factor_becomes_required(server: Server) {
        require_beside_a_removal(server, true).await;
    }

    async fn a_removal_is_refused_once_a_factor_becomes_required(server: Server) {
        require_beside_a_removal(server, false).await;
    }

    async fn a_factor_that_is_added_while_the_last_one_is_removed_is_asked_for(server: Server) {
        let world = World::new(server).await;
        let old = world.factor_ids().await.remove(0);
        let held = HeldLock::take(server, UPDATES_OF_SESSIONS).await;
        let (phone, addition) = world.begin_to_add().await;
        let removal = if let Some(mut held) = held {
            held.has_waiting(1).await;
            let removal = world.begin_to_remove(&old);
            held.has_waiting(2).await;
            held.release().await;
            removal
        } else {
            world.begin_to_remove(&old)
        };
        let added = addition.await.expect("an answer");
        assert!([200, 303].contains(&added.status.as_u16()), "{added:?}");
        removal.await.expect("an answer").expect(303);
        let shown = world.shown().await;
        assert_eq!(shown["factors"].as_array().map(Vec::len), Some(1), "{shown}");
        assert!(shown["enrolled_at"].is_string(), "a factor that is there is asked for: {shown}");
        server.advance(30);
        let browser = server.client();
        let waiting = browser.sign_in("acme", BOB, PASSWORD).await.expect(303);
        browser.second_factor(&waiting, &phone.code(server, 0)).await.expect(303);
        browser.get("/api/v1/me").await.expect(200);
    }

    async fn a_reset_also_ends_the_factor_that_is_being_added(server: Server) {
        let world = World::new(server).await;
        let held = HeldLock::take(server, UPDATES_OF_SESSIONS).await;
        let (_, addition) = world.begin_to_add().await;
        let (api, path) = (world.api(), format!("/api/v1/users/{}/two-factor/reset", world.bob));
        let begin = || tokio::spawn(async move { api.post(&path, &json!({})).await });
        let reset = if let Some(mut held) = held {
            held.has_waiting(1).await;
            let reset = begin();
            held.has_waiting(2).await;
            held.release().await;
            reset
        } else {
            begin()
        };
        addition.await.expect("an answer");
        reset.await.expect("an answer").expect(204);
        let shown = world.shown().await;
        assert_eq!((&shown["enrolled_at"], &shown["factors"], &shown["recovery_codes"]), (&Value::Null, &json!([]), &json!(0)));
        for browser in [&world.browser, &world.other] {
            browser.get("/api/v1/me").await.expect(401);
        }
        assert_eq!(world.sign_in_leads_to().await, "/");
    }
}
