//! A protected application. Its host name leads to the server itself, which answers `/.vestibule/` there and
//! is asked as a proxy would ask it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Server, Tenant};

pub const PASSWORD: &str = "a good long password";
const HTML: &str = "text/html,application/xhtml+xml";

/// A registered application and the account that it belongs to.
pub struct Site<'a> {
    pub server: &'a Server,
    pub tenant: Tenant,
    pub api: Client,
    pub id: String,
    /// The application's host with the server's port.
    pub host: String,
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// `name.test` with the port of the server.
pub fn host(server: &Server, name: &str) -> String {
    format!("{name}:{}", server.url.rsplit(':').next().expect("a port"))
}

impl<'a> Site<'a> {
    /// An application at `app.test` of the account `acme`, with more members.
    pub async fn with(server: &'a Server, more: Value) -> Self {
        let tenant = server.tenant("acme").await;
        Self::of(server, tenant, "app.test", more).await
    }

    pub async fn of(server: &'a Server, tenant: Tenant, name: &str, more: Value) -> Self {
        let host = host(server, name);
        Self::at(server, tenant, host, more).await
    }

    /// An application at this host.
    pub async fn at(server: &'a Server, tenant: Tenant, host: String, more: Value) -> Self {
        let api = server.client().bearer(&tenant.token);
        let mut body = json!({"kind": "forward_auth", "name": "Reports", "hosts": [host]});
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        let id = text(&api.post("/api/v1/apps", &body).await.created()["id"]);
        Self { server, tenant, api, id, host }
    }

    pub async fn user(&self, name: &str) -> String {
        let address = format!("{name}@acme.example");
        let body = json!({"user_name": address, "email": address, "password": PASSWORD, "given_name": name,
            "family_name": "Zoë"});
        text(&self.api.post("/api/v1/users", &body).await.created()["id"])
    }

    pub async fn group(&self, name: &str, members: &[&str]) -> String {
        let id = text(&self.api.post("/api/v1/groups", &json!({"name": name})).await.created()["id"]);
        self.api.post(&format!("/api/v1/groups/{id}/members"), &json!({"add": members})).await.expect(200);
        id
    }

    /// Many groups with this member, by their ids.
    pub async fn many_groups(&self, member: &str, count: usize) -> Vec<String> {
        use vestibule::directory::users::ChangeAuthority::Local;
        use vestibule::directory::{accounts, groups};
        let mut tx = self.server.kernel.db.begin().await.expect("tx");
        let account = accounts::by_slug(&mut tx, "acme").await.expect("query").expect("account");
        let context = vestibule::audit::Context::system(&account.id);
        let mut ids = Vec::new();
        for n in 0..count {
            let name = format!("a group with a name of some length {n}");
            let new = groups::NewGroup { name, ..groups::NewGroup::default() };
            let group = groups::create(&mut tx, &context, Local, new).await.expect("group");
            let members = groups::MembershipUpdate { add: vec![member.to_owned()], ..Default::default() };
            let change = groups::GroupUpdate { members, ..Default::default() };
            groups::update(&mut tx, &context, Local, &group, change).await.expect("member");
            ids.push(group.id.into());
        }
        tx.commit().await.expect("commit");
        ids
    }

    pub fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.host)
    }

    /// The question of a proxy about a request for `target`.
    pub fn question(&self, client: &Client, method: Method, target: &str) -> reqwest::RequestBuilder {
        let request = client.request(method, &self.url(&format!("/forward-auth/{}", self.id)));
        request
            .header("x-forwarded-host", &self.host)
            .header("x-forwarded-proto", "http")
            .header("x-forwarded-method", "GET")
            .header("x-forwarded-uri", target)
    }

    /// The answer about a page that a browser navigates to.
    pub async fn navigate(&self, client: &Client, target: &str) -> Answer {
        let request = self.question(client, Method::GET, target).header("accept", HTML);
        client.send(request.header("sec-fetch-mode", "navigate")).await
    }

    /// The answer about a request of a script.
    pub async fn fetch(&self, client: &Client, target: &str) -> Answer {
        let request = self.question(client, Method::GET, target).header("accept", "application/json");
        client.send(request.header("sec-fetch-mode", "cors")).await
    }

    /// Follows redirects from `answer` until a page, an error, or `target` at the application, which is not
    /// requested. Returns the last answer and the URL it led to.
    pub async fn follow(&self, client: &Client, mut answer: Answer) -> (Answer, String) {
        let mut at = url::Url::parse(&self.server.url).expect("url");
        for _ in 0..12 {
            let Some(to) = answer.location() else { return (answer, at.into()) };
            at = at.join(&to).expect("url");
            let is_application = at.as_str().starts_with(&self.url("/"));
            if is_application && !at.path().starts_with("/.vestibule/") {
                return (answer, at.into());
            }
            answer = client.get(at.as_str()).await;
        }
        panic!("redirected without end: {at}");
    }

    /// Opens a page of the application as a browser does, signs in, and returns where it ends.
    pub async fn enter(&self, client: &Client, name: &str, password: &str, target: &str) -> String {
        let sent = self.navigate(client, target).await.expect(302);
        self.sign_in_on_the_way(client, sent, name, password).await
    }

    /// Signs in where redirects from `sent` lead to the sign-in page, and returns where it ends.
    pub async fn sign_in_on_the_way(
        &self,
        client: &Client,
        sent: Answer,
        name: &str,
        password: &str,
    ) -> String {
        let (page, _) = self.follow(client, sent).await;
        let page = page.expect(200);
        let fields = [
            ("identifier", name),
            ("account", &page.field("account")),
            ("return_to", &page.field("return_to")),
        ];
        let answer = client.form("/login", &fields).await;
        let page = client.get(&answer.location().expect("to the password page")).await;
        let fields = [("flow", page.field("flow")), ("password", password.to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = client.form("/login/password", &fields).await.expect(303);
        self.follow(client, answer).await.1
    }

    /// A browser in which the administrator uses the application.
    pub async fn admin(&self) -> Client {
        let browser = self.server.client();
        let at = self.enter(&browser, &self.tenant.email, &self.tenant.password, "/").await;
        assert_eq!(at, self.url("/"));
        browser
    }

    /// A browser in which a user with [`PASSWORD`] uses the application.
    pub async fn person(&self, name: &str) -> Client {
        let browser = self.server.client();
        self.enter(&browser, &format!("{name}@acme.example"), PASSWORD, "/").await;
        browser
    }
}
