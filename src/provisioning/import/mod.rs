//! `user import`: people from the system before this one, with the hashes of their passwords.

mod engine;
mod report;
mod rows;
mod store;

pub use engine::{ImportError, ImportOptions, ImportProgress, run};
pub use rows::ImportFormat;
