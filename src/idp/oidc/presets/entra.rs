//! Microsoft Entra ID.

use super::spec::{OPENID_CONNECT, PeopleScope, PresetSpec, SetupValue, enter, instruction};
use crate::idp::oidc::client_auth::ClientAuth;

pub(super) const SPEC: PresetSpec = PresetSpec {
    name: "entra",
    label: "Microsoft Entra ID",
    issuer: Some("https://login.microsoftonline.com/organizations/v2.0"),
    client_auth: Some(ClientAuth::ClientSecretPost),
    group_attribute: Some("groups"),
    people: PeopleScope::Tenants,
    asks_for_account: true,
    steps: &[
        instruction("In the Microsoft Entra admin center, open App registrations and create a registration."),
        enter("Select the platform Web and enter this URL as", "Redirect URI", SetupValue::Callback),
        enter("Under Authentication, enter this URL as", "Front-channel logout URL", SetupValue::SignedOut),
        instruction(
            "Under Certificates & secrets, create a client secret and copy its value. Copy the application \
             (client) ID and the directory (tenant) ID from the overview.",
        ),
        instruction(
            "Under Token configuration, add the optional claims email and xms_edov. To sync groups, also add \
             the groups claim. For users in a large number of groups, grant the application permission \
             GroupMember.Read.All.",
        ),
    ],
    ..OPENID_CONNECT
};
