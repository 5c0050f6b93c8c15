//! The import of a file: reads rows, creates users and records how far it got.
//!
//! Rows are processed in batches. A batch is one transaction with its users, their password hashes and
//! memberships, the audit events, and the checkpoint. An import that is killed at any point therefore
//! resumes after the last committed batch, without losing or duplicating a user.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek as _};
use std::path::Path;

use aws_lc_rs::digest;
use serde_json::json;

use super::report::RefusalReport;
use super::rows::{ImportFormat, ImportRows, ImportedUser, Row};
use super::store::{self, Checkpoint};
use crate::audit::Context;
use crate::directory::groups::{self, Group, GroupCondition, GroupUpdate, MembershipUpdate};
use crate::directory::users::{self, ChangeAuthority};
use crate::directory::{Error, fold_case};
use crate::kernel::{AccountId, Kernel, Tx};
use crate::signin::password;

/// Rows per transaction.
const BATCH_SIZE: usize = 500;

/// What to import and how.
pub struct ImportOptions<'a> {
    /// The file.
    pub file: &'a Path,
    /// The file's format.
    pub format: ImportFormat,
    /// Path of the report of refused rows.
    pub report: &'a Path,
    /// Report what would happen without changing anything.
    pub dry_run: bool,
    /// Start at the first row even if the file was imported before.
    pub from_start: bool,
}

/// The progress of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportProgress {
    /// Rows processed by an earlier run.
    pub skipped: u64,
    /// Rows processed, including those of earlier runs.
    pub rows: u64,
    /// Users created, including by earlier runs.
    pub created: u64,
    /// Rows refused, including by earlier runs.
    pub refused: u64,
    /// Bytes of the file that have been processed.
    pub position: u64,
}

/// Why an import stopped. Committed batches stay, and the next run resumes after them.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Reading the file or writing the report failed.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// The file is not in the expected format.
    #[error("{0}")]
    Format(String),
    /// Creating users failed.
    #[error(transparent)]
    Directory(#[from] Error),
}

/// Why a row is not imported.
#[derive(Debug, thiserror::Error)]
enum RowError {
    /// The row is reported, and the import continues.
    #[error("{0}")]
    Refused(String),
    /// The import stops.
    #[error("{0}")]
    Database(#[from] sqlx::Error),
}

impl From<sqlx::Error> for ImportError {
    fn from(error: sqlx::Error) -> Self {
        Self::Directory(error.into())
    }
}

/// Imports the file into the context's account and calls `progress` after each batch.
pub async fn run(
    kernel: &Kernel,
    context: &Context,
    options: &ImportOptions<'_>,
    mut progress: impl FnMut(ImportProgress),
) -> Result<ImportProgress, ImportError> {
    let mut file = File::open(options.file)?;
    let key = import_key(&mut file, &context.account_id)?;
    let checkpoint = if options.dry_run || options.from_start {
        Checkpoint::default()
    } else {
        store::find_checkpoint(&mut *kernel.db.read().await?, &key).await?.unwrap_or_default()
    };
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let mut rows = ImportRows::open(options.format, file).map_err(ImportError::Format)?;
    let mut run = ImportRun {
        kernel,
        context,
        options,
        key,
        groups: HashMap::new(),
        seen: HashSet::new(),
        report: RefusalReport::open(options.report, count(checkpoint.rows_done))?,
        progress: ImportProgress {
            skipped: count(checkpoint.rows_done),
            rows: count(checkpoint.rows_done),
            created: count(checkpoint.created),
            refused: count(checkpoint.refused),
            position: 0,
        },
    };
    let mut batch = Vec::with_capacity(BATCH_SIZE);
    loop {
        let row = rows.next()?;
        let at_end = row.is_none();
        batch.extend(row.filter(|row| row.number > run.progress.skipped));
        if batch.len() == BATCH_SIZE || (at_end && !batch.is_empty()) {
            run.import_batch(std::mem::take(&mut batch)).await?;
            progress(run.progress);
        }
        if at_end {
            return Ok(run.progress);
        }
    }
}

/// Identifies an import by a hash of the account and the file's content, so that a renamed file resumes and
/// a changed file does not.
fn import_key(file: &mut File, account_id: &AccountId) -> std::io::Result<String> {
    use base64::Engine as _;
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(account_id.as_bytes());
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        context.update(&buffer[..read]);
    }
    file.rewind()?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(context.finish()))
}

struct ImportRun<'a> {
    kernel: &'a Kernel,
    context: &'a Context,
    options: &'a ImportOptions<'a>,
    key: String,
    groups: HashMap<String, Option<Group>>,
    /// Names and addresses seen in a dry run. It rolls each batch back, so the database cannot detect
    /// duplicates across batches.
    seen: HashSet<String>,
    report: RefusalReport,
    progress: ImportProgress,
}

impl ImportRun<'_> {
    async fn import_batch(&mut self, rows: Vec<Row>) -> Result<(), ImportError> {
        let mut after = self.progress;
        let last = rows.last().map_or((after.rows, after.position), |row| (row.number, row.position));
        (after.rows, after.position) = last;
        let mut tx = self.kernel.db.begin().await?;
        let mut accepted = Vec::new();
        for row in rows {
            match self.check_row(&mut tx, row.user).await {
                Ok(user) => accepted.push((row.number, row.name, user)),
                Err(RowError::Refused(reason)) => {
                    after.refused += 1;
                    self.report.add_refusal(row.number, &row.name, &reason)?;
                }
                Err(RowError::Database(error)) => return Err(error.into()),
            }
        }
        let profiles = accepted.iter().map(|(_, _, person)| person.profile.clone()).collect();
        let detail = json!({"import": self.options.file.file_name().map(|name| name.to_string_lossy())});
        let made = users::create_many(&mut tx, self.context, profiles, &detail).await?;
        let (mut hashes, mut memberships) = (Vec::new(), HashMap::<String, Vec<String>>::new());
        for ((number, name, person), made) in accepted.into_iter().zip(made) {
            match made {
                Ok(id) => {
                    after.created += 1;
                    for group in person.groups {
                        memberships.entry(fold_case(&group)).or_default().push(String::from(&id));
                    }
                    hashes.extend(person.password_hash.map(|hash| (id, hash)));
                }
                Err(error @ Error::Database(_)) => return Err(error.into()),
                Err(error) => {
                    after.refused += 1;
                    self.report.add_refusal(number, &name, &error.to_string())?;
                }
            }
        }
        password::insert_imported(&mut tx, &self.context.account_id, hashes).await?;
        self.add_memberships(&mut tx, memberships).await?;
        self.report.sync()?;
        if !self.options.dry_run {
            let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
            let checkpoint = Checkpoint {
                rows_done: number(after.rows),
                created: number(after.created),
                refused: number(after.refused),
            };
            store::save_checkpoint(&mut tx, &self.context.account_id, &self.key, checkpoint).await?;
            tx.commit().await?;
        }
        self.progress = after;
        Ok(())
    }

    fn is_duplicate(&mut self, user: &ImportedUser) -> bool {
        let name = !self.seen.insert(format!("name {}", fold_case(&user.profile.user_name)));
        let email = user.profile.email.as_deref();
        let email = email.is_some_and(|email| !self.seen.insert(format!("email {}", fold_case(email))));
        name || email
    }

    /// Refuses a row that could not be parsed, that repeats an earlier one (in a dry run; otherwise the
    /// database detects duplicates), or that names a group which does not exist or is managed by a
    /// connection.
    async fn check_row(
        &mut self,
        tx: &mut Tx,
        user: Result<ImportedUser, String>,
    ) -> Result<ImportedUser, RowError> {
        let user = user.map_err(RowError::Refused)?;
        if self.options.dry_run && self.is_duplicate(&user) {
            return Err(RowError::Refused("is in the file more than once".to_owned()));
        }
        for name in &user.groups {
            let folded = fold_case(name);
            if !self.groups.contains_key(&folded) {
                let named = [GroupCondition::Name(name.clone())];
                let found = groups::list_after(tx, &self.context.account_id, &named, "", 10).await?;
                let own = found.into_iter().find(|group| group.connection_id.is_none());
                self.groups.insert(folded.clone(), own);
            }
            if self.groups.get(&folded).is_none_or(Option::is_none) {
                let reason = format!("groups: no locally managed group is named {name}; create it first");
                return Err(RowError::Refused(reason));
            }
        }
        Ok(user)
    }

    async fn add_memberships(
        &mut self,
        tx: &mut Tx,
        memberships: HashMap<String, Vec<String>>,
    ) -> Result<(), Error> {
        for (name, add) in memberships {
            let Some(Some(group)) = self.groups.get(&name) else { continue };
            let change = GroupUpdate {
                members: MembershipUpdate { add, ..MembershipUpdate::default() },
                ..GroupUpdate::default()
            };
            let applied = groups::update(tx, self.context, ChangeAuthority::Local, group, change).await?;
            self.groups.insert(name, Some(applied.group));
        }
        Ok(())
    }
}
