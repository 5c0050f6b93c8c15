//! Finishes what the migration to verified domains could not do in SQL.

use std::collections::BTreeSet;

use super::model::{Domain, GRACE};
use super::name::to_ascii;
use super::store;
use crate::kernel::Tx;

/// Gives the domains that connections listed before this version their ASCII form, a record value and their grace,
/// which begins now. Runs at each start of the server; once it is done, it only makes one query.
pub async fn begin_grace(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let mut seen = BTreeSet::new();
    let mut all = store::list_migrated(tx).await?;
    // ASCII names first: another spelling of one that is renamed would meet it.
    all.sort_by_key(|migrated| to_ascii(&migrated.domain).as_deref() != Some(migrated.domain.as_str()));
    for migrated in all {
        let Some(ascii) = to_ascii(&migrated.domain) else {
            tracing::warn!(
                domain = migrated.domain,
                "a connection listed what cannot be a domain; it was removed"
            );
            store::unlink_domain(tx, &migrated.account_id, &migrated.domain).await?;
            store::remove_migrated(tx, &migrated).await?;
            continue;
        };
        if ascii != migrated.domain {
            store::move_links(tx, &migrated.account_id, &migrated.domain, &ascii).await?;
        }
        // Two spellings of one name are one domain.
        if seen.insert((migrated.account_id.clone(), ascii.clone())) {
            let mut finished = Domain::pending(tx, &migrated.account_id, &ascii);
            finished.grace_until = Some(tx.now().plus(GRACE));
            store::finish_migrated(tx, &migrated, &finished).await?;
        } else {
            store::remove_migrated(tx, &migrated).await?;
        }
    }
    Ok(())
}
