//! SCIM errors (RFC 7644 §3.12).

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use vestibule_scim::ScimType;

use crate::directory;
use crate::kernel::database::is_temporary;

/// The media type of SCIM messages (RFC 7644 §8.1).
pub(crate) const MEDIA_TYPE: &str = "application/scim+json";

/// An error response to a provisioning client. Identity providers show the detail in their console, so it
/// says what to change there.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail}")]
pub struct Error {
    /// The HTTP status.
    pub status: StatusCode,
    /// The error's `scimType`, for 400 and 409.
    pub scim_type: Option<ScimType>,
    /// What happened and what to do about it.
    pub detail: String,
    /// The number of seconds after which a retry makes sense.
    pub retry_after: Option<u64>,
}

impl Error {
    /// A 400 with this `scimType` (409 for uniqueness).
    pub fn bad(scim_type: ScimType, detail: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(scim_type.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Self { status, scim_type: Some(scim_type), detail: detail.into(), retry_after: None }
    }

    /// An error without a `scimType`.
    pub fn plain(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, scim_type: None, detail: detail.into(), retry_after: None }
    }

    /// A 404 for a resource that this account does not have.
    #[must_use]
    pub fn not_found(kind: &str, id: &str) -> Self {
        Self::plain(StatusCode::NOT_FOUND, format!("{kind} {id} not found"))
    }

    /// The response body (RFC 7644 §3.12).
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

    /// A temporary error.
    pub fn retry_later(status: StatusCode, detail: impl Into<String>, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..Self::plain(status, detail) }
    }

    /// A 503 for a stored connection that cannot be read. The log has the cause. A node with a newer
    /// version may be able to read it.
    pub(super) fn connection_unreadable() -> Self {
        let detail = "This connection is temporarily unavailable. Retry the request later.";
        Self::retry_later(StatusCode::SERVICE_UNAVAILABLE, detail, 60)
    }

    /// Whether a concurrent change caused the error, so that a retry succeeds.
    pub(super) fn lost_a_race(&self) -> bool {
        self.status == StatusCode::CONFLICT && self.retry_after.is_some()
    }

    /// A 401 for a request without a valid token.
    #[must_use]
    pub fn unauthorized() -> Self {
        let detail = "The bearer token is missing, invalid, expired or revoked. Generate a new token on the \
                      connection's page.";
        Self::plain(StatusCode::UNAUTHORIZED, detail)
    }
}

impl From<vestibule_scim::Error> for Error {
    fn from(error: vestibule_scim::Error) -> Self {
        let vestibule_scim::Error { status, scim_type, detail } = error;
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        Self { status, scim_type, detail, retry_after: None }
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
                    format!("Another resource in this account already has this {attribute}."),
                )
            }
            E::Invalid { field, reason } => {
                Self::bad(ScimType::InvalidValue, format!("{} {reason}.", scim_name(field)))
            }
            E::Managed { connection } => Self::plain(
                StatusCode::FORBIDDEN,
                format!(
                    "This resource is managed by the connection \"{connection}\". Only that connection can \
                     change it."
                ),
            ),
            E::Forbidden(reason) => Self::plain(StatusCode::FORBIDDEN, reason),
            E::LastAdmin => Self::plain(
                StatusCode::CONFLICT,
                "This user is the last active administrator of the account. Make another user an \
                 administrator in the console, and then retry the request.",
            ),
            E::VersionConflict => {
                let detail = "Another request changed the resource at the same time. Retry the request.";
                Self::retry_later(StatusCode::CONFLICT, detail, 1)
            }
            E::UnreadableSettings(_) => {
                let detail = "The settings of this account cannot be read right now. Retry the request in a \
                              moment.";
                Self::retry_later(StatusCode::SERVICE_UNAVAILABLE, detail, 30)
            }
            E::Database(cause) if is_temporary(&cause) => {
                tracing::warn!(error = text, "the database cannot serve a SCIM request at present");
                let detail = "The server is too busy to process the request. Retry it in a few seconds.";
                Self::retry_later(StatusCode::SERVICE_UNAVAILABLE, detail, 10)
            }
            E::Database(_) | E::Internal(_) => {
                tracing::error!(error = text, "SCIM request failed");
                let detail = "The server could not process the request. Retry it in a moment.";
                Self::plain(StatusCode::INTERNAL_SERVER_ERROR, detail)
            }
        }
    }
}

/// The SCIM name of a directory field.
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
            (self.status, [(header::CONTENT_TYPE, MEDIA_TYPE)], self.body().to_string()).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        // For the request log.
        response.extensions_mut().insert(self);
        response
    }
}
