//! Limits on a single request. `/ServiceProviderConfig` announces those on bulk requests, bodies and pages.

/// The limit on operations in a bulk request (RFC 7644 §3.7.4).
pub const MAX_BULK_OPERATIONS: usize = 1000;
/// The limit on bytes in a request body (RFC 7644 §3.7.4).
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;
/// The limit on resources on a page.
pub const MAX_RESULTS: i64 = 200;
/// The number of resources on a page if the client does not state one.
pub const DEFAULT_RESULTS: i64 = 100;
/// The limit on resources that are examined for a filter without an index.
pub const MAX_SCAN: i64 = 1000;
/// The limit on operations in a PATCH.
pub(crate) const MAX_PATCH_OPERATIONS: usize = 1000;
