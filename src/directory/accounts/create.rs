//! Creation of accounts.

use super::model::Account;
use super::settings::AuthenticationSettings;
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::{Error, check_name};
use crate::kernel::{AccountId, Tx};

/// Creates an account with default settings. `make_context` builds the audit context from the new account's
/// id.
pub async fn create(
    tx: &mut Tx,
    slug: &str,
    name: &str,
    make_context: impl FnOnce(&AccountId) -> Context,
) -> Result<Account, Error> {
    check_name("name", name, 128)?;
    check_slug(slug)?;
    if store::by_slug(tx, slug).await?.is_some() {
        return Err(Error::Duplicate { field: "slug" });
    }
    let account = Account {
        id: tx.new_id().into(),
        slug: slug.to_owned(),
        name: name.trim().to_owned(),
        settings: AuthenticationSettings::default().to_stored(),
        created_at: tx.now(),
    };
    store::insert(tx, &account).await?;
    let event = Event::new(Action::AccountCreate, "account", &account.id, &account.name);
    audit::record(tx, &make_context(&account.id), event).await?;
    Ok(account)
}

fn check_slug(slug: &str) -> Result<(), Error> {
    let fits = !slug.is_empty()
        && slug.len() <= 63
        && slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !slug.starts_with('-')
        && !slug.ends_with('-');
    if fits {
        return Ok(());
    }
    let reason = "must be 1 to 63 lowercase letters, digits and hyphens, with no hyphen at the start or end";
    let reason = reason.to_owned();
    Err(Error::Invalid { field: "slug", reason })
}
