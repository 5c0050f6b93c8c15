//! From what came back with the browser to a person: the answer, the code, the token, the claims.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::super::connections::{Connection, OidcSettings, Preset};
use super::super::graph::{self, GraphError};
use super::super::report::verdict;
use super::check::{Check, Failed, Report};
use super::client::{self, Tokens};
use super::judge::{Claims, Expected, ExpectedHere, judge_id_token, text};
use super::person::{self, Address};
use super::provider::Known;
use super::sent::Sent;
use super::{CLIENT_SECRET, Providers, plain, presets};
use crate::kernel::Kernel;

/// What a user info endpoint says.
const MAX_BYTES: usize = 1024 * 1024;

/// The parameters with which a browser comes back (RFC 6749 §4.1.2, RFC 9207 §2).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Came {
    pub(super) state: String,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Somebody whom the provider vouches for.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) email: String,
    pub(super) email_is_verified: bool,
    pub(super) claims: Claims,
    /// The names of their groups; none where groups do not follow the connection, or could not be read.
    pub(super) groups: Option<Vec<String>>,
    pub(super) id_token: Option<String>,
    pub(super) report: Report,
}

/// Hears the answer to `sent`.
pub(super) async fn hear(
    (kernel, providers): (&Kernel, &Providers),
    (connection, settings): (&Connection, &OidcSettings),
    (sent, came): (&Sent, &Came),
) -> Result<Accepted, Failed> {
    let mut report = Report::default();
    let known = providers.known(kernel, settings).await;
    let known = known.map_err(|error| report.fail(Check::Discovery, "a provider that answers", error))?;
    report.pass(Check::Discovery);
    let code = take_code(&mut report, &known, came)?;
    let about = (connection, settings);
    let tokens = client::exchange(kernel, about, &known, (code, sent)).await;
    let tokens = tokens.map_err(|error| report.fail(Check::Code, "a token for the code", error))?;
    report.pass(Check::Code);

    let mut claims = if settings.preset.is_plain() {
        let claims = plain::person(kernel, settings, &tokens.access_token).await;
        claims.map_err(|error| report.fail(Check::UserInfo, "the person from the API", error))?
    } else {
        let judged = id_token((kernel, providers), settings, (known, &mut report), (&tokens, sent)).await?;
        person::belongs(&mut report, settings, &judged.0)?;
        complete(kernel, settings, (&judged.1, &mut report), (judged.0, &tokens)).await?
    };
    let Address { email, is_verified } = person::address(&mut report, settings, &claims)?;
    let groups = groups(kernel, (connection, settings), &mut claims).await;
    Ok(Accepted {
        issuer: text(&claims, "iss").unwrap_or(&settings.issuer).to_owned(),
        subject: text(&claims, "sub").unwrap_or_default().to_owned(),
        email,
        email_is_verified: is_verified,
        groups,
        claims,
        id_token: tokens.id_token,
        report,
    })
}

/// The code in the answer, if the provider that was asked has said yes.
fn take_code<'a>(report: &mut Report, known: &Known, came: &'a Came) -> Result<&'a str, Failed> {
    // First: an error of somebody else's provider must not pass for this one's either.
    let metadata = &known.metadata;
    if came.iss.is_some() || metadata.authorization_response_iss_parameter_supported {
        let found = came.iss.as_deref().unwrap_or("none");
        report.note(Check::IssuerParameter, verdict(found == metadata.issuer, &metadata.issuer, found))?;
    }
    if let Some(error) = &came.error {
        let said = came.error_description.as_deref().unwrap_or_default();
        return Err(report.fail(Check::Answer, "yes", format!("{error}: {said}")));
    }
    let code = came.code.as_deref().filter(|code| !code.is_empty() && code.len() <= 8192);
    let code = code.ok_or_else(|| report.fail(Check::Answer, "a code", "none"))?;
    report.pass(Check::Answer);
    Ok(code)
}

/// The claims of the ID token.
async fn id_token(
    (kernel, providers): (&Kernel, &Providers),
    settings: &OidcSettings,
    (known, report): (Known, &mut Report),
    (tokens, sent): (&Tokens, &Sent),
) -> Result<(Claims, Known), Failed> {
    let token = tokens.id_token.as_deref();
    let token = token.ok_or_else(|| report.fail(Check::Token, "an ID token", "none"))?;
    let here = ExpectedHere {
        nonce: &sent.nonce,
        nonce_may_miss: !presets::repeats_nonce(settings),
        access_token: &tokens.access_token,
    };
    judge_with_keys((kernel, providers), settings, (known, report), |report, expected| {
        judge_id_token(report, token, (expected, &here))
    })
    .await
}

/// Judges what a provider has signed. When its key is not among those known they are read again, once; a key may have
/// been replaced under its old id as well.
pub(super) async fn judge_with_keys(
    (kernel, providers): (&Kernel, &Providers),
    settings: &OidcSettings,
    (known, report): (Known, &mut Report),
    judge: impl Fn(&mut Report, &Expected<'_>) -> Result<Claims, Failed>,
) -> Result<(Claims, Known), Failed> {
    let by = |known: &Known, report: &mut Report| {
        let expected = Expected {
            issuer: &known.metadata.issuer,
            client_id: &settings.client_id,
            keys: &known.keys,
            now: kernel.clock.now(),
        };
        judge(report, &expected)
    };
    let before = report.clone();
    let failed = match by(&known, report) {
        Ok(claims) => return Ok((claims, known)),
        Err(failed) => failed,
    };
    if !matches!(failed.check, Check::Key | Check::Signature) {
        return Err(failed);
    }
    let Ok(renewed) = providers.with_new_keys(kernel, settings).await else { return Err(failed) };
    *report = before;
    by(&renewed, report).map(|claims| (claims, renewed))
}

/// Adds what only the user info endpoint says, where something is missing (`OpenID` Connect Core §5.3). What the
/// ID token says stays.
async fn complete(
    kernel: &Kernel,
    settings: &OidcSettings,
    (known, report): (&Known, &mut Report),
    (mut claims, tokens): (Claims, &Tokens),
) -> Result<Claims, Failed> {
    let email = settings.people.email_attribute.as_deref().unwrap_or("email");
    let is_missing = |name: &str| !claims.contains_key(name);
    let lacks_groups =
        settings.groups_from().is_some_and(|name| is_missing(name) && !graph::is_overage(&claims));
    let endpoint = known.metadata.userinfo_endpoint.as_deref();
    let Some(endpoint) = endpoint.filter(|_| is_missing(email) || lacks_groups) else { return Ok(claims) };
    let read = async {
        let url = Url::parse(endpoint).map_err(|error| error.to_string())?;
        let text = kernel.outgoing.get_as(&url, &tokens.access_token, MAX_BYTES).await;
        let text = text.map_err(|error| error.to_string())?;
        serde_json::from_str::<Claims>(&text).map_err(|error| error.to_string())
    };
    let said = read.await.map_err(|error| report.fail(Check::UserInfo, "claims of the person", error))?;
    // Core §5.3.2: an answer about somebody else must not be used.
    let (who, found) = (text(&claims, "sub").unwrap_or_default(), text(&said, "sub").unwrap_or("nobody"));
    report.note(Check::UserInfo, verdict(who == found, who, found))?;
    for (name, value) in said {
        claims.entry(name).or_insert(value);
    }
    Ok(claims)
}

/// The groups of the person. When they cannot be read nobody is taken out of anything, and the log says why.
async fn groups(
    kernel: &Kernel,
    (connection, settings): (&Connection, &OidcSettings),
    claims: &mut Claims,
) -> Option<Vec<String>> {
    let name = settings.groups_from()?;
    if settings.preset == Preset::Entra && graph::is_overage(claims) {
        let read = graph::of_claims(kernel, (connection, CLIENT_SECRET), settings, claims).await;
        return read.map_err(|error: GraphError| graph::note_failure(&connection.id, &error)).ok();
    }
    match claims.get(name) {
        Some(Value::Array(_) | Value::String(_)) => Some(person::values(claims, name)),
        // Many providers leave the claim out for somebody who is in no group.
        _ => Some(Vec::new()),
    }
}
