//! The user's groups: from the assertion, or from Microsoft Graph if there are too many for an assertion.

use vestibule_saml::ValidatedAssertion;

use super::attributes::attribute_values;
use crate::idp::connections::SamlConnection;
use crate::idp::graph::{self, GraphError};
use crate::kernel::Kernel;

/// The name of the Graph client secret among the connection's secrets.
pub const GRAPH_SECRET: &str = "graph_client_secret";

/// The attribute that Entra ID sends instead of the groups of a user who is in more than 150.
const ENTRA_OVERAGE: &str = "http://schemas.microsoft.com/claims/groups.link";
const ENTRA_OBJECT_ID: &str = "http://schemas.microsoft.com/identity/claims/objectidentifier";

/// The user's groups; `None` if linked groups do not follow this connection. If Graph cannot be reached,
/// the result is `None` as well, so that the user keeps all memberships, and the reason is logged.
pub(super) async fn read_groups(
    kernel: &Kernel,
    connection: &SamlConnection,
    assertion: &ValidatedAssertion,
) -> Option<Vec<String>> {
    let settings = &connection.settings;
    let name = settings.people.group_attribute.as_deref().filter(|_| settings.people.group_sync)?;
    if !assertion.attributes.contains_key(ENTRA_OVERAGE) {
        return Some(attribute_values(assertion, name).to_vec());
    }
    let read = async {
        let graph = settings.graph.as_ref().ok_or(GraphError::NotSetUp)?;
        let person = attribute_values(assertion, ENTRA_OBJECT_ID).first().ok_or(GraphError::NoObjectId)?;
        graph::groups_of_user(kernel, connection, GRAPH_SECRET, graph, person).await
    };
    read.await.map_err(|error| graph::log_failure(&connection.id, &error)).ok()
}
