//! Whose a host is: that of the account that has verified its domain.

use reqwest::Method;
use serde_json::{Value, json};

use super::world::{PASSWORD, Site, text};
use crate::harness::{Answer, Client, Server, Tenant};
use crate::on_both;

async fn register(api: &Client, hosts: &[&str]) -> Answer {
    api.post("/api/v1/apps", &json!({"kind": "forward_auth", "name": "Portal", "hosts": hosts})).await
}

/// The status of the answer to the proxy of an application, about a request at this host.
async fn asked(server: &Server, app: &str, host: &str) -> u16 {
    let client = server.client();
    let request = client.request(Method::GET, &format!("/forward-auth/{app}"));
    let request = request.header("x-forwarded-host", host).header("x-forwarded-proto", "http");
    let request = request.header("x-forwarded-method", "GET").header("x-forwarded-uri", "/");
    client.send(request.header("accept", "application/json")).await.status.as_u16()
}

async fn app(api: &Client, id: &str) -> Value {
    api.get(&format!("/api/v1/apps/{id}")).await.ok()
}

async fn page(server: &Server, tenant: &Tenant, path: &str) -> String {
    let browser = server.client();
    browser.sign_in("globex", &tenant.email, &tenant.password).await.expect(303);
    browser.get(path).await.expect(200).body
}

on_both! {
    async fn a_host_is_that_of_the_account_that_verifies_its_domain(server: Server) {
        let (acme, globex) = (server.tenant("acme").await, server.tenant("globex").await);
        let (ours, theirs) = (server.client().bearer(&acme.token), server.client().bearer(&globex.token));
        let squatted = ["brand.example", "deep.down.brand.example:8443", "pay.brand.example"];
        let id = text(&register(&theirs, &[&squatted[..], &["notbrand.example", "globex.test"][..]].concat()).await.created()["id"]);
        for host in squatted {
            assert_eq!(asked(server, &id, host).await, 401, "{host}: not verified yet");
        }
        assert!(!page(server, &globex, &format!("/console/apps/{id}")).await.contains("does not work there"));
        register(&ours, &["pay.brand.example"]).await.expect(422);
        server.verify_domain("acme", "brand.example", &[]).await;
        for host in squatted {
            assert_eq!(asked(server, &id, host).await, 400, "{host}");
        }
        for host in ["notbrand.example", "globex.test"] {
            assert_eq!(asked(server, &id, host).await, 401, "{host}: in no domain of the other account");
        }
        let shown = app(&theirs, &id).await;
        assert_eq!(shown["ineffective_hosts"], json!(squatted));
        assert_eq!(shown["hosts"].as_array().map(Vec::len), Some(5));
        let shown = page(server, &globex, &format!("/console/apps/{id}")).await;
        assert!(shown.contains("Another account on this server has verified the domain of"), "{shown}");
        assert!(page(server, &globex, "/console/apps").await.contains("hosts without effect"));

        // The owner takes it over, whatever the port, and the other account is told.
        let own = text(&register(&ours, &["pay.brand.example:8443"]).await.created()["id"]);
        assert_eq!(asked(server, &own, "pay.brand.example:8443").await, 401);
        assert_eq!(asked(server, &id, "pay.brand.example").await, 400);
        assert_eq!(app(&theirs, &id).await["ineffective_hosts"], json!(squatted));
        let events = server.audit(&globex).await;
        let taken = events.iter().find(|e| e["action"] == "app.update").expect("an event");
        assert_eq!((&taken["actor"]["name"], &taken["resource"]["id"]), (&json!("system"), &json!(id)));
        assert_eq!(taken["detail"]["ineffective_hosts"], json!(["pay.brand.example"]));
        assert!(!json!(events).to_string().contains("acme"), "{events:?}");

        // Other changes of the application are possible, and the host does not come back.
        let path = format!("/api/v1/apps/{id}");
        theirs.patch(&path, &json!({"name": "Renamed"})).await.expect(200);
        let same = json!({"hosts": app(&theirs, &id).await["hosts"]});
        assert_eq!(theirs.patch(&path, &same).await.ok()["ineffective_hosts"], json!(squatted));
        let without = theirs.patch(&path, &json!({"hosts": ["globex.test"]})).await.ok();
        assert_eq!((&without["hosts"], &without["ineffective_hosts"]), (&json!(["globex.test"]), &json!([])));
        for host in ["pay.brand.example", "new.brand.example", "BRAND.example"] {
            let refused = theirs.patch(&path, &json!({"hosts": [host]})).await.expect(422).value();
            assert_eq!(refused["field"], "hosts", "{refused}");
        }
        assert_eq!(asked(server, &own, "pay.brand.example:8443").await, 401);
        theirs.delete(&path).await.expect(204);
        assert_eq!(asked(server, &own, "pay.brand.example:8443").await, 401);
    }

    async fn a_session_at_a_host_ends_with_the_verification(server: Server) {
        let site = Site::with(server, json!({"allow_tokens": true})).await;
        let bob = site.user("bob").await;
        let browser = site.person("bob").await;
        assert_eq!(site.navigate(&browser, "/").await.status, 200);
        let token = site.api.post("/api/v1/service-accounts", &json!({"name": "robot", "role": "account_viewer"})).await.created();
        let token = json!({"name": "t", "service_account_id": text(&token["id"]), "application": site.id});
        let robot = server.client().bearer(&text(&site.api.post("/api/v1/api-tokens", &token).await.created()["token"]));
        let without_host = async |client: &Client| client.get(&site.url(&format!("/forward-auth/{}", site.id))).await.status;
        assert_eq!(without_host(&robot).await, 200);
        assert_eq!(without_host(&browser).await, 200);
        server.tenant("globex").await;
        server.verify_domain("globex", "app.test", &[]).await;
        for client in [&browser, &robot] {
            site.navigate(client, "/").await.expect(400);
            assert_eq!(without_host(client).await, 400);
        }
        let newcomer = server.client();
        newcomer.get(&format!("/login/apps/{}", site.id)).await.expect(400);
        newcomer.get(&format!("/login/apps/{}?return_to={}", site.id, site.url("/"))).await.expect(400);
        newcomer.get(&site.url("/.vestibule/sign-in")).await.expect(404);
        newcomer.get(&site.url("/.vestibule/sign-out")).await.expect(404);
        // Here, the user is signed in as before.
        server.client().sign_in("acme", "bob@acme.example", PASSWORD).await.expect(303);
        assert_eq!(site.api.get(&format!("/api/v1/users/{bob}")).await.ok()["status"], "active");
    }

    async fn the_nearest_verified_domain_decides(server: Server) {
        let (acme, globex) = (server.tenant("acme").await, server.tenant("globex").await);
        let (ours, theirs) = (server.client().bearer(&acme.token), server.client().bearer(&globex.token));
        server.verify_domain("acme", "brand.example", &[]).await;
        server.verify_domain("globex", "labs.brand.example", &[]).await;
        for (api, host, status) in [
            (&ours, "app.labs.brand.example", 422),
            (&ours, "labs.brand.example", 422),
            (&theirs, "app.brand.example", 422),
            (&theirs, "brand.example", 422),
            (&theirs, "app.labs.brand.example", 201),
            (&theirs, "labs.brand.example", 201),
            (&ours, "app.brand.example", 201),
            (&ours, "xlabs.brand.example", 201),
        ] {
            let answer = register(api, &[host]).await.expect(status);
            if status == 201 {
                assert_eq!(asked(server, &text(&answer.value()["id"]), host).await, 401, "{host}");
            }
        }
    }

    async fn a_domain_without_a_proof_takes_no_host(server: Server) {
        let (acme, globex) = (server.tenant("acme").await, server.tenant("globex").await);
        let (ours, theirs) = (server.client().bearer(&acme.token), server.client().bearer(&globex.token));
        let id = text(&register(&theirs, &["app.brand.example"]).await.created()["id"]);
        let claim = ours.post("/api/v1/domains", &json!({"domain": "brand.example"})).await.created();
        for grace in [false, true] {
            if grace {
                let mut tx = server.kernel.db.begin().await.expect("tx");
                let later = server.clock.now().0 + 86_400_000;
                sqlx::query("UPDATE domains SET grace_until = $1 WHERE id = $2")
                    .bind(later)
                    .bind(text(&claim["id"]))
                    .execute(&mut *tx)
                    .await
                    .expect("in grace");
                tx.commit().await.expect("commit");
            }
            register(&ours, &["app.brand.example"]).await.expect(422);
            assert_eq!(asked(server, &id, "app.brand.example").await, 401, "grace: {grace}");
            assert_eq!(app(&theirs, &id).await["ineffective_hosts"], json!([]));
        }
        // Verified and given up again: the host counts as before, as nobody has registered it meanwhile.
        server.verify_domain("acme", "brand.example", &[]).await;
        assert_eq!(asked(server, &id, "app.brand.example").await, 400);
        ours.delete(&format!("/api/v1/domains/{}", text(&claim["id"]))).await.expect(204);
        assert_eq!(asked(server, &id, "app.brand.example").await, 401);
        assert_eq!(app(&theirs, &id).await["ineffective_hosts"], json!([]));
    }

    async fn a_registration_does_not_precede_a_verification(server: Server) {
        let (acme, globex) = (server.tenant("acme").await, server.tenant("globex").await);
        let (ours, theirs) = (server.client().bearer(&acme.token), server.client().bearer(&globex.token));
        for round in 0..20 {
            let (domain, host) = (format!("race{round}.example"), format!("app.race{round}.example"));
            let barrier = tokio::sync::Barrier::new(2);
            let verify = async {
                barrier.wait().await;
                server.verify_domain("acme", &domain, &[]).await;
            };
            let squat = async {
                barrier.wait().await;
                register(&theirs, &[&host]).await
            };
            let ((), squatted) = tokio::join!(verify, squat);
            if squatted.status == 201 {
                let id = text(&squatted.value()["id"]);
                assert_eq!(asked(server, &id, &host).await, 400, "round {round}");
                assert_eq!(app(&theirs, &id).await["ineffective_hosts"], json!([host]), "round {round}");
            } else {
                squatted.expect(422);
            }
            let own = text(&register(&ours, &[&host]).await.created()["id"]);
            assert_eq!(asked(server, &own, &host).await, 401, "round {round}");
        }
    }
}
