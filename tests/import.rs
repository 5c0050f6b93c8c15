//! `vestibule user import`: people from the system before this one.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use sqlx::Connection as _;

use crate::harness::process::{self, Process, vestibule};
use crate::harness::{Backend, Client};

async fn account(backend: Backend) -> (tempfile::TempDir, String, String) {
    let dir = tempfile::tempdir().expect("dir");
    let database = backend.fresh(&dir).await;
    process::run(dir.path(), &database, &["account", "create", "acme", "--admin-email", "ada@acme.example"]);
    let token = process::run(dir.path(), &database, &["api-token", "create", "--account", "acme"]);
    (dir, database, token)
}

fn write(dir: &Path, name: &str, text: &str) -> String {
    std::fs::write(dir.join(name), text).expect("file");
    name.to_owned()
}

async fn people(backend: Backend) {
    let (dir, database, token) = account(backend).await;
    let server = Process::start(dir.path(), &database, None);
    let api = Client::new(&server.url).bearer(&token);
    api.post("/api/v1/groups", &json!({"name": "Makers"})).await.created();
    let bcrypt = bcrypt::hash("correct horse battery", 4).expect("hash");
    let csv = write(
        dir.path(),
        "people.csv",
        &format!(
            "user_name,email,given_name,family_name,active,password_hash,groups\n\
             bob@acme.example,,Bob,Builder,,{bcrypt},makers\n\
             ada@acme.example,,,,,,\n\
             eve,eve@acme.example,Eve,,false,,\n\
             no address,not an address,,,,,\n\
             BOB@acme.example,,,,,,\n\
             cid@acme.example,,,,,{{MD5}}rL0Y20zC+Fzt72VPzMSk2A==,\n\
             dan@acme.example,,,,,,Nobody's\n"
        ),
    );
    let said = process::run(dir.path(), &database, &["user", "import", &csv, "--dry-run"]);
    assert!(said.contains("Rows: 7. Users to be created: 2. Rejected: 5."), "{said}");
    let listed = api.get("/api/v1/users").await.ok();
    assert_eq!(listed["items"].as_array().expect("items").len(), 1, "a dry run changes nothing");

    let said = process::run(dir.path(), &database, &["user", "import", &csv]);
    assert!(said.contains("Rows: 7. Users created: 2. Rejected: 5."), "{said}");
    let report = std::fs::read_to_string(dir.path().join("people.csv.refused.csv")).expect("report");
    for line in [
        "row,name,reason",
        "2,ada@acme.example,user_name is already taken",
        "4,no address,email: must be an email address such as name@example.com",
        "5,BOB@acme.example,user_name is already taken",
        "6,cid@acme.example,password_hash: is in an unsupported format",
        "7,dan@acme.example,groups: no locally managed group is named Nobody's; create it first",
    ] {
        assert!(report.contains(line), "{line} in {report}");
    }
    let browser = Client::new(&server.url);
    browser.sign_in("acme", "bob@acme.example", "correct horse battery").await.expect(303);
    let me = browser.get("/api/v1/me").await.ok();
    assert_eq!((&me["display_name"], &me["groups"]), (&json!("Bob Builder"), &json!(["Makers"])));
    let eve = api.get("/api/v1/users?user_name=eve").await.ok();
    assert_eq!(eve["items"][0]["status"], "inactive");
    let events = api.get("/api/v1/audit-events?action=user.create&limit=200").await.ok();
    let told = events["items"]
        .as_array()
        .expect("items")
        .iter()
        .find(|e| e["resource"]["name"] == "bob@acme.example");
    let told = told.expect("an event");
    assert_eq!((&told["detail"]["import"], &told["actor"]["name"]), (&json!("people.csv"), &json!("system")));

    let again = process::run(dir.path(), &database, &["user", "import", &csv]);
    assert!(again.contains("was already imported (rows: 7)"), "{again}");
    let again = process::run(dir.path(), &database, &["user", "import", &csv, "--from-start"]);
    assert!(again.contains("Rows: 7. Users created: 0. Rejected: 7."), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_with_hashes_and_groups_on_sqlite() {
    people(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_with_hashes_and_groups_on_postgres() {
    people(Backend::Postgres).await;
}

const ROWS: usize = 20_000;

/// Killed half-way and started again: nobody is lost, nobody is there twice, the report is whole.
async fn killed(backend: Backend) {
    let (dir, database, _) = account(backend).await;
    let mut text = String::new();
    for n in 0..ROWS {
        let email = if n % 1000 == 999 { "broken".to_owned() } else { format!("person{n}@acme.example") };
        let hash = "{SSHA}jy8EVd7e4vPbkVRhzDBIFlVQHHRAbYCX";
        writeln!(text, "{}", json!({"email": email, "password_hash": hash})).expect("text");
    }
    let file = write(dir.path(), "people.jsonl", &text);
    let mut kills = 0;
    for wanted in [1, ROWS / 2] {
        let mut child = vestibule(dir.path(), &database)
            .args(["user", "import", &file])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        sqlx::any::install_default_drivers();
        let mut c = sqlx::AnyConnection::connect(&database).await.expect("database");
        loop {
            let done: Option<i64> = sqlx::query_scalar("SELECT rows_done FROM imports")
                .fetch_optional(&mut c)
                .await
                .expect("reads");
            if usize::try_from(done.unwrap_or(0)).expect("fits") >= wanted {
                break;
            }
            crate::harness::pause().await;
        }
        child.kill().expect("SIGKILL");
        kills += usize::from(!child.wait().expect("gone").success());
    }
    assert_eq!(kills, 2, "both times in the middle");
    let said = process::run(dir.path(), &database, &["user", "import", &file]);
    assert!(said.contains("Resumed after row "), "{said}");
    assert!(
        said.contains(&format!(
            "Rows: {ROWS}. Users created: {}. Rejected: {}.",
            ROWS - ROWS / 1000,
            ROWS / 1000
        )),
        "{said}"
    );
    let mut c = sqlx::AnyConnection::connect(&database).await.expect("database");
    let mut count =
        async |sql: &'static str| -> i64 { sqlx::query_scalar(sql).fetch_one(&mut c).await.expect("counts") };
    let made = i64::try_from(ROWS - ROWS / 1000).expect("fits");
    assert_eq!(count("SELECT COUNT(*) FROM users WHERE user_name LIKE 'person%'").await, made);
    assert_eq!(count("SELECT COUNT(*) FROM passwords").await, made);
    assert_eq!(
        count(
            "SELECT COUNT(*) FROM audit_events WHERE action = 'user.create' AND resource_name LIKE 'person%'"
        )
        .await,
        made
    );
    let report = std::fs::read_to_string(dir.path().join("people.jsonl.refused.csv")).expect("report");
    let rows: Vec<&str> = report.lines().skip(1).map(|line| line.split(',').next().expect("row")).collect();
    let wanted: Vec<String> = (1..=ROWS / 1000).map(|n| (n * 1000).to_string()).collect();
    assert_eq!(rows, wanted, "each refused row once, in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_killed_goes_on_on_sqlite() {
    killed(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_killed_goes_on_on_postgres() {
    killed(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_list_of_people_is_refused_with_words() {
    let (dir, database, _) = account(Backend::Sqlite).await;
    for (name, text, why) in [
        ("a.csv", "mail,name\n", "supported: user_name, email"),
        ("a.txt", "x", "--format csv or --format jsonl"),
        ("b.csv", "", "must contain supported column names; found: none"),
    ] {
        let file = write(dir.path(), name, text);
        let output = vestibule(dir.path(), &database).args(["user", "import", &file]).output().expect("runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{name}: {said}");
    }
    let output =
        vestibule(dir.path(), &database).args(["user", "import", "nowhere.csv"]).output().expect("runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere.csv"), "{output:?}");
}
