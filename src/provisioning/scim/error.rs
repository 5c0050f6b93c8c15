//! Errors in SCIM's own form (RFC 7644 §3.12).

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::directory;

/// The `scimType` of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScimType {
    /// The filter cannot be read or is not supported for this attribute.
    InvalidFilter,
    /// The filter matches more than we will look through.
    TooMany,
    /// A unique value is taken.
    Uniqueness,
    /// A read-only attribute was to be changed.
    Mutability,
    /// The body is not what the operation needs.
    InvalidSyntax,
    /// A path cannot be read.
    InvalidPath,
    /// A path leads nowhere.
    NoTarget,
    /// A value is missing or unfit.
    InvalidValue,
    /// A cursor that was not made here (RFC 9865 §2.2).
    InvalidCursor,
    /// A cursor that leads nowhere any more.
    ExpiredCursor,
}

impl ScimType {
    pub(super) const fn as_str(self) -> &'static str {
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
}

/// A refusal to a provisioning client. The detail is shown in the identity provider's console, so it
/// says what to change there.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail}")]
pub struct Error {
    /// The HTTP status.
    pub status: StatusCode,
    /// The error's kind, for 400 and 409.
    pub scim_type: Option<ScimType>,
    /// What happened and what to do.
    pub detail: String,
    /// After how many seconds it is worth trying again.
    pub retry_after: Option<u64>,
}

impl Error {
    /// A 400 of this kind (409 for uniqueness).
    pub fn bad(scim_type: ScimType, detail: impl Into<String>) -> Self {
        let status = match scim_type {
            ScimType::Uniqueness => StatusCode::CONFLICT,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, scim_type: Some(scim_type), detail: detail.into(), retry_after: None }
    }

    /// An error without a kind.
    pub fn plain(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, scim_type: None, detail: detail.into(), retry_after: None }
    }

    /// 404 for a resource that this account does not have.
    #[must_use]
    pub fn not_found(kind: &str, id: &str) -> Self {
        Self::plain(StatusCode::NOT_FOUND, format!("{kind} {id} not found"))
    }

    /// The error as a message (RFC 7644 §3.12).
    pub(super) fn body(&self) -> Value {
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": self.status.as_str(),
            "detail": self.detail,
        });
        if let Some(scim_type) = self.scim_type {
            body["scimType"] = json!(scim_type.as_str());
        }
        body
    }

    /// An error that passes.
    pub fn retry_later(status: StatusCode, detail: impl Into<String>, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..Self::plain(status, detail) }
    }

    /// The stored connection cannot be read; the log says why. Another node may be able to.
    pub(super) fn connection_unreadable() -> Self {
        let detail = "This connection cannot be used at present. Send the request again later.";
        Self::retry_later(StatusCode::SERVICE_UNAVAILABLE, detail, 60)
    }

    /// Whether somebody else was only faster, so that the same again will do.
    pub(super) fn lost_a_race(&self) -> bool {
        self.status == StatusCode::CONFLICT && self.retry_after.is_some()
    }

    /// 401.
    #[must_use]
    pub fn unauthorized() -> Self {
        let detail = "The bearer token is missing, unknown, expired or revoked. Make a new one on the connection's page.";
        Self::plain(StatusCode::UNAUTHORIZED, detail)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        directory::Error::from(error).into()
    }
}

impl From<directory::Error> for Error {
    fn from(error: directory::Error) -> Self {
        use directory::Error as E;
        let text = error.to_string();
        match error {
            E::NotFound(_) => Self::plain(StatusCode::NOT_FOUND, text),
            E::Duplicate { field } => {
                let attribute = scim_name(field);
                Self::bad(
                    ScimType::Uniqueness,
                    format!("Another resource of this account has this {attribute}."),
                )
            }
            E::Invalid { field, reason } => {
                Self::bad(ScimType::InvalidValue, format!("{} {reason}.", scim_name(field)))
            }
            E::Managed { connection } => Self::plain(
                StatusCode::FORBIDDEN,
                format!(
                    "This resource is managed by the connection \"{connection}\"; only that one can change it."
                ),
            ),
            E::Forbidden(reason) => Self::plain(StatusCode::FORBIDDEN, reason),
            E::VersionConflict => {
                let detail = "The resource was changed at the same moment. Send the request again.";
                Self::retry_later(StatusCode::CONFLICT, detail, 1)
            }
            E::Database(_) | E::Internal(_) => {
                tracing::error!(error = text, "SCIM request failed");
                let detail = "The request could not be carried out. Try again in a moment.";
                Self::plain(StatusCode::INTERNAL_SERVER_ERROR, detail)
            }
        }
    }
}

/// The directory's names in SCIM's words.
fn scim_name(field: &str) -> &str {
    match field {
        "user_name" => "userName",
        "email" => "primary email",
        "name" | "display_name" => "displayName",
        "given_name" => "name.givenName",
        "family_name" => "name.familyName",
        "external_id" => "externalId",
        other => other,
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response =
            (self.status, [(header::CONTENT_TYPE, super::http::MEDIA_TYPE)], self.body().to_string())
                .into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        // For the log, which tells administrators what it was.
        response.extensions_mut().insert(self);
        response
    }
}
