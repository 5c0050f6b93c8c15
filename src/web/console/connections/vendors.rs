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
    before: "In the Okta admin console, go to Applications, select Create App Integration and choose SAML \
             2.0. Enter any URLs for now; you replace them later. On the Sign On tab of the application, \
             copy the Metadata URL.",
    group_attribute: Some("groups"),
    steps: &[
        instruction(
            "In Okta, open the application, select General → SAML Settings → Edit, and go to step 2 of \
             the wizard.",
        ),
        copy_value("Enter the ACS URL in the field", "Single sign-on URL", SamlValue::Acs),
        copy_value("Enter the SP entity ID in the field", "Audience URI (SP Entity ID)", SamlValue::Entity),
        instruction("Set Name ID format to EmailAddress and Application username to Email."),
        instruction("Under Attribute Statements, add givenName = user.firstName and sn = user.lastName."),
        instruction(
            "To sync groups, add the name groups with the filter Matches regex .* under Group Attribute \
             Statements.",
        ),
        copy_value(
            "For single logout, open Show Advanced Settings, select Enable Single Logout, upload the signing \
             certificate from the service provider metadata, and enter the SLO URL in the field",
            "Single Logout URL",
            SamlValue::Slo,
        ),
        instruction("Under Assignments, assign the users or groups who may sign in."),
    ],
};

const ENTRA: Guide = Guide {
    before: "In the Microsoft Entra admin center, go to Enterprise applications → New application → \
             Create your own application, and choose the non-gallery option. Then select Single sign-on → \
             SAML. \
             Under SAML Certificates, copy the App Federation Metadata Url.",
    group_attribute: Some("http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"),
    steps: &[
        instruction("Open the application and select Single sign-on → Basic SAML Configuration → Edit."),
        copy_value("Enter the SP entity ID in the field", "Identifier (Entity ID)", SamlValue::Entity),
        copy_value(
            "Enter the ACS URL in the field",
            "Reply URL (Assertion Consumer Service URL)",
            SamlValue::Acs,
        ),
        copy_value(
            "For sign-ins that do not start from My Apps, enter the URL that starts a sign-in in the field",
            "Sign on URL",
            SamlValue::Login,
        ),
        copy_value("For single logout, enter the SLO URL in the field", "Logout Url", SamlValue::Slo),
        instruction(
            "Under Attributes & Claims, set Unique User Identifier to user.mail, or to \
             user.userprincipalname if that is the email address.",
        ),
        instruction(
            "To sync groups, add a group claim for security groups with the source attribute Group ID. Then \
             link groups by their object ID.",
        ),
        instruction(
            "If users are in more than 150 groups, register an application with the application permission \
             GroupMember.Read.All, grant admin consent, and enter its IDs and client secret below under \
             Microsoft Graph.",
        ),
        instruction(
            "To use Token encryption, choose Sign SAML response and assertion, and allow AES-CBC encryption \
             below, because Entra ID encrypts in CBC mode.",
        ),
        instruction("Under Users and groups, assign the users and groups who may sign in."),
    ],
};

const ONELOGIN: Guide = Guide {
    before: "In OneLogin Administration, go to Applications, select Add App and choose SAML Custom Connector \
             (Advanced). Under More Actions, select SAML Metadata to download the file.",
    group_attribute: Some("memberOf"),
    steps: &[
        instruction("Open the application and select Configuration."),
        copy_value("Enter the SP entity ID in the field", "Audience (EntityID)", SamlValue::Entity),
        copy_value("Enter the ACS URL in the field", "ACS (Consumer) URL", SamlValue::Acs),
        copy_value(
            "Enter the same URL, as a regular expression, in the field",
            "ACS (Consumer) URL Validator",
            SamlValue::Acs,
        ),
        copy_value("Enter the URL that starts a sign-in in the field", "Login URL", SamlValue::Login),
        copy_value("For single logout, enter the SLO URL in the field", "Single Logout URL", SamlValue::Slo),
        instruction("Set SAML nameID format to Email and SAML signature element to Both."),
        instruction(
            "Under Parameters, add givenName = First Name and sn = Last Name. To sync groups, also add \
             memberOf = User Roles as a multi-value parameter. Select Include in SAML assertion for each \
             parameter.",
        ),
        instruction("Under Access, choose the roles that may sign in."),
    ],
};

const KEYCLOAK: Guide = Guide {
    before: "In the Keycloak admin console, go to Realm settings → General, and copy the URL of the link SAML \
             2.0 Identity Provider Metadata, such as \
             https://keycloak.example.com/realms/REALM/protocol/saml/descriptor",
    group_attribute: Some("groups"),
    steps: &[
        copy_value(
            "Under Clients → Import client, upload the service provider metadata from this URL as",
            "Resource file",
            SamlValue::Metadata,
        ),
        copy_value(
            "Or select Create client, choose SAML, and enter the SP entity ID in the field",
            "Client ID",
            SamlValue::Entity,
        ),
        copy_value("Enter the ACS URL in the field", "Valid redirect URIs", SamlValue::Acs),
        copy_value("Enter the ACS URL again in the field", "Master SAML Processing URL", SamlValue::Acs),
        instruction(
            "Set Name ID format to email and turn on Force name ID format, so that the NameID is the email \
             address and not the username, which users may choose. Turn on Sign assertions, with RSA_SHA256.",
        ),
        copy_value(
            "For single logout, enter the SLO URL on the Advanced tab in the field",
            "Logout Service Redirect Binding URL",
            SamlValue::Slo,
        ),
        instruction(
            "Under Client scopes, open the dedicated scope and add two User Property mappers: firstName as \
             givenName, and lastName as sn.",
        ),
        instruction(
            "To sync groups, add a Group list mapper with the attribute name groups, Single Group Attribute \
             on and Full group path on. Link groups by their full path, such as /engineering/backend: groups in \
             different branches can have the same name.",
        ),
    ],
};

const GOOGLE: Guide = Guide {
    before: "In the Google Admin console, go to Apps → Web and mobile apps → Add app → Add custom SAML app. \
             Download the metadata on the second page.",
    group_attribute: Some("groups"),
    steps: &[
        copy_value(
            "On the page Service provider details, enter the ACS URL in the field",
            "ACS URL",
            SamlValue::Acs,
        ),
        copy_value("Enter the SP entity ID in the field", "Entity ID", SamlValue::Entity),
        instruction(
            "Select Signed response. Set Name ID format to EMAIL and Name ID to Basic Information → Primary \
             email.",
        ),
        instruction("Under Attribute mapping, map First name to givenName and Last name to sn."),
        instruction("To sync groups, choose them under Group membership, with the App attribute groups."),
        instruction("Under User access, turn the app on for the organizational units that may sign in."),
        instruction("Google does not support single logout. Users sign out of Google separately."),
    ],
};

const OTHER: Guide = Guide {
    before: "An identity provider that supports SAML 2.0 offers its metadata as a file or at a URL.",
    group_attribute: None,
    steps: &[
        copy_value(
            "If your identity provider can import metadata, use this URL:",
            "Service provider metadata",
            SamlValue::Metadata,
        ),
        copy_value("Otherwise, enter the URL to which assertions are sent:", "ACS URL", SamlValue::Acs),
        copy_value("Enter the audience of the assertions:", "SP entity ID", SamlValue::Entity),
        copy_value("For single logout, with HTTP-Redirect or HTTP-POST:", "SLO URL", SamlValue::Slo),
        copy_value(
            "For a dashboard tile or bookmark, use the URL that starts a sign-in:",
            "Login URL",
            SamlValue::Login,
        ),
        instruction(
            "Send the email address as a NameID of the format emailAddress or in an attribute, and sign the \
             response, the assertion or both with SHA-256.",
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
        "In the application, select General → App Settings → Edit, choose SCIM provisioning and save. Then \
         select Provisioning → Integration → Edit and enter the base URL in the field",
        "SCIM connector base URL",
        ScimValue::Base,
    ),
    scim_step(
        "Below it, enter the attribute name in the field",
        "Unique identifier field for users",
        ScimValue::UserName,
    ),
    scim_step(
        "Select Push New Users, Push Profile Updates, Push Groups and both import options. Set \
         Authentication Mode to HTTP Header, and enter the token that you generate below as Authorization. \
         Select Test Connector Configuration, and then save.",
        "",
        ScimValue::None,
    ),
    scim_step(
        "Select Provisioning → To App → Edit, and enable Create Users, Update User Attributes and Deactivate \
         Users.",
        "",
        ScimValue::None,
    ),
    scim_step(
        "Assign users under Assignments. Add the groups to send under Push Groups, which is separate from \
         the assigned groups.",
        "",
        ScimValue::None,
    ),
];

const ENTRA_SCIM: &[ScimStep] = &[
    scim_step(
        "In the enterprise application, select Provisioning → New configuration and enter the base URL in \
         the field",
        "Tenant URL",
        ScimValue::FlaggedBase,
    ),
    scim_step(
        "Enter the token that you generate below as Secret Token. Select Test connection, and then Create.",
        "",
        ScimValue::None,
    ),
    scim_step(
        "Under Attribute mapping, for users, map userPrincipalName to userName with matching precedence 1, \
         mail to emails[type eq \"work\"].value, and objectId to externalId. For groups, give displayName \
         the matching precedence 1 and map objectId to externalId.",
        "",
        ScimValue::None,
    ),
    scim_step(
        "Under Users and groups, assign the users and groups to provision. Entra ID does not send nested \
         groups. Provision on demand provisions one user immediately. Start provisioning provisions all of \
         them, every 40 minutes.",
        "",
        ScimValue::None,
    ),
];

const ONELOGIN_SCIM: &[ScimStep] = &[
    scim_step(
        "Go to Applications → Add App → SCIM Provisioner with SAML (SCIM v2 Enterprise). Under \
         Configuration, enter the base URL in the field",
        "SCIM Base URL",
        ScimValue::Base,
    ),
    scim_step(
        "Enter the token that you generate below as SCIM Bearer Token. Then select API Status → Enable.",
        "",
        ScimValue::None,
    ),
    scim_step(
        "Under Parameters, set scimusername to Email, and include Groups in user provisioning.",
        "",
        ScimValue::None,
    ),
    scim_step(
        "Under Provisioning, select Enable provisioning, and choose Suspend for users that are deleted or \
         suspended. To provision roles as groups, add a rule with Set Groups from Roles under Rules.",
        "",
        ScimValue::None,
    ),
];

const OTHER_SCIM: &[ScimStep] = &[
    scim_step("Enter the URL of this SCIM 2.0 service:", "Base URL", ScimValue::Base),
    scim_step("Use this attribute to identify users:", "Unique identifier", ScimValue::UserName),
    scim_step(
        "Authenticate with a bearer token in the Authorization header. Use the token that you generate \
         below.",
        "",
        ScimValue::None,
    ),
];
