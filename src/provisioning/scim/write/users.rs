//! Changes of users.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Value, json};
use vestibule_scim::json::JsonObject;
use vestibule_scim::operation::Verb;
use vestibule_scim::user::{mark_active_removed, normalize_user};
use vestibule_scim::{custom_attributes, patch};

use super::model::{ScimWrite, WriteOutcome, check_version};
use crate::access::{self, Role, roles_of};
use crate::directory::users::{self, Profile, User};
use crate::directory::{domain_of, fold_case};
use crate::kernel::Tx;
use crate::kernel::database::DbConn;
use crate::provisioning::scim::error::Error;
use crate::provisioning::scim::model::base_url;
use crate::provisioning::scim::trace::{AttributeChange, difference};
use crate::provisioning::scim::{deletion_guard, user};
use crate::signin::notifications;
use crate::signin::policy::{self, AddressClaim};

impl ScimWrite<'_> {
    pub(super) async fn apply_to_user(&mut self, tx: &mut Tx) -> Result<WriteOutcome, Error> {
        if self.operation.verb == Verb::Post {
            let profile = self.new_profile()?;
            self.check_addresses(tx, None, &profile).await?;
            let connection_id = &self.client.connection_id;
            let user = users::create_in_one_statement(tx, self.context, connection_id, profile).await?;
            return Ok(self.created(&user));
        }
        let user = user::find_user(tx, self.client.account_id(), &self.operation.id).await?;
        user.user_name.clone_into(&mut self.trace.subject);
        check_version(self.operation.version.as_deref(), user.version)?;
        if self.operation.verb == Verb::Delete {
            return self.delete_user(tx, &user).await;
        }
        check_takeover(tx, &user).await?;
        self.check_adoption(tx, &user).await?;
        let updated = self.update_user(tx, &user).await?;
        notifications::address_changed(self.kernel, tx, &user, &updated).await?;
        let resource = user::load_resource(self.kernel, tx, &updated, self.query).await?.into_object();
        let is_removal = removal_would_count(tx, &user) && !updated.is_active();
        let decides = changes_sign_in(&user, &updated) || user.connection_id != updated.connection_id;
        let needs_approval = decides && has_role(tx, &user).await?;
        let outcome = write_outcome(StatusCode::OK, &updated, Some(resource));
        Ok(WriteOutcome { is_removal, needs_approval, ..outcome })
    }

    /// Creates a user in its own transaction, which takes one statement.
    pub(super) async fn create_user_alone(&mut self) -> Result<WriteOutcome, Error> {
        let profile = self.new_profile()?;
        self.check_addresses(&mut *self.kernel.db.read().await?, None, &profile).await?;
        let connection_id = &self.client.connection_id;
        let user = users::create_alone(self.kernel, self.context, connection_id, profile).await?;
        Ok(self.created(&user))
    }

    fn new_profile(&self) -> Result<Profile, Error> {
        user::profile(self.coerce(normalize_user(self.operation.data.clone()))?)
    }

    fn created(&mut self, user: &User) -> WriteOutcome {
        user.id.as_str().clone_into(&mut self.trace.resource_id);
        self.trace.changes = difference(&JsonObject::new(), &user::resource(user).into_object());
        // A new user is not a member of any group.
        let resource = user::represent(user, None, &base_url(self.kernel)).into_object();
        write_outcome(StatusCode::CREATED, user, Some(resource))
    }

    async fn update_user(&mut self, tx: &mut Tx, user: &User) -> Result<User, Error> {
        let before = user::resource(user).into_object();
        let wanted = if self.operation.verb == Verb::Put {
            self.operation.data.clone()
        } else {
            let mut resource = before.clone();
            patch::apply_operations(&mut resource, &patch::parse_operations(&self.operation.data)?)?;
            mark_active_removed(&mut resource);
            resource
        };
        let profile = user::profile(self.coerce(normalize_user(wanted))?)?;
        self.check_addresses(tx, Some(user), &profile).await?;
        let updated = access::update_user(tx, self.context, self.client.authority(), user, profile).await?;
        self.trace.changes = difference(&before, &user::resource(&updated).into_object());
        if user.connection_id.is_none() {
            // From now on the connection manages the user, which the log should show.
            let name = json!(self.client.connection_name);
            self.trace.changes.push(AttributeChange::new("managed by", Value::Null, name));
        }
        Ok(updated)
    }

    /// Refuses to manage a user that the connection did not create if the address is not in its domains.
    async fn check_adoption(&self, tx: &mut Tx, user: &User) -> Result<(), Error> {
        if user.connection_id.is_some() {
            return Ok(());
        }
        let email = user.email.as_deref().unwrap_or(&user.user_name);
        let claim = AddressClaim {
            account_id: self.client.account_id(),
            connection_id: &self.client.connection_id,
            email,
            user: Some(user),
            now: tx.now(),
        };
        if policy::has_address_authority(tx, claim).await? {
            return Ok(());
        }
        let domain = domain_of(email).unwrap_or_default();
        let detail = format!(
            "This user was not created by this connection, and the connection is not selected for the email \
             domain {domain}. Verify the domain in Vestibule and select this connection for it."
        );
        Err(Error::plain(StatusCode::FORBIDDEN, detail))
    }

    /// Refuses a new address, or a new username that is one, in a domain that others may speak for. The error does not
    /// tell whether that is another connection or another account.
    async fn check_addresses(
        &self,
        c: &mut DbConn,
        before: Option<&User>,
        wanted: &Profile,
    ) -> Result<(), Error> {
        let stored = before.map(|user| [Some(&user.user_name), user.email.as_ref()]).unwrap_or_default();
        let stored = stored.map(|text| text.map(|text| fold_case(text)));
        let new = [Some(&wanted.user_name), wanted.email.as_ref()].into_iter().flatten();
        let new = new.filter(|text| !stored.contains(&Some(fold_case(text.trim()))));
        let by_domain: BTreeMap<String, &String> =
            new.filter_map(|text| Some((domain_of(text.trim())?, text))).collect();
        for (domain, email) in by_domain {
            let claim = AddressClaim {
                account_id: self.client.account_id(),
                connection_id: &self.client.connection_id,
                email,
                user: before,
                now: self.kernel.clock.now(),
            };
            if !policy::may_provision_address(c, claim).await? {
                let detail = format!(
                    "This connection is not selected for the email domain {domain}. Verify the domain in Vestibule and \
                     select this connection for it, or send an address in another domain."
                );
                return Err(Error::plain(StatusCode::FORBIDDEN, detail));
            }
        }
        Ok(())
    }

    async fn delete_user(&mut self, tx: &mut Tx, user: &User) -> Result<WriteOutcome, Error> {
        let is_removal = removal_would_count(tx, user);
        let needs_approval = has_role(tx, user).await?;
        access::delete_user(tx, self.context, self.client.authority(), user).await?;
        self.trace.changes = difference(&user::resource(user).into_object(), &JsonObject::new());
        let outcome = write_outcome(StatusCode::NO_CONTENT, user, None);
        Ok(WriteOutcome { version: None, is_removal, needs_approval, ..outcome })
    }

    /// Converts the account's custom attributes into their defined types.
    fn coerce(&self, resource: JsonObject) -> Result<JsonObject, Error> {
        Ok(custom_attributes::coerce_attributes(&self.client.settings.extra_attributes, resource)?)
    }
}

fn write_outcome(status: StatusCode, user: &User, resource: Option<JsonObject>) -> WriteOutcome {
    WriteOutcome {
        status,
        id: String::from(&user.id),
        version: Some(user.version),
        resource,
        is_removal: false,
        needs_approval: false,
    }
}

/// Whether the change decides where mails to the user go, by which name they sign in, or whether they may.
fn changes_sign_in(before: &User, after: &User) -> bool {
    before.email != after.email
        || before.user_name != after.user_name
        || before.is_active() != after.is_active()
}

/// Whether the user has a role. What a directory says about such a user is only a proposal: anyone who can write to the
/// directory would otherwise get the role, with another address and a link that is mailed to it.
async fn has_role(tx: &mut Tx, user: &User) -> Result<bool, Error> {
    Ok(!roles_of(tx, &user.id).await?.is_empty())
}

/// Whether the removal of this user counts: the user was active and was not created just now, as in a test.
fn removal_would_count(tx: &Tx, user: &User) -> bool {
    user.is_active() && user.created_at < tx.now().minus(deletion_guard::NEW_USER_PERIOD)
}

/// Refuses to let a connection take over an administrator who was created locally, only because the
/// directory knows the address.
async fn check_takeover(tx: &mut Tx, user: &User) -> Result<(), Error> {
    if user.connection_id.is_none() && roles_of(tx, &user.id).await?.contains(&Role::AccountAdmin) {
        let detail = "This user is an administrator who was created manually. Remove the role in the console \
                      so that this connection can manage the user.";
        return Err(Error::plain(StatusCode::FORBIDDEN, detail));
    }
    Ok(())
}
