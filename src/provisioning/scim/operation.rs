//! A change that a client asks for, apart from how it came: as a request of its own, in a bulk request, or out of
//! those that waited for an administrator.

use serde::{Deserialize, Serialize};

use super::json::{self, JsonObject};
use crate::kernel::text_enum::text_enum;

text_enum! {
    /// What is to be done.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "UPPERCASE")]
    pub(super) enum Verb {
        Post = "POST",
        Put = "PUT",
        Patch = "PATCH",
        Delete = "DELETE",
    }
}

/// What it is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ResourceKind {
    User,
    Group,
}

impl ResourceKind {
    /// The path of all of them.
    pub(super) const fn collection_path(self) -> &'static str {
        match self {
            Self::User => "/Users",
            Self::Group => "/Groups",
        }
    }
}

/// One operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ScimOperation {
    pub(super) verb: Verb,
    pub(super) kind: ResourceKind,
    /// The resource's id, or in a bulk request a reference to the operation that makes it; empty for POST.
    pub(super) id: String,
    /// What others of a bulk request call the resource that a POST makes.
    pub(super) bulk_id: Option<String>,
    /// The version the client saw (RFC 7644 §3.14).
    pub(super) version: Option<String>,
    /// The body.
    pub(super) data: JsonObject,
}

impl ScimOperation {
    /// The path it goes to.
    pub(super) fn path(&self) -> String {
        match self.verb {
            Verb::Post => self.kind.collection_path().to_owned(),
            _ => format!("{}/{}", self.kind.collection_path(), self.id),
        }
    }

    /// The name of what it is about, as far as the body says.
    pub(super) fn resource_name(&self) -> String {
        let attribute = match self.kind {
            ResourceKind::User => "userName",
            ResourceKind::Group => "displayName",
        };
        json::text(&self.data, attribute).unwrap_or_default()
    }
}
