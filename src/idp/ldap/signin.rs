//! Signing in with the password of a directory: found by the bind DN, proved by a bind as the person.

use std::sync::Arc;

use serde_json::json;

use super::super::Idp;
use super::super::connections::{Connection, LdapSettings};
use super::error::{Error, within};
use super::person::{self, Person};
use super::pool::Pool;
use super::verdict::{self, Verdict};
use crate::access::Principal;
use crate::kernel::http::RequestContext;
use crate::signin::flow::{self, Browser, Flow, Guess, Proved, Refused};
use crate::signin::{Method, Proof, Provided, ProviderSession, Subject, identities};

/// Checks a password for the flow's identifier at a directory and, when it is right, finishes.
///
/// # Errors
/// [`Refused`]. Unknown, wrong, locked: the caller must make them look alike.
pub async fn prove(
    idp: &Idp,
    request: &RequestContext,
    (flow, browser): (&Flow, Browser<'_>),
    (connection, settings): (&Connection, &LdapSettings),
    password: &str,
) -> Result<Proved, Refused> {
    let signin = &idp.signin;
    let guess = Guess::begin(signin, request, flow, (&connection.account_id, Method::Ldap)).await?;
    let pool = idp.ldap.of(connection, settings);
    // RFC 4513 §5.1.2: a bind with a name and no password succeeds and proves nothing.
    let outcome = if password.is_empty() {
        Ok(Outcome::Wrong)
    } else {
        ask(idp, &pool, (&flow.identifier, password), guess.may_try()).await
    };
    let outcome = outcome.map_err(|error| {
        tracing::warn!(connection = connection.id, %error, "a directory did not answer");
        metrics::counter!("vestibule_ldap_failures_total").increment(1);
        Refused::Unreachable
    })?;
    let (person, groups) = match outcome {
        Outcome::Right(person, groups) => (*person, groups),
        Outcome::Wrong => return Err(guess.failed(signin, request).await?),
        Outcome::Not(why) => return Err(guess.refused(signin, request, Refused::AtProvider(why)).await?),
    };
    let email = person.email().map(str::to_owned);
    let Some(email) = email else {
        return Err(guess.refused(signin, request, Refused::NoAddress).await?);
    };
    guess.forgive(signin, request).await?;
    let proof = proof(connection, settings, (&person, email), groups);
    flow::finish(signin, request, (flow, browser), &proof).await
}

/// Checks the password of somebody who is signed in at their directory, before something that needs a recent proof,
/// and gives their session a new secret.
///
/// # Errors
/// [`Refused`].
pub async fn confirm(
    idp: &Idp,
    request: &RequestContext,
    principal: &Principal,
    (connection, settings): (&Connection, &LdapSettings),
    password: &str,
) -> Result<String, Refused> {
    let signin = &idp.signin;
    let guess = Guess::of(signin, request, principal, Method::Ldap).await?;
    let pool = idp.ldap.of(connection, settings);
    let name = guess.address().to_owned();
    let asked = if password.is_empty() {
        Ok(Outcome::Wrong)
    } else {
        ask(idp, &pool, (&name, password), guess.may_try()).await
    };
    match asked.map_err(|_| Refused::Unreachable)? {
        Outcome::Right(person, _) => {
            // The same address must not lead to somebody else there by now.
            let mut c = signin.kernel.db.read().await?;
            let subject = subject(connection, &person).map(|subject| subject.id).unwrap_or_default();
            let own = identities::of_user(&mut c, &principal.id).await?;
            drop(c);
            if !own.iter().any(|one| one.connection_id == connection.id && one.subject == subject) {
                return Err(guess.failed(signin, request).await?);
            }
            guess.forgive(signin, request).await?;
            flow::confirm_elsewhere(signin, request, principal).await
        }
        Outcome::Not(why) => Err(guess.refused(signin, request, Refused::AtProvider(why)).await?),
        Outcome::Wrong => Err(guess.failed(signin, request).await?),
    }
}

fn subject(connection: &Connection, person: &Person) -> Option<Subject> {
    // Its administrators give the addresses, so the directory vouches for them.
    let id = person.entry.stable_id()?;
    Some(Subject { issuer: issuer(connection), id, address_is_verified: true })
}

enum Outcome {
    Right(Box<Person>, Option<Vec<String>>),
    Wrong,
    Not(flow::AtProvider),
}

/// Asks the directory. A connection that broke in the middle is replaced once: servers are restarted.
async fn ask(
    idp: &Idp,
    pool: &Arc<Pool>,
    (identifier, password): (&str, &str),
    may_try: bool,
) -> Result<Outcome, Error> {
    match ask_once(idp, pool, (identifier, password), may_try).await {
        Err(error) if error.is_broken() => ask_once(idp, pool, (identifier, password), may_try).await,
        done => done,
    }
}

async fn ask_once(
    idp: &Idp,
    pool: &Arc<Pool>,
    (identifier, password): (&str, &str),
    may_try: bool,
) -> Result<Outcome, Error> {
    let kernel = &idp.signin.kernel;
    let mut searching = pool.search(kernel).await?;
    let found = match person::find(kernel, pool, &mut searching, identifier).await {
        Err(Error::Ambiguous) => {
            tracing::warn!(
                connection = pool.connection.id,
                "several entries have the name somebody signs in with"
            );
            None
        }
        found => found?,
    };
    // Who is not there, or may not try, costs the same way to the directory, with a name that nobody has.
    let nobody = format!("cn=vestibule-nobody,{}", pool.settings.user_queries[0].base_dn);
    let dn = found.as_ref().filter(|_| may_try).map_or(nobody.as_str(), |person| &person.entry.dn);
    let mut binding = pool.bind(kernel).await?;
    let answer = within(pool.response_timeout(), binding.ldap.simple_bind(dn, password)).await?;
    binding.give_back();
    let said = match (&found, may_try) {
        (Some(_), true) => verdict::of(&answer)?,
        _ => Verdict::Wrong,
    };
    let outcome = match (said, found) {
        (Verdict::Right, Some(person)) => {
            let groups = if pool.settings.group_sync {
                // Nobody is taken out of anything when the groups cannot be read.
                let read = person::groups(kernel, pool, &mut searching, &person).await;
                read.inspect_err(|error| {
                    tracing::warn!(connection = pool.connection.id, %error, "groups were not read; they stay as they are");
                })
                .ok()
            } else {
                None
            };
            Outcome::Right(Box::new(person), groups)
        }
        (Verdict::Not(why), _) => Outcome::Not(why),
        _ => Outcome::Wrong,
    };
    searching.give_back();
    Ok(outcome)
}

fn proof(
    connection: &Connection,
    settings: &LdapSettings,
    (person, email): (&Person, String),
    groups: Option<Vec<String>>,
) -> Proof {
    let identity = subject(connection, person);
    let jit = &settings.jit;
    let fits = match (&jit.key, &jit.value) {
        (Some(key), Some(value)) => person.entry.all(key).contains(value),
        (Some(key), None) => !person.entry.all(key).is_empty(),
        (None, _) => true,
    };
    Proof {
        method: Method::Ldap,
        account_id: connection.account_id.clone(),
        connection_id: Some(connection.id.clone()),
        subject: email,
        user_id: None,
        identity: identity.clone(),
        amr: vec!["pwd".into()],
        acr: String::new(),
        second_factor: None,
        password: None,
        provided: Provided {
            create: jit.enabled && fits,
            names: person.names(),
            update_names: !settings.keep_names,
            groups,
            session: identity.map(|subject| ProviderSession {
                subject: subject.id,
                session: None,
                detail: json!({"dn": person.entry.dn}).to_string(),
            }),
        },
    }
}

/// Who says that somebody is who they are in a directory.
pub(super) fn issuer(connection: &Connection) -> String {
    format!("ldap:{}", connection.id)
}
