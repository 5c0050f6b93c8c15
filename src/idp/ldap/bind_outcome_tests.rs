use super::*;

fn outcome(rc: u32, text: &str, controls: &[(&str, Option<&[u8]>)]) -> BindOutcome {
    let control = |(oid, value): &(&str, Option<&[u8]>)| {
        let val = value.map(<[u8]>::to_vec);
        Control(None, RawControl { ctype: (*oid).to_owned(), crit: false, val })
    };
    let ctrls = controls.iter().map(control).collect();
    let answer = LdapResult { rc, matched: String::new(), text: text.to_owned(), refs: Vec::new(), ctrls };
    from_result(&answer).expect("an outcome")
}

const MUST_CHANGE: BindOutcome = BindOutcome::AccountRestricted(DirectoryAccountState::MustChangePassword);
const EXPIRED: BindOutcome = BindOutcome::AccountRestricted(DirectoryAccountState::PasswordExpired);

#[test]
fn a_password_that_must_be_changed_is_no_sign_in() {
    // As 389 Directory Server answers after a reset, and OpenLDAP with `pwdReset: TRUE`.
    assert_eq!(outcome(0, "", &[(NETSCAPE_EXPIRED, Some(b"0"))]), MUST_CHANGE);
    assert_eq!(outcome(0, "", &[(PASSWORD_POLICY, Some(b"\x30\x03\x81\x01\x02"))]), MUST_CHANGE);
    let both = [(PASSWORD_POLICY, Some(&b"\x30\x00"[..])), (NETSCAPE_EXPIRED, Some(&b"0"[..]))];
    assert_eq!(outcome(0, "", &both), MUST_CHANGE);
    // With a warning before the error: 3,600 seconds are left.
    let warned = b"\x30\x09\xa0\x04\x80\x02\x0e\x10\x81\x01\x02";
    assert_eq!(outcome(0, "", &[(PASSWORD_POLICY, Some(warned))]), MUST_CHANGE);
}

#[test]
fn an_expired_password_is_told_from_a_wrong_one() {
    assert_eq!(outcome(49, "", &[(PASSWORD_POLICY, Some(b"\x30\x03\x81\x01\x00"))]), EXPIRED);
    assert_eq!(outcome(49, "password expired!", &[(NETSCAPE_EXPIRED, Some(b"0"))]), EXPIRED);
    // Locked: said for any password.
    let locked = outcome(49, "", &[(PASSWORD_POLICY, Some(b"\x30\x03\x81\x01\x01"))]);
    assert_eq!(locked, BindOutcome::InvalidCredentials);
    assert_eq!(outcome(49, "", &[]), BindOutcome::InvalidCredentials);
    let of_windows =
        "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 773, v3839";
    assert_eq!(outcome(49, of_windows, &[]), MUST_CHANGE);
}

#[test]
fn a_control_without_an_error_changes_nothing() {
    for value in [
        None,
        Some(&b""[..]),
        Some(&b"\x30\x00"[..]),
        // Grace logins are left, or the password expires soon.
        Some(&b"\x30\x05\xa0\x03\x81\x01\x03"[..]),
        // Truncated, and lengths that do not fit.
        Some(&b"\x30\x03\x81"[..]),
        Some(&b"\x30\x03\x81\x05\x02"[..]),
        Some(&b"\x30\x04\x81\x02\x00\x02"[..]),
        Some(&b"\x30\xff\x81\x01\x02"[..]),
    ] {
        assert_eq!(outcome(0, "", &[(PASSWORD_POLICY, value)]), BindOutcome::Success, "{value:?}");
    }
}
