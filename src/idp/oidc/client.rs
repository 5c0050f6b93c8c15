//! The authorization request and the exchange of the code, with the `openidconnect` crate.

use std::sync::{Arc, Mutex, PoisonError};

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreErrorResponseType};
use openidconnect::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    IssuerUrl, JsonWebKeySet, LoginHint, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, StandardErrorResponse, TokenUrl,
};

use serde_json::Value;

use super::client_auth::ClientAuth;
use super::metadata::ProviderMetadata;
use super::provider::DiscoveredProvider;
use super::requirements::AuthenticationRequirements;
use super::{RpEndpoints, client_keys, request_options};
use crate::idp::connections::{self, OidcConnection, OidcSettings};
use crate::kernel::{Kernel, http_client, vault};

/// The size limit of a token response.
const MAX_BYTES: usize = 256 * 1024;

/// Why no request could be made or no token was received. For the log and for administrators.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// An endpoint of the provider is not a valid URL.
    #[error("a URL of the provider or of this server is not valid: {0}")]
    InvalidUrl(String),
    /// No client secret or key is set.
    #[error("no client secret or client key is set")]
    NoCredential,
    /// The provider refused the request: its error code and description.
    #[error("the provider rejected the request: {0}")]
    Refused(String),
    /// The request could not be completed.
    #[error("{0}")]
    Http(String),
    /// The response is not a token response.
    #[error("the token endpoint did not respond with a token")]
    MalformedResponse,
    /// The client secret could not be read.
    #[error(transparent)]
    Vault(#[from] vault::Error),
}

type OidcClient =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet, EndpointNotSet>;

fn build_client(
    settings: &OidcSettings,
    metadata: &ProviderMetadata,
    endpoints: &RpEndpoints,
) -> Result<OidcClient, ClientError> {
    let bad = |error: url::ParseError| ClientError::InvalidUrl(error.to_string());
    let token = metadata.token_endpoint.clone().unwrap_or_default();
    let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(bad)?;
    // No keys: tokens are validated in `token_validation`.
    let client = CoreClient::new(ClientId::new(settings.client_id.clone()), issuer, JsonWebKeySet::default())
        .set_auth_uri(AuthUrl::new(metadata.authorization_endpoint.clone()).map_err(bad)?)
        .set_token_uri(TokenUrl::new(token).map_err(bad)?)
        .set_redirect_uri(RedirectUrl::new(endpoints.callback.clone()).map_err(bad)?);
    Ok(if settings.preset.is_oauth2_only() { client.disable_openid_scope() } else { client })
}

/// The variable parameters of an authorization request (RFC 6749 §4.1.1).
pub(super) struct RequestUrl<'a> {
    pub(super) endpoints: &'a RpEndpoints,
    pub(super) state: &'a str,
    pub(super) nonce: &'a str,
    /// The PKCE verifier; the request contains only its hash.
    pub(super) verifier: &'a str,
    /// The identifier that the user typed; it is sent only if it is an email address.
    pub(super) login_hint: &'a str,
    pub(super) requirements: &'a AuthenticationRequirements,
}

impl RequestUrl<'_> {
    /// The URL of the request.
    pub(super) fn build(
        &self,
        settings: &OidcSettings,
        provider: &DiscoveredProvider,
    ) -> Result<String, ClientError> {
        let client = build_client(settings, &provider.metadata, self.endpoints)?;
        let (state, nonce) = (CsrfToken::new(self.state.to_owned()), Nonce::new(self.nonce.to_owned()));
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let mut request = client.authorize_url(flow, move || state, move || nonce);
        for scope in request_options::scopes(settings) {
            request = request.add_scope(Scope::new(scope));
        }
        let asked = self.requirements.parameters(provider.metadata.claims_parameter_supported);
        for (name, value) in request_options::parameters(settings).into_iter().chain(asked) {
            request = request.add_extra_param(name, value);
        }
        if settings.preset.spec().supports_pkce {
            let verifier = PkceCodeVerifier::new(self.verifier.to_owned());
            request = request.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        }
        if self.login_hint.contains('@') {
            request = request.set_login_hint(LoginHint::new(self.login_hint.to_owned()));
        }
        let (url, _, _) = request.url();
        Ok(url.into())
    }
}

/// The tokens that were exchanged for a code.
pub(super) struct Tokens {
    pub(super) id_token: Option<String>,
    pub(super) access_token: String,
}

/// Exchanges a code for tokens (RFC 6749 §4.1.3).
pub(super) async fn exchange_code(
    kernel: &Kernel,
    connection: &OidcConnection,
    provider: &DiscoveredProvider,
    code: &str,
    verifier: &str,
) -> Result<Tokens, ClientError> {
    let (settings, endpoints) = (&*connection.settings, RpEndpoints::of(&kernel.urls, &connection.id));
    let client = build_client(settings, &provider.metadata, &endpoints)?;
    let auth = request_options::client_auth(settings, &provider.metadata);
    let client = if auth == ClientAuth::PrivateKeyJwt {
        client
    } else {
        let secret = connections::secret(kernel, connection, client_keys::CLIENT_SECRET).await?;
        let secret = ClientSecret::new(secret.ok_or(ClientError::NoCredential)?);
        let in_form = auth == ClientAuth::ClientSecretPost;
        client.set_client_secret(secret).set_auth_type(if in_form {
            AuthType::RequestBody
        } else {
            AuthType::BasicAuth
        })
    };
    let mut request = client.exchange_code(AuthorizationCode::new(code.to_owned()));
    if settings.preset.spec().supports_pkce {
        request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()));
    }
    if auth == ClientAuth::PrivateKeyJwt {
        let audience = provider.metadata.token_endpoint.as_deref().unwrap_or_default();

        let assertion =
            client_keys::client_assertion(kernel, connection, settings.client_id.as_str(), audience)
                .await?
                .ok_or(ClientError::NoCredential)?;
        request = request
            .add_extra_param(
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            )
            .add_extra_param("client_assertion", assertion);
    }
    let id_token = Arc::new(Mutex::new(None));
    let http = |request| {
        let (outgoing, kept) = (connection.http_client(kernel), id_token.clone());
        async move {
            let mut answer = outgoing.exchange(request, MAX_BYTES).await?;
            let token = remove_id_token(answer.body_mut());
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = token;
            Ok(answer)
        }
    };
    let answer = request.request_async(&http).await.map_err(to_client_error)?;
    let id_token = id_token.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(Tokens { id_token, access_token: answer.access_token().secret().clone() })
}

/// Removes the ID token from a response. The library would parse its claims before they are validated, and
/// too strictly for LinkedIn, which sends booleans as strings.
fn remove_id_token(body: &mut Vec<u8>) -> Option<String> {
    let mut answer: serde_json::Map<String, Value> = serde_json::from_slice(body).ok()?;
    let taken = answer.remove("id_token")?;
    *body = serde_json::to_vec(&answer).ok()?;
    taken.as_str().map(str::to_owned)
}

type TokenRequestError = RequestTokenError<http_client::Error, StandardErrorResponse<CoreErrorResponseType>>;

fn to_client_error(error: TokenRequestError) -> ClientError {
    match error {
        RequestTokenError::ServerResponse(said) => {
            let code = said.error().to_string();
            ClientError::Refused(
                said.error_description().map_or(code.clone(), |text| format!("{code}: {text}")),
            )
        }
        RequestTokenError::Request(error) => ClientError::Http(error.to_string()),
        // GitHub sends errors with status 200.
        RequestTokenError::Parse(_, body) => {
            let said: Option<Value> = serde_json::from_slice(&body).ok();
            let code = said.as_ref().and_then(|said| said["error"].as_str());
            code.map_or(ClientError::MalformedResponse, |code| ClientError::Refused(code.to_owned()))
        }
        RequestTokenError::Other(_) => ClientError::MalformedResponse,
    }
}
