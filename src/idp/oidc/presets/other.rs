//! Any other provider that speaks OpenID Connect, such as the company's own.

use super::spec::{OPENID_CONNECT, PresetSpec, SetupValue, enter, instruction};

pub(super) const SPEC: PresetSpec = PresetSpec {
    name: "other",
    label: "Another OpenID Connect provider",
    group_attribute: Some("groups"),
    may_trust_email: true,
    steps: &[
        instruction(
            "Register this server as a confidential web application that uses the authorization code flow.",
        ),
        enter("Enter this URL as", "Redirect URI", SetupValue::Callback),
        enter(
            "If there is a field for it, enter this URL as",
            "Post-logout redirect URI",
            SetupValue::SignedOut,
        ),
        enter(
            "If there is a field for it, enter this URL as",
            "Back-channel logout URI",
            SetupValue::BackchannelLogout,
        ),
        enter(
            "To authenticate with a key instead of a client secret, enter this URL as",
            "JWKS URI",
            SetupValue::Jwks,
        ),
    ],
    ..OPENID_CONNECT
};
