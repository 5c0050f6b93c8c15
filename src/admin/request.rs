//! Who asks for a change, from where, and with which services it is carried out.

use super::Error;
use crate::access::Principal;
use crate::audit::Context;
use crate::idp::Idp;
use crate::kernel::http::RequestContext;
use crate::kernel::{Kernel, Timestamp};
use crate::signin::SignIn;

/// A request of an administrator, or of a person about themselves.
#[derive(Clone, Copy)]
pub struct AdminRequest<'a> {
    idp: &'a Idp,
    principal: &'a Principal,
    request: &'a RequestContext,
}

impl<'a> AdminRequest<'a> {
    /// What `principal` asks for in `request`.
    #[must_use]
    pub fn new(idp: &'a Idp, principal: &'a Principal, request: &'a RequestContext) -> Self {
        Self { idp, principal, request }
    }

    /// The services of identity providers.
    #[must_use]
    pub fn idp(&self) -> &'a Idp {
        self.idp
    }

    /// The services of signing in.
    #[must_use]
    pub fn signin(&self) -> &'a SignIn {
        &self.idp.signin
    }

    /// The services that every room uses.
    #[must_use]
    pub fn kernel(&self) -> &'a Kernel {
        &self.idp.signin.kernel
    }

    /// Who asks.
    #[must_use]
    pub fn principal(&self) -> &'a Principal {
        self.principal
    }

    /// The account in which everything happens.
    #[must_use]
    pub fn account_id(&self) -> &'a str {
        &self.principal.account_id
    }

    /// For the audit events of what is done.
    #[must_use]
    pub fn context(&self) -> Context {
        self.principal.context(self.request)
    }
}

impl Principal {
    /// Refuses what needs a recent proof of who the person is. A token is none.
    pub fn require_recent_authentication(&self, now: Timestamp) -> Result<(), Error> {
        if self.is_recently_authenticated(now) { Ok(()) } else { Err(Error::NeedsReauthentication) }
    }
}
