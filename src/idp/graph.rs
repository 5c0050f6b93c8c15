//! Microsoft Graph, which lists the groups of a user who is in more groups than Entra ID puts into an
//! assertion or a token.

use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use super::connections::{self, Connection, Graph, OidcConnection};
use crate::kernel::http_client::{self, HttpClient};
use crate::kernel::{ConnectionId, Kernel, vault};

/// The size limit of one response.
const MAX_BYTES: usize = 1024 * 1024;
/// The limit on pages, each with up to 999 groups.
const MAX_PAGES: usize = 20;

/// Why the groups could not be read from Graph. For the log and for administrators.
#[derive(Debug, thiserror::Error)]
pub(super) enum GraphError {
    /// No client for Graph is configured.
    #[error(
        "the identity provider sent a link instead of groups, and no Microsoft Graph client is configured"
    )]
    NotSetUp,
    /// The assertion has no object id of the user.
    #[error("the identity provider sent a link instead of groups, and no object ID of the user")]
    NoObjectId,
    /// The configured address of Graph is not a valid URL.
    #[error("the Microsoft Graph URL or the issuer URL is not valid")]
    InvalidUrl,
    /// Graph was not reached or answered with an error.
    #[error("Microsoft Graph: {0}")]
    Http(#[from] http_client::Error),
    /// The response does not have the documented form.
    #[error("Microsoft Graph did not respond with a list of groups")]
    MalformedResponse,
    /// The client secret could not be read.
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// The database failed.
    #[error("{0}")]
    Database(#[from] sqlx::Error),
}

/// Whether a token refers to another place for its groups (OpenID Connect Core §5.6.2).
pub(super) fn is_overage(claims: &Map<String, Value>) -> bool {
    claims.get("_claim_names").is_some_and(|names| names.get("groups").is_some())
}

/// Logs that the groups could not be read.
pub(super) fn log_failure(connection_id: &ConnectionId, error: &GraphError) {
    tracing::warn!(
        connection = %connection_id,
        %error,
        "could not read the groups of a user; memberships were not changed"
    );
    metrics::counter!("vestibule_graph_failures_total").increment(1);
}

/// The groups of the token's subject, read with the client that the sign-in uses.
pub(super) async fn groups_from_claims(
    kernel: &Kernel,
    connection: &OidcConnection,
    secret: &str,
    claims: &Map<String, Value>,
) -> Result<Vec<String>, GraphError> {
    let claim = |name: &str| claims.get(name).and_then(Value::as_str);
    let (tenant, person) = claim("tid").zip(claim("oid")).ok_or(GraphError::NoObjectId)?;
    let settings = &connection.settings;
    let issuer = Url::parse(&settings.issuer).map_err(|_| GraphError::InvalidUrl)?;
    let mut graph = Graph::of_tenant(tenant, &settings.client_id);
    graph.login_url = issuer.origin().ascii_serialization();
    if let Some(own) = &settings.api_url {
        graph.graph_url.clone_from(own);
    }
    groups_of_user(kernel, connection, secret, &graph, person).await
}

#[derive(Deserialize)]
struct GraphTokenResponse {
    access_token: String,
}

#[derive(Deserialize)]
struct GraphGroupPage {
    value: Vec<GraphGroup>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

#[derive(Deserialize)]
struct GraphGroup {
    id: String,
}

/// The ids of all groups that a user is in, directly or through other groups, as in Entra ID's groups
/// claim. Requires the application permission `GroupMember.Read.All`.
pub(super) async fn groups_of_user(
    kernel: &Kernel,
    connection: &Connection,
    secret: &str,
    graph: &Graph,
    person: &str,
) -> Result<Vec<String>, GraphError> {
    let secret = connections::secret(kernel, connection, secret).await?.ok_or(GraphError::NotSetUp)?;
    let http = connection.http_client(kernel);
    let token = token(&http, graph, &secret).await?;
    let base = Url::parse(&graph.graph_url).map_err(|_| GraphError::InvalidUrl)?;
    let mut next = base.clone();
    // The object id comes from the assertion, so it is added as an escaped path segment.
    next.path_segments_mut().map_err(|()| GraphError::InvalidUrl)?.pop_if_empty().extend([
        "v1.0",
        "users",
        person,
        "transitiveMemberOf",
        "microsoft.graph.group",
    ]);
    next.set_query(Some("$select=id&$top=999"));
    let mut groups = Vec::new();
    for _ in 0..MAX_PAGES {
        let text = http.get_with_bearer(&next, &token, MAX_BYTES).await?;
        let page: GraphGroupPage = serde_json::from_str(&text).map_err(|_| GraphError::MalformedResponse)?;
        groups.extend(page.value.into_iter().map(|object| object.id));
        let Some(link) = page.next else { return Ok(groups) };
        next = Url::parse(&link).map_err(|_| GraphError::MalformedResponse)?;
        // The bearer token must not be sent to another origin.
        if next.origin() != base.origin() {
            return Err(GraphError::MalformedResponse);
        }
    }
    Err(GraphError::MalformedResponse)
}

/// An access token of the client credentials grant (RFC 6749 §4.4).
async fn token(http: &HttpClient, graph: &Graph, secret: &str) -> Result<String, GraphError> {
    let mut url = Url::parse(&graph.login_url).map_err(|_| GraphError::InvalidUrl)?;
    url.path_segments_mut().map_err(|()| GraphError::InvalidUrl)?.pop_if_empty().extend([
        &graph.tenant_id,
        "oauth2",
        "v2.0",
        "token",
    ]);
    let scope = format!("{}/.default", graph.graph_url.trim_end_matches('/'));
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", &graph.client_id),
        ("client_secret", secret),
        ("scope", &scope),
    ];
    let text = http.post_form(&url, &fields, MAX_BYTES).await?;
    let answer: GraphTokenResponse =
        serde_json::from_str(&text).map_err(|_| GraphError::MalformedResponse)?;
    Ok(answer.access_token)
}
