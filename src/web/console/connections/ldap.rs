//! The forms on the page of an LDAP connection.

use axum::Form;
use axum::extract::Path;
use axum::response::Response;

use super::detail::redirect_or_rerender;
use super::field;
use crate::admin;
use crate::admin::connections::ConnectionFields;
use crate::idp::connections::{GroupQuery, Jit, UserQuery};
use crate::web::page::split_list;
use crate::web::{AuthenticatedRequest, Error};

/// The fields of a form. The fields of a query repeat once for each query, in order.
pub(super) type LdapFormFields = Vec<(String, String)>;

fn field_values(fields: &LdapFormFields, name: &str) -> Vec<String> {
    fields.iter().filter(|(known, _)| known == name).map(|(_, text)| text.trim().to_owned()).collect()
}

/// The rows of a repeated group of fields, each with the values of `names`. Rows without a base DN, the
/// first value, are dropped.
fn rows<const N: usize>(fields: &LdapFormFields, names: [&str; N]) -> Vec<[String; N]> {
    let columns = names.map(|name| field_values(fields, name));
    let row = |at: usize| columns.each_ref().map(|column| column.get(at).cloned().unwrap_or_default());
    (0..columns[0].len()).map(row).filter(|row| !row[0].is_empty()).collect()
}

/// Replaces default values by the submitted ones that are not empty.
fn override_defaults<const N: usize>(places: [&mut String; N], typed: [String; N]) {
    for (place, text) in places.into_iter().zip(typed) {
        if !text.is_empty() {
            *place = text;
        }
    }
}

fn user_queries(fields: &LdapFormFields) -> Vec<UserQuery> {
    let names = ["user_base_dn", "user_filter", "user_name", "user_email", "user_member_of"];
    let query = |[base_dn, filter, name, email, member_of]: [String; 5]| {
        let mut query = UserQuery::below(base_dn);
        let UserQuery { filter: f, name_attribute: n, email_attribute: e, member_of_attribute: m, .. } =
            &mut query;
        override_defaults([f, n, e, m], [filter, name, email, member_of]);
        query
    };
    rows(fields, names).into_iter().map(query).collect()
}

fn group_queries(fields: &LdapFormFields) -> Vec<GroupQuery> {
    let names = ["group_base_dn", "group_filter", "group_name", "group_description"];
    let query = |[base_dn, filter, name, description]: [String; 4]| {
        let mut query = GroupQuery::below(base_dn);
        let GroupQuery { filter: f, name_attribute: n, description_attribute: d, .. } = &mut query;
        override_defaults([f, n, d], [filter, name, description]);
        query
    };
    rows(fields, names).into_iter().map(query).collect()
}

pub(super) fn parse_form(fields: &LdapFormFields) -> Result<ConnectionFields, Error> {
    let text = |name: &str| field(fields, name);
    let optional = |name: &str| Some(text(name)).filter(|text| !text.is_empty());
    let checked = |name: &str| Some(!text(name).is_empty());
    let number = |name: &'static str| match text(name).trim() {
        "" => Ok(None),
        digits => digits.parse::<u64>().map(Some).map_err(|_| Error::invalid(name, "must be a number")),
    };
    Ok(ConnectionFields {
        name: Some(text("name")),
        display_name: Some(text("display_name")),
        position: text("position").trim().parse().ok(),
        is_default: checked("is_default"),
        email_domains: Some(split_list(&text("email_domains"))),
        url: Some(text("url")),
        start_tls: checked("start_tls"),
        ca_certificate: Some(text("ca_certificate")),
        referrals: checked("referrals"),
        max_hops: number("max_hops")?.map(|hops| u32::try_from(hops).unwrap_or(u32::MAX)),
        connect_timeout_ms: number("connect_timeout_ms")?,
        response_timeout_ms: number("response_timeout_ms")?,
        bind_dn: Some(text("bind_dn")),
        bind_password: optional("bind_password"),
        nested: checked("nested"),
        user_queries: Some(user_queries(fields)),
        group_queries: Some(group_queries(fields)),
        schedule: optional("schedule"),
        update_names: checked("update_names"),
        jit: Some(Jit {
            enabled: !text("jit").is_empty(),
            key: optional("jit_key"),
            value: optional("jit_value"),
        }),
        group_sync: checked("group_sync"),
        ..ConnectionFields::default()
    })
}

pub(crate) async fn save(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(fields): Form<LdapFormFields>,
) -> Result<Response, Error> {
    let done = async {
        let wanted = parse_form(&fields)?;
        admin::connections::change(&request.admin(), &id, wanted).await?;
        Ok::<_, Error>(())
    };
    redirect_or_rerender(&request, &id, "connection_saved", done.await).await
}
