//! An OAuth or `OpenID` Connect connection: what its provider says of itself, and its keys.

use super::Findings;
use crate::idp::connections::OidcConnection;
use crate::idp::oidc::ProviderCache;
use crate::kernel::Kernel;

pub(super) async fn check_connection(kernel: &Kernel, connection: &OidcConnection, findings: &mut Findings) {
    let name = &connection.name;
    match ProviderCache::default().count_keys(kernel, &connection.settings).await {
        Ok(None) => Findings::ok(&format!("{name}: it publishes nothing that could be looked at")),
        Ok(Some(0)) => {
            findings.fail(&format!("{name}: it publishes no key that its tokens can be verified with"));
        }
        Ok(Some(keys)) => Findings::ok(&format!("{name}: it is where it should be; its keys: {keys}")),
        Err(error) => findings.fail(&format!("{name}: {error}")),
    }
}
