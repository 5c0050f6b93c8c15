//! Operations on email domains, for the console, the API and the job that checks their records.

mod check;
mod emails;

use serde::Deserialize;
use utoipa::ToSchema;

use super::{AdminRequest, Error};
use crate::directory::domains::{self, Domain, DomainName, NewDomain, VerificationMethod};
use crate::kernel::ConnectionId;

pub use check::check_next_due;
use check::{look_up_record, store_finding};

/// A domain to add.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDomain)]
pub struct NewDomainFields {
    /// The domain, such as `example.com`. Internationalized names are stored in their ASCII form.
    pub domain: String,
    /// The IDs of the connections that may speak for the domain once it is verified.
    #[serde(default)]
    pub connections: Vec<String>,
}

/// Changes to a domain. Absent fields do not change.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DomainChange)]
pub struct DomainFields {
    /// The complete new list of the connections that may speak for the domain.
    pub connections: Option<Vec<String>>,
}

/// How to verify a domain.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = DomainVerification)]
pub struct VerificationFields {
    /// Verify the domain without its DNS record, because you administer this server. Only the first account of a
    /// server can do this.
    pub trust_administrator: bool,
}

/// Adds a domain. It has no effect until it is verified.
pub async fn create(request: &AdminRequest<'_>, fields: NewDomainFields) -> Result<Domain, Error> {
    let name = DomainName::parse("domain", &fields.domain)?;
    let connections = fields.connections.into_iter().map(ConnectionId::from).collect();
    let mut tx = request.kernel().db.begin().await?;
    let domain = domains::create(&mut tx, &request.context(), NewDomain { name, connections }).await?;
    tx.commit().await?;
    Ok(domain)
}

/// Changes which connections may speak for a domain.
pub async fn change(request: &AdminRequest<'_>, id: &str, fields: DomainFields) -> Result<Domain, Error> {
    let mut tx = request.kernel().db.begin().await?;
    let domain = request.principal().find_domain(&mut tx, id).await?;
    if let Some(ids) = fields.connections {
        let ids: Vec<ConnectionId> = ids.into_iter().map(ConnectionId::from).collect();
        domains::set_connections(&mut tx, &request.context(), &domain, &ids).await?;
    }
    tx.commit().await?;
    Ok(domain)
}

/// Verifies a domain by its DNS record, or, in the first account of the server, by the administrator's word. A record
/// that is missing leaves the domain as it was, with the reason.
pub async fn verify(
    request: &AdminRequest<'_>,
    id: &str,
    fields: VerificationFields,
) -> Result<Domain, Error> {
    let (kernel, context) = (request.kernel(), request.context());
    let mut c = kernel.db.read().await?;
    let domain = request.principal().find_domain(&mut c, id).await?;
    domains::ensure_not_taken(&mut c, &domain).await?;
    drop(c);
    if fields.trust_administrator {
        let mut tx = kernel.db.begin().await?;
        let domain = domains::verify_by_administrator(&mut tx, &context, &domain.id).await?;
        tx.commit().await?;
        return Ok(domain);
    }
    if domain.is_verified() && domain.method() == Some(VerificationMethod::Operator) {
        return Ok(domain);
    }
    let finding = look_up_record(kernel, &domain).await;
    store_finding(kernel, &context, &domain, finding).await
}

/// Deletes a domain. It has no effect any more, and another account can verify it.
pub async fn delete(request: &AdminRequest<'_>, id: &str) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let domain = request.principal().find_domain(&mut tx, id).await?;
    domains::delete(&mut tx, &request.context(), &domain).await?;
    Ok(tx.commit().await?)
}
