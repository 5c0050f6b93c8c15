//! Users by their names: what a provisioning client asks for before it does anything.

use super::User;
use super::batch::BatchLoader;
use crate::directory::{PageRequest, fold_case};
use crate::kernel::Database;

/// Looks users up for all who ask at the same time.
#[derive(Default)]
pub struct UserLoader(BatchLoader<String, User>);

impl UserLoader {
    /// The user of this name.
    pub async fn load_by_name(
        &self,
        db: &Database,
        account_id: &str,
        name: &str,
    ) -> Result<Option<User>, sqlx::Error> {
        let found = self.0.load(account_id, fold_case(name), async |names: Vec<String>| {
            let users = super::store::by_names(&mut *db.read().await?, account_id, &names).await?;
            Ok(users.into_iter().map(|user| (fold_case(&user.user_name), user)).collect())
        });
        found.await
    }

    /// Whether this is for [`Names::find`]: the whole answer is wanted, and PostgreSQL takes the name. It would refuse one
    /// with a NUL, and with it everybody who is asked for together.
    #[must_use]
    pub fn can_load(name: &str, page_request: &PageRequest<'_>) -> bool {
        page_request.offset == 0
            && page_request.limit > 0
            && page_request.after.is_none()
            && !name.contains('\0')
    }
}
