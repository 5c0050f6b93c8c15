//! The provisioning client of a request.

use std::sync::Arc;

use crate::access::Principal;
use crate::audit::Context;
use crate::directory::users::{ChangeAuthority, UserCountCache, UserLoader, UserOffsetIndex};
use crate::idp::connections::ScimSettings;
use crate::kernel::http::RequestContext;
use crate::kernel::{AccountId, ConnectionId, Kernel};

/// The provisioning client of a request, which the middleware stores in the request. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Provisioner(Arc<ProvisioningClient>);

/// The content of [`Provisioner`], reached through `Deref`.
pub(crate) struct ProvisioningClient {
    /// The principal that acts: the connection's service account, or the administrator who approves pending
    /// changes.
    pub(super) principal: Principal,
    /// The id of the connection.
    pub(super) connection_id: ConnectionId,
    /// The name of the connection.
    pub(super) connection_name: String,
    pub(super) settings: ScimSettings,
    /// Whether the connection is enabled.
    pub(super) enabled: bool,
    /// Whether the connection is paused.
    pub(super) paused: bool,
    /// Shared by all provisioning clients of this node.
    pub(super) user_caches: Arc<UserCaches>,
}

/// This node's caches of users, shared by all provisioning clients.
#[derive(Default)]
pub(super) struct UserCaches {
    /// The number of users of each account.
    pub(super) totals: UserCountCache,
    /// The positions of users in the list of all users.
    pub(super) offsets: UserOffsetIndex,
    /// Lookups by user name.
    pub(super) names: UserLoader,
}

/// Why a change waits for an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HoldReason {
    /// The connection is in a dry run.
    DryRun,
    /// The connection is paused, because too many users would have lost access.
    Paused,
    /// It is about a user with a role, whose address, username and status a directory does not decide on.
    RoleHolder,
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

    pub(super) fn account_id(&self) -> &AccountId {
        &self.principal.account_id
    }

    pub(super) fn context(&self, request: &RequestContext) -> Context {
        self.principal.context(request)
    }

    /// Why changes of this client wait for an administrator, if they do.
    pub(super) fn hold_reason(&self) -> Option<HoldReason> {
        match (self.settings.dry_run, self.paused) {
            (_, true) => Some(HoldReason::Paused),
            (true, false) => Some(HoldReason::DryRun),
            (false, false) => None,
        }
    }
}

/// The base URL, such as `https://id.example.com/scim/v2`.
pub(super) fn base_url(kernel: &Kernel) -> String {
    kernel.urls.absolute("/scim/v2")
}
