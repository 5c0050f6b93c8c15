//! From a cookie to a principal.

use std::time::Duration;

use super::create::idle_end;
use super::store;
use crate::access::{Credential, Principal, PrincipalKind, Role};
use crate::directory::accounts;
use crate::kernel::{Kernel, tokens};

/// How old `last_seen_at` may get before a use is written down again.
const TOUCH_AFTER: Duration = Duration::from_mins(1);

/// Accepts the secret of a session that has not ended, of a user who is active and was not
/// deactivated since. Asks the database each time, so that an end takes effect on all nodes at once.
///
/// # Errors
/// The database's.
pub async fn authenticate(kernel: &Kernel, secret: &str) -> Result<Option<Principal>, sqlx::Error> {
    let now = kernel.clock.now();
    let mut c = kernel.db.read().await?;
    let Some(live) = store::live(&mut c, &tokens::hash(secret), now).await? else { return Ok(None) };
    if live.last_seen_at < now.minus(TOUCH_AFTER) {
        let settings = accounts::settings_of(&mut c, &live.account_id).await?;
        drop(c);
        let mut tx = kernel.db.begin().await?;
        store::touch(&mut tx, &live.id, idle_end(now, &settings.session)).await?;
        tx.commit().await?;
    }
    let roles = live.roles.unwrap_or_default().split(' ').filter_map(Role::parse).collect();
    Ok(Some(Principal {
        account_id: live.account_id,
        kind: PrincipalKind::User,
        id: live.user_id,
        name: live.user_name,
        credential: Credential::Session { id: live.id, amr: live.amr, acr: live.acr },
        roles,
    }))
}
