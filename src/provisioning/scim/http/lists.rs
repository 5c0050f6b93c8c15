//! Lists of users and groups. Filter, sorting, pagination and projection work the same way for both.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use vestibule_scim::ScimType;
use vestibule_scim::json::{self, JsonObject};
use vestibule_scim::limits::MAX_SCAN;
use vestibule_scim::query::{QueryPlan, ScimQuery};
use vestibule_scim::resource::{ListWriter, Resource};
use vestibule_scim::sorting::{PageStart, Sort};

use super::scim_text_response;
use crate::directory::PageRequest;
use crate::directory::groups::{self, Group};
use crate::directory::users::{self, User, UserLoader, UserOffsetIndex};
use crate::kernel::Kernel;
use crate::provisioning::scim::error::Error;
use crate::provisioning::scim::model::{Provisioner, base_url};
use crate::provisioning::scim::trace::Trace;
use crate::provisioning::scim::{group, user};

/// A list request of a provisioning client.
pub(super) struct ListRequest<'a> {
    pub(super) kernel: &'a Kernel,
    pub(super) client: &'a Provisioner,
    pub(super) query: &'a ScimQuery,
}

/// A kind of resource that can be listed.
pub(super) trait Listable: Sized {
    /// A condition that an index answers.
    type Condition: Send + Sync;
    /// The attribute with a sorted index, besides the order of creation.
    const SORTED_BY: &'static str;
    /// Splits the filter into indexed conditions and a residual filter.
    fn plan(query: &ScimQuery) -> Result<QueryPlan<Self::Condition>, Error>;
    /// A page of the matching resources.
    async fn fetch_page(
        request: &ListRequest<'_>,
        matches: &[Self::Condition],
        window: &PageRequest<'_>,
    ) -> Result<Vec<Self>, sqlx::Error>;
    /// The exact number of matching resources, counted in an index.
    async fn count(request: &ListRequest<'_>, matches: &[Self::Condition]) -> Result<i64, sqlx::Error>;
    /// The resource's id.
    fn id(&self) -> &str;
    /// The resource's key in the order of [`Listable::SORTED_BY`].
    fn sort_key(&self) -> String;
    /// The resource as an object that filters and sorting evaluate.
    fn to_object(&self) -> JsonObject;
    /// The resource as the client sees it.
    async fn to_resource<'a>(&'a self, request: &ListRequest<'_>) -> Result<Resource<'a>, Error>;
}

impl Listable for User {
    type Condition = users::UserCondition;
    const SORTED_BY: &'static str = "username";

    fn plan(query: &ScimQuery) -> Result<QueryPlan<Self::Condition>, Error> {
        use users::UserCondition as Condition;
        Ok(query.plan(|attribute, value| match (attribute, value) {
            ("id", Value::String(id)) => Some(Condition::Id(id.clone())),
            ("username", Value::String(name)) => Some(Condition::UserName(name.clone())),
            ("externalid", Value::String(id)) => Some(Condition::ExternalId(id.clone())),
            // The index contains only the primary address, which is the one that identifies the user.
            ("emails" | "emails.value", Value::String(email)) => Some(Condition::Email(email.clone())),
            ("groups" | "groups.value", Value::String(id)) => Some(Condition::Group(id.clone())),
            ("active", flag) => json::boolean(flag).map(Condition::Active),
            _ => None,
        })?)
    }

    async fn fetch_page(
        request: &ListRequest<'_>,
        matches: &[Self::Condition],
        window: &PageRequest<'_>,
    ) -> Result<Vec<Self>, sqlx::Error> {
        if let [users::UserCondition::UserName(name)] = matches
            && UserLoader::can_load(name, window)
        {
            let found = request
                .client
                .user_caches
                .names
                .load_by_name(&request.kernel.db, request.client.account_id(), name)
                .await?;
            return Ok(found.into_iter().collect());
        }
        let c = &mut *request.kernel.db.read().await?;
        if matches.is_empty() && UserOffsetIndex::can_serve(window) {
            return request
                .client
                .user_caches
                .offsets
                .list_page(c, request.client.account_id(), window, request.kernel.clock.now())
                .await;
        }
        users::list_page(c, request.client.account_id(), matches, window).await
    }

    async fn count(request: &ListRequest<'_>, matches: &[Self::Condition]) -> Result<i64, sqlx::Error> {
        let c = &mut *request.kernel.db.read().await?;
        if matches.is_empty() {
            return request
                .client
                .user_caches
                .totals
                .count(c, request.client.account_id(), request.kernel.clock.now())
                .await;
        }
        users::count(c, request.client.account_id(), matches).await
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn sort_key(&self) -> String {
        crate::directory::fold_case(&self.user_name)
    }

    fn to_object(&self) -> JsonObject {
        user::represent(self, None, "").into_object()
    }

    async fn to_resource<'a>(&'a self, request: &ListRequest<'_>) -> Result<Resource<'a>, Error> {
        let groups = if request.query.asks_for("groups") {
            Some(
                groups::of_user(&mut *request.kernel.db.read().await?, request.client.account_id(), &self.id)
                    .await?,
            )
        } else {
            None
        };
        Ok(request.query.project(user::represent(self, groups.as_deref(), &base_url(request.kernel))))
    }
}

impl Listable for Group {
    type Condition = groups::GroupCondition;
    const SORTED_BY: &'static str = "displayname";

    fn plan(query: &ScimQuery) -> Result<QueryPlan<Self::Condition>, Error> {
        use groups::GroupCondition as Condition;
        Ok(query.plan(|attribute, value| match (attribute, value) {
            ("id", Value::String(id)) => Some(Condition::Id(id.clone())),
            ("displayname", Value::String(name)) => Some(Condition::Name(name.clone())),
            ("externalid", Value::String(id)) => Some(Condition::ExternalId(id.clone())),
            ("members" | "members.value", Value::String(id)) => Some(Condition::Member(id.clone())),
            _ => None,
        })?)
    }

    async fn fetch_page(
        request: &ListRequest<'_>,
        matches: &[Self::Condition],
        window: &PageRequest<'_>,
    ) -> Result<Vec<Self>, sqlx::Error> {
        groups::list_page(&mut *request.kernel.db.read().await?, request.client.account_id(), matches, window)
            .await
    }

    async fn count(request: &ListRequest<'_>, matches: &[Self::Condition]) -> Result<i64, sqlx::Error> {
        groups::count(&mut *request.kernel.db.read().await?, request.client.account_id(), matches).await
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn sort_key(&self) -> String {
        crate::directory::fold_case(&self.name)
    }

    fn to_object(&self) -> JsonObject {
        group::represent(self, None, "")
    }

    async fn to_resource<'a>(&'a self, request: &ListRequest<'_>) -> Result<Resource<'a>, Error> {
        let c = &mut *request.kernel.db.read().await?;
        let shown = group::load_resource(request.kernel, c, self, request.query).await?;
        Ok(request.query.project(shown.into()))
    }
}

/// A page of a list response.
pub(super) struct ScimListPage {
    /// The resources as the client sees them.
    pub(super) resources: ListWriter,
    /// The total number of matching resources.
    pub(super) total: i64,
    /// The cursor of the next page, for clients that use cursors; `None` on the last page.
    pub(super) next: Option<String>,
}

/// Resources that were found, one more than the page holds if there are more.
struct FoundPage<T> {
    found: Vec<T>,
    /// The total number of matching resources.
    total: i64,
    /// The sort key of a resource, for the cursor that continues after it.
    key: fn(&T) -> String,
}

impl ListRequest<'_> {
    /// The requested page.
    pub(super) async fn find_page<T: Listable>(
        &self,
        start: &PageStart,
        limit: i64,
    ) -> Result<ScimListPage, Error> {
        let (plan, sort) = (T::plan(self.query)?, self.query.sort()?);
        let sorts_by_index = match sort.as_ref().map(Sort::name) {
            None => Some(false),
            Some(name) if name.as_deref() == Some(T::SORTED_BY) => Some(true),
            Some(_) => None,
        };
        let page = match (&plan.residual, sorts_by_index) {
            (None, Some(sorted)) => {
                let descending = sort.as_ref().is_some_and(|sort| sort.descending);
                let window = PageRequest { descending, ..page_window(sorted, start, limit) };
                self.read_indexed::<T>(&plan.conditions, &window, start, limit).await?
            }
            _ => self.read_scanned::<T>(&plan, sort.as_ref(), start, limit).await?,
        };
        let FoundPage { mut found, total, key } = page;
        // One more than the limit was read, to know whether there is a next page.
        let limit = usize::try_from(limit).unwrap_or(0);
        let has_more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().filter(|_| has_more && start.is_cursor());
        let next = last.map(|last| PageStart::encode_cursor(&key(last), last.id()));
        let mut resources = ListWriter::default();
        for one in &found {
            resources.push(&one.to_resource(self).await?);
        }
        Ok(ScimListPage { resources, total, next })
    }

    /// The page when indexes answer both filter and sorting.
    async fn read_indexed<T: Listable>(
        &self,
        conditions: &[T::Condition],
        window: &PageRequest<'_>,
        start: &PageStart,
        limit: i64,
    ) -> Result<FoundPage<T>, Error> {
        let found = T::fetch_page(self, conditions, window).await?;
        let total = match known_total(start, found.len(), limit) {
            Some(total) => total,
            None => T::count(self, conditions).await?,
        };
        let key = if window.sort_by_name { T::sort_key } else { |one: &T| one.id().to_owned() };
        Ok(FoundPage { found, total, key })
    }

    /// The page when every candidate must be evaluated in memory.
    async fn read_scanned<T: Listable>(
        &self,
        plan: &QueryPlan<T::Condition>,
        sort: Option<&Sort>,
        start: &PageStart,
        limit: i64,
    ) -> Result<FoundPage<T>, Error> {
        let all = PageRequest { limit: MAX_SCAN + 1, ..PageRequest::default() };
        let mut found = T::fetch_page(self, &plan.conditions, &all).await?;
        if i64::try_from(found.len()).unwrap_or(i64::MAX) > MAX_SCAN {
            return Err(too_many());
        }
        found.retain(|one| plan.residual.as_ref().is_none_or(|rest| rest.matches(&one.to_object())));
        if let Some(sort) = sort {
            sort.apply(&mut found, T::to_object);
        }
        let total = i64::try_from(found.len()).unwrap_or(i64::MAX);
        Ok(FoundPage { found: slice_page(found, start, limit)?, total, key: |_| String::new() })
    }
}

/// The total, if it follows from the page itself: the page contains the last resource.
fn known_total(start: &PageStart, shown: usize, limit: i64) -> Option<i64> {
    let shown = i64::try_from(shown).ok()?;
    let skipped = match start {
        PageStart::Offset(offset) => *offset,
        PageStart::Beginning => 0,
        PageStart::After(..) => return None,
    };
    (shown <= limit && (shown > 0 || skipped == 0)).then_some(skipped + shown)
}

fn page_window(sorted: bool, start: &PageStart, limit: i64) -> PageRequest<'_> {
    let whole = PageRequest { sort_by_name: sorted, limit: limit + 1, ..PageRequest::default() };
    match start {
        PageStart::Offset(offset) => PageRequest { offset: *offset, ..whole },
        PageStart::Beginning => whole,
        PageStart::After(key, id) => PageRequest { after: Some((key, id)), ..whole },
    }
}

/// A page of a list that is in memory, and one resource more.
fn slice_page<T: Listable>(found: Vec<T>, start: &PageStart, limit: i64) -> Result<Vec<T>, Error> {
    let skip = match start {
        PageStart::Offset(offset) => usize::try_from(*offset).unwrap_or(usize::MAX),
        PageStart::Beginning => 0,
        PageStart::After(_, id) => {
            let detail = "The cursor has expired: its resource is no longer in the list. Start again with an \
                          empty cursor.";
            let at = found.iter().position(|one| one.id() == id);
            at.ok_or_else(|| Error::bad(ScimType::ExpiredCursor, detail))? + 1
        }
    };
    Ok(found.into_iter().skip(skip).take(usize::try_from(limit + 1).unwrap_or(0)).collect())
}

/// The error for a filter or sort order with too many candidates.
fn too_many() -> Error {
    let detail = "This filter or sort order would examine too many resources. Filter by userName, \
                  externalId, id or displayName with eq, and sort users by userName and groups by \
                  displayName.";
    Error::bad(ScimType::TooMany, detail)
}

/// The list response of a page.
pub(super) fn list_response(part: &ScimListPage, start: &PageStart, query: &ScimQuery) -> Response {
    let place = match (start, &part.next) {
        (PageStart::Offset(offset), _) => format!(r#","startIndex":{}"#, offset + 1),
        (_, Some(next)) => format!(r#","nextCursor":{}"#, Value::from(next.as_str())),
        _ => String::new(),
    };
    let head = format!(
        r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":{},"itemsPerPage":{}{place},"Resources":["#,
        part.total, part.resources.count,
    );
    let body = [head.as_bytes(), &part.resources.text, b"]}"].concat();
    let mut response = scim_text_response(StatusCode::OK, body);
    let subject = query.searched_value().unwrap_or_default();
    let note = format!("{} found", part.total);
    response.extensions_mut().insert(Trace { subject, note, ..Trace::default() });
    response
}
