//! The few places where the two databases differ. Nothing outside this file asks which one it is.

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
        crate::kernel::vault::private_file_options().create(true).append(true).open(file).map(drop)
    }

    /// What tells the database how large a table has become; nothing where it finds out by itself. PostgreSQL does so
    /// within minutes, and reads tables that it thinks are empty from end to end until then.
    pub(super) const fn analyze_command(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("ANALYZE "),
        }
    }
}
