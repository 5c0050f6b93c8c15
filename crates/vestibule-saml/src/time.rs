//! Times as SAML writes them (saml-core §1.3.3): UTC, to the millisecond.

use std::time::Duration;

use jiff::Timestamp;

/// Reads an `xs:dateTime` with a zone.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    let time = text.trim().parse::<Timestamp>().ok()?;
    // Whoever keeps it does so in milliseconds.
    Timestamp::from_millisecond(time.as_millisecond()).ok()
}

/// `2026-11-23T14:05:00.000Z`
pub(crate) fn format_time(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// The moment after this long, or the last one there is.
pub(crate) fn add(time: Timestamp, duration: Duration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
