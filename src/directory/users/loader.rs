//! Batched lookups of users by name. A provisioning client looks a user up by name before every change, and
//! concurrent lookups share one query.

use super::User;
use super::batch::BatchLoader;
use crate::directory::{PageRequest, fold_case};
use crate::kernel::{AccountId, Database};

/// Combines concurrent lookups by user name into one query.
#[derive(Default)]
pub struct UserLoader(BatchLoader<String, User>);

impl UserLoader {
    /// The user with this name.
    pub async fn load_by_name(
        &self,
        db: &Database,
        account_id: &AccountId,
        name: &str,
    ) -> Result<Option<User>, sqlx::Error> {
        let found = self.0.load(account_id, fold_case(name), async |names: Vec<String>| {
            let users = super::store::by_names(&mut *db.read().await?, account_id, &names).await?;
            Ok(users.into_iter().map(|user| (fold_case(&user.user_name), user)).collect())
        });
        found.await
    }

    /// Whether [`UserLoader::load_by_name`] can answer a list request: it returns the whole result, not a
    /// page of it. PostgreSQL refuses a text with a NUL, and one such name would fail the query of every
    /// lookup in the batch.
    #[must_use]
    pub fn can_load(name: &str, page_request: &PageRequest<'_>) -> bool {
        page_request.offset == 0
            && page_request.limit > 0
            && page_request.after.is_none()
            && !name.contains('\0')
    }
}
