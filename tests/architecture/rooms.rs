//! The order of the rooms.

use super::circles;
use super::source::{self, Source, assert_none};

/// A room uses only itself and the rooms before it. Some are still to be built.
pub const ROOMS: [&str; 13] = [
    "kernel",
    "audit",
    "directory",
    "access",
    "signin",
    "idp",
    "provisioning",
    "secrets",
    "governance",
    "apps",
    "admin",
    "web",
    "cli",
];

pub fn order(room: &str) -> Option<usize> {
    ROOMS.iter().position(|known| *known == room)
}

/// The place of the room that a file lies in; `src/web/mod.rs:App` is something in a file.
fn room_of(path: &str) -> Option<usize> {
    order(path.strip_prefix("src/")?.split('/').next()?)
}

/// By what is used in the end, also with `super::` and through what hands it on.
fn upward(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for (file, uses) in circles::graph(sources) {
        for (used, names) in uses {
            if let (Some(own), Some(other)) = (room_of(&file), room_of(&used))
                && other > own
            {
                let names = names.into_iter().collect::<Vec<_>>().join(", ");
                found.push(format!("{file} uses {used}: {names}"));
            }
        }
    }
    found
}

fn without_a_place(sources: &[Source]) -> Vec<String> {
    let in_src = sources.iter().map(|source| source.path.as_str()).filter(|path| path.starts_with("src/"));
    let roots = ["src/lib.rs", "src/main.rs"];
    in_src.filter(|path| !roots.contains(path) && room_of(path).is_none()).map(str::to_owned).collect()
}

#[test]
fn no_room_reaches_upward_by_any_path() {
    assert_none(&upward(&source::production()), "rooms that use a room after them");
}

#[test]
fn every_room_has_its_place_in_the_order() {
    assert_none(&without_a_place(&source::production()), "files in no room of tests/architecture/rooms.rs");
}

#[test]
fn a_room_that_reaches_upward_is_seen() {
    let sources = [
        Source::new("src/lib.rs", "mod access; mod attic; mod web;"),
        Source::new("src/access/mod.rs", "mod tokens;"),
        Source::new("src/access/tokens.rs", "use super::super::web::Page; pub struct Token(Page);"),
        Source::new("src/attic/mod.rs", ""),
        Source::new("src/web/mod.rs", "mod page; pub use page::Page; pub use crate::access::tokens::Token;"),
        Source::new("src/web/page.rs", "pub struct Page; fn f(token: super::Token) {}"),
    ];
    assert_eq!(
        upward(&sources),
        ["src/access/tokens.rs uses src/web/page.rs: Page, super::super::web::Page"]
    );
    assert_eq!(without_a_place(&sources), ["src/attic/mod.rs"]);
}
