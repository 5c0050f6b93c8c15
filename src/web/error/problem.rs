//! Problem documents, in which the REST API describes errors.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::kernel::http::{FieldError, Refusal};

/// An error, as a problem document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: the status says which kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What happened, in a few words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened and what to do about it, in one or two sentences.
    detail: String,
    /// The ID of the request, which the server log contains as well.
    request_id: String,
    /// The first field of `errors`. Use `errors` instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, deprecated)]
    field: Option<String>,
    /// What is wrong with which field. It is always present with status 422, and empty if no single field is wrong.
    /// A request can have more errors than are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<FieldError>)]
    errors: Option<Vec<FieldError>>,
}

impl Problem {
    /// The media type of problem documents.
    pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

    pub(super) fn of(refusal: &Refusal, request_id: &str) -> Self {
        let is_listed = refusal.status == StatusCode::UNPROCESSABLE_ENTITY || !refusal.errors.is_empty();
        Self {
            kind: "about:blank",
            title: refusal.title,
            status: refusal.status.as_u16(),
            detail: refusal.detail.clone(),
            request_id: request_id.to_owned(),
            field: refusal.errors.first().map(|first| first.field.clone()),
            errors: is_listed.then(|| refusal.errors.clone()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(Self::MEDIA_TYPE))];
        (status, kind, Json(self)).into_response()
    }
}
