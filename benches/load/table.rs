//! The table that is printed at the end, for one binary or for two side by side.

use super::harness::median;

/// Which of two binaries is measured. If there is only one, it is [`Side::After`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The binary that `BENCH_BEFORE` names.
    Before,
    /// The binary of this build.
    After,
}

/// Whether more or less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    More,
    Less,
}

/// A number with its unit and format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    number: f64,
    decimals: usize,
    unit: &'static str,
    better: Better,
    /// What two binaries are compared by in place of the number: see [`Measured::compared_by`].
    per_second: Option<f64>,
}

impl Measured {
    /// A whole number where more is better.
    pub(crate) fn more(number: f64, unit: &'static str) -> Self {
        Self { number, decimals: 0, unit, better: Better::More, per_second: None }
    }

    /// A whole number where less is better.
    pub(crate) fn less(number: f64, unit: &'static str) -> Self {
        Self { number, decimals: 0, unit, better: Better::Less, per_second: None }
    }

    pub(crate) fn decimals(self, decimals: usize) -> Self {
        Self { decimals, ..self }
    }

    /// Compares two binaries by a rate. A share of a limit has the noise of measuring the limit in it, which is as large
    /// as the differences that matter.
    pub(crate) fn compared_by(self, per_second: f64) -> Self {
        Self { per_second: Some(per_second), ..self }
    }

    fn for_comparison(self) -> Self {
        self.per_second.map_or(self, |rate| Self::more(rate, "a second"))
    }

    fn text(self) -> String {
        let Self { number, decimals, unit, .. } = self;
        format!("{number:.decimals$} {unit}").trim_end().to_owned()
    }
}

/// All measurements of one thing.
struct Row {
    what: String,
    note: String,
    before: Vec<f64>,
    after: Vec<f64>,
    last: Measured,
}

/// Measurements that differ by no more than this share count as equal.
const TOLERANCE: f64 = 0.05;

impl Row {
    fn value(&self, numbers: &[f64]) -> String {
        if numbers.is_empty() {
            return "–".to_owned();
        }
        Measured { number: median(numbers), ..self.last }.text()
    }

    /// The ratio of after to before, and its assessment.
    fn ratio(&self) -> (String, String) {
        let none = || ("–".to_owned(), String::new());
        if self.before.is_empty() || self.after.is_empty() {
            return none();
        }
        let (before, after) = (median(&self.before), median(&self.after));
        if before <= 0.0 {
            return none();
        }
        let ratio = after / before;
        let gain = match self.last.better {
            Better::More => ratio - 1.0,
            Better::Less => 1.0 - ratio,
        };
        let verdict = if gain.abs() <= TOLERANCE {
            "the same".to_owned()
        } else if gain > 0.0 {
            format!("better by {:.0} %", 100.0 * gain)
        } else {
            format!("**worse by {:.0} %**", -100.0 * gain)
        };
        (format!("{ratio:.2}"), verdict)
    }
}

/// The rows, and the side that is being measured.
pub(crate) struct Table {
    side: Side,
    compares: bool,
    rows: Vec<Row>,
}

impl Table {
    /// `compares` says whether there are two binaries.
    pub(crate) fn new(compares: bool) -> Self {
        Self { side: Side::After, compares, rows: Vec::new() }
    }

    /// Whether two binaries are compared. What does not depend on them need not be measured then.
    pub(crate) fn compares(&self) -> bool {
        self.compares
    }

    /// Assigns the following rows to this side.
    pub(crate) fn measures(&mut self, side: Side) {
        self.side = side;
    }

    /// Adds a measurement. Several measurements of the same thing on the same side become their median.
    pub(crate) fn row(&mut self, what: &str, measured: Measured, note: &str) {
        let measured = if self.compares { measured.for_comparison() } else { measured };
        let side = if self.compares { format!(" ({:?})", self.side) } else { String::new() };
        eprintln!("  {what}{side}: {}", measured.text());
        let at = self.rows.iter().position(|row| row.what == what).unwrap_or_else(|| {
            let (what, note) = (what.to_owned(), note.to_owned());
            self.rows.push(Row { what, note, before: Vec::new(), after: Vec::new(), last: measured });
            self.rows.len() - 1
        });
        let row = &mut self.rows[at];
        (row.last, row.note) = (measured, note.to_owned());
        let numbers = if self.side == Side::Before { &mut row.before } else { &mut row.after };
        numbers.push(measured.number);
    }

    pub(crate) fn print(&self) {
        if self.compares {
            println!("\n| what | before | after | after to before | |\n|---|---|---|---|---|");
            for row in &self.rows {
                let (ratio, verdict) = row.ratio();
                let (before, after) = (row.value(&row.before), row.value(&row.after));
                println!("| {} | {before} | {after} | {ratio} | {verdict} |", row.what);
            }
        } else {
            println!("\n| what | measured | beside |\n|---|---|---|");
            for row in &self.rows {
                println!("| {} | {} | {} |", row.what, row.value(&row.after), row.note);
            }
        }
    }
}
