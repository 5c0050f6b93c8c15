use super::*;

fn all(format: ImportFormat, text: &str) -> Vec<Result<ImportedUser, String>> {
    let mut rows = ImportRows::open(format, text.as_bytes()).expect("opens");
    std::iter::from_fn(|| rows.next().expect("reads")).map(|row| row.user).collect()
}

#[test]
fn csv_rows_are_people() {
    let text = "user_name,email,given_name,active,groups\nada, ada@acme.example ,Ada,,Staff;Makers\n\
                bob@acme.example,,\"Bob, the Builder\",no,\n";
    let people = all(ImportFormat::Csv, text);
    let ada = people[0].as_ref().expect("a person");
    assert_eq!(
        (ada.profile.user_name.as_str(), ada.profile.email.as_deref()),
        ("ada", Some("ada@acme.example"))
    );
    assert_eq!(
        (ada.groups.as_slice(), ada.profile.active),
        (["Staff".to_owned(), "Makers".to_owned()].as_slice(), true)
    );
    let bob = people[1].as_ref().expect("a person");
    assert_eq!(bob.profile.email.as_deref(), Some("bob@acme.example"), "a name that is an address");
    assert_eq!((bob.profile.given_name.as_deref(), bob.profile.active), (Some("Bob, the Builder"), false));
}

#[test]
fn json_lines_are_people_and_a_bad_line_is_refused_by_itself() {
    let text = "{\"email\": \"ada@acme.example\", \"groups\": [\"Staff\"]}\n\n{\"email\": 1}\nnot json\n\
                {\"emial\": \"x@y.example\"}\n{\"email\": \"bob@acme.example\", \"active\": false}";
    let people = all(ImportFormat::JsonLines, text);
    assert_eq!(people.len(), 5, "empty lines are none");
    assert!(people[0].is_ok() && people[4].is_ok());
    assert!(people[3].as_ref().expect_err("a typo").contains("emial"), "the typo is named");
}

#[test]
fn a_hash_that_cannot_be_checked_is_refused() {
    let text =
        "email,password_hash\nada@acme.example,{MD5}rL0Y20zC+Fzt72VPzMSk2A==\nbob@acme.example,plain\n";
    for person in all(ImportFormat::Csv, text) {
        assert!(person.expect_err("refused").starts_with("password_hash: "));
    }
}

#[test]
fn a_strange_header_stops_at_once() {
    let error = ImportRows::open(ImportFormat::Csv, "mail,name\n".as_bytes()).err().expect("refused");
    assert!(error.contains("mail, name") && error.contains("user_name"), "{error}");
}
