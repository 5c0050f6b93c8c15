//! Connections that are lent: what becomes of work that is given up, and of connections that break.

use std::pin::pin;
use std::task::Poll;

use sqlx::Row as _;
use vestibule::kernel::Tx;
use vestibule::kernel::database::{Database, Dialect, SqlValue, insert_all, insert_new};

use crate::harness::Server;
use crate::on_both;

/// More often than there are connections.
const OFTEN: usize = 9;

async fn insert(tx: &mut Tx, id: &str) -> Result<(), sqlx::Error> {
    let insert = sqlx::query("INSERT INTO data_keys (id, wrapped, created_at) VALUES ($1, '', 0)").bind(id);
    insert.execute(&mut **tx).await.map(drop)
}

async fn count(db: &Database) -> i64 {
    let mut c = db.read().await.expect("a connection");
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM data_keys WHERE id LIKE 'test-%'");
    count.fetch_one(&mut *c).await.expect("count")
}

/// Lets a future begin, no more.
async fn begin(future: impl Future) {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| {
        let _ = future.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
}

on_both! {
    async fn work_that_is_given_up_leaves_no_trace_and_no_lock(server: Server) {
        let db = &server.kernel.db;
        for _ in 0..OFTEN {
            // Between two statements, …
            let mut tx = db.begin().await.expect("begin");
            insert(&mut tx, "test-same").await.expect("inserted");
            drop(tx);
            // … in the middle of one, …
            let mut tx = db.begin().await.expect("begin");
            insert(&mut tx, "test-other").await.expect("inserted");
            begin(insert(&mut tx, "test-same")).await;
            drop(tx);
            // … and one that was refused.
            let mut tx = db.begin().await.expect("begin");
            insert(&mut tx, "test-other").await.expect("inserted");
            insert(&mut tx, "test-other").await.expect_err("a duplicate");
            drop(tx);
        }
        assert_eq!(count(db).await, 0);
        let mut tx = db.begin().await.expect("begin");
        insert(&mut tx, "test-same").await.expect("nobody holds it");
        tx.commit().await.expect("commits");
        assert_eq!(count(db).await, 1);
    }

    async fn a_statement_that_is_left_to_the_next_sync_is_seen_at_once(server: Server) {
        let db = &server.kernel.db;
        let sql = "INSERT INTO data_keys (id, wrapped, created_at) VALUES ($1, '', 0) ON CONFLICT (id) DO NOTHING RETURNING id";
        let keep = async |id: &str| {
            let query = sqlx::query_as(sql).bind(id.to_owned());
            let (kept, commit) = db.write_one_relaxed::<(String,)>(query).await.expect("kept");
            commit.wait().await.expect("commits");
            kept.map(|(id,)| id)
        };
        for n in 0..OFTEN {
            let id = format!("test-{n}");
            assert_eq!(keep(&id).await.as_ref(), Some(&id));
            assert_eq!(keep(&id).await, None, "there already");
            assert_eq!(count(db).await, i64::try_from(n).expect("few") + 1);
        }
        // Whoever has the connection next is not kept less than they ask for.
        if db.dialect() == Dialect::Postgres {
            let mut c = db.read().await.expect("a connection");
            let kept: String = sqlx::query_scalar("SHOW synchronous_commit").fetch_one(&mut *c).await.expect("a setting");
            assert_eq!(kept, "on");
        }
    }

    async fn a_step_of_something_long_waits_for_no_disk(server: Server) {
        let db = &server.kernel.db;
        let (asked, step, full) = match db.dialect() {
            Dialect::Postgres => ("SHOW synchronous_commit", "off", "on"),
            Dialect::Sqlite => ("SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous", "1", "2"),
        };
        for _ in 0..3 {
            let mut tx = db.begin_relaxed().await.expect("begins");
            let kept: String = sqlx::query_scalar(asked).fetch_one(&mut *tx).await.expect("a setting");
            assert_eq!(kept, step);
            tx.commit().await.expect("commits");
            let mut tx = db.begin().await.expect("begins");
            let kept: String = sqlx::query_scalar(asked).fetch_one(&mut *tx).await.expect("a setting");
            assert_eq!(kept, full);
        }
    }

    async fn rows_that_are_there_stay_and_the_others_are_told(server: Server) {
        let db = &server.kernel.db;
        let mut tx = db.begin().await.expect("begins");
        sqlx::query("CREATE TABLE pets (id TEXT NOT NULL PRIMARY KEY, name TEXT UNIQUE, legs BIGINT)").execute(&mut *tx).await.expect("made");
        let head = "INSERT INTO pets (id, name, legs)";
        let row = |id: &'static str, name: Option<&'static str>, legs: i64| [SqlValue::from(id), name.into(), legs.into()];
        insert_all(&mut tx, head, vec![row("a", Some("Ada"), 4), row("b", None, 2)]).await.expect("written");
        // Another of the same id, of the same name, and one that is in it twice.
        let new = vec![row("a", Some("Eve"), 1), row("c", Some("Ada"), 1), row("d", None, 3), row("e", Some("Bob"), 4), row("f", Some("Bob"), 5)];
        let written = insert_new(&mut tx, head, new).await.expect("written");
        let mut written: Vec<_> = written.into_iter().collect();
        written.sort();
        assert_eq!(written, ["d", "e"]);
        let legs: i64 = sqlx::query_scalar("SELECT CAST(SUM(legs) AS BIGINT) FROM pets").fetch_one(&mut *tx).await.expect("a sum");
        assert_eq!(legs, 4 + 2 + 3 + 4);
        // More than fit into one statement.
        let many: Vec<[SqlValue<'_>; 3]> = (0..2500).map(|n| [format!("m{n}").into(), None::<String>.into(), 1.into()]).collect();
        assert_eq!(insert_new(&mut tx, head, many).await.expect("written").len(), 2500);
        assert!(insert_all(&mut tx, head, vec![row("a", None, 1)]).await.is_err());
    }

    async fn a_value_is_read_as_what_it_is_and_as_nothing_else(server: Server) {
        let mut c = server.kernel.db.read().await.expect("a connection");
        let sql = "SELECT CAST($1 AS TEXT) AS name, CAST($2 AS BIGINT) AS count, 7 AS flag, CAST($3 AS TEXT) AS missing, \
                   CAST($4 AS BIGINT) AS none";
        let query = sqlx::query(sql).bind("Zoë").bind(1_i64 << 40).bind(None::<String>).bind(None::<i64>);
        let row = query.fetch_one(&mut *c).await.expect("a row");
        assert_eq!((row.len(), row.try_get::<&str, _>("name").expect("a text")), (5, "Zoë"));
        assert_eq!(row.try_get::<i64, _>("count").expect("a number"), 1 << 40);
        assert_eq!(row.try_get::<i32, _>("flag").expect("a small number"), 7);
        assert_eq!(row.try_get::<i64, _>(2).expect("any number is one"), 7);
        assert_eq!(row.try_get::<Option<String>, _>("missing").expect("none"), None);
        assert_eq!(row.try_get::<Option<i64>, _>("none").expect("none"), None);
        row.try_get::<String, _>("missing").expect_err("it has no value");
        row.try_get::<i32, _>("count").expect_err("it does not fit");
        row.try_get::<i64, _>("name").expect_err("it is no number");
        row.try_get::<String, _>("count").expect_err("it is no text");
        row.try_get::<String, _>("nonsense").expect_err("there is no such column");
        row.try_get::<String, _>(5).expect_err("there are five");
    }

    async fn a_question_that_is_given_up_is_not_answered_to_the_next(server: Server) {
        let db = &server.kernel.db;
        for n in 0..OFTEN {
            let mut c = db.read().await.expect("a connection");
            begin(sqlx::query("SELECT 'somebody else''s'").fetch_all(&mut *c)).await;
            drop(c);
            let mut c = db.read().await.expect("a connection");
            let own = format!("own {n}");
            let told: String =
                sqlx::query_scalar("SELECT CAST($1 AS TEXT)").bind(&own).fetch_one(&mut *c).await.expect("answer");
            assert_eq!(told, own);
        }
    }

    async fn connections_that_the_database_closes_are_replaced(server: Server) {
        let db = &server.kernel.db;
        if db.dialect() == Dialect::Sqlite {
            return;
        }
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(db.read().await.expect("a connection"));
        }
        let mut c = db.read().await.expect("a connection");
        let close = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE datname = current_database() AND pid <> pg_backend_pid()";
        sqlx::query(close).fetch_all(&mut *c).await.expect("closed");
        for mut closed in all {
            sqlx::query("SELECT 1").execute(&mut *closed).await.expect_err("it is closed");
        }
        drop(c);
        // None of them is lent again.
        for _ in 0..OFTEN {
            db.ping().await.expect("answers");
        }
    }
}
