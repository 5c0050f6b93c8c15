//! The proof in the DNS, judged by a real DNS server: found, missing, gone, back, and not to be had.

use serde_json::{Value, json};
use vestibule::admin::domains::check_next_due;

use super::{connection, forget, leads_to, path};
use crate::harness::dns::Knot;
use crate::harness::{Backend, Client, Server, Tenant};

const ZONE: &str = "brand.example";
const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// A server that asks a DNS server of its own, with the domain claimed by the second account.
struct World {
    server: Server,
    knot: Knot,
    tenant: Tenant,
    connection: String,
    domain: Value,
}

impl World {
    async fn new(backend: Backend) -> Self {
        let knot = Knot::start(&[ZONE]);
        let server = Server::start_with(backend, |config| config.dns.servers = vec![knot.address()]).await;
        server.tenant("first").await;
        let tenant = server.tenant("acme").await;
        let connection = connection(&server, &tenant, "Company", &[ZONE]).await;
        let domain = super::domain(&server, &tenant, ZONE).await;
        Self { server, knot, tenant, connection, domain }
    }

    fn api(&self) -> Client {
        self.server.client().bearer(&self.tenant.token)
    }

    async fn verify(&self) -> Value {
        self.api().post(&format!("{}/verify", path(&self.domain)), &json!({})).await.ok()
    }

    async fn shown(&self) -> Value {
        self.api().get(&path(&self.domain)).await.ok()
    }

    fn value(&self) -> &str {
        self.domain["record_value"].as_str().expect("a value")
    }

    /// Moves the clock, and does what is due then.
    async fn after(&self, seconds: u64) -> Value {
        self.server.advance(seconds);
        while check_next_due(&self.server.kernel).await.expect("checked") {}
        forget(&self.server, &self.tenant).await;
        self.shown().await
    }

    async fn routes(&self) -> bool {
        let to = leads_to(&self.server, "", "bob@brand.example").await;
        to == format!("/saml/{}/login", self.connection)
    }
}

async fn a_record_verifies_a_domain(backend: Backend) {
    let world = World::new(backend).await;
    let missing = world.verify().await;
    assert_eq!((&missing["state"], missing["checked_at"].is_string()), (&json!("pending"), true));
    assert!(
        missing["last_error"]
            .as_str()
            .expect("why")
            .contains("No TXT record exists at _vestibule.brand.example")
    );
    let refused = world.server.last_refusal_of(&world.tenant, "domain.verify").await;
    assert!(refused.contains("No TXT record"), "{refused}");
    assert!(!world.routes().await);

    let near = format!("{}0", world.value());
    world.knot.publish(ZONE, "_vestibule", &["v=spf1 -all", &near]);
    let other = world.verify().await;
    assert_eq!(other["state"], "pending");
    assert!(other["last_error"].as_str().expect("why").contains("has another value"), "{other}");
    world.knot.publish(ZONE, "@", &[world.value()]);
    assert_eq!(world.verify().await["state"], "pending", "only its own name counts");

    // More than fits into an answer over UDP, so that it has to be asked for over TCP.
    let filler: Vec<String> = (0..20).map(|n| format!("{n} {}", "x".repeat(200))).collect();
    let texts: Vec<&str> = filler.iter().map(String::as_str).chain([world.value()]).collect();
    world.knot.publish(ZONE, "_vestibule", &texts);
    let verified = world.verify().await;
    assert_eq!((&verified["state"], &verified["method"]), (&json!("verified"), &json!("dns")));
    assert_eq!((&verified["last_error"], verified["verified_at"].is_string()), (&Value::Null, true));
    assert!(world.routes().await);
    let events = world.server.audit(&world.tenant).await;
    let event = events
        .iter()
        .find(|e| e["action"] == "domain.verify" && e["outcome"] == "success")
        .expect("an event");
    assert_eq!(event["detail"]["method"], "dns");

    // The record is public, and so can be copied; the value is of one account, and the domain has its owner.
    let other = world.server.tenant("globex").await;
    let api = world.server.client().bearer(&other.token);
    let claim = api.post("/api/v1/domains", &json!({"domain": ZONE})).await.created();
    assert_ne!(claim["record_value"], verified["record_value"]);
    let own = claim["record_value"].as_str().expect("a value");
    world.knot.publish(ZONE, "_vestibule", &[world.value(), own]);
    let refused = api.post(&format!("{}/verify", path(&claim)), &json!({})).await.expect(409).body;
    assert!(!refused.contains("acme"), "{refused}");
    assert!(world.routes().await, "the claim of another changes nothing");
    world.api().delete(&path(&world.domain)).await.expect(204);
    assert!(!world.routes().await, "ended at once");
    let verified = api.post(&format!("{}/verify", path(&claim)), &json!({})).await.ok();
    assert_eq!(verified["state"], "verified", "it is free for another owner");
}

async fn a_record_that_is_gone_is_waited_for_seven_days(backend: Backend) {
    let mut world = World::new(backend).await;
    let value = world.value().to_owned();
    world.knot.publish(ZONE, "_vestibule", &[&value]);
    let checked = world.verify().await["checked_at"].clone();
    assert_eq!(world.after(DAY - HOUR).await["checked_at"], checked, "not due yet");
    assert_ne!(world.after(HOUR).await["checked_at"], checked, "every day");

    world.knot.publish(ZONE, "_vestibule", &[]);
    let failing = world.after(DAY).await;
    assert_eq!((&failing["state"], failing["failing_since"].is_string()), (&json!("verified"), true));
    let mail = world.server.mail(&world.tenant.email, "record for brand.example is missing").await;
    assert!(mail.text.contains(&value) && mail.text.contains("_vestibule.brand.example"), "{}", mail.text);
    let lost_at = failing["lost_at"].as_str().expect("a time").replace('T', " ");
    assert!(mail.text.replace('\n', " ").contains(&lost_at[..16]), "{lost_at}: {}", mail.text);
    assert!(world.routes().await);

    // What cannot be looked up is neither there nor gone.
    world.knot.expire(ZONE);
    let unknown = world.after(DAY).await;
    assert_eq!(
        (&unknown["state"], &unknown["failing_since"]),
        (&json!("verified"), &failing["failing_since"])
    );
    assert!(unknown["last_error"].as_str().expect("why").contains("gave no answer"), "{unknown}");
    assert_eq!(world.after(9 * DAY).await["state"], "verified", "however long it lasts");
    world.knot.restart();
    world.knot.publish(ZONE, "_vestibule", &[&value]);
    let back = world.after(HOUR).await;
    assert_eq!(
        (&back["failing_since"], &back["last_error"], &back["lost_at"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );

    world.knot.publish(ZONE, "_vestibule", &["something else"]);
    let mails = world.server.mails_queued().await;
    for day in 0..7 {
        assert_eq!(world.after(DAY).await["state"], "verified", "day {day}");
    }
    world.server.mail(&world.tenant.email, "is about to lose its verification").await;
    assert_eq!(world.server.mails_queued().await - mails, 2, "on the first day and on the day before");
    assert!(world.routes().await);
    let lost = world.after(DAY).await;
    assert_eq!(lost["state"], "lost");
    world.server.mail(&world.tenant.email, "brand.example is no longer verified").await;
    assert!(!world.routes().await);
    let events = world.server.audit(&world.tenant).await;
    let event = events.iter().find(|e| e["action"] == "domain.lose").expect("an event");
    assert_eq!(event["actor"]["name"], "system");
    assert!(event["reason"].as_str().expect("why").contains("has another value"), "{event}");

    world.knot.publish(ZONE, "_vestibule", &[&value]);
    assert_eq!(world.after(2 * DAY).await["state"], "lost", "what is lost is not looked up");
    assert_eq!(world.verify().await["state"], "verified");
    assert!(world.routes().await);
}

async fn an_operators_word_needs_no_record(backend: Backend) {
    let mut world = World::new(backend).await;
    world.server.verify_domain("acme", ZONE, &[]).await;
    let verified = world.after(30 * DAY).await;
    assert_eq!((&verified["state"], &verified["checked_at"]), (&json!("verified"), &Value::Null));
    assert!(world.routes().await);

    let dns = format!("[\"127.0.0.1:{}\"]", world.knot.address().address().port());
    let doctor = |world: &World| world.server.doctor_with(&[("VESTIBULE_DNS__SERVERS", &dns)]).1;
    assert!(doctor(&world).contains("ok    brand.example: verified by the operator"), "{}", doctor(&world));
    world.api().delete(&path(&world.domain)).await.expect(204);
    world.domain = world.api().post("/api/v1/domains", &json!({"domain": ZONE})).await.created();
    assert!(doctor(&world).contains("warn  brand.example: not verified, so it has no effect"));
    world.knot.publish(ZONE, "_vestibule", &[world.value()]);
    assert_eq!(world.verify().await["state"], "verified");
    assert!(doctor(&world).contains("ok    brand.example: verified by its DNS record"));
    world.knot.publish(ZONE, "_vestibule", &[]);
    assert!(
        doctor(&world).contains("warn  brand.example: the TXT record at _vestibule.brand.example is missing")
    );
    world.knot.expire(ZONE);
    let said = doctor(&world);
    assert!(
        said.contains("could not be looked up") && said.contains("Server Failure"),
        "the operator sees the cause: {said}"
    );
    let shown = world.verify().await;
    assert!(!shown["last_error"].as_str().expect("why").contains("Server"), "others do not: {shown}");
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
    a_record_verifies_a_domain
    a_record_that_is_gone_is_waited_for_seven_days
    an_operators_word_needs_no_record
}
