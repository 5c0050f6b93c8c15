//! Every name that a file defines.

use syn::visit::{self, Visit};

use super::macros;
use super::source::Source;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Type,
    Trait,
    Fn,
    Method,
    Field,
    Variant,
    Const,
    Mod,
    Parameter,
    Local,
    /// `use … as name`.
    Alias,
}

pub struct Definition {
    pub kind: Kind,
    pub name: String,
    /// The modules and the type around it.
    pub inside: Vec<String>,
    pub path: String,
    pub line: usize,
}

/// What `source` defines, also in functions and in what it gives to macros.
pub fn definitions(source: &Source) -> Vec<Definition> {
    let mut reader =
        Reader { path: &source.path, inside: source.module(), pattern: Kind::Local, found: Vec::new() };
    reader.visit_file(&source.syntax());
    reader.found
}

struct Reader<'a> {
    path: &'a str,
    inside: Vec<String>,
    /// What the names in the pattern at hand are.
    pattern: Kind,
    found: Vec<Definition>,
}

impl Reader<'_> {
    fn add(&mut self, kind: Kind, ident: &syn::Ident) {
        self.found.push(Definition {
            kind,
            name: ident.to_string().trim_start_matches("r#").to_owned(),
            inside: self.inside.clone(),
            path: self.path.to_owned(),
            line: ident.span().start().line,
        });
    }

    fn within(&mut self, name: &str, read: impl FnOnce(&mut Self)) {
        self.inside.push(name.to_owned());
        read(self);
        self.inside.pop();
    }
}

/// The last name of a type's path: `Row` of `super::Row<'_>`.
fn name_of(ty: &syn::Type) -> String {
    match ty {
        syn::Type::Path(path) => path.path.segments.last().map(|s| s.ident.to_string()).unwrap_or_default(),
        syn::Type::Reference(reference) => name_of(&reference.elem),
        _ => String::new(),
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.add(Kind::Type, &item.ident);
        self.within(&item.ident.to_string(), |reader| visit::visit_item_struct(reader, item));
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.add(Kind::Type, &item.ident);
        self.within(&item.ident.to_string(), |reader| visit::visit_item_enum(reader, item));
    }

    fn visit_item_union(&mut self, item: &'ast syn::ItemUnion) {
        self.add(Kind::Type, &item.ident);
        self.within(&item.ident.to_string(), |reader| visit::visit_item_union(reader, item));
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.add(Kind::Type, &item.ident);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.add(Kind::Trait, &item.ident);
        self.within(&item.ident.to_string(), |reader| visit::visit_item_trait(reader, item));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.within(&name_of(&item.self_ty), |reader| visit::visit_item_impl(reader, item));
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.add(Kind::Mod, &item.ident);
        self.within(&item.ident.to_string(), |reader| visit::visit_item_mod(reader, item));
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(Kind::Fn, &item.sig.ident);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(Kind::Method, &item.sig.ident);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.add(Kind::Method, &item.sig.ident);
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.add(Kind::Const, &item.ident);
        visit::visit_item_const(self, item);
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.add(Kind::Const, &item.ident);
        visit::visit_item_static(self, item);
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.add(Kind::Const, &item.ident);
        visit::visit_impl_item_const(self, item);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if let Some(ident) = &field.ident {
            self.add(Kind::Field, ident);
        }
        visit::visit_field(self, field);
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.add(Kind::Variant, &variant.ident);
        self.within(&variant.ident.to_string(), |reader| visit::visit_variant(reader, variant));
    }

    fn visit_use_rename(&mut self, rename: &'ast syn::UseRename) {
        self.add(Kind::Alias, &rename.rename);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        for input in &signature.inputs {
            if let syn::FnArg::Typed(parameter) = input {
                self.pattern = Kind::Parameter;
                self.visit_pat(&parameter.pat);
                self.pattern = Kind::Local;
            }
        }
    }

    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        // `None` and `MAX` in a pattern are constants that it compares with.
        if pattern.ident.to_string().starts_with(|c: char| c.is_lowercase()) {
            self.add(self.pattern, &pattern.ident);
        }
        visit::visit_pat_ident(self, pattern);
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        if item.ident.is_none() {
            for name in macros::declared_types(item.mac.tokens.clone()) {
                self.add(Kind::Type, &name);
            }
        }
        visit::visit_item_macro(self, item);
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        for (kind, ident) in macros::definitions(invocation.tokens.clone()) {
            self.add(kind, &ident);
        }
    }
}
