//! SAML: validating a response in process, compared with C xmlsec and node-saml on the same document; and
//! complete sign-ins.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bergshamra::keys::loader::load_pem_auto;
use bergshamra::{DsigContext, KeysManager};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
use samael::crypto::{CertificateDer, Crypto, CryptoProvider as _};
use serde_json::{Value, json};
use vestibule::directory::Email;
use vestibule::kernel::Timestamp;
use vestibule_saml::{Decryption, EmailSource, ExpectedResponse, validate_response};

use super::harness::{Backend, Node, client, measure_while, wires};
use super::operations::cpu_each;
use super::table::{Measured, Table};
use super::wire::Wire;
use super::{limits, wanted};

const ENTITY: &str = "https://idp.bench.example/entity";

/// An identity provider with a key.
struct Idp {
    certificate: Vec<u8>,
    key: String,
}

impl Idp {
    fn new() -> Self {
        let pair = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("key");
        let certificate = CertificateParams::default().self_signed(&pair).expect("certificate");
        Self { certificate: certificate.der().to_vec(), key: pair.serialize_pem() }
    }

    fn metadata(&self) -> String {
        let certificate = STANDARD.encode(&self.certificate);
        format!(
            r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ENTITY}"><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.bench.example/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>"#
        )
    }

    /// A response of about 5.5 kB with a signed assertion, as an enterprise's provider sends it.
    fn response(&self, base: &str, id: &str, email: &str, now: Timestamp) -> String {
        let (acs, audience) = (format!("{base}/acs"), format!("{base}/metadata"));
        let end = now.plus(Duration::from_hours(1));
        let attributes: Vec<String> = (0..16)
            .map(|n| format!(r#"<saml:Attribute Name="http://schemas.bench.example/ws/2005/05/identity/claims/a{n}"><saml:AttributeValue>value-{n}</saml:AttributeValue></saml:Attribute>"#))
            .collect();
        let assertion = format!(
            r##"<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="{id}" Version="2.0" IssueInstant="{now}"><saml:Issuer>{ENTITY}</saml:Issuer><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><ds:Reference URI="#{id}"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue></ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue></ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature><saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">{email}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="{end}" Recipient="{acs}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{now}" NotOnOrAfter="{end}"><saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="{now}" SessionIndex="{id}"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>{}</saml:AttributeStatement></saml:Assertion>"##,
            STANDARD.encode(&self.certificate),
            attributes.concat()
        );
        let mut keys = KeysManager::new();
        keys.add_key(load_pem_auto(self.key.as_bytes(), None).expect("key"));
        let signed = bergshamra::sign(&DsigContext::new_permissive(keys), &assertion).expect("signs");
        format!(
            r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_r{id}" Version="2.0" IssueInstant="{now}" Destination="{acs}"><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">{ENTITY}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>{signed}</samlp:Response>"#
        )
    }
}

/// How often per second one core can do this.
fn rate(mut work: impl FnMut()) -> f64 {
    work();
    let begin = Instant::now();
    let mut n = 0_u32;
    while begin.elapsed() < Duration::from_secs(3) {
        work();
        n += 1;
    }
    f64::from(n) / begin.elapsed().as_secs_f64()
}

fn now() -> Timestamp {
    Timestamp(chrono::Utc::now().timestamp_millis())
}

/// Validates a good and a tampered response `count` times, for use with a leak checker. Set
/// `VESTIBULE_BENCH_JUDGE` to the count.
pub(crate) fn judge_many(count: usize) {
    let idp = Idp::new();
    let base = "https://id.bench.example/saml/1";
    let xml = idp.response(base, "_assertion", "p1@bench.example", now());
    let (good, bad) = (STANDARD.encode(&xml), STANDARD.encode(xml.replace("p1@bench", "p2@bench")));
    with_expected(&idp, base, |expected| {
        for _ in 0..count {
            assert!(validate_response(good.as_bytes(), expected).is_ok());
            assert!(validate_response(bad.as_bytes(), expected).is_err());
        }
    });
}

fn with_expected(idp: &Idp, base: &str, work: impl FnOnce(&ExpectedResponse<'_>)) {
    let certificates = [STANDARD.encode(&idp.certificate)];
    let (acs, audience) = (format!("{base}/acs"), format!("{base}/metadata"));
    work(&ExpectedResponse {
        idp_entity_id: ENTITY,
        certificates: &certificates,
        sp_entity_id: &audience,
        acs: &acs,
        email_source: EmailSource::Standard,
        read_email: |text| Email::parse(text).ok().map(|email| email.folded()),
        decryption: Decryption::default(),
        now: now().into(),
    });
}

/// Validations per second on one core with all checks, in turns with C xmlsec verifying the same document,
/// and compared with node-saml.
pub(crate) fn judgements(table: &mut Table) {
    if !wanted("saml-judge") {
        return;
    }
    let idp = Idp::new();
    let base = "https://id.bench.example/saml/1";
    let xml = idp.response(base, "_assertion", "p1@bench.example", now());
    let field = STANDARD.encode(&xml);
    let certificate = CertificateDer::from(idp.certificate.clone());
    let (mut to_xmlsec, mut each) = (Vec::new(), Vec::new());
    let mut ours = Vec::new();
    for _ in 0..3 {
        let mut mine = 0.0;
        with_expected(&idp, base, |expected| {
            mine = rate(|| assert!(validate_response(field.as_bytes(), expected).is_ok()));
        });
        let theirs = rate(|| {
            Crypto::verify_signed_xml(xml.as_bytes(), &certificate, Some("ID")).expect("C xmlsec verifies");
        });
        to_xmlsec.push(mine / theirs);
        each.push(1000.0 / mine);
        ours.push(mine);
    }
    let kilobytes = xml.len() / 1000;
    let note = format!(
        "C xmlsec's parse and verify of the same {kilobytes} kB (aim: 3); {:.2} ms CPU each",
        median(&mut each)
    );
    let times = Measured::more(median(&mut to_xmlsec), "times").decimals(1);
    table.row("SAML judgements, one core, all checks", times, &note);
    let node = node_saml(&idp, base, &field);
    let times = Measured::more(median(&mut ours) / node, "times");
    table.row("the same beside node-saml", times, "@node-saml/node-saml's validation (aim: 50)");
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Validations per second by node-saml, on one core.
fn node_saml(idp: &Idp, base: &str, field: &str) -> f64 {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = root.join("target/peers/node/node_modules");
    assert!(modules.join("@node-saml").exists(), "node-saml is missing: run 'make peers'");
    let setup = json!({"certificate": STANDARD.encode(&idp.certificate), "base": base, "response": field, "issuer": ENTITY});
    let output = Command::new("node")
        .arg(root.join("benches/load/node_saml.js"))
        .arg(setup.to_string())
        .env("NODE_MODULES", modules)
        .output()
        .expect("node");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.trim()
        .parse()
        .unwrap_or_else(|_| panic!("node-saml: {said}{}", String::from_utf8_lossy(&output.stderr)))
}

const CLIENTS: usize = 16;
/// Responses for each client in the warm-up that determines the pace.
const WARM_UP: usize = 100;
const SECONDS: u32 = 5;

/// Complete IdP-initiated sign-ins: the response at the assertion consumer service, its entry in the replay
/// cache, the hand-over, the session and the audit event, all durable. The client signs nothing in the
/// meantime: it has one and a half times as many signed responses as the warm-up predicts.
pub(crate) async fn sign_ins(node: &Node, table: &mut Table) {
    let idp = Idp::new();
    let id = connect(node, &idp).await;
    let signer = Arc::new(Signer { idp, base: format!("{}/saml/{id}", node.url) });
    let clients =
        Arc::new(Clients { wires: wires(&node.url, CLIENTS).await, path: format!("/saml/{id}/acs") });

    let forms = signer.forms(0, WARM_UP).await;
    let begun = Instant::now();
    let warm_up = (0..CLIENTS).map(|client| {
        let (clients, forms) = (clients.clone(), forms.clone());
        async move {
            for (n, form) in forms[client].iter().enumerate() {
                clients.sign_in(client, n, form).await;
            }
        }
    });
    futures_util::future::join_all(warm_up).await;
    let each = needed(begun.elapsed());

    let forms = signer.forms(WARM_UP, each).await;
    let commits = limits::durable_commits_per_second(
        Some(node.database.as_str()).filter(|_| node.backend == Backend::Postgres),
    )
    .await;
    let before = node.cpu();
    let rate = measure_while(CLIENTS, SECONDS.into(), move |client, n| {
        let (clients, forms) = (clients.clone(), forms.clone());
        async move {
            let n = usize::try_from(n).expect("fits");
            let Some(form) = forms[client].get(n) else { return false };
            clients.sign_in(client, WARM_UP + n, form).await;
            true
        }
    })
    .await;
    let cpu = cpu_each(node, before, &rate);
    let bare = if node.backend == Backend::Sqlite {
        let percent = 100.0 * rate.per_second / limits::bare_inserts_per_second(1).await;
        format!("; {percent:.0} % of the same without it")
    } else {
        String::new()
    };
    let ended = if rate.seconds < f64::from(SECONDS) {
        format!(
            "; ended after {:.1} s, as it was faster than its warm-up and all responses were used",
            rate.seconds
        )
    } else {
        String::new()
    };
    let note = format!(
        "of raw durable commits of two rows, one at a time, through sqlx (aim: 40 %){bare}; {cpu:.2} ms CPU each{ended}"
    );
    let percent = Measured::more(100.0 * rate.per_second / commits, "%").compared_by(rate.per_second);
    table.row(&format!("SAML sign-ins, 16 clients, {}", node.backend.name()), percent, &note);
}

/// How many responses each client needs if [`WARM_UP`] of them took this long: enough for the measured time
/// and the second before it, and half as many again in case the server becomes faster.
fn needed(took: Duration) -> usize {
    let window = u128::from(SECONDS + 1) * 1_000_000;
    let expected = WARM_UP as u128 * window / took.as_micros().max(1);
    usize::try_from(expected * 3 / 2).unwrap_or(usize::MAX)
}

/// Creates the connection and users; returns the connection's id.
async fn connect(node: &Node, idp: &Idp) -> String {
    let http = client();
    let call = async |method: reqwest::Method, path: String, body: Value| -> Value {
        let request = http.request(method, format!("{}{path}", node.url)).bearer_auth(&node.api).json(&body);
        let answer = request.send().await.expect("answers");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_slice(&answer.bytes().await.expect("body")).expect("JSON")
    };
    let body = json!({"kind": "saml", "name": "Bench", "metadata_xml": idp.metadata(), "allow_idp_initiated": true,
            "email_domains": ["bench.example"]});
    let made = call(reqwest::Method::POST, "/api/v1/connections".into(), body).await;
    let id = made["id"].as_str().expect("id").to_owned();
    let on = json!({"enabled": true, "override_untested": true});
    call(reqwest::Method::PATCH, format!("/api/v1/connections/{id}"), on).await;
    for n in 0..64 {
        let body =
            json!({"user_name": format!("s{n}@bench.example"), "email": format!("s{n}@bench.example")});
        call(reqwest::Method::POST, "/api/v1/users".into(), body).await;
    }
    id
}

/// The identity provider, and the base URL of the connection that it signs for.
struct Signer {
    idp: Idp,
    base: String,
}

/// The encoded responses of each client.
type Forms = Arc<Vec<Vec<String>>>;

impl Signer {
    /// Signs `count` responses for each client, beginning with number `first`.
    async fn forms(self: &Arc<Self>, first: usize, count: usize) -> Forms {
        eprintln!("  (signing {} responses)", CLIENTS * count);
        let made = now();
        let lots = (0..CLIENTS).map(|client| {
            let signer = self.clone();
            tokio::task::spawn_blocking(move || {
                (first..first + count).map(|n| signer.form(client, n, made)).collect::<Vec<_>>()
            })
        });
        let mut forms = Vec::new();
        for lot in lots.collect::<Vec<_>>() {
            forms.push(lot.await.expect("signed"));
        }
        Arc::new(forms)
    }

    fn form(&self, client: usize, n: usize, made: Timestamp) -> String {
        let email = format!("s{}@bench.example", (client * 7 + n) % 64);
        let xml = self.idp.response(&self.base, &format!("_a{client}-{n}"), &email, made);
        let field: String = url::form_urlencoded::byte_serialize(STANDARD.encode(xml).as_bytes()).collect();
        format!("SAMLResponse={field}")
    }
}

/// The clients, each with its own connection.
struct Clients {
    wires: Arc<Vec<tokio::sync::Mutex<Wire>>>,
    path: String,
}

impl Clients {
    async fn sign_in(&self, client: usize, n: usize, form: &str) {
        let from = format!("x-forwarded-for: 10.{client}.{}.{}\r\n", n / 250 % 250, n % 250);
        let mut wire = self.wires[client].lock().await;
        let taken = wire.send("POST", &self.path, &from, form).await;
        assert_eq!(taken.status, 303);
        let to = taken.header("location").expect("continue").to_owned();
        let entered = wire.send("GET", &to, &from, "").await;
        assert_eq!(entered.status, 303);
    }
}
