//! A tuple as a parameter hides several without names: what belongs together is a type of its own.

use syn::visit::{self, Visit};
use syn::{Pat, Type};

use super::source::{self, Source, assert_none};

fn tuple_parameters(sources: &[Source]) -> Vec<String> {
    let files: Vec<syn::File> = sources.iter().map(Source::syntax).collect();
    let mut own = Own::default();
    for file in &files {
        own.visit_file(file);
    }
    let mut found = Vec::new();
    for (source, file) in sources.iter().zip(&files) {
        let mut reader = Signatures { path: &source.path, own: &own, found: Vec::new() };
        reader.visit_file(file);
        found.append(&mut reader.found);
    }
    found
}

/// What the house itself gives a name to.
#[derive(Default)]
struct Own {
    /// Names that stand for a tuple.
    aliases: Vec<String>,
    traits: Vec<String>,
}

impl<'ast> Visit<'ast> for Own {
    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        if is_tuple(&item.ty, &[]) {
            self.aliases.push(item.ident.to_string());
        }
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.traits.push(item.ident.to_string());
        visit::visit_item_trait(self, item);
    }
}

/// A tuple by itself, behind references, or a fixed number of them.
fn is_tuple(ty: &Type, aliases: &[String]) -> bool {
    match ty {
        Type::Tuple(tuple) => !tuple.elems.is_empty(),
        Type::Reference(reference) => is_tuple(&reference.elem, aliases),
        Type::Paren(inner) => is_tuple(&inner.elem, aliases),
        Type::Group(inner) => is_tuple(&inner.elem, aliases),
        Type::Array(array) => is_tuple(&array.elem, aliases),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            aliases.contains(&last.ident.to_string())
                || (last.ident == "Box" && type_arguments(last).any(|inner| is_tuple(inner, aliases)))
        }),
        _ => false,
    }
}

fn type_arguments(segment: &syn::PathSegment) -> impl Iterator<Item = &Type> {
    let arguments = match &segment.arguments {
        syn::PathArguments::AngleBracketed(arguments) => Some(arguments.args.iter()),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        syn::GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Takes a tuple apart. Not in `Path((a, b)): Path<(A, B)>`: axum gives a path's parts in no other way.
fn takes_apart(pattern: &Pat) -> bool {
    match pattern {
        Pat::Tuple(_) => true,
        Pat::Reference(reference) => takes_apart(&reference.pat),
        Pat::Paren(inner) => takes_apart(&inner.pat),
        Pat::Slice(slice) => slice.elems.iter().any(takes_apart),
        Pat::Struct(fields) => fields.fields.iter().any(|field| takes_apart(&field.pat)),
        Pat::TupleStruct(inner) => {
            inner.path.segments.last().is_none_or(|last| last.ident != "Path")
                && inner.elems.iter().any(takes_apart)
        }
        _ => false,
    }
}

struct Signatures<'a> {
    path: &'a str,
    own: &'a Own,
    found: Vec<String>,
}

impl<'ast> Visit<'ast> for Signatures<'_> {
    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        for input in &signature.inputs {
            if let syn::FnArg::Typed(parameter) = input
                && (takes_apart(&parameter.pat) || is_tuple(&parameter.ty, &self.own.aliases))
            {
                let line = parameter.colon_token.spans[0].start().line;
                self.found.push(format!("{}:{line}: `{}`", self.path, signature.ident));
            }
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let demanded =
            item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last()).is_some_and(|last| {
                let own = self.own.traits.contains(&last.ident.to_string());
                // `From<(A, B)>` is a choice, and the same tuple.
                let chosen = type_arguments(last).any(|argument| is_tuple(argument, &self.own.aliases));
                !own && !chosen
            });
        let before = self.found.len();
        visit::visit_item_impl(self, item);
        if demanded {
            self.found.truncate(before);
        }
    }
}

#[test]
fn no_function_takes_a_tuple() {
    let found = tuple_parameters(&source::all());
    assert_none(&found, "functions that take a tuple; give what belongs together a type with named fields");
}

#[test]
fn a_tuple_is_seen_in_every_disguise() {
    let text = "
        fn destructured((a, b): (u8, u8)) {}
        fn whole(pair: (u8, u8)) {}
        fn borrowed(pair: &mut (u8, u8), other: &&(u8, u8)) {}
        fn array([(a, b), (c, d)]: [(u8, u8); 2]) {}
        fn arrays(pairs: &[(u8, u8); 2]) {}
        type Pair = (u8, u8);
        fn alias(pair: &Pair) {}
        fn boxed(pair: Box<(u8, u8)>) {}
        fn newtype(Wrapped((a, b)): Wrapped) {}
        struct S;
        impl S { fn method(&self, (a, b): (u8, u8)) { fn inner(x: (u8,)) {} } }
        trait T { fn asked(&self, pair: (u8, u8)); }
        impl T for S { fn asked(&self, pair: (u8, u8)) {} }
        impl From<(u8, u8)> for S { fn from((a, b): (u8, u8)) -> Self { S } }
    ";
    let found = tuple_parameters(&[Source::new("src/bad.rs", text)]);
    let lines: Vec<&str> = found.iter().filter_map(|finding| finding.split(':').nth(1)).collect();
    let expected = ["2", "3", "4", "4", "5", "6", "8", "9", "10", "12", "12", "13", "14", "15"];
    assert_eq!(lines, expected, "{found:#?}");
}

#[test]
fn what_is_no_parameter_of_ones_own_may_be_a_tuple() {
    let text = "
        async fn show(Path((group, user)): Path<(String, String)>) {}
        fn rows(rows: &[(String, u8)], last: Option<(u8, u8)>, nothing: (), f: impl Fn((u8, u8))) -> (u8, u8) {
            rows.iter().map(|(name, count)| (name, count));
        }
        impl Visitor for S { fn visit(&self, pair: (u8, u8)) {} }
        impl Extend<u8> for S { fn extend_one(&mut self, (a, b): (u8, u8)) {} }
    ";
    assert_eq!(tuple_parameters(&[Source::new("src/good.rs", text)]), [""; 0]);
}
