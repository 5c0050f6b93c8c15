//! What an account requires of a sign-in, and what a change of these requirements affects.

mod approval;
mod authority;
mod authorize;
mod change;
mod enforcement;
mod impact;
mod sign_in_methods;

pub use approval::{ApprovalRefusal, find_approval_refusal};
pub(super) use authority::LinkConfirmation;
pub use authority::{AddressClaim, has_address_authority, may_provision_address};
pub(super) use authorize::{Admission, authorize_sign_in, reauthorize};
pub use change::{
    RemovedFactors, leaves_no_sign_in_method, may_change_enforcement, requester_has_second_factor,
};
pub use enforcement::{affected_count, is_enforced_for, token_restriction};
pub(super) use enforcement::{session_restriction, users_without_factor};
pub use impact::{ImpactCounts, count_impact};
pub use sign_in_methods::{allowed_methods, may_use_password};
