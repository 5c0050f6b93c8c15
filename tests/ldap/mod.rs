//! Directories: slapd, and a Samba domain controller.

mod active_directory;
mod pages;
mod signin;
mod sync;
mod trials;
mod trouble;
pub mod world;
