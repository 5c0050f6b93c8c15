//! The house stays a house: rooms use only the rooms before them, files stay readable, names and parameters
//! say what they are. Each guard also reads a bad text, and has to see what is wrong in it.

mod banned;
mod circles;
mod definitions;
mod duplicates;
mod macros;
mod modules;
mod references;
mod rooms;
pub mod source;
mod tuples;
mod wording;
mod writers;

use rooms::{ROOMS, order};
use source::Source;

fn upward(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let Some(own) = source.path.split('/').nth(1).and_then(order) else { continue };
        for (n, line) in source.text.lines().enumerate() {
            for part in line.split("crate::").skip(1) {
                let used = part.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                if let Some(used) = order(used).filter(|used| *used > own) {
                    found.push(format!(
                        "{}:{}: {} must not use {}",
                        source.path,
                        n + 1,
                        ROOMS[own],
                        ROOMS[used]
                    ));
                }
            }
        }
    }
    found
}

fn too_long(sources: &[Source]) -> Vec<String> {
    let lengths = sources.iter().map(|source| (&source.path, source.text.lines().count()));
    lengths.filter(|(_, lines)| *lines > 500).map(|(path, lines)| format!("{path}: {lines} lines")).collect()
}

/// A database's own words, outside of where the difference between the two is at home.
fn dialects(sources: &[Source]) -> Vec<String> {
    let homes = ["src/kernel/database", "crates/vestibule-db/"];
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| !homes.iter().any(|home| source.path.starts_with(home))) {
        for mark in ["PRAGMA", "LISTEN ", "SKIP LOCKED", "FOR UPDATE", "Dialect::Sqlite"] {
            if source.text.contains(mark) {
                found.push(format!("{} has {mark}", source.path));
            }
        }
    }
    found
}

fn session_beginnings(sources: &[Source]) -> Vec<&str> {
    let calls = |source: &Source| source.text.matches("sessions::create(").count();
    sources.iter().flat_map(|source| std::iter::repeat_n(source.path.as_str(), calls(source))).collect()
}

#[test]
fn a_room_uses_only_the_rooms_before_it() {
    source::assert_none(&upward(&source::all()), "rooms that use a room after them");
}

#[test]
fn no_file_grows_beyond_five_hundred_lines() {
    source::assert_none(&too_long(&source::all()), "something in them wants a file of its own");
}

#[test]
fn only_the_dialect_knows_which_database_it_is() {
    source::assert_none(
        &dialects(&source::all()),
        "give the difference a function in the database's own folder",
    );
}

#[test]
fn a_session_begins_in_one_place_whatever_the_door() {
    // Behind the rules, the second factor and everything else that is asked for: a new door ends in a proof.
    let sources = source::all();
    let places = session_beginnings(&sources);
    assert!(places.len() == 1 && places[0].starts_with("src/signin/flow/"), "{places:#?}");
}

#[test]
fn a_house_that_is_none_is_seen() {
    let sources = [
        Source::new("src/kernel/mod.rs", "fn f() { crate::web::show(crate::kernel::now()) }"),
        Source::new("src/web/long.rs", &"\n".repeat(501)),
        Source::new("src/signin/store.rs", "SELECT 1 FOR UPDATE"),
        Source::new("src/kernel/database/tx.rs", "SELECT 1 FOR UPDATE"),
        Source::new("src/idp/http.rs", "sessions::create(a); sessions::create(b);"),
    ];
    assert_eq!(upward(&sources), ["src/kernel/mod.rs:1: kernel must not use web"]);
    assert_eq!(too_long(&sources), ["src/web/long.rs: 501 lines"]);
    assert_eq!(dialects(&sources), ["src/signin/store.rs has FOR UPDATE"]);
    assert_eq!(session_beginnings(&sources), ["src/idp/http.rs", "src/idp/http.rs"]);
}
