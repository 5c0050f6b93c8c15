//! The few places where the two databases differ. Nothing outside this file asks which one it is.

use std::path::Path;

use sqlx::AnyConnection;

/// Which database is behind the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Embedded, one file.
    Sqlite,
    /// PostgreSQL or an engine that speaks its protocol.
    Postgres,
}

impl Dialect {
    pub(super) fn of(url: &str) -> Self {
        if url.starts_with("sqlite:") { Self::Sqlite } else { Self::Postgres }
    }

    /// `SQLite` needs its folder, and a file nobody else may read.
    pub(super) fn prepare_storage(self, url: &str) -> std::io::Result<()> {
        let Some(file) = url.strip_prefix("sqlite://").filter(|_| self == Self::Sqlite) else {
            return Ok(());
        };
        let file = Path::new(file.split('?').next().unwrap_or(file));
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        super::super::vault::private_file_options().create(true).append(true).open(file).map(drop)
    }

    pub(super) fn connect_url(self, url: &str) -> String {
        match self {
            Self::Sqlite if !url.contains('?') => format!("{url}?mode=rwc"),
            _ => url.to_owned(),
        }
    }

    /// What stands before the first and between two INSERTs that are sent as one. `SQLite` takes several statements at
    /// once; PostgreSQL takes one, which may have others in it.
    pub(super) const fn together(self) -> [&'static str; 2] {
        match self {
            Self::Sqlite => ["", "; "],
            Self::Postgres => ["WITH first AS (", ") "],
        }
    }

    /// What tells the database how large a table has become; nothing where it finds out by itself. PostgreSQL does so
    /// within minutes, and reads tables that it thinks are empty from end to end until then.
    pub(super) const fn look_again(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("ANALYZE "),
        }
    }

    pub(super) async fn set_up_reader(self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        if self == Self::Sqlite {
            run(connection, "PRAGMA busy_timeout = 5000").await?;
            run(connection, "PRAGMA foreign_keys = ON").await?;
            run(connection, "PRAGMA query_only = ON").await?;
        }
        Ok(())
    }

    /// Durability is not traded: `FULL` syncs the log at each commit, and commits are shared.
    pub(super) async fn set_up_sqlite_writer(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        run(connection, "PRAGMA busy_timeout = 5000").await?;
        run(connection, "PRAGMA journal_mode = WAL").await?;
        run(connection, "PRAGMA synchronous = FULL").await?;
        run(connection, "PRAGMA foreign_keys = ON").await
    }
}

pub(super) async fn run(connection: &mut AnyConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sql).execute(connection).await.map(drop)
}
