//! The forms on the page of an `OpenID` Connect or OAuth connection.

use axum::Form;
use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;

use super::attribute_mapping::{AttributeMappingForm, optional};
use super::detail::redirect_or_rerender;
use crate::admin;
use crate::admin::connections::ConnectionFields;
use crate::web::page::split_list;
use crate::web::{AuthenticatedRequest, Error};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OidcForm {
    name: String,
    display_name: String,
    position: String,
    is_default: Option<String>,
    email_domains: String,
    issuer: String,
    api_url: String,
    client_id: String,
    client_secret: String,
    client_auth: String,
    scopes: String,
    tenants: String,
    hosted_domains: String,
    trust_email: Option<String>,
    force_authn: Option<String>,
    acr_values: String,
    #[serde(flatten)]
    people: AttributeMappingForm,
}

impl OidcForm {
    fn fields(self) -> ConnectionFields {
        ConnectionFields {
            name: Some(self.name),
            display_name: Some(self.display_name),
            position: self.position.trim().parse().ok(),
            is_default: Some(self.is_default.is_some()),
            email_domains: Some(split_list(&self.email_domains)),
            issuer: Some(self.issuer),
            api_url: Some(self.api_url),
            client_id: Some(self.client_id),
            client_secret: optional(self.client_secret),
            client_auth: Some(self.client_auth),
            scopes: Some(split_list(&self.scopes)),
            tenants: Some(split_list(&self.tenants)),
            hosted_domains: Some(split_list(&self.hosted_domains)),
            trust_email: Some(self.trust_email.is_some()),
            force_authn: Some(self.force_authn.is_some()),
            acr_values: Some(self.acr_values.split_whitespace().map(str::to_owned).collect()),
            ..self.people.fields()
        }
    }
}

pub(crate) async fn save(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<OidcForm>,
) -> Result<Response, Error> {
    let done = admin::connections::change(&request.admin(), &id, form.fields()).await.map(drop);
    redirect_or_rerender(&request, &id, "connection_saved", done).await
}
