//! Row ids: `UUIDv7` (RFC 9562 §5.7) as text, so that ids sort by time of creation.

use super::{Timestamp, random};

/// A new id for a row made at `now`.
#[must_use]
pub fn new_id(now: Timestamp) -> String {
    let millis = u64::try_from(now.0).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random::bytes()).into_uuid().to_string()
}
