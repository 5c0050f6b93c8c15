//! Row ids: `UUIDv7` (RFC 9562 §5.7) as text, so that ids sort by time of creation.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Timestamp, random};

/// The last id's millisecond and, in the lowest twelve bits, a counter of the ids created within it.
static LAST: AtomicU64 = AtomicU64::new(0);

/// A new id for a row that is created at `now`.
///
/// Ids created by one process also ascend within a millisecond (RFC 9562 §6.2, method 1), so that the events
/// of one transaction keep their order.
#[must_use]
pub fn new_id(now: Timestamp) -> String {
    let earliest = u64::try_from(now.0).unwrap_or(0) << 12;
    let next = |last: u64| Some(earliest.max(last + 1));
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or_else(|last| last);
    let own = earliest.max(last + 1);
    let mut random = unpredictable();
    let count = u16::try_from(own & 0xfff).unwrap_or(0);
    random[..2].copy_from_slice(&count.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(own >> 12, &random).into_uuid().to_string()
}

/// Ten random bytes. They are drawn in blocks, because a call of the random generator for each id would cost
/// more than the rest of its creation.
fn unpredictable() -> [u8; 10] {
    thread_local! {
        static KEPT: RefCell<Vec<[u8; 10]>> = const { RefCell::new(Vec::new()) };
    }
    KEPT.with_borrow_mut(|kept| {
        if kept.is_empty() {
            kept.extend(random::bytes::<640>().as_chunks::<10>().0);
        }
        kept.pop().unwrap_or_else(random::bytes)
    })
}

/// Whether an untrusted text has the form of an id.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

/// A text that sorts before every id created at `time` or later and after every earlier one.
#[must_use]
pub fn earliest(time: Timestamp) -> String {
    let hex = format!("{:012x}", time.0.max(0));
    format!("{}-{}", &hex[..8], &hex[8..])
}

#[cfg(test)]
#[path = "ids_tests.rs"]
mod tests;
