//! Checks an OAuth or OpenID Connect connection: its provider's discovery document and keys.

use super::Findings;
use crate::idp::connections::OidcConnection;
use crate::idp::oidc::ProviderCache;
use crate::kernel::Kernel;

pub(super) async fn check_connection(kernel: &Kernel, connection: &OidcConnection, findings: &mut Findings) {
    let name = &connection.name;
    match ProviderCache::default().count_keys(kernel, connection).await {
        Ok(None) => Findings::ok(&format!("{name}: the provider publishes nothing that can be checked")),
        Ok(Some(0)) => {
            findings.fail(&format!("{name}: the provider publishes no keys to verify its tokens"));
        }
        Ok(Some(keys)) => Findings::ok(&format!("{name}: the provider can be reached; its keys: {keys}")),
        Err(error) => findings.fail(&format!("{name}: {}", error.cause())),
    }
}
