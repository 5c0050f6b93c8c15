//! The pure core for those who call it from outside, which the fuzzers are.

use serde_json::{Map, Value};

use super::error::Error;
use super::{filter, patch};

/// Reads a filter and writes it in the RFC's grammar.
pub fn canonical_filter(text: &str) -> Result<String, Error> {
    filter::parse(text).map(|filter| filter.to_string())
}

/// Whether a filter finds a resource.
pub fn filter_matches(filter: &str, resource: &Map<String, Value>) -> Result<bool, Error> {
    filter::parse(filter).map(|filter| filter.matches(resource))
}

/// What a resource is after a PATCH with this body.
pub fn apply_patch(
    resource: &Map<String, Value>,
    body: &Map<String, Value>,
) -> Result<Map<String, Value>, Error> {
    let mut resource = resource.clone();
    patch::apply(&mut resource, &patch::parse(body)?)?;
    Ok(resource)
}
