//! `vestibule user …`: imports users and resets their second factor.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::CliError;
use crate::audit::Context;
use crate::directory::accounts::{self, Account};
use crate::directory::users;
use crate::kernel::Kernel;
use crate::provisioning::import::{self, ImportOptions, ImportProgress};
use crate::signin::factors;

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum ImportFormatArg {
    /// Comma-separated with a header line.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

#[derive(Subcommand)]
pub(super) enum UserCommand {
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
        format: Option<ImportFormatArg>,
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
    /// End somebody's second factor: authenticator apps, keys, recovery codes, remembered browsers, sessions.
    #[command(name = "reset-2fa")]
    Reset2fa {
        /// The sign-in name or email address.
        user: String,
        /// The account's short name; not needed where there is one account.
        #[arg(long)]
        account: Option<String>,
    },
}

/// The arguments of `user import`.
struct ImportArgs {
    file: PathBuf,
    format: Option<ImportFormatArg>,
    report: Option<PathBuf>,
    dry_run: bool,
    from_start: bool,
}

pub(super) async fn run(kernel: &Kernel, command: UserCommand) -> Result<(), CliError> {
    match command {
        UserCommand::Import { file, account, format, report, dry_run, from_start } => {
            let account = resolve_account(kernel, account).await?;
            import_users(kernel, &account, ImportArgs { file, format, report, dry_run, from_start }).await
        }
        UserCommand::Reset2fa { user, account } => {
            let account = resolve_account(kernel, account).await?;
            reset_two_factor(kernel, &account, &user).await
        }
    }
}

async fn resolve_account(kernel: &Kernel, slug: Option<String>) -> Result<Account, CliError> {
    match slug {
        Some(slug) => super::find_account(kernel, &slug).await,
        None => Ok(accounts::find_single(&mut *kernel.db.read().await?)
            .await?
            .ok_or("there are several accounts, or none; say which with --account")?),
    }
}

/// Removes a user's second factors. This is the recovery path when a user, in particular an administrator, has
/// lost all of them. Access to the host takes the place of a proof.
async fn reset_two_factor(kernel: &Kernel, account: &Account, name: &str) -> Result<(), CliError> {
    let mut tx = kernel.db.begin().await?;
    let user = users::find_by_email_or_user_name(&mut tx, &account.id, name).await?;
    let user = user.ok_or_else(|| format!("nobody in {} is called {name}", account.slug))?;
    let had_one = factors::reset(kernel, &mut tx, &Context::system(&account.id), &user).await?;
    tx.commit().await?;
    if had_one {
        println!("The second factor of {} has ended, all their sessions too.", user.user_name);
    } else {
        println!("{} had no second factor.", user.user_name);
    }
    println!(
        "They sign in with their first factor and are asked to set up a new one if the account asks for it."
    );
    if user.email.is_some() && user.is_active() {
        println!("A mail with a link goes out when the server runs.");
    }
    Ok(())
}

async fn import_users(kernel: &Kernel, account: &Account, args: ImportArgs) -> Result<(), CliError> {
    let ImportArgs { file, format, report, dry_run, from_start } = args;
    let format = match (format, file.extension().and_then(|e| e.to_str())) {
        (Some(ImportFormatArg::Csv), _) | (None, Some("csv")) => import::ImportFormat::Csv,
        (Some(ImportFormatArg::Jsonl), _) | (None, Some("jsonl" | "ndjson" | "json")) => {
            import::ImportFormat::JsonLines
        }
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
    let options = ImportOptions { file: &file, format, report: &report, dry_run, from_start };
    let show = |at: ImportProgress| {
        bar.set_position(at.position);
        bar.set_message(format!("{} rows, {} refused", at.rows, at.refused));
    };
    let done = import::run(kernel, &context, &options, show).await.map_err(|error| {
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
