//! What a directory says of a correct password: reset by an administrator, expired, locked.

use super::world::{WRONG, World, few};
use crate::harness::Server;
use crate::harness::directory::{BASE, PASSWORD, Slapd, person};
use crate::on_both;

/// The entry of a person with one more attribute.
fn marked(uid: &str, attribute: &str) -> String {
    format!("{}\n{attribute}\n\n", person(uid, &[]).trim_end())
}

fn people() -> String {
    let policy = format!(
        "dn: cn=policy,{BASE}\nobjectClass: device\nobjectClass: pwdPolicy\ncn: policy\npwdAttribute: userPassword\n\
         pwdMustChange: TRUE\npwdLockout: TRUE\npwdMaxAge: 31536000\n\n"
    );
    [
        policy,
        few(),
        marked("reset", "pwdReset: TRUE"),
        marked("expired", "pwdChangedTime: 20200101000000Z"),
        marked("locked", "pwdAccountLockedTime: 000001010000Z"),
    ]
    .concat()
}

on_both! {
    with Server::inside;

    async fn a_password_of_the_help_desk_is_no_sign_in(server: Server) {
        let slapd = Slapd::with_password_policy(&people());
        let world = World::new(server, &slapd).await;
        world.lets_in("bob", PASSWORD).await;
        for (name, reason, said) in [
            ("reset", "directory_must_change_password", "must change your directory password"),
            ("expired", "directory_password_expired", "directory password has expired"),
        ] {
            let browser = server.client();
            let answer = world.try_in(&browser, name, PASSWORD).await.expect(401);
            assert!(answer.body.contains(said), "{name}: {}", answer.body);
            assert_eq!(server.last_refusal(&world.tenant).await, reason);
            browser.get("/api/v1/me").await.expect(401);
            // Whoever does not know the password learns nothing of it.
            let answer = world.try_in(&server.client(), name, "wrong").await.expect(401);
            assert!(answer.body.contains(WRONG) && !answer.body.contains(said), "{name}: {}", answer.body);
        }
        // Locked there: no password is looked at, so nothing is said.
        let answer = world.try_in(&server.client(), "locked", PASSWORD).await.expect(401);
        assert!(answer.body.contains(WRONG), "{}", answer.body);
        // The connection that was bound as one of them serves the next.
        world.lets_in("carol", PASSWORD).await;
    }
}
