//! Invitations: sent, followed, sent again, taken back.

use serde_json::{Value, json};

use crate::harness::idp::Provider;
use crate::harness::{Answer, Client, Server, mail};
use crate::on_both;

async fn invite(api: &Client, body: &Value) -> Vec<Value> {
    let made = api.post("/api/v1/invitations", body).await.created();
    made["items"].as_array().expect("items").clone()
}

async fn accept(client: &Client, token: &str) -> Answer {
    let fields = [
        ("token", token),
        ("given_name", "Bob"),
        ("family_name", "Builder"),
        ("password", "a good long password"),
    ];
    client.form("/invite", &fields).await
}

on_both! {
    async fn the_invited_person_chooses_a_password_and_is_in(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let group = api.post("/api/v1/groups", &json!({"name": "Makers"})).await.created();
        let body = json!({"emails": ["Bob@acme.example"], "groups": [group["id"]], "roles": ["account_viewer"], "landing_url": "https://app.acme.example/start"});
        let made = invite(&api, &body).await;
        assert_eq!(made[0]["status"], "invited");
        let user = format!("/api/v1/users/{}", made[0]["user_id"].as_str().expect("id"));
        assert_eq!(api.get(&user).await.ok()["status"], "pending");
        server.client().sign_in("acme", "bob@acme.example", "a good long password").await.expect(401);
        let mail = server.mail("Bob@acme.example", "invited to acme").await;
        assert!(mail.text.contains("tests has invited you"), "{}", mail.text);
        assert!(mail.from.starts_with("acme <") || mail.from.starts_with("\"acme\" <"), "{}", mail.from);
        let token = mail.token();
        let page = server.client().get(&format!("/invite?token={token}")).await.expect(200);
        assert!(page.body.contains("Bob@acme.example"));
        let browser = server.client();
        let landed = accept(&browser, &token).await.expect(303);
        assert_eq!(landed.location().as_deref(), Some("https://app.acme.example/start"));
        let me = browser.get("/api/v1/me").await.ok();
        assert_eq!((&me["display_name"], &me["groups"], &me["roles"]), (&json!("Bob Builder"), &json!(["Makers"]), &json!(["account_viewer"])));
        accept(&server.client(), &token).await.expect(410);
        server.client().get(&format!("/invite?token={token}")).await.expect(410);
        server.client().sign_in("acme", "bob@acme.example", "a good long password").await.expect(303);
        let list = api.get("/api/v1/invitations").await.ok();
        assert_eq!(list["items"][0]["status"], "accepted");
        assert_eq!(api.get("/api/v1/invitations?open=true").await.ok()["items"], json!([]));
        let events = server.audit(&tenant).await;
        for action in ["invitation.create", "invitation.accept", "user.activate"] {
            assert!(events.iter().any(|e| e["action"] == action), "{action}");
        }
    }

    async fn many_at_once_each_answered_by_itself(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        api.patch("/api/v1/authentication-settings", &json!({"email_domains": ["acme.example"]})).await.expect(200);
        invite(&api, &json!({"emails": ["early@acme.example"]})).await;
        let emails = json!({"emails": ["a@acme.example", "b@acme.example", "A@acme.example", "nonsense", tenant.email, "early@acme.example", "x@elsewhere.example", "c@acme.example\r\nBcc: eve@evil.example"]});
        let made = invite(&api, &emails).await;
        let said: Vec<_> = made.iter().map(|o| o["status"].as_str().expect("status")).collect();
        assert_eq!(said, ["invited", "invited", "refused", "refused", "refused", "refused", "refused", "refused"]);
        let reasons: Vec<_> = made.iter().skip(2).map(|o| o["reason"].as_str().expect("reason")).collect();
        assert!(reasons[0].contains("more than once") && reasons[2].contains("already a user") && reasons[3].contains("already been invited") && reasons[4].contains("domain"), "{reasons:?}");
        assert_eq!(server.mails_queued().await, 3);
        for body in [json!({"emails": []}), json!({"emails": vec!["a@b.example"; 501]}), json!({"emails": ["n@acme.example"], "groups": ["0"]}),
            json!({"emails": ["n@acme.example"], "landing_url": "javascript:alert(1)"}), json!({"emails": ["n@acme.example"], "landing_url": "//evil.example"}),
            json!({"emails": ["n@acme.example"], "roles": ["king"]})] {
            api.post("/api/v1/invitations", &body).await.expect(422);
        }
        assert_eq!(api.get("/api/v1/users?user_name=n@acme.example").await.ok()["items"], json!([]), "half an invitation never exists");
    }

    async fn the_console_takes_a_pasted_list_and_a_file(server: Server) {
        let tenant = server.tenant("acme").await;
        let console = server.client();
        console.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let form = reqwest::multipart::Form::new().text("people", "Ada Lovelace <ada@acme.example>; bob@acme.example").text("role", "").text("landing_url", "");
        let done = console.send(console.request(reqwest::Method::POST, "/console/invitations").multipart(form)).await;
        assert_eq!(done.expect(303).location().as_deref(), Some("/console/invitations?notice=invited"));
        let csv = reqwest::multipart::Part::text("email,given_name\ncid@acme.example,Cid\nbob@acme.example,Bob\n").file_name("people.csv");
        let form = reqwest::multipart::Form::new().text("people", "").part("file", csv);
        let page = console.send(console.request(reqwest::Method::POST, "/console/invitations").multipart(form)).await.expect(200);
        assert!(page.body.contains("already been invited") && page.body.contains("cid@acme.example"), "{}", page.body);
        let list = console.get("/console/invitations").await.expect(200);
        for name in ["ada@acme.example", "bob@acme.example", "cid@acme.example"] {
            assert!(list.body.contains(name), "{name}");
        }
        let api = server.client().bearer(&tenant.token);
        let ada = api.get("/api/v1/users?user_name=ada@acme.example").await.ok();
        assert_eq!(ada["items"][0]["display_name"], "Ada Lovelace");
    }

    async fn sent_again_linked_and_taken_back(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let made = invite(&api, &json!({"emails": ["bob@acme.example", "eve@acme.example"]})).await;
        let (bob, eve) = (&made[0], &made[1]);
        let first = server.mail("bob@acme.example", "invited").await.token();
        server.advance(8 * 24 * 3600);
        let path = format!("/api/v1/invitations/{}", bob["id"].as_str().expect("id"));
        assert_eq!(api.get(&path).await.ok()["status"], "expired");
        accept(&server.client(), &first).await.expect(410);
        api.post(&format!("{path}/resend"), &json!({})).await.expect(202);
        assert_eq!(api.get(&path).await.ok()["status"], "pending");
        let folder = server.dir.path().join("outbox");
        let mails = mail::wait_for(&folder, 2, |m| m.to.contains("bob")).await;
        let second = mails.iter().map(mail::Mail::token).find(|token| *token != first).expect("a new link");
        let link = api.post(&format!("{path}/link"), &json!({})).await.ok()["url"].as_str().expect("url").to_owned();
        assert!(link.starts_with(&format!("{}/invite?token=", server.url)));
        accept(&server.client(), &second).await.expect(410);
        accept(&server.client(), link.split("token=").nth(1).expect("token")).await.expect(303);
        api.post(&format!("{path}/resend"), &json!({})).await.expect(409);
        api.delete(&path).await.expect(409);

        let path = format!("/api/v1/invitations/{}", eve["id"].as_str().expect("id"));
        let token = server.mail("eve@acme.example", "invited").await.token();
        api.delete(&path).await.expect(204);
        accept(&server.client(), &token).await.expect(410);
        api.get(&path).await.expect(404);
        assert_eq!(api.get("/api/v1/users?user_name=eve@acme.example").await.ok()["items"], json!([]));
        invite(&api, &json!({"emails": ["eve@acme.example"]})).await;
        let events = server.audit(&tenant).await;
        for action in ["invitation.resend", "invitation.cancel"] {
            assert!(events.iter().any(|e| e["action"] == action), "{action}");
        }
    }

    async fn a_link_cannot_be_guessed_or_used_for_something_else(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let made = invite(&api, &json!({"emails": ["bob@acme.example"]})).await;
        let token = server.mail("bob@acme.example", "invited").await.token();
        let id = made[0]["id"].as_str().expect("id");
        for wrong in ["", "vst_invite_", "vst_invite_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &token[..token.len() - 1], id] {
            server.client().get(&format!("/invite?token={wrong}")).await.expect(410);
            accept(&server.client(), wrong).await.expect(410);
            server.client().form("/invite/provider", &[("token", wrong)]).await.expect(410);
        }
        server.client().form("/login/reset", &[("token", &token), ("password", "a good long password")]).await.expect(410);
        server.client().form("/setup", &[("token", &token), ("password", "a good long password")]).await.expect(410);
        let (one, two) = (server.client(), server.client());
        let (one, two) = tokio::join!(accept(&one, &token), accept(&two, &token));
        let mut statuses = [one.status.as_u16(), two.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 410], "of two at once one gets in");
    }

    async fn an_invitation_is_nobody_elses(server: Server) {
        let acme = server.tenant("acme").await;
        let globex = server.tenant("globex").await;
        let made = invite(&server.client().bearer(&acme.token), &json!({"emails": ["bob@acme.example"]})).await;
        let other = server.client().bearer(&globex.token);
        let path = format!("/api/v1/invitations/{}", made[0]["id"].as_str().expect("id"));
        other.get(&path).await.expect(404);
        other.delete(&path).await.expect(404);
        other.post(&format!("{path}/resend"), &json!({})).await.expect(404);
        other.post(&format!("{path}/link"), &json!({})).await.expect(404);
        assert_eq!(other.get("/api/v1/invitations").await.ok()["items"], json!([]));
        let user = made[0]["user_id"].as_str().expect("id");
        for action in ["unlock", "password/reset", "sessions/revoke"] {
            other.post(&format!("/api/v1/users/{user}/{action}"), &json!({})).await.expect(404);
        }
    }

    async fn the_invited_come_through_their_identity_provider(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let provider = Provider::new(server, &tenant, json!({"email_domains": ["acme.example"]})).await;
        let made = invite(&api, &json!({"emails": ["bob@acme.example", "eve@acme.example"], "landing_url": "https://app.acme.example/in"})).await;
        assert_eq!(made[0]["status"], "invited");
        // By the link in the mail.
        let token = server.mail("bob@acme.example", "invited").await.token();
        let browser = server.client();
        assert!(browser.get(&format!("/invite?token={token}")).await.expect(200).body.contains("Continue with Company"));
        let sent = browser.form("/invite/provider", &[("token", &token)]).await.expect(303).location().expect("to");
        let landed = provider.answer(server, &browser, &sent, "bob@acme.example").await.expect(303);
        assert_eq!(landed.location().as_deref(), Some("https://app.acme.example/in"));
        assert_eq!(browser.get("/api/v1/me").await.ok()["email"], "bob@acme.example");
        accept(&server.client(), &token).await.expect(410);
        // Or straight from the sign-in page.
        let browser = server.client();
        let fields = [("identifier", "eve@acme.example"), ("account", "acme"), ("return_to", "/")];
        let sent = browser.form("/login", &fields).await.expect(303).location().expect("to");
        provider.answer(server, &browser, &sent, "eve@acme.example").await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["email"], "eve@acme.example");
        let accepted = server.audit(&tenant).await;
        assert_eq!(accepted.iter().filter(|e| e["action"] == "invitation.accept" && e["detail"]["method"] == "saml").count(), 2);
        // A deactivated user is not an invited one.
        let path = format!("/api/v1/users/{}", made[1]["user_id"].as_str().expect("id"));
        api.patch(&path, &json!({"status": "inactive"})).await.expect(200);
        let browser = server.client();
        let sent = browser.form("/login", &fields).await.expect(303).location().expect("to");
        provider.answer(server, &browser, &sent, "eve@acme.example").await.expect(403);
    }

    async fn who_signs_in_through_a_provider_is_active_at_once_if_the_account_says_so(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let provider = Provider::new(server, &tenant, json!({"email_domains": ["acme.example"]})).await;
        let set = async |mode: &str| {
            api.patch("/api/v1/authentication-settings", &json!({"sso_invitations": mode})).await.expect(200);
        };
        set("notice").await;
        let made = invite(&api, &json!({"emails": ["bob@acme.example", "guest@elsewhere.example"]})).await;
        assert_eq!((&made[0]["status"], &made[1]["status"]), (&json!("notified"), &json!("invited")), "a guest has no provider");
        let mail = server.mail("bob@acme.example", "You now have access to acme").await;
        assert!(mail.link().ends_with("/login?account=acme"), "{}", mail.text);
        set("active").await;
        let made = invite(&api, &json!({"emails": ["eve@acme.example"]})).await;
        assert_eq!(made[0]["status"], "active");
        server.mail("guest@elsewhere.example", "invited").await;
        assert_eq!(server.mails_queued().await, 2, "no mail for Eve");
        let browser = server.client();
        let fields = [("identifier", "eve@acme.example"), ("account", "acme"), ("return_to", "/")];
        let sent = browser.form("/login", &fields).await.expect(303).location().expect("to");
        provider.answer(server, &browser, &sent, "eve@acme.example").await.expect(303);
        // Somebody whose password is not here is told so, and gets no way past their company's sign-in.
        server.client().form("/login/forgot", &[("identifier", "eve@acme.example"), ("account", "acme")]).await.expect(200);
        let mail = server.mail("eve@acme.example", "through your identity provider").await;
        assert!(mail.text.contains("Company") && !mail.text.contains("token="), "{}", mail.text);
    }

    async fn whom_a_directory_makes_is_told_how_to_come_in(server: Server) {
        let tenant = server.tenant("acme").await;
        let (_, token) = server.scim(&tenant, "Okta").await;
        let scim = server.client().bearer(&token);
        let make = async |name: &str, active: bool| {
            scim.post("/scim/v2/Users", &json!({"userName": name, "active": active})).await.created();
        };
        // Without single sign-on they have no way in yet.
        make("bob@acme.example", true).await;
        let letter = server.mail("bob@acme.example", "You now have access to acme").await;
        assert!(letter.text.contains("Choose a password"), "{}", letter.text);
        let browser = server.client();
        let fields = [("token", letter.token()), ("password", "a good long password".to_owned())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        browser.form("/setup", &fields).await.expect(303);
        assert_eq!(browser.get("/api/v1/me").await.ok()["user_name"], "bob@acme.example");
        browser.form("/setup", &fields).await.expect(410);
        // Nobody is told who cannot come in, or is there for nothing new.
        make("off@acme.example", false).await;
        Provider::new(server, &tenant, json!({"email_domains": ["acme.example"]})).await;
        let api = server.client().bearer(&tenant.token);
        for (setting, name) in [("notice", "eve@acme.example"), ("active", "ann@acme.example")] {
            api.patch("/api/v1/authentication-settings", &json!({"sso_invitations": setting})).await.ok();
            make(name, true).await;
            while vestibule::provisioning::send_welcome_emails(&server.kernel).await.expect("tells") > 0 {}
        }
        let letter = server.mail("eve@acme.example", "You now have access to acme").await;
        assert!(letter.html.contains("access to acme through Company") && !letter.text.contains("token="), "{}", letter.text);
        let all = mail::all(&server.dir.path().join("outbox"));
        assert!(!all.iter().any(|mail| mail.to.contains("ann@") || mail.to.contains("off@")));
    }
}
