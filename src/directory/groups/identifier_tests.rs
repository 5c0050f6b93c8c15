use super::identifier_of;

#[test]
fn identifiers_follow_the_documented_rule() {
    assert_eq!(identifier_of("Harness.Group?Next#Gen-First"), "Harness_GroupNextGen_First");
    assert_eq!(identifier_of("123#One.$Two.$Three.123"), "One_$Two_$Three_123");
    assert_eq!(identifier_of("Sales & Marketing"), "SalesMarketing");
    assert_eq!(identifier_of("$1$"), "");
}
