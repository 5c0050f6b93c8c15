use axum::http::StatusCode;

use super::internal_error;
use crate::directory;
use crate::kernel::vault;
use crate::signin::SignInError;

#[test]
fn what_passes_by_itself_is_unavailable_however_deep_it_lies() {
    let busy = || sqlx::Error::PoolTimedOut;
    let refusals = [
        internal_error(busy()),
        internal_error(directory::Error::Database(busy())),
        internal_error(vault::Error::Database(busy())),
        internal_error(SignInError::Database(busy())),
        internal_error(SignInError::Directory(directory::Error::Database(busy()))),
    ];
    for (at, refusal) in refusals.iter().enumerate() {
        assert_eq!(refusal.status, StatusCode::SERVICE_UNAVAILABLE, "number {at}");
    }
    let lasting = internal_error(directory::Error::Database(sqlx::Error::RowNotFound));
    assert_eq!(lasting.status, StatusCode::INTERNAL_SERVER_ERROR);
}
