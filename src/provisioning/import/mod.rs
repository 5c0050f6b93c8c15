//! `user import`: creates users from an export of another system, with their password hashes.

mod engine;
mod report;
mod rows;
mod store;

pub use engine::{ImportError, ImportOptions, ImportProgress, run};
pub use rows::ImportFormat;
