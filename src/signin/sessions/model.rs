//! The data of a session, without its secret.

use std::time::Duration;

use crate::directory::accounts::SessionSettings;
use crate::kernel::{Timestamp, UserId};

/// A session, as shown to its user.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// The user's id.
    pub user_id: UserId,
    /// The text of the [`crate::signin::Method`] that it began with.
    pub method: String,
    /// The client address at its beginning.
    pub address: String,
    /// The `User-Agent` header of the browser.
    pub user_agent: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the second.
    pub last_seen_at: Timestamp,
}

impl Session {
    /// The browser and system, such as `Firefox on Linux`.
    #[must_use]
    pub fn device(&self) -> String {
        device_name(&self.user_agent)
    }
}

/// The browser and system that a `User-Agent` header names.
#[must_use]
pub fn device_name(user_agent: &str) -> String {
    let find = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    // Order matters: Edge also names Chrome, Chrome also names Safari, and Android also names Linux.
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

/// Whether a session that began at `begun` and was last used at `used` has ended at `now`. The limits are
/// exact to the millisecond.
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
