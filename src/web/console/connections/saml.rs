//! The forms on the page of a SAML connection.

use axum::Form;
use axum::extract::{Multipart, Path};
use axum::response::Response;
use serde::Deserialize;

use super::attribute_mapping::{AttributeMappingForm, optional};
use super::detail::redirect_or_rerender;
use super::{field, read_form};
use crate::admin;
use crate::admin::connections::{ConnectionFields, KeyStep};
use crate::idp::connections::{Binding, Graph, NameIdFormat, Vendor};
use crate::kernel::TextEnum as _;
use crate::web::page::split_list;
use crate::web::{AuthenticatedRequest, Error};

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
            vendor: Some(Vendor::parse(&self.vendor).unwrap_or_default()),
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
