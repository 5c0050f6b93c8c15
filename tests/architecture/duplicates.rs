//! A type's name stands for one thing in the whole house.

use std::collections::BTreeMap;

use super::definitions::{Kind, definitions};
use super::source::{self, Source, assert_none};

/// What every module may have one of, read with the module's name in front.
const OF_A_MODULE: [&str; 4] = ["Error", "State", "Row", "Builder"];

fn duplicates(sources: &[Source]) -> Vec<String> {
    let mut places: BTreeMap<(String, Option<String>), Vec<String>> = BTreeMap::new();
    for definition in sources.iter().flat_map(definitions) {
        if matches!(definition.kind, Kind::Type | Kind::Trait) {
            let of_a_module = OF_A_MODULE.contains(&definition.name.as_str());
            let file = of_a_module.then(|| definition.path.clone());
            let place = format!("{}:{}", definition.path, definition.line);
            places.entry((definition.name, file)).or_default().push(place);
        }
    }
    let twice = places.into_iter().filter(|(_, places)| places.len() > 1);
    twice.map(|((name, _), places)| format!("{name}: {}", places.join(", "))).collect()
}

#[test]
fn a_type_name_stands_for_one_thing() {
    let found = duplicates(&source::production());
    assert_none(&found, "types of the same name; each wants a name that says which one it is");
}

#[test]
fn a_name_for_two_types_is_seen() {
    let one = "struct Known; fn f() { struct Inner; } mod a { struct Error; } trait Link {} struct Fine; trait Check {}";
    let two = "enum Known {} type Inner = u8; enum Error {} made! { pub struct Link; }
        trait T { type Known; } impl T for Fine { type Known = u8; }
        mod a { struct State; } mod b { struct State; }
        checks! { /// Of this.
            Check { One } }";
    let sources = [Source::new("src/kernel/one.rs", one), Source::new("crates/db/src/two.rs", two)];
    assert_eq!(
        duplicates(&sources),
        [
            "Check: src/kernel/one.rs:1, crates/db/src/two.rs:5",
            "Inner: src/kernel/one.rs:1, crates/db/src/two.rs:1",
            "Known: src/kernel/one.rs:1, crates/db/src/two.rs:1",
            "Link: src/kernel/one.rs:1, crates/db/src/two.rs:1",
            "State: crates/db/src/two.rs:3, crates/db/src/two.rs:3",
        ]
    );
}
