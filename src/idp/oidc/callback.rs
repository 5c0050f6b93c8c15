//! Validates an authorization response: from the callback's parameters through the code and the tokens to
//! the user's claims.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::authorization::AuthorizationRequest;
use super::check::OidcCheck;
use super::claim_mapping::{self, EmailClaim};
use super::client::{self, Tokens};
use super::presets::PeopleScope;
use super::provider::DiscoveredProvider;
use super::token_validation::{Claims, ExpectedIdToken, ExpectedToken, text_claim, validate_id_token};
use super::{CLIENT_SECRET, ProviderCache, oauth2_userinfo};
use crate::idp::connections::{OidcConnection, OidcSettings};
use crate::idp::graph::{self, GraphError};
use crate::idp::report::{CheckFailed, CheckReport, check_that};
use crate::kernel::Kernel;
use crate::kernel::http_client::HttpClient;
use crate::signin::ExternalSubject;

/// The size limit of a `UserInfo` response.
const MAX_BYTES: usize = 1024 * 1024;

/// The parameters of an authorization response (RFC 6749 §4.1.2, RFC 9207 §2).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CallbackParams {
    pub(super) state: String,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// The user as the provider asserts them, after all checks.
#[derive(Debug)]
pub(super) struct OidcIdentity {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) email: String,
    pub(super) email_is_verified: bool,
    pub(super) claims: Claims,
    /// The names of the user's groups; `None` if linked groups do not follow the connection or could not be
    /// read.
    pub(super) groups: Option<Vec<String>>,
    pub(super) id_token: Option<String>,
    pub(super) report: CheckReport<OidcCheck>,
}

/// The subject of the identity.
pub(super) fn external_subject(identity: &OidcIdentity) -> ExternalSubject {
    ExternalSubject {
        issuer: identity.issuer.clone(),
        id: identity.subject.clone(),
        address_is_verified: identity.email_is_verified,
        is_address: false,
    }
}

/// An authorization response under validation.
pub(super) struct Callback<'a> {
    kernel: &'a Kernel,
    providers: &'a ProviderCache,
    connection: &'a OidcConnection,
    /// The request that it answers.
    request: &'a AuthorizationRequest,
    /// The checks so far.
    report: CheckReport<OidcCheck>,
}

impl<'a> Callback<'a> {
    pub(super) fn new(
        kernel: &'a Kernel,
        providers: &'a ProviderCache,
        connection: &'a OidcConnection,
        request: &'a AuthorizationRequest,
    ) -> Self {
        Self { kernel, providers, connection, request, report: CheckReport::default() }
    }

    fn settings(&self) -> &'a OidcSettings {
        &self.connection.settings
    }

    /// The asserted identity, if the response passes every check.
    pub(super) async fn validate(
        mut self,
        params: &CallbackParams,
    ) -> Result<OidcIdentity, CheckFailed<OidcCheck>> {
        let provider = self.providers.discover(self.kernel, self.connection).await;
        let provider = provider.map_err(|error| {
            self.report.fail(OidcCheck::Discovery, "a provider with a valid configuration", error)
        })?;
        self.report.pass(OidcCheck::Discovery);
        let code = self.extract_code(&provider, params)?;
        let verifier = &self.request.verifier;
        let tokens = client::exchange_code(self.kernel, self.connection, &provider, code, verifier).await;
        let tokens = tokens
            .map_err(|error| self.report.fail(OidcCheck::Code, "tokens in exchange for the code", error))?;
        self.report.pass(OidcCheck::Code);

        let settings = self.settings();
        let mut claims = self.read_claims(provider, &tokens).await?;
        let EmailClaim { email, is_verified } =
            claim_mapping::email_claim(&mut self.report, settings, &claims)?;
        let groups = self.read_groups(&mut claims).await;
        Ok(OidcIdentity {
            issuer: text_claim(&claims, "iss").unwrap_or(&settings.issuer).to_owned(),
            subject: text_claim(&claims, "sub").unwrap_or_default().to_owned(),
            email,
            email_is_verified: is_verified,
            groups,
            claims,
            id_token: tokens.id_token,
            report: self.report,
        })
    }

    /// The authorization code, if the response comes from this provider and is not an error.
    fn extract_code<'p>(
        &mut self,
        provider: &DiscoveredProvider,
        params: &'p CallbackParams,
    ) -> Result<&'p str, CheckFailed<OidcCheck>> {
        let report = &mut self.report;
        // The issuer is checked first, so that an error response of another provider is not attributed to
        // this one.
        let metadata = &provider.metadata;
        if params.iss.is_some() || metadata.authorization_response_iss_parameter_supported {
            let found = params.iss.as_deref().unwrap_or("none");
            let fits = check_that(found == metadata.issuer, &metadata.issuer, found);
            report.record(OidcCheck::IssuerParameter, fits)?;
        }
        if let Some(error) = &params.error {
            let said = params.error_description.as_deref().unwrap_or_default();
            return Err(report.fail(OidcCheck::Answer, "an authorization code", format!("{error}: {said}")));
        }
        let code = params.code.as_deref().filter(|code| !code.is_empty() && code.len() <= 8192);
        let code = code.ok_or_else(|| report.fail(OidcCheck::Answer, "an authorization code", "none"))?;
        report.pass(OidcCheck::Answer);
        Ok(code)
    }

    /// The user's claims from the ID token, the `UserInfo` endpoint or the provider's own API.
    async fn read_claims(
        &mut self,
        provider: DiscoveredProvider,
        tokens: &Tokens,
    ) -> Result<Claims, CheckFailed<OidcCheck>> {
        let (now, requirements) = (self.kernel.clock.now(), self.request.requirements(self.settings()));
        if let Some(oauth2) = &self.settings().preset.spec().oauth2 {
            requirements.check(&mut self.report, &Claims::new(), now)?;
            let claims =
                oauth2_userinfo::fetch_claims(self.kernel, self.connection, oauth2, &tokens.access_token)
                    .await;
            return claims
                .map_err(|error| self.report.fail(OidcCheck::UserInfo, "the user from the API", error));
        }
        let (claims, provider) = self.id_token_claims(provider, tokens).await?;
        requirements.check(&mut self.report, &claims, now)?;
        let settings = self.settings();
        claim_mapping::check_tenant_and_domain(&mut self.report, settings, &claims)?;
        self.add_userinfo_claims(&provider, claims, tokens).await
    }

    /// The claims of the ID token, and the provider with the keys that verified it.
    async fn id_token_claims(
        &mut self,
        provider: DiscoveredProvider,
        tokens: &Tokens,
    ) -> Result<(Claims, DiscoveredProvider), CheckFailed<OidcCheck>> {
        let token = tokens.id_token.as_deref();
        let token = token.ok_or_else(|| self.report.fail(OidcCheck::Token, "an ID token", "none"))?;
        let expected_id_token = ExpectedIdToken {
            nonce: &self.request.nonce,
            nonce_is_optional: !self.settings().preset.spec().returns_nonce,
            access_token: &tokens.access_token,
        };
        let (kernel, providers, connection) = (self.kernel, self.providers, self.connection);
        let report = &mut self.report;
        validate_with_key_refresh(kernel, providers, connection, provider, report, |report, expected| {
            validate_id_token(report, token, expected, &expected_id_token)
        })
        .await
    }

    /// Adds claims of the `UserInfo` endpoint if the email address, or what says that it is verified, or the
    /// groups are missing (OpenID Connect Core §5.3). Claims of the ID token take precedence.
    async fn add_userinfo_claims(
        &mut self,
        provider: &DiscoveredProvider,
        mut claims: Claims,
        tokens: &Tokens,
    ) -> Result<Claims, CheckFailed<OidcCheck>> {
        let settings = self.settings();
        let email = settings.people.email_attribute.as_deref().unwrap_or("email");
        let is_missing = |name: &str| !claims.contains_key(name);
        let lacks_groups =
            settings.group_claim().is_some_and(|name| is_missing(name) && !graph::is_overage(&claims));
        let lacks_email = is_missing(email) || (!settings.trust_email && is_missing("email"));
        let endpoint = provider.metadata.userinfo_endpoint.as_deref();
        let Some(endpoint) = endpoint.filter(|_| lacks_email || lacks_groups) else {
            return Ok(claims);
        };
        let said =
            fetch_userinfo(&self.connection.http_client(self.kernel), endpoint, &tokens.access_token).await;
        let said =
            said.map_err(|error| self.report.fail(OidcCheck::UserInfo, "claims of the user", error))?;
        // Claims about another subject must not be used (OpenID Connect Core §5.3.2).
        let who = text_claim(&claims, "sub").unwrap_or_default();
        let found = text_claim(&said, "sub").unwrap_or("none");
        self.report.record(OidcCheck::UserInfo, check_that(who == found, who, found))?;
        claim_mapping::merge_userinfo(&mut claims, said);
        Ok(claims)
    }

    /// The user's groups. If they cannot be read, the result is `None`, so that the user keeps all
    /// memberships, and the reason is logged.
    async fn read_groups(&self, claims: &mut Claims) -> Option<Vec<String>> {
        let name = self.settings().group_claim()?;
        if self.settings().preset.spec().people == PeopleScope::Tenants && graph::is_overage(claims) {
            let read = graph::groups_from_claims(self.kernel, self.connection, CLIENT_SECRET, claims).await;
            return read.map_err(|error: GraphError| graph::log_failure(&self.connection.id, &error)).ok();
        }
        match claims.get(name) {
            Some(Value::Array(_) | Value::String(_)) => Some(claim_mapping::claim_values(claims, name)),
            // Many providers omit the claim for users without groups.
            _ => Some(Vec::new()),
        }
    }
}

async fn fetch_userinfo(http: &HttpClient, endpoint: &str, access_token: &str) -> Result<Claims, String> {
    let url = Url::parse(endpoint).map_err(|error| error.to_string())?;
    let text = http.get_with_bearer(&url, access_token, MAX_BYTES).await;
    serde_json::from_str(&text.map_err(|error| error.to_string())?).map_err(|error| error.to_string())
}

/// Validates a signed token. If its key is unknown or its signature is wrong, the provider's keys are read
/// again once and the token is validated once more: a provider may also replace a key under its old id.
pub(super) async fn validate_with_key_refresh(
    kernel: &Kernel,
    providers: &ProviderCache,
    connection: &OidcConnection,
    provider: DiscoveredProvider,
    report: &mut CheckReport<OidcCheck>,
    validate: impl Fn(&mut CheckReport<OidcCheck>, &ExpectedToken<'_>) -> Result<Claims, CheckFailed<OidcCheck>>,
) -> Result<(Claims, DiscoveredProvider), CheckFailed<OidcCheck>> {
    let by = |provider: &DiscoveredProvider, report: &mut CheckReport<OidcCheck>| {
        let expected = ExpectedToken {
            issuer: &provider.metadata.issuer,
            client_id: &connection.settings.client_id,
            keys: &provider.keys,
            now: kernel.clock.now(),
        };
        validate(report, &expected)
    };
    let before = report.clone();
    let failed = match by(&provider, report) {
        Ok(claims) => return Ok((claims, provider)),
        Err(failed) => failed,
    };
    if !matches!(failed.check, OidcCheck::Key | OidcCheck::Signature) {
        return Err(failed);
    }
    let Ok(renewed) = providers.refresh_keys(kernel, connection).await else { return Err(failed) };
    *report = before;
    by(&renewed, report).map(|claims| (claims, renewed))
}
