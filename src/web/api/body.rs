//! JSON request bodies. A body that does not match, such as one with an unknown member, is refused with 422
//! and the names of the members; one that is not JSON, with 400.

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, Schema};

use crate::kernel::http::{FieldError, Refusal};
use crate::web::AppState;

/// A parsed body. An empty one counts as `{}`.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned + ToSchema> FromRequest<AppState> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Refusal> {
        let bytes = axum::body::Bytes::from_request(request, state).await.map_err(|rejection| {
            let status = axum::response::IntoResponse::into_response(rejection).status();
            crate::web::error::status_refusal(status)
        })?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(text).map(Self).map_err(|error| match error.classify() {
            Category::Data => mismatch::<T>(text, error.to_string()),
            _ => Refusal::new(
                StatusCode::BAD_REQUEST,
                "Invalid JSON",
                format!("The request body is not valid JSON: {error}"),
            ),
        })
    }
}

/// The refusal of a body that is JSON and not a `T`: with the error that the parser stopped at, and all other
/// unknown and missing members.
fn mismatch<T: DeserializeOwned + ToSchema>(text: &[u8], said: String) -> Refusal {
    let mut errors = unmatched_members::<T>(text);
    if let Some(field) = invalid_member::<T>(text) {
        let first = match errors.iter().position(|error| error.field == field) {
            Some(index) => errors.remove(index),
            None => FieldError::new(field, said.clone()),
        };
        errors.insert(0, first);
    }
    Refusal { errors, ..Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid input", said) }
}

/// The member that the parser stopped at.
fn invalid_member<T: DeserializeOwned>(text: &[u8]) -> Option<String> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let error = serde_path_to_error::deserialize::<_, T>(&mut json).err()?;
    let mut field = String::new();
    for segment in error.path() {
        match segment {
            Segment::Map { key } => push_name(&mut field, key),
            Segment::Seq { index } => field.extend(["[", &index.to_string(), "]"]),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    // These errors are raised by the object, and name the member.
    let said = error.inner().to_string();
    if said.starts_with("missing field") || said.starts_with("duplicate field") {
        push_name(&mut field, said.split('`').nth(1).unwrap_or_default());
    }
    Some(field).filter(|field| !field.is_empty())
}

fn push_name(field: &mut String, name: &str) {
    if !field.is_empty() {
        field.push('.');
    }
    field.push_str(name);
}

/// The members of the body that `T` does not have, and those that it requires and the body lacks.
fn unmatched_members<T: ToSchema>(text: &[u8]) -> Vec<FieldError> {
    let Ok(body) = serde_json::from_slice::<Map<String, Value>>(text) else { return Vec::new() };
    let RefOr::T(Schema::Object(object)) = T::schema() else { return Vec::new() };
    let refuses_others =
        matches!(object.additional_properties.as_deref(), Some(AdditionalProperties::FreeForm(false)));
    let unknown = body
        .keys()
        .filter(|name| refuses_others && !object.properties.contains_key(*name))
        .map(|name| FieldError::new(name, "is not a field of this request"));
    let missing = object
        .required
        .iter()
        .filter(|name| !body.contains_key(*name))
        .map(|name| FieldError::new(name, "is required"));
    unknown.chain(missing).collect()
}
