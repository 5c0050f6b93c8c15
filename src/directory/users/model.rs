//! What a user is.

use serde_json::{Map, Value, json};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use crate::directory::{Email, Error, check_name, domain_of};
use crate::kernel::Timestamp;

/// A user as stored.
#[derive(Debug, Clone)]
pub struct User {
    /// Its id.
    pub id: String,
    /// The account it belongs to.
    pub account_id: String,
    /// The name it signs in with, unique in the account without case.
    pub user_name: String,
    /// The address mails go to and SSO matches by, unique in the account without case.
    pub email: Option<String>,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// The name shown.
    pub display_name: String,
    active: i32,
    pending: i32,
    /// The directory connection that manages it, if one does.
    pub connection_id: Option<String>,
    /// The id the provisioning client gave it.
    pub external_id: Option<String>,
    attributes: String,
    /// Credentials made in an earlier epoch are void.
    pub epoch: i64,
    /// Rises with each change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// By the places of the columns, which are the same in all queries: lists are long, and to look for each name in each row
/// takes longer than to read its value.
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
            id: text(0)?,
            account_id: text(1)?,
            user_name: text(2)?,
            email: optional(3)?,
            given_name: optional(4)?,
            family_name: optional(5)?,
            display_name: text(6)?,
            active: row.try_get(7)?,
            pending: row.try_get(8)?,
            connection_id: optional(9)?,
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
    /// A user that a connection makes. `profile` is checked.
    pub(super) fn new(
        id: String,
        now: Timestamp,
        account_id: &str,
        connection_id: &str,
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

    /// The same as it is kept: a JSON object.
    #[must_use]
    pub fn attributes_text(&self) -> &str {
        &self.attributes
    }

    /// Whether it may sign in.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.active != 0
    }

    /// Whether it was invited and has not come yet. A pending user is not active.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.pending != 0
    }

    pub(super) fn mark_pending(&mut self) {
        self.pending = 1;
    }

    /// `active`, `pending` or `inactive`, as the API says it.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match (self.is_active(), self.is_pending()) {
            (true, _) => "active",
            (false, true) => "pending",
            (false, false) => "inactive",
        }
    }

    /// The address, or the name where there is none.
    #[must_use]
    pub fn email_or_user_name(&self) -> &str {
        self.email.as_deref().unwrap_or(&self.user_name)
    }

    /// The folded domain of its address, or of its name if that looks like one.
    #[must_use]
    pub fn domain(&self) -> Option<String> {
        domain_of(self.email.as_deref().unwrap_or(&self.user_name))
    }

    /// What else the provisioning client said about it.
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

/// The part of a user that can be set and changed.
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
    /// The name shown; made from the others when absent.
    pub display_name: Option<String>,
    /// Whether it may sign in.
    pub active: bool,
    /// The id the provisioning client gave it.
    pub external_id: Option<String>,
    /// Everything else a client wants kept, at most 64 KiB of JSON.
    pub attributes: Map<String, Value>,
}

/// At most this many bytes of attributes a user or group.
pub(crate) const MAX_ATTRIBUTES: usize = 64 * 1024;

impl Profile {
    /// Trims, fills in the display name, and refuses what cannot be stored.
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
        // The name shown is stored, so a profile without one equals what it is stored as.
        Ok(self.with_effective_display_name())
    }

    /// The profile with a display name: the one it has, or the best substitute.
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

    /// Its further attributes as they are stored.
    pub(super) fn attributes_text(&self) -> String {
        serde_json::Value::Object(self.attributes.clone()).to_string()
    }

    /// What the audit trail shows of a change.
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

/// Who wants the change. What an identity provider manages is changed there.
#[derive(Debug, Clone, Copy)]
pub enum ChangeAuthority<'a> {
    /// An administrator, in the console or by the API.
    Local,
    /// The directory connection with this id. It takes over what nobody manages.
    Connection(&'a str),
}
