//! The old vocabulary does not come back: `banned_names.txt` says what nothing may be called.

use super::definitions::{Definition, Kind, definitions};
use super::source::{self, Source, assert_none};

struct Ban {
    kinds: Vec<Kind>,
    /// Modules and types around it, outermost first; others may lie between.
    inside: Vec<String>,
    name: String,
    line: String,
}

const ALL: [Kind; 11] = [
    Kind::Type,
    Kind::Trait,
    Kind::Fn,
    Kind::Method,
    Kind::Field,
    Kind::Variant,
    Kind::Const,
    Kind::Mod,
    Kind::Parameter,
    Kind::Local,
    Kind::Alias,
];

/// The kinds that a word of the list stands for. An alias takes the place of what it stands for.
fn kinds(word: &str) -> Option<&'static [Kind]> {
    Some(match word {
        "type" => &[Kind::Type, Kind::Trait, Kind::Alias],
        "fn" => &[Kind::Fn, Kind::Alias],
        "method" => &[Kind::Method],
        "field" => &[Kind::Field],
        "variant" => &[Kind::Variant],
        "const" => &[Kind::Const, Kind::Alias],
        "mod" => &[Kind::Mod, Kind::Alias],
        "param" => &[Kind::Parameter],
        "local" => &[Kind::Local],
        "any" => &ALL,
        _ => return None,
    })
}

fn parse(list: &str) -> Vec<Ban> {
    list.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Ban> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let words: Vec<&str> = line.split_whitespace().collect();
    let (kind_words, qualified) = match words[..] {
        [] => return None,
        [name] => ("any", name),
        [kinds, name] => (kinds, name),
        _ => panic!("banned_names.txt: {line:?} is not `kind name`"),
    };
    let of_word =
        |word| kinds(word).unwrap_or_else(|| panic!("banned_names.txt: {word:?} in {line:?} is no kind"));
    let mut inside: Vec<String> = qualified.split("::").map(str::to_owned).collect();
    let name = inside.pop().expect("a name");
    let kinds = kind_words.split(',').flat_map(of_word).copied().collect();
    Some(Ban { kinds, inside, name, line: line.to_owned() })
}

impl Ban {
    fn forbids(&self, definition: &Definition) -> bool {
        let mut around = definition.inside.iter();
        definition.name == self.name
            && self.kinds.contains(&definition.kind)
            && self.inside.iter().all(|wanted| around.any(|found| found == wanted))
    }
}

fn banned(sources: &[Source], list: &str) -> Vec<String> {
    let bans = parse(list);
    let mut found = Vec::new();
    for definition in sources.iter().flat_map(definitions) {
        if let Some(ban) = bans.iter().find(|ban| ban.forbids(&definition)) {
            found.push(format!("{}:{}: `{}`", definition.path, definition.line, ban.line));
        }
    }
    found
}

#[test]
fn nothing_has_a_name_of_the_old_vocabulary() {
    let found = banned(&source::production(), include_str!("banned_names.txt"));
    assert_none(
        &found,
        "names that tests/architecture/banned_names.txt forbids; docs/glossary.md has better ones",
    );
}

#[test]
fn a_banned_name_is_seen_wherever_it_is_defined() {
    let text = "
        mod somebody {}
        struct Meant { forgiven: u8, inner: Tally }
        enum Proved { Owed { lent: bool }, Other(u8) }
        trait Known { fn look_again(&self); }
        type Came = ();
        const CROWD: u8 = 1;
        use other::Thing as Guess;
        fn hear(ticket: u8) { let passage = 1; fn cut() {} }
        impl Throttle { fn forgive(&self) {} }
        wrapped! { pub struct Shelf { } fn judge() {} }
    ";
    let list = "mod somebody\nMeant\nfield Meant::forgiven\nProved\nvariant Proved::Owed # why\nany lent\ntype Known\n\
        fn,method look_again\ntype Came\nconst CROWD\ntype Guess\nfn hear\nparam ticket\nlocal passage\nfn cut\n\
        method Throttle::forgive\nShelf\nmethod judge";
    let found = banned(&[Source::new("src/signin/bad.rs", text)], list);
    assert_eq!(found.len(), list.lines().count(), "{found:#?}");
    assert_eq!(found[0], "src/signin/bad.rs:2: `mod somebody`");
}

#[test]
fn a_ban_holds_for_its_kind_and_its_place_only() {
    let text = "
        struct Shelf { count: u8 }
        impl Shelf { fn take(&mut self) {} fn by_email() {} }
        fn count_all(known: u8) { take(known); Known::look(); }
    ";
    let list =
        "fn take\nfn count\ntype known\nfn users::by_email\nmethod users::by_email\nfn look\nvariant Shelf";
    assert_eq!(banned(&[Source::new("src/signin/good.rs", text)], list), [""; 0]);
    let users = [Source::new("src/directory/users/store.rs", "fn by_email() {}")];
    assert_eq!(banned(&users, list), ["src/directory/users/store.rs:1: `fn users::by_email`"]);
}
