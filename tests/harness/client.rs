//! An HTTP client that behaves like a browser as far as a script can: it keeps cookies, sends
//! `Origin`, posts hidden fields back, and does not follow redirects on its own.

use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Method, StatusCode};
use serde_json::Value;

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    bearer: Option<String>,
    from: Option<String>,
}

/// A response with its body.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Client {
    pub fn new(base: &str) -> Self {
        let http = reqwest::Client::builder()
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // Hosts of applications that tests protect. The port is that of the URL.
            .resolve("app.test", ([127, 0, 0, 1], 0).into())
            .resolve("other.test", ([127, 0, 0, 1], 0).into())
            .resolve("app.localhost", ([127, 0, 0, 1], 0).into())
            .resolve("evil.test", ([127, 0, 0, 1], 0).into())
            .build()
            .expect("client");
        Self { http, base: base.to_owned(), bearer: None, from: None }
    }

    /// Sends this token with each request.
    pub fn bearer(mut self, token: &str) -> Self {
        self.bearer = Some(token.to_owned());
        self
    }

    /// Sends requests from this address, through the proxy that the test server trusts.
    pub fn from(mut self, address: &str) -> Self {
        self.from = Some(address.to_owned());
        self
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.bearer {
            request = request.bearer_auth(token);
        } else {
            request = request.header("origin", &self.base);
        }
        if let Some(from) = &self.from {
            request = request.header("x-forwarded-for", from);
        }
        request
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.expect("the server answers");
        let (status, headers) = (answer.status(), answer.headers().clone());
        Answer { status, headers, body: answer.text().await.expect("a body") }
    }

    /// Sends a request whose headers are as they are to be.
    pub async fn send_built(&self, request: reqwest::Request) -> Answer {
        let answer = self.http.execute(request).await.expect("the server answers");
        let (status, headers) = (answer.status(), answer.headers().clone());
        Answer { status, headers, body: answer.text().await.expect("a body") }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.send(self.request(method, path).json(body)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::POST, path, body).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::PATCH, path, body).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::PUT, path, body).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(self.request(Method::POST, path).form(fields)).await
    }

    /// Signs in with a user name and password through the pages. Returns the response to the password.
    pub async fn sign_in(&self, account: &str, identifier: &str, password: &str) -> Answer {
        let page = self.get(&format!("/login?account={account}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let fields = [
            ("identifier", identifier),
            ("account", &page.field("account")),
            ("return_to", &page.field("return_to")),
        ];
        let answer = self.form("/login", &fields).await;
        let to = answer.location().expect("a redirect to the password page");
        if !to.starts_with("/login/password") {
            // The domain of the address belongs to an identity provider.
            return self.sign_in_locally(account, identifier, password).await;
        }
        let page = self.get(&to).await;
        self.form("/login/password", &[("flow", &page.field("flow")), ("password", password)]).await
    }

    /// Signs in with a password on the page for administrators that depends on no identity provider.
    pub async fn sign_in_locally(&self, account: &str, identifier: &str, password: &str) -> Answer {
        let fields =
            [("identifier", identifier), ("password", password), ("account", account), ("return_to", "/")];
        self.form("/login/local", &fields).await
    }

    /// Confirms the first link of an identity with the password; `waiting` is the response that asks for it, which lets
    /// nobody in yet.
    pub async fn confirm_link(&self, waiting: &Answer, password: &str) -> Answer {
        let to = waiting.location().expect("to the confirmation");
        assert!(to.starts_with("/login/confirm-link?flow="), "{to}");
        self.get("/api/v1/me").await.expect(401);
        let flow = self.get(&to).await.expect(200).field("flow");
        self.form("/login/confirm-link", &[("flow", &flow), ("password", password)]).await
    }
}

impl Client {
    /// Submits a code for the second factor; `waiting` is the response that redirected the browser to it.
    pub async fn second_factor(&self, waiting: &Answer, code: &str) -> Answer {
        let to = waiting.location().expect("to the second factor");
        assert!(to.starts_with("/login/second-factor?flow="), "{to}");
        let page = self.get(&to).await.expect(200);
        self.form("/login/second-factor", &[("flow", &page.field("flow")), ("code", code)]).await
    }
}

impl Answer {
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|_| panic!("not JSON ({}): {}", self.status, self.body))
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    #[track_caller]
    pub fn ok(self) -> Value {
        self.expect(200).value()
    }

    #[track_caller]
    pub fn created(self) -> Value {
        self.expect(201).value()
    }

    pub fn location(&self) -> Option<String> {
        self.headers.get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The value of a form field on the page.
    pub fn field(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let at = self.body.find(&mark).unwrap_or_else(|| panic!("no field {name} in: {}", self.body));
        let rest = &self.body[at + mark.len()..];
        rest[..rest.find('"').expect("a quote")].replace("&#38;", "&").replace("&amp;", "&")
    }
}
