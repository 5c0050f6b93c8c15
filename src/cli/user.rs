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
    /// CSV with a header line.
    Csv,
    /// One JSON object per line.
    Jsonl,
}

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Import users from a file, with their password hashes. An interrupted import resumes when you run it
    /// again with the same file.
    Import {
        /// The file: CSV with a header line, or one JSON object per line.
        file: PathBuf,
        /// Short name (slug) of the account; optional if there is exactly one account.
        #[arg(long)]
        account: Option<String>,
        /// Format of the file; default: by the file name extension.
        #[arg(long)]
        format: Option<ImportFormatArg>,
        /// File for rejected rows; default: FILE.refused.csv, or FILE.dry-run.refused.csv in a dry run.
        #[arg(long)]
        report: Option<PathBuf>,
        /// Report what would happen without changing anything.
        #[arg(long)]
        dry_run: bool,
        /// Start at the first row even if the file was imported before.
        #[arg(long)]
        from_start: bool,
    },
    /// Reset the two-factor authentication of a user: authenticator apps, passkeys, security keys, recovery
    /// codes, remembered browsers. Ends the user's sessions.
    #[command(name = "reset-2fa")]
    Reset2fa {
        /// Username or email address of the user.
        user: String,
        /// Short name (slug) of the account; optional if there is exactly one account.
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
            .ok_or("there is no account, or more than one; name the account with --account")?),
    }
}

/// Removes a user's second factors. This is the recovery path when a user, in particular an administrator, has
/// lost all of them. Access to the host takes the place of a proof.
async fn reset_two_factor(kernel: &Kernel, account: &Account, name: &str) -> Result<(), CliError> {
    let mut tx = kernel.db.begin().await?;
    let user = users::find_by_email_or_user_name(&mut tx, &account.id, name).await?;
    let user = user.ok_or_else(|| format!("no user in {} has the username or email {name}", account.slug))?;
    let had_one = factors::reset(kernel, &mut tx, &Context::system(&account.id), &user).await?;
    tx.commit().await?;
    if had_one {
        println!("Two-factor authentication of {} was reset, and all sessions ended.", user.user_name);
    } else {
        println!("{} had not set up two-factor authentication.", user.user_name);
    }
    println!(
        "At the next sign-in, the user must set up two-factor authentication again if the account requires \
         it."
    );
    if user.email.is_some() && user.is_active() {
        println!("An email with a setup link is sent as soon as the server is running.");
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
                "the format is not clear from the file name; add --format csv or --format jsonl".into()
            );
        }
    };
    let size = std::fs::metadata(&file).map_err(|e| format!("{}: {e}", file.display()))?.len();
    let ending = if dry_run { "dry-run.refused.csv" } else { "refused.csv" };
    let report = report.unwrap_or_else(|| PathBuf::from(format!("{}.{ending}", file.display())));
    let bar = ProgressBar::new(size).with_style(ProgressStyle::with_template(
        "{bar:32} {percent:>3} %  {msg}  {elapsed} elapsed, {eta} remaining",
    )?);
    let context = Context::system(&account.id);
    let options = ImportOptions { file: &file, format, report: &report, dry_run, from_start };
    let show = |at: ImportProgress| {
        bar.set_position(at.position);
        bar.set_message(format!("{} rows, {} rejected", at.rows, at.refused));
    };
    let done = import::run(kernel, &context, &options, show).await.map_err(|error| {
        bar.abandon();
        format!(
            "{error}\nRows that were already imported are kept. To resume, run the command again with \
                 the same file."
        )
    })?;
    bar.finish_and_clear();
    if done.skipped > 0 && done.skipped == done.rows {
        println!(
            "This file was already imported (rows: {}). Use --from-start to import it again.",
            done.rows
        );
        return Ok(());
    }
    if done.skipped > 0 {
        println!("Resumed after row {}.", done.skipped);
    }
    let verb = if dry_run { "to be created" } else { "created" };
    println!("Rows: {}. Users {verb}: {}. Rejected: {}.", done.rows, done.created, done.refused);
    if done.refused > 0 {
        println!("Rejected rows and reasons: {}", report.display());
    }
    Ok(())
}
