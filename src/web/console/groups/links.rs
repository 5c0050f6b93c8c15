//! Group links: groups that take their members from a group of an identity provider.

use axum::Form;
use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;

use super::redirect_or_rerender;
use crate::admin;
use crate::directory::groups::UnlinkPolicy;
use crate::web::{AuthenticatedRequest, Error};

#[derive(Deserialize)]
pub(crate) struct GroupLinkForm {
    connection_id: String,
    name: String,
}

pub(crate) async fn create_link(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<GroupLinkForm>,
) -> Result<Response, Error> {
    let done = admin::groups::link(
        &request.admin(),
        id.as_str(),
        &form.connection_id.as_str().into(),
        form.name.as_str(),
    )
    .await
    .map(drop);
    redirect_or_rerender(&request, &id, "group_linked", done).await
}

#[derive(Deserialize)]
pub(crate) struct GroupUnlinkForm {
    members: String,
}

pub(crate) async fn delete_link(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<GroupUnlinkForm>,
) -> Result<Response, Error> {
    let kept =
        if form.members == "remove" { UnlinkPolicy::RemoveMembers } else { UnlinkPolicy::RetainMembers };
    let done = admin::groups::unlink(&request.admin(), &id, kept).await;
    redirect_or_rerender(&request, &id, "group_unlinked", done).await
}
