//! How the application is registered at each provider, step by step and in its own words.

use crate::idp::connections::Preset;
use crate::idp::oidc::Addresses;

/// One step, and what to copy with it.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// What to do.
    pub(super) text: &'static str,
    /// What the field is called there.
    pub(super) field: &'static str,
    /// What to put into it; empty for nothing.
    pub(super) value: String,
}

/// The steps of a provider.
pub(super) fn steps(preset: Preset, ours: &Addresses) -> Vec<Step> {
    let does = |text| Step { text, field: "", value: String::new() };
    let copies = |text, field, value: &String| Step { text, field, value: value.clone() };
    let callback = &ours.callback;
    match preset {
        Preset::Google => vec![
            does(
                "In the Google Cloud console, open Google Auth Platform, Clients, and create a client of the type Web application.",
            ),
            copies("Add this to", "Authorized redirect URIs", callback),
            does("Copy the client ID and the client secret. With Google Workspace, make the app internal."),
        ],
        Preset::Entra => vec![
            does("In the Entra admin center, open App registrations and make a new one."),
            copies("Choose the platform Web and enter as", "Redirect URI", callback),
            copies("Under Authentication, enter as", "Front-channel logout URL", &ours.signed_out),
            does(
                "Under Certificates & secrets, make a client secret and copy its value. Copy the application (client) ID and the directory (tenant) ID from the overview.",
            ),
            does(
                "Under Token configuration, add the optional claims email and xms_edov, and the groups claim if groups are to follow. For people in very many groups, grant the application permission GroupMember.Read.All.",
            ),
        ],
        Preset::GitHub => vec![
            does(
                "In the settings of your organization, open Developer settings, OAuth apps, and make a new one.",
            ),
            copies("Enter as", "Authorization callback URL", callback),
            does("Copy the client ID, generate a client secret and copy that."),
        ],
        Preset::GitLab => vec![
            does(
                "In your group or in the admin area, open Applications and add a confidential one with the scopes openid, profile and email.",
            ),
            copies("Enter as", "Redirect URI", callback),
            does("Copy the application ID and the secret."),
        ],
        Preset::Bitbucket => vec![
            does(
                "In the settings of your workspace, open OAuth consumers and add one with the permissions Account: Email and Account: Read.",
            ),
            copies("Enter as", "Callback URL", callback),
            does("Copy the key, which is the client ID here, and the secret."),
        ],
        Preset::LinkedIn => vec![
            does(
                "At linkedin.com/developers, create an app and request the product Sign In with LinkedIn using OpenID Connect.",
            ),
            copies("Under Auth, add this to", "Authorized redirect URLs", callback),
            does("Copy the client ID and the primary client secret."),
        ],
        Preset::Other => vec![
            does("Register this server as a confidential web application with the authorization code flow."),
            copies("Enter as", "Redirect URI", callback),
            copies("If there is a field for it, enter as", "Post-logout redirect URI", &ours.signed_out),
            copies(
                "If there is a field for it, enter as",
                "Back-channel logout URI",
                &ours.backchannel_logout,
            ),
            copies("To prove itself with a key instead of a secret, enter as", "JWKS URI", &ours.jwks),
        ],
    }
}
