//! Welcome mails to users that a directory created, which tell them how to sign in. They are sent in
//! batches in the background, because a directory may create thousands of users at once.

use std::collections::HashMap;

use super::notifications::AccessNotification;
use crate::directory::accounts::{self, Account, SsoInvitations};
use crate::directory::users::{self, User};
use crate::directory::{Error, domain_of};
use crate::idp::connections;
use crate::kernel::{Kernel, Tx};
use crate::signin::notifications;
use crate::signin::one_time_links::{self, LinkPurpose};

/// Users per transaction.
const BATCH_SIZE: i64 = 50;

/// Sends the next batch of welcome mails and returns its size. Any number of nodes may call it
/// concurrently.
pub async fn send_welcome_emails(kernel: &Kernel) -> Result<usize, Error> {
    let mut c = kernel.db.read().await?;
    let due = users::due_for_welcome(&mut c, BATCH_SIZE).await?;
    drop(c);
    if due.is_empty() {
        return Ok(0);
    }
    let mut tx = kernel.db.begin().await?;
    let mut account_cache = HashMap::new();
    for (account_id, id) in &due {
        if !account_cache.contains_key(account_id) {
            let account = accounts::by_id(&mut tx, account_id).await?;
            // While an account's settings cannot be read, its users stay due.
            account_cache.insert(account_id, account.filter(|account| account.settings().is_ok()));
        }
        let Some(Some(account)) = account_cache.get(account_id) else { continue };
        // Another node may have claimed the user in the meantime.
        if !users::claim_welcome(&mut tx, account_id, id).await? {
            continue;
        }
        if let Some(user) = users::by_id(&mut tx, account_id, id).await?.filter(User::is_active) {
            send_welcome_email(kernel, &mut tx, account, &user).await?;
        }
    }
    tx.commit().await?;
    Ok(due.len())
}

/// Tells a user of an identity provider how to sign in, if the account's settings say so. Any other user
/// has no credential yet and gets a link to choose a password.
async fn send_welcome_email(
    kernel: &Kernel,
    tx: &mut Tx,
    account: &Account,
    user: &User,
) -> Result<(), Error> {
    let Some(domain) = user.email.as_deref().and_then(domain_of) else { return Ok(()) };
    let now = tx.now();
    let provider = connections::route_by_domain_or_default(tx, &account.id, &domain, now).await?;
    let notification = match provider {
        Some(_) if account.settings()?.sso_invitations == SsoInvitations::Active => return Ok(()),
        Some(provider) => AccessNotification::ProvisionedWithProvider {
            provider: provider.label(),
            login_url: kernel.urls.absolute(&format!("/login?account={}", account.slug)),
        },
        None => {
            let secret = one_time_links::create(tx, user, LinkPurpose::Setup).await?;
            let link = kernel.urls.absolute(&format!("/setup?token={secret}"));
            AccessNotification::ProvisionedWithPassword { user_name: &user.user_name, link }
        }
    };
    let email = notification.into_email(account);
    notifications::send(kernel, tx, account, user, &email).await.map(drop)
}
