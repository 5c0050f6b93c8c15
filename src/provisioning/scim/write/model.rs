//! The types of a write and its outcome.

use axum::http::StatusCode;
use vestibule_scim::json::JsonObject;
use vestibule_scim::operation::{ResourceKind, ScimOperation};
use vestibule_scim::query::ScimQuery;
use vestibule_scim::resource::etag;

use crate::audit::Context;
use crate::kernel::Kernel;
use crate::provisioning::scim::error::Error;
use crate::provisioning::scim::model::{Provisioner, base_url};
use crate::provisioning::scim::trace::Trace;

/// A write in progress, with the trace recorded so far.
pub(crate) struct ScimWrite<'a> {
    pub(super) kernel: &'a Kernel,
    pub(super) client: &'a Provisioner,
    pub(super) context: &'a Context,
    pub(super) operation: &'a ScimOperation,
    /// The attributes of the outcome that the client requested.
    pub(super) query: &'a ScimQuery,
    pub(super) trace: Trace,
}

/// A completed write, for the response and the request log.
pub(crate) struct FinishedWrite {
    pub(crate) trace: Trace,
    pub(crate) result: Result<WriteOutcome, Error>,
}

/// The outcome of a successful operation.
pub(crate) struct WriteOutcome {
    pub(crate) status: StatusCode,
    /// The resource's id.
    pub(crate) id: String,
    /// The resource's version; `None` after a deletion.
    pub(crate) version: Option<i64>,
    /// The SCIM resource, if the response contains it.
    pub(crate) resource: Option<JsonObject>,
    /// Whether this is a removal that the deletion guard counts.
    pub(crate) is_removal: bool,
    /// Whether it changes how a user with a role is reached or signs in, which an administrator has to approve.
    pub(crate) needs_approval: bool,
}

impl<'a> ScimWrite<'a> {
    pub(crate) fn new(
        kernel: &'a Kernel,
        client: &'a Provisioner,
        context: &'a Context,
        operation: &'a ScimOperation,
        query: &'a ScimQuery,
    ) -> Self {
        Self { kernel, client, context, operation, query, trace: Trace::of_operation(operation) }
    }
}

impl FinishedWrite {
    /// An operation that was refused before it was executed.
    pub(crate) fn refused(error: Error) -> Self {
        Self { trace: Trace::default(), result: Err(error) }
    }
}

impl WriteOutcome {
    /// The URL of the resource.
    pub(crate) fn location(&self, kernel: &Kernel, kind: ResourceKind) -> String {
        format!("{}{}/{}", base_url(kernel), kind.collection_path(), self.id)
    }

    /// The entity tag of the resource.
    pub(crate) fn etag(&self) -> Option<String> {
        self.version.map(etag)
    }
}

/// Checks `If-Match` (RFC 7644 §3.14): the client must have seen the current version.
pub(super) fn check_version(wanted: Option<&str>, version: i64) -> Result<(), Error> {
    let Some(wanted) = wanted else { return Ok(()) };
    let present = etag(version);
    let strong = present.trim_start_matches("W/");
    if wanted.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == strong) {
        return Ok(());
    }
    let detail = format!("The resource has changed. Its current version is {present}.");
    Err(Error::plain(StatusCode::PRECONDITION_FAILED, detail))
}
