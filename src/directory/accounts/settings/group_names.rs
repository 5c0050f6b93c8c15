//! Groups by the names that are typed into the form.

use crate::directory::Error;
use crate::directory::groups::{self, GroupCondition};
use crate::kernel::AccountId;
use crate::kernel::database::DbConn;

/// The id of the group with this name.
pub(super) async fn group_id_by_name(
    c: &mut DbConn,
    account_id: &AccountId,
    label: &'static str,
    name: &str,
) -> Result<String, Error> {
    let matches = [GroupCondition::Name(name.to_owned())];
    let mut found = groups::list_after(c, account_id, &matches, "", 2).await?;
    let reason = match (found.pop(), found.is_empty()) {
        (Some(group), true) => return Ok(group.id.into()),
        (Some(_), false) => format!("more than one group is named {name}"),
        (None, _) => format!("there is no group named {name}"),
    };
    Err(Error::Invalid { field: label, reason })
}
