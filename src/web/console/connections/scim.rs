//! The forms on the page of a provisioning connection.

use axum::Form;
use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;

use super::detail::redirect_or_rerender;
use crate::admin;
use crate::admin::connections::ConnectionFields;
use crate::idp::connections::ExtraAttribute;
use crate::web::{AuthenticatedRequest, Error};

#[derive(Deserialize)]
pub(crate) struct ScimForm {
    dry_run: Option<String>,
    log_values: Option<String>,
    log_days: u32,
    removal_limit: u32,
    requests_per_second: u32,
    /// One attribute per line.
    extra_attributes: String,
}

impl ScimForm {
    fn fields(&self) -> Result<ConnectionFields, Error> {
        let lines = self.extra_attributes.lines().filter(|line| !line.trim().is_empty());
        let extra: Result<Vec<ExtraAttribute>, _> = lines.map(ExtraAttribute::parse).collect();
        let extra = extra.map_err(|unknown| crate::directory::Error::Invalid {
            field: "extra_attributes",
            reason: unknown.to_string(),
        })?;
        Ok(ConnectionFields {
            dry_run: Some(self.dry_run.is_some()),
            log_values: Some(self.log_values.is_some()),
            log_days: Some(self.log_days),
            removal_limit: Some(self.removal_limit),
            requests_per_second: Some(self.requests_per_second),
            extra_attributes: Some(extra),
            ..ConnectionFields::default()
        })
    }
}

pub(crate) async fn save(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<ScimForm>,
) -> Result<Response, Error> {
    let done = match form.fields() {
        Ok(wanted) => {
            let changed = admin::connections::change(&request.admin(), &id, wanted).await;
            changed.map(drop).map_err(Error::from)
        }
        Err(error) => Err(error),
    };
    redirect_or_rerender(&request, &id, "connection_saved", done).await
}
