//! The error type of all handlers, and the place where every refusal is rendered: as a page for browsers,
//! as problem+json (RFC 9457) for the REST API, and as a SCIM error for provisioning clients.

mod admin;
mod problem;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use crate::directory::{self, accounts};
use crate::idp::connections::UnreadableConnection;
use crate::kernel::database::is_temporary;
use crate::kernel::http::Refusal;
use crate::kernel::vault;
use crate::provisioning::scim;

pub(crate) use problem::Problem;

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
            format!("This {what} does not exist. It may have been deleted, or the URL is wrong."),
        ))
    }

    /// 422 for an invalid field.
    #[must_use]
    pub fn invalid(field: &str, reason: &str) -> Self {
        let detail = format!("{}: {reason}", label(field));
        let refusal = Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid input", detail);
        Self::Refused(refusal.field(field, reason))
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
        let detail = "This version of the server cannot read the stored settings of this connection, so the \
                      connection is not used. If an upgrade is in progress, finish it. Otherwise, delete the \
                      connection and create it again. The server log states what cannot be read.";
        Self::Refused(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Connection unavailable", detail))
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
                let reason = "is already taken";
                let detail = format!("{}: {reason}", label(field));
                Refusal::new(StatusCode::CONFLICT, "Already taken", detail).field(field, reason)
            }
            E::Invalid { field, reason } => return Self::invalid(field, &reason),
            E::Managed { connection } => Refusal::new(
                StatusCode::CONFLICT,
                "Managed by a connection",
                format!(
                    "This is managed by the SCIM connection “{connection}”. Change it at the identity \
                     provider."
                ),
            ),
            E::Forbidden(reason) => Refusal::new(StatusCode::CONFLICT, "Not allowed", reason),
            E::LastAdmin => Refusal::new(
                StatusCode::CONFLICT,
                "Not allowed",
                "This user is the last active administrator of the account. Give another user the role \
                 Account Admin first.",
            ),
            E::VersionConflict => Refusal::new(
                StatusCode::CONFLICT,
                "Edit conflict",
                "This was changed by another request at the same time. Reload it and check the change before \
                 you save again.",
            ),
            // The account and the cause were logged where the settings were read.
            E::UnreadableSettings(_) => Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Temporarily unavailable",
                "The settings of this account cannot be read, so its rules cannot be applied. If this server \
                 is being upgraded, try again after the upgrade. Otherwise, contact the operator of this \
                 server: the server log contains the cause.",
            )
            .retry_after(30),
            E::Database(error) if is_temporary(&error) => {
                tracing::warn!(%error, "the database did not respond in time for a request");
                time_limit_refusal()
            }
            E::Database(error) => return Self::Internal(error.to_string()),
            E::Internal(cause) => return Self::Internal(cause),
        })
    }
}

/// A field name as users read it, such as `Given name` for `given_name` and `Metadata URL` for `metadata_url`.
fn label(field: &str) -> String {
    let field = field.replace("user_name", "username");
    let word = |word: &str| match word {
        "ca" | "dn" | "id" | "idp" | "sp" | "url" | "xml" => word.to_uppercase(),
        _ => word.to_owned(),
    };
    let mut words = field.split(['_', '.']).map(word).collect::<Vec<_>>().join(" ");
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
    let detail = "The server is too busy to finish this request in time. Wait a few seconds and try again. \
                  If you were saving a change, check first whether it was saved.";
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Request timed out", detail).retry_after(10)
}

/// The refusal for a status that comes without a text, from the router or a limit.
pub(crate) fn status_refusal(status: StatusCode) -> Refusal {
    let (title, detail) = match status {
        StatusCode::NOT_FOUND => {
            ("Not found", "Nothing exists at this URL. Check the URL, or go to the home page.")
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            ("Method not allowed", "This URL does not support this request method.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            ("Request too large", "The request is larger than this URL accepts.")
        }
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ("Invalid request", "The request does not have the format that this URL expects.")
        }
        status if status.is_client_error() => ("Request rejected", "The server rejected the request."),
        _ => ("Something went wrong", "An error occurred on the server. Try again in a moment."),
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
        return Problem::of(refusal, request_id).into_response();
    }
    match (ErrorPage { refusal, request_id }).render() {
        Ok(page) => (refusal.status, Html(page)).into_response(),
        Err(error) => {
            tracing::error!(%error, "the error page could not be rendered");
            (refusal.status, refusal.title).into_response()
        }
    }
}
