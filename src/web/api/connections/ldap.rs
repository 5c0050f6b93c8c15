//! The part of a connection that is specific to LDAP.

use serde::Serialize;
use utoipa::ToSchema;

use crate::idp::connections::{self, GroupQuery, Jit, LdapConnection, LdapSettings, UserQuery};
use crate::idp::ldap::BIND_PASSWORD;
use crate::kernel;
use crate::web::Error;

/// The settings of an LDAP connection.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct LdapBody {
    /// The label on the sign-in page; `null` for the connection's name.
    display_name: Option<String>,
    /// The server URLs, separated by spaces. The next one is used when one does not respond.
    url: String,
    /// Whether `ldap://` connections are upgraded with StartTLS.
    start_tls: bool,
    /// The trusted CA certificates in PEM format; `null` for the system's CAs.
    ca_certificate: Option<String>,
    /// Whether referrals to other servers are followed.
    referrals: bool,
    /// The maximum number of referral hops.
    max_hops: u32,
    /// The connect timeout in milliseconds.
    connect_timeout_ms: u64,
    /// The response timeout in milliseconds.
    response_timeout_ms: u64,
    /// The bind DN that searches the directory; empty for an anonymous bind.
    bind_dn: String,
    /// Whether a bind password is set. The password itself is never returned.
    has_bind_password: bool,
    /// Whether members of nested groups count as members.
    nested: bool,
    /// The user searches.
    user_queries: Vec<UserQuery>,
    /// The group searches.
    group_queries: Vec<GroupQuery>,
    /// Whether names are updated from the directory at each sign-in.
    update_names: bool,
    /// Just-in-time (JIT) provisioning: whether users are created at their first sign-in and during group
    /// sync.
    jit: Jit,
    /// Whether linked groups are synced from the directory.
    group_sync: bool,
    /// The schedule of the sync: a Quartz cron expression in UTC. Without group sync, a connection with a bind DN syncs
    /// only which users have left.
    schedule: String,
}

impl LdapBody {
    pub(super) async fn read(
        c: &mut kernel::database::DbConn,
        connection: &LdapConnection,
    ) -> Result<Self, Error> {
        let settings = LdapSettings::clone(&connection.settings);
        Ok(Self {
            has_bind_password: connections::has_secret(c, &connection.id, BIND_PASSWORD).await?,
            display_name: settings.display_name,
            url: settings.urls.join(" "),
            start_tls: settings.start_tls,
            ca_certificate: settings.ca_certificate,
            referrals: settings.referrals,
            max_hops: settings.max_hops,
            connect_timeout_ms: settings.connect_timeout_ms,
            response_timeout_ms: settings.response_timeout_ms,
            bind_dn: settings.bind_dn,
            nested: settings.nested,
            user_queries: settings.user_queries,
            group_queries: settings.group_queries,
            update_names: !settings.keep_names,
            jit: settings.jit,
            group_sync: settings.group_sync,
            schedule: settings.schedule,
        })
    }
}
