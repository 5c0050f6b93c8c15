//! Files do not use each other in a circle: what two need lies in a third, below both.
//!
//! A file uses another when a path in it leads to something defined there, whichever `mod.rs` hands it on.
//! What methods are called on a value cannot be seen here, and is nobody's import either.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::modules::{Target, Tree};
use super::source::{self, Source, assert_none};

/// For each file the files it uses, and for what.
pub type Graph = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// What stands for something in a file. A `mod.rs` is many things: what its files share, and what puts them
/// together, as a table of routes does. Each counts by itself.
fn node(sources: &[Source], file: usize, item: Option<&str>) -> Option<String> {
    let path = &sources[file].path;
    match item {
        _ if !path.ends_with("/mod.rs") && !path.ends_with("/lib.rs") => Some(path.clone()),
        Some(item) => Some(format!("{path}:{item}")),
        None => None,
    }
}

pub fn graph(sources: &[Source]) -> Graph {
    let tree = Tree::read(sources);
    let mut graph = Graph::new();
    for reference in &tree.references {
        let from = node(sources, tree.modules[reference.from].file, reference.within.as_deref());
        let to = match tree.resolve(reference.from, &reference.path) {
            Some(Target::Item(file, name)) => node(sources, file, Some(&name)),
            _ => None,
        };
        if let (Some(from), Some(to)) = (from, to)
            && from != to
        {
            graph.entry(from).or_default().entry(to).or_default().insert(reference.path.join("::"));
        }
    }
    graph
}

/// Everything that `start` uses, also through others.
fn reachable<'a>(graph: &'a Graph, start: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![start];
    while let Some(file) = open.pop() {
        for next in graph.get(file).into_iter().flat_map(BTreeMap::keys) {
            if found.insert(next.as_str()) {
                open.push(next);
            }
        }
    }
    found
}

/// The groups of files that use each other, each file in one of them at most.
fn circles(graph: &Graph) -> BTreeSet<BTreeSet<&str>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|file| (file.as_str(), reachable(graph, file))).collect();
    let mut found = BTreeSet::new();
    for (file, reached) in &reach {
        let uses_it = |other: &&str| reach.get(other).is_some_and(|there| there.contains(file));
        let circle: BTreeSet<&str> = reached.iter().copied().filter(uses_it).collect();
        if circle.contains(file) {
            found.insert(circle);
        }
    }
    found
}

/// A circle on one line, as `circles.txt` has it.
fn line_of(circle: &BTreeSet<&str>) -> String {
    circle.iter().copied().collect::<Vec<_>>().join(" ")
}

/// What ties a circle together: who uses what of whom.
fn ties(graph: &Graph, circle: &BTreeSet<&str>) -> String {
    let mut lines = String::new();
    for file in circle {
        for (used, names) in graph.get(*file).into_iter().flatten() {
            if circle.contains(used.as_str()) {
                let names = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                let _ = write!(lines, "\n    {file} uses {used}: {names}");
            }
        }
    }
    lines
}

/// Circles that the list does not allow, and entries of the list that are none any more.
fn differences(sources: &[Source], allowed: &str) -> Vec<String> {
    let graph = graph(sources);
    let mut allowed: BTreeSet<String> = allowed
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| line_of(&line.split_whitespace().collect()))
        .collect();
    let mut found = Vec::new();
    for circle in circles(&graph) {
        let line = line_of(&circle);
        if !allowed.remove(&line) {
            found.push(format!("{line}{}", ties(&graph, &circle)));
        }
    }
    found.extend(
        allowed.into_iter().map(|line| format!("no circle any more, strike it from circles.txt: {line}")),
    );
    found
}

#[test]
fn files_do_not_use_each_other_in_a_circle() {
    let found = differences(&source::production(), include_str!("circles.txt"));
    assert_none(&found, "circles; move what both need into a file below both, as a `New…` into model.rs");
}

fn small_house(files: &[[&str; 2]]) -> Vec<Source> {
    files.iter().map(|[path, text]| Source::new(path, text)).collect()
}

#[test]
fn a_circle_is_seen_through_whatever_hands_its_names_on() {
    let sources = small_house(&[
        ["src/lib.rs", "mod kernel; mod access;"],
        [
            "src/kernel/mod.rs",
            "mod clock; #[path = \"clock_tests.rs\"] mod tests; pub use clock::Clock; pub struct Own;",
        ],
        ["src/kernel/clock.rs", "pub struct Clock; fn f() { log!(\"{}\", crate::access::create::now()); }"],
        ["src/kernel/clock_tests.rs", "use super::*; fn f(c: Clock) {}"],
        [
            "src/access/mod.rs",
            "pub mod create; mod model; mod store; use crate::kernel; use kernel::Clock as Watch;",
        ],
        ["src/access/create.rs", "use super::{Watch, store}; pub fn now(w: Watch) { store::insert(); }"],
        ["src/access/store.rs", "pub fn insert(new: super::model::New) {}"],
        ["src/access/model.rs", "pub struct New(crate::kernel::Own);"],
        ["crates/my-db/src/lib.rs", "mod pool; mod tx; pub use pool::Pool;"],
        ["crates/my-db/src/pool.rs", "use crate::tx::Tx; pub struct Pool(Tx);"],
        ["crates/my-db/src/tx.rs", "pub struct Tx; impl Tx { fn of(pool: crate::Pool) {} }"],
    ]);
    let found = differences(&sources, "");
    assert_eq!(
        found,
        [
            "crates/my-db/src/pool.rs crates/my-db/src/tx.rs\
            \n    crates/my-db/src/pool.rs uses crates/my-db/src/tx.rs: Tx, crate::tx::Tx\
            \n    crates/my-db/src/tx.rs uses crates/my-db/src/pool.rs: crate::Pool",
            "src/access/create.rs src/kernel/clock.rs\
            \n    src/access/create.rs uses src/kernel/clock.rs: Watch, super::Watch\
            \n    src/kernel/clock.rs uses src/access/create.rs: crate::access::create::now",
        ]
    );
}

#[test]
fn a_folder_may_put_together_what_shares_its_types() {
    // The table of routes names every handler, and each handler the state: the state names neither.
    let web = "mod login; pub struct State; pub fn routes() { login::show(State) }";
    let login = "use super::State; pub fn show(state: State) {}";
    let mut sources =
        small_house(&[["src/lib.rs", "mod web;"], ["src/web/mod.rs", web], ["src/web/login.rs", login]]);
    assert_eq!(differences(&sources, ""), [""; 0]);
    sources[1].text = web.replace("State;", "State(login::Page);");
    sources[2].text = format!("{login} pub struct Page;");
    let found = differences(&sources, "");
    assert!(
        found.len() == 1 && found[0].starts_with("src/web/login.rs src/web/mod.rs:State\n"),
        "{found:#?}"
    );
}

#[test]
fn the_list_of_circles_can_only_shrink() {
    let sources = small_house(&[
        ["src/lib.rs", "mod a; mod b;"],
        ["src/a.rs", "pub struct A(crate::b::B);"],
        ["src/b.rs", "pub struct B(crate::a::A);"],
    ]);
    assert_eq!(differences(&sources, "# why\n\nsrc/b.rs src/a.rs\n"), [""; 0]);
    let found = differences(&sources, "src/a.rs src/b.rs\nsrc/a.rs src/c.rs");
    assert_eq!(found, ["no circle any more, strike it from circles.txt: src/a.rs src/c.rs"]);
}
