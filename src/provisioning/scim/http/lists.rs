//! Lists of users and of groups: the same filter, order, page and projection for both.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::super::error::{Error, ScimType};
use super::super::json::Object;
use super::super::order::{Sort, Start};
use super::super::outgoing::{Listing, Resource};
use super::super::query::{MAX_SCAN, Plan, Query};
use super::super::trace::Trace;
use super::super::{group, user};
use super::{Provisioner, answer_text, base};
use crate::directory::Window;
use crate::directory::groups::{self, Group};
use crate::directory::users::{self, Names, Places, User};
use crate::kernel::Kernel;

/// A kind of resource that is listed.
pub(super) trait Listed: Sized {
    /// A condition that an index answers.
    type Match: Send + Sync;
    /// The attribute by which an index keeps them in order, beside the order in which they were made.
    const SORTED_BY: &'static str;
    /// Splits the filter.
    fn plan(query: &Query) -> Result<Plan<Self::Match>, Error>;
    /// A part of those that match.
    async fn window(
        kernel: &Kernel,
        client: &Provisioner,
        matches: &[Self::Match],
        window: &Window<'_>,
    ) -> Result<Vec<Self>, sqlx::Error>;
    /// How many match: exact, counted in an index.
    async fn count(
        kernel: &Kernel,
        client: &Provisioner,
        matches: &[Self::Match],
    ) -> Result<i64, sqlx::Error>;
    /// Its id.
    fn id(&self) -> &str;
    /// Its place in the order of [`Listed::SORTED_BY`].
    fn sort_key(&self) -> String;
    /// What filters and orders look at.
    fn plain(&self) -> Object;
    /// As the client sees it.
    async fn show<'a>(
        &'a self,
        kernel: &Kernel,
        client: &Provisioner,
        query: &Query,
    ) -> Result<Resource<'a>, Error>;
}

impl Listed for User {
    type Match = users::Match;
    const SORTED_BY: &'static str = "username";

    fn plan(query: &Query) -> Result<Plan<Self::Match>, Error> {
        query.plan_users()
    }

    async fn window(
        kernel: &Kernel,
        client: &Provisioner,
        matches: &[Self::Match],
        window: &Window<'_>,
    ) -> Result<Vec<Self>, sqlx::Error> {
        if let [users::Match::UserName(name)] = matches
            && Names::finds(name, window)
        {
            let found = client.users.names.find(&kernel.db, client.account(), name).await?;
            return Ok(found.into_iter().collect());
        }
        let c = &mut *kernel.db.read().await?;
        if matches.is_empty() && Places::finds(window) {
            return client.users.places.window(c, client.account(), window, kernel.clock.now()).await;
        }
        users::window(c, client.account(), matches, window).await
    }

    async fn count(
        kernel: &Kernel,
        client: &Provisioner,
        matches: &[Self::Match],
    ) -> Result<i64, sqlx::Error> {
        let c = &mut *kernel.db.read().await?;
        if matches.is_empty() {
            return client.users.totals.of(c, client.account(), kernel.clock.now()).await;
        }
        users::count(c, client.account(), matches).await
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn sort_key(&self) -> String {
        crate::directory::fold(&self.user_name)
    }

    fn plain(&self) -> Object {
        user::represent(self, None, "").into_object()
    }

    async fn show<'a>(
        &'a self,
        kernel: &Kernel,
        client: &Provisioner,
        query: &Query,
    ) -> Result<Resource<'a>, Error> {
        let groups = if query.asks_for("groups") {
            Some(groups::of_user(&mut *kernel.db.read().await?, client.account(), &self.id).await?)
        } else {
            None
        };
        Ok(query.project(user::represent(self, groups.as_deref(), &base(kernel))))
    }
}

impl Listed for Group {
    type Match = groups::Match;
    const SORTED_BY: &'static str = "displayname";

    fn plan(query: &Query) -> Result<Plan<Self::Match>, Error> {
        query.plan_groups()
    }

    async fn window(
        kernel: &Kernel,
        client: &Provisioner,
        matches: &[Self::Match],
        window: &Window<'_>,
    ) -> Result<Vec<Self>, sqlx::Error> {
        groups::window(&mut *kernel.db.read().await?, client.account(), matches, window).await
    }

    async fn count(
        kernel: &Kernel,
        client: &Provisioner,
        matches: &[Self::Match],
    ) -> Result<i64, sqlx::Error> {
        groups::count(&mut *kernel.db.read().await?, client.account(), matches).await
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn sort_key(&self) -> String {
        crate::directory::fold(&self.name)
    }

    fn plain(&self) -> Object {
        group::represent(self, None, "")
    }

    async fn show<'a>(
        &'a self,
        kernel: &Kernel,
        _: &Provisioner,
        query: &Query,
    ) -> Result<Resource<'a>, Error> {
        let shown = super::groups::represent(kernel, &mut *kernel.db.read().await?, self, query).await?;
        Ok(query.project(shown.into()))
    }
}

/// A part of a list.
pub(super) struct Part {
    /// The resources as the client sees them.
    pub(super) resources: Listing,
    /// How many there are in all.
    pub(super) total: i64,
    /// Where the next page begins, for those who go by cursor; none on the last one.
    pub(super) next: Option<String>,
}

/// The part of a list that a query asks for.
pub(super) async fn find<T: Listed>(
    kernel: &Kernel,
    client: &Provisioner,
    query: &Query,
    (start, limit): (&Start, i64),
) -> Result<Part, Error> {
    let (plan, sort) = (T::plan(query)?, query.sort()?);
    let by_index = match sort.as_ref().map(Sort::name) {
        None => Some(false),
        Some(name) if name.as_deref() == Some(T::SORTED_BY) => Some(true),
        Some(_) => None,
    };
    let (mut page, total, key): (Vec<T>, i64, fn(&T) -> String) = match (&plan.rest, by_index) {
        (None, Some(sorted)) => {
            let descending = sort.as_ref().is_some_and(|sort| sort.descending);
            let window = Window { descending, ..window(sorted, start, limit) };
            let page = T::window(kernel, client, &plan.matches, &window).await?;
            let total = match known_total(start, page.len(), limit) {
                Some(total) => total,
                None => T::count(kernel, client, &plan.matches).await?,
            };
            (page, total, if sorted { T::sort_key } else { |one| one.id().to_owned() })
        }
        (rest, _) => {
            let all = Window { limit: MAX_SCAN + 1, ..Window::default() };
            let mut found = T::window(kernel, client, &plan.matches, &all).await?;
            if i64::try_from(found.len()).unwrap_or(i64::MAX) > MAX_SCAN {
                return Err(too_many());
            }
            found.retain(|one| rest.as_ref().is_none_or(|rest| rest.matches(&one.plain())));
            if let Some(sort) = &sort {
                sort.apply(&mut found, T::plain);
            }
            let total = i64::try_from(found.len()).unwrap_or(i64::MAX);
            (cut(found, start, limit)?, total, |_| String::new())
        }
    };
    // One more was read, to know whether there is a next page.
    let limit = usize::try_from(limit).unwrap_or(0);
    let has_more = page.len() > limit;
    page.truncate(limit);
    let last = page.last().filter(|_| has_more && start.is_cursor());
    let next = last.map(|last| Start::cursor(&key(last), last.id()));
    let mut resources = Listing::default();
    for one in &page {
        resources.push(&one.show(kernel, client, query).await?);
    }
    Ok(Part { resources, total, next })
}

/// How many there are in all, where the page itself says so: it holds something, and the last of them.
fn known_total(start: &Start, shown: usize, limit: i64) -> Option<i64> {
    let shown = i64::try_from(shown).ok()?;
    let skipped = match start {
        Start::Offset(offset) => *offset,
        Start::Beginning => 0,
        Start::After(..) => return None,
    };
    (shown <= limit && (shown > 0 || skipped == 0)).then_some(skipped + shown)
}

fn window(sorted: bool, start: &Start, limit: i64) -> Window<'_> {
    let whole = Window { sorted, limit: limit + 1, ..Window::default() };
    match start {
        Start::Offset(offset) => Window { offset: *offset, ..whole },
        Start::Beginning => whole,
        Start::After(key, id) => Window { after: Some((key, id)), ..whole },
    }
}

/// The page of a list that is in memory, and one more.
fn cut<T: Listed>(found: Vec<T>, start: &Start, limit: i64) -> Result<Vec<T>, Error> {
    let skip = match start {
        Start::Offset(offset) => usize::try_from(*offset).unwrap_or(usize::MAX),
        Start::Beginning => 0,
        Start::After(_, id) => {
            let detail =
                "What the cursor stands at is not in the list any more. Begin again with an empty one.";
            let at = found.iter().position(|one| one.id() == id);
            at.ok_or_else(|| Error::bad(ScimType::ExpiredCursor, detail))? + 1
        }
    };
    Ok(found.into_iter().skip(skip).take(usize::try_from(limit + 1).unwrap_or(0)).collect())
}

/// Too many candidates to look at is the client's error.
fn too_many() -> Error {
    let detail = "This filter or order would look through too many resources. Filter by userName, externalId, id or \
                  displayName with eq, and sort users by userName and groups by displayName.";
    Error::bad(ScimType::TooMany, detail)
}

/// The list with its part, as a response.
pub(super) fn list_answer(part: &Part, start: &Start, query: &Query) -> Response {
    let place = match (start, &part.next) {
        (Start::Offset(offset), _) => format!(r#","startIndex":{}"#, offset + 1),
        (_, Some(next)) => format!(r#","nextCursor":{}"#, Value::from(next.as_str())),
        _ => String::new(),
    };
    let head = format!(
        r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":{},"itemsPerPage":{}{place},"Resources":["#,
        part.total, part.resources.count,
    );
    let body = [head.as_bytes(), &part.resources.text, b"]}"].concat();
    let mut response = answer_text(StatusCode::OK, body);
    let subject = query.looked_for().unwrap_or_default();
    let note = format!("{} found", part.total);
    response.extensions_mut().insert(Trace { subject, note, ..Trace::default() });
    response
}
