//! Google, with or without Workspace.

use super::spec::{OPENID_CONNECT, PeopleScope, PresetSpec, SetupValue, enter, instruction};
use crate::idp::oidc::client_auth::ClientAuth;

pub(super) const SPEC: PresetSpec = PresetSpec {
    name: "google",
    label: "Google",
    issuer: Some("https://accounts.google.com"),
    client_auth: Some(ClientAuth::ClientSecretPost),
    people: PeopleScope::HostedDomains,
    asks_for_account: true,
    states_auth_time: false,
    steps: &[
        instruction(
            "In the Google Cloud console, open Google Auth Platform → Clients and create a client of the \
             type Web application.",
        ),
        enter("Add this URL to", "Authorized redirect URIs", SetupValue::Callback),
        instruction(
            "Copy the client ID and the client secret. With Google Workspace, set the user type of the app \
             to Internal.",
        ),
    ],
    ..OPENID_CONNECT
};
