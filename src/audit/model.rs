//! Audit events, their actors and the queries on them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::kernel::http::RequestContext;
use crate::kernel::text_enum::text_enum;
use crate::kernel::{AccountId, Timestamp};

/// The principal that acted.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The kind of principal.
    pub kind: ActorKind,
    /// Its id; `None` for the system and for unauthenticated requests.
    pub id: Option<String>,
    /// Its name at the time of the event.
    pub name: String,
}

text_enum! {
    /// The kinds of actors.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ActorKind {
        /// A person.
        User = "user",
        /// A program with a token of its own.
        ServiceAccount = "service_account",
        /// The server or its operator on the host.
        System = "system",
        /// A client that is not signed in yet.
        Anonymous = "anonymous",
    }
}

/// Who acts, in which account, and from where. Every operation that changes something takes one.
#[derive(Debug, Clone)]
pub struct Context {
    /// The account of the event. Operations read and write this account only.
    pub account_id: AccountId,
    /// The principal that acts.
    pub actor: Actor,
    /// The client's IP address.
    pub address: String,
    /// The request's id, which is also in the log.
    pub request_id: String,
}

impl Context {
    /// The context of the server itself or its operator on the host.
    #[must_use]
    pub fn system(account_id: impl Into<AccountId>) -> Self {
        Self {
            account_id: account_id.into(),
            actor: Actor { kind: ActorKind::System, id: None, name: "system".into() },
            address: String::new(),
            request_id: String::new(),
        }
    }

    /// The context of a request by `actor` in `account_id`.
    #[must_use]
    pub fn of(account_id: &AccountId, actor: Actor, request: &RequestContext) -> Self {
        Self {
            account_id: account_id.to_owned(),
            actor,
            address: request.address.to_string(),
            request_id: request.request_id.clone(),
        }
    }

    /// The context of an unauthenticated request. `name` is what the user typed and proves nothing.
    #[must_use]
    pub fn anonymous(account_id: &AccountId, name: &str, request: &RequestContext) -> Self {
        let actor = Actor { kind: ActorKind::Anonymous, id: None, name: name.to_owned() };
        Self::of(account_id, actor, request)
    }
}

text_enum! {
    /// What was done, as `resource_type.action`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[expect(missing_docs, reason = "the name of each says it")]
    pub enum Action {
        AccountCreate = "account.create",
        SettingsUpdate = "authentication_settings.update",
        SignIn = "session.sign_in",
        SignOut = "session.sign_out",
        SessionRevoke = "session.revoke",
        SessionConfirm = "session.confirm",
        PasswordSet = "password.set",
        PasswordResetRequest = "password.reset_request",
        UserCreate = "user.create",
        UserUpdate = "user.update",
        UserActivate = "user.activate",
        UserDeactivate = "user.deactivate",
        UserDelete = "user.delete",
        UserChangeHeld = "user.change_held",
        UserLeftDirectory = "user.left_directory",
        UserLock = "user.lock",
        UserUnlock = "user.unlock",
        UserLink = "user.link",
        UserLinkDiscard = "user.link_discard",
        UserLinkRequest = "user.link_request",
        UserUnlink = "user.unlink",
        FactorAdd = "two_factor.add",
        FactorRename = "two_factor.rename",
        FactorRemove = "two_factor.remove",
        RecoveryCodesRenew = "two_factor.renew_codes",
        TwoFactorReset = "two_factor.reset",
        TwoFactorMail = "two_factor.mail",
        DeviceRemember = "device.remember",
        DeviceForget = "device.forget",
        InvitationCreate = "invitation.create",
        InvitationResend = "invitation.resend",
        InvitationCancel = "invitation.cancel",
        InvitationAccept = "invitation.accept",
        GroupCreate = "group.create",
        GroupUpdate = "group.update",
        GroupDelete = "group.delete",
        GroupLink = "group.link",
        GroupUnlink = "group.unlink",
        RoleBind = "role.bind",
        RoleUnbind = "role.unbind",
        ServiceAccountCreate = "service_account.create",
        ServiceAccountDelete = "service_account.delete",
        TokenCreate = "api_token.create",
        TokenRevoke = "api_token.revoke",
        TokenExpire = "api_token.expire",
        DomainCreate = "domain.create",
        DomainUpdate = "domain.update",
        DomainVerify = "domain.verify",
        DomainLose = "domain.lose",
        DomainDelete = "domain.delete",
        ConnectionCreate = "connection.create",
        ConnectionUpdate = "connection.update",
        ConnectionDelete = "connection.delete",
        ConnectionTest = "connection.test",
        ConnectionSync = "connection.sync",
        ConnectionRotateKeys = "connection.rotate_keys",
        ConnectionRefresh = "connection.refresh_metadata",
        ConnectionPause = "connection.pause",
        ConnectionResume = "connection.resume",
        ConnectionLetThrough = "connection.let_through",
        ConnectionDiscard = "connection.discard",
        MailTest = "mail.test",
        AppCreate = "app.create",
        AppUpdate = "app.update",
        AppDelete = "app.delete",
        AppSignIn = "app.sign_in",
        SigningKeysRotate = "signing_keys.rotate",
    }
}

text_enum! {
    /// How it ended.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum AuditOutcome {
        /// Done.
        Success = "success",
        /// Not done, for the reason given.
        Refused = "refused",
    }
}

/// An event to be recorded.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// What was done.
    pub action: Action,
    /// `user`, `group`, `connection` …
    pub resource_type: &'static str,
    /// The resource's id.
    pub resource_id: Option<&'a str>,
    /// The resource's name at the time of the event.
    pub resource_name: &'a str,
    /// The outcome.
    pub outcome: AuditOutcome,
    /// Why it was refused, or how it was done: a short text for administrators.
    pub reason: Option<&'a str>,
    /// `{"before": …, "after": …}`, the check that failed, or the method. Never contains a secret.
    pub detail: Option<serde_json::Value>,
}

impl<'a> Event<'a> {
    /// A successful `action` on a resource.
    #[must_use]
    pub fn new(action: Action, resource_type: &'static str, id: &'a str, name: &'a str) -> Self {
        Self {
            action,
            resource_type,
            resource_id: Some(id),
            resource_name: name,
            outcome: AuditOutcome::Success,
            reason: None,
            detail: None,
        }
    }

    /// Marks the event as refused, with the reason.
    #[must_use]
    pub fn refused(mut self, reason: &'a str) -> Self {
        self.outcome = AuditOutcome::Refused;
        self.reason = Some(reason);
        self
    }

    /// Adds details.
    #[must_use]
    pub fn detail(mut self, detail: serde_json::Value) -> Self {
        self.detail = Some(detail);
        self
    }
}

/// An event of the audit trail.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Recorded)]
pub struct AuditRecord {
    /// The event's ID.
    pub id: String,
    /// When the event happened.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// The principal that acted.
    pub actor: EntityRef,
    /// The action, such as `user.create`.
    pub action: String,
    /// The resource that was acted on.
    pub resource: EntityRef,
    /// `success` or `refused`.
    pub outcome: String,
    /// Why the action was refused, or how it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The client's IP address; empty for the server itself.
    pub address: String,
    /// The request ID, as in the server log.
    pub request_id: String,
    /// Details, such as the values before and after a change, or the check that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub detail: Option<serde_json::Value>,
}

/// An actor or a resource in an audit event.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Party)]
pub struct EntityRef {
    /// The type, such as `user`, `service_account` or `group`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The ID, if there is one.
    pub id: Option<String>,
    /// The name at the time of the event.
    pub name: String,
}

/// Filters on the audit trail. Empty fields do not restrict.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Only events at or after this time.
    pub from: Option<Timestamp>,
    /// Only events before this time.
    pub to: Option<Timestamp>,
    /// The actor's id or exact name.
    pub actor: Option<String>,
    /// The exact action.
    pub action: Option<String>,
    /// The exact resource type.
    pub resource_type: Option<String>,
}

/// A page of events, newest first.
pub struct AuditRecordPage {
    /// The events.
    pub items: Vec<AuditRecord>,
    /// The cursor of the next page.
    pub next: Option<String>,
}
