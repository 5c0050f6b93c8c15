use super::*;

#[test]
fn ids_of_one_moment_keep_their_order() {
    let ids: Vec<String> = (0..10_000).map(|_| new_id(Timestamp(1_700_000_000_000))).collect();
    assert!(ids.is_sorted());
    assert_eq!(ids[0].len(), 36);
    assert_eq!(&ids[0][14..15], "7", "the version of the format");
}
