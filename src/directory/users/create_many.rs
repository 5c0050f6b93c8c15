//! Creating hundreds of users in few statements, for imports.

use serde_json::Value;

use super::model::Profile;
use crate::audit::{self, Action, Context};
use crate::directory::{Error, fold_case};
use crate::kernel::database::{SqlValue, existing, insert_new};
use crate::kernel::{Timestamp, Tx, UserId};

/// Creates a user for each profile that is valid. The results are in the order of the profiles: the new
/// user's id or the error ([`Error::Invalid`], [`Error::Duplicate`]).
pub async fn create_many(
    tx: &mut Tx,
    context: &Context,
    profiles: Vec<Profile>,
    detail: &Value,
) -> Result<Vec<Result<UserId, Error>>, Error> {
    let mut candidates = Vec::with_capacity(profiles.len());
    for profile in profiles {
        candidates.push(profile.checked().map(|profile| (tx.new_id(), profile)));
    }
    let rows = candidates.iter().flatten().map(|(id, profile)| row(id, context, profile, tx.now())).collect();
    let head = "INSERT INTO users (id, account_id, user_name, user_name_folded, email, email_folded, given_name, \
         family_name, display_name, active, external_id, attributes, epoch, version, created_at, updated_at)";
    let written = insert_new(tx, head, rows).await?;
    let refused = candidates.iter().flatten().filter(|(id, _)| !written.contains(id));
    let refused: Vec<String> = refused.map(|(_, profile)| fold_case(&profile.user_name)).collect();
    let head = "SELECT user_name_folded FROM users WHERE account_id = $1 AND user_name_folded IN";
    let taken = existing(tx, head, &context.account_id, &refused).await?;
    let (mut made, mut answers) = (Vec::with_capacity(written.len()), Vec::with_capacity(candidates.len()));
    for candidate in candidates {
        answers.push(candidate.and_then(|(id, profile)| {
            if !written.contains(&id) {
                let by_name = taken.contains(&fold_case(&profile.user_name));
                return Err(Error::Duplicate { field: if by_name { "user_name" } else { "email" } });
            }
            made.push((id.clone(), profile.user_name));
            Ok(id.into())
        }));
    }
    audit::record_many(tx, context, Action::UserCreate, "user", &made, detail).await?;
    Ok(answers)
}

fn row<'a>(id: &'a str, context: &'a Context, profile: &'a Profile, now: Timestamp) -> [SqlValue<'a>; 16] {
    [
        id.into(),
        context.account_id.as_str().into(),
        profile.user_name.as_str().into(),
        fold_case(&profile.user_name).into(),
        profile.email.as_deref().into(),
        profile.email.as_deref().map(fold_case).into(),
        profile.given_name.as_deref().into(),
        profile.family_name.as_deref().into(),
        profile.effective_display_name().into(),
        i64::from(profile.active).into(),
        profile.external_id.as_deref().into(),
        profile.attributes_text().into(),
        0.into(),
        1.into(),
        now.into(),
        now.into(),
    ]
}
