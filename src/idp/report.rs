//! Named checks and their results, which administrators see and the audit trail keeps. Each protocol has
//! its own list of checks; recording and reporting them is the same for all.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A check of a protocol.
pub trait Check: Copy + PartialEq {
    /// The name in the audit trail.
    fn as_str(self) -> &'static str;
    /// What the check requires, as text for administrators.
    fn words(self) -> &'static str;
}

/// Declares the checks of a protocol. The doc comment of each variant is also [`Check::words`], which
/// administrators see.
macro_rules! checks {
    ($(#[$about:meta])* $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $text:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[doc = $doc])* $variant,)* }

        impl $name {
            /// The name in the audit trail.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Reads the name in the audit trail.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }

        impl crate::idp::report::Check for $name {
            fn as_str(self) -> &'static str {
                self.as_str()
            }
            fn words(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}
pub(super) use checks;

/// A check and its result.
#[derive(Debug, Clone, Serialize)]
pub struct RecordedCheck<C> {
    /// The check.
    pub check: C,
    /// Whether it passed.
    pub passed: bool,
    /// The expected value, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The value found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// A check of a connection test.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Step)]
pub struct TestStep {
    /// The check's name.
    pub check: String,
    /// What the check requires.
    #[serde(default)]
    pub words: String,
    /// Whether the check passed.
    pub passed: bool,
    /// The expected value, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The value that was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// The results of the checks so far.
#[derive(Debug, Clone, Serialize)]
pub struct CheckReport<C> {
    /// The checks in the order in which they were made.
    pub checks: Vec<RecordedCheck<C>>,
}

impl<C> Default for CheckReport<C> {
    fn default() -> Self {
        Self { checks: Vec::new() }
    }
}

/// A message was refused because it did not pass a check.
#[derive(Debug, Clone, thiserror::Error)]
#[error("check {} failed: expected {expected}, found {found}", .check.as_str())]
pub struct CheckFailed<C: Check> {
    /// The check that failed.
    pub check: C,
    /// The expected value.
    pub expected: String,
    /// The value found, cut to 200 characters.
    pub found: String,
    /// All checks made, the failed one last.
    pub report: CheckReport<C>,
}

/// The expected and the found value of a check, whether it passed or not.
pub(crate) struct Finding {
    expected: String,
    found: String,
}

/// The result of one check: `Ok` if it passed.
pub(crate) type CheckResult = Result<Finding, Finding>;

/// A result that passes if `ok` is true.
pub(crate) fn check_that(ok: bool, expected: impl ToString, found: impl ToString) -> CheckResult {
    let finding = Finding { expected: expected.to_string(), found: truncate(found) };
    if ok { Ok(finding) } else { Err(finding) }
}

fn truncate(text: impl ToString) -> String {
    text.to_string().chars().take(200).collect()
}

impl<C: Check> CheckReport<C> {
    /// Records a result. A failed one becomes an error with the whole report.
    pub(crate) fn record(&mut self, check: C, verdict: CheckResult) -> Result<(), CheckFailed<C>> {
        match verdict {
            Ok(Finding { expected, found }) => {
                let (expected, found) = (Some(expected), Some(found));
                self.checks.push(RecordedCheck { check, passed: true, expected, found });
                Ok(())
            }
            Err(Finding { expected, found }) => Err(self.fail(check, expected, found)),
        }
    }

    pub(crate) fn pass(&mut self, check: C) {
        if self.checks.iter().all(|known| known.check != check) {
            self.checks.push(RecordedCheck { check, passed: true, expected: None, found: None });
        }
    }

    pub(crate) fn fail(&self, check: C, expected: impl ToString, found: impl ToString) -> CheckFailed<C> {
        let (expected, found) = (expected.to_string(), truncate(found));
        let mut report = self.clone();
        report.checks.push(RecordedCheck {
            check,
            passed: false,
            expected: Some(expected.clone()),
            found: Some(found.clone()),
        });
        CheckFailed { check, expected, found, report }
    }

    /// Returns an error if `ok` is false; a check that passes is not recorded.
    pub(crate) fn require(
        &self,
        check: C,
        ok: bool,
        expected: impl ToString,
        found: impl ToString,
    ) -> Result<(), CheckFailed<C>> {
        if ok {
            return Ok(());
        }
        Err(self.fail(check, expected, found))
    }

    /// The form that connection tests store.
    #[must_use]
    pub fn into_test_steps(self) -> Vec<TestStep> {
        let step = |one: RecordedCheck<C>| TestStep {
            check: one.check.as_str().to_owned(),
            words: one.check.words().to_owned(),
            passed: one.passed,
            expected: one.expected,
            found: one.found,
        };
        self.checks.into_iter().map(step).collect()
    }
}
