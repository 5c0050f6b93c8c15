//! Connections: what the console's forms and the API's bodies come to.

mod fields;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;

use super::{find_connection, find_group};
use crate::access::Principal;
use crate::directory::groups::{self, GroupLink, UnlinkPolicy};
use crate::idp::connections::{
    self, ClientAuth, Connection, ConnectionChange, ConnectionKind, ConnectionSettings, LdapSettings,
    NewConnection, OidcSettings, RetiringCertificate, SamlSettings, ScimSettings, TypedConnection,
};
use crate::idp::saml::groups::GRAPH_SECRET;
use crate::idp::saml::{
    self, FrontChannelMessage, LoadedMetadata, MetadataLoadError, MetadataSource, NewSamlConnection, keys,
};
use crate::idp::{ldap, oidc};
use crate::kernel::http::RequestContext;
use crate::kernel::{Timestamp, Tx, ids};
use crate::provisioning::scim;
use crate::web::{AppState, Error};

pub(crate) use fields::ConnectionFields;
use fields::read_certificate;

/// How long the certificates of metadata that was replaced by hand are accepted, if they are kept.
const CERTIFICATE_OVERLAP: Duration = Duration::from_hours(7 * 24);

/// The metadata's source, from a text or an address.
fn metadata_source(xml: Option<&str>, url: Option<&str>) -> Result<Option<MetadataSource>, Error> {
    let given = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    match (given(xml), given(url)) {
        (None, None) => Ok(None),
        (Some(xml), _) => Ok(Some(MetadataSource::Xml(xml))),
        (None, Some(url)) => match url.parse() {
            Ok(url) => Ok(Some(MetadataSource::Url(url))),
            Err(_) => Err(Error::invalid(
                "metadata_url",
                "must be an address such as https://idp.example.com/metadata",
            )),
        },
    }
}

fn load_error(error: MetadataLoadError) -> Error {
    match error {
        MetadataLoadError::Metadata(_) | MetadataLoadError::Fetch(_) => {
            Error::invalid("metadata", &error.to_string())
        }
        MetadataLoadError::Keys(error) => error.into(),
    }
}

/// Makes a connection.
pub(crate) async fn create_connection(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
    mut wanted: ConnectionFields,
) -> Result<Connection, Error> {
    let name = wanted.name.take().ok_or_else(|| Error::invalid("name", "is required"))?;
    let kind = wanted.kind.ok_or_else(|| Error::invalid("kind", "is required: saml, oidc, ldap or scim"))?;
    if kind.is_for_sign_in() && wanted.enabled == Some(true) {
        return Err(Error::invalid(
            "enabled",
            "is for later: a connection begins switched off, to be tested",
        ));
    }
    let context = principal.context(request);
    let domains = wanted.email_domains.take().unwrap_or_default();
    let secrets = ConnectionSecrets::take_from(&mut wanted);
    let id = wanted.reserved_id.take().unwrap_or_else(|| ids::new_id(app.kernel.clock.now()));
    let made = if kind == ConnectionKind::Saml {
        let mut prepared = prepare_saml(app, &name, wanted).await?;
        prepared.connection.domains = domains;
        let mut tx = app.kernel.db.begin().await?;
        let made = saml::create_connection(&mut tx, &context, prepared).await?;
        secrets.store(app, &mut tx, &made).await?;
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
        let mut tx = app.kernel.db.begin().await?;
        let new = NewConnection { id, name, settings, domains };
        let made = connections::create(&mut tx, &context, new).await?;
        secrets.store(app, &mut tx, &made).await?;
        tx.commit().await?;
        made
    };
    Ok(made)
}

async fn prepare_saml(
    app: &AppState,
    name: &str,
    mut wanted: ConnectionFields,
) -> Result<NewSamlConnection, Error> {
    let source = metadata_source(wanted.metadata_xml.as_deref(), wanted.metadata_url.as_deref())?;
    let source = source.ok_or_else(|| {
        Error::invalid(
            "metadata_xml",
            "or metadata_url is required: the file, the text, or the address that your identity provider shows",
        )
    })?;
    let mut settings = SamlSettings::default();
    wanted.apply_saml(&mut settings)?;
    saml::prepare_connection(&app.kernel, name, &source, settings).await.map_err(load_error)
}

/// Secrets that were given.
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

    /// A client that shows a secret needs one.
    fn require_client_secret(&self, settings: &OidcSettings) -> Result<(), Error> {
        if self.client.is_none() && settings.client_auth != Some(ClientAuth::PrivateKeyJwt) {
            return Err(Error::invalid(
                "client_secret",
                "is required: the provider shows it beside the client id",
            ));
        }
        Ok(())
    }

    /// A secret is for the provider it was given for. Whoever may change the issuer must not have it sent elsewhere.
    fn require_secret_for_new_provider(
        &self,
        before: &OidcSettings,
        after: &OidcSettings,
    ) -> Result<(), Error> {
        let place = |s: &OidcSettings| (s.preset, s.issuer.clone(), s.api_url.clone());
        if place(before) != place(after) && self.require_client_secret(after).is_err() {
            let reason = "must be given again, as it is for another provider now";
            return Err(Error::invalid("client_secret", reason));
        }
        Ok(())
    }

    /// The same for a directory: its password goes to the servers, and to those who can read the way there.
    fn require_password_for_new_servers(
        &self,
        before: &LdapSettings,
        after: &LdapSettings,
    ) -> Result<(), Error> {
        let place = |s: &LdapSettings| (s.urls.clone(), s.start_tls, s.ca_certificate.clone(), s.referrals);
        if place(before) != place(after) && self.bind.is_none() && !after.bind_dn.is_empty() {
            let reason = "must be given again, as it goes another way now";
            return Err(Error::invalid("bind_password", reason));
        }
        Ok(())
    }

    /// Seals them, and makes the key of a client that signs.
    async fn store(self, app: &AppState, tx: &mut Tx, connection: &Connection) -> Result<(), Error> {
        let all = [
            (GRAPH_SECRET, self.graph),
            (oidc::CLIENT_SECRET, self.client),
            (ldap::BIND_PASSWORD, self.bind),
        ];
        for (name, secret) in all {
            if let Some(secret) = secret {
                connections::set_secret(&app.kernel, tx, connection, name, &secret).await?;
            }
        }
        if let Ok(ConnectionSettings::Oidc(settings)) = connection.settings()
            && settings.client_auth == Some(ClientAuth::PrivateKeyJwt)
        {
            oidc::ensure_client_key(&app.kernel, tx, connection).await?;
        }
        Ok(())
    }
}

/// Changes a connection.
pub(crate) async fn change_connection(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
    id: &str,
    mut wanted: ConnectionFields,
) -> Result<Connection, Error> {
    if wanted.kind.is_some() {
        return Err(Error::invalid("kind", "stays what it was"));
    }
    let loaded = fetch_new_metadata(app, principal, id, &wanted).await?;
    let mut tx = app.kernel.db.begin().await?;
    let connection = find_connection(&mut tx, principal, id).await?;
    let secrets = ConnectionSecrets::take_from(&mut wanted);
    let settings = match connection.settings()?.clone() {
        ConnectionSettings::Saml(mut shared) => {
            let settings = Arc::make_mut(&mut shared);
            if let Some(loaded) = &loaded {
                let before = settings.certificates.clone();
                loaded.apply(settings);
                retire_certificates(settings, before, wanted.keep_old_certificates, tx.now());
            }
            wanted.apply_saml(settings)?;
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
    let change = ConnectionChange {
        name: wanted.name,
        enabled: wanted.enabled,
        override_untested: wanted.override_untested,
        settings: Some(settings),
        domains: wanted.email_domains,
        is_default: wanted.is_default,
        position: wanted.position,
    };
    let updated = connections::update(&mut tx, &principal.context(request), &connection, change).await?;
    if let Some(loaded) = &loaded {
        saml::record_metadata_loaded(&mut tx, &updated, loaded).await?;
    }
    secrets.store(app, &mut tx, &updated).await?;
    if let TypedConnection::Ldap(directory) = updated.clone().typed()? {
        ldap::sync::plan_next_run(&mut tx, &directory).await?;
    }
    tx.commit().await?;
    Ok(updated)
}

/// Reads new metadata, where there is some, before the unit of work begins.
async fn fetch_new_metadata(
    app: &AppState,
    principal: &Principal,
    id: &str,
    wanted: &ConnectionFields,
) -> Result<Option<LoadedMetadata>, Error> {
    if !wanted.has_metadata() {
        return Ok(None);
    }
    let source = metadata_source(wanted.metadata_xml.as_deref(), wanted.metadata_url.as_deref())?;
    let Some(source) = source else { return Ok(None) };
    let mut c = app.kernel.db.read().await?;
    let connection = find_connection(&mut c, principal, id).await?;
    drop(c);
    let connection = connection
        .typed()?
        .into_saml()
        .ok_or_else(|| Error::invalid("metadata_xml", "is for SAML connections"))?;
    let pinned = match &wanted.metadata_certificate {
        Some(text) => read_certificate(text)?,
        None => connection.settings.metadata_certificate.clone(),
    };
    // A text that somebody brings by hand need not be signed; what is read from an address again and again must.
    let pinned = pinned.filter(|_| matches!(source, MetadataSource::Url(_)));
    saml::load_metadata(&app.kernel, &source, pinned.as_deref()).await.map(Some).map_err(load_error)
}

/// What becomes of certificates that new metadata does not have.
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
pub(crate) async fn delete_connection(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
    id: &str,
) -> Result<(), Error> {
    let mut tx = app.kernel.db.begin().await?;
    let connection = find_connection(&mut tx, principal, id).await?;
    connections::delete(&mut tx, &principal.context(request), &connection).await?;
    scim::request_log::delete_for_connection(&mut tx, &connection.id).await?;
    Ok(tx.commit().await?)
}

/// What beginning a test came to.
pub(crate) enum ConnectionTestStart {
    /// The administrator's browser goes to the provider.
    Redirect(String, FrontChannelMessage),
    /// The result is there.
    Finished(String),
}

/// Begins a test of a connection.
pub(crate) async fn start_connection_test(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
    id: &str,
) -> Result<ConnectionTestStart, Error> {
    let mut c = app.kernel.db.read().await?;
    let connection = find_connection(&mut c, principal, id).await?;
    drop(c);
    match connection.typed()? {
        TypedConnection::Saml(connection) => {
            let mut tx = app.kernel.db.begin().await?;
            let (id, sent) =
                saml::connection_test::begin(&app.kernel, &mut tx, principal, &connection).await?;
            tx.commit().await?;
            Ok(ConnectionTestStart::Redirect(id, sent))
        }
        TypedConnection::Oidc(connection) => {
            let context = principal.context(request);
            let begun =
                oidc::begin_connection_test(&app.kernel, &app.idp.oidc, principal, &context, &connection);
            Ok(match begun.await? {
                oidc::OidcTestStart::Redirect(url, id) => {
                    ConnectionTestStart::Redirect(id, FrontChannelMessage::Redirect(url))
                }
                oidc::OidcTestStart::Finished(id) => ConnectionTestStart::Finished(id),
            })
        }
        TypedConnection::Ldap(connection) => {
            let context = principal.context(request);
            let trial = ldap::run_connection_test(&app.idp, principal, &context, &connection).await?;
            Ok(ConnectionTestStart::Finished(trial))
        }
        TypedConnection::Scim(_) => {
            Err(Error::invalid("kind", "only connections that people sign in with are tested"))
        }
    }
}

/// Asks for a synchronisation of a directory's groups.
pub(crate) async fn request_sync(
    app: &AppState,
    principal: &Principal,
    id: &str,
    wanted: &ldap::sync::SyncOptions,
) -> Result<(), Error> {
    let mut tx = app.kernel.db.begin().await?;
    let connection = find_connection(&mut tx, principal, id).await?;
    if !ldap::sync::request_run(&mut tx, &connection, wanted).await? {
        return Err(Error::invalid(
            "group_sync",
            "has to be on, and the connection as well, for groups to follow the directory's",
        ));
    }
    Ok(tx.commit().await?)
}

/// A step in the rotation of our keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyStep {
    /// Make new keys and publish them beside the old ones.
    Publish,
    /// Use the published ones; the old ones are published and decrypt for seven more days.
    Switch,
    /// Take the published ones back.
    Cancel,
}

/// Takes a step in the rotation of a connection's keys.
pub(crate) async fn rotate_keys(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
    id: &str,
    step: KeyStep,
) -> Result<(), Error> {
    let context = principal.context(request);
    let mut c = app.kernel.db.read().await?;
    let connection = find_connection(&mut c, principal, id).await?;
    drop(c);
    if connection.settings()?.kind() != ConnectionKind::Saml {
        return Err(Error::invalid("kind", "only SAML connections have keys"));
    }
    if step == KeyStep::Publish {
        return Ok(keys::begin_rotation(&app.kernel, &context, &connection).await?);
    }
    let mut tx = app.kernel.db.begin().await?;
    match step {
        KeyStep::Switch => keys::finish_rotation(&mut tx, &context, &connection).await?,
        _ => keys::cancel_rotation(&mut tx, &context, &connection).await?,
    }
    Ok(tx.commit().await?)
}

/// Lets a group follow a group of an identity provider.
pub(crate) async fn link_group(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
    group_id: &str,
    connection_id: &str,
    name: &str,
) -> Result<GroupLink, Error> {
    let mut tx = app.kernel.db.begin().await?;
    let group = find_group(&mut tx, principal, group_id).await?;
    let connection = find_connection(&mut tx, principal, connection_id).await?;
    if !connection.syncs_groups() {
        return Err(Error::invalid(
            "connection_id",
            "names no connection whose groups are followed; switch that on in its settings first",
        ));
    }

    let link = groups::link(
        &mut tx,
        &principal.context(request),
        &group,
        connection.id.as_str(),
        connection.name.as_str(),
        name,
    )
    .await?;
    tx.commit().await?;
    Ok(link)
}

/// Takes that away again.
pub(crate) async fn unlink_group(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
    group_id: &str,
    kept: UnlinkPolicy,
) -> Result<(), Error> {
    let mut tx = app.kernel.db.begin().await?;
    let group = find_group(&mut tx, principal, group_id).await?;
    groups::unlink(&mut tx, &principal.context(request), &group, kept).await?;
    Ok(tx.commit().await?)
}
