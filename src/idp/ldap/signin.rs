//! Sign-in with a directory password: the user is found as the bind DN, and a bind as the user checks the
//! password.

use std::sync::Arc;

use super::bind_outcome::{self, BindOutcome, policy_request};
use super::error::{Error, with_timeout};
use super::model::LdapUser;
use super::pool::LdapPool;
use super::user_search;
use crate::idp::Idp;
use crate::idp::connections::{Connection, LdapConnection};
use crate::signin::flow::{ExternalCandidate, ExternalPasswordAttempt, SessionRequest};
use crate::signin::{
    ExternalSubject, Method, Proof, ProviderClaims, SignInAttempt, SignInError, SignInOutcome, identities,
};

/// Checks a password for the flow's identifier at a directory and, if it is correct, completes the attempt.
pub async fn sign_in(
    idp: &Idp,
    attempt: &SignInAttempt<'_>,
    connection: &LdapConnection,
    password: &str,
) -> Result<SignInOutcome, SignInError> {
    let SignInAttempt { signin, flow, .. } = *attempt;
    let _company = signin.kernel.db.announce_write();
    let pool = idp.ldap.pool_for(connection);
    let person =
        find_user(idp, &pool, &flow.identifier).await.map_err(|error| unreachable(connection, &error))?;
    // The attempt is counted on the user who was found, because a directory accepts many spellings of a
    // name.
    let known_by = person.as_ref().and_then(|person| external_subject(connection, person));
    let name = person.as_ref().map(|person| person.email().unwrap_or(&person.entry.dn));
    let candidate = ExternalCandidate {
        account_id: &connection.account_id,
        connection_id: &connection.id,
        subject: known_by.as_ref(),
        identifier: name.unwrap_or(&flow.identifier),
    };
    let counted = ExternalPasswordAttempt::begin(attempt, candidate, Method::Ldap).await?;
    let said = check_password(idp, &pool, person.as_ref(), password, counted.may_check()).await;
    match said.map_err(|error| unreachable(connection, &error))? {
        BindOutcome::Success => {}
        BindOutcome::InvalidCredentials => return Err(counted.record_failure().await),
        BindOutcome::AccountRestricted(why) => {
            return Err(counted.refuse(SignInError::AccountRestricted(why)).await);
        }
    }
    let Some(person) = person else { return Err(counted.record_failure().await) };
    let Some(email) = person.email().map(str::to_owned) else {
        return Err(counted.refuse(SignInError::NoAddress).await);
    };
    let groups = read_groups(idp, &pool, &person).await;
    let proof = build_proof(connection, &person, email, groups);
    counted.complete(attempt, proof).await
}

fn unreachable(connection: &Connection, error: &Error) -> SignInError {
    tracing::warn!(connection = %connection.id, %error, "a sign-in could not use the directory");
    metrics::counter!("vestibule_ldap_failures_total").increment(1);
    SignInError::DirectoryUnreachable
}

/// Finds the user. A connection that breaks is replaced once, because servers may restart.
async fn find_user(idp: &Idp, pool: &Arc<LdapPool>, identifier: &str) -> Result<Option<LdapUser>, Error> {
    let kernel = &idp.signin.kernel;
    let once = async || {
        let mut conn = pool.acquire_for_search(kernel).await?;
        let found = match user_search::find_user(kernel, pool, &mut conn, identifier).await {
            Err(Error::Ambiguous) => {
                tracing::warn!(
                    connection = %pool.connection.id,
                    "several directory entries match the identifier of a sign-in"
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

/// Checks a password by a bind. If there is no user, or the attempt is not permitted, the bind uses a DN
/// that does not exist, so that the response takes about as long.
async fn check_password(
    idp: &Idp,
    pool: &Arc<LdapPool>,
    person: Option<&LdapUser>,
    password: &str,
    may_try: bool,
) -> Result<BindOutcome, Error> {
    // A bind with a name and an empty password succeeds without authentication (RFC 4513 §5.1.2).
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
            let bind = conn.ldap.with_controls(policy_request()).simple_bind(dn, password);
            return with_timeout(pool.response_timeout(), bind).await;
        }
        let mut conn = pool.acquire_for_bind(kernel).await?;
        let bind = conn.ldap.with_controls(policy_request()).simple_bind(dn, password);
        let answer = with_timeout(pool.response_timeout(), bind).await?;
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

/// The user's groups; `None` if linked groups do not follow the directory. If the groups cannot be read,
/// the result is `None` as well, so that the user keeps all memberships.
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
        tracing::warn!(
            connection = %pool.connection.id,
            %error,
            "could not read the groups of a user; memberships were not changed"
        );
    });
    noted.ok()
}

/// Checks the directory password of the user who is signed in, before a step that requires recent
/// authentication, and gives the session a new secret.
pub async fn reauthenticate(
    idp: &Idp,
    session: &SessionRequest<'_>,
    connection: &LdapConnection,
    password: &str,
) -> Result<String, SignInError> {
    let counted = ExternalPasswordAttempt::begin_in_session(session, &connection.id, Method::Ldap).await?;
    let pool = idp.ldap.pool_for(connection);
    let person = find_user(idp, &pool, counted.email_or_identifier())
        .await
        .map_err(|error| unreachable(connection, &error))?;
    let said = check_password(idp, &pool, person.as_ref(), password, counted.may_check()).await;
    match (said.map_err(|error| unreachable(connection, &error))?, person) {
        (BindOutcome::Success, Some(person)) => {
            // By now, the address may belong to another entry, so the found entry must be linked to this
            // user.
            let mut c = session.signin.kernel.db.read().await?;
            let known = match external_subject(connection, &person) {
                Some(subject) => identities::of_subject(&mut c, &connection.id, &subject).await?,
                None => None,
            };
            drop(c);
            if known.is_none_or(|identity| identity.user_id != session.principal.id) {
                return Err(counted.record_failure().await);
            }
            counted.clear_failures().await?;
            session.renew_session().await
        }
        (BindOutcome::AccountRestricted(why), _) => {
            Err(counted.refuse(SignInError::AccountRestricted(why)).await)
        }
        _ => Err(counted.record_failure().await),
    }
}

fn external_subject(connection: &Connection, person: &LdapUser) -> Option<ExternalSubject> {
    // Addresses count as verified, because the administrators of the directory assign them.
    let id = person.entry.stable_id()?;
    Some(ExternalSubject { issuer: issuer(connection), id, address_is_verified: true, is_address: false })
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
        provider_acr: String::new(),
        second_factor: None,
        password_fingerprint: None,
        clear_failures_of: None,
        provider_claims: ProviderClaims {
            jit_provisioning: connection.settings.jit.allows(|key| person.entry.all(key).to_vec()),
            names: person.names(),
            update_names: !connection.settings.keep_names,
            groups,
            // A directory never sends logout requests.
            session: None,
        },
    }
}

/// The issuer of the external subjects of a directory.
pub(super) fn issuer(connection: &Connection) -> String {
    format!("ldap:{}", connection.id)
}
