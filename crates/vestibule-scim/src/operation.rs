//! A write operation of a client, no matter how it arrived: as a request of its own, in a bulk request, or as
//! a pending change.

use serde::{Deserialize, Serialize};

use crate::json::{self, JsonObject};

/// The method of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    /// Creates a resource.
    Post,
    /// Replaces a resource.
    Put,
    /// Changes part of a resource.
    Patch,
    /// Deletes a resource.
    Delete,
}

impl Verb {
    /// The HTTP method.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// The type of the resource that an operation concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResourceKind {
    /// A user (RFC 7643 §4.1).
    User,
    /// A group (RFC 7643 §4.2).
    Group,
}

impl ResourceKind {
    /// The path of the collection.
    #[must_use]
    pub const fn collection_path(self) -> &'static str {
        match self {
            Self::User => "/Users",
            Self::Group => "/Groups",
        }
    }
}

/// One write operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScimOperation {
    /// The method.
    pub verb: Verb,
    /// The type of the resource.
    pub kind: ResourceKind,
    /// The resource's id, or in a bulk request a reference to the operation that creates it; empty for POST.
    pub id: String,
    /// The name by which other operations of a bulk request refer to the resource that a POST creates.
    pub bulk_id: Option<String>,
    /// The version that the client last read (RFC 7644 §3.14).
    pub version: Option<String>,
    /// The body.
    pub data: JsonObject,
}

impl ScimOperation {
    /// The path of the request.
    #[must_use]
    pub fn path(&self) -> String {
        match self.verb {
            Verb::Post => self.kind.collection_path().to_owned(),
            _ => format!("{}/{}", self.kind.collection_path(), self.id),
        }
    }

    /// The name of the resource; empty if the body does not have it.
    #[must_use]
    pub fn resource_name(&self) -> String {
        let attribute = match self.kind {
            ResourceKind::User => "userName",
            ResourceKind::Group => "displayName",
        };
        json::text(&self.data, attribute).unwrap_or_default()
    }
}
