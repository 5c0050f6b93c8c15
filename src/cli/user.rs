//! `vestibule user …`

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::Failure;
use crate::audit::Context;
use crate::directory::accounts;
use crate::kernel::Kernel;
use crate::provisioning::import::{self, Import, Progress};

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Format {
    /// Comma-separated with a header line.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make users of the rows of a file, with the hashes of their passwords. Interrupted, it goes on where
    /// it stopped when started again with the same file.
    Import {
        /// The file: CSV with a header line, or one JSON object a line.
        file: PathBuf,
        /// The account's short name; not needed where there is one account.
        #[arg(long)]
        account: Option<String>,
        /// How the file is written; by its ending when not given.
        #[arg(long)]
        format: Option<Format>,
        /// Where refused rows are written down; FILE.refused.csv when not given.
        #[arg(long)]
        report: Option<PathBuf>,
        /// Change nothing, only say what would happen.
        #[arg(long)]
        dry_run: bool,
        /// Begin at the first row even if the file was imported before.
        #[arg(long)]
        from_start: bool,
    },
}

pub(super) async fn run(kernel: &Kernel, command: Command) -> Result<(), Failure> {
    let Command::Import { file, account, format, report, dry_run, from_start } = command;
    let account = match account {
        Some(slug) => super::account(kernel, &slug).await?,
        None => accounts::only_one(&mut *kernel.db.read().await?)
            .await?
            .ok_or("there are several accounts, or none; say which with --account")?,
    };
    let format = match (format, file.extension().and_then(|e| e.to_str())) {
        (Some(Format::Csv), _) | (None, Some("csv")) => import::Format::Csv,
        (Some(Format::Jsonl), _) | (None, Some("jsonl" | "ndjson" | "json")) => import::Format::JsonLines,
        _ => {
            return Err(
                "the file's name does not say how it is written; add --format csv or --format jsonl".into()
            );
        }
    };
    let size = std::fs::metadata(&file).map_err(|e| format!("{}: {e}", file.display()))?.len();
    let ending = if dry_run { "dry-run.refused.csv" } else { "refused.csv" };
    let report = report.unwrap_or_else(|| PathBuf::from(format!("{}.{ending}", file.display())));
    let bar = ProgressBar::new(size).with_style(ProgressStyle::with_template(
        "{bar:32} {percent:>3} %  {msg}  {elapsed} gone, {eta} to go",
    )?);
    let context = Context::system(&account.id);
    let wanted = Import { file: &file, format, report: &report, dry_run, from_start };
    let show = |at: Progress| {
        bar.set_position(at.position);
        bar.set_message(format!("{} rows, {} refused", at.rows, at.refused));
    };
    let done = import::run(kernel, &context, &wanted, show).await.map_err(|error| {
        bar.abandon();
        format!("{error}\nWhat was imported so far stays; start again with the same file to go on.")
    })?;
    bar.finish_and_clear();
    if done.skipped > 0 && done.skipped == done.rows {
        println!("This file was imported already ({} rows). --from-start begins again.", done.rows);
        return Ok(());
    }
    if done.skipped > 0 {
        println!("Went on after row {}.", done.skipped);
    }
    let verb = if dry_run { "would be made" } else { "made" };
    println!("{} rows: {} users {verb}, {} refused.", done.rows, done.created, done.refused);
    if done.refused > 0 {
        println!("Why: {}", report.display());
    }
    Ok(())
}
