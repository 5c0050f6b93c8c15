//! Who provisions, and when a change waits.

use std::sync::Arc;

use crate::access::Principal;
use crate::audit::Context;
use crate::directory::users::{ChangeAuthority, UserCountCache, UserLoader, UserOffsetIndex};
use crate::idp::connections::ScimSettings;
use crate::kernel::Kernel;
use crate::kernel::http::RequestContext;

/// The provisioning client of a request: put there by the middleware. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Provisioner(Arc<ProvisioningClient>);

/// See [`Provisioner`].
pub(crate) struct ProvisioningClient {
    /// Who acts: the connection's service account, or an administrator who lets through what waited.
    pub(super) principal: Principal,
    /// The connection.
    pub(super) connection_id: String,
    /// Its name.
    pub(super) connection_name: String,
    pub(super) settings: ScimSettings,
    /// Whether it is switched on.
    pub(super) enabled: bool,
    /// Whether it was paused.
    pub(super) paused: bool,
    /// Shared by all clients of this node.
    pub(super) user_caches: Arc<UserCaches>,
}

/// What this node remembers of users, whichever client asks.
#[derive(Default)]
pub(super) struct UserCaches {
    /// How many there are.
    pub(super) totals: UserCountCache,
    /// Which places they have in the list of all.
    pub(super) offsets: UserOffsetIndex,
    /// Who is looked up at present.
    pub(super) names: UserLoader,
}

/// Why a change waits for an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HoldReason {
    /// The connection is tried out.
    DryRun,
    /// Too many people would lose access.
    Paused,
}

impl From<ProvisioningClient> for Provisioner {
    fn from(client: ProvisioningClient) -> Self {
        Self(Arc::new(client))
    }
}

impl std::ops::Deref for Provisioner {
    type Target = ProvisioningClient;
    fn deref(&self) -> &ProvisioningClient {
        &self.0
    }
}

impl ProvisioningClient {
    pub(super) fn authority(&self) -> ChangeAuthority<'_> {
        ChangeAuthority::Connection(&self.connection_id)
    }

    pub(super) fn account_id(&self) -> &str {
        &self.principal.account_id
    }

    pub(super) fn context(&self, request: &RequestContext) -> Context {
        self.principal.context(request)
    }

    /// Why changes wait for an administrator, if they do.
    pub(super) fn hold_reason(&self) -> Option<HoldReason> {
        match (self.settings.dry_run, self.paused) {
            (_, true) => Some(HoldReason::Paused),
            (true, false) => Some(HoldReason::DryRun),
            (false, false) => None,
        }
    }
}

/// `https://id.example.com/scim/v2`
pub(super) fn base_url(kernel: &Kernel) -> String {
    kernel.urls.absolute("/scim/v2")
}
