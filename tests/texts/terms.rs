//! One term for one thing: the table *Terms on pages* of the glossary.

use super::extract::{self, Text};
use super::occurrences;
use crate::architecture::source::assert_none;

struct Term {
    name: String,
    /// What it replaces.
    instead_of: Vec<String>,
}

/// The rows of the table below the heading *Terms on pages*.
fn terms(glossary: &str) -> Vec<Term> {
    let table = glossary.split("## Terms on pages").nth(1).expect("the glossary has the table");
    let table = table.split("\n## ").next().unwrap_or_default();
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    let row = |line: &str| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let name = cells.next().unwrap_or_default().to_owned();
        let instead_of = cells.next().unwrap_or_default().split(',').map(|one| one.trim().to_owned());
        Term { name, instead_of: instead_of.filter(|one| !one.is_empty()).collect() }
    };
    rows.map(row).collect()
}

fn misused(terms: &[Term], texts: &[Text]) -> Vec<String> {
    let mut found = Vec::new();
    for term in terms {
        for phrase in &term.instead_of {
            for text in occurrences(texts, phrase) {
                found.push(format!(
                    "{}: “{phrase}” instead of “{}” in {:?}",
                    text.place,
                    term.name,
                    text.excerpt()
                ));
            }
        }
    }
    found
}

#[test]
fn a_term_of_the_glossary_is_called_the_same_everywhere() {
    let terms = terms(include_str!("../../docs/glossary.md"));
    assert!(terms.len() >= 20, "the table has {} terms", terms.len());
    let mut texts = extract::templates();
    texts.extend(extract::snapshots("tests/snapshots"));
    texts.extend(extract::documents().into_iter().filter(|text| text.place != "docs/glossary.md"));
    assert_none(&misused(&terms, &texts), "use the term of docs/glossary.md");
}

#[test]
fn each_term_is_used_on_pages_and_in_documents() {
    let pages = extract::templates();
    let mut others = extract::snapshots("tests/snapshots");
    others.extend(extract::documents().into_iter().filter(|text| text.place != "docs/glossary.md"));
    let mut unused = Vec::new();
    for term in terms(include_str!("../../docs/glossary.md")) {
        let name = term.name.split(" (").next().unwrap_or_default().to_owned();
        if occurrences(&pages, &name).is_empty() {
            unused.push(format!("{name}: on no page"));
        }
        if occurrences(&others, &name).is_empty() {
            unused.push(format!("{name}: in no document, mail or response"));
        }
    }
    assert_none(&unused, "terms of docs/glossary.md that people do not meet");
}

#[test]
fn another_word_for_a_term_is_seen() {
    let glossary = "## Terms on pages\n\n| Term | Instead of |\n|---|---|\n\
                    | two-factor authentication (2FA) | second factor, two-step verification |\n";
    let terms = terms(glossary);
    assert_eq!(terms.len(), 1);
    let texts =
        [Text::new("a", "Set up a second\nfactor."), Text::new("b", "Two-factor authentication (2FA)")];
    assert_eq!(misused(&terms, &texts).len(), 1);
}
