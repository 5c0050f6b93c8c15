//! Mails to people whom a directory has made: how they come in. Made bit by bit in the background, as a directory may
//! bring thousands at once.

use std::collections::HashMap;

use crate::directory::accounts::{self, Account, SsoInvitations};
use crate::directory::users::{self, User};
use crate::directory::{Error, domain_of};
use crate::idp::connections;
use crate::kernel::mail::Letter;
use crate::kernel::{Kernel, Tx};
use crate::signin::links::{self, LinkPurpose};
use crate::signin::notices;

/// People who are told in one unit of work.
const AT_ONCE: i64 = 50;

/// Tells the next of those who wait; how many that were. Every node may do it at once.
///
/// # Errors
/// The database's; who was not told is told later.
pub async fn welcome_some(kernel: &Kernel) -> Result<usize, Error> {
    let mut c = kernel.db.read().await?;
    let due = users::due_for_welcome(&mut c, AT_ONCE).await?;
    drop(c);
    if due.is_empty() {
        return Ok(0);
    }
    let mut tx = kernel.db.begin().await?;
    let mut known = HashMap::new();
    for (account_id, id) in &due {
        // Of two nodes, one finds it due.
        if !users::take_welcome(&mut tx, account_id, id).await? {
            continue;
        }
        let Some(user) = users::by_id(&mut tx, account_id, id).await?.filter(User::is_active) else {
            continue;
        };
        if !known.contains_key(account_id) {
            known.insert(account_id, accounts::by_id(&mut tx, account_id).await?);
        }
        if let Some(Some(account)) = known.get(account_id) {
            welcome(kernel, &mut tx, account, &user).await?;
        }
    }
    tx.commit().await?;
    kernel.mail_wake.notify_one();
    Ok(due.len())
}

/// Who signs in through an identity provider is told if the account wants that. Who does not has no way in yet, and
/// gets one.
async fn welcome(kernel: &Kernel, tx: &mut Tx, account: &Account, user: &User) -> Result<(), Error> {
    let Some(domain) = user.email.as_deref().and_then(domain_of) else { return Ok(()) };
    let provider = connections::sign_in_for(tx, &account.id, &domain).await?;
    let letter = match provider {
        Some(_) if account.settings().sso_invitations == SsoInvitations::Active => return Ok(()),
        Some(provider) => {
            let to = kernel.urls.absolute(&format!("/login?account={}", account.slug));
            letter(
                account,
                format!("Sign in through {}; there is nothing to set up.", provider.label()),
                ("Sign in", to),
            )
        }
        None => {
            let secret = links::create(tx, user, LinkPurpose::Setup).await?;
            let to = kernel.urls.absolute(&format!("/setup?token={secret}"));
            let mut letter = letter(
                account,
                format!("Your name there is {}. Choose a password to sign in with.", user.user_name),
                ("Choose a password", to),
            );
            letter.notes = vec![
                "The link works once and for a day. After that, \"Forgot password\" on the sign-in page sends another."
                    .into(),
            ];
            letter
        }
    };
    notices::send(kernel, tx, account, user, &letter).await.map(drop)
}

fn letter(account: &Account, how: String, (action, to): (&str, String)) -> Letter {
    Letter {
        subject: format!("You can use {} now", account.name),
        paragraphs: vec![format!("Your company has given you access to {}. {how}", account.name)],
        action: Some((action.into(), to)),
        notes: Vec::new(),
    }
}
