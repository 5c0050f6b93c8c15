//! The types of invitations.

use crate::access::Role;
use crate::kernel::text_enum::text_enum;
use crate::kernel::{AccountId, Timestamp, UserId};

/// A person to invite.
#[derive(Debug, Clone, Default)]
pub struct Invitee {
    /// The address as it was typed.
    pub email: String,
    /// The given name, if it is known.
    pub given_name: Option<String>,
    /// The family name, if it is known.
    pub family_name: Option<String>,
}

/// The people to invite, with their groups and roles.
#[derive(Debug, Clone, Default)]
pub struct NewInvitations {
    /// The people, 1 to 500.
    pub invitees: Vec<Invitee>,
    /// The ids of the groups they become members of.
    pub group_ids: Vec<String>,
    /// The roles they get.
    pub roles: Vec<Role>,
    /// Where the browser is sent after accepting: a local path or an http(s) URL.
    pub landing_url: Option<String>,
}

/// The outcome for one address.
#[derive(Debug, Clone)]
pub struct InviteeOutcome {
    /// The address as it was typed.
    pub email: String,
    /// What was done.
    pub status: InviteStatus,
}

/// The outcome of one invitation, as in [`InviteeOutcome`].
#[derive(Debug, Clone)]
pub enum InviteStatus {
    /// A pending user was created, and a mail with a link was queued.
    Invited {
        /// The invitation's id.
        invitation_id: String,
        /// The pending user's id.
        user_id: UserId,
    },
    /// An active user was created, because the user signs in through an identity provider.
    Active {
        /// The user's id.
        user_id: UserId,
        /// Whether a mail tells the user.
        notified: bool,
    },
    /// The address was refused, for this reason.
    Refused(String),
}

/// An invitation with the user's and the mail's data that lists show.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Invitation {
    /// Its id.
    pub id: String,
    /// The account of the invitation.
    pub account_id: AccountId,
    /// The user it is for.
    pub user_id: UserId,
    /// The user's address.
    pub email: Option<String>,
    /// The user's display name.
    pub display_name: String,
    pending: i32,
    /// Where the browser is sent after accepting; the start page when absent.
    pub landing_url: Option<String>,
    /// The name of the user who sent the invitation.
    pub invited_by: String,
    /// When the last mail was queued.
    pub sent_at: Timestamp,
    /// When the link expires.
    pub expires_at: Timestamp,
    /// When the invitation was created.
    pub created_at: Timestamp,
    /// `queued`, `sent` or `failed`; `None` when no mail was sent or the outbox has deleted its row.
    pub mail_status: Option<String>,
    /// The number of delivery attempts.
    pub mail_attempts: Option<i64>,
    /// The mail server's last error message.
    pub mail_error: Option<String>,
}

text_enum! {
    /// The state of an invitation.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum State {
        /// The invitation was not accepted yet.
        Pending = "pending",
        /// The link expired before the invitation was accepted.
        Expired = "expired",
        /// The invitation was accepted.
        Accepted = "accepted",
    }
}

impl Invitation {
    /// The state at `now`.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> State {
        match (self.pending != 0, self.expires_at > now) {
            (false, _) => State::Accepted,
            (true, true) => State::Pending,
            (true, false) => State::Expired,
        }
    }

    /// Whether the mail has failed, or is being retried after a failure.
    #[must_use]
    pub fn has_mail_trouble(&self) -> bool {
        self.mail_status.as_deref() == Some("failed")
            || (self.mail_status.as_deref() == Some("queued") && self.mail_error.is_some())
    }
}
