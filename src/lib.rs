//! Vestibule: the room between the street and the house. Every person and every provisioning client
//! enters an application through it.
//!
//! The rooms, each of which may use the ones before it:
//! [`kernel`] → [`audit`] → [`directory`].

pub mod access;
pub mod audit;
pub mod directory;
pub mod kernel;
