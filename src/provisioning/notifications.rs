//! Mails to users who were invited or provisioned.

use crate::directory::accounts::Account;
use crate::kernel::mail::EmailMessage;

/// What the mail says, and where its button leads.
pub(super) enum AccessNotification<'a> {
    /// An administrator has invited the user; the link accepts the invitation.
    Invited { invited_by: &'a str, link: String },
    /// An administrator has given the user access; the user signs in through an identity provider.
    AccessGiven { invited_by: &'a str, landing_url: String },
    /// A directory has created the user, who signs in through this identity provider.
    ProvisionedWithProvider { provider: String, login_url: String },
    /// A directory has created the user; the link lets the user choose a password.
    ProvisionedWithPassword { user_name: &'a str, link: String },
}

impl AccessNotification<'_> {
    /// The mail, ready to be rendered.
    pub(super) fn into_email(self, account: &Account) -> EmailMessage {
        let account_name = &account.name;
        match self {
            Self::Invited { invited_by, link } => EmailMessage {
                subject: format!("You have been invited to {account_name}"),
                paragraphs: vec![format!("{invited_by} has invited you to join {account_name} as a user.")],
                action: Some(("Accept invitation".into(), link)),
                notes: vec![
                    "The link works once and expires in seven days.".into(),
                    "If you did not expect this invitation, you can ignore this email.".into(),
                ],
            },
            Self::AccessGiven { invited_by, landing_url } => EmailMessage {
                paragraphs: vec![format!(
                    "{invited_by} has given you access to {account_name} with your company account. You do \
                     not need a separate password."
                )],
                action: Some(("Sign in".into(), landing_url)),
                ..access_email(account_name)
            },
            Self::ProvisionedWithProvider { provider, login_url } => EmailMessage {
                paragraphs: vec![format!(
                    "Your company has given you access to {account_name} through {provider}. You do not need \
                     a separate password."
                )],
                action: Some(("Sign in".into(), login_url)),
                ..access_email(account_name)
            },
            Self::ProvisionedWithPassword { user_name, link } => EmailMessage {
                paragraphs: vec![format!(
                    "Your company has given you access to {account_name}, where your username is \
                     {user_name}. Choose a password to sign in."
                )],
                action: Some(("Choose a password".into(), link)),
                notes: vec![
                    "The link works once and expires in one day. After that, use \"Forgot your password?\" \
                     on the sign-in page to get a new link."
                        .into(),
                ],
                ..access_email(account_name)
            },
        }
    }
}

fn access_email(account_name: &str) -> EmailMessage {
    EmailMessage {
        subject: format!("You now have access to {account_name}"),
        paragraphs: Vec::new(),
        action: None,
        notes: Vec::new(),
    }
}
