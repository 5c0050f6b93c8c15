//! The sources that the guards read, and how they say what they found.

use std::path::{Path, PathBuf};

/// One file of Rust.
pub struct Source {
    /// From the root of the repository, with `/`.
    pub path: String,
    pub text: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    pub fn syntax(&self) -> syn::File {
        syn::parse_file(&self.text).unwrap_or_else(|error| panic!("{}: {error}", self.path))
    }

    /// The modules it lies in: `src/signin/flow/store.rs` is `signin::flow::store`, and in a crate the
    /// crate's name comes first.
    pub fn module(&self) -> Vec<String> {
        let mut parts: Vec<String> =
            self.path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if parts.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
            parts.pop();
        }
        parts.retain(|part| !matches!(part.as_str(), "src" | "crates"));
        parts.iter().map(|part| part.replace('-', "_")).collect()
    }
}

fn collect(folder: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            if !path.ends_with("target") {
                collect(&path, extensions, found);
            }
        } else if path.extension().is_some_and(|extension| extensions.iter().any(|one| extension == *one)) {
            found.push(path);
        }
    }
}

/// The files below the folders with one of the extensions, in the order of their paths.
pub fn files(folders: &[&str], extensions: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in folders {
        collect(&root.join(folder), extensions, &mut found);
    }
    found.sort();
    let read = |path: PathBuf| Source {
        text: std::fs::read_to_string(&path).expect("text"),
        path: path.strip_prefix(root).expect("inside").to_string_lossy().replace('\\', "/"),
    };
    found.into_iter().map(read).collect()
}

/// Everything in `src/` and `crates/`, in the order of the paths.
pub fn all() -> Vec<Source> {
    let found = files(&["src", "crates"], &["rs"]);
    assert!(found.len() > 100, "the sources are not where this test looks for them");
    found
}

/// The same without what lies beside a crate's `src/`: its own tests, benchmarks and examples.
pub fn production() -> Vec<Source> {
    let mut sources = all();
    sources.retain(|source| source.path.starts_with("src/") || source.path.contains("/src/"));
    sources
}

/// Fails with every finding at once: whoever has to repair them wants the whole list.
pub fn assert_none(found: &[String], advice: &str) {
    assert!(found.is_empty(), "{advice}\n  {}\n{} in all", found.join("\n  "), found.len());
}
