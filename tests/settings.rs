//! The authentication settings: limits, effects, and the change that would lock everybody out.

mod round_trip;
mod unreadable;

use serde_json::{Value, json};

use crate::harness::{Client, Server};
use crate::on_both;

const PATH: &str = "/api/v1/authentication-settings";
const DAY: u64 = 24 * 60 * 60;

async fn effects(api: &Client, change: &Value) -> String {
    api.post(&format!("{PATH}/preview"), change).await.ok()["effects"].to_string()
}

on_both! {
    async fn every_member_has_its_limits(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let defaults = api.get(PATH).await.ok();
        assert_eq!((&defaults["lockout"]["attempts"], &defaults["password"]["refuse_common"]), (&json!(10), &json!(true)));
        for (change, field) in [
            (json!({"password": {"min_length": 0}}), "password.min_length"),
            (json!({"password": {"min_length": 129}}), "password.min_length"),
            (json!({"password": {"history": 25}}), "password.history"),
            (json!({"password": {"expires_after_days": 10, "warn_before_days": 10}}), "password.warn_before_days"),
            (json!({"lockout": {"attempts": 2}}), "lockout.attempts"),
            (json!({"lockout": {"attempts": 21}}), "lockout.attempts"),
            (json!({"lockout": {"duration_minutes": 0}}), "lockout.duration_minutes"),
            (json!({"session": {"inactivity_minutes": 29}}), "session.inactivity_minutes"),
            (json!({"session": {"absolute_minutes": 4321}}), "session.absolute_minutes"),
            (json!({"lockout": {"notify_group": "0"}}), "lockout.notify_group"),
            (json!({"mail_sender_name": "Acme\r\nBcc: eve@evil.example"}), "mail_sender_name"),
            (json!({"lockout": {"tries": 3}}), "lockout.tries"),
        ] {
            let refused = api.patch(PATH, &change).await.expect(422);
            assert_eq!(refused.value()["errors"][0]["field"], field, "{change}");
        }
        assert_eq!(api.get(PATH).await.ok(), defaults, "nothing of it was kept");
        let change = json!({"password": {"min_length": 14, "history": 5}, "sso_invitations": "notice", "mail_sender_name": "Acme Login"});
        let now = api.patch(PATH, &change).await.ok();
        assert_eq!((&now["password"]["min_length"], &now["password"]["refuse_common"]), (&json!(14), &json!(true)));
        assert_eq!((&now["sso_invitations"], &now["mail_sender_name"]), (&json!("notice"), &json!("Acme Login")));
        let events = server.audit(&tenant).await;
        let event = events.iter().find(|e| e["action"] == "authentication_settings.update").expect("event");
        assert_eq!(event["detail"]["before"], json!({"password.min_length": 10, "password.history": 0, "sso_invitations": "invite", "mail_sender_name": null}));
        assert_eq!(event["detail"]["after"]["password.min_length"], 14);
        assert_eq!(api.patch(PATH, &json!({"mail_sender_name": null})).await.ok()["mail_sender_name"], json!(null));
    }

    async fn a_change_says_whom_it_affects_before_it_is_made(server: Server) {
        let tenant = server.tenant("acme").await;
        server.add_user(&tenant, "bob@acme.example", "a good long password").await;
        server.add_user(&tenant, "eve@elsewhere.example", "a good long password").await;
        server.advance(100 * DAY);
        server.add_user(&tenant, "new@acme.example", "a good long password").await;
        let old = server.client();
        old.sign_in("acme", "bob@acme.example", "a good long password").await.expect(303);
        server.advance(3600);
        let api = server.client().bearer(&tenant.token);
        let said = effects(&api, &json!({"password": {"expires_after_days": 90}})).await;
        assert!(said.contains("3 users have a password older than 90 days"), "{said}");
        let said = effects(&api, &json!({"session": {"inactivity_minutes": 30}})).await;
        assert!(said.contains("1 session ends immediately"), "{said}");
        let said = effects(&api, &json!({"email_domains": ["acme.example"]})).await;
        assert!(said.contains("1 active user is outside the allowed domains"), "{said}");
        old.get("/api/v1/me").await.expect(200);

        let console = server.client();
        console.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let form = console.get("/console/settings").await.expect(200);
        let mut fields: Vec<(&str, String)> = ["min_length", "history", "attempts", "duration", "inactivity", "absolute", "grace_days", "remember_days", "warn_before_days"]
            .into_iter()
            .map(|name| (name, value_of(&form.body, name)))
            .collect();
        fields.extend([("expires_after_days", "90".to_owned()), ("duration_unit", "hours".to_owned()), ("local_login", "on".to_owned()), ("refuse_common", "on".to_owned()), ("notify_user", "on".to_owned()), ("sso_invitations", "invite".to_owned())]);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let review = console.form("/console/settings", &fields).await.expect(200);
        assert!(review.body.contains("Review changes") && review.body.contains("3 users have a password older than 90 days"), "{}", review.body);
        assert!(review.body.contains("Lockout duration") && review.body.contains("<td>15 hours</td>"), "{}", review.body);
        assert_eq!(api.get(PATH).await.ok()["password"]["expires_after_days"], 0, "not yet");
        let back = console.form("/console/settings", &[&fields[..], &[("edit", "yes")]].concat()).await.expect(200);
        assert_eq!(value_of(&back.body, "expires_after_days"), "90", "what was typed is kept");
        console.form("/console/settings", &[&fields[..], &[("confirmed", "yes")]].concat()).await.expect(303);
        let now = api.get(PATH).await.ok();
        assert_eq!((&now["password"]["expires_after_days"], &now["lockout"]["duration_minutes"]), (&json!(90), &json!(900)));
    }

    async fn a_change_that_locks_every_administrator_out_is_refused(server: Server) {
        let tenant = server.tenant("acme").await;
        let api = server.client().bearer(&tenant.token);
        let refused = api.patch(PATH, &json!({"email_domains": ["elsewhere.example"]})).await.expect(409);
        assert!(refused.body.contains("All administrators would be locked out"), "{}", refused.body);
        let console = server.client();
        console.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        let refused = console.patch(PATH, &json!({"email_domains": ["elsewhere.example"]})).await.expect(409);
        assert!(refused.body.contains("lock yourself out"), "{}", refused.body);

        // Their domain leads to an identity provider nobody has come through: the local page is the only way.
        let idp = crate::harness::idp::Idp::ec("https://idp.example/metadata");
        let body = json!({"kind": "saml", "name": "Company", "metadata_xml": idp.metadata(), "email_domains": ["acme.example"]});
        let made = api.post("/api/v1/connections", &body).await.created();
        let path = format!("/api/v1/connections/{}", made["id"].as_str().expect("id"));
        api.patch(&path, &json!({"enabled": true, "override_untested": true})).await.expect(200);
        let refused = api.patch(PATH, &json!({"local_login": false})).await.expect(409);
        assert!(refused.body.contains("no administrator can sign in"), "{}", refused.body);
        api.patch(&path, &json!({"enabled": false})).await.expect(200);
        api.patch(PATH, &json!({"local_login": false})).await.expect(200);
    }

    async fn settings_count_on_all_nodes_at_the_next_request(server: Server) {
        let tenant = server.tenant("acme").await;
        let other = Server::beside(server).await;
        let browser = other.client();
        browser.sign_in("acme", &tenant.email, &tenant.password).await.expect(303);
        server.advance(31 * 60);
        let api = server.client().bearer(&tenant.token);
        api.patch(PATH, &json!({"session": {"inactivity_minutes": 30}})).await.expect(200);
        browser.get("/api/v1/me").await.expect(401);
    }
}

fn value_of(page: &str, name: &str) -> String {
    let at = page.find(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no {name}"));
    let tag = &page[at..at + page[at..].find('>').expect("an end")];
    let value = tag.split("value=\"").nth(1).unwrap_or_else(|| panic!("no value in {tag}"));
    value.split('"').next().expect("a quote").to_owned()
}
