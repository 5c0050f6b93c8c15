//! Users and their profiles.

use serde_json::{Map, Value, json};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use crate::directory::{Email, Error, check_name, domain_of, fold_case};
use crate::kernel::{AccountId, ConnectionId, Timestamp, UserId};

/// A user as stored.
#[derive(Debug, Clone)]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// The account the user belongs to.
    pub account_id: AccountId,
    /// The username, unique in the account without case.
    pub user_name: String,
    /// The address for mails, by which single sign-on may match the user; unique in the account without
    /// case.
    pub email: Option<String>,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// The display name.
    pub display_name: String,
    active: i32,
    pending: i32,
    /// The provisioning connection that manages the user, if any.
    pub connection_id: Option<ConnectionId>,
    /// The identifier that the provisioning client gave the user.
    pub external_id: Option<String>,
    attributes: String,
    /// Credentials that were issued in an earlier epoch are invalid.
    pub epoch: i64,
    /// Incremented with each change; the source of the entity tag.
    pub version: i64,
    /// When the user was created.
    pub created_at: Timestamp,
    /// When the user was last changed.
    pub updated_at: Timestamp,
}

/// Reads columns by position, the same in all queries. Looking each column up by name would take longer
/// than reading its value, which matters for long lists.
impl<'r, R: Row> FromRow<'r, R> for User
where
    usize: ColumnIndex<R>,
    &'r str: Decode<'r, R::Database> + Type<R::Database>,
    i32: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let text = |n: usize| row.try_get::<&str, _>(n).map(str::to_owned);
        let optional = |n: usize| row.try_get::<Option<&str>, _>(n).map(|text| text.map(str::to_owned));
        Ok(Self {
            id: text(0)?.into(),
            account_id: text(1)?.into(),
            user_name: text(2)?,
            email: optional(3)?,
            given_name: optional(4)?,
            family_name: optional(5)?,
            display_name: text(6)?,
            active: row.try_get(7)?,
            pending: row.try_get(8)?,
            connection_id: optional(9)?.map(ConnectionId::from),
            external_id: optional(10)?,
            attributes: text(11)?,
            epoch: row.try_get(12)?,
            version: row.try_get(13)?,
            created_at: row.try_get(14).map(Timestamp)?,
            updated_at: row.try_get(15).map(Timestamp)?,
        })
    }
}

impl User {
    /// A user that a connection creates. `profile` must have been checked.
    pub(super) fn new(
        id: UserId,
        now: Timestamp,
        account_id: &AccountId,
        connection_id: &ConnectionId,
        profile: Profile,
    ) -> Self {
        Self {
            id,
            account_id: account_id.to_owned(),
            display_name: profile.effective_display_name(),
            user_name: profile.user_name,
            email: profile.email,
            given_name: profile.given_name,
            family_name: profile.family_name,
            active: i32::from(profile.active),
            pending: 0,
            connection_id: Some(connection_id.to_owned()),
            external_id: profile.external_id,
            attributes: Value::Object(profile.attributes).to_string(),
            epoch: 0,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// The further attributes as stored: a JSON object.
    #[must_use]
    pub fn attributes_text(&self) -> &str {
        &self.attributes
    }

    /// Whether the user may sign in.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.active != 0
    }

    /// Whether the user was invited and has not accepted yet. A pending user is not active.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.pending != 0
    }

    pub(super) fn mark_pending(&mut self) {
        self.pending = 1;
    }

    /// `active`, `pending` or `inactive`, as in the API.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match (self.is_active(), self.is_pending()) {
            (true, _) => "active",
            (false, true) => "pending",
            (false, false) => "inactive",
        }
    }

    /// The email address, or the user name when there is none.
    #[must_use]
    pub fn email_or_user_name(&self) -> &str {
        self.email.as_deref().unwrap_or(&self.user_name)
    }

    /// Whether this is the email address or the user name, compared without case.
    #[must_use]
    pub fn has_identifier(&self, identifier: &str) -> bool {
        let wanted = fold_case(identifier);
        self.email.as_deref().is_some_and(|email| fold_case(email) == wanted)
            || fold_case(&self.user_name) == wanted
    }

    /// The case-folded domain of the email address, or of the user name if it looks like an address.
    #[must_use]
    pub fn domain(&self) -> Option<String> {
        domain_of(self.email.as_deref().unwrap_or(&self.user_name))
    }

    /// Other attributes that the provisioning client sent.
    #[must_use]
    pub fn attributes(&self) -> Map<String, Value> {
        serde_json::from_str(&self.attributes).unwrap_or_default()
    }

    /// Refuses to write a user whose stored attributes cannot be read: they would be lost.
    pub(super) fn ensure_attributes_readable(&self) -> Result<(), Error> {
        match serde_json::from_str::<Map<String, Value>>(&self.attributes) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::Internal(format!("stored attributes of user {} cannot be read", self.id))),
        }
    }

    /// The user in another epoch.
    pub(super) fn in_epoch(self, epoch: i64) -> Self {
        Self { epoch, ..self }
    }

    /// Whether mails to the user go elsewhere, or nowhere, once the profile is `wanted`.
    #[must_use]
    pub fn loses_address(&self, wanted: &Profile) -> bool {
        let folded = |email: Option<&str>| email.map(fold_case);
        self.email.is_some() && folded(self.email.as_deref()) != folded(wanted.email.as_deref())
    }

    /// The part that can be changed.
    #[must_use]
    pub fn profile(&self) -> Profile {
        Profile {
            user_name: self.user_name.clone(),
            email: self.email.clone(),
            given_name: self.given_name.clone(),
            family_name: self.family_name.clone(),
            display_name: Some(self.display_name.clone()),
            active: self.is_active(),
            external_id: self.external_id.clone(),
            attributes: self.attributes(),
        }
    }
}

/// The part of a user that an administrator or a provisioning client can set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile {
    /// See [`User::user_name`].
    pub user_name: String,
    /// See [`User::email`].
    pub email: Option<String>,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// The display name; derived from the other names when absent.
    pub display_name: Option<String>,
    /// Whether the user may sign in.
    pub active: bool,
    /// The identifier that the provisioning client gave the user.
    pub external_id: Option<String>,
    /// Other attributes, at most 64 KiB of JSON.
    pub attributes: Map<String, Value>,
}

/// The limit on the attributes of one user or group, in bytes of JSON.
pub(crate) const MAX_ATTRIBUTES: usize = 64 * 1024;

impl Profile {
    /// Trims the fields, fills in the display name, and refuses values that cannot be stored.
    pub(super) fn checked(mut self) -> Result<Self, Error> {
        self.user_name = self.user_name.trim().into();
        check_name("user_name", &self.user_name, 320)?;
        let clean = |text: Option<String>| text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        self.given_name = clean(self.given_name);
        self.family_name = clean(self.family_name);
        self.display_name = clean(self.display_name);
        for (field, value) in [
            ("given_name", &self.given_name),
            ("family_name", &self.family_name),
            ("display_name", &self.display_name),
            ("external_id", &self.external_id),
        ] {
            if let Some(text) = value {
                check_name(field, text, 512)?;
            }
        }
        if let Some(email) = clean(self.email.take()) {
            self.email = Some(Email::parse(&email)?.as_str().to_owned());
        }
        if json!(self.attributes).to_string().len() > MAX_ATTRIBUTES {
            let reason = "must be at most 64 KiB of JSON".to_owned();
            return Err(Error::Invalid { field: "attributes", reason });
        }
        // The display name is stored, so that a profile without one compares equal to what is stored for
        // it.
        Ok(self.with_effective_display_name())
    }

    /// The profile with its effective display name filled in.
    #[must_use]
    pub fn with_effective_display_name(self) -> Self {
        Self { display_name: Some(self.effective_display_name()), ..self }
    }

    /// The display name, or the best substitute.
    #[must_use]
    pub fn effective_display_name(&self) -> String {
        if let Some(name) = &self.display_name {
            return name.clone();
        }
        let full = [self.given_name.as_deref(), self.family_name.as_deref()];
        let full = full.into_iter().flatten().collect::<Vec<_>>().join(" ");
        if full.is_empty() { self.user_name.clone() } else { full }
    }

    /// The attributes as stored.
    pub(super) fn attributes_text(&self) -> String {
        serde_json::Value::Object(self.attributes.clone()).to_string()
    }

    /// The fields that the audit trail shows of a change.
    pub(super) fn summary(&self) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert("user_name".into(), json!(self.user_name));
        map.insert("email".into(), json!(self.email));
        map.insert("given_name".into(), json!(self.given_name));
        map.insert("family_name".into(), json!(self.family_name));
        map.insert("display_name".into(), json!(self.display_name));
        map.insert("active".into(), json!(self.active));
        map.insert("external_id".into(), json!(self.external_id));
        map
    }
}

/// On whose authority a change is made. What an identity provider manages is changed by that provider only.
#[derive(Debug, Clone, Copy)]
pub enum ChangeAuthority<'a> {
    /// An administrator, in the console or through the API.
    Local,
    /// The provisioning connection with this id. It takes over users that no connection manages.
    Connection(&'a ConnectionId),
}
