//! What an invitation is, and what is asked for to make one.

use crate::access::Role;
use crate::kernel::Timestamp;
use crate::kernel::text_enum::text_enum;

/// Somebody to be invited.
#[derive(Debug, Clone, Default)]
pub struct Invitee {
    /// The address as it was typed.
    pub email: String,
    /// Given name, if it is known.
    pub given_name: Option<String>,
    /// Family name, if it is known.
    pub family_name: Option<String>,
}

/// Who is to be invited, and into what.
#[derive(Debug, Clone, Default)]
pub struct NewInvitations {
    /// The people, 1 to 500.
    pub invitees: Vec<Invitee>,
    /// Ids of user groups they become members of.
    pub group_ids: Vec<String>,
    /// Roles they get.
    pub roles: Vec<Role>,
    /// Where they land after accepting: a path here, or an http(s) address.
    pub landing_url: Option<String>,
}

/// What became of one address.
#[derive(Debug, Clone)]
pub struct InviteeOutcome {
    /// As it was typed.
    pub email: String,
    /// What was done.
    pub status: InviteStatus,
}

/// See [`InviteeOutcome`].
#[derive(Debug, Clone)]
pub enum InviteStatus {
    /// A mail with a link is on its way.
    Invited {
        /// The invitation's id.
        invitation_id: String,
        /// The pending user's id.
        user_id: String,
    },
    /// Active at once, as they sign in through an identity provider.
    Active {
        /// The user's id.
        user_id: String,
        /// Whether a mail tells them.
        notified: bool,
    },
    /// Nothing was done, for this reason.
    Refused(String),
}

/// An invitation with what its list shows of the person and of the mail.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Invitation {
    /// Its id.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// The user it is for.
    pub user_id: String,
    /// Their address.
    pub email: Option<String>,
    /// Their name.
    pub display_name: String,
    pending: i32,
    /// Where they land after accepting; the start page when not set.
    pub landing_url: Option<String>,
    /// Who invited them, by name.
    pub invited_by: String,
    /// When the last mail was queued.
    pub sent_at: Timestamp,
    /// When the link stops working.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// `queued`, `sent`, `failed`; none when no mail was sent, or the outbox has forgotten it.
    pub mail_status: Option<String>,
    /// How often the mail was tried.
    pub mail_attempts: Option<i64>,
    /// What the mail server said when it did not take it.
    pub mail_error: Option<String>,
}

text_enum! {
    /// Where an invitation stands.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum State {
        /// The person has not come yet.
        Pending = "pending",
        /// The link has ended before they came.
        Expired = "expired",
        /// They are here.
        Accepted = "accepted",
    }
}

impl Invitation {
    /// Where it stands at `now`.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> State {
        match (self.pending != 0, self.expires_at > now) {
            (false, _) => State::Accepted,
            (true, true) => State::Pending,
            (true, false) => State::Expired,
        }
    }

    /// Whether the mail server has refused the mail, or it is still being tried after a failure.
    #[must_use]
    pub fn has_mail_trouble(&self) -> bool {
        self.mail_status.as_deref() == Some("failed")
            || (self.mail_status.as_deref() == Some("queued") && self.mail_error.is_some())
    }
}
