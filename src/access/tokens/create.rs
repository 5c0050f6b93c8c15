//! Making a token.

use super::model::{ApiToken, TokenPurpose};
use super::store;
use crate::access::PrincipalKind;
use crate::audit::{self, Action, Context, Event};
use crate::directory::{self, check_name};
use crate::kernel::tokens::{self, OpaqueTokenKind};
use crate::kernel::{Timestamp, Tx};

/// Whom a token acts for.
#[derive(Debug, Clone, Copy)]
pub struct TokenOwner<'a> {
    /// User or service account.
    pub kind: PrincipalKind,
    /// Its id.
    pub id: &'a str,
    /// The user's present epoch; 0 for a service account.
    pub epoch: i64,
}

/// A token to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewToken<'a> {
    /// Whom it acts for.
    pub owner: TokenOwner<'a>,
    /// What it opens.
    pub purpose: TokenPurpose,
    /// The connection, for provisioning.
    pub connection_id: Option<&'a str>,
    /// What its owner calls it.
    pub name: &'a str,
    /// When it stops working; never when absent.
    pub expires_at: Option<Timestamp>,
}

/// Makes a token and returns its secret, which exists nowhere else from here on.
pub async fn create(
    tx: &mut Tx,
    context: &Context,
    new: NewToken<'_>,
) -> Result<(ApiToken, String), directory::Error> {
    check_name("name", new.name, 128)?;
    if new.expires_at.is_some_and(|end| end <= tx.now()) {
        let reason = "must be in the future".to_owned();
        return Err(directory::Error::Invalid { field: "expires_at", reason });
    }
    let purpose = match new.purpose {
        TokenPurpose::Api => OpaqueTokenKind::Api,
        TokenPurpose::Scim => OpaqueTokenKind::Scim,
    };
    let made = tokens::OpaqueToken::generate(purpose);
    let token = store::insert(tx, &context.account_id, &new, made.hint(), &made.hash).await?;
    audit::record(tx, context, Event::new(Action::TokenCreate, "api_token", &token.id, &token.name)).await?;
    Ok((token, made.secret))
}
