//! What a connection demands of the authentication. It is stored with each request, so that the response is
//! checked against what was asked, whatever the settings are by then.

use vestibule_saml::RequestedAuthentication;

use crate::idp::connections::SamlSettings;
use crate::kernel::Timestamp;

/// What a request of a connection demands. `issued_at` is the time of the request.
fn requested_by(settings: &SamlSettings, issued_at: Option<Timestamp>) -> RequestedAuthentication {
    RequestedAuthentication {
        issued_at: issued_at.map(jiff::Timestamp::from),
        force_authn: settings.force_authn,
        classes: settings.authn_context.clone(),
        comparison: settings.authn_context_comparison,
    }
}

/// What a request that is made now demands, in the form that is stored with it.
pub(super) fn to_stored(settings: &SamlSettings, now: Timestamp) -> Result<String, sqlx::Error> {
    let requested = requested_by(settings, Some(now));
    serde_json::to_string(&requested).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

/// Reads what was stored with the request. A response to no request, and to one that an earlier version sent
/// without storing it, is checked against the settings; it cannot show that a re-authentication followed the
/// request.
pub(super) fn of_request(
    settings: &SamlSettings,
    stored: Option<&str>,
) -> Result<RequestedAuthentication, sqlx::Error> {
    match stored {
        Some(text) => serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(Box::new(error))),
        None => Ok(requested_by(settings, None)),
    }
}
