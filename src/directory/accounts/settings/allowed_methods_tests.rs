use super::*;

fn rule(
    domain: Option<&str>,
    group: Option<&str>,
    methods: [bool; 2],
    connections: Option<&[&str]>,
) -> SignInRule {
    let [password, passkey] = methods;
    SignInRule {
        domain: domain.map(str::to_owned),
        group: group.map(str::to_owned),
        password,
        passkey,
        connections: connections.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect()),
    }
}

fn allowed(rules: &[SignInRule], domain: &str, groups: &[&str]) -> AllowedMethods {
    let settings =
        AuthenticationSettings { sign_in_rules: rules.to_vec(), ..AuthenticationSettings::default() };
    let groups: Vec<String> = groups.iter().map(|id| (*id).to_owned()).collect();
    settings.allowed_methods(domain, &groups)
}

#[test]
fn the_most_specific_rule_counts() {
    let rules = [
        rule(None, None, [true, false], None),
        rule(Some("acme.example"), None, [false, false], Some(&["okta"])),
        rule(None, Some("staff"), [false, true], Some(&["okta", "entra"])),
        rule(None, Some("guests"), [true, true], Some(&["okta", "google"])),
    ];
    let of = |domain: &str, groups: &[&str]| {
        let found = allowed(&rules, domain, groups);
        let connections = ["okta", "entra", "google"].map(|id| found.permits_connection(id));
        (found.password, found.passkey, connections)
    };
    assert_eq!(of("other.example", &[]), (true, false, [true; 3]), "everyone");
    assert_eq!(of("", &["none of these"]), (true, false, [true; 3]), "no address");
    assert_eq!(of("acme.example", &[]), (false, false, [true, false, false]), "the domain");
    assert_eq!(of("acme.example", &["guests"]), (true, true, [true, false, true]), "a group before a domain");
    let both = of("acme.example", &["guests", "staff"]);
    assert_eq!(both, (false, true, [true, false, false]), "what all groups allow");
    let free = allowed(&[], "acme.example", &["staff"]);
    assert!(free.password && free.passkey && free.permits_connection("okta"), "no rule");
}

#[test]
fn a_connection_is_offered_to_everyone_who_may_use_it() {
    let offered = |rules: &[SignInRule], domain: &str| {
        let settings =
            AuthenticationSettings { sign_in_rules: rules.to_vec(), ..AuthenticationSettings::default() };
        ["okta", "entra", "google"].map(|id| settings.may_permit_connection(domain, id))
    };
    let everyone = rule(None, None, [true, true], Some(&["google"]));
    let domain = rule(Some("acme.example"), None, [false, false], Some(&["okta"]));
    let group = rule(None, Some("staff"), [false, true], Some(&["entra"]));
    assert_eq!(offered(&[], "acme.example"), [true; 3], "no rule");
    let public = [everyone.clone(), domain.clone()];
    assert_eq!(offered(&public, "acme.example"), [true, false, false], "the domain before everyone");
    assert_eq!(offered(&public, "other.example"), [false, false, true], "everyone");
    let with_group = [everyone, domain, group];
    assert_eq!(offered(&with_group, "acme.example"), [true, true, false], "a member of the group");
    assert_eq!(offered(&with_group, "other.example"), [false, true, true]);
    let free = [rule(None, Some("staff"), [true, true], None), rule(None, None, [true, true], Some(&[]))];
    assert_eq!(offered(&free, "acme.example"), [true; 3], "a group that may use all");
}
