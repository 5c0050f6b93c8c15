//! Metadata that is read again: what changes there changes here, and nothing else does.

use std::sync::{Arc, Mutex};

use ::vestibule::idp::saml::metadata_refresh::refresh_one;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::world::{ENTITY, SUCCESS, rand};
use crate::harness::idp::{Idp, PASSWORD, SLO, Says, Sign, encode, request_id};
use crate::harness::{Answer, Backend, Client, Server, Tenant};

/// A provider that publishes its metadata.
#[derive(Clone, Default)]
struct Published {
    text: Arc<Mutex<String>>,
    tag: Arc<Mutex<String>>,
    reads: Arc<Mutex<(usize, usize)>>,
    date: Arc<Mutex<Option<String>>>,
}

impl Published {
    async fn start(text: &str) -> (Self, String) {
        let published = Self::default();
        published.publish(text);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/metadata", listener.local_addr().expect("address"));
        let app = axum::Router::new().route("/metadata", get(serve)).with_state(published.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (published, url)
    }

    fn publish(&self, text: &str) {
        text.clone_into(&mut self.text.lock().expect("lock"));
        *self.tag.lock().expect("lock") = format!("\"{}-{}\"", text.len(), rand());
    }

    /// (read whole, found unchanged)
    fn reads(&self) -> (usize, usize) {
        *self.reads.lock().expect("lock")
    }
}

async fn serve(State(published): State<Published>, headers: HeaderMap) -> Response {
    let tag = published.tag.lock().expect("lock").clone();
    let mut reads = published.reads.lock().expect("lock");
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        reads.1 += 1;
        return StatusCode::NOT_MODIFIED.into_response();
    }
    reads.0 += 1;
    let mut response = ([(header::ETAG, tag)], published.text.lock().expect("lock").clone()).into_response();
    if let Some(date) = published.date.lock().expect("lock").as_ref() {
        response.headers_mut().insert(header::DATE, date.parse().expect("header"));
    }
    response
}

async fn start(backend: Backend) -> Server {
    Server::start_with(backend, |config| {
        config.outgoing.allowed_networks = vec!["127.0.0.0/8".parse().expect("network")];
    })
    .await
}

struct Site {
    server: Server,
    tenant: Tenant,
    api: Client,
    id: String,
    published: Published,
}

impl Site {
    async fn new(backend: Backend, metadata: &str, more: Value) -> Self {
        let (published, url) = Published::start(metadata).await;
        let server = start(backend).await;
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let mut body = json!({"kind": "saml", "name": "Company", "metadata_url": url, "jit": {"enabled": true},
                "email_domains": ["acme.example"]});
        body.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
        let made = api.post("/api/v1/connections", &body).await.created();
        let id = made["id"].as_str().expect("id").to_owned();
        let on = json!({"enabled": true, "override_untested": true});
        api.patch(&format!("/api/v1/connections/{id}"), &on).await.expect(200);
        Self { server, tenant, api, id, published }
    }

    async fn shown(&self) -> Value {
        self.api.get(&format!("/api/v1/connections/{}", self.id)).await.ok()["saml"].clone()
    }

    /// Six hours and a minute later.
    async fn later(&self) {
        self.server.advance(6 * 60 * 60 + 60);
        while refresh_one(&self.server.kernel).await.expect("refreshed") {}
    }

    async fn answer(&self, idp: &Idp) -> Answer {
        let browser = self.server.client();
        let sent = browser.get(&format!("/saml/{}/login", self.id)).await.expect(303);
        let acs = format!("{}/saml/{}/acs", self.server.url, self.id);
        let now = self.server.clock.now();
        let says = Says {
            issuer: ENTITY.into(),
            email: "bob@acme.example".into(),
            audience: acs.replace("/acs", "/metadata"),
            recipient: acs.clone(),
            destination: acs.clone(),
            in_response_to: Some(request_id(&sent.location().expect("to the provider"))),
            not_before: now,
            not_on_or_after: now.plus(std::time::Duration::from_mins(5)),
            status: SUCCESS.into(),
            assertion_id: format!("_{}", ::vestibule::kernel::ids::new_id(now)),
            attributes: Vec::new(),
            context: PASSWORD.into(),
            extra: String::new(),
            name_id: None,
        };
        browser.form(&acs, &[("SAMLResponse", &encode(&idp.response(&says, Sign::Both)))]).await
    }
}

/// Metadata with the certificates of both.
fn with_both(old: &Idp, new: &Idp) -> String {
    let key = |certificate: &str| {
        format!(
            "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        )
    };
    old.metadata_with(&key(&new.certificate))
}

async fn rollover(backend: Backend) {
    let (old, new) = (Idp::rsa(ENTITY), Idp::rsa(ENTITY));
    let site = Site::new(backend, &old.metadata(), json!({})).await;
    site.answer(&old).await.expect(303);
    site.answer(&new).await.expect(403);
    // Nothing new: read once more, as far as the tag.
    site.later().await;
    assert_eq!(site.published.reads(), (1, 1));
    // Both are published, and both are good.
    site.published.publish(&with_both(&old, &new));
    site.later().await;
    site.answer(&old).await.expect(303);
    site.answer(&new).await.expect(303);
    // The old one is gone there; it is accepted for a day, and then not.
    site.published.publish(&new.metadata_with(SLO));
    site.later().await;
    let shown = site.shown().await;
    assert_eq!(shown["slo_url"], "https://idp.example/slo", "{shown}");
    assert!(shown["certificates"][1]["accepted_until"].is_string(), "{shown}");
    site.answer(&new).await.expect(303);
    site.answer(&old).await.expect(303);
    site.server.advance(24 * 60 * 60);
    site.answer(&old).await.expect(403);
    assert_eq!(site.server.last_refusal(&site.tenant).await, "saml_signature");
    site.answer(&new).await.expect(303);
    let events = site.server.audit(&site.tenant).await;
    let refreshed: Vec<&Value> =
        events.iter().filter(|e| e["action"] == "connection.refresh_metadata").collect();
    assert_eq!(refreshed.len(), 2);
    assert_eq!(refreshed[0]["actor"]["type"], "system", "{}", refreshed[0]);
    // An administrator can make it at once: what retires is forgotten.
    site.published.publish(&with_both(&old, &new));
    site.later().await;
    site.published.publish(&new.metadata());
    site.later().await;
    site.answer(&old).await.expect(303);
    site.api
        .patch(&format!("/api/v1/connections/{}", site.id), &json!({"forget_retiring": true}))
        .await
        .expect(200);
    site.answer(&old).await.expect(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_follow_while_people_sign_in_on_sqlite() {
    rollover(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_follow_while_people_sign_in_on_postgres() {
    rollover(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_that_cannot_be_used_changes_nothing() {
    let idp = Idp::rsa(ENTITY);
    let site = Site::new(Backend::Sqlite, &idp.metadata(), json!({})).await;
    for (text, reason) in [
        ("<html>maintenance</html>".to_owned(), "not SAML 2.0 metadata"),
        (
            Idp::rsa("https://other.example").metadata(),
            "a different identity provider: https://other.example",
        ),
        (idp.metadata().replace("use=\"signing\"", "use=\"encryption\""), "no signing certificate"),
        ("x".repeat(600 * 1024), "larger than"),
    ] {
        site.published.publish(&text);
        site.later().await;
        let shown = site.shown().await;
        assert!(
            shown["metadata_error"].as_str().is_some_and(|said| said.contains(reason)),
            "{reason}: {shown}"
        );
        site.answer(&idp).await.expect(303);
    }
    // It is tried again after an hour, and says when all is well.
    site.published.publish(&idp.metadata());
    site.server.advance(60 * 60 + 1);
    while refresh_one(&site.server.kernel).await.expect("refreshed") {}
    assert!(site.shown().await["metadata_error"].is_null());
    // A change by an administrator counts from then on.
    let fresh = Idp::rsa(ENTITY);
    let change = json!({"metadata_xml": fresh.metadata(), "keep_old_certificates": true});
    site.api.patch(&format!("/api/v1/connections/{}", site.id), &change).await.expect(200);
    site.answer(&fresh).await.expect(303);
    site.answer(&idp).await.expect(303);
    let change = json!({"metadata_xml": fresh.metadata()});
    site.api.patch(&format!("/api/v1/connections/{}", site.id), &change).await.expect(200);
    site.answer(&idp).await.expect(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_must_be_signed_where_a_certificate_is_pinned() {
    let (idp, federation, stranger) = (Idp::rsa(ENTITY), Idp::rsa("x"), Idp::rsa("x"));
    let signed = |by: &Idp, text: &str| {
        let text = text.replace("entityID=", "ID=\"_m\" entityID=");
        by.sign(&text.replacen("<md:IDPSSO", &format!("{}<md:IDPSSO", by.template("_m")), 1))
    };
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", federation.certificate);
    let site = Site::new(
        Backend::Sqlite,
        &signed(&federation, &idp.metadata()),
        json!({"metadata_certificate": pem}),
    )
    .await;
    site.answer(&idp).await.expect(303);
    let evil = Idp::rsa(ENTITY);
    let honest = signed(&federation, &idp.metadata());
    let wrapped = format!(
        "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">{}<md:Extensions>{}</md:Extensions></md:EntitiesDescriptor>",
        evil.metadata().replace("<?xml version=\"1.0\"?>", ""),
        honest
            .replace("<?xml version=\"1.0\"?>", "")
            .replace("IDPSSODescriptor", "AttributeAuthorityDescriptor"),
    );
    for (name, text) in [
        ("unsigned", evil.metadata()),
        ("a stranger's", signed(&stranger, &evil.metadata())),
        ("altered", honest.replace(&idp.certificate, &evil.certificate)),
        ("wrapped", wrapped),
        ("a comment", honest.replace("<md:SingleSignOn", "<!-- --><md:SingleSignOn")),
    ] {
        site.published.publish(&text);
        site.later().await;
        assert!(site.shown().await["metadata_error"].is_string(), "{name}");
        site.answer(&evil).await.expect(403);
        site.answer(&idp).await.expect(303);
    }
    // A whole federation may be signed at the top.
    let next = Idp::rsa(ENTITY);
    let inner = next.metadata().replace("<?xml version=\"1.0\"?>", "");
    let all = format!(
        "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_all\">{}{inner}</md:EntitiesDescriptor>",
        federation.template("_all")
    );
    site.published.publish(&federation.sign(&all));
    site.later().await;
    assert!(site.shown().await["metadata_error"].is_null(), "{}", site.shown().await);
    site.answer(&next).await.expect(303);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn administrators_are_told_of_a_certificate_that_ends() {
    // The clock of the test begins now; the certificate ends in some weeks or months.
    let idp = Idp::ending(ENTITY, (2035, 1, 1));
    let site = Site::new(Backend::Sqlite, &idp.metadata(), json!({})).await;
    site.later().await;
    assert_eq!(site.server.mails_queued().await, 0);
    let end = ::vestibule::kernel::Timestamp::parse("2035-01-01T00:00:00Z").expect("time");
    let until = u64::try_from(end.0 - site.server.clock.now().0).expect("ahead") / 1000;
    site.server.advance(until - 30 * 24 * 60 * 60 - 7 * 60 * 60);
    while refresh_one(&site.server.kernel).await.expect("refreshed") {}
    assert_eq!(site.server.mails_queued().await, 0, "more than thirty days");
    site.later().await;
    site.later().await;
    let mail = site.server.mail(&site.tenant.email, "A certificate of Company expires soon").await;
    assert!(
        mail.text.contains("2035-01-01 00:00") && mail.link().contains("/console/connections/"),
        "{}",
        mail.text
    );
    site.later().await;
    assert_eq!(site.server.mails_queued().await, 1, "once");
    // A new one beside it, and nobody needs to be told of it.
    let next = Idp::ending(ENTITY, (2045, 1, 1));
    site.published.publish(&with_both(&idp, &next));
    site.later().await;
    assert_eq!(site.server.mails_queued().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weak_and_damaged_certificates_are_refused() {
    let server = Server::start(Backend::Sqlite).await;
    let tenant = server.tenant("acme").await;
    let api = server.client().bearer(&tenant.token);
    let idp = Idp::rsa(ENTITY);
    let weak = include_str!("weak_rsa_1024.txt").trim();
    for (certificate, reason) in
        [(weak, "1024 bits; at least 2048 are required"), ("AAAA", "cannot be used"), ("", "cannot be used")]
    {
        let xml = idp.metadata().replace(&idp.certificate, certificate);
        let body = json!({"kind": "saml", "name": "Company", "metadata_xml": xml});
        let refused = api.post("/api/v1/connections", &body).await.expect(422);
        assert!(refused.body.contains(reason), "{reason}: {}", refused.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_finds_what_keeps_people_out() {
    let idp = Idp::ending(ENTITY, (2035, 1, 1));
    let site = Site::new(Backend::Sqlite, &idp.metadata(), json!({})).await;
    let (is_well, text) = site.server.doctor();
    assert!(is_well, "{text}");
    for part in [
        "Account acme",
        "Company: its certificate is valid until 2035",
        "the metadata can be read from its URL",
        "no test has succeeded",
        "mail.url is not set",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    *site.published.date.lock().expect("lock") = Some("Sun, 06 Nov 1994 08:49:37 GMT".to_owned());
    site.published.publish(&Idp::rsa("https://other.example").metadata());
    let (is_well, text) = site.server.doctor();
    assert!(!is_well, "{text}");
    for part in ["the entity ID in the metadata is now https://other.example", "seconds apart"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
