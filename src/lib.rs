//! Vestibule, an identity server: users and provisioning clients reach an application through it.
//!
//! The modules form layers, each of which uses only those before it: [`kernel`] → [`audit`] → [`directory`]
//! → [`access`] → [`signin`] → [`idp`] → [`provisioning`] → [`apps`] → [`admin`] → [`web`] → [`cli`].

pub mod access;
pub mod admin;
pub mod apps;
pub mod audit;
pub mod cli;
pub mod directory;
pub mod idp;
pub mod kernel;
pub mod provisioning;
pub mod signin;
pub mod web;
