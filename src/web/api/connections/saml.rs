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

/// The settings of a SAML connection, and the values to enter at the identity provider.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct SamlBody {
    /// The identity provider, which determines the setup steps in the console.
    vendor: Vendor,
    /// The button label on the sign-in page; `null` for the connection's name.
    display_name: Option<String>,
    /// The identity provider's entity ID.
    idp_entity_id: String,
    /// The single sign-on URL for the HTTP-Redirect binding; empty if there is none.
    sso_url: String,
    /// The single sign-on URL for the HTTP-POST binding.
    sso_post_url: Option<String>,
    /// The single logout (SLO) URL.
    slo_url: Option<String>,
    /// The identity provider's signing certificates that are trusted.
    certificates: Vec<CertificateBody>,
    /// The metadata URL. It is read every six hours.
    metadata_url: Option<String>,
    /// The certificate that the metadata from `metadata_url` must be signed with, as base64-encoded DER.
    metadata_certificate: Option<String>,
    /// When the metadata was last read from `metadata_url`.
    #[schema(value_type = Option<String>, format = DateTime)]
    metadata_fetched_at: Option<Timestamp>,
    /// Why the last metadata refresh failed; `null` if it succeeded.
    metadata_error: Option<String>,
    /// Whether authentication requests are signed. Logout messages are always signed.
    sign_requests: bool,
    /// The binding of authentication requests.
    request_binding: Binding,
    /// The requested NameID format.
    name_id_format: NameIdFormat,
    /// Whether users must re-authenticate at the identity provider at each sign-in (`ForceAuthn`).
    force_authn: bool,
    /// The requested authentication contexts (`AuthnContextClassRef`); empty for any.
    authn_context: Vec<String>,
    /// How the authentication context must compare to the requested ones.
    authn_context_comparison: Comparison,
    /// Whether AES-CBC encryption, which is not authenticated, is accepted.
    allow_cbc: bool,
    /// The Microsoft Graph client that reads the groups of users with more groups than an assertion contains.
    graph: Option<Graph>,
    /// Whether IdP-initiated sign-in is allowed.
    allow_idp_initiated: bool,
    /// The landing page of IdP-initiated sign-in: a path on this server.
    landing: Option<String>,
    #[serde(flatten)]
    people: PeopleBody,
    /// The key pairs of the service provider, with their certificates.
    keys: Vec<KeyBody>,
    /// The service provider's entity ID, which is the audience of assertions.
    sp_entity_id: String,
    /// The URL of the service provider's metadata.
    sp_metadata_url: String,
    /// The assertion consumer service (ACS) URL.
    acs_url: String,
    /// The service provider's single logout (SLO) URL.
    sp_slo_url: String,
    /// The URL at which a sign-in with this connection starts.
    login_url: String,
}

/// A signing certificate of the identity provider.
#[derive(Debug, Serialize, ToSchema)]
struct CertificateBody {
    /// The certificate, as base64-encoded DER.
    certificate: String,
    /// The subject of the certificate.
    subject: String,
    /// The SHA-256 fingerprint.
    fingerprint: String,
    /// The type and size of the key.
    key: String,
    /// When the certificate expires.
    #[schema(value_type = String, format = DateTime)]
    not_after: Timestamp,
    /// Until when the certificate is trusted, if it is no longer in the metadata.
    #[schema(value_type = Option<String>, format = DateTime)]
    accepted_until: Option<Timestamp>,
}

/// A key pair of the service provider, without its private key.
#[derive(Debug, Serialize, ToSchema)]
struct KeyBody {
    /// `signing` or `encryption`.
    purpose: &'static str,
    /// `next`: published and not used yet. `active`: in use. `retiring`: replaced and still published.
    state: &'static str,
    /// The certificate, as base64-encoded DER.
    certificate: String,
    /// When the key pair was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the key pair is deleted, if it is retiring.
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

/// A step in the rotation of the service provider's keys.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRotation {
    /// The step to take.
    step: KeyStep,
}

/// Rotate the service provider keys
///
/// Publishes new certificates, activates them, or discards them. Only SAML connections have keys.
#[utoipa::path(
    post, operation_id = "rotate_saml_keys", path = "/api/v1/connections/{id}/keys", tag = "connections",
    params(("id" = String, Path, description = "The connection's ID")),
    request_body = KeyRotation,
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The step was taken"),
        (status = 404, description = "No connection has this ID"),
        (status = 409, description = "New certificates are already published, or none are published to \
            activate"),
        (status = 422, description = "The connection is not a SAML connection, or the step is not valid"),
    ),
)]
pub(crate) async fn rotate_keys(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(wanted): Body<KeyRotation>,
) -> Result<StatusCode, Error> {
    admin::connections::rotate_keys(&request.admin(), &id, wanted.step).await?;
    Ok(StatusCode::NO_CONTENT)
}
