//! Issuing a token.

use super::model::{ApiToken, NewToken, TokenPurpose};
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::{self, check_name};
use crate::kernel::Tx;
use crate::kernel::tokens::{self, OpaqueTokenKind};

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
