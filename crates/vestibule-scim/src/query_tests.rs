use super::*;

fn query(parameters: Value) -> ScimQuery {
    ScimQuery::from_body(parameters.as_object().expect("object")).expect("a query")
}

#[test]
fn a_page_begins_and_ends_where_the_rfc_says() {
    for (parameters, expected) in [
        (json!({}), (PageStart::Offset(0), DEFAULT_RESULTS)),
        (json!({"startIndex": 11, "count": 5}), (PageStart::Offset(10), 5)),
        (json!({"startIndex": -3, "count": -1}), (PageStart::Offset(0), 0)),
        (json!({"startIndex": "", "count": 100_000}), (PageStart::Offset(0), MAX_RESULTS)),
        (json!({"cursor": "", "startIndex": 7}), (PageStart::Beginning, DEFAULT_RESULTS)),
    ] {
        assert_eq!(query(parameters.clone()).range(), Ok(expected), "{parameters}");
    }
    assert!(query(json!({"count": "many"})).range().is_err());
}

#[test]
fn what_an_index_answers_is_split_off() {
    let plan = |filter: &str| {
        let plan = query(json!({"filter": filter})).plan(|attribute, value| {
            ["username", "emails.value"].contains(&attribute).then(|| format!("{attribute}={value}"))
        });
        let plan = plan.expect("a filter");
        (plan.conditions, plan.residual.is_some())
    };
    for (filter, conditions, is_left) in [
        ("userName eq \"bob\"", vec!["username=\"bob\""], false),
        ("userName eq \"bob\" and title pr", vec!["username=\"bob\""], true),
        ("emails[type eq \"work\" and value eq \"b@x\"]", vec!["emails.value=\"b@x\""], true),
        ("userName sw \"bob\"", vec![], true),
        ("userName eq \"a\" or userName eq \"b\"", vec![], true),
        ("", vec![], false),
    ] {
        assert_eq!(plan(filter), (conditions.into_iter().map(str::to_owned).collect(), is_left), "{filter}");
    }
}

#[test]
fn a_resource_is_cut_to_what_was_asked_for() {
    let resource = json!({
        "schemas": ["s"], "id": "1", "userName": "bob", "name": {"givenName": "B", "familyName": "C"},
        "emails": [{"value": "a", "type": "work"}], attributes::ENTERPRISE: {"department": "d", "division": "e"},
    });
    for (parameters, expected) in [
        (json!({"attributes": ["USERNAME"]}), json!({"schemas": ["s"], "id": "1", "userName": "bob"})),
        (
            json!({"attributes": "name.givenName,emails.value"}),
            json!({"schemas": ["s"], "id": "1", "name": {"givenName": "B"}, "emails": [{"value": "a"}]}),
        ),
        (
            json!({"attributes": format!("{}:department", attributes::ENTERPRISE)}),
            json!({"schemas": ["s"], "id": "1", attributes::ENTERPRISE: {"department": "d"}}),
        ),
        (
            json!({"excludedAttributes": format!("id,emails,name.familyName,{}", attributes::ENTERPRISE)}),
            json!({"schemas": ["s"], "id": "1", "userName": "bob", "name": {"givenName": "B"}}),
        ),
    ] {
        let kept = query(parameters.clone()).project(resource.as_object().expect("object").clone().into());
        assert_eq!(Value::Object(kept.into_object()), expected, "{parameters}");
    }
}

#[test]
fn what_a_client_looks_for_is_the_value_it_compares_with() {
    for (filter, expected) in [
        ("userName eq \"bob\"", Some("bob")),
        ("active eq true and userName eq \"bob\"", Some("bob")),
        ("emails[type eq \"work\" and value eq \"b@x\"]", Some("b@x")),
        ("title pr", None),
        ("nonsense", None),
    ] {
        assert_eq!(query(json!({"filter": filter})).searched_value().as_deref(), expected, "{filter}");
    }
}

#[test]
fn an_attribute_is_shown_when_it_is_listed_or_nothing_is() {
    for (parameters, shown, asked_for) in [
        (json!({}), true, false),
        (json!({"attributes": "groups.value"}), true, true),
        (json!({"attributes": "userName"}), false, false),
        (json!({"excludedAttributes": "GROUPS"}), false, false),
    ] {
        let query = query(parameters.clone());
        assert_eq!((query.shows("groups"), query.asks_for("groups")), (shown, asked_for), "{parameters}");
    }
}
