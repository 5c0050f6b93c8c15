//! Microsoft Graph: the groups of somebody who is in more than Entra ID puts into an assertion or a token.

use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use super::connections::{self, Connection, Graph, OidcConnection};
use crate::kernel::{Kernel, http_client, vault};

/// An answer of Graph that is read.
const MAX_BYTES: usize = 1024 * 1024;
/// Pages of 999 groups that are read: more than anybody is in.
const MAX_PAGES: usize = 20;

/// Why Graph could not be asked. For the log and for administrators.
#[derive(Debug, thiserror::Error)]
pub(super) enum GraphError {
    /// No client is set up.
    #[error("the assertion has a link instead of groups, and no client for Microsoft Graph is set up")]
    NotSetUp,
    /// The assertion does not say whose groups.
    #[error("the assertion has a link instead of groups, and no object id of the person")]
    NoObjectId,
    /// The address of Graph is none.
    #[error("the address of Microsoft Graph cannot be used")]
    InvalidUrl,
    /// Not reached, or it said no.
    #[error("Microsoft Graph: {0}")]
    Http(#[from] http_client::Error),
    /// It said something else than documented.
    #[error("Microsoft Graph answered with something that is not a list of groups")]
    MalformedResponse,
    /// The secret could not be had.
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Whether a token has a pointer where its groups should be (`OpenID` Connect Core §5.6.2).
pub(super) fn is_overage(claims: &Map<String, Value>) -> bool {
    claims.get("_claim_names").is_some_and(|names| names.get("groups").is_some())
}

/// Says in the log that groups were not read.
pub(super) fn log_failure(connection_id: &str, error: &GraphError) {
    tracing::warn!(connection = connection_id, %error, "groups were not read; they stay as they are");
    metrics::counter!("vestibule_graph_failures_total").increment(1);
}

/// The groups of the person of a token, asked for with the client of the sign-in.
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

/// The ids of all groups a person is in, directly or not: what Entra ID's claim has as well. Needs the
/// application permission `GroupMember.Read.All`.
pub(super) async fn groups_of_user(
    kernel: &Kernel,
    connection: &Connection,
    secret: &str,
    graph: &Graph,
    person: &str,
) -> Result<Vec<String>, GraphError> {
    let secret = connections::secret(kernel, connection, secret).await?.ok_or(GraphError::NotSetUp)?;
    let token = token(kernel, graph, &secret).await?;
    let base = Url::parse(&graph.graph_url).map_err(|_| GraphError::InvalidUrl)?;
    let mut next = base.clone();
    // Path segments are escaped here: an id is what the assertion says.
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
        let text = kernel.http_client.get_with_bearer(&next, &token, MAX_BYTES).await?;
        let page: GraphGroupPage = serde_json::from_str(&text).map_err(|_| GraphError::MalformedResponse)?;
        groups.extend(page.value.into_iter().map(|object| object.id));
        let Some(link) = page.next else { return Ok(groups) };
        next = Url::parse(&link).map_err(|_| GraphError::MalformedResponse)?;
        // The token is for Graph, and goes nowhere else.
        if next.origin() != base.origin() {
            return Err(GraphError::MalformedResponse);
        }
    }
    Err(GraphError::MalformedResponse)
}

/// A token by the client's own credentials (RFC 6749 §4.4).
async fn token(kernel: &Kernel, graph: &Graph, secret: &str) -> Result<String, GraphError> {
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
    let text = kernel.http_client.post_form(&url, &fields, MAX_BYTES).await?;
    let answer: GraphTokenResponse =
        serde_json::from_str(&text).map_err(|_| GraphError::MalformedResponse)?;
    Ok(answer.access_token)
}
