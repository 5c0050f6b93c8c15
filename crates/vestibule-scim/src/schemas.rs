//! The documents that describe this server (RFC 7643 §5 to §7).

use serde_json::{Value, json};

use crate::attributes::{CUSTOM_EXTENSION, ENTERPRISE, EXTENSIONS, GROUP, USER};
use crate::custom_attributes::ExtraAttribute;
use crate::limits::{DEFAULT_RESULTS, MAX_BULK_OPERATIONS, MAX_PAYLOAD_BYTES, MAX_RESULTS};

struct Attribute(Value);

fn attribute(name: &str, kind: &str, description: &str) -> Attribute {
    let mut value = json!({
        "name": name, "type": kind, "multiValued": false, "description": description, "required": false,
        "mutability": "readWrite", "returned": "default",
    });
    if kind == "string" {
        value["caseExact"] = json!(false);
        value["uniqueness"] = json!("none");
    }
    Attribute(value)
}

impl Attribute {
    fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0[key] = value.into();
        self
    }

    fn list(self) -> Self {
        self.set("multiValued", true)
    }

    fn with_sub_attributes(self, sub: Vec<Self>) -> Self {
        self.set("subAttributes", sub.into_iter().map(|a| a.0).collect::<Vec<_>>())
    }
}

fn text(name: &str, description: &str) -> Attribute {
    attribute(name, "string", description)
}

/// A list of complex values with `value`, `display`, `type` and `primary`.
fn multi_valued_attribute(name: &str, description: &str) -> Attribute {
    attribute(name, "complex", description).list().with_sub_attributes(vec![
        text("value", "The value."),
        text("display", "A name for display."),
        text("type", "The label of the value, such as work or home."),
        attribute("primary", "boolean", "Whether this is the preferred value."),
    ])
}

fn user_schema() -> Value {
    let name = attribute("name", "complex", "The components of the user's name.").with_sub_attributes(vec![
        text("formatted", "The full name."),
        text("familyName", "The family name."),
        text("givenName", "The given name."),
        text("middleName", "Middle names."),
        text("honorificPrefix", "A prefix, such as Dr."),
        text("honorificSuffix", "A suffix, such as III."),
    ]);
    let addresses = attribute("addresses", "complex", "Postal addresses.").list().with_sub_attributes(vec![
        text("formatted", "The full address."),
        text("streetAddress", "Street and number."),
        text("locality", "City."),
        text("region", "State or region."),
        text("postalCode", "Postal code."),
        text("country", "ISO 3166-1 alpha-2 code."),
        text("type", "The label of the value, such as work or home."),
        attribute("primary", "boolean", "Whether this is the preferred value."),
    ]);
    let groups = attribute("groups", "complex", "The groups that the user is a member of.")
        .list()
        .set("mutability", "readOnly")
        .with_sub_attributes(vec![
            text("value", "The group's ID.").set("mutability", "readOnly"),
            attribute("$ref", "reference", "The group's URL.")
                .set("referenceTypes", json!(["Group"]))
                .set("caseExact", true)
                .set("uniqueness", "none")
                .set("mutability", "readOnly"),
            text("display", "The group's name.").set("mutability", "readOnly"),
        ]);
    let attributes = vec![
        text("userName", "The username, which the user signs in with. It is unique in the account.")
            .set("required", true)
            .set("uniqueness", "server"),
        name,
        text("displayName", "The display name."),
        text("nickName", "The nickname."),
        attribute("profileUrl", "reference", "The URL of the user's profile page.")
            .set("referenceTypes", json!(["external"]))
            .set("caseExact", false)
            .set("uniqueness", "none"),
        text("title", "The user's title."),
        text("userType", "The type of user, such as Employee or Contractor."),
        text("preferredLanguage", "Preferred languages."),
        text("locale", "The locale for dates and numbers."),
        text("timezone", "The IANA time zone."),
        attribute("active", "boolean", "Whether the user can sign in."),
        multi_valued_attribute("emails", "Email addresses. Emails are sent to the primary one."),
        multi_valued_attribute("phoneNumbers", "Phone numbers."),
        multi_valued_attribute("ims", "Instant messaging addresses."),
        multi_valued_attribute("photos", "Photos of the user."),
        addresses,
        groups,
        multi_valued_attribute("entitlements", "Entitlements."),
        multi_valued_attribute("roles", "Roles at the identity provider."),
        multi_valued_attribute("x509Certificates", "X.509 certificates."),
    ];
    schema(USER, "User", "A user.", attributes)
}

fn enterprise_schema() -> Value {
    let manager = attribute("manager", "complex", "The user's manager.").with_sub_attributes(vec![
        text("value", "The manager's ID."),
        attribute("$ref", "reference", "The manager's URL.")
            .set("referenceTypes", json!(["User"]))
            .set("caseExact", true)
            .set("uniqueness", "none"),
        text("displayName", "The manager's name."),
    ]);
    let attributes = vec![
        text("employeeNumber", "The employee number."),
        text("costCenter", "The cost center."),
        text("organization", "The organization."),
        text("division", "The division."),
        text("department", "The department."),
        manager,
    ];
    schema(ENTERPRISE, "EnterpriseUser", "Enterprise attributes of a user.", attributes)
}

fn group_schema() -> Value {
    let members = attribute("members", "complex", "The users and groups that are in the group.")
        .list()
        .with_sub_attributes(vec![
            text("value", "The ID of the user or group.").set("mutability", "immutable"),
            attribute("$ref", "reference", "The URL of the user or group.")
                .set("referenceTypes", json!(["User", "Group"]))
                .set("caseExact", true)
                .set("uniqueness", "none")
                .set("mutability", "immutable"),
            text("type", "The type of member: User or Group.")
                .set("canonicalValues", json!(["User", "Group"]))
                .set("mutability", "immutable"),
        ]);
    let attributes = vec![text("displayName", "The group's name.").set("required", true), members];
    schema(GROUP, "Group", "A group of users.", attributes)
}

fn schema(urn: &str, name: &str, description: &str, attributes: Vec<Attribute>) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": urn,
        "name": name,
        "description": description,
        "attributes": attributes.into_iter().map(|a| a.0).collect::<Vec<_>>(),
    })
}

/// All schemas, with their URLs below `base` (`https://host/scim/v2`).
#[must_use]
pub fn schemas(base: &str, defined: &[ExtraAttribute]) -> Vec<Value> {
    let extra = (!defined.is_empty()).then(|| custom_schema(defined));
    [user_schema(), enterprise_schema(), group_schema()]
        .into_iter()
        .chain(extra)
        .map(|schema| with_meta(schema, base, "Schema", "Schemas"))
        .collect()
}

fn custom_schema(defined: &[ExtraAttribute]) -> Value {
    let attributes = defined.iter().map(|one| {
        attribute(&one.name, one.kind.as_str(), &one.description).set("multiValued", one.multi_valued)
    });
    schema(CUSTOM_EXTENSION, "ExtraUser", "Custom attributes of this account.", attributes.collect())
}

/// The resource types, with their URLs below `base`.
#[must_use]
pub fn resource_types(base: &str, defined: &[ExtraAttribute]) -> Vec<Value> {
    let kind = |name: &str, endpoint: &str, schema: &str, extensions: Value| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": name, "name": name, "endpoint": endpoint, "schema": schema, "schemaExtensions": extensions,
        })
    };
    let supported = EXTENSIONS.into_iter().filter(|urn| *urn != CUSTOM_EXTENSION || !defined.is_empty());
    let extensions = supported.map(|urn| json!({"schema": urn, "required": false})).collect::<Value>();
    [kind("User", "/Users", USER, extensions), kind("Group", "/Groups", GROUP, json!([]))]
        .into_iter()
        .map(|kind| with_meta(kind, base, "ResourceType", "ResourceTypes"))
        .collect()
}

/// The service provider configuration, which announces exactly what this server supports.
#[must_use]
pub fn service_provider_config(base: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": true, "maxOperations": MAX_BULK_OPERATIONS, "maxPayloadSize": MAX_PAYLOAD_BYTES},
        "filter": {"supported": true, "maxResults": MAX_RESULTS},
        "changePassword": {"supported": false},
        "sort": {"supported": true},
        "pagination": {
            "index": true, "cursor": true, "defaultPaginationMethod": "index",
            "defaultPageSize": DEFAULT_RESULTS, "maxPageSize": MAX_RESULTS,
        },
        "etag": {"supported": true},
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "Bearer token", "primary": true,
            "description": "A token that you generate on the connection's page, in the Authorization: Bearer \
                            header.",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{base}/ServiceProviderConfig"),
        },
    })
}

fn with_meta(mut value: Value, base: &str, kind: &str, collection: &str) -> Value {
    let id = value["id"].as_str().unwrap_or_default().to_owned();
    value["meta"] = json!({"resourceType": kind, "location": format!("{base}/{collection}/{id}")});
    value
}
