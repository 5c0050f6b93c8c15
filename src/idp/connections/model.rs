//! A connection as stored.

use super::kind::{ConnectionKind, UnreadableConnection};
use super::settings::ConnectionSettings;
use crate::audit::{Actor, ActorKind};
use crate::kernel::TextEnum as _;
use crate::kernel::http_client::HttpClient;
use crate::kernel::{AccountId, ConnectionId, Kernel, Timestamp};

/// A connection as stored, of any kind. The settings are parsed when it is loaded. Code that needs a
/// certain kind takes the typed connection, see [`Connection::typed`].
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Connection {
    /// Its id, which is part of its URLs.
    pub id: ConnectionId,
    /// The account it belongs to.
    pub account_id: AccountId,
    /// The short name of that account.
    pub(super) account_slug: String,
    pub(super) kind: String,
    /// Its name, unique in the account without case.
    pub name: String,
    pub(super) enabled: i32,
    /// The settings as stored, for optimistic locking: an update compares them with the row.
    #[sqlx(rename = "settings")]
    pub(super) stored_settings: String,
    /// The parsed settings. `None` for a row that cannot be read, or that did not pass through
    /// [`Connection::with_settings`].
    #[sqlx(skip)]
    pub(super) settings: Option<ConnectionSettings>,
    /// Whether it serves users whose email domain is routed to no connection.
    pub(super) is_default: i32,
    /// Its position on the sign-in page, ascending.
    pub position: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When a test of the present settings succeeded.
    pub tested_at: Option<Timestamp>,
    /// The administrator who ran that test, if the provider asserted their own address.
    pub tested_by: Option<String>,
    /// Since when a provisioning connection is paused, because too many users would have lost access.
    pub paused_at: Option<Timestamp>,
}

impl Connection {
    /// Parses the settings of the row. A row that cannot be read is kept, so that its domains stay routed
    /// to it and administrators see it; using it is refused.
    pub(super) fn with_settings(mut self) -> Self {
        match ConnectionSettings::read(&self.kind, &self.stored_settings) {
            Ok(settings) => self.settings = Some(settings),
            Err(error) => {
                tracing::error!(
                    connection = %self.id,
                    kind = self.kind,
                    %error,
                    "a stored connection cannot be read and is not used; a newer version may have written it"
                );
            }
        }
        self
    }

    /// Its protocol; `None` if it cannot be read.
    #[must_use]
    pub fn kind(&self) -> Option<ConnectionKind> {
        self.settings.as_ref().map(ConnectionSettings::kind)
    }

    /// The stored name of its protocol, which this version may not know.
    #[must_use]
    pub fn stored_kind(&self) -> &str {
        &self.kind
    }

    /// The display name of its protocol.
    #[must_use]
    pub fn kind_label(&self) -> &'static str {
        self.kind().map_or("unreadable", ConnectionKind::label)
    }

    /// Whether users sign in with it. A kind that this version does not know counts, so that no other
    /// connection takes its place.
    #[must_use]
    pub fn is_for_sign_in(&self) -> bool {
        ConnectionKind::parse(&self.kind).is_none_or(ConnectionKind::is_for_sign_in)
    }

    /// The actor in audit events for changes that the provider causes.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor { kind: ActorKind::System, id: Some(String::from(&self.id)), name: self.name.clone() }
    }

    /// The HTTP client for the addresses in its settings.
    #[must_use]
    pub fn http_client(&self, kernel: &Kernel) -> HttpClient {
        kernel.http_clients.of_account(&self.account_slug)
    }

    /// Whether it is switched on.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled != 0
    }

    /// The settings of any kind, or the reason why they cannot be read.
    pub fn settings(&self) -> Result<&ConnectionSettings, UnreadableConnection> {
        match &self.settings {
            Some(settings) => Ok(settings),
            None => Err(ConnectionSettings::read(&self.kind, &self.stored_settings)
                .err()
                .unwrap_or_else(|| UnreadableConnection::Settings("they were not loaded".to_owned()))),
        }
    }

    /// Whether it serves users whose email domain is routed to no connection.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.is_default != 0
    }

    /// The name on the sign-in page.
    #[must_use]
    pub fn label(&self) -> String {
        let shown = match &self.settings {
            Some(ConnectionSettings::Saml(settings)) => settings.display_name.as_ref(),
            Some(ConnectionSettings::Oidc(settings)) => settings.display_name.as_ref(),
            Some(ConnectionSettings::Ldap(settings)) => settings.display_name.as_ref(),
            Some(ConnectionSettings::Scim(_)) | None => None,
        };
        shown.unwrap_or(&self.name).clone()
    }

    /// Whether linked groups follow the provider's groups.
    #[must_use]
    pub fn syncs_groups(&self) -> bool {
        match &self.settings {
            Some(ConnectionSettings::Saml(settings)) => settings.people.group_sync,
            Some(ConnectionSettings::Oidc(settings)) => settings.people.group_sync,
            Some(ConnectionSettings::Ldap(settings)) => settings.group_sync,
            Some(ConnectionSettings::Scim(_)) | None => false,
        }
    }

    /// Whether unknown users are created at their first sign-in.
    #[must_use]
    pub fn has_jit_provisioning(&self) -> bool {
        match &self.settings {
            Some(ConnectionSettings::Saml(settings)) => settings.people.jit.enabled,
            Some(ConnectionSettings::Oidc(settings)) => settings.people.jit.enabled,
            Some(ConnectionSettings::Ldap(settings)) => settings.jit.enabled,
            Some(ConnectionSettings::Scim(_)) | None => false,
        }
    }

    /// Whether the sign-in page has a button for it. LDAP has none: its password is typed into the ordinary
    /// password field.
    #[must_use]
    pub fn has_button(&self) -> bool {
        matches!(self.kind(), Some(ConnectionKind::Saml | ConnectionKind::Oidc))
    }

    /// The local path where a sign-in with it starts. LDAP uses our own password page. For a connection
    /// that cannot be read, the page at that path refuses the sign-in.
    #[must_use]
    pub fn login_path(&self) -> String {
        match ConnectionKind::parse(&self.kind) {
            Some(ConnectionKind::Ldap) => "/login/password".to_owned(),
            Some(ConnectionKind::Oidc) => format!("/oidc/{}/login", self.id),
            // There is no path for an unknown kind; the SAML one answers that the connection is not
            // available.
            Some(ConnectionKind::Saml | ConnectionKind::Scim) | None => format!("/saml/{}/login", self.id),
        }
    }
}
