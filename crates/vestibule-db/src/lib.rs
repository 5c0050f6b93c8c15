//! One SQL text for `SQLite` and PostgreSQL, and units of work that share their commits. Nothing in here knows a table.
//!
//! A read takes a lent connection, [`Database::read`]. It sees everything that was committed before it was lent.
//!
//! A write takes a unit of work, [`Database::begin`], and everything that belongs together runs on the same [`Tx`]:
//!
//! - It happens wholly or not at all. Dropped without [`Tx::commit`], by an error or by a client that hung up, it leaves
//!   no trace and no lock.
//! - When [`Tx::commit`] returns `Ok`, it survives a power cut. A unit of work that was begun with
//!   [`Database::begin_relaxed`] survives the end of the process at once, and a power cut a moment later.
//! - One that fails takes no other with it, although on `SQLite` several share one commit.
//! - On `SQLite` units of work run one after the other: do no slow work while holding one. On PostgreSQL they run side by
//!   side in READ COMMITTED: what reads a row and writes it back locks it first.
//! - What waits for its rows is woken by its commit, and only by that ([`Tx::notify_after_commit`]).
//! - [`Tx::now`] is one moment for all of it, and [`Tx::new_id`] makes ids that sort by it.
//!
//! A unit of work that is one statement has two methods, [`Database::write_one_relaxed`] and [`Database::insert_pair`]:
//! PostgreSQL needs no transaction around it, and nothing else can be done in it.
//!
//! SQL is written once: placeholders `$1`; TEXT for strings, ids and JSON; BIGINT for times (milliseconds since 1970, UTC)
//! and counts; INTEGER 0 or 1 for flags. Statements are `sqlx::query` and its like, on a [`DbConn`] or a [`Tx`].

mod arguments;
mod bulk;
pub mod clock;
mod commit_delay;
mod connection;
mod database;
mod dialect;
mod error;
mod group_commit;
pub mod ids;
mod pool;
mod postgres;
pub mod random;
mod row;
mod sql_database;
mod sqlite;
mod tx;
mod where_clause;

pub use arguments::SqlArguments;
pub use bulk::{
    NewRow, SqlValue, analyze_tables, execute_where_in, existing, fetch_where_in, insert_all, insert_new,
    insert_pair, lookup_map,
};
pub use clock::{Clock, Timestamp};
pub use connection::DbConn;
pub use database::Database;
pub use dialect::Dialect;
pub use error::{OpenError, is_duplicate, is_nul_character_error};
pub use group_commit::{PendingCommit, PendingWriter};
pub use pool::PooledDbConn;
pub use row::{SqlRow, SqlValueRef};
pub use sql_database::{Sql, SqlQueryResult};
pub use tx::Tx;
pub use where_clause::{Conditions, like_anywhere};
