//! Mails to users who need a second factor and have none. A job creates them in batches. Each batch, its
//! links and the cursor are written in one transaction, so that a restarted server continues where it
//! stopped and no user gets two.

use serde::{Deserialize, Serialize};

use crate::directory::Error;
use crate::directory::accounts::{self, Account, TwoFactorSettings};
use crate::kernel::database::{Conditions, DbConn};
use crate::kernel::mail::mailing::{self, Mailing, NewMailing};
use crate::kernel::text_enum::text_enum;
use crate::kernel::{AccountId, Kernel, Tx};
use crate::signin::notifications;
use crate::signin::one_time_links;
use crate::signin::policy::users_without_factor;

/// Users in a batch.
const BATCH_SIZE: usize = 200;

text_enum! {
    /// The wording of the mail.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum EnrolmentMailKind {
        /// The account requires a second factor from now on.
        Enforced = "two_factor_enforced",
        /// The account required it before.
        Reminder = "two_factor_reminder",
    }
}

/// Which users a mailing goes to.
#[derive(Serialize, Deserialize)]
struct Scope {
    enforced: bool,
    groups: Vec<String>,
}

impl Scope {
    fn settings(self) -> TwoFactorSettings {
        TwoFactorSettings { enforced: self.enforced, groups: self.groups, ..TwoFactorSettings::default() }
    }
}

fn recipients(account_id: &AccountId, settings: &TwoFactorSettings, after: &str) -> Conditions {
    let mut all = users_without_factor(account_id, settings, after);
    all.fixed("u.email IS NOT NULL");
    all
}

/// Starts a mailing to all users who must have a second factor under `settings` and have none; if
/// `settings` require it of no user, to all users without one. Returns the number of recipients.
pub async fn start_mailing(
    tx: &mut Tx,
    account: &Account,
    settings: &TwoFactorSettings,
    kind: EnrolmentMailKind,
    created_by: &str,
) -> Result<i64, sqlx::Error> {
    let scope =
        Scope { enforced: settings.enforced || settings.groups.is_empty(), groups: settings.groups.clone() };
    let text = serde_json::to_string(&scope).map_err(|e| sqlx::Error::Encode(Box::new(e)))?;
    let all = recipients(&account.id, &scope.settings(), "");
    let (total,): (i64,) =
        all.bind_as(all.sql("SELECT COUNT(*) FROM users u", "")).fetch_one(&mut **tx).await?;
    let new = NewMailing { account_id: &account.id, kind: kind.as_str(), scope: &text, total, created_by };
    mailing::start(tx, &new).await?;
    Ok(total)
}

#[derive(sqlx::FromRow)]
struct Recipient {
    id: String,
    user_name: String,
    email: String,
}

async fn next_recipients(c: &mut DbConn, mailing: &Mailing) -> Result<Vec<Recipient>, sqlx::Error> {
    let scope =
        serde_json::from_str::<Scope>(&mailing.scope).map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
    let all = recipients(&mailing.account_id, &scope.settings(), &mailing.cursor);
    let tail = format!("ORDER BY u.id LIMIT {BATCH_SIZE}");
    all.bind_as(all.sql("SELECT u.id, u.user_name, u.email FROM users u", &tail)).fetch_all(c).await
}

/// Queues the next batch of every mailing that has room in the outbox; returns true when there was
/// something to do. Safe to run on several nodes.
pub async fn queue_next_batches(kernel: &Kernel) -> Result<bool, Error> {
    let running = mailing::running(&mut *kernel.db.read().await?).await?;
    let mut busy = false;
    for one in running.iter().filter(|mailing| mailing.has_room()) {
        match queue_batch(kernel, one).await {
            Ok(queued) => busy |= queued,
            // This mailing continues once its account's settings can be read. Mailings of other accounts
            // continue now.
            Err(Error::UnreadableSettings(_)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(busy)
}

async fn queue_batch(kernel: &Kernel, mailing: &Mailing) -> Result<bool, Error> {
    let mut c = kernel.db.read().await?;
    let account = accounts::by_id(&mut c, &mailing.account_id).await?.ok_or(Error::NotFound("account"))?;
    let people = next_recipients(&mut c, mailing).await?;
    drop(c);
    let last = people.len() < BATCH_SIZE;
    let cursor = people.last().map_or(mailing.cursor.clone(), |person| person.id.clone());
    let mut tx = kernel.db.begin().await?;
    let ids: Vec<&str> = people.iter().map(|person| person.id.as_str()).collect();
    let secrets = one_time_links::create_enrolment_links(&mut tx, &account.id, &ids).await?;
    let sender = notifications::sender(&account)?;
    let again = mailing.kind == EnrolmentMailKind::Reminder.as_str();
    let mut mails = Vec::with_capacity(people.len());
    for (person, secret) in people.iter().zip(&secrets) {
        let letter = notifications::enrolment_email(kernel, &account, &person.user_name, secret, again);
        mails.push(letter.render_for(&person.email, &sender)?);
    }
    if mailing::queue_batch(&mut tx, kernel, mailing, &mails, &cursor, last).await? {
        tx.commit().await?;
    }
    Ok(true)
}
