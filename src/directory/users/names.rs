//! Users by their names: what a provisioning client asks for before it does anything.

use super::User;
use crate::directory::{Window, fold};
use crate::kernel::Database;
use crate::kernel::gather::Gather;

/// Looks users up for all who ask at the same time.
#[derive(Default)]
pub struct Names(Gather<String, User>);

impl Names {
    /// The user of this name.
    ///
    /// # Errors
    /// The database's.
    pub async fn find(
        &self,
        db: &Database,
        account_id: &str,
        name: &str,
    ) -> Result<Option<User>, sqlx::Error> {
        let found = self.0.ask(account_id, fold(name), async |names: Vec<String>| {
            let users = super::store::by_names(&mut *db.read().await?, account_id, &names).await?;
            Ok(users.into_iter().map(|user| (fold(&user.user_name), user)).collect())
        });
        found.await
    }

    /// Whether this is for [`Names::find`]: the whole answer is wanted, and PostgreSQL takes the name. It would refuse one
    /// with a NUL, and with it everybody who is asked for together.
    #[must_use]
    pub fn finds(name: &str, window: &Window<'_>) -> bool {
        window.offset == 0 && window.limit > 0 && window.after.is_none() && !name.contains('\0')
    }
}
