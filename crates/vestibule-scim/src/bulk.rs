//! Bulk requests (RFC 7644 §3.7): their operations, the order of these, and the references between them.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::error::{Error, ScimType};
use crate::json::{self, JsonObject};
use crate::limits::MAX_BULK_OPERATIONS;
use crate::operation::{ResourceKind, ScimOperation, Verb};

const BULK_ID_PREFIX: &str = "bulkId:";

/// A bulk request.
#[derive(Debug)]
pub struct BulkRequest {
    /// The operations in the order in which they were sent.
    pub operations: Vec<ScimOperation>,
    /// The number of failed operations after which the others are not attempted.
    pub fail_on_errors: usize,
}

impl BulkRequest {
    /// Parses a request. A single invalid operation makes the whole request invalid.
    pub fn parse(body: &JsonObject) -> Result<Self, Error> {
        let syntax = |detail: &str| Error::bad(ScimType::InvalidSyntax, detail);
        let Some(Value::Array(list)) = json::get(body, "Operations") else {
            return Err(syntax("Operations must be a list."));
        };
        if list.len() > MAX_BULK_OPERATIONS {
            let detail = format!("A bulk request can contain at most {MAX_BULK_OPERATIONS} operations.");
            return Err(Error::plain(413, detail));
        }
        let fail_on_errors = match json::get(body, "failOnErrors") {
            None | Some(Value::Null) => usize::MAX,
            Some(value) => {
                let number = value.as_u64().filter(|number| *number > 0);
                let number = number.ok_or_else(|| syntax("failOnErrors must be a number greater than 0."))?;
                usize::try_from(number).unwrap_or(usize::MAX)
            }
        };
        let mut operations = Vec::with_capacity(list.len());
        let mut names = BTreeSet::new();
        for (n, value) in list.iter().enumerate() {
            let operation = read_operation(value).map_err(|error| Error {
                detail: format!("Operation {}: {}", n + 1, error.detail),
                ..error
            })?;
            if operation.bulk_id.as_ref().is_some_and(|name| !names.insert(name.clone())) {
                return Err(syntax(&format!("Operation {}: its bulkId is already in use.", n + 1)));
            }
            operations.push(operation);
        }
        Ok(Self { operations, fail_on_errors })
    }
}

fn read_operation(value: &Value) -> Result<ScimOperation, Error> {
    let syntax = |detail: &str| Error::bad(ScimType::InvalidSyntax, detail);
    let object = value.as_object().ok_or_else(|| syntax("it must be an object."))?;
    let method = json::text(object, "method").unwrap_or_default();
    let verb = [Verb::Post, Verb::Put, Verb::Patch, Verb::Delete]
        .into_iter()
        .find(|verb| verb.as_str().eq_ignore_ascii_case(&method))
        .ok_or_else(|| syntax("method must be POST, PUT, PATCH or DELETE."))?;
    let (kind, id) = read_path(&json::text(object, "path").unwrap_or_default())?;
    if (verb == Verb::Post) != id.is_empty() {
        let detail = "POST requires the path /Users or /Groups; other methods require a path such as \
                      /Users/{id}.";
        return Err(Error::bad(ScimType::InvalidPath, detail));
    }
    let bulk_id = json::text(object, "bulkId").filter(|name| !name.is_empty());
    if verb == Verb::Post && bulk_id.is_none() {
        return Err(syntax("POST requires a bulkId."));
    }
    let data = match json::get(object, "data") {
        Some(Value::Object(data)) => data.clone(),
        _ if verb == Verb::Delete => JsonObject::new(),
        _ => return Err(syntax("data must be an object.")),
    };
    let bulk_id = bulk_id.filter(|_| verb == Verb::Post);
    Ok(ScimOperation { verb, kind, id, bulk_id, version: json::text(object, "version"), data })
}

fn read_path(path: &str) -> Result<(ResourceKind, String), Error> {
    let invalid =
        || Error::bad(ScimType::InvalidPath, "path must start with /Users or /Groups, as in /Users/{id}.");
    let (all, id) = path.trim_start_matches('/').split_once('/').map_or((path, ""), |(all, id)| (all, id));
    let all = all.trim_start_matches('/');
    let kind = [ResourceKind::User, ResourceKind::Group]
        .into_iter()
        .find(|kind| kind.collection_path()[1..].eq_ignore_ascii_case(all));
    if id.contains(['/', '?', '#']) {
        return Err(invalid());
    }
    Ok((kind.ok_or_else(invalid)?, id.to_owned()))
}

/// Replaces each reference to another operation with what `found` returns for it.
fn replace_references(value: &mut Value, found: &mut impl FnMut(&str) -> Option<String>) {
    match value {
        Value::String(text) => {
            if let Some(id) = text.strip_prefix(BULK_ID_PREFIX).and_then(&mut *found) {
                *text = id;
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| replace_references(value, found)),
        Value::Object(object) => object.iter_mut().for_each(|(key, value)| match value {
            Value::String(path) if key.eq_ignore_ascii_case("path") => replace_quoted(path, found),
            value => replace_references(value, found),
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Replaces references in the path of a PATCH: `members[value eq "bulkId:x"]`.
fn replace_quoted(path: &mut String, found: &mut impl FnMut(&str) -> Option<String>) {
    let parts: Vec<String> = path
        .split('"')
        .map(|part| {
            part.strip_prefix(BULK_ID_PREFIX).and_then(&mut *found).unwrap_or_else(|| part.to_owned())
        })
        .collect();
    *path = parts.join("\"");
}

impl ScimOperation {
    /// Replaces references to other operations with the ids of the resources that these have created. In
    /// `created_ids`, `None` stands for an operation that failed.
    pub fn resolve_bulk_ids(&mut self, created_ids: &HashMap<String, Option<String>>) -> Result<(), Error> {
        let mut error = None;
        let mut found = |name: &str| match created_ids.get(name) {
            Some(Some(id)) => Some(id.clone()),
            Some(None) => {
                let detail = format!("The resource with the bulkId \"{name}\" was not created.");
                error.get_or_insert(Error::plain(409, detail));
                None
            }
            None => {
                let detail = format!("No POST operation in this request has the bulkId \"{name}\".");
                error.get_or_insert(Error::bad(ScimType::InvalidValue, detail));
                None
            }
        };
        if let Some(id) = self.id.strip_prefix(BULK_ID_PREFIX).and_then(&mut found) {
            self.id = id;
        }
        self.data.values_mut().for_each(|value| replace_references(value, &mut found));
        error.map_or(Ok(()), Err)
    }
}

/// The order of the operations: as they were sent, but each after those it refers to.
pub struct BulkSchedule {
    /// The number of operations that each one still waits for.
    unmet_dependencies: Vec<usize>,
    /// The operations that wait for each one.
    dependents: Vec<Vec<usize>>,
    ready: BTreeSet<usize>,
}

impl BulkSchedule {
    /// Determines which operations depend on which.
    #[must_use]
    pub fn new(operations: &[ScimOperation]) -> Self {
        let by_name: HashMap<&str, usize> = operations
            .iter()
            .enumerate()
            .filter_map(|(n, operation)| operation.bulk_id.as_deref().map(|name| (name, n)))
            .collect();
        let mut dependents = vec![Vec::new(); operations.len()];
        let mut unmet_dependencies = vec![0; operations.len()];
        for (n, operation) in operations.iter().enumerate() {
            let mut needs: BTreeSet<usize> = BTreeSet::new();
            let mut note = |name: &str| -> Option<String> {
                needs.extend(by_name.get(name));
                None
            };
            operation.id.strip_prefix(BULK_ID_PREFIX).and_then(&mut note);
            operation.data.clone().values_mut().for_each(|value| replace_references(value, &mut note));
            unmet_dependencies[n] = needs.len();
            for need in needs {
                dependents[need].push(n);
            }
        }
        let ready =
            unmet_dependencies.iter().enumerate().filter(|(_, waits)| **waits == 0).map(|(n, _)| n).collect();
        Self { unmet_dependencies, dependents, ready }
    }

    /// The next operation to carry out. `None` if all are done or the remaining ones wait for each other.
    pub fn next_ready(&mut self) -> Option<usize> {
        self.ready.pop_first()
    }

    /// Marks operation `n` as done, so that those that waited for it can follow.
    pub fn complete(&mut self, n: usize) {
        for follower in std::mem::take(&mut self.dependents[n]) {
            self.unmet_dependencies[follower] -= 1;
            if self.unmet_dependencies[follower] == 0 {
                self.ready.insert(follower);
            }
        }
    }
}

#[cfg(test)]
#[path = "bulk_tests.rs"]
mod tests;
