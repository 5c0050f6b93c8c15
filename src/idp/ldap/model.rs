//! Entries of a directory, the users among them, and the searches for users.

use std::sync::Arc;

use ldap3::{ResultEntry, SearchEntry};

use crate::directory::Email;
use crate::idp::connections::{LdapSettings, UserQuery};
use crate::signin::ProfileNames;

/// The attributes that identify an entry, see [`LdapEntry::stable_id`]. The first one is binary.
pub(super) const ID_ATTRIBUTES: [&str; 5] = ["objectGUID", "entryUUID", "nsUniqueId", "ipaUniqueID", "GUID"];

/// The attributes that are read in addition to those and to the ones of the query.
const COMMON_ATTRIBUTES: [&str; 11] = [
    "givenName",
    "sn",
    "displayName",
    "uid",
    "sAMAccountName",
    "userPrincipalName",
    "userAccountControl",
    "nsAccountLock",
    "pwdAccountLockedTime",
    "shadowExpire",
    "mail",
];

/// Attribute names, shared between searches.
pub(super) type AttributeNames = Arc<[String]>;

/// An entry. Attribute names are compared without case.
#[derive(Debug, Clone, Default)]
pub(super) struct LdapEntry {
    pub(super) dn: String,
    /// The server that has the entry, if a referral led to it.
    pub(super) referral_server: Option<String>,
    texts: Vec<(String, Vec<String>)>,
    bytes: Vec<(String, Vec<Vec<u8>>)>,
}

impl LdapEntry {
    pub(super) fn from_result(found: ResultEntry) -> Self {
        let SearchEntry { dn, attrs, bin_attrs } = SearchEntry::construct(found);
        Self {
            dn,
            referral_server: None,
            texts: attrs.into_iter().collect(),
            bytes: bin_attrs.into_iter().collect(),
        }
    }

    /// The values of an attribute.
    pub(super) fn all(&self, name: &str) -> &[String] {
        values_of(&self.texts, name)
    }

    /// The first value of an attribute.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.all(name).first().map(String::as_str)
    }

    /// An id that does not change when the entry is renamed or moved: `objectGUID` in the notation of
    /// Active Directory, `entryUUID` (RFC 4530), or the equivalent of other products.
    pub(super) fn stable_id(&self) -> Option<String> {
        let guid = values_of(&self.bytes, "objectGUID").first().cloned();
        // ldap3 returns a GUID as text if its bytes happen to be valid UTF-8.
        let guid = guid.or_else(|| self.first("objectGUID").map(|text| text.as_bytes().to_vec()));
        if let Some(id) = guid.and_then(|bytes| uuid::Uuid::from_slice_le(&bytes).ok()) {
            return Some(id.to_string());
        }
        ID_ATTRIBUTES[1..].iter().find_map(|name| self.first(name)).map(str::to_lowercase)
    }

    /// A piece of an attribute that is returned in ranges: the index of its last value (`None` for the
    /// final piece), and the values.
    pub(super) fn range(&self, name: &str) -> Option<(Option<usize>, &[String])> {
        self.texts.iter().find_map(|(known, values)| {
            let (head, range) = known.split_once(';')?;
            let range = range.to_lowercase();
            let (_, end) = range.strip_prefix("range=")?.split_once('-')?;
            head.eq_ignore_ascii_case(name).then(|| (end.parse().ok(), values.as_slice()))
        })
    }
}

fn values_of<'a, V>(attributes: &'a [(String, Vec<V>)], name: &str) -> &'a [V] {
    let found = attributes.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, values)| values.as_slice()).unwrap_or_default()
}

/// A user in the directory.
#[derive(Debug, Clone)]
pub(super) struct LdapUser {
    pub(super) entry: LdapEntry,
    pub(super) query: Arc<UserQuery>,
}

/// A query for users with the attributes to read.
pub(super) struct UserSearch {
    pub(super) query: Arc<UserQuery>,
    /// The attributes to read.
    pub(super) attributes: AttributeNames,
}

impl UserSearch {
    /// The searches of a connection.
    pub(super) fn all(settings: &LdapSettings) -> Vec<Self> {
        let place = |query: &UserQuery| {
            let own = [&query.name_attribute, &query.email_attribute, &query.member_of_attribute];
            let own = own.into_iter().chain(&settings.jit.key).cloned();
            let fixed = ID_ATTRIBUTES.iter().chain(&COMMON_ATTRIBUTES).map(|name| (*name).to_owned());
            let attributes = fixed.chain(own).collect();
            Self { query: Arc::new(query.clone()), attributes }
        };
        settings.user_queries.iter().map(place).collect()
    }
}

impl LdapUser {
    /// The email address: the value of the attribute that the connection names, and of no other one.
    pub(super) fn email(&self) -> Option<&str> {
        let found = self.entry.first(&self.query.email_attribute)?.trim();
        Email::parse(found).is_ok_and(|email| !email.is_guest_name()).then_some(found)
    }

    pub(super) fn names(&self) -> ProfileNames {
        let line = |name: &str| self.entry.first(name).and_then(ProfileNames::parse_name);
        ProfileNames {
            given_name: line("givenName"),
            family_name: line("sn"),
            display_name: line(&self.query.name_attribute),
        }
    }
}
