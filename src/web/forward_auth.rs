//! Forward authentication for reverse proxies: `auth_request` of nginx, `forward_auth` of Caddy and
//! `ForwardAuth` of Traefik.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use super::{AppState, Error};
use crate::access::{Guard, Principal, PrincipalKind, Routes};
use crate::directory::{groups, users};

pub(super) fn routes() -> Routes<AppState> {
    Routes::default().get("/forward-auth", Guard::SignedIn, forward_auth)
}

/// 200 with the principal in `X-Forwarded-*` headers. The guard has already answered 401 to requests that
/// are not authenticated.
async fn forward_auth(State(app): State<AppState>, principal: Principal) -> Result<Response, Error> {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| {
        // A value that a header cannot carry is omitted, not altered.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("x-forwarded-user", &principal.name);
    if principal.kind == PrincipalKind::User {
        let mut c = app.kernel.db.read().await?;
        let user = users::by_id(&mut c, &principal.account_id, &principal.user_id()).await?;
        set("x-forwarded-email", user.and_then(|user| user.email).as_deref().unwrap_or_default());
        // A name with a comma would read as two groups, and one beyond ASCII would make the whole header
        // invalid.
        let names = groups::names_of_user(&mut c, &principal.user_id()).await?;
        let names: Vec<String> =
            names.into_iter().filter(|name| name.is_ascii() && !name.contains(',')).collect();
        set("x-forwarded-groups", &names.join(","));
    }
    Ok(headers.into_response())
}
