//! What people and programs get to read, word for word: pages, mails, JSON, XML, the command line.
//!
//! A change of words or of the wire shows up in review as a change of a `.snap` file in `tests/snapshots`. Everything
//! goes over HTTP (or the real binary), so that these tests outlive any change inside; the few names they need from
//! the server itself are in [`inside`] alone. The clock stands at a constant moment, so times are snapshotted as they
//! are; what is random gets a placeholder in [`plain`].
//!
//! `INSTA_UPDATE=always cargo test --test vestibule snapshots::` takes changes over and removes what nobody takes any
//! more (run it again where a new address has just got its first snapshot: `coverage` looks at what is there when it
//! begins). With `CI=true` nothing is written.

mod api;
mod book;
mod cli;
mod console;
mod coverage;
mod forms;
mod inside;
mod letters;
mod letters_two_factor;
mod links;
mod plain;
mod profile;
mod scim;
mod signin;
mod two_factor;
mod wire;
mod world;
