use std::sync::Arc;

use tokio::sync::Notify;

use super::*;
use crate::{Timestamp, is_duplicate, like_anywhere};

/// A commit delay so long that a busy machine does not disturb the tests.
const LONG_DELAY: Duration = Duration::from_millis(200);

async fn open(dir: &tempfile::TempDir) -> Database {
    let url = format!("sqlite://{}/t.db", dir.path().display());
    let (migrations, clock) = (sqlx::migrate!("src/test_migrations"), Clock::manual(Timestamp(1_000)));
    Database::open_with_delay(&url, 2, &migrations, clock, LONG_DELAY).await.expect("opens")
}

/// A unit of work that has inserted a row and is not committed.
async fn written(db: &Database, id: &str) -> Tx {
    let mut tx = db.begin().await.expect("begin");
    insert(&mut tx, id).await.expect("insert");
    tx
}

async fn insert(tx: &mut Tx, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO entries (id) VALUES ($1)").bind(id).execute(&mut **tx).await.map(drop)
}

/// Executes one statement whose commit is left to others.
async fn write_relaxed(db: &Database, id: &str) -> PendingCommit {
    let query = sqlx::query_as("INSERT INTO entries (id) VALUES ($1) RETURNING id").bind(id);
    let (row, commit) = db.write_one_relaxed::<(String,)>(query).await.expect("written");
    assert_eq!(row, Some((id.to_owned(),)));
    commit
}

async fn count(db: &Database) -> i64 {
    let mut c = db.read().await.expect("reader");
    sqlx::query_scalar("SELECT COUNT(*) FROM entries").fetch_one(&mut *c).await.expect("count")
}

#[tokio::test]
async fn work_that_shares_a_commit_stands_or_falls_alone() {
    let dir = tempfile::tempdir().expect("dir");
    let db = open(&dir).await;
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                let tx = written(&db, &format!("id-{n}")).await;
                // Every third unit of work is dropped; the others in its batch must not be affected.
                if n % 3 != 0 {
                    tx.commit().await.expect("commit");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("task");
    }
    drop(db.begin().await.expect("the writer is free again"));
    assert_eq!(count(&db).await, 42);
}

#[tokio::test]
async fn a_request_that_gives_up_in_the_queue_leaves_no_other_waiting() {
    let dir = tempfile::tempdir().expect("dir");
    let db = open(&dir).await;
    let first = written(&db, "first").await;
    let queued = tokio::spawn({
        let db = db.clone();
        async move { drop(db.begin().await) }
    });
    tokio::task::yield_now().await;
    queued.abort();
    first.commit().await.expect("commits although the one it waited for is gone");
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn a_request_that_gives_up_while_it_begins_leaves_the_writer_usable() {
    let dir = tempfile::tempdir().expect("dir");
    let db = open(&dir).await;
    for polls in 1..12 {
        let mut begin = Box::pin(db.begin());
        for _ in 0..polls {
            if futures_poll(begin.as_mut()).await {
                break;
            }
        }
        drop(begin);
        let mut tx = db.begin().await.expect("begins all the same");
        insert(&mut tx, &format!("after-{polls}")).await.expect("insert");
        tx.commit().await.expect("commit");
    }
    assert_eq!(count(&db).await, 11);
}

/// Polls `future` once and returns whether it is done.
async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    let done = std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_ready())).await;
    tokio::task::yield_now().await;
    done
}

#[tokio::test]
async fn single_statements_and_whole_units_of_work_share_the_writer() {
    let dir = tempfile::tempdir().expect("dir");
    let db = open(&dir).await;
    let tasks: Vec<_> = (0..90)
        .map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                let id = format!("id-{n}");
                let tx = match n % 3 {
                    0 => return write_relaxed(&db, &id).await.wait().await.expect("commit"),
                    1 => db.begin_relaxed().await,
                    _ => db.begin().await,
                };
                let mut tx = tx.expect("begin");
                insert(&mut tx, &id).await.expect("insert");
                tx.commit().await.expect("commit");
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("task");
    }
    assert_eq!(count(&db).await, 90);
}

#[tokio::test]
async fn in_company_a_commit_does_not_wait_for_ever() {
    let dir = tempfile::tempdir().expect("dir");
    let db = open(&dir).await;
    let _company: Vec<_> = (0..4).map(|_| db.announce_write()).collect();
    for (id, durability) in [("full", Durability::Full), ("soon", Durability::Relaxed)] {
        let mut tx = db.begin_with_durability(durability).await.expect("begin");
        insert(&mut tx, id).await.expect("insert");
        tx.commit().await.expect("commit");
    }
    assert_eq!(count(&db).await, 2);
}

#[tokio::test]
async fn in_company_a_commit_waits_for_more() {
    let dir = tempfile::tempdir().expect("dir");
    let db = open(&dir).await;
    let mut company: Vec<_> = (0..4).map(|_| db.announce_write()).collect();
    for (id, has_waited) in [("in-company", true), ("alone", false)] {
        let tx = written(&db, id).await;
        let mut commit = Box::pin(tx.commit());
        let done = futures_poll(commit.as_mut()).await;
        assert_eq!(!done, has_waited, "{id}");
        if !done {
            // A unit of work that joins and is dropped does not affect the one that waits.
            let other = written(&db, "given up").await;
            drop(other);
            commit.await.expect("commit");
        }
        company.clear();
    }
    assert_eq!(count(&db).await, 2);
}

#[tokio::test]
async fn a_commit_does_not_wait_for_more_than_are_to_come() {
    let dir = tempfile::tempdir().expect("dir");
    let db = open(&dir).await;
    let _company: Vec<_> = (0..4).map(|_| db.announce_write()).collect();
    let mut waiting = Vec::new();
    for n in 0..3 {
        let tx = written(&db, &format!("id-{n}")).await;
        let mut commit = Box::pin(tx.commit());
        assert!(!futures_poll(commit.as_mut()).await, "{n} waits for others");
        waiting.push(commit);
    }
    let last = written(&db, "last").await;
    assert!(futures_poll(Box::pin(last.commit()).as_mut()).await, "all who were to come are there");
    for commit in waiting {
        commit.await.expect("commit");
    }
    assert_eq!(count(&db).await, 4);
}

#[tokio::test]
async fn what_is_left_to_others_is_committed_with_theirs_or_in_a_moment() {
    let dir = tempfile::tempdir().expect("dir");
    let db = open(&dir).await;
    let mut company: Vec<_> = (0..4).map(|_| db.announce_write()).collect();
    let left = write_relaxed(&db, "in a moment").await;
    assert_eq!(count(&db).await, 0, "it is not committed yet");
    left.wait().await.expect("kept");
    assert_eq!(count(&db).await, 1);

    let left = write_relaxed(&db, "with theirs").await;
    let mut tx = db.begin().await.expect("begin");
    let sees = is_duplicate(&insert(&mut tx, "with theirs").await.expect_err("it is there"));
    assert!(sees, "the next unit of work sees it");
    drop(tx);
    company.clear();
    let tx = written(&db, "theirs").await;
    tx.commit().await.expect("commit");
    assert!(futures_poll(Box::pin(left.wait()).as_mut()).await, "it is kept with theirs");
    assert_eq!(count(&db).await, 3);

    let left = write_relaxed(&db, "alone").await;
    assert!(futures_poll(Box::pin(left.wait()).as_mut()).await, "outside a company nothing is left");
    assert_eq!(count(&db).await, 4);
}

#[tokio::test]
async fn where_the_company_never_writes_hardly_anybody_waits_for_it() {
    let dir = tempfile::tempdir().expect("dir");
    let db = open(&dir).await;
    let _company: Vec<_> = (0..4).map(|_| db.announce_write()).collect();
    let mut waited = 0;
    for n in 0..200 {
        let tx = written(&db, &format!("id-{n}")).await;
        let mut commit = Box::pin(tx.commit());
        let done = futures_poll(commit.as_mut()).await;
        if !done {
            waited += 1;
            commit.await.expect("commit");
        }
    }
    assert_eq!(count(&db).await, 200);
    // The first commit waited, and one each after 1, 2, 4, 8, 16, 32, 64 and 64 that did not.
    assert_eq!(waited, 9);
}

#[tokio::test]
async fn a_duplicate_is_recognised_and_undone() {
    let dir = tempfile::tempdir().expect("dir");
    let db = open(&dir).await;
    let tx = written(&db, "a").await;
    tx.commit().await.expect("commit");
    let mut tx = written(&db, "b").await;
    assert!(is_duplicate(&insert(&mut tx, "a").await.expect_err("duplicate")));
    drop(tx);
    drop(db.begin().await.expect("free"));
    assert_eq!(count(&db).await, 1);
}

#[test]
fn a_search_text_is_not_a_pattern() {
    assert_eq!(like_anywhere("50%_\\"), "%50\\%\\_\\\\%");
}

/// Whether a task that waits for `wake` would continue now.
async fn is_woken(wake: &Notify) -> bool {
    futures_poll(Box::pin(wake.notified()).as_mut()).await
}

#[tokio::test]
async fn who_waits_for_rows_is_woken_by_their_commit_and_by_nothing_else() {
    let dir = tempfile::tempdir().expect("dir");
    let db = open(&dir).await;
    let wake = Arc::new(Notify::new());
    let mut tx = written(&db, "undone").await;
    tx.notify_after_commit(&wake);
    drop(tx);
    assert!(!is_woken(&wake).await, "it was rolled back");

    // Two units of work share a commit; the second is still open when the first is finished.
    let mut first = written(&db, "first").await;
    first.notify_after_commit(&wake);
    first.notify_after_commit(&wake);
    let mut second = Box::pin(db.begin());
    assert!(!futures_poll(second.as_mut()).await, "it waits for its turn");
    let mut commit = Box::pin(first.commit());
    assert!(!futures_poll(commit.as_mut()).await, "it waits for the second");
    let second = second.await.expect("begins");
    assert!(!is_woken(&wake).await, "it is finished, and not committed");
    // The request is cancelled, but its mail must still be sent.
    drop(commit);
    second.commit().await.expect("commits");
    assert!(is_woken(&wake).await, "it is committed");
    assert!(!is_woken(&wake).await, "and woken once");
}
