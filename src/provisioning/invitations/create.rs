//! Inviting one or more people. Each address succeeds or fails by itself.

use std::collections::HashSet;

use serde_json::json;
use url::Url;

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

/// The limit on addresses per call, which is one transaction: other writers wait while it runs.
const MAX_INVITEES: usize = 500;

/// A person to invite.
#[derive(Debug, Clone, Default)]
pub struct Invitee {
    /// The address as it was entered.
    pub email: String,
    /// The given name, if known.
    pub given_name: Option<String>,
    /// The family name, if known.
    pub family_name: Option<String>,
}

/// The invitees, and what they are given access to.
#[derive(Debug, Clone, Default)]
pub struct NewInvitations {
    /// The invitees, 1 to 500.
    pub invitees: Vec<Invitee>,
    /// The ids of groups that they become members of.
    pub group_ids: Vec<String>,
    /// The roles that they are given.
    pub roles: Vec<Role>,
    /// Where the browser is sent after accepting: a local path or an http(s) URL.
    pub landing_url: Option<String>,
}

/// The result for one address.
#[derive(Debug, Clone)]
pub struct InviteeOutcome {
    /// The address as it was entered.
    pub email: String,
    /// The result.
    pub status: InviteStatus,
}

/// The result in an [`InviteeOutcome`].
#[derive(Debug, Clone)]
pub enum InviteStatus {
    /// A pending user was created, and a mail with the link is queued.
    Invited {
        /// The invitation's id.
        invitation_id: String,
        /// The pending user's id.
        user_id: String,
    },
    /// The user was created as active, because they sign in through an identity provider.
    Active {
        /// The user's id.
        user_id: String,
        /// Whether a mail was queued to inform the user.
        notified: bool,
    },
    /// Nothing was done, for this reason.
    Refused(String),
}

/// Invites people. An address that cannot be invited is refused without affecting the others. All of it is
/// one transaction.
pub async fn create(
    kernel: &Kernel,
    tx: &mut Tx,
    context: &Context,
    new: NewInvitations,
) -> Result<Vec<InviteeOutcome>, Error> {
    let invalid = |field, reason: String| Error::Invalid { field, reason };
    if new.invitees.is_empty() || new.invitees.len() > MAX_INVITEES {
        return Err(invalid("emails", format!("must be 1 to {MAX_INVITEES} addresses")));
    }
    let landing_url = new.landing_url.as_deref().map(str::trim).filter(|url| !url.is_empty());
    if landing_url.is_some_and(|url| !is_valid_landing_url(url)) {
        let reason = "must be a path such as /welcome or an address such as https://app.example.com/".into();
        return Err(invalid("landing_url", reason));
    }
    let account = accounts::by_id(tx, &context.account_id).await?.ok_or(Error::NotFound("account"))?;
    let mut target_groups = Vec::new();
    for id in &new.group_ids {
        let group = groups::by_id(tx, &account.id, id).await?;
        target_groups
            .push(group.ok_or_else(|| invalid("groups", format!("{id} is not a group of this account")))?);
    }
    let mut seen = HashSet::new();
    let mut outcomes = Vec::new();
    for invitee in &new.invitees {
        let status = if seen.insert(fold_case(&invitee.email)) {
            invite_one(kernel, tx, context, (&account, landing_url), (invitee, &new.roles)).await?
        } else {
            InviteStatus::Refused("is in the list twice".into())
        };
        outcomes.push(InviteeOutcome { email: invitee.email.clone(), status });
    }
    add_to_groups(tx, context, &target_groups, &outcomes).await?;
    Ok(outcomes)
}

async fn invite_one(
    kernel: &Kernel,
    tx: &mut Tx,
    context: &Context,
    (account, landing_url): (&Account, Option<&str>),
    (invitee, roles): (&Invitee, &[Role]),
) -> Result<InviteStatus, Error> {
    let refused = |reason: &str| Ok(InviteStatus::Refused(reason.to_owned()));
    let profile = match profile_of(invitee) {
        Ok(profile) => profile,
        Err(Error::Invalid { reason, .. }) => return refused(&reason),
        Err(other) => return Err(other),
    };
    let email = Email::parse(&profile.user_name)?;
    let settings = account.settings();
    if !settings.allows_domain(&email.domain()) {
        return refused("is in a domain that may not sign in here");
    }
    if let Some(present) = users::find_by_email_or_user_name(tx, &account.id, email.as_str()).await? {
        return refused(match present.status() {
            "pending" => "is invited already; send that invitation again",
            "inactive" => "belongs to a deactivated user; activate that one",
            _ => "is a user already",
        });
    }
    let sso = connections::route_by_domain_or_default(tx, &account.id, &email.domain()).await?;
    let by = context.actor.name.as_str();
    let direct = sso.is_some() && settings.sso_invitations != SsoInvitations::Invite;
    let user = if direct {
        users::create(tx, context, ChangeAuthority::Local, Profile { active: true, ..profile }).await?
    } else {
        users::create_pending(tx, context, profile).await?
    };
    for role in roles {
        bind_role(tx, context, PrincipalKind::User, &user.id, &user.user_name, *role).await?;
    }
    if direct {
        let notified = settings.sso_invitations == SsoInvitations::Notice;
        if notified {
            emails::send_access_notice(kernel, tx, account, &user, by, landing_url).await?;
        }
        return Ok(InviteStatus::Active { user_id: user.id, notified });
    }
    let invitation_id = store::insert(tx, &user, by, landing_url).await?;
    let mail_id = emails::send_invitation(kernel, tx, account, &user, by).await?;
    store::renew(tx, &account.id, &user.id, mail_id.as_deref()).await?;
    record_event(tx, context, Action::InvitationCreate, &user).await?;
    Ok(InviteStatus::Invited { invitation_id, user_id: user.id })
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
        InviteStatus::Invited { user_id, .. } | InviteStatus::Active { user_id, .. } => Some(user_id.clone()),
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
