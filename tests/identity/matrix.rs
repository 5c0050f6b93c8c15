//! Tries every cell of the table in `docs/security/whose-word-counts.md`.

use std::collections::HashSet;
use std::fmt::Write as _;

use ldap3::Mod;
use serde_json::{Value, json};
use vestibule::access::Role;

use super::{bind_role, create_user};
use crate::harness::directory::{BASE, PASSWORD, Slapd, group, person};
use crate::harness::idp::{self, EMAIL_FORMAT, PERSISTENT_FORMAT, name_id};
use crate::harness::provider::{CLIENT, Provider, SECRET};
use crate::harness::{Answer, Client, Server, Tenant};
use crate::ldap::{sync, world as ldap};
use crate::oidc::world as oidc;
use crate::on_both;

const TABLE: &str = include_str!("../../docs/security/whose-word-counts.md");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Saml,
    Oidc,
    OAuth,
    Ldap,
    Sync,
    Scim,
}

impl Protocol {
    const ALL: [Self; 6] = [Self::Saml, Self::Oidc, Self::OAuth, Self::Ldap, Self::Sync, Self::Scim];

    fn heading(self) -> &'static str {
        match self {
            Self::Saml => "SAML",
            Self::Oidc => "OIDC",
            Self::OAuth => "OAuth",
            Self::Ldap => "LDAP",
            Self::Sync => "LDAP sync",
            Self::Scim => "SCIM",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Saml => "saml",
            Self::Oidc => "oidc",
            Self::OAuth => "oauth",
            Self::Ldap => "ldap",
            Self::Scim => "scim",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Situation {
    Nobody,
    NobodyElsewhere,
    NobodyUnverified,
    User,
    OtherConnection,
    UnverifiedDomain,
    UnverifiedAddress,
    Password,
    TwoFactor,
    Viewer,
    Administrator,
    OtherAccount,
    Reassigned,
    Renamed,
    Guest,
}

impl Situation {
    const ALL: [(&'static str, Self); 15] = [
        ("an unknown person in a domain of the connection", Self::Nobody),
        ("an unknown person in another domain", Self::NobodyElsewhere),
        ("an unknown person in a domain that is not verified", Self::NobodyUnverified),
        ("a user in a domain of the connection", Self::User),
        ("a user in a domain of another connection", Self::OtherConnection),
        ("a user in a domain that is not verified", Self::UnverifiedDomain),
        ("a user whose address the provider has not verified", Self::UnverifiedAddress),
        ("a user with a password", Self::Password),
        ("a user with two-factor authentication", Self::TwoFactor),
        ("a viewer without a password", Self::Viewer),
        ("an administrator without a password", Self::Administrator),
        ("a user of another account", Self::OtherAccount),
        ("a new person with a reassigned address", Self::Reassigned),
        ("a linked user with a new address", Self::Renamed),
        ("a guest by the name that Entra ID made", Self::Guest),
    ];

    fn domain(self) -> &'static str {
        match self {
            Self::NobodyElsewhere | Self::OtherConnection => "other.example",
            Self::UnverifiedDomain | Self::NobodyUnverified => "pending.example",
            Self::OtherAccount => "globex.example",
            _ => "acme.example",
        }
    }

    fn has_user(self) -> bool {
        let without =
            [Self::Nobody, Self::NobodyElsewhere, Self::NobodyUnverified, Self::OtherAccount, Self::Guest];
        !without.contains(&self)
    }
}

/// A cell of the table.
#[derive(Debug, Clone)]
struct Cell {
    situation: Situation,
    protocol: Protocol,
    expected: String,
}

impl Cell {
    /// The name at the provider, unique in the matrix.
    fn uid(&self) -> String {
        let row = Situation::ALL.iter().position(|(_, known)| *known == self.situation).expect("a row");
        format!("r{row}{}", self.protocol.key())
    }

    fn email(&self) -> String {
        if self.situation == Situation::Guest {
            return format!("{}_partner.example#EXT#@acme.example", self.uid());
        }
        format!("{}@{}", self.uid(), self.situation.domain())
    }
}

/// The table, which must name every situation and protocol.
fn cells() -> Vec<Cell> {
    let rows: Vec<Vec<&str>> = TABLE
        .lines()
        .skip_while(|line| !line.starts_with("| The provider names |"))
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let headings: Vec<&str> = Protocol::ALL.iter().map(|protocol| protocol.heading()).collect();
    assert_eq!(rows[0][1..], headings);
    let named: Vec<&str> = rows[2..].iter().map(|row| row[0]).collect();
    assert_eq!(named, Situation::ALL.map(|(name, _)| name));
    let mut cells = Vec::new();
    for (row, (_, situation)) in rows[2..].iter().zip(Situation::ALL) {
        for (text, protocol) in row[1..].iter().zip(Protocol::ALL) {
            cells.push(Cell { situation, protocol, expected: (*text).to_owned() });
        }
    }
    cells.retain(|cell| cell.expected != "–");
    assert!(cells.len() > 60, "{}", cells.len());
    cells
}

/// One account, and a connection of each protocol that lists the same domains.
struct Matrix<'s> {
    server: &'s Server,
    tenant: Tenant,
    api: Client,
    saml: idp::Provider,
    oidc: oidc::World<'s>,
    oauth: oidc::World<'s>,
    ldap: ldap::World<'s>,
    scim: Client,
}

const LISTED: [&str; 3] = ["acme.example", "pending.example", "globex.example"];

impl<'s> Matrix<'s> {
    async fn new(server: &'s Server, slapd: &Slapd) -> Self {
        let tenant = server.tenant("acme").await;
        server.tenant("globex").await;
        let api = server.client().bearer(&tenant.token);
        let listed = json!({"jit": {"enabled": true}, "email_domains": LISTED});
        let saml = idp::Provider::new(server, &tenant, listed.clone()).await;
        let other = json!({"name": "Other", "email_domains": ["other.example"]});
        let other = idp::Provider::new(server, &tenant, other).await;
        server.verify_domain("acme", "other.example", &[&other.id]).await;
        let provider = Provider::start(&server.clock).await;
        let connection = create_connection(&api, &oidc_body("OpenID", &provider, json!({}))).await;
        let oidc = oidc::World { server, tenant: tenant.clone(), provider, connection, user: String::new() };
        let provider = Provider::start(&server.clock).await;
        provider.says().no_id_token = true;
        let github = oidc_body("OAuth", &provider, json!({"preset": "github"}));
        let connection = create_connection(&api, &github).await;
        let oauth = oidc::World { server, tenant: tenant.clone(), provider, connection, user: String::new() };
        let mut body = ldap::body(slapd);
        body["email_domains"] = json!(LISTED);
        body["group_sync"] = json!(true);
        let connection = create_connection(&api, &body).await;
        let path = format!("/api/v1/connections/{connection}");
        api.patch(&path, &json!({"is_default": true})).await.expect(200);
        let ldap = ldap::World { server, tenant: tenant.clone(), connection };
        let (id, token) = server.scim(&tenant, "Provisioning").await;
        api.patch(&format!("/api/v1/connections/{id}"), &json!({"email_domains": LISTED})).await.expect(200);
        let scim = server.client().bearer(&token);
        Self { server, tenant, api, saml, oidc, oauth, ldap, scim }
    }

    /// Creates the user that the cell is about: the id.
    async fn prepare(&self, cell: &Cell) -> Option<String> {
        let email = cell.email();
        if !cell.situation.has_user() {
            return None;
        }
        let password = (cell.situation == Situation::Password).then_some("a good long password");
        let id = create_user(&self.api, &email, password).await;
        match cell.situation {
            Situation::TwoFactor => self.enrol(&id).await,
            Situation::Viewer => bind_role(self.server, "acme", &id, Role::AccountViewer).await,
            Situation::Administrator => bind_role(self.server, "acme", &id, Role::AccountAdmin).await,
            _ => {}
        }
        Some(id)
    }

    /// Marks a user as enrolled, which is what the rules ask about.
    async fn enrol(&self, id: &str) {
        let mut tx = self.server.kernel.db.begin().await.expect("tx");
        sqlx::query(
            "INSERT INTO enrolments (user_id, account_id, enrolled_at) SELECT id, account_id, 0 FROM users WHERE id = $1",
        )
        .bind(id)
        .execute(&mut *tx)
        .await
        .expect("enrolled");
        tx.commit().await.expect("commit");
    }

    /// Lets the provider name a person, and signs in.
    async fn sign_in(&mut self, cell: &Cell, subject: &str, email: &str) -> (Answer, Client) {
        let row = cell.situation as u8;
        let browser = self.server.client().from(&format!("10.8.{row}.{}", cell.protocol as u8 + 1));
        let verified = cell.situation != Situation::UnverifiedAddress;
        let answer = match cell.protocol {
            Protocol::Saml => {
                self.saml.attributes = vec![("email".into(), email.into())];
                let format =
                    if cell.situation == Situation::Guest { EMAIL_FORMAT } else { PERSISTENT_FORMAT };
                self.saml.name_id =
                    Some(name_id(format, if format == EMAIL_FORMAT { email } else { subject }));
                if cell.situation == Situation::Guest {
                    self.saml.refused(self.server).await
                } else {
                    self.saml.sign_in(self.server, &browser, email).await
                }
            }
            Protocol::Oidc => {
                self.oidc.provider.claim("sub", json!(subject));
                self.oidc.provider.claim("email", json!(email));
                self.oidc.provider.claim("email_verified", json!(verified));
                come_in(&self.oidc, &browser).await
            }
            Protocol::OAuth => {
                let id: u64 = subject.bytes().fold(7, |sum, byte| sum * 31 % 1_000_003 + u64::from(byte));
                let address =
                    json!({"email": email, "primary": true, "verified": verified, "visibility": null});
                self.oauth.provider.says().pages.extend([
                    (
                        "/api/v3/user".to_owned(),
                        json!({"id": id, "login": "somebody", "name": null, "email": null}),
                    ),
                    ("/api/v3/user/emails".to_owned(), json!([address])),
                ]);
                come_in(&self.oauth, &browser).await
            }
            Protocol::Ldap => self.ldap.try_in(&browser, subject, PASSWORD).await,
            Protocol::Sync | Protocol::Scim => unreachable!("nobody signs in with it"),
        };
        (answer, browser)
    }

    /// What a sign-in came to, in the words of the table.
    async fn outcome(&self, answer: &Answer, browser: &Client, before: Option<&str>) -> String {
        if answer.status.as_u16() != 303 {
            return self.server.last_refusal(&self.tenant).await;
        }
        let to = answer.location().expect("a redirect");
        if to.starts_with("/login/confirm-link") {
            return "password".to_owned();
        }
        if to.starts_with("/login/second-factor") {
            let page = browser.get(&to).await.expect(200);
            assert!(page.body.contains("Confirm that this is you"), "{}", page.body);
            return "2FA".to_owned();
        }
        let me = browser.get("/api/v1/me").await.ok();
        match before {
            None => "created".to_owned(),
            Some(id) if me["id"] == json!(id) => "linked".to_owned(),
            Some(_) => panic!("signed in as somebody else: {me}"),
        }
    }

    async fn try_sign_in(&mut self, cell: &Cell, slapd: &Slapd) {
        let before = self.prepare(cell).await;
        let (uid, email) = (cell.uid(), cell.email());
        let mut subject = uid.clone();
        let mut named = email.clone();
        if matches!(cell.situation, Situation::Reassigned | Situation::Renamed) {
            let (answer, browser) = self.sign_in(cell, &subject, &email).await;
            assert_eq!(self.outcome(&answer, &browser, before.as_deref()).await, "linked", "{cell:?}");
            if cell.situation == Situation::Reassigned {
                if cell.protocol == Protocol::Ldap {
                    replace_entry(slapd, &uid, &email).await;
                } else {
                    subject = format!("{uid}-2");
                }
            } else {
                named = format!("new-{email}");
                if cell.protocol == Protocol::Ldap {
                    rename(slapd, &uid, &named).await;
                }
            }
        }
        let (answer, browser) = self.sign_in(cell, &subject, &named).await;
        let mut found = self.outcome(&answer, &browser, before.as_deref()).await;
        if cell.situation == Situation::Renamed && found == "linked" {
            "same user".clone_into(&mut found);
        }
        assert_eq!(found, cell.expected, "{cell:?}: {}", answer.body);
        if answer.status.as_u16() != 303 || found == "password" || found == "2FA" {
            browser.get("/api/v1/me").await.expect(401);
        }
    }

    async fn try_provisioning(&self, cell: &Cell) {
        let Some(id) = self.prepare(cell).await else {
            let email = cell.email();
            let sent = json!({"userName": email, "emails": [{"value": email, "primary": true}]});
            let answer = self.scim.post("/scim/v2/Users", &sent).await;
            let (user, _) = self.linked(&email).await;
            assert_eq!(answer.status == 201, user.is_some(), "{cell:?}: {}", answer.body);
            let found = if user.is_some() { "created" } else { "not created" };
            assert_eq!(found, cell.expected, "{cell:?}: {}", answer.body);
            return;
        };
        let change = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "displayName", "value": "By the directory"},
                {"op": "replace", "path": "userName", "value": format!("adopted-{}", cell.email())}]});
        let answer = self.scim.patch(&format!("/scim/v2/Users/{id}"), &change).await;
        let found = match answer.status.as_u16() {
            200 => "adopted",
            503 => "held",
            _ => "not adopted",
        };
        assert_eq!(found, cell.expected, "{cell:?}: {}", answer.body);
        let shown = self.api.get(&format!("/api/v1/users/{id}")).await.ok();
        assert_eq!(shown["display_name"] == "By the directory", found == "adopted", "{shown}");
    }

    /// The id of the user called `name`, and whether they are linked to the directory.
    async fn linked(&self, name: &str) -> (Option<String>, usize) {
        let found = self.api.get(&format!("/api/v1/users?user_name={name}")).await.ok();
        let Some(id) = found["items"][0]["id"].as_str().map(str::to_owned) else { return (None, 0) };
        let all = self.api.get(&format!("/api/v1/users/{id}/identities")).await.ok();
        let of_directory = |item: &&Value| item["connection_id"] == json!(self.ldap.connection);
        let count = all["items"].as_array().expect("items").iter().filter(of_directory).count();
        (Some(id), count)
    }

    async fn try_sync(&self, cells: &[Cell], slapd: &Slapd) {
        let mut before = Vec::new();
        for cell in cells {
            before.push(self.prepare(cell).await);
        }
        let by_hand = sync::link(&self.ldap, "Everybody", "everybody").await;
        let run = sync::sync(&self.ldap, json!({})).await;
        assert_eq!(run["status"], "done", "{run}");
        for cell in cells {
            let email = cell.email();
            match cell.situation {
                Situation::Reassigned => replace_entry(slapd, &cell.uid(), &email).await,
                Situation::Renamed => rename(slapd, &cell.uid(), &format!("new-{email}")).await,
                _ => continue,
            }
            assert_eq!(self.linked(&email).await.1, 1, "{cell:?}");
        }
        let mut admin = slapd.admin().await;
        let more = HashSet::from([format!("uid={},ou=people,{BASE}", cells[0].uid())]);
        let dn = format!("cn=everybody,ou=groups,{BASE}");
        admin
            .modify(&dn, vec![Mod::Add("member".to_owned(), more)])
            .await
            .expect("changed")
            .success()
            .expect("changed");
        let run = sync::sync(&self.ldap, json!({})).await;
        assert_eq!(run["status"], "done", "{run}");
        for (cell, before) in cells.iter().zip(before) {
            let email = cell.email();
            let (user, links) = self.linked(&email.replace('#', "%23")).await;
            if cell.situation == Situation::Renamed {
                assert_eq!(self.linked(&format!("new-{email}")).await, (None, 0));
            }
            let [there, missing] = match (&before, cell.situation) {
                (None, _) => ["created", "not linked"],
                (Some(_), Situation::Renamed) => ["same user", "not linked"],
                // The link of the entry that is gone is still there, and no other one.
                (Some(_), Situation::Reassigned) => ["not linked", "linked"],
                (Some(_), _) => ["linked", "not linked"],
            };
            let is_there = if before.is_some() { links == 1 } else { user.is_some() };
            let found = if is_there { there } else { missing };
            assert_eq!(found, cell.expected, "{cell:?}");
            assert!(before.is_none() || before == user, "{cell:?}");
        }
        drop(by_hand);
    }
}

fn oidc_body(name: &str, provider: &Provider, more: Value) -> Value {
    let mut body = json!({"kind": "oidc", "name": name, "issuer": provider.url, "client_id": CLIENT,
        "client_secret": SECRET, "jit": {"enabled": true}, "email_domains": LISTED});
    body.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
    body
}

async fn create_connection(api: &Client, body: &Value) -> String {
    let made = api.post("/api/v1/connections", body).await.created();
    let id = made["id"].as_str().expect("id").to_owned();
    let on = json!({"enabled": true, "override_untested": true});
    api.patch(&format!("/api/v1/connections/{id}"), &on).await.expect(200);
    id
}

/// Signs in up to where that leads, also if the response itself is refused.
async fn come_in(world: &oidc::World<'_>, browser: &Client) -> Answer {
    let handed = world.come_back(browser).await;
    match handed.location() {
        Some(to) if handed.status == 303 => browser.get(&to).await,
        _ => handed,
    }
}

fn dn_of(uid: &str) -> String {
    format!("uid={uid},ou=people,{BASE}")
}

async fn rename(slapd: &Slapd, uid: &str, email: &str) {
    slapd.replace(&dn_of(uid), "mail", email).await;
}

/// Deletes an entry, and creates another one with the same name and address: another person.
async fn replace_entry(slapd: &Slapd, uid: &str, email: &str) {
    let mut admin = slapd.admin().await;
    admin.delete(&dn_of(uid)).await.expect("deleted").success().expect("deleted");
    let one = |value: &str| HashSet::from([value.to_owned()]);
    let entry = vec![
        ("objectClass".to_owned(), one("inetOrgPerson")),
        ("uid".to_owned(), one(uid)),
        ("cn".to_owned(), one("Another")),
        ("sn".to_owned(), one("Person")),
        ("mail".to_owned(), one(email)),
        ("userPassword".to_owned(), one(PASSWORD)),
    ];
    admin.add(&dn_of(uid), entry).await.expect("added").success().expect("added");
}

/// The people of the cells that a directory is asked about, and a group to sync.
fn people(cells: &[Cell]) -> String {
    let mut text = String::new();
    for cell in cells.iter().filter(|cell| matches!(cell.protocol, Protocol::Ldap | Protocol::Sync)) {
        let uid = cell.uid();
        let entry = person(&uid, &[])
            .replace(&format!("mail: {uid}@acme.example"), &format!("mail: {}", cell.email()));
        write!(text, "{entry}").expect("text");
    }
    let first = cells.iter().find(|cell| cell.protocol == Protocol::Ldap).expect("a person").uid();
    text + &group("everybody", &[format!("uid={first},ou=people")])
}

on_both! {
    with Server::inside;

    async fn every_cell_of_the_table(server: Server) {
        let cells = cells();
        let slapd = Slapd::start(&people(&cells));
        let mut matrix = Matrix::new(server, &slapd).await;
        for cell in cells.iter().filter(|cell| !matches!(cell.protocol, Protocol::Sync | Protocol::Scim)) {
            matrix.try_sign_in(cell, &slapd).await;
        }
        for cell in cells.iter().filter(|cell| cell.protocol == Protocol::Scim) {
            matrix.try_provisioning(cell).await;
        }
        let synced: Vec<Cell> = cells.iter().filter(|cell| cell.protocol == Protocol::Sync).cloned().collect();
        matrix.try_sync(&synced, &slapd).await;
    }
}
