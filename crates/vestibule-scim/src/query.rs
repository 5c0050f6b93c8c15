//! The query of a list request: its filter, page, order and attributes.

use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::attribute_path::AttributePath;
use crate::attributes;
use crate::error::{Error, ScimType};
use crate::filter::{Operator, ScimFilter};
use crate::json::{self, JsonObject};
use crate::limits::{DEFAULT_RESULTS, MAX_RESULTS};
use crate::resource::Resource;
use crate::sorting::{PageStart, Sort};

/// The parameters of RFC 7644 §3.4.2. All of them are text, because some clients send `startIndex=` without a
/// value.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScimQuery {
    filter: Option<String>,
    start_index: Option<String>,
    count: Option<String>,
    cursor: Option<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    attributes: Option<String>,
    excluded_attributes: Option<String>,
    /// The filter after it was first parsed.
    #[serde(skip)]
    parsed: OnceLock<ScimFilter>,
}

/// A filter that is split into conditions that an index answers and a residual filter.
pub struct QueryPlan<C> {
    /// Conditions for the database.
    pub conditions: Vec<C>,
    /// The whole filter, if the conditions do not cover all of it.
    pub residual: Option<ScimFilter>,
}

impl ScimQuery {
    /// A query for this attribute only, besides those that are always returned.
    #[must_use]
    pub fn only(attribute: &str) -> Self {
        Self { attributes: Some(attribute.to_owned()), ..Self::default() }
    }

    /// Parses a search request (RFC 7644 §3.4.3), which has the same parameters as members of its body.
    pub fn from_body(body: &JsonObject) -> Result<Self, Error> {
        let text = |name: &str| match json::get(body, name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(Value::Array(list)) => {
                let names: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                let invalid =
                    || Error::bad(ScimType::InvalidValue, format!("{name} must be a list of names."));
                Ok(Some(names.ok_or_else(invalid)?.join(",")).filter(|names| !names.is_empty()))
            }
            Some(_) => Err(Error::bad(ScimType::InvalidValue, format!("{name} has the wrong type."))),
        };
        Ok(Self {
            filter: text("filter")?,
            start_index: text("startIndex")?,
            count: text("count")?,
            cursor: text("cursor")?,
            sort_by: text("sortBy")?,
            sort_order: text("sortOrder")?,
            attributes: text("attributes")?,
            excluded_attributes: text("excludedAttributes")?,
            parsed: OnceLock::new(),
        })
    }

    /// The first text that the filter compares with `eq`, for the request log. A client searches for it
    /// before it creates or changes the resource. Inside a value path only an email address counts.
    #[must_use]
    pub fn searched_value(&self) -> Option<String> {
        let filter = self.filter().ok().flatten()?;
        filter.conjunction().into_iter().find_map(|term| match term {
            ScimFilter::Compare(_, Operator::Eq, Value::String(text)) => Some(text.clone()),
            ScimFilter::ValuePath(_, inner) => inner.conjunction().into_iter().find_map(|term| match term {
                ScimFilter::Compare(_, Operator::Eq, Value::String(text)) if text.contains('@') => {
                    Some(text.clone())
                }
                _ => None,
            }),
            _ => None,
        })
    }

    /// Where the page begins, and its length. A `startIndex` below 1 means 1, and a negative `count` means 0.
    /// A cursor, even an empty one, takes precedence over `startIndex`.
    pub fn range(&self) -> Result<(PageStart, i64), Error> {
        let number = |name: &str, text: &Option<String>, default: i64| match text.as_deref().map(str::trim) {
            None | Some("") => Ok(default),
            Some(text) => {
                let invalid = || Error::bad(ScimType::InvalidValue, format!("{name} must be a number."));
                text.parse::<i64>().map_err(|_| invalid())
            }
        };
        let start = number("startIndex", &self.start_index, 1)?.max(1);
        let count = number("count", &self.count, DEFAULT_RESULTS)?.clamp(0, MAX_RESULTS);
        let start = match &self.cursor {
            Some(cursor) => PageStart::parse_cursor(cursor.trim())?,
            None => PageStart::Offset(start - 1),
        };
        Ok((start, count))
    }

    /// The requested order; `None` if there is none.
    pub fn sort(&self) -> Result<Option<Sort>, Error> {
        Sort::parse(self.sort_by.as_deref(), self.sort_order.as_deref())
    }

    fn filter(&self) -> Result<Option<&ScimFilter>, Error> {
        let Some(text) = self.filter.as_deref().map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        if let Some(known) = self.parsed.get() {
            return Ok(Some(known));
        }
        let parsed = ScimFilter::parse(text)?;
        Ok(Some(self.parsed.get_or_init(|| parsed)))
    }

    /// Splits the filter of a list. `condition` returns the condition for an equality that an index answers.
    /// Its arguments are the attribute in lower case, with a sub-attribute if one is named (`emails.value`),
    /// and the value.
    pub fn plan<C>(&self, condition: impl Fn(&str, &Value) -> Option<C>) -> Result<QueryPlan<C>, Error> {
        Ok(plan_conditions(self.filter()?, condition))
    }

    /// Whether the response will contain this attribute.
    #[must_use]
    pub fn shows(&self, name: &str) -> bool {
        let listed = |list: &Option<String>| {
            list.as_deref().is_some_and(|list| {
                split_names(list).any(|n| n.eq_ignore_ascii_case(name) || is_sub_of(n, name))
            })
        };
        if self.attributes.is_some() { listed(&self.attributes) } else { !listed(&self.excluded_attributes) }
    }

    /// Whether the client requested this attribute by name.
    #[must_use]
    pub fn asks_for(&self, name: &str) -> bool {
        self.attributes.is_some() && self.shows(name)
    }

    /// Reduces a resource to the requested attributes; `id` and `schemas` always remain (RFC 7643 §7).
    #[must_use]
    pub fn project<'a>(&self, resource: Resource<'a>) -> Resource<'a> {
        if self.attributes.is_none() && self.excluded_attributes.is_none() {
            return resource;
        }
        self.select_attributes(resource.into_object()).into()
    }

    fn select_attributes(&self, resource: JsonObject) -> JsonObject {
        if let Some(wanted) = &self.attributes {
            let mut kept = JsonObject::new();
            for name in ["schemas", "id"] {
                kept.insert(name.into(), resource.get(name).cloned().unwrap_or_default());
            }
            for name in split_names(wanted) {
                copy_attribute(&resource, &mut kept, name);
            }
            return kept;
        }
        let mut kept = resource;
        for name in self.excluded_attributes.iter().flat_map(|list| split_names(list)) {
            remove_attribute(&mut kept, name);
        }
        kept
    }
}

fn split_names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}

fn is_sub_of(path: &str, name: &str) -> bool {
    path.split_once('.').is_some_and(|(attribute, _)| attribute.eq_ignore_ascii_case(name))
}

fn copy_attribute(from: &JsonObject, to: &mut JsonObject, name: &str) {
    if attributes::RESOURCE_SCHEMAS.iter().any(|urn| urn.eq_ignore_ascii_case(name)) {
        if let Some(value) = json::get(from, name) {
            to.insert(name.to_owned(), value.clone());
        }
        return;
    }
    let Some(path) = AttributePath::parse(name) else { return };
    let (Some(holder), extension) = (path.parent_object(from), path.extension) else { return };
    let Some((key, value)) =
        json::key_of(holder, &path.attribute).and_then(|k| holder.get(&k).map(|v| (k, v)))
    else {
        return;
    };
    let value = match &path.sub_attribute {
        None => value.clone(),
        Some(sub) => select_sub_attribute(value, sub),
    };
    let target = match extension {
        None => to,
        Some(urn) => match to.entry(urn).or_insert_with(|| json!({})).as_object_mut() {
            Some(target) => target,
            None => return,
        },
    };
    match (target.get_mut(&key), value) {
        (Some(Value::Object(present)), Value::Object(more)) => present.extend(more),
        (_, value) => drop(target.insert(key, value)),
    }
}

fn select_sub_attribute(value: &Value, sub: &str) -> Value {
    match value {
        Value::Array(list) => {
            Value::Array(list.iter().map(|element| select_sub_attribute(element, sub)).collect())
        }
        Value::Object(object) => {
            let found = json::key_of(object, sub).and_then(|key| object.get(&key).map(|v| (key, v.clone())));
            Value::Object(found.into_iter().collect())
        }
        other => other.clone(),
    }
}

fn remove_attribute(resource: &mut JsonObject, name: &str) {
    let Some(path) = AttributePath::parse(name) else {
        resource.retain(|key, _| !key.eq_ignore_ascii_case(name));
        return;
    };
    if path.extension.is_none() && ["id", "schemas"].iter().any(|n| path.attribute.eq_ignore_ascii_case(n)) {
        return;
    }
    let holder = match path.extension {
        None => Some(resource),
        Some(urn) => resource.get_mut(urn).and_then(Value::as_object_mut),
    };
    let Some(holder) = holder else { return };
    let Some(key) = json::key_of(holder, &path.attribute) else { return };
    match (&path.sub_attribute, holder.get_mut(&key)) {
        (Some(sub), Some(Value::Object(object))) => object.retain(|k, _| !k.eq_ignore_ascii_case(sub)),
        (Some(sub), Some(Value::Array(list))) => {
            for object in list.iter_mut().filter_map(Value::as_object_mut) {
                object.retain(|k, _| !k.eq_ignore_ascii_case(sub));
            }
        }
        _ => drop(holder.remove(&key)),
    }
}

/// Turns the equalities of a conjunction into conditions. The rest is evaluated on each candidate.
fn plan_conditions<C>(
    filter: Option<&ScimFilter>,
    condition: impl Fn(&str, &Value) -> Option<C>,
) -> QueryPlan<C> {
    let Some(filter) = filter else { return QueryPlan { conditions: Vec::new(), residual: None } };
    let mut conditions = Vec::new();
    let mut complete = true;
    for term in filter.conjunction() {
        let found = match term {
            // In `emails[type eq "work" and value eq "x"]` the index answers the value; the rest is evaluated
            // on what it finds.
            ScimFilter::ValuePath(path, inner) => {
                complete = false;
                let name = format!("{}.value", path.attribute).to_ascii_lowercase();
                let by_value = inner.conjunction().into_iter().find_map(|term| match term {
                    ScimFilter::Compare(sub, Operator::Eq, value)
                        if sub.attribute.eq_ignore_ascii_case("value") =>
                    {
                        condition(&name, value)
                    }
                    _ => None,
                });
                conditions.extend(by_value);
                continue;
            }
            ScimFilter::Compare(path, Operator::Eq, value) if path.extension.is_none() => {
                let name = match &path.sub_attribute {
                    None => path.attribute.to_ascii_lowercase(),
                    Some(sub) => format!("{}.{sub}", path.attribute).to_ascii_lowercase(),
                };
                condition(&name, value)
            }
            _ => None,
        };
        match found {
            Some(condition) => conditions.push(condition),
            None => complete = false,
        }
    }
    QueryPlan { conditions, residual: (!complete).then(|| filter.clone()) }
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
