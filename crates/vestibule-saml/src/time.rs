//! Times in SAML (saml-core §1.3.3): UTC with milliseconds.

use std::time::Duration;

use jiff::Timestamp;

/// Reads an `xs:dateTime` with a zone.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    let time = text.trim().parse::<Timestamp>().ok()?;
    // Callers store times in milliseconds, so smaller fractions are dropped.
    Timestamp::from_millisecond(time.as_millisecond()).ok()
}

/// `2026-11-23T14:05:00.000Z`
pub(crate) fn format_time(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// This time plus `duration`, saturating at the last representable moment.
pub(crate) fn add(time: Timestamp, duration: Duration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
