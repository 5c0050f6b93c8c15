//! Our own keys: published before they are used, used until the new ones take over, and moved from where the
//! first version had them.

use serde_json::{Value, json};

use super::world::{ENTITY, World};
use crate::harness::Server;
use crate::harness::encrypt::{Recipe, encrypt};
use crate::harness::idp::{Idp, Sign, query_of};
use crate::on_both;

async fn step(world: &World<'_>, step: &str) -> crate::harness::Answer {
    let path = format!("/api/v1/connections/{}/keys", world.connection);
    world.api().post(&path, &json!({"step": step})).await
}

async fn states(world: &World<'_>) -> Vec<String> {
    let shown = world.shown().await;
    let keys = shown["saml"]["keys"].as_array().expect("keys").clone();
    let name = |key: &Value| {
        format!("{} {}", key["purpose"].as_str().expect("purpose"), key["state"].as_str().expect("state"))
    };
    keys.iter().map(name).collect()
}

/// Signs in with an assertion that is encrypted with `certificate`.
async fn works_with(world: &World<'_>, certificate: &str) -> bool {
    let browser = world.server.client();
    let taken = world
        .answer(&browser, |idp, says| {
            let assertion = idp.sign(&idp.assertion(&says, true));
            idp.wrap(&says, &encrypt("EncryptedAssertion", &assertion, certificate, Recipe::default()), false)
        })
        .await;
    taken.status == 303
}

async fn our_metadata(world: &World<'_>) -> String {
    world.server.client().get(&format!("/saml/{}/metadata", world.connection)).await.expect(200).body
}

/// Whether the request that is sent now is signed with the key of `certificate`.
async fn signs_with(world: &World<'_>, certificate: &str) -> bool {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let sent = world.server.client().get(&format!("/saml/{}/login", world.connection)).await.expect(303);
    let sent = sent.location().expect("to the provider");
    let query = sent.split_once('?').expect("query").1;
    let signed = query.split("&Signature=").next().expect("signed");
    let signature = STANDARD.decode(query_of(&sent, "Signature").expect("signature")).expect("base64");
    let der = STANDARD.decode(certificate).expect("base64");
    let (_, parsed) = x509_parser::parse_x509_certificate(&der).expect("certificate");
    let key = parsed.public_key().subject_public_key.data.to_vec();
    let algorithm = &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;
    aws_lc_rs::signature::UnparsedPublicKey::new(algorithm, key).verify(signed.as_bytes(), &signature).is_ok()
}

async fn signing_certificate(world: &World<'_>, state: &str) -> String {
    let shown = world.shown().await;
    let keys = shown["saml"]["keys"].as_array().expect("keys").clone();
    let found = keys.iter().find(|key| key["purpose"] == "signing" && key["state"] == state);
    found.expect("a key")["certificate"].as_str().expect("certificate").to_owned()
}

on_both! {
    async fn keys_follow_each_other_without_a_gap(server: Server) {
        let world = World::with(server, "acme", Idp::rsa(ENTITY), json!({"sign_requests": true})).await;
        assert_eq!(states(&world).await, ["signing active", "encryption active"]);
        step(&world, "switch").await.expect(409);
        step(&world, "cancel").await.expect(204);
        let (old, old_signing) = (world.encryption_certificate("active").await, signing_certificate(&world, "active").await);
        step(&world, "publish").await.expect(204);
        step(&world, "publish").await.expect(409);
        let (new, new_signing) = (world.encryption_certificate("next").await, signing_certificate(&world, "next").await);
        let published = our_metadata(&world).await;
        for certificate in [&old, &new, &old_signing, &new_signing] {
            assert!(published.contains(certificate.as_str()));
        }
        let (at_new, at_old) = (published.find(&new).expect("new"), published.find(&old).expect("old"));
        assert!(at_new < at_old, "the key to encrypt with comes first");
        assert!(works_with(&world, &old).await && works_with(&world, &new).await);
        assert!(signs_with(&world, &old_signing).await && !signs_with(&world, &new_signing).await);
        step(&world, "switch").await.expect(204);
        assert!(signs_with(&world, &new_signing).await);
        assert!(works_with(&world, &old).await && works_with(&world, &new).await, "an answer under way");
        assert!(our_metadata(&world).await.contains(&old));
        server.advance(7 * 24 * 60 * 60 + 1);
        let mut tx = server.kernel.db.begin().await.expect("tx");
        vestibule::idp::saml::delete_expired(&mut tx).await.expect("cleaned");
        tx.commit().await.expect("commit");
        assert_eq!(states(&world).await, ["signing active", "encryption active"]);
        assert!(!works_with(&world, &old).await && works_with(&world, &new).await);
        let events = server.audit(&world.tenant).await;
        let steps: Vec<&Value> = events.iter().filter(|e| e["action"] == "connection.rotate_keys").map(|e| &e["detail"]["step"]).collect();
        assert_eq!(steps, [&json!("switched"), &json!("published")]);
        // Published ones can be taken back.
        step(&world, "publish").await.expect(204);
        step(&world, "cancel").await.expect(204);
        assert_eq!(states(&world).await.len(), 2);
        let trail = Value::Array(server.audit(&world.tenant).await).to_string();
        assert!(!trail.contains("sealed"), "{trail}");
    }

    async fn keys_of_the_first_version_are_moved(server: Server) {
        let world = World::with(server, "acme", Idp::rsa(ENTITY), json!({"sign_requests": true})).await;
        // As version 0.1 had it: the one key in the row of the connection, its certificate among the settings.
        let pair = vestibule::idp::saml::keys::generate_key("old").expect("key");
        let sealed = server.kernel.vault.seal(&format!("connections/{}/key", world.connection), &pair.private_key).expect("sealed");
        let mut tx = server.kernel.db.begin().await.expect("tx");
        let settings: String = sqlx::query_scalar("SELECT settings FROM connections WHERE id = $1")
            .bind(&world.connection).fetch_one(&mut *tx).await.expect("settings");
        let mut settings: Value = serde_json::from_str(&settings).expect("JSON");
        settings["sp_certificate"] = json!(pair.certificate);
        sqlx::query("DELETE FROM saml_keys").execute(&mut *tx).await.expect("deleted");
        sqlx::query("UPDATE connections SET settings = $1, sealed_key = $2").bind(settings.to_string()).bind(&sealed)
            .execute(&mut *tx).await.expect("updated");
        tx.commit().await.expect("commit");
        for _ in 0..2 {
            vestibule::idp::saml::keys::migrate_legacy_keys(&server.kernel).await.expect("moved");
            assert_eq!(states(&world).await, ["signing active", "encryption active"]);
            assert_eq!(signing_certificate(&world, "active").await, pair.certificate);
        }
        assert!(signs_with(&world, &pair.certificate).await);
        let certificate = world.encryption_certificate("active").await;
        assert!(works_with(&world, &certificate).await);
        // Settings of then are read as they were.
        let browser = server.client();
        let request = world.begin(&browser).await;
        let xml = world.idp.response(&world.says(Some(&request)), Sign::Both);
        world.post(&browser, &xml).await.expect(303);
    }
}
