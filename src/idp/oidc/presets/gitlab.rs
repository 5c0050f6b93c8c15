//! GitLab, at gitlab.com or self-managed.

use super::spec::{OPENID_CONNECT, PresetSpec, SetupValue, enter, instruction};

pub(super) const SPEC: PresetSpec = PresetSpec {
    name: "gitlab",
    label: "GitLab",
    issuer: Some("https://gitlab.com"),
    group_attribute: Some("groups"),
    may_trust_email: true,
    steps: &[
        instruction(
            "In your group or in the Admin area, open Applications and add a confidential application with \
             the scopes openid, profile and email.",
        ),
        enter("Enter this URL as", "Redirect URI", SetupValue::Callback),
        instruction("Copy the application ID and the secret."),
    ],
    ..OPENID_CONNECT
};
