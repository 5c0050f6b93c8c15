//! Which of the two databases is in use, and what it needs before it is opened. Connections are in
//! `sqlite.rs` and `postgres.rs`; statements that have to differ are in `bulk.rs`. Code outside this crate
//! does not branch on the dialect.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The database behind a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `SQLite`, embedded, in one file.
    Sqlite,
    /// PostgreSQL or an engine that speaks its protocol.
    Postgres,
}

impl Dialect {
    pub(crate) fn of(url: &str) -> Self {
        if url.starts_with("sqlite:") { Self::Sqlite } else { Self::Postgres }
    }

    /// Creates the folder of a `SQLite` file and the file itself, which only its owner can read and write.
    pub(crate) fn prepare_storage(self, url: &str) -> std::io::Result<()> {
        let Some(file) = url.strip_prefix("sqlite://").filter(|_| self == Self::Sqlite) else {
            return Ok(());
        };
        let file = Path::new(file.split('?').next().unwrap_or(file));
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        OpenOptions::new().mode(0o600).create(true).append(true).open(file).map(drop)
    }

    /// What follows a `SELECT` that locks the rows it finds, or `None` if writers never run at the same time. Rows
    /// that refer to a locked one can still be inserted: their foreign keys take `FOR KEY SHARE`.
    pub(crate) const fn row_lock(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("FOR NO KEY UPDATE"),
        }
    }

    /// The command that updates a table's statistics, or `None` if the database needs none. PostgreSQL
    /// updates them by itself within minutes, but until then it scans tables that it believes to be empty
    /// from end to end.
    pub(crate) const fn analyze_command(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("ANALYZE "),
        }
    }
}
