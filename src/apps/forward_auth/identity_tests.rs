use super::{RequestIdentity, encode_header_value};

#[test]
fn a_value_beyond_ascii_is_encoded_and_never_dropped() {
    assert_eq!(encode_header_value("Ada Lovelace"), "Ada Lovelace");
    assert_eq!(encode_header_value("Zoë"), "Zo%C3%AB");
    assert_eq!(encode_header_value("100% a\u{200b}\r\nb"), "100%25 a%E2%80%8B%0D%0Ab");
}

#[test]
fn every_header_is_set_and_the_list_of_groups_ends_at_a_whole_one() {
    let none = RequestIdentity::default().headers();
    assert_eq!(none.len(), 10);
    assert!(none.values().all(axum::http::HeaderValue::is_empty));
    let groups = (0..700).map(|n| format!("group_number_{n}_é,")).collect();
    let headers = RequestIdentity { groups, ..RequestIdentity::default() }.headers();
    let list = headers["x-vestibule-groups"].to_str().expect("ASCII");
    assert!(list.len() <= 3072 && list.len() > 3000, "{}", list.len());
    assert!(list.split(',').all(|group| group.ends_with("_%C3%A9%2C")), "{list}");
    assert_eq!(headers["x-vestibule-groups-truncated"], "true");
}
