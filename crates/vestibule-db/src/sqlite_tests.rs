use std::pin::Pin;

use sqlx::Row as _;

use super::*;
use crate::commit_delay::CommitDelay;
use crate::connection::DbConn;
use crate::group_commit::{SharedTx, Writer};

/// Creates a file with one table and opens a connection that writes to it.
fn open(dir: &tempfile::TempDir) -> DbConn {
    let file = dir.path().join("t.db");
    std::fs::File::create(&file).expect("file");
    let mut embedded = SqliteConn::writer(&file).expect("opens");
    embedded.run("CREATE TABLE t (id TEXT PRIMARY KEY, n BIGINT, x REAL)").expect("table");
    DbConn::Sqlite(embedded)
}

fn is_long(c: &mut DbConn, sql: &str) -> bool {
    c.sqlite().expect("embedded").statements[sql].was_slow.load(Ordering::Relaxed)
}

#[tokio::test]
async fn values_come_back_as_they_were_bound() {
    let dir = tempfile::tempdir().expect("dir");
    let mut c = open(&dir);
    let row = sqlx::query("INSERT INTO t (x, n, id) VALUES ($3, $2, $1) RETURNING id, n, x, NULL AS missing")
        .bind("ä'\"$1")
        .bind(i64::MIN)
        .bind(1.5_f64)
        .fetch_one(&mut c)
        .await
        .expect("row");
    assert_eq!(row.get::<String, _>("id"), "ä'\"$1");
    assert_eq!(row.get::<i64, _>(1), i64::MIN);
    assert!((row.get::<f64, _>("x") - 1.5).abs() < f64::EPSILON);
    assert_eq!(row.get::<Option<String>, _>("missing"), None);
    let changed = sqlx::query("UPDATE t SET n = $1").bind(2).execute(&mut c).await.expect("update");
    assert_eq!(changed.rows_affected(), 1);
}

#[tokio::test]
async fn a_row_that_is_not_looked_at_is_written_all_the_same() {
    let dir = tempfile::tempdir().expect("dir");
    let mut c = open(&dir);
    let sql = "INSERT INTO t (id) VALUES ('a'), ('b'), ('c') RETURNING id";
    let first: Option<String> = sqlx::query_scalar(sql).fetch_optional(&mut c).await.expect("row");
    assert_eq!(first.as_deref(), Some("a"));
    let mut reader = DbConn::Sqlite(SqliteConn::reader(&dir.path().join("t.db")).expect("opens"));
    let all: Vec<(String,)> = sqlx::query_as("SELECT id FROM t").fetch_all(&mut reader).await.expect("rows");
    assert_eq!(all.len(), 3);
    let refused = sqlx::query("DELETE FROM t").execute(&mut reader).await;
    assert!(refused.expect_err("it reads only").to_string().contains("readonly"));
}

#[tokio::test]
async fn a_value_too_few_or_too_many_is_an_error() {
    let dir = tempfile::tempdir().expect("dir");
    let mut c = open(&dir);
    let sql = "SELECT id FROM t WHERE id = $1 AND n = $2";
    for values in [1, 3] {
        let query = (0..values).fold(sqlx::query(sql), sqlx::query::Query::bind);
        assert!(query.fetch_all(&mut c).await.is_err(), "{values} values for two");
    }
    assert!(sqlx::query("SELECT nonsense").fetch_all(&mut c).await.is_err());
    assert!(sqlx::query(sql).bind("a").bind(1).fetch_all(&mut c).await.is_ok(), "it goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_takes_long_goes_aside_until_it_is_short_again() {
    let dir = tempfile::tempdir().expect("dir");
    let mut c = open(&dir);
    let sql =
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < $1) SELECT COUNT(*) FROM r";
    let mut count = async |most: i64| -> bool {
        let n: i64 = sqlx::query_scalar(sql).bind(most).fetch_one(&mut c).await.expect("counts");
        assert_eq!(n, most);
        is_long(&mut c, sql)
    };
    assert!(count(1_000_000).await, "known to be long");
    assert!(count(1_000_000).await, "and done aside");
    while count(1).await {}
}

#[tokio::test]
async fn a_file_that_another_process_writes_to_is_waited_for() {
    let dir = tempfile::tempdir().expect("dir");
    let mut other = open(&dir);
    let other = other.sqlite().expect("embedded");
    let writer = Writer::open(&dir.path().join("t.db"), CommitDelay::new(Duration::ZERO)).expect("opens");
    other.run("BEGIN IMMEDIATE").expect("begins");
    let waiting = tokio::spawn(async move {
        let mut unit = writer.begin(Durability::Full).await.expect("gets its turn");
        sqlx::query("INSERT INTO t (id) VALUES ('later')").execute(unit.connection()).await.expect("row");
        unit.finish(true, Vec::new())?.wait().await
    });
    // The runtime has one thread: the loop can only run if waiting does not block it.
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    other.run("COMMIT").expect("ends");
    waiting.await.expect("task").expect("commits");
}

/// Finishes a unit of work while another one waits to begin. Returns the other one, and the commit of the
/// first, which is pending.
async fn begin_next_while_waiting(
    writer: &Writer,
    unit: SharedTx,
    durability: Durability,
) -> (SharedTx, Pin<Box<impl Future<Output = Result<(), sqlx::Error>>>>) {
    let mut next = Box::pin(writer.begin(durability));
    assert!(futures_util::poll!(next.as_mut()).is_pending());
    let mut committed = Box::pin(unit.finish(true, Vec::new()).expect("finishes").wait());
    assert!(futures_util::poll!(committed.as_mut()).is_pending());
    (next.await.expect("begins"), committed)
}

#[tokio::test]
async fn only_work_that_is_kept_soon_is_left_unsynced() {
    let dir = tempfile::tempdir().expect("dir");
    drop(open(&dir));
    let writer = Writer::open(&dir.path().join("t.db"), CommitDelay::new(Duration::ZERO)).expect("opens");
    let syncs = async |unit: &mut SharedTx| -> i64 {
        let asked = sqlx::query_scalar("PRAGMA synchronous").fetch_one(unit.connection()).await;
        asked.expect("a level")
    };
    let (normal, full) = (1, 2);
    let mut unit = writer.begin(Durability::Relaxed).await.expect("begins");
    assert_eq!(syncs(&mut unit).await, normal);
    // Fully durable work is already waiting: it does not share a commit with relaxed work.
    let (mut unit, committed) = begin_next_while_waiting(&writer, unit, Durability::Full).await;
    committed.await.expect("committed by the one who came");
    assert_eq!(syncs(&mut unit).await, full);
    // Relaxed work does join a fully durable transaction.
    let (mut unit, mut committed) = begin_next_while_waiting(&writer, unit, Durability::Relaxed).await;
    assert!(futures_util::poll!(committed.as_mut()).is_pending(), "it waits for the one who joined");
    assert_eq!(syncs(&mut unit).await, full);
    unit.finish(true, Vec::new()).expect("finishes").wait().await.expect("commits");
    committed.await.expect("commits");
    let mut unit = writer.begin(Durability::Relaxed).await.expect("begins");
    assert_eq!(syncs(&mut unit).await, normal, "by itself it does not wait for the disk again");
}
