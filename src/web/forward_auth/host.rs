//! Where a request comes from: the reverse proxy that sent it, and the application's host that it is for.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};

use crate::apps::forward_auth::{ApplicationCookies, ReturnAddress};
use crate::apps::{self, Application};
use crate::signin::sessions::RequestedBy;
use crate::web::{AppState, Error};

/// The other end of the connection.
pub(super) struct Peer {
    /// Its address.
    pub(super) address: IpAddr,
    /// Whether it is a reverse proxy of `server.trusted_proxies`.
    pub(super) is_trusted: bool,
}

impl FromRequestParts<AppState> for Peer {
    type Rejection = StatusCode;
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, StatusCode> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let address = peer.ok_or(StatusCode::INTERNAL_SERVER_ERROR)?.0.ip().to_canonical();
        Ok(Self { address, is_trusted: app.kernel.config.server.trusts(address) })
    }
}

/// Who made the request that is asked about. A person opens or reloads a page; what a page fetches or shows in
/// a frame, it can repeat by itself. Without these headers it is not known (W3C Fetch Metadata).
pub(super) fn requested_by(headers: &HeaderMap) -> RequestedBy {
    let is = |name: &str, wanted: &str| headers.get(name).is_none_or(|value| value == wanted);
    if is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document") {
        RequestedBy::Person
    } else {
        RequestedBy::Page
    }
}

/// The application of a request for `/.vestibule/…` that a proxy passed through, and the address.
pub(super) struct AtHost {
    pub(super) application: Application,
    /// Scheme and host of the request, with the target `/`.
    pub(super) address: ReturnAddress,
}

impl AtHost {
    /// Finds the application by the host of the request: as a trusted proxy forwards it, else as the `Host`
    /// header has it.
    pub(super) async fn find(app: &AppState, peer: &Peer, headers: &HeaderMap) -> Result<Self, Error> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let forwarded = |name: &str| text(name).filter(|_| peer.is_trusted);
        let host = forwarded("x-forwarded-host").or_else(|| text(header::HOST.as_str())).unwrap_or_default();
        let is_https =
            app.kernel.urls.is_https() || matches!(forwarded("x-forwarded-proto"), Some("https" | "wss"));
        let missing = || Error::not_found("page");
        let scheme = if is_https { "https" } else { "http" };
        let address = ReturnAddress::new(scheme, host, "/").ok_or_else(missing)?;
        let mut c = app.kernel.db.read().await?;
        let application = apps::by_host(&mut c, &address.host).await?.ok_or_else(missing)?;
        Ok(Self { application, address })
    }

    pub(super) fn cookies(&self) -> ApplicationCookies {
        ApplicationCookies::for_scheme(self.address.scheme)
    }
}
