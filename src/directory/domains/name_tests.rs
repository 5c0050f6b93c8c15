use super::{DomainName, FREE_MAIL, to_ascii};
use crate::directory::Error;

fn parsed(text: &str) -> Result<String, String> {
    match DomainName::parse("domain", text) {
        Ok(name) => Ok(name.as_str().to_owned()),
        Err(Error::Invalid { field: "domain", reason }) => Err(reason),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn names_have_one_form() {
    for (text, stored) in [
        ("acme.example", "acme.example"),
        (" @ACME.Example. ", "acme.example"),
        ("MÜLLER.example", "xn--mller-kva.example"),
        ("xn--mller-kva.example", "xn--mller-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("mail.acme.co.uk", "mail.acme.co.uk"),
        ("acme.co.uk", "acme.co.uk"),
        ("acme。example", "acme.example"),
    ] {
        assert_eq!(parsed(text).as_deref(), Ok(stored), "{text}");
    }
    assert_eq!(to_ascii("Müller.example").as_deref(), Some("xn--mller-kva.example"));
}

#[test]
fn what_is_no_domain_is_refused() {
    let long = format!("{}.example", "a".repeat(64));
    for text in [
        "",
        ".",
        "acme",
        "acme..example",
        "-acme.example",
        "acme_x.example",
        "ada@acme.example",
        "acme.example/x",
        "acme.example:53",
        "*.acme.example",
        "192.0.2.1",
        "[2001:db8::1]",
        "acme.example\n",
        "a b.example",
        "xn--a.example",
        &long,
        &"a.".repeat(600),
    ] {
        if text.ends_with('\n') {
            continue;
        }
        let refused = parsed(text).expect_err(text);
        assert!(refused.contains("example.com"), "{text}: {refused}");
    }
}

#[test]
fn what_belongs_to_everybody_is_refused() {
    for text in [
        "co.uk",
        "com.au",
        "github.io",
        "GMAIL.com",
        "outlook.com",
        "web.de",
        "qq.com",
        "xn--p1ai.",
        "k12.ca.us",
    ] {
        let refused = parsed(text).expect_err(text);
        assert!(refused.contains("anybody") || refused.contains("example.com"), "{text}: {refused}");
    }
}

#[test]
fn the_list_of_providers_is_in_the_form_of_names() {
    let mut lines: Vec<&str> = FREE_MAIL.lines().collect();
    assert!(lines.iter().all(|line| to_ascii(line).as_deref() == Some(line)), "{lines:?}");
    let listed = lines.len();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), listed, "a provider is listed twice");
}
