//! Any other provider that speaks OpenID Connect, such as the company's own.

use super::spec::{OPENID_CONNECT, PresetSpec, SetupValue, enter, instruction};

pub(super) const SPEC: PresetSpec = PresetSpec {
    name: "other",
    label: "Another OpenID provider",
    group_attribute: Some("groups"),
    may_trust_email: true,
    steps: &[
        instruction(
            "Register this server as a confidential web application with the authorization code flow.",
        ),
        enter("Enter as", "Redirect URI", SetupValue::Callback),
        enter("If there is a field for it, enter as", "Post-logout redirect URI", SetupValue::SignedOut),
        enter(
            "If there is a field for it, enter as",
            "Back-channel logout URI",
            SetupValue::BackchannelLogout,
        ),
        enter("To prove itself with a key instead of a secret, enter as", "JWKS URI", SetupValue::Jwks),
    ],
    ..OPENID_CONNECT
};
