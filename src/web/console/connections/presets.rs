//! How the application is registered at each provider, step by step and in its own words.

use crate::idp::connections::Preset;
use crate::idp::oidc::RpEndpoints;

/// One step, and what to copy with it.
#[derive(Debug, Clone)]
pub(super) struct PresetStep {
    /// What to do.
    pub(super) text: &'static str,
    /// What the field is called there.
    pub(super) field: &'static str,
    /// What to put into it; empty for nothing.
    pub(super) value: String,
}

/// The steps of a provider.
pub(super) fn steps(preset: Preset, ours: &RpEndpoints) -> Vec<PresetStep> {
    let instruction = |text| PresetStep { text, field: "", value: String::new() };
    let copy_value = |text, field, value: &String| PresetStep { text, field, value: value.clone() };
    let callback = &ours.callback;
    match preset {
        Preset::Google => vec![
            instruction(
                "In the Google Cloud console, open Google Auth Platform, Clients, and create a client of the type Web application.",
            ),
            copy_value("Add this to", "Authorized redirect URIs", callback),
            instruction(
                "Copy the client ID and the client secret. With Google Workspace, make the app internal.",
            ),
        ],
        Preset::Entra => vec![
            instruction("In the Entra admin center, open App registrations and make a new one."),
            copy_value("Choose the platform Web and enter as", "Redirect URI", callback),
            copy_value("Under Authentication, enter as", "Front-channel logout URL", &ours.signed_out),
            instruction(
                "Under Certificates & secrets, make a client secret and copy its value. Copy the application (client) ID and the directory (tenant) ID from the overview.",
            ),
            instruction(
                "Under Token configuration, add the optional claims email and xms_edov, and the groups claim if groups are to follow. For people in very many groups, grant the application permission GroupMember.Read.All.",
            ),
        ],
        Preset::GitHub => vec![
            instruction(
                "In the settings of your organization, open Developer settings, OAuth apps, and make a new one.",
            ),
            copy_value("Enter as", "Authorization callback URL", callback),
            instruction("Copy the client ID, generate a client secret and copy that."),
        ],
        Preset::GitLab => vec![
            instruction(
                "In your group or in the admin area, open Applications and add a confidential one with the scopes openid, profile and email.",
            ),
            copy_value("Enter as", "Redirect URI", callback),
            instruction("Copy the application ID and the secret."),
        ],
        Preset::Bitbucket => vec![
            instruction(
                "In the settings of your workspace, open OAuth consumers and add one with the permissions Account: Email and Account: Read.",
            ),
            copy_value("Enter as", "Callback URL", callback),
            instruction("Copy the key, which is the client ID here, and the secret."),
        ],
        Preset::LinkedIn => vec![
            instruction(
                "At linkedin.com/developers, create an app and request the product Sign In with LinkedIn using OpenID Connect.",
            ),
            copy_value("Under Auth, add this to", "Authorized redirect URLs", callback),
            instruction("Copy the client ID and the primary client secret."),
        ],
        Preset::Other => vec![
            instruction(
                "Register this server as a confidential web application with the authorization code flow.",
            ),
            copy_value("Enter as", "Redirect URI", callback),
            copy_value("If there is a field for it, enter as", "Post-logout redirect URI", &ours.signed_out),
            copy_value(
                "If there is a field for it, enter as",
                "Back-channel logout URI",
                &ours.backchannel_logout,
            ),
            copy_value("To prove itself with a key instead of a secret, enter as", "JWKS URI", &ours.jwks),
        ],
    }
}
