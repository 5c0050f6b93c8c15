//! Signing in with the password of a directory: found by the bind DN, proved by a bind as the person.

use std::sync::Arc;

use super::bind_outcome::{self, BindOutcome};
use super::error::{Error, with_timeout};
use super::model::LdapUser;
use super::pool::LdapPool;
use super::user_search;
use crate::access::Principal;
use crate::idp::Idp;
use crate::idp::connections::{Connection, LdapConnection};
use crate::kernel::http::RequestContext;
use crate::signin::flow::{self, BrowserBinding, ExternalPasswordAttempt, Flow, SignInError, SignInOutcome};
use crate::signin::{ExternalSubject, Method, Proof, ProviderClaims, identities};

/// Checks a password for the flow's identifier at a directory and, when it is right, finishes.
pub async fn sign_in(
    idp: &Idp,
    request: &RequestContext,
    flow: &Flow,
    browser: BrowserBinding<'_>,
    connection: &LdapConnection,
    password: &str,
) -> Result<SignInOutcome, SignInError> {
    let signin = &idp.signin;
    let _company = signin.kernel.db.announce_write();
    let pool = idp.ldap.pool_for(connection);
    let person =
        find_user(idp, &pool, &flow.identifier).await.map_err(|error| unreachable(connection, &error))?;
    // Counted on the one who is meant, however they are written: a directory knows many spellings of a name.
    let known_by = person.as_ref().and_then(|person| external_subject(connection, person));
    let name = person.as_ref().map(|person| person.email().unwrap_or(&person.entry.dn));
    let candidate = (known_by.as_ref(), name.unwrap_or(&flow.identifier));
    let at = (connection.account_id.as_str(), connection.id.as_str());
    let guess = ExternalPasswordAttempt::begin(signin, request, at, candidate, Method::Ldap).await?;
    let said = check_password(idp, &pool, person.as_ref(), password, guess.may_try()).await;
    match said.map_err(|error| unreachable(connection, &error))? {
        BindOutcome::Success => {}
        BindOutcome::InvalidCredentials => return Err(guess.record_failure(signin, request).await?),
        BindOutcome::AccountRestricted(why) => {
            return Err(guess.reject(signin, request, SignInError::AccountRestricted(why)).await?);
        }
    }
    let Some(person) = person else { return Err(guess.record_failure(signin, request).await?) };
    let Some(email) = person.email().map(str::to_owned) else {
        return Err(guess.reject(signin, request, SignInError::NoAddress).await?);
    };
    let groups = read_groups(idp, &pool, &person).await;
    let proof = build_proof(connection, &person, email, groups);
    guess.complete(signin, request, flow, browser, proof).await
}

fn unreachable(connection: &Connection, error: &Error) -> SignInError {
    tracing::warn!(connection = connection.id, %error, "a directory did not answer");
    metrics::counter!("vestibule_ldap_failures_total").increment(1);
    SignInError::DirectoryUnreachable
}

/// Finds the person. A connection that broke in the middle is replaced once: servers are restarted.
async fn find_user(idp: &Idp, pool: &Arc<LdapPool>, identifier: &str) -> Result<Option<LdapUser>, Error> {
    let kernel = &idp.signin.kernel;
    let once = async || {
        let mut conn = pool.acquire_for_search(kernel).await?;
        let found = match user_search::find_user(kernel, pool, &mut conn, identifier).await {
            Err(Error::Ambiguous) => {
                tracing::warn!(
                    connection = pool.connection.id,
                    "several entries have the name somebody signs in with"
                );
                Ok(None)
            }
            found => found,
        };
        let found = found?;
        conn.return_to_pool();
        Ok::<_, Error>(found)
    };
    match once().await {
        Err(error) if error.is_retryable() => once().await,
        done => done,
    }
}

/// What the directory says to the password. Who is not there, or may not try, costs the same way to it, with a name that
/// nobody has.
async fn check_password(
    idp: &Idp,
    pool: &Arc<LdapPool>,
    person: Option<&LdapUser>,
    password: &str,
    may_try: bool,
) -> Result<BindOutcome, Error> {
    // RFC 4513 §5.1.2: a bind with a name and no password succeeds and proves nothing.
    if password.is_empty() {
        return Ok(BindOutcome::InvalidCredentials);
    }
    let kernel = &idp.signin.kernel;
    let nobody = format!("cn=vestibule-nobody,{}", pool.connection.settings.user_queries[0].base_dn);
    let tried = person.filter(|_| may_try);
    let dn = tried.map_or(nobody.as_str(), |person| &person.entry.dn);
    let once = async || {
        if let Some(home) = tried.and_then(|person| person.entry.referral_server.as_deref()) {
            let mut conn = pool.connect_to(kernel, home, false).await?;
            return with_timeout(pool.response_timeout(), conn.ldap.simple_bind(dn, password)).await;
        }
        let mut conn = pool.acquire_for_bind(kernel).await?;
        let answer = with_timeout(pool.response_timeout(), conn.ldap.simple_bind(dn, password)).await?;
        conn.return_to_pool();
        Ok::<_, Error>(answer)
    };
    let answer = match once().await {
        Err(error) if error.is_retryable() => once().await?,
        done => done?,
    };
    match tried {
        Some(_) => bind_outcome::from_result(&answer),
        None => Ok(BindOutcome::InvalidCredentials),
    }
}

/// The groups of the person, where they follow. Nobody is taken out of anything when they cannot be read.
async fn read_groups(idp: &Idp, pool: &Arc<LdapPool>, person: &LdapUser) -> Option<Vec<String>> {
    if !pool.connection.settings.group_sync {
        return None;
    }
    let kernel = &idp.signin.kernel;
    let read = async {
        let mut conn = pool.acquire_for_search(kernel).await?;
        let groups = user_search::find_groups(kernel, pool, &mut conn, person).await?;
        conn.return_to_pool();
        Ok::<_, Error>(groups)
    };
    let noted = read.await.inspect_err(|error| {
        tracing::warn!(connection = pool.connection.id, %error, "groups were not read; they stay as they are");
    });
    noted.ok()
}

/// Checks the password of somebody who is signed in at their directory, before something that needs a recent proof,
/// and gives their session a new secret.
pub async fn reauthenticate(
    idp: &Idp,
    request: &RequestContext,
    principal: &Principal,
    connection: &LdapConnection,
    password: &str,
) -> Result<String, SignInError> {
    let signin = &idp.signin;
    let guess =
        ExternalPasswordAttempt::begin_for_principal(signin, request, principal, Method::Ldap).await?;
    let pool = idp.ldap.pool_for(connection);
    let person = find_user(idp, &pool, guess.email_or_identifier())
        .await
        .map_err(|error| unreachable(connection, &error))?;
    let said = check_password(idp, &pool, person.as_ref(), password, guess.may_try()).await;
    match (said.map_err(|error| unreachable(connection, &error))?, person) {
        (BindOutcome::Success, Some(person)) => {
            // The same address must not lead to somebody else there by now.
            let mut c = signin.kernel.db.read().await?;
            let known = match external_subject(connection, &person) {
                Some(subject) => identities::of_subject(&mut c, &connection.id, &subject).await?,
                None => None,
            };
            drop(c);
            if known.is_none_or(|identity| identity.user_id != principal.id) {
                return Err(guess.record_failure(signin, request).await?);
            }
            guess.clear_failures(signin, request).await?;
            flow::renew_after_external_check(signin, request, principal).await
        }
        (BindOutcome::AccountRestricted(why), _) => {
            Err(guess.reject(signin, request, SignInError::AccountRestricted(why)).await?)
        }
        _ => Err(guess.record_failure(signin, request).await?),
    }
}

fn external_subject(connection: &Connection, person: &LdapUser) -> Option<ExternalSubject> {
    // Its administrators give the addresses, so the directory vouches for them.
    let id = person.entry.stable_id()?;
    Some(ExternalSubject { issuer: issuer(connection), id, address_is_verified: true })
}

fn build_proof(
    connection: &LdapConnection,
    person: &LdapUser,
    email: String,
    groups: Option<Vec<String>>,
) -> Proof {
    Proof {
        method: Method::Ldap,
        account_id: connection.account_id.clone(),
        connection_id: Some(connection.id.clone()),
        identifier: email,
        user_id: None,
        external_subject: external_subject(connection, person),
        amr: vec!["pwd".into()],
        acr: String::new(),
        second_factor: None,
        password_fingerprint: None,
        clear_failures_of: None,
        provider_claims: ProviderClaims {
            jit_provisioning: connection.settings.jit.allows(|key| person.entry.all(key).to_vec()),
            names: person.names(),
            update_names: !connection.settings.keep_names,
            groups,
            // A directory never asks to end one.
            session: None,
        },
    }
}

/// Who says that somebody is who they are in a directory.
pub(super) fn issuer(connection: &Connection) -> String {
    format!("ldap:{}", connection.id)
}
