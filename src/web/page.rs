//! What pages have in common.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::{AppState, Error, flash};
use crate::access::{Permission, Principal, SessionRestriction};
use crate::directory::accounts;
use crate::idp;
use crate::kernel::Timestamp;

/// The frame around a page for somebody who is signed in.
pub(super) struct Shell {
    /// The account's name.
    pub(super) account: String,
    /// Who is signed in.
    pub(super) user: String,
    /// Whether the console is open to them.
    pub(super) console: bool,
    /// Whether they may change things in it.
    pub(super) editor: bool,
    /// The entry of the navigation that this page belongs to.
    pub(super) active: &'static str,
    /// Until when they have to set up a second factor, if they have to.
    pub(super) enrol_by: Option<Timestamp>,
    /// Whether the way out may lead through an identity provider, which is asked first.
    pub(super) offers_provider_logout: bool,
    /// What the action before this page did.
    pub(super) notice: Option<&'static str>,
}

impl Shell {
    /// Builds the frame. `code`: the `notice` parameter of the request.
    pub(super) async fn build(
        app: &AppState,
        principal: &Principal,
        active: &'static str,
        code: Option<&str>,
    ) -> Result<Self, Error> {
        let mut c = app.kernel.db.read().await?;
        let account = accounts::by_id(&mut c, &principal.account_id).await?;
        Ok(Self {
            account: account.map(|account| account.name).unwrap_or_default(),
            user: principal.name.clone(),
            console: principal.has_permission(Permission::UsersView),
            editor: principal.has_permission(Permission::UsersEdit),
            active,
            offers_provider_logout: idp::find_provider_logout(&mut c, principal).await?.is_some(),
            enrol_by: match principal.restriction() {
                SessionRestriction::EnrolmentDueAt(end) => Some(end),
                _ => None,
            },
            notice: code.and_then(flash::message),
        })
    }
}

/// Renders a page.
pub(super) fn render(page: &impl Template) -> Result<Response, Error> {
    Ok(Html(page.render()?).into_response())
}

/// Renders a form again that could not be taken.
pub(super) fn render_with_status(status: StatusCode, page: &impl Template) -> Result<Response, Error> {
    Ok((status, Html(page.render()?)).into_response())
}

/// An empty form field is no value.
pub(super) fn non_empty(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Domains, one a line or separated by commas or spaces.
pub(super) fn split_list(text: &str) -> Vec<String> {
    text.split([',', ';', ' ', '\n', '\r', '\t']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The version in the addresses of assets: a hash of them, so that a new release is fetched at once.
pub(super) const ASSETS: &str = super::assets::VERSION;
