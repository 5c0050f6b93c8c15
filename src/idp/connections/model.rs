//! What a connection is.

use super::kind::{ConnectionKind, UnreadableConnection};
use super::settings::ConnectionSettings;
use crate::audit::{Actor, ActorKind};
use crate::kernel::Timestamp;

/// A connection as stored, whatever its kind. Its settings were read when it was loaded: code that needs a kind takes
/// the connection of that kind, see [`Connection::typed`].
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Connection {
    /// Its id, part of its URLs.
    pub id: String,
    /// The account it belongs to.
    pub account_id: String,
    pub(super) kind: String,
    /// Its name, unique in the account without case.
    pub name: String,
    pub(super) enabled: i32,
    /// The settings as they are stored, to compare with what is stored later.
    #[sqlx(rename = "settings")]
    pub(super) stored_settings: String,
    /// The settings; `None` for a row that cannot be read, and for one that did not pass [`Connection::with_settings`].
    #[sqlx(skip)]
    pub(super) settings: Option<ConnectionSettings>,
    /// Whether people are sent here who are not told apart by their domain.
    pub(super) is_default: i32,
    /// Its place among the ways to sign in, from the top.
    pub position: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When a test of it as it is now succeeded.
    pub tested_at: Option<Timestamp>,
    /// The administrator who came through in that test, under their own address.
    pub tested_by: Option<String>,
    /// Since when a directory connection takes no changes, because too many people would lose access.
    pub paused_at: Option<Timestamp>,
}

impl Connection {
    /// The row with its settings read. One that cannot be read stays, so that its domains keep leading to it and its
    /// administrators see it, and is refused wherever it would be used.
    pub(super) fn with_settings(mut self) -> Self {
        match ConnectionSettings::read(&self.kind, &self.stored_settings) {
            Ok(settings) => self.settings = Some(settings),
            Err(error) => {
                tracing::error!(
                    connection = self.id,
                    kind = self.kind,
                    %error,
                    "a stored connection cannot be read and is refused; a newer version may have written it"
                );
            }
        }
        self
    }

    /// Its protocol; `None` when it cannot be read.
    #[must_use]
    pub fn kind(&self) -> Option<ConnectionKind> {
        self.settings.as_ref().map(ConnectionSettings::kind)
    }

    /// The name of its protocol as it is stored, also of one that is not known here.
    #[must_use]
    pub fn stored_kind(&self) -> &str {
        &self.kind
    }

    /// The name of its protocol for people.
    #[must_use]
    pub fn kind_label(&self) -> &'static str {
        self.kind().map_or("not readable", ConnectionKind::label)
    }

    /// Whether people sign in with it. One that cannot be read counts, so that nothing else takes its place.
    #[must_use]
    pub fn is_for_sign_in(&self) -> bool {
        ConnectionKind::parse(&self.kind).is_none_or(ConnectionKind::is_for_sign_in)
    }

    /// It as the one who acts, for what the other side makes happen.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor { kind: ActorKind::System, id: Some(self.id.clone()), name: self.name.clone() }
    }

    /// Whether it is switched on.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled != 0
    }

    /// Its settings, whatever its kind; the error says why they cannot be read.
    pub fn settings(&self) -> Result<&ConnectionSettings, UnreadableConnection> {
        match &self.settings {
            Some(settings) => Ok(settings),
            None => Err(ConnectionSettings::read(&self.kind, &self.stored_settings)
                .err()
                .unwrap_or_else(|| UnreadableConnection::Settings("they were not read".to_owned()))),
        }
    }

    /// Whether people are sent here whose address has a domain that leads nowhere else.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.is_default != 0
    }

    /// What people see on the sign-in page.
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

    /// Whether people are put into groups as it says.
    #[must_use]
    pub fn syncs_groups(&self) -> bool {
        match &self.settings {
            Some(ConnectionSettings::Saml(settings)) => settings.people.group_sync,
            Some(ConnectionSettings::Oidc(settings)) => settings.people.group_sync,
            Some(ConnectionSettings::Ldap(settings)) => settings.group_sync,
            Some(ConnectionSettings::Scim(_)) | None => false,
        }
    }

    /// Whether it makes a user of somebody who is unknown here.
    #[must_use]
    pub fn has_jit_provisioning(&self) -> bool {
        match &self.settings {
            Some(ConnectionSettings::Saml(settings)) => settings.people.jit.enabled,
            Some(ConnectionSettings::Oidc(settings)) => settings.people.jit.enabled,
            Some(ConnectionSettings::Ldap(settings)) => settings.jit.enabled,
            Some(ConnectionSettings::Scim(_)) | None => false,
        }
    }

    /// Whether it is a button on the sign-in page. A directory's password is typed where passwords are.
    #[must_use]
    pub fn has_button(&self) -> bool {
        matches!(self.kind(), Some(ConnectionKind::Saml | ConnectionKind::Oidc))
    }

    /// The local path where a sign-in with it begins. The password of a directory is asked for here. One that cannot
    /// be read is refused there.
    #[must_use]
    pub fn login_path(&self) -> String {
        match ConnectionKind::parse(&self.kind) {
            Some(ConnectionKind::Ldap) => "/login/password".to_owned(),
            Some(ConnectionKind::Oidc) => format!("/oidc/{}/login", self.id),
            // A kind that is not known has no address of its own; this one says that it is not available.
            Some(ConnectionKind::Saml | ConnectionKind::Scim) | None => format!("/saml/{}/login", self.id),
        }
    }
}
