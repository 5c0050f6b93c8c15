//! What an application is told about the user of a request, in headers.

use std::fmt::Write as _;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The longest list of groups, in bytes. Proxies limit the headers of a response to 4 to 16 kB.
const MAX_GROUPS: usize = 3 * 1024;

/// The headers about the user of a request.
pub const IDENTITY_HEADERS: [&str; 10] = [
    "x-vestibule-user",
    "x-vestibule-account",
    "x-vestibule-email",
    "x-vestibule-name",
    "x-vestibule-groups",
    "x-vestibule-groups-truncated",
    "x-vestibule-jwt",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
];

/// The `typ` of the signed form (RFC 8725 §3.11): nothing else that the account signs has it, so that nothing
/// else passes for a statement about the user of a request.
pub const JWT_TYPE: &str = "vestibule-forward-auth+jwt";

/// The user or service account of a request.
#[derive(Debug, Clone, Default)]
pub struct RequestIdentity {
    /// The id, which never changes and is never reused.
    pub id: String,
    /// The short name of the account.
    pub account: String,
    /// The user name, or the name of the service account.
    pub user_name: String,
    /// The address, if there is one.
    pub email: String,
    /// The display name.
    pub name: String,
    /// The identifiers of the groups that the application lists and the user is in.
    pub groups: Vec<String>,
    /// The signed form.
    pub jwt: String,
}

impl RequestIdentity {
    /// The headers of the response to the proxy. All are always set: a proxy that copies those that are
    /// present would otherwise let the client's own ones through.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        let (groups, truncated) = join_groups(&self.groups);
        let (user_name, email) = (encode_header_value(&self.user_name), encode_header_value(&self.email));
        let truncated = if truncated { "true" } else { "" };
        let name = encode_header_value(&self.name);
        let values: [&str; 10] = [
            &self.id,
            &self.account,
            &email,
            &name,
            &groups,
            truncated,
            &self.jwt,
            &user_name,
            &email,
            &groups,
        ];
        // The values are encoded, so there is always one.
        let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
        let all = IDENTITY_HEADERS.into_iter().zip(values);
        all.map(|(name, text)| (HeaderName::from_static(name), value(text))).collect()
    }
}

/// The text with everything percent-encoded that is not visible ASCII or a space, and the percent sign
/// itself, so that it can be decoded.
fn encode_header_value(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.trim().bytes() {
        match byte {
            b'%' => encoded.push_str("%25"),
            b' '..=b'~' => encoded.push(char::from(byte)),
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

/// The groups separated by commas, cut at a whole group, and whether it was cut.
fn join_groups(groups: &[String]) -> (String, bool) {
    let mut joined = String::new();
    for group in groups {
        let group = encode_header_value(group).replace(',', "%2C");
        if joined.len() + 1 + group.len() > MAX_GROUPS {
            return (joined, true);
        }
        if !joined.is_empty() {
            joined.push(',');
        }
        joined.push_str(&group);
    }
    (joined, false)
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
