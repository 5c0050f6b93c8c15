//! The part of a connection that is specific to SAML.

use axum::extract::Path;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::attribute_mapping::PeopleBody;
use crate::admin;
use crate::admin::connections::KeyStep;
use crate::idp::connections::{
    Binding, Comparison, Graph, NameIdFormat, SamlConnection, SamlSettings, Vendor,
};
use crate::idp::saml::{Certificate, SpEndpoints, keys, metadata_status_of};
use crate::kernel::{self, Timestamp};
use crate::web::api::Body;
use crate::web::{AppState, AuthenticatedRequest, Error};

/// Both sides of a SAML connection.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct SamlBody {
    vendor: Vendor,
    display_name: Option<String>,
    idp_entity_id: String,
    sso_url: String,
    sso_post_url: Option<String>,
    /// Where logouts go.
    slo_url: Option<String>,
    certificates: Vec<CertificateBody>,
    metadata_url: Option<String>,
    metadata_certificate: Option<String>,
    /// When the metadata was read from its address for the last time.
    #[schema(value_type = Option<String>, format = DateTime)]
    metadata_fetched_at: Option<Timestamp>,
    /// Why reading it again failed.
    metadata_error: Option<String>,
    sign_requests: bool,
    request_binding: Binding,
    name_id_format: NameIdFormat,
    force_authn: bool,
    authn_context: Vec<String>,
    authn_context_comparison: Comparison,
    allow_cbc: bool,
    graph: Option<Graph>,
    allow_idp_initiated: bool,
    landing: Option<String>,
    #[serde(flatten)]
    people: PeopleBody,
    /// Our keys, as they are published.
    keys: Vec<KeyBody>,
    /// Ours: entity id, metadata, assertion consumer service, single logout, start of a sign-in.
    sp_entity_id: String,
    sp_metadata_url: String,
    acs_url: String,
    sp_slo_url: String,
    login_url: String,
}

/// A signing certificate of the identity provider.
#[derive(Debug, Serialize, ToSchema)]
struct CertificateBody {
    /// base64 of DER.
    certificate: String,
    subject: String,
    /// SHA-256.
    fingerprint: String,
    /// The kind and size of its key.
    key: String,
    #[schema(value_type = String, format = DateTime)]
    not_after: Timestamp,
    /// Until when it is accepted, for one that is not in the metadata any more.
    #[schema(value_type = Option<String>, format = DateTime)]
    accepted_until: Option<Timestamp>,
}

/// A key pair of ours.
#[derive(Debug, Serialize, ToSchema)]
struct KeyBody {
    /// `signing` or `encryption`.
    purpose: &'static str,
    /// `next`, `active` or `retiring`.
    state: &'static str,
    /// base64 of DER.
    certificate: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it is forgotten, if it retires.
    #[schema(value_type = Option<String>, format = DateTime)]
    retires_at: Option<Timestamp>,
}

fn certificates(settings: &SamlSettings) -> Vec<CertificateBody> {
    let current = settings.certificates.iter().map(|text| (text, None));
    let retiring = settings.retiring.iter().map(|one| (&one.certificate, Some(one.until)));
    let read = |(text, accepted_until): (&String, Option<Timestamp>)| {
        let one = Certificate::read(text).ok()?;
        Some(CertificateBody {
            certificate: one.to_base64(),
            subject: one.subject(),
            fingerprint: one.fingerprint(),
            key: one.key(),
            not_after: one.not_after.into(),
            accepted_until,
        })
    };
    current.chain(retiring).filter_map(read).collect()
}

impl SamlBody {
    pub(super) async fn read(
        app: &AppState,
        c: &mut kernel::database::DbConn,
        connection: &SamlConnection,
    ) -> Result<Self, Error> {
        let settings = SamlSettings::clone(&connection.settings);
        let ours = SpEndpoints::of(&app.kernel.urls, &connection.id, &settings);
        let watch = metadata_status_of(c, &connection.id).await?;
        let pairs = keys::of_connection(c, &connection.id).await?;
        let keys = pairs.into_iter().map(|pair| KeyBody {
            purpose: pair.purpose().as_str(),
            state: pair.state().as_str(),
            certificate: pair.certificate,
            created_at: pair.created_at,
            retires_at: pair.retires_at,
        });
        let watched = watch.filter(|_| settings.metadata_url.is_some());
        Ok(Self {
            certificates: certificates(&settings),
            keys: keys.collect(),
            metadata_fetched_at: watched.as_ref().and_then(|watch| watch.fetched_at),
            metadata_error: watched.and_then(|watch| watch.error),
            vendor: settings.vendor,
            display_name: settings.display_name,
            idp_entity_id: settings.idp_entity_id,
            sso_url: settings.sso_url,
            sso_post_url: settings.sso_post_url,
            slo_url: settings.logout.map(|service| service.url),
            metadata_url: settings.metadata_url,
            metadata_certificate: settings.metadata_certificate,
            sign_requests: settings.sign_requests,
            request_binding: settings.request_binding,
            name_id_format: settings.name_id_format,
            force_authn: settings.force_authn,
            authn_context: settings.authn_context,
            authn_context_comparison: settings.authn_context_comparison,
            allow_cbc: settings.allow_cbc,
            graph: settings.graph,
            allow_idp_initiated: settings.allow_idp_initiated,
            landing: settings.landing,
            people: settings.people.into(),
            sp_entity_id: ours.entity_id,
            sp_metadata_url: ours.metadata,
            acs_url: ours.acs,
            sp_slo_url: ours.slo,
            login_url: ours.login,
        })
    }
}

/// A step in the rotation of keys.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRotation {
    step: KeyStep,
}

/// Rotates our keys of a SAML connection: publish new ones, let them take over, or take them back.
#[utoipa::path(post, path = "/api/v1/connections/{id}/keys", tag = "connections", params(("id" = String, Path,)),
    request_body = KeyRotation, security(("bearer" = [])),
    responses((status = 204), (status = 404), (status = 409), (status = 422)))]
pub(crate) async fn rotate_keys(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(wanted): Body<KeyRotation>,
) -> Result<StatusCode, Error> {
    admin::connections::rotate_keys(&request.admin(), &id, wanted.step).await?;
    Ok(StatusCode::NO_CONTENT)
}
