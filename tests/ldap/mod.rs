//! Directories: slapd, and a Samba domain controller.

mod active_directory;
mod leavers;
mod pages;
mod password_policy;
mod signin;
pub mod sync;
mod trials;
mod trouble;
pub mod world;
