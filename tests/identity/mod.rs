//! Whose word counts: `docs/security/whose-word-counts.md`.

mod addresses;
mod approval;
mod confirmation;
mod matrix;
mod meanwhile;
mod planted;
mod provisioning;
mod renamed;
mod subjects;
mod upgrade;

use serde_json::json;

use crate::harness::idp::{PERSISTENT_FORMAT, Provider, name_id};
use crate::harness::{Answer, Client, Server, Tenant};

/// A SAML connection whose provider creates users.
async fn saml(server: &Server, tenant: &Tenant) -> Provider {
    Provider::new(server, tenant, json!({"jit": {"enabled": true}})).await
}

/// Signs in with this NameID and address: the answer, and the browser.
async fn enter(server: &Server, provider: &mut Provider, name_id: String, email: &str) -> (Answer, Client) {
    provider.name_id = Some(name_id);
    provider.attributes = vec![("email".into(), email.into())];
    let browser = server.client();
    let answer = provider.sign_in(server, &browser, email).await;
    (answer, browser)
}

/// Signs in with this lasting subject and address.
async fn enter_as(server: &Server, provider: &mut Provider, subject: &str, email: &str) -> (Answer, Client) {
    enter(server, provider, name_id(PERSISTENT_FORMAT, subject), email).await
}

/// The id of a new user. With a password if one is given.
async fn create_user(api: &Client, email: &str, password: Option<&str>) -> String {
    let mut body = json!({"user_name": email, "email": email});
    if let Some(password) = password {
        body["password"] = json!(password);
    }
    api.post("/api/v1/users", &body).await.created()["id"].as_str().expect("id").to_owned()
}

/// Gives a user a role, as an administrator does in the console.
async fn bind_role(server: &Server, slug: &str, user_id: &str, role: vestibule::access::Role) {
    use vestibule::access::PrincipalKind;
    use vestibule::audit::Context;
    use vestibule::directory::accounts;
    let mut tx = server.kernel.db.begin().await.expect("tx");
    let account = accounts::by_slug(&mut tx, slug).await.expect("database").expect("account");
    let context = Context::system(&account.id);
    let kind = PrincipalKind::User;
    vestibule::access::bind_role(&mut tx, &context, kind, user_id, user_id, role).await.expect("role");
    tx.commit().await.expect("commit");
}

/// The subjects that are linked to a user.
async fn subjects(api: &Client, user_id: &str) -> Vec<String> {
    let all = api.get(&format!("/api/v1/users/{user_id}/identities")).await.ok();
    let subject = |item: &serde_json::Value| item["subject"].as_str().expect("subject").to_owned();
    all["items"].as_array().expect("items").iter().map(subject).collect()
}
