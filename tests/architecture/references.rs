//! What one file defines, brings in and refers to.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use super::modules::{ModuleId, Tree, Use};

/// A path in a file.
pub struct Reference {
    pub from: ModuleId,
    /// What it is written in: a function, a type; nothing for a `use` outside of any.
    pub within: Option<String>,
    pub path: Vec<String>,
}

/// `mod name;`: another file.
pub struct Declared {
    pub inside: ModuleId,
    pub name: String,
    /// Of `#[path = "…"]`.
    pub path: Option<String>,
}

/// Adds to the tree what `file` says about `module`, and gives the modules that it keeps in other files.
pub fn read(tree: &mut Tree, module: ModuleId, file: &syn::File) -> Vec<Declared> {
    let mut reader = Reader { tree, module, within: None, declared: Vec::new() };
    reader.visit_file(file);
    reader.declared
}

struct Reader<'a> {
    tree: &'a mut Tree,
    module: ModuleId,
    within: Option<String>,
    declared: Vec<Declared>,
}

impl Reader<'_> {
    fn refer(&mut self, path: Vec<String>) {
        self.tree.references.push(Reference { from: self.module, within: self.within.clone(), path });
    }

    /// A macro's input: every `a::b::c` in it, and every type.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.finish(&mut path);
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                other => {
                    self.finish(&mut path);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.read_tokens(group.stream());
                    }
                }
            }
        }
        self.finish(&mut path);
    }

    fn finish(&mut self, path: &mut Vec<String>) {
        let path = std::mem::take(path);
        if is_telling(&path) {
            self.refer(path);
        }
    }

    fn bring_in(&mut self, item: &syn::ItemUse, tree: &syn::UseTree, before: &[String]) {
        let (name, target) = match tree {
            syn::UseTree::Path(path) => {
                return self.bring_in(item, &path.tree, &[before, &[path.ident.to_string()]].concat());
            }
            syn::UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.bring_in(item, tree, before));
            }
            syn::UseTree::Name(name) if name.ident == "self" => {
                (before.last().cloned().unwrap_or_default(), before.to_vec())
            }
            syn::UseTree::Name(name) => {
                (name.ident.to_string(), [before, &[name.ident.to_string()]].concat())
            }
            syn::UseTree::Rename(rename) if rename.ident == "self" => {
                (rename.rename.to_string(), before.to_vec())
            }
            syn::UseTree::Rename(rename) => {
                (rename.rename.to_string(), [before, &[rename.ident.to_string()]].concat())
            }
            syn::UseTree::Glob(_) => ("*".to_owned(), before.to_vec()),
        };
        // What is handed on is not used here.
        if matches!(item.vis, syn::Visibility::Inherited) && name != "*" {
            self.refer(target.clone());
        }
        self.tree.modules[self.module].uses.push(Use { name, target });
    }
}

/// A single small word is a local name more often than a function.
fn is_telling(path: &[String]) -> bool {
    match path {
        [] => false,
        [name] => name.starts_with(char::is_uppercase),
        _ => true,
    }
}

fn defined_by(item: &syn::Item) -> Option<String> {
    let name = match item {
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Union(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::Fn(item) => &item.sig.ident,
        syn::Item::Const(item) => &item.ident,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(name.to_string())
}

/// An `impl` belongs to its type.
fn belongs_to(item: &syn::Item) -> Option<String> {
    let syn::Item::Impl(item) = item else { return None };
    let syn::Type::Path(path) = &*item.self_ty else { return None };
    Some(path.path.segments.last()?.ident.to_string())
}

/// The text of `#[path = "…"]`.
fn path_attribute(attributes: &[syn::Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let name = defined_by(item);
        self.tree.modules[self.module].items.extend(name.clone());
        let outer = self.within.clone();
        if outer.is_none() {
            self.within = name.or_else(|| belongs_to(item));
        }
        visit::visit_item(self, item);
        self.within = outer;
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        let Some((_, items)) = &item.content else {
            self.declared.push(Declared { inside: self.module, name, path: path_attribute(&item.attrs) });
            return;
        };
        let outer = self.module;
        let file = self.tree.modules[outer].file;
        self.module = self.tree.add(Some(outer), file);
        self.tree.modules[outer].children.insert(name, self.module);
        for item in items {
            self.visit_item(item);
        }
        self.module = outer;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.bring_in(item, &item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if is_telling(&names) {
            self.refer(names);
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(function) = &*call.func
            && let Some(name) = function.path.get_ident()
        {
            self.refer(vec![name.to_string()]);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        self.refer(invocation.path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        self.read_tokens(invocation.tokens.clone());
    }

    // `pub(crate)` and `#[…]` use nothing of their own.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
}
