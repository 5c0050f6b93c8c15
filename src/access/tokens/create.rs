//! Issuing a token.

use super::model::{ApiToken, TokenPurpose};
use super::store;
use crate::access::PrincipalKind;
use crate::audit::{self, Action, Context, Event};
use crate::directory::{self, check_name};
use crate::kernel::tokens::{self, OpaqueTokenKind};
use crate::kernel::{Timestamp, Tx};

/// The principal a token acts as.
#[derive(Debug, Clone, Copy)]
pub struct TokenOwner<'a> {
    /// User or service account.
    pub kind: PrincipalKind,
    /// Its id.
    pub id: &'a str,
    /// The user's current epoch; 0 for a service account.
    pub epoch: i64,
}

/// The parameters of a new token.
#[derive(Debug, Clone, Copy)]
pub struct NewToken<'a> {
    /// The principal it acts as.
    pub owner: TokenOwner<'a>,
    /// Which API it gives access to.
    pub purpose: TokenPurpose,
    /// The connection, for a provisioning token.
    pub connection_id: Option<&'a str>,
    /// A name that its owner chose.
    pub name: &'a str,
    /// When it expires; never when absent.
    pub expires_at: Option<Timestamp>,
}

/// Issues a token and returns its secret, which is not stored.
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
