//! An OpenID Connect and OAuth provider over real HTTP whose answers are set by each test. It stands in for
//! providers that cannot run here (GitHub, Bitbucket, LinkedIn, Google, Entra ID) and for one that forges.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Map, Value, json};
use vestibule::kernel::{Clock, Timestamp, ids};

use super::idp::query_of;

pub const CLIENT: &str = "vestibule";
pub const SECRET: &str = "s3cret of + the client";

/// Its next answers, which tests change through [`Provider::says`].
pub struct Says {
    /// Claims of the ID token besides the protocol's own, which they can replace; null removes a claim.
    pub claims: Map<String, Value>,
    /// The claims of the user info endpoint.
    pub userinfo: Map<String, Value>,
    /// Members of the discovery document that differ; null removes one.
    pub discovery: Map<String, Value>,
    /// Responses for other paths, such as those of GitHub, Bitbucket and Microsoft Graph.
    pub pages: HashMap<String, Value>,
    /// Replaces a finished ID token.
    pub forge: Option<fn(&Provider, &str) -> String>,
    /// Whether the published keys lack the one that signs.
    pub hides_key: bool,
    /// Whether the token response lacks the ID token.
    pub no_id_token: bool,
    keys: Vec<(String, EncodingKey)>,
    codes: HashMap<String, Asked>,
    /// How many requests each path has had.
    pub asked: HashMap<String, usize>,
    /// The form of the last request to the token endpoint.
    pub last_exchange: HashMap<String, String>,
}

struct Asked {
    nonce: Option<String>,
    challenge: Option<String>,
    redirect_uri: String,
}

#[derive(Clone)]
pub struct Provider {
    pub url: String,
    clock: Clock,
    says: Arc<Mutex<Says>>,
}

fn new_key(clock: &Clock) -> (String, EncodingKey) {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("key");
    (ids::new_id(clock.now()), EncodingKey::from_ec_der(&pair.serialize_der()))
}

fn public(kid: &str, key: &EncodingKey) -> Jwk {
    let mut jwk = Jwk::from_encoding_key(key, Algorithm::ES256).expect("public key");
    jwk.common.key_id = Some(kid.to_owned());
    jwk
}

impl Provider {
    /// Starts a provider whose user is Bob, with a verified address.
    pub async fn start(clock: &Clock) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let bob = json!({"sub": "bob-1", "email": "bob@acme.example", "email_verified": true, "name": "Bob Builder"});
        let says = Says {
            claims: bob.as_object().expect("object").clone(),
            userinfo: Map::new(),
            discovery: Map::new(),
            pages: HashMap::new(),
            forge: None,
            hides_key: false,
            no_id_token: false,
            keys: vec![new_key(clock)],
            codes: HashMap::new(),
            asked: HashMap::new(),
            last_exchange: HashMap::new(),
        };
        let provider = Self { url, clock: clock.clone(), says: Arc::new(Mutex::new(says)) };
        let router = Router::new().fallback(serve).with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    pub fn says(&self) -> MutexGuard<'_, Says> {
        self.says.lock().expect("not poisoned")
    }

    /// Sets a claim; null removes it.
    pub fn claim(&self, name: &str, value: Value) {
        self.says().claims.insert(name.to_owned(), value);
    }

    /// How many requests a path has had.
    pub fn asked(&self, path: &str) -> usize {
        self.says().asked.get(path).copied().unwrap_or_default()
    }

    /// Signs with a new key from now on, and publishes the old ones as well.
    pub fn rotate(&self) {
        let key = new_key(&self.clock);
        self.says().keys.push(key);
    }

    /// The public half of its newest key, as a JWK.
    pub fn public_key(&self) -> String {
        let says = self.says();
        let (kid, key) = says.keys.last().expect("a key");
        json!(public(kid, key)).to_string()
    }

    /// Approves the authorization request at this URL. Returns the URL that the browser is sent back to.
    pub fn approve(&self, url: &str) -> String {
        assert!(url.starts_with(&self.url), "sent to {url}");
        let of = |name: &str| query_of(url, name);
        assert_eq!(of("client_id").as_deref(), Some(CLIENT));
        assert_eq!(of("response_type").as_deref(), Some("code"));
        let code = ids::new_id(self.clock.now());
        let redirect_uri = of("redirect_uri").expect("redirect_uri");
        let asked =
            Asked { nonce: of("nonce"), challenge: of("code_challenge"), redirect_uri: redirect_uri.clone() };
        self.says().codes.insert(code.clone(), asked);
        let mut back = reqwest::Url::parse(&redirect_uri).expect("url");
        back.query_pairs_mut().append_pair("code", &code).append_pair("state", &of("state").expect("state"));
        back.into()
    }

    /// Signs a token with these claims with the newest key.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(claims, |header| header)
    }

    pub fn sign_as(&self, claims: &Value, change: impl FnOnce(Header) -> Header) -> String {
        let says = self.says();
        let (kid, key) = says.keys.last().expect("a key");
        let header = change(Header { kid: Some(kid.clone()), ..Header::new(Algorithm::ES256) });
        jsonwebtoken::encode(&header, claims, key).expect("signed")
    }

    /// The protocol's own claims, for a token that is valid now.
    pub fn usual(&self) -> Map<String, Value> {
        let Timestamp(now) = self.clock.now();
        let claims = json!({"iss": self.url, "aud": CLIENT, "iat": now / 1000, "exp": now / 1000 + 300});
        claims.as_object().expect("object").clone()
    }

    fn id_token(&self, nonce: Option<&str>, access_token: &str) -> String {
        let mut claims = self.usual();
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, access_token.as_bytes());
        claims.insert("at_hash".into(), json!(URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])));
        if let Some(nonce) = nonce {
            claims.insert("nonce".into(), json!(nonce));
        }
        merge(&mut claims, &self.says().claims);
        let token = self.sign(&Value::Object(claims));
        let forge = self.says().forge;
        forge.map_or(token.clone(), |forge| forge(self, &token))
    }

    fn exchange(&self, form: HashMap<String, String>, authorization: Option<&str>) -> Response {
        let of = |name: &str| form.get(name).map(String::as_str);
        let value = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", value(CLIENT), value(SECRET))));
        let knows = of("client_secret") == Some(SECRET)
            || authorization == Some(&basic)
            || of("client_assertion").is_some();
        let error = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": error}))).into_response();
        let asked = self.says().codes.remove(of("code").unwrap_or_default());
        self.says().last_exchange.clone_from(&form);
        let Some(asked) = asked.filter(|_| knows) else {
            return error(if knows { "invalid_grant" } else { "invalid_client" });
        };
        let verified = of("code_verifier").map(|verifier| {
            let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
            URL_SAFE_NO_PAD.encode(hash)
        });
        if verified != asked.challenge || of("redirect_uri") != Some(&asked.redirect_uri) {
            return error("invalid_grant");
        }
        let access_token = "the access token";
        let mut answer = json!({"access_token": access_token, "token_type": "Bearer", "expires_in": 300});
        if !self.says().no_id_token {
            answer["id_token"] = json!(self.id_token(asked.nonce.as_deref(), access_token));
        }
        Json(answer).into_response()
    }

    fn discovery(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.url);
        let document = json!({"issuer": self.url, "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"), "jwks_uri": at("/jwks"), "userinfo_endpoint": at("/userinfo"),
            "end_session_endpoint": at("/logout"), "response_types_supported": ["code"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256"]});
        let mut document = document.as_object().expect("object").clone();
        merge(&mut document, &self.says().discovery);
        Value::Object(document)
    }

    fn keys(&self) -> Value {
        let says = self.says();
        let shown = if says.hides_key { &says.keys[..says.keys.len() - 1] } else { &says.keys[..] };
        let mut keys: Vec<Value> = shown.iter().map(|(kid, key)| json!(public(kid, key))).collect();
        keys.push(json!({"kty": "of the future", "kid": "x"}));
        json!({"keys": keys})
    }
}

fn merge(place: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (name, value) in more {
        if value.is_null() {
            place.remove(name);
        } else {
            place.insert(name.clone(), value.clone());
        }
    }
}

async fn serve(State(provider): State<Provider>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    *provider.says().asked.entry(path.clone()).or_default() += 1;
    let known = provider.says().pages.get(&path).cloned();
    let authorization = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bears = authorization == Some("Bearer the access token");
    match path.as_str() {
        _ if path.ends_with("/.well-known/openid-configuration") => {
            Json(provider.discovery()).into_response()
        }
        "/authorize" | "/login/oauth/authorize" | "/site/oauth2/authorize" => {
            Redirect::to(&provider.approve(&format!("{}{}", provider.url, parts.uri))).into_response()
        }
        "/token" | "/login/oauth/access_token" | "/site/oauth2/access_token" => {
            let form = read_form(body).await;
            if form.get("grant_type").map(String::as_str) == Some("client_credentials") {
                return Json(json!({"access_token": "the access token"})).into_response();
            }
            provider.exchange(form, authorization)
        }
        _ if path.ends_with("/oauth2/v2.0/token") => {
            Json(json!({"access_token": "the access token"})).into_response()
        }
        "/jwks" => Json(provider.keys()).into_response(),
        "/userinfo" if bears => Json(Value::Object(provider.says().userinfo.clone())).into_response(),
        _ => match known {
            Some(page) if bears => Json(page).into_response(),
            _ => StatusCode::NOT_FOUND.into_response(),
        },
    }
}

async fn read_form(body: Body) -> HashMap<String, String> {
    let bytes = to_bytes(body, 1 << 20).await.expect("body");
    url::form_urlencoded::parse(&bytes).into_owned().collect()
}
