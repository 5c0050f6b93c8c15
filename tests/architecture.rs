//! The house stays a house: rooms use only the rooms before them, files stay readable.

use std::path::{Path, PathBuf};

const ROOMS: [&str; 9] =
    ["kernel", "audit", "directory", "access", "signin", "idp", "provisioning", "web", "cli"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn all() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found.into_iter().map(|path| (path.clone(), std::fs::read_to_string(&path).expect("source"))).collect()
}

#[test]
fn a_room_uses_only_the_rooms_before_it() {
    let order = |room: &str| ROOMS.iter().position(|r| *r == room);
    for (path, text) in all() {
        let relative = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("inside");
        let Some(own) = relative.iter().nth(1).and_then(|room| order(room.to_str()?)) else { continue };
        for (n, line) in text.lines().enumerate() {
            for part in line.split("crate::").skip(1) {
                let used = part.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                if let Some(used) = order(used) {
                    assert!(
                        used <= own,
                        "{}:{}: {} must not use {}",
                        relative.display(),
                        n + 1,
                        ROOMS[own],
                        ROOMS[used]
                    );
                }
            }
        }
    }
}

#[test]
fn no_file_grows_beyond_five_hundred_lines() {
    for (path, text) in all() {
        let lines = text.lines().count();
        assert!(
            lines <= 500,
            "{} has {lines} lines; something in it wants a file of its own",
            path.display()
        );
    }
}

#[test]
fn only_the_dialect_knows_which_database_it_is() {
    for (path, text) in all() {
        let in_database = path.to_string_lossy().contains("kernel/database");
        for mark in ["PRAGMA", "LISTEN ", "SKIP LOCKED", "FOR UPDATE", "Dialect::Sqlite"] {
            assert!(in_database || !text.contains(mark), "{} has {mark}", path.display());
        }
    }
}

#[test]
fn a_session_begins_in_one_place_whatever_the_door() {
    // Behind the rules, the second factor and everything else that is asked for: a new door ends in a proof.
    let mut places = Vec::new();
    for (path, text) in all() {
        let calls = text.matches("sessions::create(").count();
        places.extend(std::iter::repeat_n(path.display().to_string(), calls));
    }
    assert!(places.len() == 1 && places[0].ends_with("signin/flow/complete.rs"), "{places:#?}");
}
