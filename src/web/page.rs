//! What all pages share: the frame around a page, and helpers for rendering and for form fields.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::{AppState, Error, flash};
use crate::access::{Permission, Principal, SessionRestriction};
use crate::directory::{accounts, domains};
use crate::idp;
use crate::kernel::Timestamp;
use crate::kernel::database::DbConn;

/// The frame of a page for a signed-in user: navigation, banners and messages.
pub(super) struct Shell {
    /// The account's name.
    pub(super) account: String,
    /// The user's name.
    pub(super) user: String,
    /// Whether the user may open the console.
    pub(super) console: bool,
    /// Whether the user may change things in the console.
    pub(super) editor: bool,
    /// The navigation entry of this page.
    pub(super) active: &'static str,
    /// The end of the grace period for enrolling a second factor, if one runs.
    pub(super) enrol_by: Option<Timestamp>,
    /// The domains that stop working unless they are verified, for users who may see them in the console.
    pub(super) domain_grace: Option<DomainGrace>,
    /// Whether sign-out can also end a session at the identity provider. The user is then asked first.
    pub(super) offers_provider_logout: bool,
    /// The flash message.
    pub(super) notice: Option<&'static str>,
}

/// Domains that count for a while without a proof.
pub(super) struct DomainGrace {
    /// The one that ends first.
    pub(super) first: String,
    /// How many there are.
    pub(super) count: usize,
    /// When the first one ends.
    pub(super) until: Timestamp,
}

impl DomainGrace {
    async fn of(c: &mut DbConn, app: &AppState, principal: &Principal) -> Result<Option<Self>, sqlx::Error> {
        if !principal.has_permission(Permission::DomainsView) {
            return Ok(None);
        }
        let all = domains::list_in_grace(c, &principal.account_id, app.kernel.clock.now()).await?;
        let count = all.len();
        Ok(all
            .into_iter()
            .next()
            .and_then(|first| first.grace_until.map(|until| Self { first: first.domain, count, until })))
    }
}

impl Shell {
    /// Builds the frame. `code` is the `notice` parameter of the request.
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
            domain_grace: DomainGrace::of(&mut c, app, principal).await?,
            offers_provider_logout: idp::find_provider_logout(&mut c, principal).await?.is_some(),
            enrol_by: match principal.restriction() {
                SessionRestriction::EnrolmentDueAt(end) => Some(end),
                _ => None,
            },
            notice: code.and_then(flash::message),
        })
    }
}

pub(super) fn render(page: &impl Template) -> Result<Response, Error> {
    Ok(Html(page.render()?).into_response())
}

/// Renders a page with this status, such as a form with an error.
pub(super) fn render_with_status(status: StatusCode, page: &impl Template) -> Result<Response, Error> {
    Ok((status, Html(page.render()?)).into_response())
}

/// Treats an empty form field as absent.
pub(super) fn non_empty(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Splits a list of values, such as domains, at line breaks, commas, semicolons, tabs and spaces.
pub(super) fn split_list(text: &str) -> Vec<String> {
    text.split([',', ';', ' ', '\n', '\r', '\t']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The version in the URLs of assets. It is a hash of them, so that browsers fetch the files of a new
/// release at once.
pub(super) const ASSETS: &str = super::assets::VERSION;
