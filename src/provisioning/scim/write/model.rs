//! A change and what became of it.

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

/// An operation on its way: who asks for what, and what is known of it so far.
pub(crate) struct ScimWrite<'a> {
    pub(super) kernel: &'a Kernel,
    pub(super) client: &'a Provisioner,
    pub(super) context: &'a Context,
    pub(super) operation: &'a ScimOperation,
    /// Which attributes of the outcome the client wants to see.
    pub(super) query: &'a ScimQuery,
    pub(super) trace: Trace,
}

/// An operation at its end, for the answer and for the log.
pub(crate) struct FinishedWrite {
    pub(crate) trace: Trace,
    pub(crate) result: Result<WriteOutcome, Error>,
}

/// What an operation came to.
pub(crate) struct WriteOutcome {
    pub(crate) status: StatusCode,
    /// The resource's id.
    pub(crate) id: String,
    /// Its version; none when it is gone.
    pub(crate) version: Option<i64>,
    /// The resource as it is represented, where the answer has it.
    pub(crate) resource: Option<JsonObject>,
    /// Whether somebody who could sign in for a while cannot any more.
    pub(crate) is_removal: bool,
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
    /// An operation that was refused before it was tried.
    pub(crate) fn refused(error: Error) -> Self {
        Self { trace: Trace::default(), result: Err(error) }
    }
}

impl WriteOutcome {
    /// Where the resource is.
    pub(crate) fn location(&self, kernel: &Kernel, kind: ResourceKind) -> String {
        format!("{}{}/{}", base_url(kernel), kind.collection_path(), self.id)
    }

    /// Its entity tag.
    pub(crate) fn etag(&self) -> Option<String> {
        self.version.map(etag)
    }
}

/// `If-Match` (RFC 7644 §3.14): a client that names the version it saw must have seen the present one.
pub(super) fn check_version(wanted: Option<&str>, version: i64) -> Result<(), Error> {
    let Some(wanted) = wanted else { return Ok(()) };
    let present = etag(version);
    let strong = present.trim_start_matches("W/");
    if wanted.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == strong) {
        return Ok(());
    }
    Err(Error::plain(StatusCode::PRECONDITION_FAILED, format!("The resource changed; it is now {present}.")))
}
