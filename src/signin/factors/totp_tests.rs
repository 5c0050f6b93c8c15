use super::{provisioning, step_of};
use crate::kernel::Timestamp;

/// The seed and the SHA-1 rows of RFC 6238, appendix B, truncated to six digits.
const SEED: &[u8] = b"12345678901234567890";
const ROWS: [(i64, &str); 5] = [
    (59, "287082"),
    (1_111_111_109, "081804"),
    (1_111_111_111, "050471"),
    (1_234_567_890, "005924"),
    (2_000_000_000, "279037"),
];

#[test]
fn the_vectors_of_the_rfc_hold() {
    for (seconds, code) in ROWS {
        assert_eq!(step_of(SEED, code, Timestamp(seconds * 1000)), Some(seconds / 30), "{code}");
    }
}

#[test]
fn one_step_either_way_is_taken_and_no_more() {
    let (seconds, code) = ROWS[3];
    let step = seconds / 30;
    for (offset, taken) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
        let found = step_of(SEED, code, Timestamp((step + offset) * 30_000));
        assert_eq!(found, taken.then_some(step), "{offset} steps away");
    }
}

#[test]
fn codes_are_read_as_people_type_them() {
    let now = Timestamp(59_000);
    assert!(step_of(SEED, " 287 082\n", now).is_some());
    for garbage in
        ["", "28708", "2870822", "287O82", "２８７０８２", "-87082", "+287082", "287.082", "\0", "é"]
    {
        assert_eq!(step_of(SEED, garbage, now), None, "{garbage:?}");
    }
}

#[test]
fn a_card_says_the_same_three_times() {
    let card = provisioning(SEED, "Acme: Sales & Co", "ada@acme.example").expect("a card");
    assert!(card.uri.starts_with("otpauth://totp/Acme"), "{}", card.uri);
    assert!(card.uri.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), "{}", card.uri);
    assert_eq!(card.typed.replace(' ', ""), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert!(card.svg.starts_with("<svg") && card.svg.trim_end().ends_with("</svg>"));
}
