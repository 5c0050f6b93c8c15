//! Making hundreds of users in few statements, for imports.

use std::collections::HashSet;

use serde_json::Value;

use super::super::{Error, fold};
use super::model::Profile;
use crate::audit::{self, Action, Context};
use crate::kernel::Tx;
use crate::kernel::database::{Cell, insert_all, present};

/// Makes a user of each profile that can be one. The answers stand in the order of the profiles: the new
/// user's id, or why there is none ([`Error::Invalid`], [`Error::Duplicate`]).
///
/// # Errors
/// The database's; then nothing of it is kept.
pub async fn create_many(
    tx: &mut Tx,
    context: &Context,
    profiles: Vec<Profile>,
    detail: &Value,
) -> Result<Vec<Result<String, Error>>, Error> {
    let checked: Vec<_> = profiles.into_iter().map(Profile::checked).collect();
    let good: Vec<&Profile> = checked.iter().filter_map(|profile| profile.as_ref().ok()).collect();
    let mut names = taken(tx, context, "user_name_folded", good.iter().map(|p| &p.user_name)).await?;
    let mut emails = taken(tx, context, "email_folded", good.iter().filter_map(|p| p.email.as_ref())).await?;
    let (mut rows, mut made, mut answers) = (Vec::new(), Vec::new(), Vec::new());
    for profile in checked {
        let answer = profile.and_then(|profile| {
            if !names.insert(fold(&profile.user_name)) {
                return Err(Error::Duplicate { field: "user_name" });
            }
            if profile.email.as_deref().is_some_and(|email| !emails.insert(fold(email))) {
                return Err(Error::Duplicate { field: "email" });
            }
            let id = tx.new_id();
            rows.push(row(&id, context, &profile, tx));
            made.push((id.clone(), profile.user_name));
            Ok(id)
        });
        answers.push(answer);
    }
    let head = "INSERT INTO users (id, account_id, user_name, user_name_folded, email, email_folded, given_name, \
         family_name, display_name, active, external_id, attributes, epoch, version, created_at, updated_at)";
    insert_all(tx, head, rows).await?;
    audit::record_many(tx, context, (Action::UserCreate, "user"), &made, detail).await?;
    Ok(answers)
}

fn row(id: &str, context: &Context, profile: &Profile, tx: &Tx) -> [Cell; 16] {
    let now = tx.now();
    [
        id.into(),
        context.account_id.as_str().into(),
        profile.user_name.as_str().into(),
        fold(&profile.user_name).into(),
        profile.email.clone().into(),
        profile.email.as_deref().map(fold).into(),
        profile.given_name.clone().into(),
        profile.family_name.clone().into(),
        profile.shown_name().into(),
        i64::from(profile.active).into(),
        profile.external_id.clone().into(),
        Value::Object(profile.attributes.clone()).to_string().into(),
        0.into(),
        1.into(),
        now.into(),
        now.into(),
    ]
}

/// Which of these values users of the account have already, folded.
async fn taken<'a>(
    tx: &mut Tx,
    context: &Context,
    column: &'static str,
    wanted: impl Iterator<Item = &'a String>,
) -> Result<HashSet<String>, sqlx::Error> {
    let head = match column {
        "email_folded" => "SELECT email_folded FROM users WHERE account_id = $1 AND email_folded IN",
        _ => "SELECT user_name_folded FROM users WHERE account_id = $1 AND user_name_folded IN",
    };
    let wanted: Vec<String> = wanted.map(|text| fold(text)).collect();
    present(tx, head, &context.account_id, &wanted).await
}
