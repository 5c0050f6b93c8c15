//! What people read, taken out of templates, sources, snapshots and documents.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::architecture::source::{self, Source};

/// A piece of text and the file it is in.
pub struct Text {
    pub place: String,
    /// In lower case, without punctuation.
    pub words: Vec<String>,
    raw: String,
}

impl Text {
    pub fn new(place: impl Into<String>, raw: &str) -> Self {
        Self { place: place.into(), words: words(raw), raw: raw.to_owned() }
    }

    /// The beginning of the text, on one line.
    pub fn excerpt(&self) -> String {
        self.raw.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(160).collect()
    }
}

/// The words of a text. A hyphen and an apostrophe belong to a word: `let-through` is the name of a path.
fn words(raw: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '.' | '\'');
    raw.replace('’', "'")
        .split(|c: char| !is_part(c))
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '-').to_lowercase())
        .filter(|word| !word.is_empty())
        .collect()
}

/// Pages and mails, as their templates.
pub fn templates() -> Vec<Text> {
    let files = source::files(&["templates"], &["html", "txt", "js"]);
    assert!(files.len() > 40, "the templates are not where this test looks for them");
    files.iter().flat_map(|file| of_template(&file.path, &file.text)).collect()
}

/// The literals, documentation and comments of the sources, without their tests.
pub fn sources() -> Vec<Text> {
    let mut files = source::production();
    files.retain(|file| !file.path.ends_with("_tests.rs"));
    files.iter().flat_map(|file| of_source(&file.path, &file.text)).collect()
}

/// What the server and its commands gave, word for word. A snapshot's head is not of the product.
pub fn snapshots(folder: &str) -> Vec<Text> {
    let files = source::files(&[folder], &["snap"]);
    assert!(!files.is_empty(), "no snapshots in {folder}");
    let mut found = Vec::new();
    for Source { path, text } in files {
        let body = text.splitn(3, "---").nth(2).unwrap_or_default();
        // In JSON, the next string is another text.
        found.extend(untagged(body).split('"').map(|text| Text::new(path.as_str(), text)));
    }
    found
}

/// README, changelog and everything in `docs/`.
pub fn documents() -> Vec<Text> {
    raw_documents().iter().flat_map(|file| of_markdown(&file.path, &file.text)).collect()
}

/// The documents as they are.
pub fn raw_documents() -> Vec<Source> {
    let mut found = source::files(&["docs"], &["md"]);
    for name in ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "SECURITY.md"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        found.push(Source::new(name, &std::fs::read_to_string(path).expect(name)));
    }
    found
}

/// Every text as it is written down. What the server makes of it is in the snapshots, with the names of
/// their world.
pub fn everything() -> Vec<Text> {
    let mut texts = templates();
    texts.extend(sources());
    // The glossary names the words that are not used.
    texts.extend(documents().into_iter().filter(|text| text.place != "docs/glossary.md"));
    texts
}

/// The text of a template: what stands between tags, and the attributes that are read aloud or shown.
pub fn of_template(path: &str, content: &str) -> Vec<Text> {
    let mut plain = without(content, "{#", "#}");
    plain = without(&plain, "{%", "%}");
    plain = replaced(&plain, "{{", "}}", " … ");
    let mut found = vec![Text::new(path, &untagged(&plain))];
    for attribute in ["aria-label=\"", "placeholder=\"", "title=\"", "alt=\""] {
        for part in plain.split(attribute).skip(1) {
            found.push(Text::new(path, part.split('"').next().unwrap_or_default()));
        }
    }
    found
}

/// The text of a document, without code.
pub fn of_markdown(path: &str, content: &str) -> Vec<Text> {
    let prose = replaced(content, "```", "```", "\n");
    prose.split("\n\n").map(|paragraph| Text::new(path, &replaced(paragraph, "`", "`", " … "))).collect()
}

/// The string literals, documentation and comments of a source.
pub fn of_source(path: &str, content: &str) -> Vec<Text> {
    let syntax = syn::parse_file(content).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut reader = Literals::default();
    reader.visit_file(&syntax);
    let mut found: Vec<Text> = reader.found.iter().map(|literal| Text::new(path, literal)).collect();
    let comments: Vec<&str> = content
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("//"))
        .filter(|comment| !comment.starts_with(['/', '!']))
        .collect();
    found.push(Text::new(path, &comments.join("\n")));
    found
}

#[derive(Default)]
struct Literals {
    found: Vec<String>,
}

impl Literals {
    fn read_tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.read_tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                        self.found.push(text.value());
                    }
                }
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Literals {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Ident>().is_ok_and(|argument| argument == "test")
        };
        if !module.attrs.iter().any(is_test) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.found.push(literal.value());
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.read_tokens(called.tokens.clone());
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        self.read_tokens(list.tokens.clone());
    }
}

fn without(text: &str, open: &str, close: &str) -> String {
    replaced(text, open, close, "")
}

/// The text with everything from an `open` to the next `close` replaced.
fn replaced(text: &str, open: &str, close: &str, by: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(open) {
        result.push_str(before);
        let Some((_, after)) = after.split_once(close) else {
            result.push_str(after);
            return result;
        };
        result.push_str(by);
        rest = after;
    }
    result.push_str(rest);
    result
}

/// The text between tags. A tag inside a sentence does not part its words.
fn untagged(text: &str) -> String {
    replaced(text, "<", ">", " ")
}
