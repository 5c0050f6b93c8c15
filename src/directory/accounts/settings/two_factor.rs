//! Rules derived from the two-factor settings.

use std::time::Duration;

use super::declaration::TwoFactorSettings;
use crate::kernel::Timestamp;

impl TwoFactorSettings {
    /// Whether a second factor is required of any user.
    #[must_use]
    pub fn is_enforced(&self) -> bool {
        self.enforced || !self.groups.is_empty()
    }

    /// Whether `self` requires a second factor of users that `before` exempted.
    #[must_use]
    pub fn widens(&self, before: &Self) -> bool {
        let asks_more = |id: &String| !before.groups.contains(id);
        !before.enforced && (self.enforced || self.groups.iter().any(asks_more))
    }

    /// When sessions without a second factor become restricted, if a second factor is required.
    #[must_use]
    pub fn grace_ends_at(&self) -> Option<Timestamp> {
        let grace = Duration::from_hours(24 * u64::from(self.grace_days));
        self.enforced_since.filter(|_| self.is_enforced()).map(|since| since.plus(grace))
    }
}
