//! Which of the two databases it is, and what it needs before it is opened. How each one is spoken to is in `sqlite.rs`
//! and `postgres.rs`; where a statement has to differ, it is in `bulk.rs`. Outside this crate nothing asks which one it is.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Which database is behind the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Embedded, one file.
    Sqlite,
    /// PostgreSQL or an engine that speaks its protocol.
    Postgres,
}

impl Dialect {
    pub(crate) fn of(url: &str) -> Self {
        if url.starts_with("sqlite:") { Self::Sqlite } else { Self::Postgres }
    }

    /// `SQLite` needs its folder, and a file that only its owner may read.
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

    /// What tells the database how large a table has become; nothing where it finds out by itself. PostgreSQL does so
    /// within minutes, and reads tables that it thinks are empty from end to end until then.
    pub(crate) const fn analyze_command(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("ANALYZE "),
        }
    }
}
