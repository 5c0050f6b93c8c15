//! Entries of a directory, the people among them, and where these are looked for.

use std::sync::Arc;

use ldap3::{ResultEntry, SearchEntry};

use crate::idp::connections::{LdapSettings, UserQuery};
use crate::signin::ProfileNames;

/// What is asked for beside the attributes of the query.
const COMMON_ATTRIBUTES: [&str; 13] = [
    "objectGUID",
    "entryUUID",
    "nsUniqueId",
    "ipaUniqueID",
    "GUID",
    "givenName",
    "sn",
    "displayName",
    "uid",
    "sAMAccountName",
    "userPrincipalName",
    "userAccountControl",
    "mail",
];

/// Names of attributes, the same for many searches.
pub(super) type AttributeNames = Arc<[String]>;

/// An entry, its attributes found without regard to case.
#[derive(Debug, Clone, Default)]
pub(super) struct LdapEntry {
    pub(super) dn: String,
    /// The server that has it, when another one sent us there.
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

    /// Its first value.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.all(name).first().map(String::as_str)
    }

    /// The name that stays when somebody is renamed or moved: `objectGUID` as Active Directory writes it, `entryUUID`
    /// (RFC 4530), or what other products have for it.
    pub(super) fn stable_id(&self) -> Option<String> {
        let guid = values_of(&self.bytes, "objectGUID").first().cloned();
        // A GUID whose bytes happen to be text is given as text.
        let guid = guid.or_else(|| self.first("objectGUID").map(|text| text.as_bytes().to_vec()));
        if let Some(id) = guid.and_then(|bytes| uuid::Uuid::from_slice_le(&bytes).ok()) {
            return Some(id.to_string());
        }
        ["entryUUID", "nsUniqueId", "ipaUniqueID", "GUID"]
            .iter()
            .find_map(|name| self.first(name))
            .map(str::to_lowercase)
    }

    /// (the last of the piece, none for the end; its values).
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

/// Somebody in the directory.
#[derive(Debug, Clone)]
pub(super) struct LdapUser {
    pub(super) entry: LdapEntry,
    pub(super) query: Arc<UserQuery>,
}

/// Where people are looked for.
pub(super) struct UserSearch {
    pub(super) query: Arc<UserQuery>,
    /// What is read of them.
    pub(super) attributes: AttributeNames,
}

impl UserSearch {
    /// The searches of a connection.
    pub(super) fn all(settings: &LdapSettings) -> Vec<Self> {
        let place = |query: &UserQuery| {
            let own = [&query.name_attribute, &query.email_attribute, &query.member_of_attribute];
            let own = own.into_iter().chain(&settings.jit.key).cloned();
            let attributes = COMMON_ATTRIBUTES.iter().map(|name| (*name).to_owned()).chain(own).collect();
            Self { query: Arc::new(query.clone()), attributes }
        };
        settings.user_queries.iter().map(place).collect()
    }
}

impl LdapUser {
    /// Their address. In Active Directory the sign-in name stands for one where there is none.
    pub(super) fn email(&self) -> Option<&str> {
        let found = self.entry.first(&self.query.email_attribute).or(self.entry.first("userPrincipalName"));
        found.map(str::trim).filter(|text| text.len() <= 320 && text.contains('@'))
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
