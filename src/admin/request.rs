//! The request of an administrator, with the services that carry it out.

use super::Error;
use crate::access::Principal;
use crate::audit::Context;
use crate::directory::accounts;
use crate::idp::Idp;
use crate::kernel::http::RequestContext;
use crate::kernel::http_client::HttpClient;
use crate::kernel::{AccountId, Kernel, Timestamp};
use crate::signin::SignIn;

/// A request of an administrator, or of a user about their own data.
#[derive(Clone, Copy)]
pub struct AdminRequest<'a> {
    idp: &'a Idp,
    principal: &'a Principal,
    request: &'a RequestContext,
}

impl<'a> AdminRequest<'a> {
    /// A request by `principal`.
    #[must_use]
    pub fn new(idp: &'a Idp, principal: &'a Principal, request: &'a RequestContext) -> Self {
        Self { idp, principal, request }
    }

    /// The services for identity providers.
    #[must_use]
    pub fn idp(&self) -> &'a Idp {
        self.idp
    }

    /// The services for signing in.
    #[must_use]
    pub fn signin(&self) -> &'a SignIn {
        &self.idp.signin
    }

    /// The services that every module uses.
    #[must_use]
    pub fn kernel(&self) -> &'a Kernel {
        &self.idp.signin.kernel
    }

    /// The principal that makes the request.
    #[must_use]
    pub fn principal(&self) -> &'a Principal {
        self.principal
    }

    /// The account of the principal, to which the request is limited.
    #[must_use]
    pub fn account_id(&self) -> &'a AccountId {
        &self.principal.account_id
    }

    /// The HTTP client for addresses that administrators of the account enter.
    pub async fn http_client(&self) -> Result<HttpClient, Error> {
        let mut c = self.kernel().db.read().await?;
        let account = accounts::by_id(&mut c, self.account_id()).await?;
        let account = account.ok_or(Error::NotFound("account"))?;
        Ok(self.kernel().http_clients.of_account(&account.slug))
    }

    /// The context for audit events.
    #[must_use]
    pub fn context(&self) -> Context {
        self.principal.context(self.request)
    }
}

impl Principal {
    /// Refuses with [`Error::NeedsReauthentication`] unless the user has authenticated recently. A token
    /// never counts.
    pub fn require_recent_authentication(&self, now: Timestamp) -> Result<(), Error> {
        if self.is_recently_authenticated(now) { Ok(()) } else { Err(Error::NeedsReauthentication) }
    }
}
