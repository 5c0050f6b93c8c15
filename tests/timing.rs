//! What the time of an answer tells: nothing about who exists, is locked or deactivated.
//!
//! Time is noise on a busy machine, so what is compared is the work that takes it: statements, commits and password
//! hashes of each request. How long the four cases take is measured by `make bench`, part `timing`.

use serde_json::json;

use crate::harness::{Answer, Backend, Client, Server, Work, WorkLog};

const CASES: [&str; 4] = ["unknown", "wrong", "locked", "deactivated"];
const ROUNDS: usize = 3;
/// Wrong passwords that lock a user: more than the rounds, so that only who is to be locked is.
const ATTEMPTS: usize = ROUNDS + 1;

/// The answers to a name and to a wrong password for it.
struct Refusal {
    identifier: Answer,
    password: Answer,
}

async fn refuse(client: &Client, case: &str) -> Refusal {
    let name = format!("{case}@acme.example");
    let fields = [("identifier", name.as_str()), ("account", "acme"), ("return_to", "/")];
    let identifier = client.form("/login", &fields).await.expect(303);
    let location = identifier.location().expect("password page");
    let flow = location.split("flow=").nth(1).expect("flow").to_owned();
    let fields = [("flow", flow.as_str()), ("password", "not the password")];
    let password = client.form("/login/password", &fields).await.expect(401);
    Refusal { identifier, password }
}

/// The same amount for all four, whatever the statements are.
fn assert_equal_amounts(works: &[Work]) {
    let first = works[0].amount();
    let all_equal = works.iter().all(|work| work.amount() == first);
    let by_case: Vec<_> = CASES.iter().zip(works).collect();
    assert!(all_equal, "the amount of work tells who it is: {by_case:#?}");
}

async fn work_of_refusals(backend: Backend) {
    let work = WorkLog::start();
    let server = Server::start(backend).await;
    let tenant = server.tenant("acme").await;
    let api = server.client().bearer(&tenant.token);
    let settings = json!({"lockout": {"attempts": ATTEMPTS, "notify_user": false}});
    api.patch("/api/v1/authentication-settings", &settings).await.expect(200);
    for name in ["wrong", "locked", "deactivated"] {
        let body = json!({"user_name": format!("{name}@acme.example"), "password": "a good long password"});
        let user = api.post("/api/v1/users", &body).await.created();
        if name == "deactivated" {
            let path = format!("/api/v1/users/{}", user["id"].as_str().expect("id"));
            api.patch(&path, &json!({"status": "inactive"})).await.expect(200);
        }
    }
    // From an address of its own each time: the limits by address are not what is compared.
    let client = |n: usize| server.client().from(&format!("198.51.100.{n}"));
    for n in 1..=ATTEMPTS {
        refuse(&client(n), "locked").await;
    }
    for round in 1..=ROUNDS {
        let mut passwords = Vec::new();
        for (n, case) in CASES.into_iter().enumerate() {
            let refusal = refuse(&client(100 + round * CASES.len() + n), case).await;
            let asked = work.of(&refusal.identifier).statements;
            assert!(
                !asked.iter().any(|sql| sql.contains("users")),
                "{case}: nobody is looked up yet: {asked:#?}"
            );
            passwords.push(work.of(&refusal.password));
        }
        assert_equal_amounts(&passwords);
        for done in &passwords {
            assert_eq!(done.password_hashes, 1, "{done:#?}");
            assert_eq!(done.commits, 2, "counted, and written down: {done:#?}");
        }
    }
    // Each was refused as what it is meant to be.
    let events = server.audit(&tenant).await;
    let refused_as = |case: &str, reason: &str| {
        let name = format!("{case}@acme.example");
        let of_case =
            events.iter().filter(|e| e["action"] == "session.sign_in" && e["resource"]["name"] == name);
        of_case.filter(|e| e["reason"] == reason).count()
    };
    assert_eq!(refused_as("unknown", "wrong_password"), 0, "nothing is told of names nobody has");
    assert_eq!(refused_as("wrong", "wrong_password"), ROUNDS);
    assert_eq!(refused_as("locked", "user_locked"), ROUNDS);
    assert_eq!(refused_as("deactivated", "wrong_password"), ROUNDS);
}

#[tokio::test]
async fn the_work_of_a_refusal_tells_nothing_sqlite() {
    work_of_refusals(Backend::Sqlite).await;
}

#[tokio::test]
async fn the_work_of_a_refusal_tells_nothing_postgres() {
    work_of_refusals(Backend::Postgres).await;
}
