//! How much is done for one request. `/ServiceProviderConfig` announces these numbers.

/// Operations in one bulk request at most (RFC 7644 §3.7.4).
pub const MAX_BULK_OPERATIONS: usize = 1000;
/// Bytes of one request body at most (RFC 7644 §3.7.4).
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;
/// Resources on a page at most.
pub const MAX_RESULTS: i64 = 200;
/// Resources on a page when the client does not say how many it wants.
pub const DEFAULT_RESULTS: i64 = 100;
/// Resources that a filter without an index looks through at most.
pub const MAX_SCAN: i64 = 1000;
/// Operations in one PATCH at most.
pub(crate) const MAX_PATCH_OPERATIONS: usize = 1000;
