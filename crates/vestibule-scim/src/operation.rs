//! A change that a client asks for, apart from how it came: as a request of its own, in a bulk request, or out of
//! those that waited for an administrator.

use serde::{Deserialize, Serialize};

use crate::json::{self, JsonObject};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    /// Makes a resource.
    Post,
    /// Replaces one.
    Put,
    /// Changes a part of one.
    Patch,
    /// Removes one.
    Delete,
}

impl Verb {
    /// The method of HTTP.
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

/// What it is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResourceKind {
    /// RFC 7643 §4.1.
    User,
    /// RFC 7643 §4.2.
    Group,
}

impl ResourceKind {
    /// The path of all of them.
    #[must_use]
    pub const fn collection_path(self) -> &'static str {
        match self {
            Self::User => "/Users",
            Self::Group => "/Groups",
        }
    }
}

/// One operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScimOperation {
    /// What is to be done.
    pub verb: Verb,
    /// To which kind of resource.
    pub kind: ResourceKind,
    /// The resource's id, or in a bulk request a reference to the operation that makes it; empty for POST.
    pub id: String,
    /// What others of a bulk request call the resource that a POST makes.
    pub bulk_id: Option<String>,
    /// The version the client saw (RFC 7644 §3.14).
    pub version: Option<String>,
    /// The body.
    pub data: JsonObject,
}

impl ScimOperation {
    /// The path it goes to.
    #[must_use]
    pub fn path(&self) -> String {
        match self.verb {
            Verb::Post => self.kind.collection_path().to_owned(),
            _ => format!("{}/{}", self.kind.collection_path(), self.id),
        }
    }

    /// The name of what it is about, as far as the body says.
    #[must_use]
    pub fn resource_name(&self) -> String {
        let attribute = match self.kind {
            ResourceKind::User => "userName",
            ResourceKind::Group => "displayName",
        };
        json::text(&self.data, attribute).unwrap_or_default()
    }
}
