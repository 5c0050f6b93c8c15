use super::{is_temporary, is_temporary_code};

#[test]
fn what_passes_is_told_from_what_stays() {
    assert!(is_temporary(&sqlx::Error::PoolTimedOut));
    assert!(is_temporary(&sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into())));
    let full = std::io::Error::other("the commit failed; nothing was changed");
    assert!(!is_temporary(&sqlx::Error::Io(full)), "a full disk does not pass by itself");
    for error in [sqlx::Error::RowNotFound, sqlx::Error::PoolClosed, sqlx::Error::ColumnNotFound("id".into())]
    {
        assert!(!is_temporary(&error), "{error}");
    }
}

#[test]
fn codes_of_postgresql_that_pass() {
    for code in ["08006", "53300", "57P01", "57P03", "40001", "40P01", "55P03"] {
        assert!(is_temporary_code(code), "{code}");
    }
    // A statement that was canceled, a full disk, a database that was dropped, a violated constraint, a syntax error.
    for code in ["57014", "53100", "57P04", "23505", "42601", "22021"] {
        assert!(!is_temporary_code(code), "{code}");
    }
}
