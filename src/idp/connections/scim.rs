//! The settings of a provisioning connection.

use serde::{Deserialize, Serialize};
use vestibule_scim::custom_attributes::ExtraAttribute;

use crate::directory::{Error, fold_case};

/// The settings of a provisioning connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScimSettings {
    /// Whether changes are only tried and wait for an administrator's approval.
    pub dry_run: bool,
    /// Whether the request log keeps changed values in addition to attribute names.
    pub log_values: bool,
    /// How many days the request log is kept, 1 to 90.
    pub log_days: u32,
    /// The percentage of users that may lose access within an hour before the connection is paused; 0 for
    /// no limit.
    pub removal_limit: u32,
    /// The rate limit in requests per second, 25 to 100,000.
    pub requests_per_second: u32,
    /// Attributes of users in addition to the standard ones, at most 50.
    pub extra_attributes: Vec<ExtraAttribute>,
}

impl Default for ScimSettings {
    fn default() -> Self {
        Self {
            dry_run: false,
            log_values: false,
            log_days: 14,
            removal_limit: 25,
            requests_per_second: 50_000,
            extra_attributes: Vec::new(),
        }
    }
}

impl ScimSettings {
    /// Validates the settings.
    pub(super) fn checked(self) -> Result<Self, Error> {
        let bounds = [
            ("log_days", self.log_days, 1, 90),
            ("removal_limit", self.removal_limit, 0, 100),
            // Entra ID expects at least 25 requests per second to be answered.
            ("requests_per_second", self.requests_per_second, 25, 100_000),
        ];
        for (field, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return Err(Error::Invalid { field, reason: format!("must be between {least} and {most}") });
            }
        }
        let mut names: Vec<String> = self.extra_attributes.iter().map(|one| fold_case(&one.name)).collect();
        names.sort_unstable();
        names.dedup();
        let all = self.extra_attributes.len();
        if all > 50 || names.len() < all || !self.extra_attributes.iter().all(ExtraAttribute::is_valid) {
            let reason = "must be at most 50 attributes with unique names of letters, digits, hyphens and \
                          underscores"
                .to_owned();
            return Err(Error::Invalid { field: "extra_attributes", reason });
        }
        Ok(self)
    }
}
