//! What an account's administrators set for everybody in it.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::{Error, fold};
use super::{Account, store};
use crate::audit::{self, Action, Context, Event};
use crate::kernel::Tx;

/// The authentication settings of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Settings {
    /// How long sessions last.
    pub session: SessionSettings,
    /// When not empty, only addresses in these domains may sign in, by whatever way.
    pub email_domains: Vec<String>,
    /// Whether `/login/local` is open to administrators when single sign-on is broken.
    pub local_login: bool,
}

/// How long sessions last. Whichever ends first wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct SessionSettings {
    /// Minutes without a request, 30 to 4320.
    pub inactivity_minutes: u32,
    /// Minutes since sign-in, at most 4320; 0 for no limit.
    pub absolute_minutes: u32,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { inactivity_minutes: 1440, absolute_minutes: 0 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { session: SessionSettings::default(), email_domains: Vec::new(), local_login: true }
    }
}

impl Settings {
    pub(super) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    pub(super) fn write(&self) -> String {
        json!(self).to_string()
    }

    /// Whether an address in `domain` (folded) may sign in.
    #[must_use]
    pub fn allows_domain(&self, domain: &str) -> bool {
        self.email_domains.is_empty() || self.email_domains.iter().any(|allowed| allowed == domain)
    }

    fn checked(mut self) -> Result<Self, Error> {
        let invalid = |field, reason: &str| Err(Error::Invalid { field, reason: reason.to_owned() });
        if !(30..=4320).contains(&self.session.inactivity_minutes) {
            return invalid("session.inactivity_minutes", "must be between 30 and 4320");
        }
        if self.session.absolute_minutes > 4320 {
            return invalid("session.absolute_minutes", "must be between 0 (no limit) and 4320");
        }
        self.email_domains = self.email_domains.iter().map(|d| fold(d.trim_start_matches('@'))).collect();
        self.email_domains.sort();
        self.email_domains.dedup();
        if self.email_domains.len() > 500 || self.email_domains.iter().any(|d| !is_domain(d)) {
            return invalid("email_domains", "must be domains such as example.com, at most 500");
        }
        Ok(self)
    }
}

/// Loosely what a mail domain looks like.
pub(crate) fn is_domain(text: &str) -> bool {
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(|label| {
            !label.is_empty()
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
                && !label.starts_with('-')
        })
}

/// Replaces the settings of the context's account.
///
/// `own_domain`: the domain of the administrator who asks. An allow-list without it would lock them out.
///
/// # Errors
/// [`Error::Invalid`] naming the member, [`Error::Forbidden`] for a list that locks out who writes it.
pub async fn update_settings(
    tx: &mut Tx,
    context: &Context,
    account: &Account,
    wanted: Settings,
    own_domain: Option<&str>,
) -> Result<Settings, Error> {
    let wanted = wanted.checked()?;
    if own_domain.is_some_and(|domain| !wanted.allows_domain(domain)) {
        return Err(Error::Forbidden(
            "This list does not contain your own domain: you would lock yourself out.",
        ));
    }
    let before = account.settings();
    if before == wanted {
        return Ok(wanted);
    }
    store::set_settings(tx, &context.account_id, &wanted.write()).await?;
    let event = Event::new(Action::SettingsUpdate, "account", &account.id, &account.name)
        .detail(json!({"before": before, "after": wanted}));
    audit::record(tx, context, event).await?;
    Ok(wanted)
}
