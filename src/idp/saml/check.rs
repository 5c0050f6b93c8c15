//! Conversions from the checks and reports of `vestibule_saml` to those of [`crate::idp::report`].

pub use vestibule_saml::SamlCheck;
use vestibule_saml::{SamlRejection, SamlReport};

use crate::idp::error::MessageError;
use crate::idp::report::{Check, CheckFailed, CheckReport, RecordedCheck};

impl Check for SamlCheck {
    fn as_str(self) -> &'static str {
        self.as_str()
    }

    fn words(self) -> &'static str {
        self.description()
    }
}

impl From<SamlReport> for CheckReport<SamlCheck> {
    fn from(report: SamlReport) -> Self {
        let recorded = report.checks.into_iter().map(|one| RecordedCheck {
            check: one.check,
            passed: one.passed,
            expected: one.expected,
            found: one.found,
        });
        Self { checks: recorded.collect() }
    }
}

impl From<SamlRejection> for CheckFailed<SamlCheck> {
    fn from(rejection: SamlRejection) -> Self {
        let SamlRejection { check, expected, found, report } = rejection;
        Self { check, expected, found, report: report.into() }
    }
}

impl From<SamlRejection> for MessageError<SamlCheck> {
    fn from(rejection: SamlRejection) -> Self {
        Self::Refused(rejection.into())
    }
}
