//! The words that people read: pages, mails, messages, the command line, the API description and the documents.
//!
//! `docs/glossary.md` has a table of terms with what each replaces, and `banned_words.txt` the phrases that
//! read as if translated. Neither may come back.

pub mod extract;
mod terms;

use extract::Text;

use crate::architecture::source::assert_none;

/// Where a phrase occurs as whole words, whatever the case and the line breaks.
fn occurrences<'a>(texts: &'a [Text], phrase: &str) -> Vec<&'a Text> {
    let wanted: Vec<String> = phrase.split_whitespace().map(str::to_lowercase).collect();
    texts.iter().filter(|text| contains(&text.words, &wanted)).collect()
}

fn contains(words: &[String], wanted: &[String]) -> bool {
    !wanted.is_empty() && words.windows(wanted.len()).any(|window| window == wanted)
}

/// The lines of a list, without comments.
fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).filter(|line| !line.is_empty())
}

fn banned(texts: &[Text], list: &str) -> Vec<String> {
    let mut found = Vec::new();
    for phrase in entries(list) {
        for text in occurrences(texts, phrase) {
            found.push(format!("{}: “{phrase}” in {:?}", text.place, text.excerpt()));
        }
    }
    found
}

#[test]
fn no_text_reads_as_if_translated() {
    let found = banned(&extract::everything(), include_str!("banned_words.txt"));
    assert_none(&found, "texts with words of tests/texts/banned_words.txt; docs/glossary.md has better ones");
}

#[test]
fn a_banned_phrase_is_found_in_each_kind_of_text() {
    let list = "# a comment\nopens the door\nsomebody # of whom nothing is known\nsomebody's\n";
    let page = extract::of_template(
        "page.html",
        "<p>It <b>opens\n the</b> {# no #}door.</p>{% if somebody %}{% endif %}",
    );
    let label = extract::of_template("page.html", r#"<button aria-label="Somebody">x</button>"#);
    let source = r#"
        /// Nothing is said here.
        fn greet() -> String { format!("Hello {name}, Somebody’s mail") }
        #[cfg(test)] mod tests { const A: &str = "opens the door"; }
    "#;
    let source = extract::of_source("src/x.rs", source);
    let comment = extract::of_source("src/x.rs", "// somebody comes\nfn x() {}");
    let document =
        extract::of_markdown("docs/x.md", "It `opens the door`.\n```sh\nsomebody\n```\nSomebody\ncame.");
    assert_eq!(banned(&page, list).len(), 1, "{:?}", banned(&page, list));
    assert_eq!(banned(&label, list).len(), 1);
    assert_eq!(banned(&source, list).len(), 1, "{:?}", banned(&source, list));
    assert_eq!(banned(&comment, list).len(), 1);
    assert_eq!(banned(&document, list).len(), 1, "{:?}", banned(&document, list));
}
