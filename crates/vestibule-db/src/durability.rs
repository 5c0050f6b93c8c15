//! How soon a unit of work has to be on disk.

/// What a power cut may do to a committed unit of work. It is visible to all other connections at once and
/// survives a killed process either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The commit waits for the disk, so a power cut does not affect it.
    Full,
    /// The commit does not wait for the disk. A power cut may undo it until the log is next synced: on
    /// `SQLite` by the next `Full` commit or a checkpoint, on PostgreSQL also by its WAL writer, in less than
    /// a second.
    Relaxed,
}
