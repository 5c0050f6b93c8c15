//! Requests to a provider's own API with the access token of a sign-in.

use url::Url;

use crate::idp::oidc::metadata::join_url;
use crate::kernel::http_client::{self, HttpClient};

/// The size limit of a response.
const MAX_BYTES: usize = 1024 * 1024;

/// Why the API did not identify the user.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderApiError {
    /// The base URL of the API is not valid.
    #[error("the API URL is not valid")]
    InvalidUrl,
    /// The API was not reached or answered with an error.
    #[error("{0}: {1}")]
    Http(String, #[source] http_client::Error),
    /// The response does not have the documented form.
    #[error("{0}: unexpected response from the API of the provider")]
    MalformedResponse(String),
}

/// A provider's API, used with one user's access token.
pub(crate) struct ProviderApi<'a> {
    http: HttpClient,
    base: Url,
    token: &'a str,
}

impl<'a> ProviderApi<'a> {
    pub(crate) const fn new(http: HttpClient, base: Url, token: &'a str) -> Self {
        Self { http, base, token }
    }

    /// The JSON at `path`, relative to the base of the API.
    pub(super) async fn get<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<T, ProviderApiError> {
        let url = Url::parse(&join_url(&self.base, path)).map_err(|_| ProviderApiError::InvalidUrl)?;
        let text = self.http.get_with_bearer(&url, self.token, MAX_BYTES).await;
        let text = text.map_err(|error| ProviderApiError::Http(path.to_owned(), error))?;
        serde_json::from_str(&text).map_err(|_| ProviderApiError::MalformedResponse(path.to_owned()))
    }
}
