use super::mask;

#[test]
fn tokens_never_reach_the_log() {
    assert_eq!(mask("GET /x?token=vst_setup_abcDEF-_12 done"), "GET /x?token=vst_setup_*** done");
    assert_eq!(mask("Authorization: Bearer eyJ.a.b, next"), "Authorization: Bearer ***, next");
    assert_eq!(mask("two vst_api_a and vst_scim_b"), "two vst_api_*** and vst_scim_***");
    assert_eq!(mask("nothing här"), "nothing här");
    assert_eq!(mask("vst_"), "vst_");
}
