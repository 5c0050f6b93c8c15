//! The page of a SAML connection.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Multipart, Path};
use axum::response::Response;
use serde::Deserialize;

use super::attribute_mapping::{AttributeMappingForm, optional};
use super::vendors::{self, SamlValue};
use super::{ConnectionPageExtras, field, read_form, redirect_or_rerender};
use crate::admin;
use crate::admin::connections::{ConnectionFields, KeyStep};
use crate::directory::groups::{self, GroupLink};
use crate::idp::connection_tests::{self, TestResult};
use crate::idp::connections::{
    self, Binding, Connection, Graph, NameIdFormat, SamlConnection, SamlSettings, Vendor,
};
use crate::idp::saml::keys::{self, KeyPair, KeyPurpose, KeyState};
use crate::idp::saml::{
    Certificate, MetadataStatus, SpEndpoints, metadata_refresh, metadata_status_of, to_pem,
};
use crate::kernel::{self, Timestamp};
use crate::web::page::{self, Shell, split_list};
use crate::web::{AppState, AuthenticatedRequest, Error};

#[derive(Template)]
#[template(path = "console/connection_saml.html")]
struct SamlPage {
    shell: Shell,
    connection: Connection,
    settings: Arc<SamlSettings>,
    ours: SpEndpoints,
    guide: vendors::Guide,
    domains: String,
    certificates: Vec<CertificateRow>,
    watch: Option<MetadataStatus>,
    keys: Vec<KeyPair>,
    links: Vec<(String, GroupLink)>,
    /// The result of the last successful test.
    last: Option<TestResult>,
    error: Option<String>,
}

/// A certificate of the identity provider as the page shows it.
struct CertificateRow {
    certificate: Certificate,
    /// When the certificate expires.
    not_after: Timestamp,
    /// Until when a retiring certificate is accepted.
    until: Option<Timestamp>,
    ends_soon: bool,
}

impl SamlPage {
    fn has_next_keys(&self) -> bool {
        self.keys.iter().any(|key| key.state() == KeyState::Next)
    }

    fn is_retiring(&self) -> bool {
        self.certificates.iter().any(|one| one.until.is_some())
    }

    /// The newest certificate for encryption, for providers into which it is copied by hand.
    fn encryption_certificate(&self) -> String {
        let mut pairs = self.keys.iter().filter(|key| key.purpose() == KeyPurpose::Encryption);
        let newest = pairs.clone().find(|key| key.state() == KeyState::Next).or_else(|| pairs.next());
        newest.map(|key| to_pem("CERTIFICATE", &key.certificate)).unwrap_or_default()
    }

    fn context_lines(&self) -> String {
        self.settings.authn_context.join("\n")
    }

    /// The values of this attribute in the last successful test, shown beside the field that maps it.
    fn sample(&self, name: Option<&String>) -> Option<String> {
        self.last.as_ref()?.attributes.get(name?).map(|values| values.join(", "))
    }

    fn graph(&self) -> Graph {
        self.settings.graph.clone().unwrap_or_else(|| Graph::of_tenant("", ""))
    }
}

fn certificate_rows(settings: &SamlSettings, now: Timestamp) -> Vec<CertificateRow> {
    let current = settings.certificates.iter().map(|text| (text, None));
    let retiring = settings.retiring.iter().filter(|one| now < one.until);
    let retiring = retiring.map(|one| (&one.certificate, Some(one.until)));
    let read = |(text, until): (&String, Option<Timestamp>)| {
        let certificate = Certificate::read(text).ok()?;
        let not_after = Timestamp::from(certificate.not_after);
        let ends_soon = not_after <= now.plus(metadata_refresh::WARN_BEFORE);
        Some(CertificateRow { certificate, not_after, until, ends_soon })
    };
    current.chain(retiring).filter_map(read).collect()
}

pub(super) async fn page(
    app: &AppState,
    c: &mut kernel::database::DbConn,
    shell: Shell,
    connection: SamlConnection,
    extras: ConnectionPageExtras<'_>,
) -> Result<Response, Error> {
    let (status, settings) = (extras.status(), connection.settings.clone());
    let page = SamlPage {
        shell,
        ours: SpEndpoints::of(&app.kernel.urls, &connection.id, &settings),
        guide: vendors::guide(settings.vendor),
        domains: connections::domains_of(c, &connection.id).await?.join(", "),
        certificates: certificate_rows(&settings, app.kernel.clock.now()),
        watch: metadata_status_of(c, &connection.id).await?.filter(|_| settings.metadata_url.is_some()),
        keys: keys::of_connection(c, &connection.id).await?,
        links: groups::links_of_connection(c, &connection.id).await?,
        last: connection_tests::last_passed(c, &connection.id).await?,
        connection: connection.into_connection(),
        settings,
        error: extras.error,
    };
    page::render_with_status(status, &page)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SamlForm {
    name: String,
    vendor: String,
    display_name: String,
    position: String,
    is_default: Option<String>,
    email_domains: String,
    sp_entity_id: String,
    name_id_format: NameIdFormat,
    sign_requests: Option<String>,
    request_binding: Binding,
    force_authn: Option<String>,
    authn_context: String,
    allow_cbc: Option<String>,
    graph_tenant_id: String,
    graph_client_id: String,
    graph_client_secret: String,
    graph_url: String,
    login_url: String,
    allow_idp_initiated: Option<String>,
    landing: String,
    #[serde(flatten)]
    people: AttributeMappingForm,
}

impl SamlForm {
    fn fields(self) -> ConnectionFields {
        ConnectionFields {
            name: Some(self.name),
            vendor: Some(Vendor::parse(&self.vendor)),
            display_name: Some(self.display_name),
            position: self.position.trim().parse().ok(),
            is_default: Some(self.is_default.is_some()),
            email_domains: Some(split_list(&self.email_domains)),
            sp_entity_id: Some(self.sp_entity_id),
            name_id_format: Some(self.name_id_format),
            sign_requests: Some(self.sign_requests.is_some()),
            request_binding: Some(self.request_binding),
            force_authn: Some(self.force_authn.is_some()),
            authn_context: Some(self.authn_context.split_whitespace().map(str::to_owned).collect()),
            allow_cbc: Some(self.allow_cbc.is_some()),
            graph: Some(Graph {
                tenant_id: self.graph_tenant_id.trim().to_owned(),
                client_id: self.graph_client_id.trim().to_owned(),
                graph_url: self.graph_url.trim().to_owned(),
                login_url: self.login_url.trim().to_owned(),
            }),
            graph_client_secret: optional(self.graph_client_secret),
            allow_idp_initiated: Some(self.allow_idp_initiated.is_some()),
            landing: Some(self.landing),
            ..self.people.fields()
        }
    }
}

pub(crate) async fn save(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<SamlForm>,
) -> Result<Response, Error> {
    let done = admin::connections::change(&request.admin(), &id, form.fields()).await.map(drop);
    redirect_or_rerender(&request, &id, "connection_saved", done).await
}

/// Loads new metadata from a file, a pasted text or a URL.
pub(crate) async fn load_metadata(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    multipart: Multipart,
) -> Result<Response, Error> {
    let fields = read_form(multipart).await?;
    let wanted = ConnectionFields {
        metadata_xml: Some(field(&fields, "metadata_xml")),
        metadata_url: Some(field(&fields, "metadata_url")),
        metadata_certificate: Some(field(&fields, "metadata_certificate")),
        keep_old_certificates: !field(&fields, "keep_old_certificates").is_empty(),
        ..ConnectionFields::default()
    };
    let done = admin::connections::change(&request.admin(), &id, wanted).await.map(drop);
    redirect_or_rerender(&request, &id, "metadata_loaded", done).await
}

pub(crate) async fn forget_retiring(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let wanted = ConnectionFields { forget_retiring: true, ..ConnectionFields::default() };
    let done = admin::connections::change(&request.admin(), &id, wanted).await.map(drop);
    redirect_or_rerender(&request, &id, "connection_saved", done).await
}

#[derive(Deserialize)]
pub(crate) struct KeyForm {
    step: KeyStep,
}

pub(crate) async fn rotate_keys(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<KeyForm>,
) -> Result<Response, Error> {
    let notice = match form.step {
        KeyStep::Publish => "keys_published",
        KeyStep::Switch => "keys_switched",
        KeyStep::Cancel => "keys_taken_back",
    };
    let done = admin::connections::rotate_keys(&request.admin(), &id, form.step).await;
    redirect_or_rerender(&request, &id, notice, done).await
}
