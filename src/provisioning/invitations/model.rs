//! Invitations and their states: pending until accepted or expired.

use crate::kernel::Timestamp;

/// An invitation with the user's and the mail's data that lists show.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Invitation {
    /// Its id.
    pub id: String,
    /// The account of the invitation.
    pub account_id: String,
    /// The user it is for.
    pub user_id: String,
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

/// The state of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not accepted yet.
    Pending,
    /// The link expired before it was accepted.
    Expired,
    /// Accepted.
    Accepted,
}

impl State {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Expired => "expired",
            Self::Accepted => "accepted",
        }
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
