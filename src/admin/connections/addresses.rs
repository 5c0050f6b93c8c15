//! Checks the addresses that an administrator enters. An IP address in a network that the account may not
//! use is refused at once; a name is checked whenever it is used.

use url::Url;

use crate::admin::Error;
use crate::idp::connections::ConnectionSettings;
use crate::kernel::http_client::HttpClient;

/// The addresses in the settings that this server sends requests to, with their fields.
fn addresses(settings: &ConnectionSettings) -> Vec<(&'static str, &str)> {
    match settings {
        ConnectionSettings::Saml(settings) => {
            let graph = settings.graph.iter().flat_map(|graph| [&graph.graph_url, &graph.login_url]);
            let metadata = settings.metadata_url.iter().map(|url| ("metadata_url", url.as_str()));
            metadata.chain(graph.map(|url| ("graph", url.as_str()))).collect()
        }
        ConnectionSettings::Oidc(settings) => {
            let api = settings.api_url.iter().map(|url| ("api_url", url.as_str()));
            std::iter::once(("issuer", settings.issuer.as_str())).chain(api).collect()
        }
        ConnectionSettings::Ldap(settings) => settings.urls.iter().map(|url| ("url", url.as_str())).collect(),
        ConnectionSettings::Scim(_) => Vec::new(),
    }
}

/// Checks the addresses that are not in `before`. An address that the operator no longer allows therefore
/// does not prevent other changes.
pub(super) fn check_addresses(
    http: &HttpClient,
    before: Option<&ConnectionSettings>,
    after: &ConnectionSettings,
) -> Result<(), Error> {
    let known = before.map(addresses).unwrap_or_default();
    for (field, text) in addresses(after) {
        // Text that is not a URL is refused with the other settings.
        let Ok(url) = Url::parse(text) else { continue };
        if !known.contains(&(field, text)) {
            http.check_literal(&url).map_err(|error| Error::invalid(field, error.to_string()))?;
        }
    }
    Ok(())
}
