//! Named checks and what came of them: shown to administrators, kept in the audit trail. Each protocol has its own
//! list of checks; what is done with them is the same.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A check of a protocol.
pub trait Check: Copy + PartialEq {
    /// Its name in the audit trail.
    fn as_str(self) -> &'static str;
    /// What it asks for, in words.
    fn words(self) -> &'static str;
}

/// Declares the checks of a protocol: the text of each is what it asks for.
macro_rules! checks {
    ($(#[$about:meta])* $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $text:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[doc = $doc])* $variant,)* }

        impl $name {
            /// Its name in the audit trail.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The check of this name.
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

/// One check with its verdict.
#[derive(Debug, Clone, Serialize)]
pub struct RecordedCheck<C> {
    /// Which.
    pub check: C,
    /// Whether it was passed.
    pub passed: bool,
    /// What was expected, where that can be said in a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// The same as a test of a connection keeps it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Step)]
pub struct TestStep {
    /// The check's name.
    pub check: String,
    /// What it asks for.
    #[serde(default)]
    pub words: String,
    /// Whether it was passed.
    pub passed: bool,
    /// What was expected, where that can be said in a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// The checks so far.
#[derive(Debug, Clone, Serialize)]
pub struct CheckReport<C> {
    /// In the order they were made.
    pub checks: Vec<RecordedCheck<C>>,
}

impl<C> Default for CheckReport<C> {
    fn default() -> Self {
        Self { checks: Vec::new() }
    }
}

/// Something was refused.
#[derive(Debug, Clone, thiserror::Error)]
#[error("check {} failed: expected {expected}, found {found}", .check.as_str())]
pub struct CheckFailed<C: Check> {
    /// The check that failed.
    pub check: C,
    /// What was expected.
    pub expected: String,
    /// What was found, cut to 200 characters.
    pub found: String,
    /// All checks made, this one last.
    pub report: CheckReport<C>,
}

/// What a check expected and what it found, passed or not.
pub(crate) struct Finding {
    expected: String,
    found: String,
}

/// What one check comes to.
pub(crate) type CheckResult = Result<Finding, Finding>;

/// The verdict that is good when `ok`.
pub(crate) fn check_that(ok: bool, expected: impl ToString, found: impl ToString) -> CheckResult {
    let finding = Finding { expected: expected.to_string(), found: truncate(found) };
    if ok { Ok(finding) } else { Err(finding) }
}

fn truncate(text: impl ToString) -> String {
    text.to_string().chars().take(200).collect()
}

impl<C: Check> CheckReport<C> {
    /// Writes a verdict down; one that is not good ends the hearing.
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

    /// Passes when `ok`, fails otherwise.
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

    /// As a test keeps it.
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
