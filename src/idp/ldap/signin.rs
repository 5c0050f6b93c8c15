//! Signing in with the password of a directory: found by the bind DN, proved by a bind as the person.

use std::sync::Arc;

use super::super::Idp;
use super::super::connections::{Connection, LdapSettings};
use super::error::{Error, within};
use super::person::{self, Person};
use super::pool::Pool;
use super::verdict::{self, Verdict};
use crate::access::Principal;
use crate::kernel::http::RequestContext;
use crate::signin::flow::{self, Browser, Flow, Guess, Proved, Refused};
use crate::signin::{Method, Proof, Provided, Subject, identities};

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
    let _company = signin.kernel.db.company();
    let pool = idp.ldap.of(connection, settings);
    let person = find(idp, &pool, &flow.identifier).await.map_err(|error| unreachable(connection, &error))?;
    // Counted on the one who is meant, however they are written: a directory knows many spellings of a name.
    let known_by = person.as_ref().and_then(|person| subject(connection, person));
    let name = person.as_ref().map(|person| person.email().unwrap_or(&person.entry.dn));
    let meant = (known_by.as_ref(), name.unwrap_or(&flow.identifier));
    let at = (connection.account_id.as_str(), connection.id.as_str());
    let guess = Guess::begin(signin, request, at, meant, Method::Ldap).await?;
    let said = check(idp, &pool, (person.as_ref(), password), guess.may_try()).await;
    match said.map_err(|error| unreachable(connection, &error))? {
        Verdict::Right => {}
        Verdict::Wrong => return Err(guess.failed(signin, request).await?),
        Verdict::Not(why) => return Err(guess.refused(signin, request, Refused::AtProvider(why)).await?),
    }
    let Some(person) = person else { return Err(guess.failed(signin, request).await?) };
    let Some(email) = person.email().map(str::to_owned) else {
        return Err(guess.refused(signin, request, Refused::NoAddress).await?);
    };
    let groups = groups(idp, &pool, &person).await;
    let proof = proof(connection, settings, (&person, email), groups);
    guess.finish(signin, request, (flow, browser), proof).await
}

fn unreachable(connection: &Connection, error: &Error) -> Refused {
    tracing::warn!(connection = connection.id, %error, "a directory did not answer");
    metrics::counter!("vestibule_ldap_failures_total").increment(1);
    Refused::Unreachable
}

/// Finds the person. A connection that broke in the middle is replaced once: servers are restarted.
async fn find(idp: &Idp, pool: &Arc<Pool>, identifier: &str) -> Result<Option<Person>, Error> {
    let kernel = &idp.signin.kernel;
    let once = async || {
        let mut link = pool.search(kernel).await?;
        let found = match person::find(kernel, pool, &mut link, identifier).await {
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
        link.give_back();
        Ok::<_, Error>(found)
    };
    match once().await {
        Err(error) if error.is_broken() => once().await,
        done => done,
    }
}

/// What the directory says to the password. Who is not there, or may not try, costs the same way to it, with a name that
/// nobody has.
async fn check(
    idp: &Idp,
    pool: &Arc<Pool>,
    (person, password): (Option<&Person>, &str),
    may_try: bool,
) -> Result<Verdict, Error> {
    // RFC 4513 §5.1.2: a bind with a name and no password succeeds and proves nothing.
    if password.is_empty() {
        return Ok(Verdict::Wrong);
    }
    let kernel = &idp.signin.kernel;
    let nobody = format!("cn=vestibule-nobody,{}", pool.settings.user_queries[0].base_dn);
    let tried = person.filter(|_| may_try);
    let dn = tried.map_or(nobody.as_str(), |person| &person.entry.dn);
    let once = async || {
        if let Some(home) = tried.and_then(|person| person.entry.home.as_deref()) {
            let mut link = pool.open_at(kernel, home, false).await?;
            return within(pool.response_timeout(), link.ldap.simple_bind(dn, password)).await;
        }
        let mut link = pool.bind(kernel).await?;
        let answer = within(pool.response_timeout(), link.ldap.simple_bind(dn, password)).await?;
        link.give_back();
        Ok::<_, Error>(answer)
    };
    let answer = match once().await {
        Err(error) if error.is_broken() => once().await?,
        done => done?,
    };
    match tried {
        Some(_) => verdict::of(&answer),
        None => Ok(Verdict::Wrong),
    }
}

/// The groups of the person, where they follow. Nobody is taken out of anything when they cannot be read.
async fn groups(idp: &Idp, pool: &Arc<Pool>, person: &Person) -> Option<Vec<String>> {
    if !pool.settings.group_sync {
        return None;
    }
    let kernel = &idp.signin.kernel;
    let read = async {
        let mut link = pool.search(kernel).await?;
        let groups = person::groups(kernel, pool, &mut link, person).await?;
        link.give_back();
        Ok::<_, Error>(groups)
    };
    let noted = read.await.inspect_err(|error| {
        tracing::warn!(connection = pool.connection.id, %error, "groups were not read; they stay as they are");
    });
    noted.ok()
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
    let person = find(idp, &pool, guess.address()).await.map_err(|error| unreachable(connection, &error))?;
    let said = check(idp, &pool, (person.as_ref(), password), guess.may_try()).await;
    match (said.map_err(|error| unreachable(connection, &error))?, person) {
        (Verdict::Right, Some(person)) => {
            // The same address must not lead to somebody else there by now.
            let mut c = signin.kernel.db.read().await?;
            let known = match subject(connection, &person) {
                Some(subject) => identities::of_subject(&mut c, &connection.id, &subject).await?,
                None => None,
            };
            drop(c);
            if known.is_none_or(|identity| identity.user_id != principal.id) {
                return Err(guess.failed(signin, request).await?);
            }
            guess.forgive(signin, request).await?;
            flow::confirm_elsewhere(signin, request, principal).await
        }
        (Verdict::Not(why), _) => Err(guess.refused(signin, request, Refused::AtProvider(why)).await?),
        _ => Err(guess.failed(signin, request).await?),
    }
}

fn subject(connection: &Connection, person: &Person) -> Option<Subject> {
    // Its administrators give the addresses, so the directory vouches for them.
    let id = person.entry.stable_id()?;
    Some(Subject { issuer: issuer(connection), id, address_is_verified: true })
}

fn proof(
    connection: &Connection,
    settings: &LdapSettings,
    (person, email): (&Person, String),
    groups: Option<Vec<String>>,
) -> Proof {
    Proof {
        method: Method::Ldap,
        account_id: connection.account_id.clone(),
        connection_id: Some(connection.id.clone()),
        subject: email,
        user_id: None,
        identity: subject(connection, person),
        amr: vec!["pwd".into()],
        acr: String::new(),
        second_factor: None,
        password: None,
        forgiven: None,
        provided: Provided {
            create: settings.jit.admits(|key| person.entry.all(key).to_vec()),
            names: person.names(),
            update_names: !settings.keep_names,
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
