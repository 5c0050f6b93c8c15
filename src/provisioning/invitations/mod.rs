//! Invitations by mail. An invited user is pending from the start, and already has their groups and roles.
//! The user becomes active through the mailed link, or by a first sign-in through their identity provider.

mod create;
mod emails;
mod invitee_list;
mod manage;
mod model;
mod store;

pub use create::create;
pub use invitee_list::parse_invitees;
pub use manage::{cancel, copy_link, resend};
pub use model::{Invitation, InviteStatus, Invitee, InviteeOutcome, NewInvitations, State};
pub use store::{by_id, landing_url_of, list, of_user};
