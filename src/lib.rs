//! Vestibule, an identity server: users and provisioning clients reach an application through it.
//!
//! Each module may use only the ones before it, which a test checks: [`kernel`] → [`audit`] → [`directory`]
//! → [`access`] → [`signin`] → [`idp`] → [`provisioning`] → [`web`] → [`cli`].

pub mod access;
pub mod audit;
pub mod cli;
pub mod directory;
pub mod idp;
pub mod kernel;
pub mod provisioning;
pub mod signin;
pub mod web;
