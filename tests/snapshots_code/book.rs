//! A folder of snapshots, taken one by one; what differs is told at the end, all of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::Value;

use super::plain::{Known, html, plain};
use crate::harness::mail::Mail;
use crate::harness::{Answer, Client, Server};

/// Headers that are part of what is said; the rest is the same everywhere and is looked at once.
const HEADERS: [&str; 6] =
    ["location", "content-type", "content-disposition", "set-cookie", "retry-after", "etag"];

pub struct Book {
    folder: &'static str,
    known: Known,
    taken: BTreeSet<String>,
    differ: Vec<String>,
}

/// Where the snapshots are.
pub fn shelf() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots")
}

impl Book {
    /// Snapshots that have nothing to do with a server.
    pub fn blank(folder: &'static str) -> Self {
        Self { folder, known: Known::default(), taken: BTreeSet::new(), differ: Vec::new() }
    }

    pub fn of(folder: &'static str, server: &Server) -> Self {
        let mut book = Self::blank(folder);
        book.place(&server.url, "vestibule.test");
        book.known.names.push((server.dir.path().display().to_string(), "[folder]".into()));
        book
    }

    /// The server at this address goes by this host name in the snapshots.
    pub fn place(&mut self, url: &str, name: &str) {
        let address = url.trim_start_matches("http://");
        let encoded = |text: &str| text.replace(':', "%3A").replace('/', "%2F");
        let names = &mut self.known.names;
        names.push((address.to_owned(), name.to_owned()));
        names.push((encoded(address), encoded(name)));
    }

    /// Takes a snapshot of a text as it is.
    pub fn take(&mut self, name: &str, text: &str) {
        assert!(self.taken.insert(name.to_owned()), "{name} is taken twice");
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(Path::new("../snapshots").join(self.folder));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let text = plain(text, &self.known);
        let assert = AssertUnwindSafe(|| settings.bind(|| insta::assert_snapshot!(name, text)));
        if catch_unwind(assert).is_err() {
            self.differ.push(name.to_owned());
        }
    }

    /// Takes a snapshot of an answer, and of what was asked.
    pub fn answer(&mut self, name: &str, (method, path): (&str, &str), answer: &Answer) {
        let mut text = format!("{method} {path}\n{}\n", answer.status);
        for header in HEADERS {
            for value in answer.headers.get_all(header) {
                let value = value.to_str().expect("text");
                let value = if header == "set-cookie" { cookie(value) } else { value.to_owned() };
                writeln!(text, "{header}: {value}").expect("writes");
            }
        }
        let body = readable(answer.header("content-type"), &answer.body);
        if !body.is_empty() {
            write!(text, "\n{body}").expect("writes");
        }
        self.take(name, &text);
    }

    pub async fn get(&mut self, client: &Client, name: &str, path: &str) -> Answer {
        let answer = client.get(path).await;
        self.answer(name, ("GET", path), &answer);
        answer
    }

    pub async fn form(&mut self, client: &Client, name: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let answer = client.form(path, fields).await;
        self.answer(name, ("POST", path), &answer);
        answer
    }

    pub async fn parts(
        &mut self,
        client: &Client,
        name: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let form = fields.iter().fold(reqwest::multipart::Form::new(), |form, (name, value)| {
            form.text((*name).to_owned(), (*value).to_owned())
        });
        let answer = client.send(client.request(Method::POST, path).multipart(form)).await;
        self.answer(name, ("POST", path), &answer);
        answer
    }

    pub async fn json(
        &mut self,
        client: &Client,
        name: &str,
        (method, path): (&str, &str),
        body: &Value,
    ) -> Answer {
        let answer = client.json(method.parse().expect("method"), path, body).await;
        self.answer(name, (method, path), &answer);
        answer
    }

    /// Takes a snapshot of a mail.
    pub fn mail(&mut self, name: &str, mail: &Mail) {
        let Mail { from, to, subject, text, html: page, .. } = mail;
        let all = format!("From: {from}\nTo: {to}\nSubject: {subject}\n\n{text}\n\n{}", html(page));
        self.take(name, &all);
    }

    /// Tells what differs, and what lies in the folder and was not taken.
    pub fn close(self) {
        let folder = shelf().join(self.folder);
        let update = std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always");
        let mut left = Vec::new();
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(name) = name.strip_suffix(".snap").map(str::to_owned) else { continue };
            if !self.taken.contains(&name) && update {
                std::fs::remove_file(entry.path()).expect("removed");
            } else if !self.taken.contains(&name) {
                left.push(name);
            }
        }
        assert!(
            self.differ.is_empty() && left.is_empty(),
            "{}: these differ: {:#?}; nobody takes these any more: {left:#?}",
            self.folder,
            self.differ
        );
    }
}

/// A cookie without its value.
fn cookie(text: &str) -> String {
    let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    format!("{name}={};{attributes}", if value.is_empty() { "" } else { "[cookie]" })
}

/// A body as one likes to read it in a review.
fn readable(kind: &str, body: &str) -> String {
    if kind.contains("json") {
        let value: Value = serde_json::from_str(body).expect("JSON");
        serde_json::to_string_pretty(&value).expect("JSON")
    } else if kind.contains("html") {
        html(body)
    } else if kind.contains("xml") {
        body.replace("><", ">\n<")
    } else {
        body.to_owned()
    }
}
