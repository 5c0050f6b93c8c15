//! Creates invitations for one or more addresses. Each address succeeds or fails by itself.

use std::collections::HashSet;

use serde_json::json;
use url::Url;

use super::model::{InviteStatus, Invitee, InviteeOutcome, NewInvitations};
use super::{emails, store};
use crate::access::{PrincipalKind, Role, bind_role};
use crate::audit::{self, Action, Context, Event};
use crate::directory::accounts::{self, Account, SsoInvitations};
use crate::directory::groups::{self, Group, GroupUpdate, MembershipUpdate};
use crate::directory::users::{self, ChangeAuthority, Profile, User};
use crate::directory::{Email, Error, fold_case};
use crate::idp::connections;
use crate::kernel::urls::local_path;
use crate::kernel::{Kernel, Tx};
use crate::provisioning::notifications::AccessNotification;
use crate::signin::notifications;

/// The limit on addresses per call, which is one transaction: other writers wait while it runs.
const MAX_INVITEES: usize = 500;

/// Creates the invitations in the caller's transaction. A refused address does not affect the others.
pub async fn create(
    kernel: &Kernel,
    tx: &mut Tx,
    context: &Context,
    new: NewInvitations,
) -> Result<Vec<InviteeOutcome>, Error> {
    let invalid = |field, reason: String| Error::Invalid { field, reason };
    if new.invitees.is_empty() || new.invitees.len() > MAX_INVITEES {
        return Err(invalid("emails", format!("must contain 1 to {MAX_INVITEES} email addresses")));
    }
    let landing_url = new.landing_url.as_deref().map(str::trim).filter(|url| !url.is_empty());
    if landing_url.is_some_and(|url| !is_valid_landing_url(url)) {
        let reason = "must be a path such as /welcome or a URL such as https://app.example.com/".into();
        return Err(invalid("landing_url", reason));
    }
    let account = accounts::by_id(tx, &context.account_id).await?.ok_or(Error::NotFound("account"))?;
    let mut target_groups = Vec::new();
    for id in &new.group_ids {
        let group = groups::by_id(tx, &account.id, id).await?;
        target_groups
            .push(group.ok_or_else(|| invalid("groups", format!("{id} is not a group of this account")))?);
    }
    let batch = InvitationBatch { kernel, context, account: &account, roles: &new.roles, landing_url };
    let mut seen = HashSet::new();
    let mut outcomes = Vec::new();
    for invitee in &new.invitees {
        let status = if seen.insert(fold_case(&invitee.email)) {
            batch.invite(tx, invitee).await?
        } else {
            InviteStatus::Refused("is in the list more than once".into())
        };
        outcomes.push(InviteeOutcome { email: invitee.email.clone(), status });
    }
    add_to_groups(tx, context, &target_groups, &outcomes).await?;
    Ok(outcomes)
}

/// What all invitations of one call have in common.
struct InvitationBatch<'a> {
    kernel: &'a Kernel,
    context: &'a Context,
    account: &'a Account,
    roles: &'a [Role],
    landing_url: Option<&'a str>,
}

impl InvitationBatch<'_> {
    async fn invite(&self, tx: &mut Tx, invitee: &Invitee) -> Result<InviteStatus, Error> {
        let refused = |reason: &str| Ok(InviteStatus::Refused(reason.to_owned()));
        let profile = match profile_of(invitee) {
            Ok(profile) => profile,
            Err(Error::Invalid { reason, .. }) => return refused(&reason),
            Err(other) => return Err(other),
        };
        let email = Email::parse(&profile.user_name)?;
        let settings = self.account.settings()?;
        if !settings.allows_domain(&email.domain()) {
            return refused("is in an email domain that is not allowed to sign in");
        }
        let present = users::find_by_email_or_user_name(tx, &self.account.id, email.as_str()).await?;
        if let Some(present) = present {
            return refused(match present.status() {
                "pending" => "has already been invited; resend the invitation",
                "inactive" => "belongs to a deactivated user; activate that user",
                _ => "is already a user",
            });
        }
        let (domain, now) = (email.domain(), tx.now());
        let provider = connections::route_by_domain_or_default(tx, &self.account.id, &domain, now).await?;
        if provider.is_some() && settings.sso_invitations != SsoInvitations::Invite {
            return self.create_active(tx, profile, settings.sso_invitations).await;
        }
        self.create_pending(tx, profile).await
    }

    /// Creates a user who can sign in at once through an identity provider.
    async fn create_active(
        &self,
        tx: &mut Tx,
        profile: Profile,
        sso_invitations: SsoInvitations,
    ) -> Result<InviteStatus, Error> {
        let profile = Profile { active: true, ..profile };
        let user = users::create(tx, self.context, ChangeAuthority::Local, profile).await?;
        self.bind_roles(tx, &user).await?;
        let notified = sso_invitations == SsoInvitations::Notice;
        if notified {
            self.send_access_notice(tx, &user).await?;
        }
        Ok(InviteStatus::Active { user_id: user.id, notified })
    }

    /// Creates a pending user, who becomes active through the mailed link.
    async fn create_pending(&self, tx: &mut Tx, profile: Profile) -> Result<InviteStatus, Error> {
        let user = users::create_pending(tx, self.context, profile).await?;
        self.bind_roles(tx, &user).await?;
        let invited_by = self.context.actor.name.as_str();
        let invitation_id = store::insert(tx, &user, invited_by, self.landing_url).await?;
        let mail_id = emails::send_invitation(self.kernel, tx, self.account, &user, invited_by).await?;
        store::renew(tx, &self.account.id, &user.id, mail_id.as_deref()).await?;
        record_event(tx, self.context, Action::InvitationCreate, &user).await?;
        Ok(InviteStatus::Invited { invitation_id, user_id: user.id })
    }

    async fn bind_roles(&self, tx: &mut Tx, user: &User) -> Result<(), Error> {
        for role in self.roles {
            bind_role(tx, self.context, PrincipalKind::User, &user.id, &user.user_name, *role).await?;
        }
        Ok(())
    }

    async fn send_access_notice(&self, tx: &mut Tx, user: &User) -> Result<(), Error> {
        let urls = &self.kernel.urls;
        let landing_url = match self.landing_url {
            Some(url) if !url.starts_with('/') => url.to_owned(),
            Some(path) => urls.absolute(path),
            None => urls.absolute(&format!("/login?account={}", self.account.slug)),
        };
        let invited_by = self.context.actor.name.as_str();
        let email = AccessNotification::AccessGiven { invited_by, landing_url }.into_email(self.account);
        notifications::send(self.kernel, tx, self.account, user, &email).await.map(drop)
    }
}

fn profile_of(invitee: &Invitee) -> Result<Profile, Error> {
    let email = Email::parse(&invitee.email)?.as_str().to_owned();
    for (field, name) in [("given_name", &invitee.given_name), ("family_name", &invitee.family_name)] {
        if let Some(name) = name.as_deref().filter(|name| !name.trim().is_empty()) {
            crate::directory::check_name(field, name, 512)?;
        }
    }
    Ok(Profile {
        user_name: email.clone(),
        email: Some(email),
        given_name: invitee.given_name.clone(),
        family_name: invitee.family_name.clone(),
        ..Profile::default()
    })
}

/// Updates each group once with all new users.
async fn add_to_groups(
    tx: &mut Tx,
    context: &Context,
    target_groups: &[Group],
    outcomes: &[InviteeOutcome],
) -> Result<(), Error> {
    let came = |outcome: &InviteeOutcome| match &outcome.status {
        InviteStatus::Invited { user_id, .. } | InviteStatus::Active { user_id, .. } => {
            Some(String::from(user_id))
        }
        InviteStatus::Refused(_) => None,
    };
    let ids: Vec<String> = outcomes.iter().filter_map(came).collect();
    for group in target_groups.iter().filter(|_| !ids.is_empty()) {
        let members = MembershipUpdate { add: ids.clone(), ..MembershipUpdate::default() };
        groups::update(
            tx,
            context,
            ChangeAuthority::Local,
            group,
            GroupUpdate { members, ..GroupUpdate::default() },
        )
        .await?;
    }
    Ok(())
}

pub(super) async fn record_event(
    tx: &mut Tx,
    context: &Context,
    action: Action,
    user: &User,
) -> Result<(), sqlx::Error> {
    let event = Event::new(action, "user", &user.id, &user.user_name);
    audit::record(tx, context, event.detail(json!({"email": user.email}))).await
}

/// Whether a landing URL is a local path, or an absolute http(s) URL without credentials.
fn is_valid_landing_url(url: &str) -> bool {
    let absolute = || {
        Url::parse(url).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none()
        })
    };
    url.len() <= 2048
        && !url.chars().any(char::is_control)
        && (local_path(Some(url), "") == url || absolute())
}
