//! Invitations by mail. The invited person is a pending user from the start, in their groups and with
//! their roles; the link, or a first sign-in through the company's identity provider, lets them in.

mod create;
mod letters;
mod manage;
mod model;
mod people;
mod store;

pub use create::{Invitee, NewInvitations, Outcome, Verdict, create};
pub use manage::{cancel, copy_link, resend};
pub use model::{Invitation, State};
pub use people::people;
pub use store::{by_id, landing_of, list, of_user};
