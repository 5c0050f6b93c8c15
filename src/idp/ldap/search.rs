//! Searches: paged results, referrals, and attributes that are returned in ranges.

use std::collections::BTreeSet;

use ldap3::adapters::{Adapter, PagedResults};
use ldap3::{Ldap, Scope, SearchOptions, SearchStream};
use url::Url;

use super::error::{Error, with_timeout};
use super::model::{AttributeNames, LdapEntry};
use super::pool::{LdapConn, LdapPool};
use crate::kernel::Kernel;

/// The number of entries in a page (RFC 2696).
const PAGE: i32 = 500;
/// The limit on values of one attribute, more than the members of any group.
const MAX_VALUES: usize = 2_000_000;

/// What to search for.
#[derive(Debug, Clone, Copy)]
pub(super) struct LdapSearchRequest<'a> {
    pub(super) base: &'a str,
    pub(super) scope: Scope,
    pub(super) filter: &'a str,
    pub(super) attributes: &'a AttributeNames,
    /// The number of entries after which to stop; 0 for no limit.
    limit: i32,
}

impl<'a> LdapSearchRequest<'a> {
    /// All entries below `base` that match `filter`.
    pub(super) fn below(base: &'a str, filter: &'a str, attributes: &'a AttributeNames) -> Self {
        Self { base, scope: Scope::Subtree, filter, attributes, limit: 0 }
    }

    /// The entry with this DN.
    pub(super) fn at(dn: &'a str, attributes: &'a AttributeNames) -> Self {
        Self { base: dn, scope: Scope::Base, filter: "(objectClass=*)", attributes, limit: 0 }
    }
}

impl LdapEntry {
    /// All values of an attribute that may be returned in ranges, such as `member;range=0-1499` (MS-ADTS
    /// §3.1.1.3.1.3.3).
    pub(super) async fn fetch_all_values(
        &self,
        conn: &mut LdapConn,
        pool: &LdapPool,
        name: &str,
    ) -> Result<Vec<String>, Error> {
        let mut values = self.all(name).to_vec();
        let mut next = self.range(name).map(|(end, more)| {
            values.extend_from_slice(more);
            end
        });
        while let Some(Some(end)) = next {
            let wanted = vec![format!("{name};range={}-*", end + 1)];
            let search = conn.ldap.search(&self.dn, Scope::Base, "(objectClass=*)", wanted);
            let (found, _) = with_timeout(pool.response_timeout(), search).await?.success()?;
            let Some(entry) = found.into_iter().map(Self::from_result).next() else { break };
            let before = values.len();
            next = entry.range(name).map(|(end, more)| {
                values.extend_from_slice(more);
                end
            });
            if values.len() == before || values.len() > MAX_VALUES {
                break;
            }
        }
        Ok(values)
    }
}

/// A search in progress. It returns one entry at a time, reads page by page, and follows referrals to other
/// servers.
pub(super) struct PagedSearch<'q> {
    request: LdapSearchRequest<'q>,
    results: Option<SearchStream<'static, String, AttributeNames>>,
    /// The server of the referral that is being followed, and the connection to it.
    referral: Option<(String, LdapConn)>,
    hops: u32,
    pending_referrals: Vec<(String, u32)>,
    skipped: BTreeSet<String>,
}

impl<'q> PagedSearch<'q> {
    /// Starts the search on a connection.
    pub(super) async fn begin(
        pool: &LdapPool,
        conn: &mut LdapConn,
        request: LdapSearchRequest<'q>,
    ) -> Result<Self, Error> {
        let results = Some(send_search(pool, &mut conn.ldap, request.base, request).await?);
        let (pending_referrals, skipped) = (Vec::new(), BTreeSet::new());
        Ok(Self { request, results, referral: None, hops: 0, pending_referrals, skipped })
    }

    /// The subtrees of the referrals that were not followed, without the servers: each server of a directory may
    /// name another one for the same subtree.
    pub(super) fn into_skipped(self) -> BTreeSet<String> {
        self.skipped
    }

    /// The next entry; `None` at the end.
    pub(super) async fn next(
        &mut self,
        kernel: &Kernel,
        pool: &LdapPool,
    ) -> Result<Option<LdapEntry>, Error> {
        loop {
            let Some(results) = &mut self.results else {
                if !self.follow_referral(kernel, pool).await? {
                    return Ok(None);
                }
                continue;
            };
            match with_timeout(pool.response_timeout(), results.next()).await? {
                Some(found) if found.is_ref() => {
                    let named = ldap3::parse_refs(found.0).into_iter().next();
                    self.pending_referrals.extend(named.map(|url| (url, self.hops + 1)));
                }
                Some(found) if found.is_intermediate() => {}
                Some(found) => {
                    let mut entry = LdapEntry::from_result(found);
                    entry.referral_server = self.referral.as_ref().map(|(server, _)| server.clone());
                    return Ok(Some(entry));
                }
                None => {
                    let result = results.finish().await;
                    self.results = None;
                    match result.rc {
                        0 => {}
                        10 => self
                            .pending_referrals
                            .extend(result.refs.into_iter().next().map(|url| (url, self.hops + 1))),
                        _ => return Err(result.into()),
                    }
                }
            }
        }
    }

    /// Continues the search at the next pending referral, if referrals are followed. Returns false if there
    /// is none.
    async fn follow_referral(&mut self, kernel: &Kernel, pool: &LdapPool) -> Result<bool, Error> {
        while let Some((url, hops)) = self.pending_referrals.pop() {
            if !pool.connection.settings.referrals || hops > pool.connection.settings.max_hops {
                self.skipped.insert(subtree(&url));
                continue;
            }
            let Some(referral) = Referral::parse(&url, self.request) else {
                self.skipped.insert(subtree(&url));
                continue;
            };
            let server = referral.server(pool);
            let mut conn = pool.connect_to(kernel, &server, true).await?;
            self.results = Some(send_search(pool, &mut conn.ldap, &referral.base, self.request).await?);
            self.referral = Some((server, conn));
            self.hops = hops;
            return Ok(true);
        }
        Ok(false)
    }

    /// Abandons the search on the server.
    async fn abandon(mut self) {
        if let Some(results) = &mut self.results {
            let id = results.ldap_handle().last_id();
            // If the server is gone, there is nothing to abandon.
            let _ = results.ldap_handle().abandon(id).await;
        }
    }
}

async fn send_search(
    pool: &LdapPool,
    ldap: &mut Ldap,
    base: &str,
    request: LdapSearchRequest<'_>,
) -> Result<SearchStream<'static, String, AttributeNames>, Error> {
    let LdapSearchRequest { scope, filter, attributes, limit, .. } = request;
    let mut pages: Vec<Box<dyn Adapter<'static, String, AttributeNames>>> = Vec::new();
    if (1..=PAGE).contains(&limit) {
        // With a size limit, the server stops by itself and keeps no state for another page.
        ldap.with_search_options(SearchOptions::new().sizelimit(limit));
    } else {
        pages.push(Box::new(PagedResults::new(PAGE)));
    }
    let asking = ldap.streaming_search_with(pages, base, scope, filter, attributes.clone());
    with_timeout(pool.response_timeout(), asking).await
}

/// At most `limit` entries.
pub(super) async fn search_up_to(
    kernel: &Kernel,
    pool: &LdapPool,
    conn: &mut LdapConn,
    request: LdapSearchRequest<'_>,
    limit: u16,
) -> Result<Vec<LdapEntry>, Error> {
    let request = LdapSearchRequest { limit: limit.into(), ..request };
    let mut walk = PagedSearch::begin(pool, conn, request).await?;
    let mut found = Vec::new();
    loop {
        match walk.next(kernel, pool).await {
            Ok(Some(entry)) if found.len() < limit.into() => found.push(entry),
            Ok(Some(_)) => {
                walk.abandon().await;
                return Ok(found);
            }
            Ok(None) => return Ok(found),
            // A server that stops at its own limit has returned enough entries.
            Err(Error::Refused { code: 4 | 11, .. }) if !found.is_empty() => return Ok(found),
            Err(error) => return Err(error),
        }
    }
}

fn subtree(url: &str) -> String {
    Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.path().to_lowercase())
}

/// A referral to another server (RFC 4516).
struct Referral {
    url: Url,
    base: String,
}

impl Referral {
    fn parse(text: &str, request: LdapSearchRequest<'_>) -> Option<Self> {
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "ldap" | "ldaps"))?;
        let named = ldap3::get_url_params(&url).ok()?.base.into_owned();
        let base = if named.is_empty() { request.base.to_owned() } else { named };
        Some(Self { url, base })
    }

    /// The URL of the server, without the base DN. If all configured servers use `ldaps`, a referral never
    /// leads to an unencrypted connection.
    fn server(&self, pool: &LdapPool) -> String {
        let is_ldaps = pool.connection.settings.urls.iter().all(|url| url.starts_with("ldaps:"));
        let host = self.url.host_str().unwrap_or_default();
        let scheme = if is_ldaps { "ldaps" } else { self.url.scheme() };
        let port = match self.url.port() {
            Some(port) => format!(":{port}"),
            None => String::new(),
        };
        format!("{scheme}://{host}{port}")
    }
}
