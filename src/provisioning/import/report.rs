//! The report of refused rows: a CSV file with row, name and reason.
//!
//! Refusals are written to the file before the batch they belong to is committed. After a crash the report
//! may therefore contain rows of a batch that was not committed; they are removed when the import resumes
//! and processes them again.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// The report file, open for writing.
pub(super) struct RefusalReport {
    file: csv::Writer<File>,
}

impl RefusalReport {
    /// Opens the report at `path` and keeps its entries for the first `done` rows.
    pub(super) fn open(path: &Path, done: u64) -> std::io::Result<Self> {
        let kept: Vec<csv::StringRecord> = match csv::Reader::from_path(path) {
            Ok(mut earlier) if done > 0 => earlier
                .records()
                .map_while(Result::ok)
                .filter(|record| record.get(0).and_then(|n| n.parse().ok()).is_some_and(|n: u64| n <= done))
                .collect(),
            _ => Vec::new(),
        };
        let mut file = csv::Writer::from_writer(File::create(path)?);
        file.write_record(["row", "name", "reason"]).map_err(std::io::Error::other)?;
        for record in kept {
            file.write_record(&record).map_err(std::io::Error::other)?;
        }
        Ok(Self { file })
    }

    pub(super) fn add_refusal(&mut self, row: u64, name: &str, reason: &str) -> std::io::Result<()> {
        self.file.write_record([&row.to_string(), name, reason]).map_err(std::io::Error::other)
    }

    /// Writes buffered entries to the file. The file is not synced to disk.
    pub(super) fn sync(&mut self) -> std::io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().flush()
    }
}
