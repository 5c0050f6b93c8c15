//! Issuing a token.

use super::model::{ApiToken, NewToken, TokenOrigin, TokenPurpose};
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::{self, check_name};
use crate::kernel::tokens::{self, OpaqueTokenKind};
use crate::kernel::{Timestamp, Tx};

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
    let new = NewToken { expires_at: limit_expiry(&new)?, ..new };
    let purpose = match new.purpose {
        TokenPurpose::Api => OpaqueTokenKind::Api,
        TokenPurpose::Scim => OpaqueTokenKind::Scim,
        TokenPurpose::Application => OpaqueTokenKind::Application,
    };
    let made = tokens::OpaqueToken::generate(purpose);
    let token = store::insert(tx, &context.account_id, &new, made.hint(), &made.hash).await?;
    audit::record(tx, context, Event::new(Action::TokenCreate, "api_token", &token.id, &token.name)).await?;
    Ok((token, made.secret))
}

/// When the token expires: never later than the token that it is made with.
fn limit_expiry(new: &NewToken<'_>) -> Result<Option<Timestamp>, directory::Error> {
    let TokenOrigin::Token(parent) = new.origin else { return Ok(new.expires_at) };
    match (parent.expires_at, new.expires_at) {
        (Some(limit), Some(wanted)) if wanted > limit => {
            let reason = format!(
                "must not be later than {limit}, when the API token that you use expires. Sign in to generate a token \
                 that is valid longer"
            );
            Err(directory::Error::Invalid { field: "expires_at", reason })
        }
        (limit, wanted) => Ok(wanted.or(limit)),
    }
}
