//! The part of a connection that is specific to LDAP.

use serde::Serialize;
use utoipa::ToSchema;

use crate::idp::connections::{self, GroupQuery, Jit, LdapConnection, LdapSettings, UserQuery};
use crate::idp::ldap::BIND_PASSWORD;
use crate::kernel;
use crate::web::Error;

/// How a directory is asked.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct LdapBody {
    display_name: Option<String>,
    /// Its servers, with spaces between several.
    url: String,
    start_tls: bool,
    ca_certificate: Option<String>,
    referrals: bool,
    max_hops: u32,
    connect_timeout_ms: u64,
    response_timeout_ms: u64,
    bind_dn: String,
    /// Whether a password is set. It is never shown.
    has_bind_password: bool,
    nested: bool,
    user_queries: Vec<UserQuery>,
    group_queries: Vec<GroupQuery>,
    update_names: bool,
    jit: Jit,
    group_sync: bool,
    /// When linked groups are brought up to date: a Quartz cron expression in UTC.
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
