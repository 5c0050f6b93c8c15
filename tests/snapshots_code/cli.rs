//! The help of the command line, of each command that it names.

use super::book::Book;
use crate::harness::process::vestibule;

/// What the binary says to these words and `--help`.
fn help(words: &[String]) -> String {
    let dir = tempfile::tempdir().expect("dir");
    let mut command = vestibule(dir.path(), "sqlite://v.db");
    let done = command.args(words).arg("--help").output().expect("runs");
    assert!(done.status.success(), "{words:?}");
    String::from_utf8(done.stdout).expect("text")
}

/// The commands that a help names.
fn commands(help: &str) -> Vec<String> {
    let list = help.split("Commands:\n").nth(1).unwrap_or_default();
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_help_of_each_command() {
    let mut book = Book::blank("cli");
    let mut next = vec![Vec::new()];
    while let Some(words) = next.pop() {
        let said = help(&words);
        let name = [&["vestibule".to_owned()][..], &words].concat().join("-");
        book.take(&name, &said);
        next.extend(commands(&said).into_iter().map(|command| [&words[..], &[command]].concat()));
    }
    book.close();
}
