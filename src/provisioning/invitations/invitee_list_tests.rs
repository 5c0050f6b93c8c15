use super::*;

fn emails(text: &str) -> Vec<String> {
    parse_invitees(text).into_iter().map(|person| person.email).collect()
}

#[test]
fn however_it_was_pasted() {
    let wanted = ["a@x.example", "b@x.example", "c@x.example"];
    for text in [
        "a@x.example\nb@x.example\r\nc@x.example\n",
        "a@x.example, b@x.example;c@x.example",
        "a@x.example b@x.example\tc@x.example",
        "email\na@x.example\nb@x.example\n\nc@x.example",
        "\u{feff}First name,E-mail,Email\nAda,-,a@x.example\nBob,-,b@x.example\nCid,-,c@x.example",
    ] {
        assert_eq!(emails(text), wanted, "{text:?}");
    }
}

#[test]
fn names_come_along() {
    let all = parse_invitees("Ada Lovelace <ada@x.example>, \"Bob\" <bob@x.example>");
    assert_eq!(
        (all[0].given_name.as_deref(), all[0].family_name.as_deref()),
        (Some("Ada"), Some("Lovelace"))
    );
    assert_eq!((all[1].email.as_str(), all[1].given_name.as_deref()), ("bob@x.example", Some("Bob")));
    let all = parse_invitees("family_name,given_name,email\n\"Lovelace, Countess\",Ada,ada@x.example");
    assert_eq!(all[0].family_name.as_deref(), Some("Lovelace, Countess"));
}

#[test]
fn what_is_no_address_is_kept_to_be_refused() {
    assert_eq!(emails("nonsense, a@x.example"), ["nonsense", "a@x.example"]);
    assert!(parse_invitees("").is_empty() && parse_invitees(" \n ,;").is_empty());
}
