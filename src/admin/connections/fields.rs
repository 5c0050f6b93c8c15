//! The fields of a connection in the console's forms and the API's bodies.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::admin::Error;
use crate::idp::connections::{
    AttributeMapping, Binding, ClientAuth, Comparison, ConnectionKind, ExtraAttribute, Graph, GroupQuery,
    Jit, LdapSettings, NameIdFormat, OidcSettings, Preset, SamlSettings, ScimSettings, UserQuery, Vendor,
};
use crate::idp::saml::Certificate;
use crate::kernel::TextEnum as _;

/// A connection to create, or the fields to change. Fields that are missing or `null` stay unchanged; an
/// empty string clears an optional text.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionFields {
    /// The protocol. Required to create a connection; it cannot be changed.
    pub kind: Option<ConnectionKind>,
    /// The ID that was reserved for the connection because its URLs had to be known before.
    #[serde(skip)]
    pub reserved_id: Option<String>,
    /// The name: letters, digits, spaces and `_-.`, unique in the account. Required to create a connection.
    pub name: Option<String>,
    /// Whether the connection is enabled. A new SSO connection is always disabled, a new SCIM connection
    /// enabled.
    pub enabled: Option<bool>,
    /// Enables an SSO connection even if no test of its current settings has passed.
    pub override_untested: bool,
    /// Whether it is the default connection, for users whose email domain has no connection. It replaces the
    /// current default. Not applied when a connection is created.
    pub is_default: Option<bool>,
    /// The display order on the sign-in page; 1 is first. Not applied when a connection is created.
    pub position: Option<i64>,
    /// The complete list of email domains whose users sign in with this connection, at most 100.
    pub email_domains: Option<Vec<String>>,
    /// OIDC: the issuer, exactly as the provider publishes it. For GitHub and Bitbucket, the provider's URL.
    /// Not required for a `preset` with a default.
    pub issuer: Option<String>,
    /// OIDC: the provider, which determines default URLs and scopes. A change of the preset resets `issuer`
    /// and `api_url`.
    pub preset: Option<Preset>,
    /// OIDC: the client ID.
    pub client_id: Option<String>,
    /// OIDC: the client secret. It is never returned. It is required unless `client_auth` is
    /// `private_key_jwt`, and again when `preset`, `issuer` or `api_url` changes.
    pub client_secret: Option<String>,
    /// OIDC: how the client authenticates at the token endpoint: `client_secret_basic`, `client_secret_post`
    /// or `private_key_jwt`. An empty string selects the provider's default.
    pub client_auth: Option<String>,
    /// OIDC: the URL of the provider's API, or of Microsoft Graph, if it is not the default.
    pub api_url: Option<String>,
    /// OIDC: scopes to request in addition to the default scopes, at most 30.
    pub scopes: Option<Vec<String>>,
    /// Microsoft Entra ID: the IDs of the tenants whose users can sign in and whose email addresses count as
    /// verified. If empty, users of any tenant can sign in, and only addresses with `xms_edov` count as
    /// verified.
    pub tenants: Option<Vec<String>>,
    /// Google: the Workspace domains whose users can sign in; empty for any Google account.
    pub hosted_domains: Option<Vec<String>>,
    /// OIDC: whether all email addresses count as verified. Only for your own provider, where users cannot
    /// choose their email address.
    pub trust_email: Option<bool>,
    /// LDAP: the server URLs, `ldaps://host` or `ldap://host`, separated by spaces, at most 10. The next one
    /// is used when one does not respond.
    pub url: Option<String>,
    /// LDAP: the bind DN that searches the directory; empty for an anonymous bind.
    pub bind_dn: Option<String>,
    /// LDAP: the bind password. It is never returned. It is required again when the server, TLS or referral
    /// settings change.
    pub bind_password: Option<String>,
    /// LDAP: whether `ldap://` connections are upgraded with StartTLS.
    pub start_tls: Option<bool>,
    /// LDAP: the trusted CA certificates in PEM format; empty for the system's CAs.
    pub ca_certificate: Option<String>,
    /// LDAP: whether referrals to other servers are followed.
    pub referrals: Option<bool>,
    /// LDAP: the maximum number of referral hops, 1 to 20.
    pub max_hops: Option<u32>,
    /// LDAP: the connect timeout in milliseconds, 100 to 60000.
    pub connect_timeout_ms: Option<u64>,
    /// LDAP: the response timeout in milliseconds, 100 to 300000.
    pub response_timeout_ms: Option<u64>,
    /// LDAP: whether members of nested groups count as members.
    pub nested: Option<bool>,
    /// LDAP: the complete list of user searches, 1 to 20.
    pub user_queries: Option<Vec<UserQuery>>,
    /// LDAP: the complete list of group searches, at most 20.
    pub group_queries: Option<Vec<GroupQuery>>,
    /// LDAP: the schedule of the sync, a Quartz cron expression in UTC.
    pub schedule: Option<String>,
    /// SAML: the identity provider's metadata as XML. It takes precedence over `metadata_url`.
    pub metadata_xml: Option<String>,
    /// SAML: the metadata URL. It is read every six hours to pick up new certificates.
    pub metadata_url: Option<String>,
    /// SAML: the certificate that metadata from `metadata_url` must be signed with, in PEM format or as
    /// base64-encoded DER. If empty, the signature is not verified.
    pub metadata_certificate: Option<String>,
    /// SAML: whether certificates that are not in the new metadata stay trusted for 7 days.
    pub keep_old_certificates: bool,
    /// SAML: whether to stop trusting certificates that are no longer in the metadata.
    pub forget_retiring: bool,
    /// SAML: the identity provider, which determines the setup steps in the console.
    pub vendor: Option<Vendor>,
    /// The label on the sign-in page; empty for the connection's name.
    pub display_name: Option<String>,
    /// SAML: the service provider's entity ID; empty for the URL of its metadata.
    pub sp_entity_id: Option<String>,
    /// SAML: whether authentication requests are signed. Logout messages are always signed.
    pub sign_requests: Option<bool>,
    /// SAML: the binding of authentication requests.
    pub request_binding: Option<Binding>,
    /// SAML: the requested NameID format.
    pub name_id_format: Option<NameIdFormat>,
    /// Whether users must re-authenticate at the identity provider at each sign-in: `ForceAuthn` for SAML,
    /// `prompt=login` and `max_age=0` for OIDC. A response that does not show it is rejected.
    pub force_authn: Option<bool>,
    /// OIDC: the authentication contexts (`acr`) of which the ID token must contain one, at most 10; empty
    /// for any.
    pub acr_values: Option<Vec<String>>,
    /// SAML: the requested authentication contexts (`AuthnContextClassRef`), at most 10; empty for any. A
    /// response with another context is rejected.
    pub authn_context: Option<Vec<String>>,
    /// SAML: how the authentication context must compare to the requested ones.
    pub authn_context_comparison: Option<Comparison>,
    /// SAML: whether AES-CBC encryption, which is not authenticated, is accepted.
    pub allow_cbc: Option<bool>,
    /// The attribute or claim with the email address; empty for the standard names.
    pub email_attribute: Option<String>,
    /// The attribute or claim with the given name; empty for the standard names.
    pub given_name_attribute: Option<String>,
    /// The attribute or claim with the family name; empty for the standard names.
    pub family_name_attribute: Option<String>,
    /// The attribute or claim with the display name; empty for the standard names.
    pub display_name_attribute: Option<String>,
    /// Whether names are updated from the identity provider at each sign-in.
    pub update_names: Option<bool>,
    /// The attribute or claim with the user's groups; empty for the preset's, if it has one.
    pub group_attribute: Option<String>,
    /// Whether linked groups are synced: at each sign-in, and for LDAP also on a schedule.
    pub group_sync: Option<bool>,
    /// SAML: the Microsoft Graph client that reads the groups of users with more groups than an assertion
    /// contains.
    pub graph: Option<Graph>,
    /// SAML: the client secret of the Microsoft Graph client. It is never returned.
    pub graph_client_secret: Option<String>,
    /// SAML: whether IdP-initiated sign-in is allowed.
    pub allow_idp_initiated: Option<bool>,
    /// SAML: the landing page of IdP-initiated sign-in, a path on this server.
    pub landing: Option<String>,
    /// Just-in-time (JIT) provisioning: whether users are created at their first sign-in, and for LDAP also
    /// during group sync.
    pub jit: Option<Jit>,
    /// Whether MFA performed by the identity provider counts as two-factor authentication.
    pub trust_mfa: Option<bool>,
    /// SCIM: whether the connection is in a dry run: changes are held for approval.
    pub dry_run: Option<bool>,
    /// SCIM: whether the request log contains the changed values, not only the attribute names.
    pub log_values: Option<bool>,
    /// SCIM: the number of days that the request log is kept, 1 to 90.
    pub log_days: Option<u32>,
    /// SCIM: the deprovisioning limit, the percentage of users that may lose access within an hour before the
    /// connection is paused. 0 means no limit; up to 10 users are always allowed.
    pub removal_limit: Option<u32>,
    /// SCIM: the rate limit of each node, in requests per second, 25 to 100,000.
    pub requests_per_second: Option<u32>,
    /// SCIM: the complete list of custom attributes of users, at most 50.
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
        set(&mut settings.acr_values, self.acr_values.take());
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
