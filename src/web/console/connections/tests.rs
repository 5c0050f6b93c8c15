//! Trying a SAML connection before people depend on it: there and back, and what every check found.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};

use super::super::super::page::{self, Shell};
use super::super::super::{App, Error, rules};
use crate::access::Principal;
use crate::directory::users::{self, User};
use crate::idp::connections::Connection;
use crate::idp::saml::judge::Check;
use crate::idp::saml::trial::{self, Found, Trial};

#[derive(Template)]
#[template(path = "console/connection_test.html")]
struct TestPage {
    shell: Shell,
    connection: Connection,
    trial: Trial,
    found: Option<Found>,
    /// Whom the assertion would sign in.
    user: Option<User>,
    /// Whether it names the administrator who looks at the page.
    own: bool,
    /// Whether somebody unknown would be created.
    creates: bool,
}

impl TestPage {
    fn advice(&self) -> &'static str {
        let failed = self.found.as_ref().and_then(|found| found.checks.iter().find(|check| !check.passed));
        failed.map_or("", |failed| advice(failed.check))
    }
}

/// What to change, and on which side.
fn advice(check: Check) -> &'static str {
    match check {
        Check::Size | Check::Encoding | Check::Dtd | Check::Depth | Check::Parse | Check::Version => {
            "What came is no SAML 2.0 response. Check that the application at the identity provider is a SAML 2.0 one \
             and posts to the assertion consumer service of this connection."
        }
        Check::Structure => {
            "The response has an unusual shape, such as several assertions, or comments. Let the identity provider send \
             one plain or encrypted assertion."
        }
        Check::SignatureCoverage => {
            "Neither the response nor the assertion is signed as a whole. Switch signing on at the identity provider."
        }
        Check::Algorithm => {
            "The identity provider signs or encrypts with an algorithm that is not safe any more. Choose RSA or ECDSA \
             with SHA-256 there, and AES in GCM mode with RSA-OAEP. If it knows CBC mode only, let it \
             sign the response, and allow CBC in the settings of this connection."
        }
        Check::Certificate => {
            "No certificate of this connection can be verified with. Load metadata with one that has an RSA key of \
             2048 bits or more, or an elliptic curve."
        }
        Check::Decryption => {
            "The identity provider encrypts with another key than this connection's. Give it the metadata of this \
             connection again, or the certificate for encryption on its page."
        }
        Check::Signature => {
            "The response is signed with a certificate that this connection does not know. Load the identity \
             provider's metadata again: it may have a new certificate."
        }
        Check::Status => {
            "The identity provider said no. Assign the application to the person who signs in there, and look into its \
             own log."
        }
        Check::Issuer => {
            "The answer comes from another identity provider, or its entity id has changed. Load its metadata again."
        }
        Check::SubjectConfirmation => {
            "The assertion is not for sign-in by a browser. Choose the Web Browser SSO profile at the identity provider."
        }
        Check::Domain => {
            "Addresses of this domain are not let into the account. Add the domain in the authentication settings, or \
             let another address be sent."
        }
        Check::Destination | Check::Recipient => {
            "The identity provider sends to another address. Copy the assertion consumer service of this connection to \
             it, letter by letter."
        }
        Check::Audience => {
            "The identity provider means it for another application. Copy the entity id of this connection to it as \
             audience."
        }
        Check::Times => {
            "The clocks of the two sides differ. Set this server's clock, and tell the provider's people."
        }
        Check::InResponseTo => "The answer belongs to another request. Begin the test again, in one window.",
        Check::Email => {
            "The assertion names nobody by an email address. Let the identity provider send it as NameID, or name the \
             attribute with the address in the settings of this connection."
        }
        Check::Replay => "This answer was used before. Begin the test again.",
    }
}

/// Sends the administrator's browser to the identity provider.
pub(in super::super) async fn begin(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let (_, sent) = rules::begin_trial(&app, &principal, &id).await?;
    Ok(sent.into_response())
}

pub(in super::super) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path((id, trial_id)): Path<(String, String)>,
) -> Result<Response, Error> {
    let shell = Shell::build(&app, &principal, "connections", None).await?;
    let mut c = app.kernel.db.read().await?;
    let connection = rules::find_connection(&mut c, &principal, &id).await?;
    let trial = trial::by_id(&mut c, &connection.id, &trial_id).await?;
    let trial = trial.ok_or_else(|| Error::not_found("test"))?;
    let found = trial.found();
    let email = found.as_ref().and_then(|found| found.email.clone());
    let user = match email {
        Some(email) => users::by_email(&mut c, &principal.account_id, &email).await?,
        None => None,
    };
    let own = user.as_ref().is_some_and(|user| user.id == principal.id);
    let creates = connection.saml().is_some_and(|settings| settings.jit.enabled);
    page::render(&TestPage { shell, connection, trial, found, user, own, creates })
}
