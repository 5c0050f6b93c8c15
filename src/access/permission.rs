//! Permissions and the two built-in roles. Every authorization check asks [`Role::grants`] through a
//! principal, so that custom roles and scopes can be added without changing a caller.

macro_rules! permissions {
    ($($variant:ident = $name:literal,)*) => {
        /// The right to one action, written `resource_type.action`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the name of each says it")]
        pub enum Permission { $($variant,)* }

        impl Permission {
            /// The name in the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

permissions! {
    UsersView = "users.view",
    UsersEdit = "users.edit",
    GroupsView = "groups.view",
    GroupsEdit = "groups.edit",
    ConnectionsView = "connections.view",
    ConnectionsEdit = "connections.edit",
    ServiceAccountsView = "service_accounts.view",
    ServiceAccountsEdit = "service_accounts.edit",
    SettingsView = "authentication_settings.view",
    SettingsEdit = "authentication_settings.edit",
    AuditView = "audit_events.view",
}

/// A built-in role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Has every permission in the account.
    AccountAdmin,
    /// May view everything and change nothing.
    AccountViewer,
}

impl Role {
    /// All built-in roles.
    pub const ALL: [Self; 2] = [Self::AccountAdmin, Self::AccountViewer];

    /// The name in the database and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountAdmin => "account_admin",
            Self::AccountViewer => "account_viewer",
        }
    }

    /// The name on pages.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::AccountAdmin => "Account Admin",
            Self::AccountViewer => "Account Viewer",
        }
    }

    /// Reads [`Role::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Whether the role includes the permission.
    #[must_use]
    pub fn grants(self, permission: Permission) -> bool {
        match self {
            Self::AccountAdmin => true,
            Self::AccountViewer => permission.as_str().rsplit('.').next() == Some("view"),
        }
    }
}
