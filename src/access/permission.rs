//! Permissions and the two built-in roles. Every authorization check asks [`Role::grants`] through a
//! principal, so that custom roles and scopes can be added without changing a caller.

use crate::kernel::text_enum::text_enum;

text_enum! {
    /// What a principal may do, as `resource_type.action`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    #[expect(missing_docs, reason = "the name of each says it")]
    pub enum Permission {
        UsersView = "users.view",
        UsersEdit = "users.edit",
        GroupsView = "groups.view",
        GroupsEdit = "groups.edit",
        ConnectionsView = "connections.view",
        ConnectionsEdit = "connections.edit",
        DomainsView = "domains.view",
        DomainsEdit = "domains.edit",
        ServiceAccountsView = "service_accounts.view",
        ServiceAccountsEdit = "service_accounts.edit",
        SettingsView = "authentication_settings.view",
        SettingsEdit = "authentication_settings.edit",
        AuditView = "audit_events.view",
        AppsView = "apps.view",
        AppsEdit = "apps.edit",
    }
}

text_enum! {
    /// A built-in role.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Role {
        /// May do everything in the account.
        AccountAdmin = "account_admin" => "Account Admin",
        /// May see everything and change nothing.
        AccountViewer = "account_viewer" => "Account Viewer",
    }
}

impl Role {
    /// Whether the role contains the permission.
    #[must_use]
    pub fn grants(self, permission: Permission) -> bool {
        match self {
            Self::AccountAdmin => true,
            Self::AccountViewer => permission.as_str().rsplit('.').next() == Some("view"),
        }
    }
}
