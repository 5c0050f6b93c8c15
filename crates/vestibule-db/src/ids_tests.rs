use super::*;

#[test]
fn ids_of_one_moment_keep_their_order() {
    let ids: Vec<String> = (0..10_000).map(|_| new_id(Timestamp(1_700_000_000_000))).collect();
    assert!(ids.is_sorted());
    assert_eq!(ids[0].len(), 36);
    assert_eq!(&ids[0][14..15], "7", "the version of the format");
}

#[test]
fn no_two_ids_have_the_same_random_part() {
    let parts: std::collections::HashSet<String> =
        (0..10_000).map(|_| new_id(Timestamp(1_700_000_000_000))[19..].to_owned()).collect();
    assert_eq!(parts.len(), 10_000);
}
