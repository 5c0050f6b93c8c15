//! PATCH (RFC 7644 §3.5.2) as a pure function: resource and operations in, resource out.
//!
//! Beyond the RFC it accepts what clients send in practice: operation names in any case, booleans as text,
//! pathless values with dotted or URN-qualified keys, a replacement through a value filter that matches
//! nothing yet, and a removal that lists the values to remove.

use serde_json::{Value, json};

use crate::attributes;
use crate::error::{Error, ScimType};
use crate::filter::{Operator, ScimFilter};
use crate::json::{self, JsonObject};
use crate::limits::MAX_PATCH_OPERATIONS;
use crate::patch_path::PatchPath;

/// One PATCH operation.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchOperation {
    /// The kind of operation.
    pub kind: PatchOp,
    /// The path of its target; `None` for the resource as a whole.
    pub path: Option<String>,
    /// The value of the operation; null if none was sent.
    pub value: Value,
}

/// The kinds of PATCH operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchOp {
    /// Adds values (RFC 7644 §3.5.2.1).
    Add,
    /// Replaces values (RFC 7644 §3.5.2.3).
    Replace,
    /// Removes values (RFC 7644 §3.5.2.2).
    Remove,
}

fn syntax(detail: impl Into<String>) -> Error {
    Error::bad(ScimType::InvalidSyntax, detail)
}

/// Parses the body of a PATCH.
pub fn parse_operations(body: &JsonObject) -> Result<Vec<PatchOperation>, Error> {
    let operations = json::get(body, "Operations").and_then(Value::as_array);
    let operations =
        operations.ok_or_else(|| syntax("The request body must contain the list Operations."))?;
    if operations.is_empty() || operations.len() > MAX_PATCH_OPERATIONS {
        return Err(syntax(format!("Operations must contain 1 to {MAX_PATCH_OPERATIONS} elements.")));
    }
    operations.iter().map(parse_operation).collect()
}

fn parse_operation(operation: &Value) -> Result<PatchOperation, Error> {
    let object = operation.as_object().ok_or_else(|| syntax("Each operation must be an object."))?;
    let kind = match json::text(object, "op").unwrap_or_default().to_ascii_lowercase().as_str() {
        "add" => PatchOp::Add,
        "replace" => PatchOp::Replace,
        "remove" => PatchOp::Remove,
        _ => return Err(syntax("op must be add, replace or remove.")),
    };
    let path = json::text(object, "path").filter(|path| !path.trim().is_empty());
    let value = json::get(object, "value").cloned().unwrap_or(Value::Null);
    match (kind, &path) {
        (PatchOp::Remove, None) => Err(Error::bad(ScimType::NoTarget, "A remove operation requires a path.")),
        (PatchOp::Add | PatchOp::Replace, None) if !value.is_object() => {
            Err(syntax("An operation without a path requires an object as its value."))
        }
        _ => Ok(PatchOperation { kind, path, value }),
    }
}

/// Applies the operations in order. After an error the resource is partly changed and must be discarded.
pub fn apply_operations(resource: &mut JsonObject, operations: &[PatchOperation]) -> Result<(), Error> {
    for operation in operations {
        match &operation.path {
            Some(path) => {
                apply_at(resource, operation.kind, &PatchPath::parse(path)?, &operation.value, true)?;
            }
            None => apply_pathless(resource, operation)?,
        }
    }
    Ok(())
}

/// A pathless operation is applied as one operation for each member of its value.
fn apply_pathless(resource: &mut JsonObject, operation: &PatchOperation) -> Result<(), Error> {
    let members = operation.value.as_object().into_iter().flatten();
    for (key, value) in members {
        if let (Some(urn), Some(extension)) = (attributes::find_extension(key), value.as_object()) {
            for (inner, value) in extension {
                let path = PatchPath::parse(&format!("{urn}:{inner}"))?;
                apply_at(resource, operation.kind, &path, value, false)?;
            }
        } else if !attributes::RESOURCE_SCHEMAS.iter().any(|urn| key.eq_ignore_ascii_case(urn)) {
            apply_at(resource, operation.kind, &PatchPath::parse(key)?, value, false)?;
        }
    }
    Ok(())
}

/// `explicit` tells whether the client named the path. If it is read-only, that is an error; otherwise it is
/// skipped.
fn apply_at(
    resource: &mut JsonObject,
    kind: PatchOp,
    path: &PatchPath,
    value: &Value,
    explicit: bool,
) -> Result<(), Error> {
    let attribute = &path.attribute_path;
    if attribute.extension.is_none() && attributes::is_read_only(&attribute.attribute) {
        if explicit {
            return Err(Error::bad(ScimType::Mutability, format!("{} is read-only.", attribute.attribute)));
        }
        return Ok(());
    }
    let holder = match attribute.extension {
        None => resource,
        Some(urn) => {
            let entry = resource.entry(urn).or_insert_with(|| json!({}));
            entry.as_object_mut().ok_or_else(|| syntax("The value of an extension must be an object."))?
        }
    };
    let name = json::key_of(holder, &attribute.attribute)
        .unwrap_or_else(|| attributes::canonical_name(&attribute.attribute).to_owned());
    if let Some(filter) = &path.filter {
        return apply_filtered(holder, &name, kind, filter, attribute.sub_attribute.as_deref(), value);
    }
    match (&attribute.sub_attribute, kind) {
        (Some(sub), _) => apply_sub(holder, &name, sub, kind, value),
        (None, PatchOp::Remove) => {
            remove(holder, &name, value);
            Ok(())
        }
        (None, _) if value.is_null() => {
            holder.remove(&name);
            Ok(())
        }
        (None, PatchOp::Add) => {
            add(holder, &name, value);
            Ok(())
        }
        (None, PatchOp::Replace) => {
            holder.insert(name.clone(), wrap_if_multi_valued(&name, value));
            Ok(())
        }
    }
}

/// A multi-valued attribute is a list even if a client sends a single element.
fn wrap_if_multi_valued(name: &str, value: &Value) -> Value {
    match value {
        Value::Array(_) => value.clone(),
        single if attributes::is_multi_valued(name) => json!([single]),
        single => single.clone(),
    }
}

fn add(holder: &mut JsonObject, name: &str, value: &Value) {
    let value = wrap_if_multi_valued(name, value);
    match (holder.get_mut(name), value) {
        (Some(Value::Array(list)), Value::Array(new)) => {
            for element in new {
                if !list.contains(&element) {
                    demote_primaries(list, &element);
                    list.push(element);
                }
            }
        }
        (Some(Value::Object(present)), Value::Object(new)) => {
            for (key, value) in new {
                let key = json::key_of(present, &key).unwrap_or(key);
                present.insert(key, value);
            }
        }
        (_, value) => {
            holder.insert(name.to_owned(), value);
        }
    }
}

/// RFC 7644 §3.5.2: a new primary value replaces the old one.
fn demote_primaries(list: &mut [Value], new: &Value) {
    let is_primary = |value: &Value| value.get("primary").and_then(json::boolean) == Some(true);
    if is_primary(new) {
        for element in list.iter_mut().filter(|e| is_primary(e)) {
            element["primary"] = json!(false);
        }
    }
}

/// Removes an attribute, or only the elements that `value` lists.
fn remove(holder: &mut JsonObject, name: &str, value: &Value) {
    let listed = match value {
        Value::Array(listed) if !listed.is_empty() => listed,
        _ => {
            holder.remove(name);
            return;
        }
    };
    let Some(Value::Array(present)) = holder.get_mut(name) else { return };
    let key = |value: &Value| value.get("value").unwrap_or(value).clone();
    present.retain(|element| !listed.iter().any(|gone| key(gone) == key(element)));
    if present.is_empty() {
        holder.remove(name);
    }
}

fn apply_sub(
    holder: &mut JsonObject,
    name: &str,
    sub: &str,
    kind: PatchOp,
    value: &Value,
) -> Result<(), Error> {
    let gone = kind == PatchOp::Remove || value.is_null();
    match holder.get_mut(name) {
        Some(Value::Array(list)) => {
            for element in list.iter_mut().filter_map(Value::as_object_mut) {
                set_sub(element, sub, value, gone);
            }
            Ok(())
        }
        Some(Value::Object(object)) => {
            set_sub(object, sub, value, gone);
            Ok(())
        }
        Some(_) => Err(Error::bad(ScimType::InvalidPath, format!("{name} has no sub-attributes."))),
        None if gone => Ok(()),
        None => {
            let element = json!({ sub: value });
            holder.insert(name.to_owned(), wrap_if_multi_valued(name, &element));
            Ok(())
        }
    }
}

fn set_sub(object: &mut JsonObject, sub: &str, value: &Value, gone: bool) {
    let key = json::key_of(object, sub).unwrap_or_else(|| sub.to_owned());
    if gone {
        object.remove(&key);
    } else {
        object.insert(key, value.clone());
    }
}

/// Applies an operation to `attribute[filter]` or `attribute[filter].sub`.
fn apply_filtered(
    holder: &mut JsonObject,
    name: &str,
    kind: PatchOp,
    filter: &ScimFilter,
    sub: Option<&str>,
    value: &Value,
) -> Result<(), Error> {
    let entry = holder.entry(name).or_insert_with(|| json!([]));
    if !entry.is_array() {
        *entry = json!([entry.take()]);
    }
    let Value::Array(list) = entry else { return Ok(()) };
    let is_match = |element: &Value| element.as_object().is_some_and(|object| filter.matches(object));
    match (kind, sub) {
        (PatchOp::Remove, None) => list.retain(|element| !is_match(element)),
        (PatchOp::Remove, Some(sub)) => {
            for element in list.iter_mut().filter(|e| is_match(e)).filter_map(Value::as_object_mut) {
                set_sub(element, sub, value, true);
            }
        }
        (_, sub) => {
            if !list.iter().any(is_match) {
                list.push(Value::Object(element_for(filter)?));
            }
            for element in list.iter_mut().filter(|e| is_match(e)).filter_map(Value::as_object_mut) {
                match (sub, value) {
                    (Some(sub), value) => set_sub(element, sub, value, false),
                    (None, Value::Object(new)) => element.extend(new.clone()),
                    (None, _) => return Err(syntax("A path that ends with a filter requires an object.")),
                }
            }
        }
    }
    if list.is_empty() {
        holder.remove(name);
    }
    Ok(())
}

/// An element that the filter matches, which `emails[type eq "work"].value` creates if there is none.
fn element_for(filter: &ScimFilter) -> Result<JsonObject, Error> {
    let mut element = JsonObject::new();
    for term in filter.conjunction() {
        match term {
            ScimFilter::Compare(path, Operator::Eq, value) if path.sub_attribute.is_none() => {
                element.insert(path.attribute.clone(), value.clone());
            }
            _ => return Err(Error::bad(ScimType::NoTarget, "No value matches the filter in the path.")),
        }
    }
    Ok(element)
}

#[cfg(test)]
#[path = "patch_tests.rs"]
mod tests;
