//! Why a request is refused, in the terms of RFC 7644 §3.12.

/// The `scimType` of an error (RFC 7644 §3.12, RFC 9865 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScimType {
    /// The filter cannot be parsed or is not supported for this attribute.
    InvalidFilter,
    /// The filter would have to examine more resources than the limit allows.
    TooMany,
    /// A value that must be unique is in use.
    Uniqueness,
    /// A read-only attribute would change.
    Mutability,
    /// The body does not have the form that the operation requires.
    InvalidSyntax,
    /// A path cannot be parsed.
    InvalidPath,
    /// A path has no target.
    NoTarget,
    /// A value is missing or invalid.
    InvalidValue,
    /// The cursor was not created by this server (RFC 9865 §2.2).
    InvalidCursor,
    /// The cursor is no longer valid.
    ExpiredCursor,
}

impl ScimType {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
        }
    }

    /// The HTTP status of the error (RFC 7644 §3.12, table 9).
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Uniqueness => 409,
            _ => 400,
        }
    }
}

/// A refused request. The identity provider shows the detail in its console, so it says what to change there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Error {
    /// The HTTP status.
    pub status: u16,
    /// The error's kind, where the RFC has one for it.
    pub scim_type: Option<ScimType>,
    /// What happened and what to do.
    pub detail: String,
}

impl Error {
    pub(crate) fn bad(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self { status: scim_type.status(), scim_type: Some(scim_type), detail: detail.into() }
    }

    pub(crate) fn plain(status: u16, detail: impl Into<String>) -> Self {
        Self { status, scim_type: None, detail: detail.into() }
    }
}
