//! What is defined in a macro's input, which is no syntax yet.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use super::definitions::Kind;

/// `struct Name`, `fn name` and their like, at any depth.
pub fn definitions(tokens: TokenStream) -> Vec<(Kind, Ident)> {
    let mut found = Vec::new();
    let mut before = String::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                found.extend(definitions(group.stream()));
                before.clear();
            }
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                if let Some(kind) = kind_after(&before)
                    && !matches!(name.as_str(), "fn" | "mut" | "_")
                {
                    found.push((kind, ident));
                }
                before = if before == "'" { String::new() } else { name };
            }
            // The `static` of a lifetime defines nothing.
            TokenTree::Punct(punct) if punct.as_char() == '\'' => before = String::from("'"),
            TokenTree::Punct(_) | TokenTree::Literal(_) => before.clear(),
        }
    }
    found
}

fn kind_after(keyword: &str) -> Option<Kind> {
    Some(match keyword {
        "struct" | "enum" | "union" | "type" => Kind::Type,
        "trait" => Kind::Trait,
        "fn" => Kind::Method,
        "const" | "static" => Kind::Const,
        "mod" => Kind::Mod,
        "let" => Kind::Local,
        _ => return None,
    })
}

/// `Name { … }` directly in a macro that makes an item: what `checks! { Check { … } }` declares. After another
/// word it is what [`definitions`] sees.
pub fn declared_types(tokens: TokenStream) -> Vec<Ident> {
    let mut found = Vec::new();
    let mut words: Vec<Ident> = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Ident(word) => words.push(word),
            TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => {
                if let [name] = &words[..]
                    && name.to_string().starts_with(char::is_uppercase)
                {
                    found.push(name.clone());
                }
                words.clear();
            }
            _ => words.clear(),
        }
    }
    found
}
