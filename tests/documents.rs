//! The documents: their links lead somewhere, their paths exist, their commands work.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::architecture::source::Source;
use crate::harness::Backend;
use crate::harness::process::{self, Process};
use crate::texts::extract::raw_documents;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The content outside of fenced blocks.
fn prose(content: &str) -> String {
    content.split("```").step_by(2).collect::<Vec<_>>().join("\n")
}

/// The fenced blocks with this language.
fn blocks<'a>(content: &'a str, language: &str) -> Vec<&'a str> {
    let fenced = content.split("```").skip(1).step_by(2);
    fenced.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).collect()
}

/// The anchors of a document, as GitHub makes them from headings.
fn anchors(content: &str) -> BTreeSet<String> {
    let headings = content.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let text = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        text.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
    };
    headings.map(anchor).collect()
}

/// What a link between documents leads to and is not there.
fn broken_link(from: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = match file {
        "" => root().join(from),
        _ => root().join(from).parent().expect("a folder").join(file),
    };
    if !path.exists() {
        return Some(format!("{from}: {target} does not exist"));
    }
    let has_anchor = || anchors(&std::fs::read_to_string(&path).expect("a document")).contains(anchor);
    (!anchor.is_empty() && !has_anchor()).then(|| format!("{from}: {target} has no such heading"))
}

#[test]
fn every_link_leads_to_something() {
    let mut broken = Vec::new();
    for Source { path, text: content } in raw_documents() {
        let prose = prose(&content);
        for link in prose.split("](").skip(1) {
            broken.extend(broken_link(&path, link.split(')').next().unwrap_or_default()));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_path_that_is_named_exists() {
    let ours =
        ["src/", "tests/", "docs/", "templates/", "migrations/", "crates/", "tools/", "benches/", "fuzz/"];
    let mut missing = Vec::new();
    for Source { path, text: content } in raw_documents() {
        // What an old decision or an old version names may be gone.
        if path.starts_with("docs/decisions/") || path == "CHANGELOG.md" {
            continue;
        }
        for code in prose(&content).split('`').skip(1).step_by(2) {
            let is_pattern = code.contains(['*', '{', '…', ' ', '<', ':'])
                || code.contains("NAME")
                || code.contains("NNNN");
            if ours.iter().any(|folder| code.starts_with(folder))
                && !is_pattern
                && !root().join(code).exists()
            {
                missing.push(format!("{path}: {code}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_readme_is_short() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let words = readme.split_whitespace().count();
    assert!(words <= 1300, "README.md has {words} words; what is not for a first look belongs in docs/");
}

#[test]
fn the_screenshots_of_the_readme_are_made_by_a_command() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let pictures = readme.split("](docs/screenshots/").skip(1);
    let pictures: BTreeSet<&str> = pictures.filter_map(|link| link.split(')').next()).collect();
    assert!(!pictures.is_empty());
    let made: BTreeSet<&str> = crate::screenshots::FILES.into_iter().collect();
    assert_eq!(pictures, made, "make screenshots");
}

/// Splits a command as a shell does, as far as the documents need it: quotes, and variables of ours.
fn arguments(line: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let mut line = line.to_owned();
    for (name, value) in variables {
        line = line.replace(&format!("${name}"), value);
    }
    let (mut found, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if c == ' ' => found.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    found.push(word);
    found.retain(|word| !word.is_empty());
    found
}

/// A server with an account, in which the commands of one document run.
struct Host {
    dir: tempfile::TempDir,
    database: String,
    server: Process,
    token: String,
}

impl Host {
    async fn start() -> Self {
        let dir = tempfile::tempdir().expect("dir");
        let database = Backend::Sqlite.fresh(&dir).await;
        let server = Process::start(dir.path(), &database, None);
        Self { dir, database, server, token: String::new() }
    }

    fn create_account(&mut self) {
        self.run_vestibule(&["account", "create", "acme", "--admin-email", "ada@acme.example"]);
    }

    fn run_vestibule(&mut self, arguments: &[&str]) {
        process::run(self.dir.path(), &self.database, arguments);
        if arguments.first() == Some(&"account") {
            let create = ["api-token", "create", "--account", "acme", "--name", "documents"];
            self.token = process::run(self.dir.path(), &self.database, &create);
        }
    }

    fn run_curl(&self, line: &str) {
        let variables =
            [("VESTIBULE_TOKEN", self.token.as_str()), ("VESTIBULE_URL", self.server.url.as_str())];
        let output =
            Command::new("curl").args(&arguments(line, &variables)[1..]).output().expect("curl runs");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Whether a target is in the Makefile, and what it runs exists.
fn check_make(line: &str) {
    let mut make = Command::new("make");
    make.args(["--dry-run", "--directory"]).arg(root()).args(line.split(' ').skip(1));
    let output = make.output().expect("make runs");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

fn check_cargo(line: &str) {
    let command = line.split(' ').nth(1).unwrap_or_default();
    let known = ["check", "test", "bench", "build", "fmt", "clippy"];
    assert!(known.contains(&command), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_works() {
    let mut commands = 0;
    for Source { path, text: content } in raw_documents() {
        let lines: Vec<&str> = blocks(&content, "sh").into_iter().flat_map(str::lines).collect();
        if lines.is_empty() {
            continue;
        }
        let mut host = Host::start().await;
        if !lines.iter().any(|line| line.starts_with("vestibule account create")) {
            host.create_account();
        }
        for (name, text) in blocks(&content, "csv").into_iter().map(|text| ("people.csv", text)) {
            std::fs::write(host.dir.path().join(name), text).expect("file");
        }
        for line in lines {
            commands += 1;
            match line.split(' ').next().unwrap_or_default() {
                "vestibule" => {
                    let arguments = arguments(line, &[]);
                    let arguments: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
                    host.run_vestibule(&arguments);
                }
                "curl" => host.run_curl(line),
                "make" => check_make(line),
                "cargo" => check_cargo(line),
                "docker" => assert!(root().join("compose.yaml").exists(), "{path}: {line}"),
                other => panic!("{path}: this test cannot run {other:?}"),
            }
        }
    }
    assert!(commands > 10, "{commands} commands");
}

/// `make run` from its beginning to the address it prints, with a `cargo` that has nothing to build: the build of the
/// tests has other features than the one that `make run` would make, which takes minutes.
#[test]
fn make_run_starts_the_server() {
    let dir = tempfile::tempdir().expect("folder");
    let cargo = dir.path().join("cargo");
    std::fs::write(&cargo, "#!/bin/sh\n[ \"$1\" = build ]\n").expect("script");
    std::fs::set_permissions(&cargo, Permissions::from_mode(0o755)).expect("executable");
    let database = format!("sqlite://{}/vestibule.db", dir.path().display());
    let built = Path::new(env!("CARGO_BIN_EXE_vestibule")).ancestors().nth(2).expect("the target folder");
    let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").expect("PATH"));
    let mut make = process::vestibule_by(Command::new("make"), dir.path(), &database);
    make.args(["run", "--directory"]).arg(root()).env("PATH", path).env("CARGO_TARGET_DIR", built);
    make.env("VESTIBULE_MAIL__DIRECTORY", dir.path().join("outbox"));
    let mut make = make.process_group(0).stdout(Stdio::piped()).spawn().expect("make runs");
    let lines = BufReader::new(make.stdout.take().expect("stdout")).lines().map_while(Result::ok);
    let found: Vec<String> = lines.take_while(|line| !line.contains("/setup")).collect();
    let group = format!("-{}", make.id());
    assert!(Command::new("kill").args(["--", &group]).status().expect("kill").success());
    make.wait().expect("make ends");
    assert!(found.iter().any(|line| line.starts_with("Vestibule listens on http://127.0.0.1:")), "{found:?}");
}

#[test]
fn a_broken_link_is_seen() {
    assert_eq!(broken_link("README.md", "docs/README.md"), None);
    assert!(broken_link("README.md", "docs/none.md").is_some());
    assert!(broken_link("docs/README.md", "../README.md#no-such-heading").is_some());
    assert_eq!(broken_link("README.md", "https://example.com/x"), None);
    assert_eq!(blocks("a\n```sh\nx\n```\nb\n```toml\ny\n```\n", "sh"), ["x\n"]);
    assert_eq!(
        arguments(r#"curl --header "A: $T" '{"a": 1}'"#, &[("T", "x")]),
        ["curl", "--header", "A: x", r#"{"a": 1}"#]
    );
}
