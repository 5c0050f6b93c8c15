//! Welcome mails to users that a directory created, which tell them how to sign in. They are sent in
//! batches in the background, because a directory may create thousands of users at once.

use std::collections::HashMap;

use crate::directory::accounts::{self, Account, SsoInvitations};
use crate::directory::users::{self, User};
use crate::directory::{Error, domain_of};
use crate::idp::connections;
use crate::kernel::mail::EmailMessage;
use crate::kernel::{Kernel, Tx};
use crate::signin::notifications;
use crate::signin::one_time_links::{self, LinkPurpose};

/// Users per transaction.
const BATCH_SIZE: i64 = 50;

/// Sends the next batch of welcome mails; returns how many users were due. Any number of nodes may call it
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
        // Another node may have claimed this user since the query above.
        if !users::claim_welcome(&mut tx, account_id, id).await? {
            continue;
        }
        let Some(user) = users::by_id(&mut tx, account_id, id).await?.filter(User::is_active) else {
            continue;
        };
        if !account_cache.contains_key(account_id) {
            account_cache.insert(account_id, accounts::by_id(&mut tx, account_id).await?);
        }
        if let Some(Some(account)) = account_cache.get(account_id) {
            send_welcome_email(kernel, &mut tx, account, &user).await?;
        }
    }
    tx.commit().await?;
    kernel.mail_wake.notify_one();
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
    let provider = connections::route_by_domain_or_default(tx, &account.id, &domain).await?;
    let email = match provider {
        Some(_) if account.settings().sso_invitations == SsoInvitations::Active => return Ok(()),
        Some(provider) => {
            let to = kernel.urls.absolute(&format!("/login?account={}", account.slug));
            welcome_email(
                account,
                format!("Sign in through {}; there is nothing to set up.", provider.label()),
                "Sign in",
                to,
            )
        }
        None => {
            let secret = one_time_links::create(tx, user, LinkPurpose::Setup).await?;
            let to = kernel.urls.absolute(&format!("/setup?token={secret}"));
            let mut email = welcome_email(
                account,
                format!("Your name there is {}. Choose a password to sign in with.", user.user_name),
                "Choose a password",
                to,
            );
            email.notes = vec![
                "The link works once and for a day. After that, \"Forgot password\" on the sign-in page sends another."
                    .into(),
            ];
            email
        }
    };
    notifications::send(kernel, tx, account, user, &email).await.map(drop)
}

fn welcome_email(account: &Account, how: String, action: &str, to: String) -> EmailMessage {
    EmailMessage {
        subject: format!("You can use {} now", account.name),
        paragraphs: vec![format!("Your company has given you access to {}. {how}", account.name)],
        action: Some((action.into(), to)),
        notes: Vec::new(),
    }
}
