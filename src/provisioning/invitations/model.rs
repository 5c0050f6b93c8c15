//! What an invitation is.

use crate::kernel::Timestamp;
use crate::kernel::text_enum::text_enum;

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
