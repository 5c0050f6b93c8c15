//! Operations on connections, for the console and the API.

mod addresses;
mod fields;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;

use super::{AdminRequest, Error};
use crate::idp::connections::{
    self, ClientAuth, Connection, ConnectionChange, ConnectionKind, ConnectionSettings, Graph, LdapSettings,
    NewConnection, OidcSettings, RetiringCertificate, SamlSettings, ScimSettings, TypedConnection,
};
use crate::idp::saml::groups::GRAPH_SECRET;
use crate::idp::saml::{self, FrontChannelMessage, LoadedMetadata, MetadataSource, NewSamlConnection, keys};
use crate::idp::{ldap, oidc};
use crate::kernel::http_client::HttpClient;
use crate::kernel::{Timestamp, Tx, ids};
use crate::provisioning::scim;

use addresses::check_addresses;
pub use fields::ConnectionFields;
use fields::read_certificate;

/// How long retiring certificates are accepted after an administrator has replaced the metadata.
const CERTIFICATE_OVERLAP: Duration = Duration::from_hours(7 * 24);

/// The source of the metadata; the XML text takes precedence over the URL.
fn metadata_source(xml: Option<&str>, url: Option<&str>) -> Result<Option<MetadataSource>, Error> {
    let given = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    match (given(xml), given(url)) {
        (None, None) => Ok(None),
        (Some(xml), _) => Ok(Some(MetadataSource::Xml(xml))),
        (None, Some(url)) => match url.parse() {
            Ok(url) => Ok(Some(MetadataSource::Url(url))),
            Err(_) => {
                Err(Error::invalid("metadata_url", "must be a URL such as https://idp.example.com/metadata"))
            }
        },
    }
}

/// Creates a connection. A connection for sign-in starts disabled, so that it can be tested first.
pub async fn create(request: &AdminRequest<'_>, mut wanted: ConnectionFields) -> Result<Connection, Error> {
    let name = wanted.name.take().ok_or_else(|| Error::invalid("name", "is required"))?;
    let kind = wanted.kind.ok_or_else(|| Error::invalid("kind", "is required: saml, oidc, ldap or scim"))?;
    if kind.is_for_sign_in() && wanted.enabled == Some(true) {
        return Err(Error::invalid(
            "enabled",
            "must not be true for a new SSO connection; test the connection, then enable it",
        ));
    }
    let context = request.context();
    let http = request.http_client().await?;
    let domains = wanted.email_domains.take().unwrap_or_default();
    let secrets = ConnectionSecrets::take_from(&mut wanted);
    let id = wanted.reserved_id.take().unwrap_or_else(|| ids::new_id(request.kernel().clock.now()));
    let made = if kind == ConnectionKind::Saml {
        let mut prepared = prepare_saml(request, &http, &name, wanted).await?;
        check_addresses(&http, None, &prepared.connection.settings)?;
        prepared.connection.domains = domains;
        let mut tx = request.kernel().db.begin().await?;
        let made = saml::create_connection(&mut tx, &context, prepared).await?;
        secrets.store(request, &mut tx, &made).await?;
        tx.commit().await?;
        made
    } else {
        let settings = match kind {
            ConnectionKind::Oidc => {
                let mut settings = OidcSettings::default();
                wanted.apply_oidc(&mut settings)?;
                secrets.require_client_secret(&settings)?;
                ConnectionSettings::Oidc(Arc::new(settings))
            }
            ConnectionKind::Ldap => {
                let mut settings = LdapSettings::default();
                wanted.apply_ldap(&mut settings);
                ConnectionSettings::Ldap(Arc::new(settings))
            }
            ConnectionKind::Saml | ConnectionKind::Scim => {
                let mut settings = ScimSettings::default();
                wanted.apply_scim(&mut settings);
                ConnectionSettings::Scim(Arc::new(settings))
            }
        };
        check_addresses(&http, None, &settings)?;
        let mut tx = request.kernel().db.begin().await?;
        let new = NewConnection { id, name, settings, domains };
        let made = connections::create(&mut tx, &context, new).await?;
        secrets.store(request, &mut tx, &made).await?;
        tx.commit().await?;
        made
    };
    Ok(made)
}

async fn prepare_saml(
    request: &AdminRequest<'_>,
    http: &HttpClient,
    name: &str,
    mut wanted: ConnectionFields,
) -> Result<NewSamlConnection, Error> {
    let source = metadata_source(wanted.metadata_xml.as_deref(), wanted.metadata_url.as_deref())?;
    let source = source
        .ok_or_else(|| Error::invalid("metadata_xml", "is required unless you enter a metadata URL"))?;
    let mut settings = SamlSettings::default();
    wanted.apply_saml(&mut settings)?;
    saml::prepare_connection(request.kernel(), http, name, &source, settings).await.map_err(Error::from)
}

/// The secrets that the request contains.
struct ConnectionSecrets {
    graph: Option<String>,
    client: Option<String>,
    bind: Option<String>,
}

impl ConnectionSecrets {
    fn take_from(wanted: &mut ConnectionFields) -> Self {
        let given = |text: &mut Option<String>| text.take().filter(|secret| !secret.is_empty());
        Self {
            graph: given(&mut wanted.graph_client_secret),
            client: given(&mut wanted.client_secret),
            bind: given(&mut wanted.bind_password),
        }
    }

    /// Every client authentication method except `private_key_jwt` needs a secret.
    fn require_client_secret(&self, settings: &OidcSettings) -> Result<(), Error> {
        if self.client.is_none() && settings.client_auth != Some(ClientAuth::PrivateKeyJwt) {
            return Err(Error::invalid(
                "client_secret",
                "is required; the provider shows it with the client ID",
            ));
        }
        Ok(())
    }

    /// Requires the client secret again when the provider changes. Otherwise an administrator who may
    /// change the issuer could have the secret sent to another server.
    fn require_secret_for_new_provider(
        &self,
        before: &OidcSettings,
        after: &OidcSettings,
    ) -> Result<(), Error> {
        let place = |s: &OidcSettings| (s.preset, s.issuer.clone(), s.api_url.clone());
        if place(before) != place(after) && self.require_client_secret(after).is_err() {
            let reason = "must be entered again because the provider has changed";
            return Err(Error::invalid("client_secret", reason));
        }
        Ok(())
    }

    /// Requires the secret for Microsoft Graph again when the servers it is sent to change, for the same reason. One
    /// stored before Graph was disabled counts for no server.
    fn require_graph_secret_for_new_servers(
        &self,
        before: Option<&Graph>,
        after: Option<&Graph>,
    ) -> Result<(), Error> {
        let place = |graph: &Graph| (graph.graph_url.clone(), graph.login_url.clone());
        if after.is_some() && before.map(place) != after.map(place) && self.graph.is_none() {
            let reason = "must be entered again because the addresses of Microsoft Graph have changed";
            return Err(Error::invalid("graph_client_secret", reason));
        }
        Ok(())
    }

    /// Requires the bind password again when the servers or the protection of the connection to them
    /// change, for the same reason.
    fn require_password_for_new_servers(
        &self,
        before: &LdapSettings,
        after: &LdapSettings,
    ) -> Result<(), Error> {
        let place = |s: &LdapSettings| (s.urls.clone(), s.start_tls, s.ca_certificate.clone(), s.referrals);
        if place(before) != place(after) && self.bind.is_none() && !after.bind_dn.is_empty() {
            let reason = "must be entered again because the server, TLS or referral settings have changed";
            return Err(Error::invalid("bind_password", reason));
        }
        Ok(())
    }

    /// Stores the secrets encrypted, and creates the key of a client that uses `private_key_jwt`.
    async fn store(
        self,
        request: &AdminRequest<'_>,
        tx: &mut Tx,
        connection: &Connection,
    ) -> Result<(), Error> {
        let all = [
            (GRAPH_SECRET, self.graph),
            (oidc::CLIENT_SECRET, self.client),
            (ldap::BIND_PASSWORD, self.bind),
        ];
        for (name, secret) in all {
            if let Some(secret) = secret {
                connections::set_secret(request.kernel(), tx, connection, name, &secret).await?;
            }
        }
        if let Ok(ConnectionSettings::Oidc(settings)) = connection.settings()
            && settings.client_auth == Some(ClientAuth::PrivateKeyJwt)
        {
            oidc::ensure_client_key(request.kernel(), tx, connection).await?;
        }
        Ok(())
    }
}

/// Changes a connection.
pub async fn change(
    request: &AdminRequest<'_>,
    id: &str,
    mut wanted: ConnectionFields,
) -> Result<Connection, Error> {
    if wanted.kind.is_some() {
        return Err(Error::invalid("kind", "cannot be changed"));
    }
    let loaded = fetch_new_metadata(request, id, &wanted).await?;
    let mut tx = request.kernel().db.begin().await?;
    let connection = request.principal().find_connection(&mut tx, id).await?;
    let secrets = ConnectionSecrets::take_from(&mut wanted);
    let settings = match connection.settings()?.clone() {
        ConnectionSettings::Saml(mut shared) => {
            let settings = Arc::make_mut(&mut shared);
            if let Some(loaded) = &loaded {
                let before = settings.certificates.clone();
                loaded.apply(settings);
                retire_certificates(settings, before, wanted.keep_old_certificates, tx.now());
            }
            let before = settings.graph.clone();
            wanted.apply_saml(settings)?;
            secrets.require_graph_secret_for_new_servers(before.as_ref(), settings.graph.as_ref())?;
            ConnectionSettings::Saml(shared)
        }
        ConnectionSettings::Oidc(before) => {
            let mut settings = OidcSettings::clone(&before);
            wanted.apply_oidc(&mut settings)?;
            secrets.require_secret_for_new_provider(&before, &settings)?;
            ConnectionSettings::Oidc(Arc::new(settings))
        }
        ConnectionSettings::Ldap(before) => {
            let mut settings = LdapSettings::clone(&before);
            wanted.apply_ldap(&mut settings);
            secrets.require_password_for_new_servers(&before, &settings)?;
            ConnectionSettings::Ldap(Arc::new(settings))
        }
        ConnectionSettings::Scim(mut shared) => {
            wanted.apply_scim(Arc::make_mut(&mut shared));
            ConnectionSettings::Scim(shared)
        }
    };
    check_addresses(&connection.http_client(request.kernel()), connection.settings().ok(), &settings)?;
    let change = ConnectionChange {
        name: wanted.name,
        enabled: wanted.enabled,
        override_untested: wanted.override_untested,
        settings: Some(settings),
        domains: wanted.email_domains,
        is_default: wanted.is_default,
        position: wanted.position,
    };
    let updated = connections::update(&mut tx, &request.context(), &connection, change).await?;
    if let Some(loaded) = &loaded {
        saml::record_metadata_loaded(&mut tx, &updated, loaded).await?;
    }
    secrets.store(request, &mut tx, &updated).await?;
    if let TypedConnection::Ldap(directory) = updated.clone().typed()? {
        ldap::sync::plan_next_run(&mut tx, &directory).await?;
    }
    tx.commit().await?;
    Ok(updated)
}

/// Loads new metadata, if the request has any. This happens before the transaction begins, because it may
/// take a network request.
async fn fetch_new_metadata(
    request: &AdminRequest<'_>,
    id: &str,
    wanted: &ConnectionFields,
) -> Result<Option<LoadedMetadata>, Error> {
    if !wanted.has_metadata() {
        return Ok(None);
    }
    let source = metadata_source(wanted.metadata_xml.as_deref(), wanted.metadata_url.as_deref())?;
    let Some(source) = source else { return Ok(None) };
    let mut c = request.kernel().db.read().await?;
    let connection = request.principal().find_connection(&mut c, id).await?;
    drop(c);
    let connection = connection
        .typed()?
        .into_saml()
        .ok_or_else(|| Error::invalid("metadata_xml", "is only valid for SAML connections"))?;
    let pinned = match &wanted.metadata_certificate {
        Some(text) => read_certificate(text)?,
        None => connection.settings.metadata_certificate.clone(),
    };
    // The signature is required only for metadata from a URL, which is fetched again and again. Text that an
    // administrator uploads is trusted.
    let pinned = pinned.filter(|_| matches!(source, MetadataSource::Url(_)));
    let http = connection.http_client(request.kernel());
    let loaded = saml::load_metadata(request.kernel(), &http, &source, pinned.as_deref()).await;
    loaded.map(Some).map_err(Error::from)
}

/// Extends or clears the list of retiring certificates. With `keep`, the certificates that the new metadata
/// omits are accepted for another week; without it, no retiring certificate is accepted any more.
fn retire_certificates(settings: &mut SamlSettings, before: Vec<String>, keep: bool, now: Timestamp) {
    if !keep {
        settings.retiring.clear();
        return;
    }
    let until = now.plus(CERTIFICATE_OVERLAP);
    let gone = before.into_iter().filter(|old| !settings.certificates.contains(old)).collect::<Vec<_>>();
    settings.retiring.extend(gone.into_iter().map(|certificate| RetiringCertificate { certificate, until }));
}

/// Deletes a connection.
pub async fn delete(request: &AdminRequest<'_>, id: &str) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let connection = request.principal().find_connection(&mut tx, id).await?;
    connections::delete(&mut tx, &request.context(), &connection).await?;
    scim::request_log::delete_for_connection(&mut tx, &connection.id).await?;
    Ok(tx.commit().await?)
}

/// The result of starting a connection test.
pub enum ConnectionTestStart {
    /// The administrator's browser continues at the provider. The test's id comes first.
    Redirect(String, FrontChannelMessage),
    /// The test has finished and has this id.
    Finished(String),
}

/// Starts a connection test.
pub async fn start_test(request: &AdminRequest<'_>, id: &str) -> Result<ConnectionTestStart, Error> {
    let mut c = request.kernel().db.read().await?;
    let connection = request.principal().find_connection(&mut c, id).await?;
    drop(c);
    match connection.typed()? {
        TypedConnection::Saml(connection) => {
            let mut tx = request.kernel().db.begin().await?;
            let (id, sent) =
                saml::connection_test::begin(request.kernel(), &mut tx, request.principal(), &connection)
                    .await?;
            tx.commit().await?;
            Ok(ConnectionTestStart::Redirect(id, sent))
        }
        TypedConnection::Oidc(connection) => {
            let context = request.context();
            let begun = oidc::begin_connection_test(
                request.kernel(),
                &request.idp().oidc,
                request.principal(),
                &context,
                &connection,
            );
            Ok(match begun.await? {
                oidc::OidcTestStart::Redirect(url, id) => {
                    ConnectionTestStart::Redirect(id, FrontChannelMessage::Redirect(url))
                }
                oidc::OidcTestStart::Finished(id) => ConnectionTestStart::Finished(id),
            })
        }
        TypedConnection::Ldap(connection) => {
            let context = request.context();
            let test_run =
                ldap::run_connection_test(request.idp(), request.principal(), &context, &connection).await?;
            Ok(ConnectionTestStart::Finished(test_run))
        }
        TypedConnection::Scim(_) => {
            Err(Error::invalid("kind", "must be saml, oidc or ldap; SCIM connections cannot be tested"))
        }
    }
}

/// Requests a directory sync.
pub async fn request_sync(
    request: &AdminRequest<'_>,
    id: &str,
    wanted: &ldap::sync::SyncOptions,
) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let connection = request.principal().find_connection(&mut tx, id).await?;
    if !ldap::sync::request_run(&mut tx, &connection, wanted).await? {
        return Err(Error::invalid(
            "enabled",
            "must be true, and the connection must have a bind DN or group sync, before a sync can start",
        ));
    }
    Ok(tx.commit().await?)
}

/// A step in the rotation of the service provider's keys. `publish` generates new keys and publishes their
/// certificates next to the current ones. `switch` activates the new keys; the old ones stay published and
/// can decrypt for 7 days. `cancel` discards the new keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyStep {
    /// Generate new keys and publish their certificates next to the current ones.
    Publish,
    /// Activate the new keys; the old ones stay published and can decrypt for 7 days.
    Switch,
    /// Discard the new keys.
    Cancel,
}

/// Takes a step in the rotation of a connection's keys.
pub async fn rotate_keys(request: &AdminRequest<'_>, id: &str, step: KeyStep) -> Result<(), Error> {
    let context = request.context();
    let mut c = request.kernel().db.read().await?;
    let connection = request.principal().find_connection(&mut c, id).await?;
    drop(c);
    if connection.settings()?.kind() != ConnectionKind::Saml {
        return Err(Error::invalid("kind", "must be saml; other connections have no certificates"));
    }
    if step == KeyStep::Publish {
        return Ok(keys::begin_rotation(request.kernel(), &context, &connection).await?);
    }
    let mut tx = request.kernel().db.begin().await?;
    match step {
        KeyStep::Switch => keys::finish_rotation(&mut tx, &context, &connection).await?,
        _ => keys::cancel_rotation(&mut tx, &context, &connection).await?,
    }
    Ok(tx.commit().await?)
}
