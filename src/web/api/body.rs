//! JSON request bodies. A body that does not match, such as one with an unknown member, is refused with 422
//! and the name of the member; one that is not JSON, with 400.

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::kernel::http::Refusal;
use crate::web::AppState;

/// A parsed body. An empty one counts as `{}`.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<AppState> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Refusal> {
        let bytes = axum::body::Bytes::from_request(request, state).await.map_err(|rejection| {
            let status = axum::response::IntoResponse::into_response(rejection).status();
            crate::web::error::status_refusal(status)
        })?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(text).map(Self).map_err(|error| {
            let said = error.to_string();
            match error.classify() {
                Category::Data => {
                    let refusal =
                        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid input", said.clone());
                    match said.split('`').nth(1) {
                        Some(field) => refusal.field(field),
                        None => refusal,
                    }
                }
                _ => Refusal::new(
                    StatusCode::BAD_REQUEST,
                    "Invalid JSON",
                    format!("The request body is not valid JSON: {said}"),
                ),
            }
        })
    }
}
