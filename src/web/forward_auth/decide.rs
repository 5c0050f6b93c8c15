//! The answer to a reverse proxy: whether a request may pass, and who sent it.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::host::{Peer, requested_by};
use super::pages;
use crate::access::tokens::{self, TokenPurpose};
use crate::access::{Principal, PrincipalKind};
use crate::apps::forward_auth::{
    self, ApplicationCookies, ApplicationRequest, AskedRequest, JWT_TYPE, RequestIdentity, Unclear,
};
use crate::apps::signing_keys::Issuer;
use crate::apps::{self, Application};
use crate::directory::{accounts, groups, users};
use crate::kernel::http::{Refusal, bearer};
use crate::kernel::urls::query_value;
use crate::web::{AppState, Error, guard};

/// How long the signed statement about a user is valid, in seconds. The proxy asks for each request.
const JWT_SECONDS: i64 = 120;

/// Headers that reverse proxies send.
const FORWARDED: [&str; 3] = ["x-forwarded-for", "x-forwarded-host", "x-original-url"];

/// A question of a reverse proxy.
struct Question<'a> {
    app: &'a AppState,
    application: &'a Application,
    /// What the proxy forwards; `None` if it forwards nothing or is not trusted.
    asked: Option<&'a AskedRequest>,
    headers: &'a HeaderMap,
}

pub(super) async fn decide(
    State(app): State<AppState>,
    peer: Peer,
    Path(path): Path<Vec<String>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let id = path.first().map(String::as_str).unwrap_or_default();
    let found = apps::find(&mut *app.kernel.db.read().await?, id).await?;
    let application = found.ok_or_else(|| Error::not_found("application"))?;
    let whole = uri.path_and_query().map_or(uri.path(), |both| both.as_str());
    let appended = whole.strip_prefix("/forward-auth/").and_then(|rest| rest.strip_prefix(id));
    let read = AskedRequest::read(&headers, appended.unwrap_or_default(), app.kernel.urls.is_https());
    let is_registered = |asked: &AskedRequest| application.hosts.contains(&asked.address.host);
    let asked = if peer.is_trusted {
        match read {
            Ok(asked) if is_registered(&asked) => Some(asked),
            Ok(_) => {
                let cause = "the host is not registered for the application, or another account has verified its domain";
                return Err(refused_question(cause));
            }
            Err(Unclear::Missing) => None,
            Err(unclear) => return Err(refused_question(&unclear.to_string())),
        }
    } else {
        if FORWARDED.iter().any(|name| headers.contains_key(*name)) {
            let for_application = read.is_ok_and(|asked| is_registered(&asked));
            app.untrusted_proxies.note(&app.kernel, peer.address, for_application);
        }
        None
    };
    if application.hosts.is_empty() {
        return Err(refused_question(
            "another account has verified the domains of all hosts of the application",
        ));
    }
    let question =
        Question { app: &app, application: &application, asked: asked.as_ref(), headers: &headers };
    question.answer().await
}

/// Nothing passes when it is unclear what was asked for. The cause is for the operator.
fn refused_question(cause: &str) -> Error {
    tracing::warn!(cause, "a reverse proxy asked about a request that cannot be attributed");
    Error::Refused(Refusal::new(
        StatusCode::BAD_REQUEST,
        "Invalid request",
        "The reverse proxy of this application is not set up correctly, or the request was altered. Contact \
         the operator of the application; the log of the server states the cause.",
    ))
}

impl Question<'_> {
    async fn answer(&self) -> Result<Response, Error> {
        let Some(principal) = self.identify().await? else {
            return self
                .sign_in_first("Not signed in", "Sign in at the URL in the header X-Vestibule-Sign-In.");
        };
        if guard::page_for_restriction(principal.restriction()).is_some() {
            let detail = "The account requires two-factor authentication, and this session has not completed \
                          it. Open the URL in the header X-Vestibule-Sign-In in a browser.";
            return self.sign_in_first("Two-factor authentication required", detail);
        }
        let Some(identity) = self.identity_of(&principal).await? else {
            return self.no_access(&principal);
        };
        Ok(identity.headers().into_response())
    }

    /// The user or service account: by a token that was made for this application, else by the session at
    /// it. Any other `Authorization` is the application's own.
    async fn identify(&self) -> Result<Option<Principal>, Error> {
        let (kernel, application) = (&self.app.kernel, self.application);
        let secret = bearer(self.headers).filter(|secret| application.allow_tokens && guard::is_ours(secret));
        if let Some(secret) = secret {
            let token = tokens::authenticate(kernel, secret, TokenPurpose::Application).await?;
            let is_for_this = |token: &tokens::AuthenticatedToken| {
                token.application_id.as_deref() == Some(&application.id)
                    && token.principal.account_id == application.account_id
            };
            if let Some(token) = token.filter(is_for_this) {
                return Ok(Some(guard::principal_of_token(self.app, token).await?));
            }
        }
        let scheme = match self.asked {
            Some(asked) => asked.address.scheme,
            None if kernel.urls.is_https() => "https",
            None => "http",
        };
        let Some(secret) = ApplicationCookies::for_scheme(scheme).session_of(self.headers) else {
            return Ok(None);
        };
        let host = self.asked.map(|asked| asked.address.host.as_str());
        let request = ApplicationRequest { secret, host, by: requested_by(self.headers) };
        Ok(forward_auth::authenticate(&self.app.signin, application, &request).await?)
    }

    /// What the application is told; `None` if a user is in none of the groups that have access. A token of
    /// a service account was made for this application by an administrator, so it needs no group.
    async fn identity_of(&self, principal: &Principal) -> Result<Option<RequestIdentity>, Error> {
        let (kernel, application) = (&self.app.kernel, self.application);
        let mut c = kernel.db.read().await?;
        let account = accounts::by_id(&mut c, &application.account_id).await?;
        let account = account.ok_or_else(|| Error::not_found("application"))?;
        let mut identity = RequestIdentity {
            id: principal.id.clone(),
            account: account.slug.clone(),
            user_name: principal.name.clone(),
            name: principal.name.clone(),
            ..RequestIdentity::default()
        };
        if principal.kind == PrincipalKind::User {
            let user = users::by_id(&mut c, &application.account_id, &principal.user_id()).await?;
            let Some(user) = user else { return Ok(None) };
            identity.email = user.email.unwrap_or_default();
            identity.name = user.display_name;
            if let Some(listed) = &application.groups {
                let mut own = groups::of_user(&mut c, &application.account_id, &principal.user_id()).await?;
                own.retain(|group| listed.iter().any(|id| group.id == *id));
                if own.is_empty() {
                    return Ok(None);
                }
                identity.groups = own.into_iter().map(|group| group.identifier).collect();
            }
        }
        drop(c);
        let now = kernel.clock.now().0 / 1000;
        let claims = json!({
            "iss": Issuer::of(&kernel.urls, &account.slug).url(), "aud": application.id, "sub": identity.id,
            "iat": now, "exp": now + JWT_SECONDS, "account": identity.account,
            "preferred_username": identity.user_name, "email": identity.email, "name": identity.name,
            "kind": principal.kind.as_str(),
        });
        identity.jwt = self.app.signing_keys.sign(kernel, &application.account_id, JWT_TYPE, &claims).await?;
        Ok(Some(identity))
    }

    /// Where the browser signs in, and from where it returns to the address.
    fn sign_in_url(&self) -> String {
        let path = format!("/login/apps/{}", self.application.id);
        match self.asked {
            Some(asked) => {
                let address = query_value(&asked.address.url());
                self.app.kernel.urls.absolute(&format!("{path}?return_to={address}"))
            }
            None => self.app.kernel.urls.absolute(&path),
        }
    }

    /// 302 for a navigation, 401 for everything else: a script cannot show a sign-in page.
    fn sign_in_first(&self, title: &'static str, detail: &str) -> Result<Response, Error> {
        let url = self.sign_in_url();
        let location = HeaderValue::from_str(&url).map_err(|error| Error::Internal(error.to_string()))?;
        // Without the address, a redirect would lead to another page than the one that was requested.
        let mut response = if self.asked.is_some() && self.is_navigation() {
            (StatusCode::FOUND, [(header::LOCATION, location.clone())]).into_response()
        } else {
            let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
            (challenge, problem(StatusCode::UNAUTHORIZED, title, detail)).into_response()
        };
        response.headers_mut().insert(HeaderName::from_static("x-vestibule-sign-in"), location);
        Ok(response)
    }

    /// Whether a browser is about to show the answer as a page.
    fn is_navigation(&self) -> bool {
        let text = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        text("accept").is_some_and(|accept| accept.contains("text/html"))
            && text("sec-fetch-mode").is_none_or(|mode| mode == "navigate")
    }

    fn no_access(&self, principal: &Principal) -> Result<Response, Error> {
        if self.is_navigation() {
            return pages::no_access(self.app, self.application, principal);
        }
        let detail =
            format!("{} does not have access to this application. Ask your administrator.", principal.name);
        Ok(problem(StatusCode::FORBIDDEN, "You do not have access", &detail))
    }
}

/// An error of RFC 9457.
fn problem(status: StatusCode, title: &str, detail: &str) -> Response {
    let body = json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail});
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
