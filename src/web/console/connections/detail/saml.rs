//! What the page of a SAML connection shows.

use std::sync::Arc;

use askama::Template;
use axum::response::Response;

use super::ConnectionPageExtras;
use super::listed_domains::ListedDomains;
use crate::directory::groups::{self, GroupLink};
use crate::idp::connection_tests::{self, TestResult};
use crate::idp::connections::{
    Binding, Connection, Graph, NameIdFormat, SamlConnection, SamlSettings, Vendor,
};
use crate::idp::saml::keys::{self, KeyPair, KeyPurpose, KeyState};
use crate::idp::saml::{
    Certificate, MetadataStatus, SpEndpoints, metadata_refresh, metadata_status_of, to_pem,
};
use crate::kernel::TextEnum as _;
use crate::kernel::{self, Timestamp};
use crate::web::console::connections::vendors::{self, SamlValue};
use crate::web::page::{self, Shell};
use crate::web::{AppState, Error};

#[derive(Template)]
#[template(path = "console/connection_saml.html")]
struct SamlPage {
    shell: Shell,
    connection: Connection,
    settings: Arc<SamlSettings>,
    ours: SpEndpoints,
    guide: vendors::Guide,
    domains: ListedDomains,
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
        domains: ListedDomains::of(c, &connection, app.kernel.clock.now()).await?,
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
