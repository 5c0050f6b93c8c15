//! Attributes that an account's administrators have defined beside the standard ones: an extension schema of its own
//! (RFC 7643 §3.3).

use serde_json::Value;

use super::error::{Error, ScimType};
use super::json::{self, JsonObject};
use super::schemas::CUSTOM_EXTENSION;
use crate::idp::connections::{ExtraAttribute, ExtraKind};

/// Brings the extension of a normalized resource into its defined form: values of the defined types, names as they
/// were defined, without what was not. Where nothing is defined it stays as it was sent.
pub(super) fn coerce_attributes(
    defined: &[ExtraAttribute],
    mut resource: JsonObject,
) -> Result<JsonObject, Error> {
    if defined.is_empty() {
        return Ok(resource);
    }
    let Some(sent) = resource.remove(CUSTOM_EXTENSION) else { return Ok(resource) };
    let sent = sent.as_object().cloned().ok_or_else(|| {
        Error::bad(ScimType::InvalidValue, format!("{CUSTOM_EXTENSION} must be an object with attributes."))
    })?;
    let mut kept = JsonObject::new();
    for attribute in defined {
        let Some(value) = json::get(&sent, &attribute.name).filter(|value| !json::is_empty(value)) else {
            continue;
        };
        let fitted = coerce_value(attribute, value).ok_or_else(|| {
            let (name, list) = (&attribute.name, if attribute.multi_valued { "a list of " } else { "" });
            Error::bad(
                ScimType::InvalidValue,
                format!("{name} must be {list}{}.", attribute.kind.value_description()),
            )
        })?;
        kept.insert(attribute.name.clone(), fitted);
    }
    if !kept.is_empty() {
        resource.insert(CUSTOM_EXTENSION.to_owned(), Value::Object(kept));
    }
    Ok(resource)
}

fn coerce_value(attribute: &ExtraAttribute, value: &Value) -> Option<Value> {
    if !attribute.multi_valued {
        return coerce_single(attribute.kind, value);
    }
    let list = match value {
        Value::Array(list) => list.as_slice(),
        single => std::slice::from_ref(single),
    };
    list.iter()
        .map(|value| coerce_single(attribute.kind, value))
        .collect::<Option<Vec<_>>>()
        .map(Value::Array)
}

/// The value in its type; numbers and booleans may come as text, as directories send them.
fn coerce_single(kind: ExtraKind, value: &Value) -> Option<Value> {
    match (kind, value) {
        (ExtraKind::String, Value::String(_)) | (ExtraKind::Decimal, Value::Number(_)) => Some(value.clone()),
        (ExtraKind::String, Value::Number(number)) => Some(number.to_string().into()),
        (ExtraKind::Boolean, _) => json::boolean(value).map(Value::Bool),
        (ExtraKind::Integer, Value::Number(number)) => number.as_i64().map(Value::from),
        (ExtraKind::Integer, Value::String(text)) => text.trim().parse::<i64>().ok().map(Value::from),
        (ExtraKind::Decimal, Value::String(text)) => {
            let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
            number.map(Value::from)
        }
        (ExtraKind::DateTime, Value::String(text)) => {
            crate::kernel::Timestamp::parse(text).map(|_| value.clone())
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "custom_attributes_tests.rs"]
mod tests;
