//! What a session is, apart from its secret.

use std::time::Duration;

use crate::directory::accounts::SessionSettings;
use crate::kernel::Timestamp;

/// A session as its owner sees it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// How it began: `password`, `local`, `saml`.
    pub method: String,
    /// The address it began from.
    pub address: String,
    /// The browser's own words about itself.
    pub user_agent: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was used last, to the second.
    pub last_seen_at: Timestamp,
}

impl Session {
    /// `Firefox on Linux`, as well as a browser lets one say that.
    #[must_use]
    pub fn device(&self) -> String {
        device_name(&self.user_agent)
    }
}

/// What a browser is, by its own words about itself.
#[must_use]
pub fn device_name(user_agent: &str) -> String {
    let find = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    // Order matters: Edge calls itself Chrome, Chrome calls itself Safari, Android calls itself Linux.
    let browser = find(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox", "Firefox"),
        ("Chrome", "Chrome"),
        ("Safari", "Safari"),
    ]);
    let system = find(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "Unknown device".to_owned(),
    }
}

/// Whether a session that began at `begun` and was used last at `used` is over at `now`. A limit of so
/// many minutes is over when they have passed, to the millisecond.
pub(super) fn has_ended(
    settings: &SessionSettings,
    begun: Timestamp,
    used: Timestamp,
    now: Timestamp,
) -> bool {
    let minutes = |n: u32| Duration::from_secs(60 * u64::from(n));
    now >= used.plus(minutes(settings.inactivity_minutes))
        || (settings.absolute_minutes > 0 && now >= begun.plus(minutes(settings.absolute_minutes)))
}
