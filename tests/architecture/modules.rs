//! The tree of modules, and where a path in it leads: to the file that defines what it names.

use std::collections::{BTreeMap, BTreeSet};

use super::references::{self, Reference};
use super::source::Source;

pub type ModuleId = usize;

#[derive(Default)]
pub struct Module {
    /// The file it is written in, as a number in the list of sources.
    pub file: usize,
    pub parent: Option<ModuleId>,
    pub children: BTreeMap<String, ModuleId>,
    /// What it defines itself.
    pub items: BTreeSet<String>,
    pub uses: Vec<Use>,
}

/// One name that a `use` brings into a module, or everything of another with `*`.
pub struct Use {
    pub name: String,
    pub target: Vec<String>,
}

/// Where a path leads.
#[derive(Clone)]
pub enum Target {
    Module(ModuleId),
    /// Something of this name, defined in this file.
    Item(usize, String),
}

#[derive(Default)]
pub struct Tree {
    pub modules: Vec<Module>,
    pub references: Vec<Reference>,
    /// By the name that other crates know it by.
    crates: BTreeMap<String, ModuleId>,
}

/// `use` of a `use` of a `use`: deeper than anybody writes, and the end of two that mean each other.
const DEEPEST: usize = 16;

impl Tree {
    pub fn read(sources: &[Source]) -> Self {
        let mut tree = Self::default();
        let files = sources.iter().enumerate().map(|(n, source)| (source.path.clone(), n)).collect();
        for (n, source) in sources.iter().enumerate() {
            let Some(home) = source.path.strip_suffix("src/lib.rs") else { continue };
            let root = tree.add(None, n);
            let name = home.trim_end_matches('/').rsplit('/').next().unwrap_or_default().replace('-', "_");
            tree.crates.insert(name, root);
            tree.read_file(sources, &files, root);
        }
        tree
    }

    pub fn add(&mut self, parent: Option<ModuleId>, file: usize) -> ModuleId {
        self.modules.push(Module { file, parent, ..Module::default() });
        self.modules.len() - 1
    }

    fn read_file(&mut self, sources: &[Source], files: &BTreeMap<String, usize>, module: ModuleId) {
        let file = self.modules[module].file;
        let path = &sources[file].path;
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let below = match name.trim_end_matches(".rs") {
            "mod" | "lib" => folder.to_owned(),
            stem => format!("{folder}/{stem}"),
        };
        for declared in references::read(self, module, &sources[file].syntax()) {
            let candidates = match &declared.path {
                Some(path) => vec![format!("{folder}/{path}")],
                None => ["", "/mod"].map(|rest| format!("{below}/{}{rest}.rs", declared.name)).to_vec(),
            };
            if let Some(file) = candidates.iter().find_map(|candidate| files.get(candidate)) {
                let child = self.add(Some(declared.inside), *file);
                self.modules[declared.inside].children.insert(declared.name, child);
                self.read_file(sources, files, child);
            }
        }
    }

    /// Where `path`, written in `from`, leads; nowhere when it belongs to another crate or is a local name.
    pub fn resolve(&self, from: ModuleId, path: &[String]) -> Option<Target> {
        self.resolve_within(from, path, DEEPEST)
    }

    fn resolve_within(&self, from: ModuleId, path: &[String], depth: usize) -> Option<Target> {
        let depth = depth.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Target::Module(self.root(from)),
            "self" => Target::Module(from),
            "super" => Target::Module(self.modules[from].parent?),
            name => {
                let known = self.lookup(from, name, rest.is_empty(), depth);
                known.or_else(|| self.crates.get(name).copied().map(Target::Module))?
            }
        };
        for (n, name) in rest.iter().enumerate() {
            // What follows an item is its own: a variant, an associated function.
            let Target::Module(module) = at else { break };
            at = match name.as_str() {
                "super" => Target::Module(self.modules[module].parent?),
                "self" => at,
                // A name that nothing here defines is what a macro defines here.
                name => self
                    .lookup(module, name, n + 1 == rest.len(), depth)
                    .unwrap_or_else(|| Target::Item(self.modules[module].file, name.to_owned())),
            };
        }
        Some(at)
    }

    /// `name` in `module`. A function may have a module's name: the last part of a path means the function.
    fn lookup(&self, module: ModuleId, name: &str, is_last: bool, depth: usize) -> Option<Target> {
        let this = &self.modules[module];
        let item = || this.items.contains(name).then(|| Target::Item(this.file, name.to_owned()));
        let child = || this.children.get(name).copied().map(Target::Module);
        let used = || {
            let named = this.uses.iter().filter(|used| used.name == name);
            // One name may be brought in for a module and for a function.
            let targets = named.filter_map(|used| self.resolve_use(module, used, depth));
            let is_wanted = |target: &Target| matches!(target, Target::Item(..)) == is_last;
            let targets: Vec<Target> = targets.collect();
            targets.iter().find(|target| is_wanted(target)).or(targets.first()).cloned()
        };
        let starred = || {
            let stars = this.uses.iter().filter(|used| used.name == "*");
            let mut modules = stars.filter_map(|used| self.resolve_use(module, used, depth));
            modules.find_map(|target| match target {
                Target::Module(other) => self.lookup(other, name, is_last, depth.checked_sub(1)?),
                Target::Item(..) => None,
            })
        };
        if is_last {
            item().or_else(used).or_else(child).or_else(starred)
        } else {
            child().or_else(used).or_else(item).or_else(starred)
        }
    }

    fn resolve_use(&self, module: ModuleId, used: &Use, depth: usize) -> Option<Target> {
        // `use config;` of another crate, and `pub use checks` of a macro, name themselves.
        if used.target[..] == [used.name.clone()] {
            return None;
        }
        self.resolve_within(module, &used.target, depth)
    }

    fn root(&self, mut module: ModuleId) -> ModuleId {
        while let Some(parent) = self.modules[module].parent {
            module = parent;
        }
        module
    }
}
