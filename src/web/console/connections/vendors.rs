//! Step-by-step guides to each identity provider's own console, in that console's terms.

use crate::idp::connections::Vendor;
use crate::kernel::text_enum::text_enum;

text_enum! {
    /// A value of this connection that a step needs.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) enum SamlValue {
        /// Nothing to copy.
        None = "",
        /// The assertion consumer service.
        Acs = "acs",
        /// Our entity ID.
        Entity = "entity",
        /// The URL of our metadata.
        Metadata = "metadata",
        /// The URL where a sign-in begins.
        Login = "login",
        /// The URL of our single logout service.
        Slo = "slo",
    }
}

/// One step of setting up SAML.
#[derive(Debug, Clone, Copy)]
pub(super) struct SamlStep {
    /// The instruction.
    pub(super) text: &'static str,
    /// The name of the field in the provider's console.
    pub(super) field: &'static str,
    /// The value to enter there.
    pub(super) value: SamlValue,
}

/// The guide for one product.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guide {
    /// Where to find the metadata, before the connection is created.
    pub(super) before: &'static str,
    /// The attribute in which the product usually sends groups.
    pub(super) group_attribute: Option<&'static str>,
    /// The steps after the connection is created.
    pub(super) steps: &'static [SamlStep],
}

const fn instruction(text: &'static str) -> SamlStep {
    SamlStep { text, field: "", value: SamlValue::None }
}

const fn copy_value(text: &'static str, field: &'static str, value: SamlValue) -> SamlStep {
    SamlStep { text, field, value }
}

pub(super) const fn guide(vendor: Vendor) -> Guide {
    match vendor {
        Vendor::Okta => OKTA,
        Vendor::Entra => ENTRA,
        Vendor::OneLogin => ONELOGIN,
        Vendor::Keycloak => KEYCLOAK,
        Vendor::Google => GOOGLE,
        Vendor::Other => OTHER,
    }
}

const OKTA: Guide = Guide {
    before: "In the Okta admin console: Applications, Create App Integration, SAML 2.0. You may fill in anything for the \
             URLs at first and come back to them. On the Sign On tab of the application copy the Metadata URL.",
    group_attribute: Some("groups"),
    steps: &[
        instruction(
            "Open the application in Okta, General, SAML Settings, Edit, and go to step 2 of the wizard.",
        ),
        copy_value("Where the assertion is sent:", "Single sign-on URL", SamlValue::Acs),
        copy_value("For whom it is:", "Audience URI (SP Entity ID)", SamlValue::Entity),
        instruction("Name ID format: EmailAddress. Application username: Email."),
        instruction("Attribute Statements: givenName = user.firstName, sn = user.lastName."),
        instruction(
            "Group Attribute Statements, if groups are to follow: name groups, filter Matches regex .*",
        ),
        copy_value(
            "For logout: Show Advanced Settings, Enable Single Logout, upload our signing certificate, and enter",
            "Single Logout URL",
            SamlValue::Slo,
        ),
        instruction("Assignments: assign the people or groups who may sign in."),
    ],
};

const ENTRA: Guide = Guide {
    before: "In the Microsoft Entra admin center: Enterprise applications, New application, Create your own application, \
             non-gallery. Then Single sign-on, SAML. Under SAML Certificates copy the App Federation Metadata Url.",
    group_attribute: Some("http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"),
    steps: &[
        instruction("Open the application, Single sign-on, Basic SAML Configuration, Edit."),
        copy_value("For whom the assertion is:", "Identifier (Entity ID)", SamlValue::Entity),
        copy_value("Where it is sent:", "Reply URL (Assertion Consumer Service URL)", SamlValue::Acs),
        copy_value(
            "Where a sign-in begins that is not started from My Apps:",
            "Sign on URL",
            SamlValue::Login,
        ),
        copy_value("For logout:", "Logout Url", SamlValue::Slo),
        instruction(
            "Attributes & Claims: Unique User Identifier = user.mail, or user.userprincipalname if that is the address.",
        ),
        instruction(
            "Add a group claim, if groups are to follow: security groups, source attribute Group ID. Link groups here by \
              their object id.",
        ),
        instruction(
            "People in more than 150 groups: register an application with the permission GroupMember.Read.All \
              (application, admin consent) and enter its ids and secret below under Microsoft Graph.",
        ),
        instruction(
            "If you want Token encryption: choose Sign SAML response and assertion, and allow CBC below, as Entra ID \
              encrypts in CBC mode.",
        ),
        instruction("Users and groups: assign those who may sign in."),
    ],
};

const ONELOGIN: Guide = Guide {
    before: "In OneLogin Administration: Applications, Add App, SAML Custom Connector (Advanced). Under More Actions \
             choose SAML Metadata to have the file.",
    group_attribute: Some("memberOf"),
    steps: &[
        instruction("Open the application, Configuration."),
        copy_value("For whom the assertion is:", "Audience (EntityID)", SamlValue::Entity),
        copy_value("Where it is sent:", "ACS (Consumer) URL", SamlValue::Acs),
        copy_value("The same, as a regular expression:", "ACS (Consumer) URL Validator", SamlValue::Acs),
        copy_value("Where a sign-in begins:", "Login URL", SamlValue::Login),
        copy_value("For logout:", "Single Logout URL", SamlValue::Slo),
        instruction("SAML nameID format: Email. SAML signature element: Both."),
        instruction(
            "Parameters: givenName = First Name, sn = Last Name; memberOf = User Roles, multi-value, if groups are to \
              follow. Tick Include in SAML assertion for each.",
        ),
        instruction("Access: choose the roles that may sign in."),
    ],
};

const KEYCLOAK: Guide = Guide {
    before: "In the Keycloak admin console, Realm settings, General: the link SAML 2.0 Identity Provider Metadata leads \
             to the address, such as https://keycloak.example.com/realms/REALM/protocol/saml/descriptor",
    group_attribute: Some("groups"),
    steps: &[
        copy_value(
            "Clients, Import client, and give it our metadata, from",
            "Resource file",
            SamlValue::Metadata,
        ),
        copy_value("Or Create client, SAML, and enter", "Client ID", SamlValue::Entity),
        copy_value("with", "Valid redirect URIs", SamlValue::Acs),
        copy_value("and", "Master SAML Processing URL", SamlValue::Acs),
        instruction("Name ID format: email, Force name ID format: on. Sign assertions: on, with RSA_SHA256."),
        copy_value("Advanced, for logout:", "Logout Service Redirect Binding URL", SamlValue::Slo),
        instruction(
            "Client scopes, dedicated, Add mapper: User Property firstName as givenName, lastName as sn.",
        ),
        instruction(
            "Group list as groups, with Single Group Attribute on and Full group path off, if groups are to follow.",
        ),
    ],
};

const GOOGLE: Guide = Guide {
    before: "In the Google Admin console: Apps, Web and mobile apps, Add app, Add custom SAML app. Download the metadata \
             on the second page.",
    group_attribute: Some("groups"),
    steps: &[
        copy_value("On the page Service provider details:", "ACS URL", SamlValue::Acs),
        copy_value("and", "Entity ID", SamlValue::Entity),
        instruction("Signed response: on. Name ID format: EMAIL. Name ID: Basic Information, Primary email."),
        instruction("Attribute mapping: First name = givenName, Last name = sn."),
        instruction("Group membership, if groups are to follow: choose the groups, App attribute groups."),
        instruction("User access: switch the app on for the organizational units that may sign in."),
        instruction("Google takes no logouts: people sign out here, and there for themselves."),
    ],
};

const OTHER: Guide = Guide {
    before: "Any identity provider that speaks SAML 2.0 has a metadata file or an address for it.",
    group_attribute: None,
    steps: &[
        copy_value("Give it our metadata, if it takes that:", "Metadata", SamlValue::Metadata),
        copy_value("Or enter where assertions are posted to:", "Assertion consumer service", SamlValue::Acs),
        copy_value("For whom they are:", "Entity ID, or audience", SamlValue::Entity),
        copy_value("Where logouts go, by Redirect or POST:", "Single logout service", SamlValue::Slo),
        copy_value("Where a sign-in begins, for a tile or bookmark:", "Start of sign-in", SamlValue::Login),
        instruction(
            "Let the NameID or an attribute carry the email address, and sign the response, the assertion, or both with \
              SHA-256.",
        ),
    ],
};

/// A value that a step of setting up provisioning needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScimValue {
    /// Nothing to copy.
    None,
    /// The base URL.
    Base,
    /// The base URL with the flag that makes Entra ID comply with the standard.
    FlaggedBase,
    /// The name of the unique identifier attribute.
    UserName,
}

/// One step of setting up provisioning.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScimStep {
    /// The instruction.
    pub(super) text: &'static str,
    /// The name of the field in the provider's console.
    pub(super) field: &'static str,
    /// The value to enter there.
    pub(super) value: ScimValue,
}

const fn scim_step(text: &'static str, field: &'static str, value: ScimValue) -> ScimStep {
    ScimStep { text, field, value }
}

/// The steps for setting up provisioning in a product.
pub(super) const fn scim_steps(vendor: Vendor) -> &'static [ScimStep] {
    match vendor {
        Vendor::Okta => OKTA_SCIM,
        Vendor::Entra => ENTRA_SCIM,
        Vendor::OneLogin => ONELOGIN_SCIM,
        _ => OTHER_SCIM,
    }
}

const OKTA_SCIM: &[ScimStep] = &[
    scim_step(
        "In the application: General → App Settings → Edit, choose SCIM as the provisioning, save. Then Provisioning → \
         Integration → Edit.",
        "SCIM connector base URL",
        ScimValue::Base,
    ),
    scim_step("Below that:", "Unique identifier field for users", ScimValue::UserName),
    scim_step(
        "Tick all of Push New Users, Push Profile Updates, Push Groups and both imports. Authentication Mode is HTTP \
         Header; its Authorization is the token you make below. Test Connector Configuration, save.",
        "",
        ScimValue::None,
    ),
    scim_step(
        "Provisioning → To App → Edit: switch on Create Users, Update User Attributes and Deactivate Users.",
        "",
        ScimValue::None,
    ),
    scim_step(
        "Assign people on Assignments. Groups are sent from Push Groups, which is another list than the assigned groups.",
        "",
        ScimValue::None,
    ),
];

const ENTRA_SCIM: &[ScimStep] = &[
    scim_step(
        "In the enterprise application: Provisioning → New configuration.",
        "Tenant URL",
        ScimValue::FlaggedBase,
    ),
    scim_step("Secret Token is the token you make below. Test connection, then create.", "", ScimValue::None),
    scim_step(
        "Attribute mapping → users: userPrincipalName to userName with matching precedence 1, mail to emails[type eq \
         \"work\"].value, objectId to externalId. Groups: displayName with matching precedence 1, objectId to externalId.",
        "",
        ScimValue::None,
    ),
    scim_step(
        "Users and groups: assign who is to come. Nested groups are not sent by Entra ID. Provision on demand tries one \
         person at once; Start provisioning does all, every 40 minutes.",
        "",
        ScimValue::None,
    ),
];

const ONELOGIN_SCIM: &[ScimStep] = &[
    scim_step(
        "Applications → Add App → SCIM Provisioner with SAML (SCIM v2 Enterprise). Configuration:",
        "SCIM Base URL",
        ScimValue::Base,
    ),
    scim_step("SCIM Bearer Token is the token you make below. API Status → Enable.", "", ScimValue::None),
    scim_step(
        "Parameters: scimusername is the Email, and Groups is included in user provisioning.",
        "",
        ScimValue::None,
    ),
    scim_step(
        "Provisioning → Enable provisioning. When users are deleted or suspended: Suspend. Rules → Set Groups from \
         Roles, and the roles become groups here.",
        "",
        ScimValue::None,
    ),
];

const OTHER_SCIM: &[ScimStep] = &[
    scim_step("The address of the SCIM 2.0 service:", "Base URL", ScimValue::Base),
    scim_step("What users are told apart by:", "Unique identifier", ScimValue::UserName),
    scim_step(
        "Authentication is a bearer token in the Authorization header: the one you make below.",
        "",
        ScimValue::None,
    ),
];
