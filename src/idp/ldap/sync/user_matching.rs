//! Matching the users of a directory to users here, and creating missing ones.

use serde_json::json;

use super::member_index::{MemberIndex, SyncCandidate};
use super::reader::Reader;
use super::worker::{SyncError, SyncWorker};
use crate::directory::users::{self, Profile};
use crate::directory::{Error, domain_of, fold_case};
use crate::idp::connections::Connection;
use crate::idp::ldap::signin::issuer;
use crate::kernel::database::{DbConn, analyze_tables};
use crate::kernel::{Tx, UserId};
use crate::signin::identities;
use crate::signin::policy::{self, AddressClaim};

/// Reads and matches all users of the user queries.
pub(super) async fn match_users(
    work: &mut SyncWorker<'_>,
    reader: Reader,
) -> Result<(MemberIndex, Reader), SyncError> {
    let mut people = MemberIndex::default();
    let mut ahead = reader.read_users();
    while let Some(batch) = ahead.next().await {
        work.report.people += batch.len() as u64;
        match_batch(work, &mut people, &batch).await?;
        work.heartbeat().await?;
    }
    Ok((people, ahead.end().await?))
}

/// Matches users by their id in the directory, else by their email address. Users without a match are
/// created if the connection allows it.
async fn match_batch(
    work: &mut SyncWorker<'_>,
    people: &mut MemberIndex,
    batch: &[SyncCandidate],
) -> Result<(), SyncError> {
    let db = &work.idp.signin.kernel.db;
    let pool = work.pool.clone();
    let connection = &pool.connection;
    let subjects: Vec<String> = batch.iter().filter_map(|found| found.subject.clone()).collect();
    let mut c = db.read().await?;
    let known = identities::of_subjects(&mut c, &connection.id, &issuer(connection), &subjects).await?;
    let mut strangers = Vec::new();
    for found in batch {
        match found.subject.as_ref().and_then(|subject| known.get(subject)) {
            Some(Some(user_id)) => people.add(found, user_id),
            // The link has ended: the user is in no group of this directory.
            Some(None) => work.report.unknown += 1,
            None if found.is_closed => work.report.unknown += 1,
            None => strangers.push(found),
        }
    }
    let asked = strangers.len();
    let strangers = within_domains(&mut c, work, strangers).await?;
    work.report.unknown += (asked - strangers.len()) as u64;
    let makes = |found: &&SyncCandidate| found.jit_allowed && !work.report.preview;
    let (admitted, mut others): (Vec<_>, Vec<_>) = strangers.into_iter().partition(makes);
    if admitted.is_empty() {
        let (matched, unknown) = match_by_email(&mut c, connection, others).await?;
        drop(c);
        work.report.unknown += unknown;
        if !matched.is_empty() && !work.report.preview {
            let mut tx = db.begin_relaxed().await?;
            link_identities(&mut tx, work, &matched).await?;
            tx.commit().await?;
        }
        people.add_all(&matched);
        return Ok(());
    }
    drop(c);
    let mut tx = db.begin_relaxed().await?;
    let (mut all, refused) = create_users(&mut tx, work, admitted).await?;
    let created = all.len() as u64;
    others.extend(refused);
    let (matched, unknown) = match_by_email(&mut tx, connection, others).await?;
    all.extend(matched);
    link_identities(&mut tx, work, &all).await?;
    tx.commit().await?;
    work.report.created += created;
    work.report.unknown += unknown;
    people.add_all(&all);
    Ok(())
}

/// The candidates whose address the connection may speak for. About all others it is not heard here; the same
/// function decides at their sign-in.
async fn within_domains<'f>(
    c: &mut DbConn,
    work: &mut SyncWorker<'_>,
    strangers: Vec<&'f SyncCandidate>,
) -> Result<Vec<&'f SyncCandidate>, sqlx::Error> {
    let pool = work.pool.clone();
    let connection = &pool.connection;
    let now = work.idp.signin.kernel.clock.now();
    let mut heard = Vec::with_capacity(strangers.len());
    for found in strangers {
        let domain = domain_of(&found.email).unwrap_or_default();
        let known = work.domains.get(&domain).copied();
        let counts = if let Some(known) = known {
            known
        } else {
            let claim = AddressClaim {
                account_id: &connection.account_id,
                connection_id: &connection.id,
                email: &found.email,
                user: None,
                now,
            };
            let counts = policy::has_address_authority(c, claim).await?;
            work.domains.insert(domain, counts);
            counts
        };
        if counts {
            heard.push(found);
        }
    }
    Ok(heard)
}

/// The candidates whose email address belongs to a user, and the number of the others. A user who is linked to
/// another entry of the directory, or who has a role, a password or a second factor, is not matched: the first
/// is a reassigned address, and the others confirm the link when they sign in.
async fn match_by_email<'f>(
    c: &mut DbConn,
    connection: &Connection,
    others: Vec<&'f SyncCandidate>,
) -> Result<(Vec<(&'f SyncCandidate, UserId)>, u64), sqlx::Error> {
    let account_id = &connection.account_id;
    let emails: Vec<String> = others.iter().map(|found| fold_case(&found.email)).collect();
    let users = users::ids_by_email(c, account_id, &emails).await?;
    let ids: Vec<String> = users.values().map(String::from).collect();
    let kept = identities::not_linked_by_sync(c, account_id, &connection.id, &ids).await?;
    let mut matched = Vec::new();
    let asked = others.len();
    for (found, email) in others.into_iter().zip(emails) {
        if let Some(user_id) = users.get(&email).filter(|id| !kept.contains_key(id.as_str())) {
            matched.push((found, user_id.clone()));
        }
    }
    let unknown = (asked - matched.len()) as u64;
    Ok((matched, unknown))
}

/// Links the external identities. From then on, a user is matched by their id in the directory, even if the
/// address changes.
async fn link_identities(
    tx: &mut Tx,
    work: &mut SyncWorker<'_>,
    all: &[(&SyncCandidate, UserId)],
) -> Result<(), sqlx::Error> {
    let connection = &work.pool.connection;
    let rows = all.iter().filter_map(|(found, user_id)| {
        Some((user_id.as_str(), found.subject.as_deref()?, found.email.as_str()))
    });
    let issuer = issuer(connection);
    identities::link_many(tx, &connection.account_id, &connection.id, &issuer, rows.collect()).await?;
    work.linked_users += all.len();
    if work.linked_users >= work.next_analyze_at {
        work.next_analyze_at = work.linked_users * 4;
        analyze_tables(tx, &["users", "user_identities"]).await?;
    }
    Ok(())
}

/// Creates users for these candidates. Those that cannot be created, because the address is invalid or
/// taken, are returned as well.
async fn create_users<'f>(
    tx: &mut Tx,
    work: &SyncWorker<'_>,
    missing: Vec<&'f SyncCandidate>,
) -> Result<(Vec<(&'f SyncCandidate, UserId)>, Vec<&'f SyncCandidate>), Error> {
    let profile = |found: &&SyncCandidate| Profile {
        user_name: found.email.clone(),
        email: Some(found.email.clone()),
        given_name: found.names.given_name.clone(),
        family_name: found.names.family_name.clone(),
        display_name: found.names.display_name.clone(),
        active: true,
        ..Profile::default()
    };
    let profiles = missing.iter().map(profile).collect();
    let detail = json!({"connection": work.pool.connection.id});
    let made = users::create_many(tx, &work.context, profiles, &detail).await?;
    let (mut all, mut refused) = (Vec::with_capacity(made.len()), Vec::new());
    for (found, made) in missing.into_iter().zip(made) {
        match made {
            Ok(user_id) => all.push((found, user_id)),
            Err(_) => refused.push(found),
        }
    }
    Ok((all, refused))
}
