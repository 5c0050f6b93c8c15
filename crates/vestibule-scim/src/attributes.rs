//! The schemas and attribute names of RFC 7643 §4 that reading and writing resources needs.

/// The core schema of users (§4.1).
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The core schema of groups (§4.2).
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The enterprise extension of users (§4.3).
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The schema of an account's custom attributes.
pub const CUSTOM_EXTENSION: &str = "urn:ietf:params:scim:schemas:extension:vestibule:2.0:User";

/// The schemas that extend users.
pub const EXTENSIONS: [&str; 2] = [ENTERPRISE, CUSTOM_EXTENSION];
/// The schemas whose attributes a resource may contain.
pub const RESOURCE_SCHEMAS: [&str; 4] = [ENTERPRISE, CUSTOM_EXTENSION, USER, GROUP];

/// The extension with this URN, ignoring case.
#[must_use]
pub fn find_extension(urn: &str) -> Option<&'static str> {
    EXTENSIONS.into_iter().find(|known| known.eq_ignore_ascii_case(urn))
}

/// The top-level attributes as the RFC spells them.
const NAMES: [&str; 26] = [
    "id",
    "externalId",
    "meta",
    "schemas",
    "userName",
    "name",
    "displayName",
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "active",
    "password",
    "emails",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "groups",
    "entitlements",
    "roles",
    "x509Certificates",
    "members",
];
const ENTERPRISE_NAMES: [&str; 6] =
    ["employeeNumber", "costCenter", "organization", "division", "department", "manager"];
const MULTI_VALUED: [&str; 11] = [
    "schemas",
    "emails",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "groups",
    "entitlements",
    "roles",
    "x509Certificates",
    "members",
];

/// The RFC's spelling of an attribute name, which is compared ignoring case; the name itself if it is
/// unknown.
#[must_use]
pub fn canonical_name(name: &str) -> &str {
    NAMES
        .iter()
        .chain(&ENTERPRISE_NAMES)
        .find(|known| known.eq_ignore_ascii_case(name))
        .copied()
        .unwrap_or(name)
}

/// Whether the enterprise extension has an attribute of this name.
#[must_use]
pub fn is_enterprise_attribute(name: &str) -> bool {
    ENTERPRISE_NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether the attribute is multi-valued.
#[must_use]
pub fn is_multi_valued(name: &str) -> bool {
    MULTI_VALUED.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether the attribute is read-only for clients.
#[must_use]
pub fn is_read_only(name: &str) -> bool {
    ["id", "meta", "schemas", "groups"].iter().any(|known| known.eq_ignore_ascii_case(name))
}
