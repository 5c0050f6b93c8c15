//! Connections: what the console's forms and the API's bodies come to.

use serde::Deserialize;
use std::time::Duration;
use utoipa::ToSchema;

use super::super::{App, Error};
use super::{find_connection, find_group};
use crate::access::Principal;
use crate::directory::groups::{self, Kept, Link};
use crate::idp::connections::{
    self, Binding, Change, Comparison, Connection, ExtraAttribute, Graph, Jit, Kind, NameIdFormat,
    NewConnection, Retiring, SamlSettings, ScimSettings, Vendor,
};
use crate::idp::saml::groups::GRAPH_SECRET;
use crate::idp::saml::{self, Certificate, LoadError, Loaded, Outgoing, Source, keys, trial};
use crate::kernel::http::RequestContext;
use crate::kernel::{Timestamp, Tx, ids};
use crate::provisioning::scim;

/// How long the certificates of metadata that was replaced by hand are accepted, if they are kept.
const KEPT_FOR: Duration = Duration::from_hours(7 * 24);

/// A connection to be made or changed; members not given stay as they are. An empty text clears one.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(in super::super) struct ConnectionFields {
    /// Its protocol. Needed to make one, and stays.
    pub(in super::super) kind: Option<Kind>,
    /// Its name: letters, digits and `_-. `. Needed to make one.
    pub(in super::super) name: Option<String>,
    /// On or off. One that is made begins switched off, but for provisioning.
    pub(in super::super) enabled: Option<bool>,
    /// Switch on although no test of it succeeded yet.
    pub(in super::super) override_untested: bool,
    /// Whether people are sent here whose domain leads nowhere else.
    pub(in super::super) is_default: Option<bool>,
    /// Its place on the sign-in page, from the top.
    pub(in super::super) position: Option<i64>,
    /// Domains whose addresses sign in here.
    pub(in super::super) email_domains: Option<Vec<String>>,
    /// SAML: the identity provider's metadata …
    pub(in super::super) metadata_xml: Option<String>,
    /// … or where it is; it is read again from there every six hours.
    pub(in super::super) metadata_url: Option<String>,
    /// The certificate by which metadata must be signed: PEM, or base64 of DER.
    pub(in super::super) metadata_certificate: Option<String>,
    /// With new metadata: accept the certificates it no longer has for another seven days.
    pub(in super::super) keep_old_certificates: bool,
    /// Stop accepting certificates that are on their way out.
    pub(in super::super) forget_retiring: bool,
    /// Whose product the identity provider is.
    pub(in super::super) vendor: Option<Vendor>,
    /// What people see on the sign-in page, when it is not the name.
    pub(in super::super) display_name: Option<String>,
    /// Our entity id, when it is not the metadata address.
    pub(in super::super) sp_entity_id: Option<String>,
    pub(in super::super) sign_requests: Option<bool>,
    pub(in super::super) request_binding: Option<Binding>,
    pub(in super::super) name_id_format: Option<NameIdFormat>,
    /// Whether people have to prove themselves there each time.
    pub(in super::super) force_authn: Option<bool>,
    /// `AuthnContextClassRef` URIs to ask for.
    pub(in super::super) authn_context: Option<Vec<String>>,
    pub(in super::super) authn_context_comparison: Option<Comparison>,
    /// Whether AES in CBC mode is accepted, which is not authenticated.
    pub(in super::super) allow_cbc: Option<bool>,
    pub(in super::super) email_attribute: Option<String>,
    pub(in super::super) given_name_attribute: Option<String>,
    pub(in super::super) family_name_attribute: Option<String>,
    pub(in super::super) display_name_attribute: Option<String>,
    /// Whether names follow the identity provider at each sign-in.
    pub(in super::super) update_names: Option<bool>,
    pub(in super::super) group_attribute: Option<String>,
    /// Whether people are put into the linked groups that the attribute names.
    pub(in super::super) group_sync: Option<bool>,
    /// Microsoft Graph, for groups that do not fit into an assertion.
    pub(in super::super) graph: Option<Graph>,
    /// The secret of its client. Never shown again.
    pub(in super::super) graph_client_secret: Option<String>,
    pub(in super::super) allow_idp_initiated: Option<bool>,
    /// Where a sign-in leads that the identity provider began: a path of this server.
    pub(in super::super) landing: Option<String>,
    pub(in super::super) jit: Option<Jit>,
    /// Whether the identity provider's word for a second factor counts here.
    pub(in super::super) trust_mfa: Option<bool>,
    /// SCIM: whether changes are only tried, and wait for an administrator.
    pub(in super::super) dry_run: Option<bool>,
    /// SCIM: whether the log of requests keeps the values that changed.
    pub(in super::super) log_values: Option<bool>,
    /// SCIM: for how many days the log is kept, 1 to 90.
    pub(in super::super) log_days: Option<u32>,
    /// SCIM: how many in a hundred users may lose access within an hour; 0 for any number.
    pub(in super::super) removal_limit: Option<u32>,
    /// SCIM: requests a second that are answered, 25 to 100,000.
    pub(in super::super) requests_per_second: Option<u32>,
    /// SCIM: attributes of users beside the standard ones, exactly these.
    pub(in super::super) extra_attributes: Option<Vec<ExtraAttribute>>,
}

fn set<T>(place: &mut T, wanted: Option<T>) {
    if let Some(wanted) = wanted {
        *place = wanted;
    }
}

fn set_text(place: &mut Option<String>, wanted: Option<String>) {
    if let Some(text) = wanted {
        *place = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    }
}

impl ConnectionFields {
    /// Changes the settings as wanted, but for what the metadata decides.
    fn apply(&mut self, settings: &mut SamlSettings) -> Result<(), Error> {
        if let Some(text) = self.metadata_certificate.take() {
            settings.metadata_certificate = read_certificate(&text)?;
        }
        if self.forget_retiring {
            settings.retiring.clear();
        }
        set(&mut settings.vendor, self.vendor);
        set_text(&mut settings.display_name, self.display_name.take());
        set_text(&mut settings.sp_entity_id, self.sp_entity_id.take());
        set(&mut settings.sign_requests, self.sign_requests);
        set(&mut settings.request_binding, self.request_binding);
        set(&mut settings.name_id_format, self.name_id_format);
        set(&mut settings.force_authn, self.force_authn);
        set(&mut settings.authn_context, self.authn_context.take());
        set(&mut settings.authn_context_comparison, self.authn_context_comparison);
        set(&mut settings.allow_cbc, self.allow_cbc);
        set_text(&mut settings.email_attribute, self.email_attribute.take());
        set_text(&mut settings.given_name_attribute, self.given_name_attribute.take());
        set_text(&mut settings.family_name_attribute, self.family_name_attribute.take());
        set_text(&mut settings.display_name_attribute, self.display_name_attribute.take());
        set(&mut settings.keep_names, self.update_names.map(|update| !update));
        set_text(&mut settings.group_attribute, self.group_attribute.take());
        set(&mut settings.group_sync, self.group_sync);
        if let Some(graph) = self.graph.take() {
            settings.graph = Some(graph).filter(|graph| !graph.client_id.is_empty());
        }
        set(&mut settings.allow_idp_initiated, self.allow_idp_initiated);
        set_text(&mut settings.landing, self.landing.take());
        set(&mut settings.jit, self.jit.take());
        set(&mut settings.trust_mfa, self.trust_mfa);
        Ok(())
    }

    /// Changes the settings of a directory connection as wanted.
    fn apply_scim(&self, settings: &mut ScimSettings) {
        set(&mut settings.dry_run, self.dry_run);
        set(&mut settings.log_values, self.log_values);
        set(&mut settings.log_days, self.log_days);
        set(&mut settings.removal_limit, self.removal_limit);
        set(&mut settings.requests_per_second, self.requests_per_second);
        set(&mut settings.extra_attributes, self.extra_attributes.clone());
    }

    fn has_saml(&self) -> bool {
        self.metadata_xml.is_some() || self.metadata_url.is_some()
    }
}

/// PEM, or base64 of DER; nothing for an empty text.
fn read_certificate(text: &str) -> Result<Option<String>, Error> {
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    if body.trim().is_empty() {
        return Ok(None);
    }
    let read = Certificate::read(&body);
    read.map(|one| Some(one.encoded())).map_err(|e| Error::invalid("metadata_certificate", &e.to_string()))
}

/// The metadata's source, from a text or an address.
fn metadata_source(xml: Option<&str>, url: Option<&str>) -> Result<Option<Source>, Error> {
    let given = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    match (given(xml), given(url)) {
        (None, None) => Ok(None),
        (Some(xml), _) => Ok(Some(Source::Xml(xml))),
        (None, Some(url)) => match url.parse() {
            Ok(url) => Ok(Some(Source::Url(url))),
            Err(_) => Err(Error::invalid(
                "metadata_url",
                "must be an address such as https://idp.example.com/metadata",
            )),
        },
    }
}

fn load_error(error: LoadError) -> Error {
    match error {
        LoadError::Metadata(_) | LoadError::Fetch(_) => Error::invalid("metadata", &error.to_string()),
        LoadError::Keys(error) => error.into(),
    }
}

/// Makes a connection.
pub(in super::super) async fn create_connection(
    app: &App,
    principal: &Principal,
    request: &RequestContext,
    mut wanted: ConnectionFields,
) -> Result<Connection, Error> {
    let name = wanted.name.take().ok_or_else(|| Error::invalid("name", "is required"))?;
    let kind = wanted.kind.ok_or_else(|| Error::invalid("kind", "is required: saml or scim"))?;
    if kind == Kind::Saml && wanted.enabled == Some(true) {
        return Err(Error::invalid(
            "enabled",
            "is for later: a connection begins switched off, to be tested",
        ));
    }
    let context = principal.context(request);
    let domains = wanted.email_domains.take().unwrap_or_default();
    let secret = wanted.graph_client_secret.take();
    let made = match kind {
        Kind::Scim => {
            let mut new = NewConnection::scim(ids::new_id(app.kernel.clock.now()), &name);
            wanted.apply_scim(&mut new.scim);
            let mut tx = app.kernel.db.begin().await?;
            let made = connections::create(&mut tx, &context, NewConnection { domains, ..new }).await?;
            tx.commit().await?;
            made
        }
        Kind::Saml => {
            let source = metadata_source(wanted.metadata_xml.as_deref(), wanted.metadata_url.as_deref())?;
            let source = source.ok_or_else(|| {
                Error::invalid(
                    "metadata_xml",
                    "or metadata_url is required: the file, the text, or the address that your identity provider shows",
                )
            })?;
            let mut settings = SamlSettings::default();
            wanted.apply(&mut settings)?;
            let prepared = saml::prepare(&app.kernel, &name, &source, settings).await;
            let mut prepared = prepared.map_err(load_error)?;
            prepared.connection.domains = domains;
            let mut tx = app.kernel.db.begin().await?;
            let made = saml::create(&mut tx, &context, prepared).await?;
            set_graph_secret(app, &mut tx, &made, secret).await?;
            tx.commit().await?;
            made
        }
    };
    Ok(made)
}

async fn set_graph_secret(
    app: &App,
    tx: &mut Tx,
    connection: &Connection,
    secret: Option<String>,
) -> Result<(), Error> {
    match secret.filter(|secret| !secret.is_empty()) {
        Some(secret) => {
            Ok(connections::set_secret(&app.kernel, tx, connection, (GRAPH_SECRET, &secret)).await?)
        }
        None => Ok(()),
    }
}

/// Changes a connection.
pub(in super::super) async fn change_connection(
    app: &App,
    principal: &Principal,
    request: &RequestContext,
    id: &str,
    mut wanted: ConnectionFields,
) -> Result<Connection, Error> {
    if wanted.kind.is_some() {
        return Err(Error::invalid("kind", "stays what it was"));
    }
    let loaded = load_again(app, principal, id, &wanted).await?;
    let mut tx = app.kernel.db.begin().await?;
    let connection = find_connection(&mut tx, principal, id).await?;
    let secret = wanted.graph_client_secret.take();
    let saml = match connection.saml() {
        Some(mut settings) => {
            if let Some(loaded) = &loaded {
                let before = settings.certificates.clone();
                loaded.apply(&mut settings);
                retire(&mut settings, before, (wanted.keep_old_certificates, tx.now()));
            }
            wanted.apply(&mut settings)?;
            Some(settings)
        }
        None => None,
    };
    let scim = connection.scim().map(|mut settings| {
        wanted.apply_scim(&mut settings);
        settings
    });
    let change = Change {
        scim,
        name: wanted.name,
        enabled: wanted.enabled,
        override_untested: wanted.override_untested,
        saml,
        domains: wanted.email_domains,
        is_default: wanted.is_default,
        position: wanted.position,
    };
    let updated = connections::update(&mut tx, &principal.context(request), &connection, change).await?;
    if let Some(loaded) = &loaded {
        saml::note_loaded(&mut tx, &updated, loaded).await?;
    }
    set_graph_secret(app, &mut tx, &updated, secret).await?;
    tx.commit().await?;
    Ok(updated)
}

/// Reads new metadata, where there is some, before the unit of work begins.
async fn load_again(
    app: &App,
    principal: &Principal,
    id: &str,
    wanted: &ConnectionFields,
) -> Result<Option<Loaded>, Error> {
    if !wanted.has_saml() {
        return Ok(None);
    }
    let source = metadata_source(wanted.metadata_xml.as_deref(), wanted.metadata_url.as_deref())?;
    let Some(source) = source else { return Ok(None) };
    let mut c = app.kernel.db.read().await?;
    let settings = find_connection(&mut c, principal, id).await?.saml();
    drop(c);
    let settings = settings.ok_or_else(|| Error::invalid("metadata_xml", "is for SAML connections"))?;
    let pinned = match &wanted.metadata_certificate {
        Some(text) => read_certificate(text)?,
        None => settings.metadata_certificate,
    };
    // A text that somebody brings by hand need not be signed; what is read from an address again and again must.
    let pinned = pinned.filter(|_| matches!(source, Source::Url(_)));
    saml::load(&app.kernel, &source, pinned.as_deref()).await.map(Some).map_err(load_error)
}

/// What becomes of certificates that new metadata does not have.
fn retire(settings: &mut SamlSettings, before: Vec<String>, (keep, now): (bool, Timestamp)) {
    if !keep {
        settings.retiring.clear();
        return;
    }
    let until = now.plus(KEPT_FOR);
    let gone = before.into_iter().filter(|old| !settings.certificates.contains(old)).collect::<Vec<_>>();
    settings.retiring.extend(gone.into_iter().map(|certificate| Retiring { certificate, until }));
}

/// Deletes a connection.
pub(in super::super) async fn delete_connection(
    app: &App,
    principal: &Principal,
    request: &RequestContext,
    id: &str,
) -> Result<(), Error> {
    let mut tx = app.kernel.db.begin().await?;
    let connection = find_connection(&mut tx, principal, id).await?;
    connections::delete(&mut tx, &principal.context(request), &connection).await?;
    scim::log::forget(&mut tx, &connection.id).await?;
    Ok(tx.commit().await?)
}

/// Begins a test of a SAML connection: (its id, what takes the administrator's browser there).
pub(in super::super) async fn begin_trial(
    app: &App,
    principal: &Principal,
    id: &str,
) -> Result<(String, Outgoing), Error> {
    let mut tx = app.kernel.db.begin().await?;
    let connection = find_connection(&mut tx, principal, id).await?;
    let settings =
        connection.saml().ok_or_else(|| Error::invalid("kind", "only SAML connections are tested"))?;
    let begun = trial::begin(&app.kernel, &mut tx, principal, (&connection, &settings)).await?;
    tx.commit().await?;
    Ok(begun)
}

/// A step in the rotation of our keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum KeyStep {
    /// Make new keys and publish them beside the old ones.
    Publish,
    /// Use the published ones; the old ones are published and decrypt for seven more days.
    Switch,
    /// Take the published ones back.
    Cancel,
}

/// Takes a step in the rotation of a connection's keys.
pub(in super::super) async fn rotate_keys(
    app: &App,
    principal: &Principal,
    request: &RequestContext,
    (id, step): (&str, KeyStep),
) -> Result<(), Error> {
    let context = principal.context(request);
    let mut c = app.kernel.db.read().await?;
    let connection = find_connection(&mut c, principal, id).await?;
    drop(c);
    if connection.kind() != Kind::Saml {
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
pub(in super::super) async fn link_group(
    app: &App,
    principal: &Principal,
    request: &RequestContext,
    (group_id, connection_id, name): (&str, &str, &str),
) -> Result<Link, Error> {
    let mut tx = app.kernel.db.begin().await?;
    let group = find_group(&mut tx, principal, group_id).await?;
    let connection = find_connection(&mut tx, principal, connection_id).await?;
    if !connection.saml().is_some_and(|settings| settings.group_sync) {
        return Err(Error::invalid(
            "connection_id",
            "names no connection whose groups are followed; switch that on in its settings first",
        ));
    }
    let to = (connection.id.as_str(), connection.name.as_str(), name);
    let link = groups::link(&mut tx, &principal.context(request), &group, to).await?;
    tx.commit().await?;
    Ok(link)
}

/// Takes that away again.
pub(in super::super) async fn unlink_group(
    app: &App,
    principal: &Principal,
    request: &RequestContext,
    (group_id, kept): (&str, Kept),
) -> Result<(), Error> {
    let mut tx = app.kernel.db.begin().await?;
    let group = find_group(&mut tx, principal, group_id).await?;
    groups::unlink(&mut tx, &principal.context(request), &group, kept).await?;
    Ok(tx.commit().await?)
}
