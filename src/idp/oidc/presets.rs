//! Habits in which the known providers differ from the standard and from each other.

use url::Url;

use super::provider::ProviderMetadata;
use crate::idp::connections::{ClientAuth, OidcSettings, Preset};

/// What to ask for, beside `openid`.
pub(super) fn scopes(settings: &OidcSettings) -> Vec<String> {
    let usual: &[&str] = match settings.preset {
        Preset::GitHub if settings.people.group_sync => &["read:user", "user:email", "read:org"],
        Preset::GitHub => &["read:user", "user:email"],
        // Bitbucket's own names; more than the consumer was given is refused.
        Preset::Bitbucket => &["account", "email"],
        _ => &["email", "profile"],
    };
    let mut all: Vec<String> = usual.iter().map(|scope| (*scope).to_owned()).collect();
    all.extend(settings.scopes.iter().filter(|scope| !usual.contains(&scope.as_str())).cloned());
    all
}

/// Further parameters of the request.
pub(super) fn parameters(settings: &OidcSettings) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    if settings.force_authn {
        all.push(("prompt", "login".to_owned()));
    } else if matches!(settings.preset, Preset::Google | Preset::Entra) {
        // Many are signed in there with several accounts, and the first one is the wrong one.
        all.push(("prompt", "select_account".to_owned()));
    }
    if let (Preset::Google, [domain]) = (settings.preset, &settings.hosted_domains[..]) {
        all.push(("hd", domain.clone()));
    }
    all
}

/// Whether it takes a PKCE challenge. LinkedIn does so for native applications only and refuses it from others.
pub(super) fn supports_pkce(settings: &OidcSettings) -> bool {
    settings.preset != Preset::LinkedIn
}

/// Whether its ID tokens repeat the nonce. LinkedIn's do not.
pub(super) fn returns_nonce(settings: &OidcSettings) -> bool {
    settings.preset != Preset::LinkedIn
}

/// How the client proves itself: as is set, as the provider is known to want it, or as it says (RFC 8414 §2: basic,
/// when it says nothing).
pub(super) fn client_auth(settings: &OidcSettings, metadata: &ProviderMetadata) -> ClientAuth {
    if let Some(wanted) = settings.client_auth {
        return wanted;
    }
    if matches!(settings.preset, Preset::LinkedIn | Preset::GitHub | Preset::Entra | Preset::Google) {
        return ClientAuth::ClientSecretPost;
    }
    let offered = &metadata.token_endpoint_auth_methods_supported;
    let has = |one: ClientAuth| offered.iter().any(|name| name == one.as_str());
    if has(ClientAuth::ClientSecretPost) && !has(ClientAuth::ClientSecretBasic) {
        ClientAuth::ClientSecretPost
    } else {
        ClientAuth::ClientSecretBasic
    }
}

/// Where a provider of plain OAuth 2.0 has its endpoints; none for one that describes itself.
pub(super) fn endpoints(settings: &OidcSettings) -> Option<ProviderMetadata> {
    let base = Url::parse(&settings.issuer).ok()?;
    let (authorize, token) = match settings.preset {
        Preset::GitHub => ("login/oauth/authorize", "login/oauth/access_token"),
        Preset::Bitbucket => ("site/oauth2/authorize", "site/oauth2/access_token"),
        _ => return None,
    };
    Some(ProviderMetadata {
        issuer: settings.issuer.clone(),
        authorization_endpoint: join_url(&base, authorize),
        token_endpoint: Some(join_url(&base, token)),
        ..ProviderMetadata::default()
    })
}

/// Where the API of a provider of plain OAuth 2.0 is.
pub(super) fn api_base_url(settings: &OidcSettings) -> Option<Url> {
    if let Some(own) = &settings.api_url {
        return Url::parse(own).ok();
    }
    let base = Url::parse(&settings.issuer).ok()?;
    match (settings.preset, base.host_str()) {
        (Preset::GitHub, Some("github.com")) => Url::parse("https://api.github.com").ok(),
        // GitHub Enterprise Server has it on its own host.
        (Preset::GitHub, _) => Url::parse(&join_url(&base, "api/v3")).ok(),
        (Preset::Bitbucket, _) => Url::parse("https://api.bitbucket.org").ok(),
        _ => None,
    }
}

/// `https://host/some/` + `path` → `https://host/some/path`.
pub(super) fn join_url(base: &Url, path: &str) -> String {
    format!("{}/{path}", base.as_str().trim_end_matches('/'))
}
