//! Invitations by mail. The invited person is a pending user from the start, in their groups and with
//! their roles; the link, or a first sign-in through the company's identity provider, lets them in.

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
