//! Quartz cron expressions: the next run, and a description for administrators.

use chrono::DateTime;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use crate::directory::Error;
use crate::kernel::Timestamp;

/// An expression of six or seven fields, of which the first is seconds. Days of the week count from 1,
/// Sunday.
pub struct Schedule(Cron);

impl Schedule {
    /// Parses and validates an expression.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let invalid = |reason: String| Error::Invalid { field: "schedule", reason };
        let fields = text.split_whitespace().count();
        if !(6..=7).contains(&fields) || text.len() > 200 {
            return Err(invalid("must have 6 or 7 fields, such as 0 0 * * * ? for every hour".to_owned()));
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Required)
            .year(Year::Optional)
            .alternative_weekdays(true)
            .dom_and_dow(true)
            .sloppy_ranges(true)
            .build();
        let cron = parser
            .parse(text)
            .map_err(|error| invalid(format!("is not a valid Quartz cron expression: {error}")))?;
        let schedule = Self(cron);
        // A run every few seconds is certainly a mistake, and a burden on the directory.
        let first = schedule.next(Timestamp(0)).unwrap_or(Timestamp(0));
        let close = schedule.next(first).is_some_and(|second| second.0 - first.0 < 60_000);
        if close {
            return Err(invalid("must leave at least one minute between two runs".to_owned()));
        }
        Ok(schedule)
    }

    /// The next time after `now`, in UTC; `None` if there is none.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let now = DateTime::from_timestamp_millis(now.0)?;
        let next = self.0.find_next_occurrence(&now, false).ok()?;
        Some(Timestamp(next.timestamp_millis()))
    }

    /// The schedule in English.
    #[must_use]
    pub fn description(&self) -> String {
        self.0.describe().trim_end_matches('.').to_owned()
    }
}
