//! Which user queries can be relied on when they do not find a user.
//!
//! A query says nothing about users who are missing if it found users at the last sync and finds none now, if the
//! directory did not answer it completely, or if its answer leaves out servers that it did not leave out before. Each
//! query is held on its own, against the users that it found last.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::linked_people::LinkedPerson;
use super::store::QueryRecord;
use crate::idp::connections::UserQuery;
use crate::idp::ldap::model::UserSearch;
use crate::idp::ldap::sync::entry_state::{EntryState, QueryAnswer};
use crate::idp::ldap::sync::member_index::query_key;
use crate::idp::ldap::sync::model::{HeldUserSearch, SyncReport};

/// Why an answer says nothing about users who are missing in it.
enum AnswerDefect {
    /// The directory ended it early, with this error.
    Incomplete(String),
    /// Subtrees on other servers are left out that were not left out before.
    NewReferrals,
    /// It is empty, and was not before.
    Empty,
}

struct AnsweredQuery {
    query: Arc<UserQuery>,
    answer: QueryAnswer,
    /// The last answer that was relied on.
    before: Option<QueryRecord>,
    key: String,
    defect: Option<AnswerDefect>,
    /// The number of users who stay as they are because of the defect.
    held_users: u64,
}

/// The answers to all user queries of a connection.
pub(super) struct SearchEvidence(Vec<AnsweredQuery>);

impl SearchEvidence {
    /// The answers are in the order of the searches. `allow_empty`: an administrator says that answers are right which
    /// are empty or leave out servers.
    pub(super) fn new(
        searches: &[UserSearch],
        answers: Vec<QueryAnswer>,
        records: Vec<QueryRecord>,
        allow_empty: bool,
    ) -> Self {
        let mut records: HashMap<String, QueryRecord> =
            records.into_iter().map(|record| (record.query_key.clone(), record)).collect();
        let all = searches.iter().zip(answers).map(|(search, answer)| {
            let (query, key) = (search.query.clone(), query_key(&search.query));
            let before = records.remove(&key);
            let defect = defect_of(&answer, before.as_ref(), allow_empty);
            AnsweredQuery { query, answer, before, key, defect, held_users: 0 }
        });
        Self(all.collect())
    }

    /// The key of the query at this position.
    pub(super) fn key_of(&self, position: usize) -> &str {
        &self.0[position].key
    }

    /// Whether a user stays as they are because one of their subjects is missing and the answer that should have it
    /// has a defect. Counts the user.
    pub(super) fn holds(&mut self, person: &LinkedPerson, states: &HashMap<u128, EntryState>) -> bool {
        let missing = person.subjects.iter().filter(|subject| !states.contains_key(&subject.key));
        let mut keys = missing.map(|subject| subject.query_key.as_deref());
        let Some(position) = keys.find_map(|key| self.defective_query(key)) else { return false };
        self.0[position].held_users += 1;
        true
    }

    /// The query that found a subject last, if its answer has a defect. If that query is not known or was changed, any
    /// query may be the one that should find the subject.
    fn defective_query(&self, key: Option<&str>) -> Option<usize> {
        let last = self.0.iter().position(|answered| Some(answered.key.as_str()) == key);
        match last {
            Some(position) => self.0[position].defect.as_ref().map(|_| position),
            None => self.0.iter().position(|answered| answered.defect.is_some()),
        }
    }

    /// Whether the queries find all users, as far as is known.
    pub(super) fn has_all_users(&self) -> bool {
        !self.0.iter().any(AnsweredQuery::is_held)
    }

    /// Adds the held queries to the report.
    pub(super) fn report(&self, report: &mut SyncReport) {
        for answered in self.0.iter().filter(|answered| answered.is_held()) {
            report.held_searches.push(HeldUserSearch {
                base_dn: answered.query.base_dn.clone(),
                filter: answered.query.filter.clone(),
                reason: answered.reason(),
                users: answered.held_users,
            });
        }
        let approvable = self.0.iter().filter(|answered| {
            matches!(answered.defect, Some(AnswerDefect::NewReferrals | AnswerDefect::Empty))
        });
        let users: u64 = approvable.map(|answered| answered.held_users).sum();
        if users > 0 {
            report.skip_leavers(&format!(
                "Users who were not deactivated: {users}. A user search returned no users, or left out other servers."
            ));
        }
    }

    /// What to remember of the queries.
    pub(super) fn records(&self) -> Vec<QueryRecord> {
        self.0.iter().filter_map(AnsweredQuery::record).collect()
    }
}

impl AnsweredQuery {
    /// Whether the defect matters. An empty answer does not if all users were found by other queries.
    fn is_held(&self) -> bool {
        match self.defect {
            None => false,
            Some(AnswerDefect::Empty) => self.held_users > 0,
            Some(_) => true,
        }
    }

    fn reason(&self) -> String {
        let check = "Check the base DN, the filter, and what the bind DN may read.";
        match &self.defect {
            Some(AnswerDefect::Incomplete(error)) => format!(
                "The directory did not answer completely: {error}. {check} If the directory limits the size of \
                 answers, raise the limit for the bind DN."
            ),
            Some(AnswerDefect::NewReferrals) => {
                "The directory refers to other servers that were not left out before. \
                 Follow referrals, or add a search base on a server that has these users."
                    .to_owned()
            }
            _ => {
                let before = self.before.as_ref().map_or(0, |record| record.found);
                format!("The search returned no users (last time: {before}). {check}")
            }
        }
    }

    fn record(&self) -> Option<QueryRecord> {
        if self.is_held() {
            return self.before.clone();
        }
        Some(QueryRecord::new(self.key.clone(), self.answer.found, &self.answer.skipped))
    }
}

fn defect_of(answer: &QueryAnswer, before: Option<&QueryRecord>, allow_empty: bool) -> Option<AnswerDefect> {
    if let Some(error) = &answer.refusal {
        return Some(AnswerDefect::Incomplete(error.clone()));
    }
    if allow_empty {
        return None;
    }
    let known: Option<BTreeSet<String>> = before.map(QueryRecord::referrals);
    if known.is_some_and(|known| !answer.skipped.is_subset(&known)) {
        return Some(AnswerDefect::NewReferrals);
    }
    let is_new_or_was_not_empty = before.is_none_or(|record| record.found > 0);
    (answer.found == 0 && is_new_or_was_not_empty).then_some(AnswerDefect::Empty)
}
