//! LinkedIn. It refuses PKCE unless the client is a native application, and its ID tokens do not contain
//! the nonce.

use super::spec::{OPENID_CONNECT, PresetSpec, SetupValue, enter, instruction};
use crate::idp::oidc::client_auth::ClientAuth;

pub(super) const SPEC: PresetSpec = PresetSpec {
    name: "linkedin",
    label: "LinkedIn",
    issuer: Some("https://www.linkedin.com/oauth"),
    client_auth: Some(ClientAuth::ClientSecretPost),
    supports_pkce: false,
    returns_nonce: false,
    states_auth_time: false,
    steps: &[
        instruction(
            "At linkedin.com/developers, create an app and request the product Sign In with LinkedIn using \
             OpenID Connect.",
        ),
        enter("On the Auth tab, add this URL to", "Authorized redirect URLs", SetupValue::Callback),
        instruction("Copy the client ID and the primary client secret."),
    ],
    ..OPENID_CONNECT
};
