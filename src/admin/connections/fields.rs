//! The fields of a connection in the console's forms and the API's bodies.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::admin::Error;
use crate::idp::connections::{
    AttributeMapping, Binding, ClientAuth, Comparison, ConnectionKind, ExtraAttribute, Graph, GroupQuery,
    Jit, LdapSettings, NameIdFormat, OidcSettings, Preset, SamlSettings, ScimSettings, UserQuery, Vendor,
};
use crate::idp::saml::Certificate;

/// A connection to be made or changed; members not given stay as they are. An empty text clears one.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say it; a comment would become part of the OpenAPI document")]
pub struct ConnectionFields {
    /// Its protocol. Needed to make one, and stays.
    pub kind: Option<ConnectionKind>,
    /// The id it will have, where its addresses had to be known before.
    #[serde(skip)]
    pub reserved_id: Option<String>,
    /// Its name: letters, digits and `_-. `. Needed to make one.
    pub name: Option<String>,
    /// On or off. One that is made begins switched off, but for provisioning.
    pub enabled: Option<bool>,
    /// Switch on although no test of it succeeded yet.
    pub override_untested: bool,
    /// Whether people are sent here whose domain leads nowhere else.
    pub is_default: Option<bool>,
    /// Its place on the sign-in page, from the top.
    pub position: Option<i64>,
    /// Domains whose addresses sign in here.
    pub email_domains: Option<Vec<String>>,
    /// OIDC: the issuer, exactly as the provider writes it; for GitHub and Bitbucket the address of the site …
    pub issuer: Option<String>,
    /// … or a provider whose addresses are known.
    pub preset: Option<Preset>,
    /// OIDC: what the provider calls this application.
    pub client_id: Option<String>,
    /// OIDC: the secret that goes with it. Never shown again.
    pub client_secret: Option<String>,
    /// OIDC: how the two are shown to the provider; an empty text leaves it to what the provider says.
    pub client_auth: Option<String>,
    /// OIDC: where the provider's API is, when it is not where the preset says.
    pub api_url: Option<String>,
    /// OIDC: scopes to ask for beside the usual ones.
    pub scopes: Option<Vec<String>>,
    /// Entra ID: the tenants whose people may come.
    pub tenants: Option<Vec<String>>,
    /// Google: the Workspace domains whose people may come.
    pub hosted_domains: Option<Vec<String>>,
    /// OIDC: whether addresses count as verified although the provider does not say so.
    pub trust_email: Option<bool>,
    /// LDAP: the servers, `ldaps://host` or `ldap://host`, with spaces between several.
    pub url: Option<String>,
    /// LDAP: as whom the directory is searched; empty for nobody.
    pub bind_dn: Option<String>,
    /// LDAP: the password of that. Never shown again.
    pub bind_password: Option<String>,
    /// LDAP: whether `ldap://` begins TLS first.
    pub start_tls: Option<bool>,
    /// LDAP: the authorities that vouch for the servers, PEM; the system's when empty.
    pub ca_certificate: Option<String>,
    /// LDAP: whether servers that a server names are asked too, and how many in a row.
    pub referrals: Option<bool>,
    pub max_hops: Option<u32>,
    /// LDAP: milliseconds.
    pub connect_timeout_ms: Option<u64>,
    pub response_timeout_ms: Option<u64>,
    /// LDAP: whether members of groups in groups are members.
    pub nested: Option<bool>,
    /// LDAP: where people are, exactly these.
    pub user_queries: Option<Vec<UserQuery>>,
    /// LDAP: where groups are, exactly these.
    pub group_queries: Option<Vec<GroupQuery>>,
    /// LDAP: when linked groups are brought up to date, a Quartz cron expression in UTC.
    pub schedule: Option<String>,
    /// SAML: the identity provider's metadata …
    pub metadata_xml: Option<String>,
    /// … or where it is; it is read again from there every six hours.
    pub metadata_url: Option<String>,
    /// The certificate by which metadata must be signed: PEM, or base64 of DER.
    pub metadata_certificate: Option<String>,
    /// With new metadata: accept the certificates it no longer has for another seven days.
    pub keep_old_certificates: bool,
    /// Stop accepting certificates that are on their way out.
    pub forget_retiring: bool,
    /// Whose product the identity provider is.
    pub vendor: Option<Vendor>,
    /// What people see on the sign-in page, when it is not the name.
    pub display_name: Option<String>,
    /// Our entity id, when it is not the metadata address.
    pub sp_entity_id: Option<String>,
    pub sign_requests: Option<bool>,
    pub request_binding: Option<Binding>,
    pub name_id_format: Option<NameIdFormat>,
    /// Whether people have to prove themselves there each time.
    pub force_authn: Option<bool>,
    /// `AuthnContextClassRef` URIs to ask for.
    pub authn_context: Option<Vec<String>>,
    pub authn_context_comparison: Option<Comparison>,
    /// Whether AES in CBC mode is accepted, which is not authenticated.
    pub allow_cbc: Option<bool>,
    /// The attribute or claim with the email address; the usual ones when empty. Likewise the next.
    pub email_attribute: Option<String>,
    pub given_name_attribute: Option<String>,
    pub family_name_attribute: Option<String>,
    pub display_name_attribute: Option<String>,
    /// Whether names follow the identity provider at each sign-in.
    pub update_names: Option<bool>,
    pub group_attribute: Option<String>,
    /// Whether people are put into the linked groups that the attribute names.
    pub group_sync: Option<bool>,
    /// Microsoft Graph, for groups that do not fit into an assertion.
    pub graph: Option<Graph>,
    /// The secret of its client. Never shown again.
    pub graph_client_secret: Option<String>,
    pub allow_idp_initiated: Option<bool>,
    /// Where a sign-in leads that the identity provider began: a path of this server.
    pub landing: Option<String>,
    pub jit: Option<Jit>,
    /// Whether the identity provider's word for a second factor counts here.
    pub trust_mfa: Option<bool>,
    /// SCIM: whether changes are only tried, and wait for an administrator.
    pub dry_run: Option<bool>,
    /// SCIM: whether the log of requests keeps the values that changed.
    pub log_values: Option<bool>,
    /// SCIM: for how many days the log is kept, 1 to 90.
    pub log_days: Option<u32>,
    /// SCIM: how many in a hundred users may lose access within an hour; 0 for any number.
    pub removal_limit: Option<u32>,
    /// SCIM: requests a second that are answered, 25 to 100,000.
    pub requests_per_second: Option<u32>,
    /// SCIM: attributes of users beside the standard ones, exactly these.
    pub extra_attributes: Option<Vec<ExtraAttribute>>,
}

fn set<T>(place: &mut T, wanted: Option<T>) {
    if let Some(wanted) = wanted {
        *place = wanted;
    }
}

fn set_text(place: &mut Option<String>, wanted: Option<String>) {
    if let Some(text) = wanted {
        *place = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    }
}

impl ConnectionFields {
    /// Applies the fields to SAML settings, except those that come from the metadata.
    pub(super) fn apply_saml(&mut self, settings: &mut SamlSettings) -> Result<(), Error> {
        if let Some(text) = self.metadata_certificate.take() {
            settings.metadata_certificate = read_certificate(&text)?;
        }
        if self.forget_retiring {
            settings.retiring.clear();
        }
        set(&mut settings.vendor, self.vendor);
        set_text(&mut settings.display_name, self.display_name.take());
        set_text(&mut settings.sp_entity_id, self.sp_entity_id.take());
        set(&mut settings.sign_requests, self.sign_requests);
        set(&mut settings.request_binding, self.request_binding);
        set(&mut settings.name_id_format, self.name_id_format);
        set(&mut settings.force_authn, self.force_authn);
        set(&mut settings.authn_context, self.authn_context.take());
        set(&mut settings.authn_context_comparison, self.authn_context_comparison);
        set(&mut settings.allow_cbc, self.allow_cbc);
        if let Some(graph) = self.graph.take() {
            settings.graph = Some(graph).filter(|graph| !graph.client_id.is_empty());
        }
        set(&mut settings.allow_idp_initiated, self.allow_idp_initiated);
        set_text(&mut settings.landing, self.landing.take());
        self.apply_attribute_mapping(&mut settings.people);
        Ok(())
    }

    /// Applies the fields to the settings of an `OpenID` Connect connection.
    pub(super) fn apply_oidc(&mut self, settings: &mut OidcSettings) -> Result<(), Error> {
        if let Some(preset) = self.preset.filter(|preset| *preset != settings.preset) {
            // The addresses of the previous provider do not apply to the new one.
            *settings = OidcSettings { preset, issuer: String::new(), api_url: None, ..settings.clone() };
        }
        if let Some(issuer) = self.issuer.take() {
            issuer.trim().clone_into(&mut settings.issuer);
        }
        if let Some(name) = self.client_auth.take() {
            settings.client_auth = match name.as_str() {
                "" => None,
                name => Some(ClientAuth::parse(name).ok_or_else(|| {
                    let reason = "must be client_secret_basic, client_secret_post or private_key_jwt";
                    Error::invalid("client_auth", reason)
                })?),
            };
        }
        if let Some(client_id) = self.client_id.take() {
            client_id.trim().clone_into(&mut settings.client_id);
        }
        set_text(&mut settings.api_url, self.api_url.take());
        set(&mut settings.scopes, self.scopes.take());
        set(&mut settings.tenants, self.tenants.take());
        set(&mut settings.hosted_domains, self.hosted_domains.take());
        set(&mut settings.trust_email, self.trust_email);
        set_text(&mut settings.display_name, self.display_name.take());
        set(&mut settings.force_authn, self.force_authn);
        self.apply_attribute_mapping(&mut settings.people);
        Ok(())
    }

    fn apply_attribute_mapping(&mut self, people: &mut AttributeMapping) {
        set_text(&mut people.email_attribute, self.email_attribute.take());
        set_text(&mut people.given_name_attribute, self.given_name_attribute.take());
        set_text(&mut people.family_name_attribute, self.family_name_attribute.take());
        set_text(&mut people.display_name_attribute, self.display_name_attribute.take());
        set(&mut people.keep_names, self.update_names.map(|update| !update));
        set_text(&mut people.group_attribute, self.group_attribute.take());
        set(&mut people.group_sync, self.group_sync);
        set(&mut people.jit, self.jit.take());
        set(&mut people.trust_mfa, self.trust_mfa);
    }

    /// Applies the fields to the settings of an LDAP connection.
    pub(super) fn apply_ldap(&mut self, settings: &mut LdapSettings) {
        if let Some(url) = self.url.take() {
            settings.urls = url.split_whitespace().map(str::to_owned).collect();
        }
        if let Some(bind_dn) = self.bind_dn.take() {
            bind_dn.trim().clone_into(&mut settings.bind_dn);
        }
        set(&mut settings.start_tls, self.start_tls);
        // Browsers submit text areas with CRLF line ends.
        set_text(&mut settings.ca_certificate, self.ca_certificate.take().map(|pem| pem.replace('\r', "")));
        set(&mut settings.referrals, self.referrals);
        set(&mut settings.max_hops, self.max_hops);
        set(&mut settings.connect_timeout_ms, self.connect_timeout_ms);
        set(&mut settings.response_timeout_ms, self.response_timeout_ms);
        set(&mut settings.nested, self.nested);
        set(&mut settings.user_queries, self.user_queries.take());
        set(&mut settings.group_queries, self.group_queries.take());
        set(&mut settings.schedule, self.schedule.take());
        set_text(&mut settings.display_name, self.display_name.take());
        set(&mut settings.keep_names, self.update_names.map(|update| !update));
        set(&mut settings.group_sync, self.group_sync);
        set(&mut settings.jit, self.jit.take());
    }

    /// Applies the fields to the settings of a provisioning connection.
    pub(super) fn apply_scim(&self, settings: &mut ScimSettings) {
        set(&mut settings.dry_run, self.dry_run);
        set(&mut settings.log_values, self.log_values);
        set(&mut settings.log_days, self.log_days);
        set(&mut settings.removal_limit, self.removal_limit);
        set(&mut settings.requests_per_second, self.requests_per_second);
        set(&mut settings.extra_attributes, self.extra_attributes.clone());
    }

    pub(super) fn has_metadata(&self) -> bool {
        self.metadata_xml.is_some() || self.metadata_url.is_some()
    }
}

/// Parses a certificate in PEM, or in base64 of DER. Returns `None` for an empty text.
pub(super) fn read_certificate(text: &str) -> Result<Option<String>, Error> {
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    if body.trim().is_empty() {
        return Ok(None);
    }
    let read = Certificate::read(&body);
    read.map(|one| Some(one.to_base64())).map_err(|e| Error::invalid("metadata_certificate", e.to_string()))
}
