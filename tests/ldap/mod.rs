//! Directories: slapd, and a Samba domain controller.

mod active_directory;
mod held_searches;
mod leavers;
mod pages;
mod password_policy;
mod signin;
pub mod sync;
mod trials;
mod trouble;
mod two_directories;
mod user_sync;
pub mod world;
