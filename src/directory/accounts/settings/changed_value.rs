//! The types of settings in a change.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// The type of a setting in a change. In a merge patch, `null` removes a member (RFC 7396). Here it clears
/// settings that can be empty and leaves all others as they are.
pub(super) trait ChangedValue: DeserializeOwned {
    /// The value that `null` stands for; `None` leaves the setting as it is.
    fn from_null() -> Option<Self> {
        None
    }
}

impl ChangedValue for bool {}
impl ChangedValue for u32 {}
impl ChangedValue for Vec<String> {}
impl ChangedValue for Option<String> {
    fn from_null() -> Option<Self> {
        Some(None)
    }
}

/// Deserializes a member of a change.
pub(super) fn change_of<'d, D: Deserializer<'d>, T: ChangedValue>(input: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<T>::deserialize(input)?.or_else(T::from_null))
}
