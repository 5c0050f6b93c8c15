//! An account with a million users that starts to require a second factor.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::Connection as _;

use super::harness::{Node, client};
use super::table::{Measured, Table};

const PEOPLE: i64 = 1_000_000;

/// Inserts the users directly, because provisioning is measured elsewhere.
async fn make_people(node: &Node) {
    sqlx::any::install_default_drivers();
    let mut c = sqlx::AnyConnection::connect(&node.database).await.expect("database");
    let (account, admin): (String, String) = sqlx::query_as("SELECT account_id, id FROM users LIMIT 1")
        .fetch_one(&mut c)
        .await
        .expect("the administrator");
    sqlx::query(
        "INSERT INTO users (id, account_id, user_name, user_name_folded, email, email_folded, display_name, active, \
         attributes, epoch, version, created_at, updated_at) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) \
         SELECT 'm' || i, $2, 'm' || i || '@bench.example', 'm' || i || '@bench.example', 'm' || i || '@bench.example', \
         'm' || i || '@bench.example', 'Person ' || i, 1, '{}', 0, 1, 0, 0 FROM n",
    )
    .bind(PEOPLE)
    .bind(&account)
    .execute(&mut c)
    .await
    .expect("people");
    sqlx::query("INSERT INTO enrolments (user_id, account_id, enrolled_at) VALUES ($1, $2, 0)")
        .bind(admin)
        .bind(account)
        .execute(&mut c)
        .await
        .expect("the administrator has one");
    sqlx::query("ANALYZE").execute(&mut c).await.expect("statistics");
    c.close().await.expect("closed");
}

/// Times the requests around the switch, then measures the delivery of the mails.
pub(crate) async fn enforce(node: &Node, table: &mut Table) {
    let database = node.backend.name();
    make_people(node).await;
    let http = client();
    let settings = format!("{}/api/v1/authentication-settings", node.url);
    let on = json!({"two_factor": {"enforced": true}});
    let timed = async |request: reqwest::RequestBuilder| {
        let begin = Instant::now();
        let answer = request.bearer_auth(&node.api).send().await.expect("answers");
        assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
        begin.elapsed()
    };
    let preview = timed(http.post(format!("{settings}/preview")).json(&on)).await;
    let before = node.cpu();
    let switch = timed(http.patch(&settings).json(&on)).await;
    let millis = |took: Duration| Measured::less(took.as_secs_f64() * 1000.0, "ms");
    let what = format!("asking 1,000,000 people for a second factor, {database}");
    table.row(&what, millis(switch), "aim: under 1,000 ms");
    table.row(&format!("the preview of that, {database}"), millis(preview), "");
    let report = timed(http.get(format!("{}/console/two-factor", node.url))).await;
    table.row(&format!("the page that reports on them, {database}"), millis(report), "");
    tokio::time::sleep(Duration::from_secs(20)).await;
    let used = node.cpu() - before;
    let list: Value = http
        .get(format!("{}/api/v1/two-factor/mailings", node.url))
        .bearer_auth(&node.api)
        .send()
        .await
        .expect("answers")
        .json()
        .await
        .expect("JSON");
    let count = |name: &str| list["items"][0][name].as_i64().expect("a number");
    assert!(count("total") >= PEOPLE);
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let (per_second, each) = (count("sent") as f64 / 20.0, used / count("sent").max(1) as f64);
    let note = format!(
        "into files, beside nothing else; {each:.2} ms CPU each, waiting in the outbox: {}",
        count("queued") - count("sent")
    );
    table.row(&format!("mails of that delivered, {database}"), Measured::more(per_second, "a second"), &note);
}
