//! The error type of all handlers, and the place where every refusal is rendered: as a page for browsers,
//! as problem+json (RFC 9457) for the REST API, and as a SCIM error for provisioning clients.

mod admin;

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;

use crate::directory::{self, accounts};
use crate::idp::connections::UnreadableConnection;
use crate::kernel::database::is_temporary;
use crate::kernel::http::Refusal;
use crate::kernel::vault;
use crate::provisioning::scim;

/// Why a handler failed.
#[derive(Debug)]
pub enum Error {
    /// A refusal, sent to the client as it is.
    Refused(Refusal),
    /// An internal error. It is logged, and the client gets a general message.
    Internal(String),
}

impl Error {
    /// 404 for a resource that this account does not have.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::Refused(Refusal::new(
            StatusCode::NOT_FOUND,
            "Not found",
            format!("There is no such {what}. It may have been deleted, or the address is wrong."),
        ))
    }

    /// 422 for an invalid field.
    #[must_use]
    pub fn invalid(field: &str, reason: &str) -> Self {
        let detail = format!("{field}: {reason}");
        Self::Refused(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "Not accepted", detail).field(field))
    }

    /// The text for showing a form again, or the error itself when the user cannot correct it.
    pub fn for_form(self) -> Result<String, Self> {
        match self {
            Self::Refused(refusal)
                if matches!(refusal.status, StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY) =>
            {
                Ok(refusal.detail)
            }
            other => Err(other),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        directory::Error::from(error).into()
    }
}

impl From<accounts::UnreadableSettings> for Error {
    fn from(error: accounts::UnreadableSettings) -> Self {
        directory::Error::from(error).into()
    }
}

impl From<UnreadableConnection> for Error {
    fn from(_: UnreadableConnection) -> Self {
        let detail = "What is stored of this connection cannot be read by this version of the server, so it is not used. \
                      If an upgrade is under way, finish it; otherwise delete the connection and make it again. The log \
                      says what cannot be read.";
        Self::Refused(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Connection not available", detail))
    }
}

impl From<vault::Error> for Error {
    fn from(error: vault::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<askama::Error> for Error {
    fn from(error: askama::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<directory::Error> for Error {
    fn from(error: directory::Error) -> Self {
        use directory::Error as E;
        Self::Refused(match error {
            E::NotFound(what) => return Self::not_found(what),
            E::Duplicate { field } => {
                let detail = format!("{}: is taken already", label(field));
                Refusal::new(StatusCode::CONFLICT, "Taken already", detail).field(field)
            }
            E::Invalid { field, reason } => {
                let detail = format!("{}: {reason}", label(field));
                Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "Not accepted", detail).field(field)
            }
            E::Managed { connection } => Refusal::new(
                StatusCode::CONFLICT,
                "Managed elsewhere",
                format!(
                    "This came from the directory connection “{connection}” and is managed there. Change it at the identity provider."
                ),
            ),
            E::Forbidden(reason) => Refusal::new(StatusCode::CONFLICT, "Not possible", reason),
            E::LastAdmin => Refusal::new(
                StatusCode::CONFLICT,
                "Not possible",
                "This is the last active administrator of the account. Make somebody else an administrator first.",
            ),
            E::VersionConflict => Refusal::new(
                StatusCode::CONFLICT,
                "Changed meanwhile",
                "Somebody else changed this at the same moment. Look at it again before you save.",
            ),
            // The account and the cause were logged where the settings were read.
            E::UnreadableSettings(_) => Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Not possible at present",
                "The settings of this account cannot be read, so its rules cannot be followed. That passes when an \
                 upgrade of this server is under way. Otherwise tell who runs it: the log has the cause.",
            )
            .retry_after(30),
            E::Database(error) if is_temporary(&error) => {
                tracing::warn!(%error, "the database did not serve a request in time");
                time_limit_refusal()
            }
            E::Database(error) => return Self::Internal(error.to_string()),
            E::Internal(cause) => return Self::Internal(cause),
        })
    }
}

/// A field name as users read it, such as `Given name` for `given_name`.
fn label(field: &str) -> String {
    let mut words = field.replace(['_', '.'], " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refusal) => refusal.into_response(),
            Self::Internal(cause) => {
                tracing::error!(cause, "request failed");
                status_refusal(StatusCode::INTERNAL_SERVER_ERROR).into_response()
            }
        }
    }
}

/// 503 for a request that exceeded the time limit. What it had written was rolled back, unless its commit
/// was already under way.
pub(crate) fn time_limit_refusal() -> Refusal {
    let detail = "The server is too busy to finish this in time. Wait a few seconds and try again. If you were changing \
                  something, look first whether it was saved.";
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "That took too long", detail).retry_after(10)
}

/// The refusal for a status that comes without a text, from the router or a limit.
pub(crate) fn status_refusal(status: StatusCode) -> Refusal {
    let (title, detail) = match status {
        StatusCode::NOT_FOUND => {
            ("Not found", "There is nothing at this address. Check it, or start from the top.")
        }
        StatusCode::METHOD_NOT_ALLOWED => ("Not possible here", "This address does not do that."),
        StatusCode::PAYLOAD_TOO_LARGE => ("Too large", "That is more than this address takes."),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ("Not understood", "The request is not what this address expects.")
        }
        status if status.is_client_error() => ("Not possible", "The request was refused."),
        _ => ("Something went wrong", "It is not your fault. Try again in a moment."),
    };
    Refusal::new(status, title, detail)
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    refusal: &'a Refusal,
    request_id: &'a str,
}

/// Renders `refusal` in the format that clients of `path` expect.
pub(crate) fn render(path: &str, refusal: &Refusal, request_id: &str) -> Response {
    if path.starts_with("/scim/") {
        return scim::Error::plain(refusal.status, refusal.detail.clone()).into_response();
    }
    if path.starts_with("/api/") {
        let mut body = json!({
            "type": "about:blank", "title": refusal.title, "status": refusal.status.as_u16(),
            "detail": refusal.detail, "request_id": request_id,
        });
        if let Some(field) = &refusal.field {
            body["field"] = json!(field);
        }
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        return (refusal.status, kind, body.to_string()).into_response();
    }
    match (ErrorPage { refusal, request_id }).render() {
        Ok(page) => (refusal.status, Html(page)).into_response(),
        Err(error) => {
            tracing::error!(%error, "the error page cannot be rendered");
            (refusal.status, refusal.title).into_response()
        }
    }
}
