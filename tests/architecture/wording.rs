//! What a source does not write: paths that a move breaks, and documentation that only repeats the type.

use syn::visit::{self, Visit};

use super::source::{self, Source, assert_none};

/// `super::super` and `pub(in …)`: from how deep a file lies, a reader cannot see what is meant.
fn winding_paths(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for (number, line) in source.text.lines().enumerate() {
            for mark in ["super::super", "pub(in "] {
                if line.contains(mark) {
                    found.push(format!("{}:{}: `{mark}`", source.path, number + 1));
                }
            }
        }
        // Most files have no such group, and need not be parsed.
        if source.text.contains("super::{") {
            let mut reader = NestedSupers { path: &source.path, depth: 0, found: &mut found };
            reader.visit_file(&source.syntax());
        }
    }
    found
}

/// `use super::{super::Name}` is the same in two steps.
struct NestedSupers<'a> {
    path: &'a str,
    depth: usize,
    found: &'a mut Vec<String>,
}

impl<'ast> Visit<'ast> for NestedSupers<'_> {
    fn visit_use_group(&mut self, group: &'ast syn::UseGroup) {
        for item in &group.items {
            if let syn::UseTree::Path(path) = item
                && path.ident == "super"
                && self.depth > 0
            {
                self.found.push(format!("{}:{}: `super::{{super", self.path, path.ident.span().start().line));
            }
        }
        visit::visit_use_group(self, group);
    }

    fn visit_use_path(&mut self, path: &'ast syn::UsePath) {
        self.depth += 1;
        visit::visit_use_path(self, path);
        self.depth -= 1;
    }
}

/// `# Errors` above a function whose type says which errors.
fn errors_sections(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for (number, line) in source.text.lines().enumerate() {
            let line = line.trim_start();
            let doc = ["///", "//!", "* ", "#[doc = \""].iter().find_map(|mark| line.strip_prefix(mark));
            if doc.is_some_and(|doc| doc.trim().trim_end_matches("\"]") == "# Errors") {
                found.push(format!("{}:{}", source.path, number + 1));
            }
        }
    }
    found
}

/// An administrator's operations serve commands and SCIM as well, which have no HTTP request.
fn http_in_admin(sources: &[Source]) -> Vec<String> {
    let admin = sources.iter().filter(|source| source.path.starts_with("src/admin"));
    let mut found = Vec::new();
    for source in admin {
        for (number, line) in source.text.lines().enumerate() {
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            if words.any(|word| word == "axum") {
                found.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    found
}

/// A router made elsewhere, or something hung into one, would be served without a guard.
fn routes_beside_the_table(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| source.path != "src/access/routing.rs") {
        for (number, line) in source.text.lines().enumerate() {
            for mark in ["Router::new(", ".nest(", ".nest_service(", ".route_service(", ".fallback_service("]
            {
                if line.contains(mark) {
                    found.push(format!("{}:{}: `{mark}`", source.path, number + 1));
                }
            }
        }
    }
    found
}

#[test]
fn a_path_begins_at_its_crate_or_next_door() {
    let found = winding_paths(&source::all());
    assert_none(&found, "paths that wind; write `crate::…` and `pub(crate)`");
}

#[test]
fn a_winding_path_is_seen() {
    let text = "use super::super::App;\npub(in crate::web) fn f() {}\nuse super::{\n    super::Error,\n};\n\
        use crate::{self, web::{page}};\nuse super::App as Other;";
    let found = winding_paths(&[Source::new("src/bad.rs", text)]);
    assert_eq!(
        found,
        ["src/bad.rs:1: `super::super`", "src/bad.rs:2: `pub(in `", "src/bad.rs:4: `super::{super"]
    );
}

#[test]
fn no_documentation_repeats_the_error_type() {
    let found = errors_sections(&source::all());
    assert_none(&found, "`# Errors` sections; the error's type and its variants are that documentation");
}

#[test]
fn an_errors_section_is_seen() {
    let text = "/// Opens it.\n///\n/// # Errors\n/// The database's.\nfn f() {}\n    //! # Errors\n/**\n * # Errors\n */\n\
        #[doc = \"# Errors\"]\n// # Errors\nlet heading = \"# Errors\";";
    let found = errors_sections(&[Source::new("src/bad.rs", text)]);
    assert_eq!(found, ["src/bad.rs:3", "src/bad.rs:6", "src/bad.rs:8", "src/bad.rs:10"]);
}

#[test]
fn what_an_administrator_does_knows_no_http() {
    assert_none(&http_in_admin(&source::all()), "HTTP in src/admin; web turns its errors into answers");
}

#[test]
fn http_in_the_admin_room_is_seen() {
    let text = "use axum::http::StatusCode;\nfn f() { axum_like(); }\naxum::serve()";
    let sources = [Source::new("src/admin/users.rs", text), Source::new("src/web/server.rs", text)];
    let found = http_in_admin(&sources);
    assert_eq!(
        found,
        ["src/admin/users.rs:1: use axum::http::StatusCode;", "src/admin/users.rs:3: axum::serve()"]
    );
}

#[test]
fn every_route_comes_from_the_table_that_is_tried() {
    let found = routes_beside_the_table(&source::all());
    assert_none(&found, "routes beside access::Routes; tests/routes.rs would not try them");
}

#[test]
fn a_route_beside_the_table_is_seen() {
    let text = "let router = OpenApiRouter::new().nest(\"/x\", other);\nroutes.get(\"/login\", Guard::Public, show);";
    let found = routes_beside_the_table(&[Source::new("src/web/server.rs", text)]);
    assert_eq!(found, ["src/web/server.rs:1: `Router::new(`", "src/web/server.rs:1: `.nest(`"]);
}
