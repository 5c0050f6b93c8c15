//! The request that begins a sign-in (saml-core §3.4.1).

use samael::schema::{
    AuthnContextClassRef, AuthnContextComparison, Issuer, NameIdPolicy, RequestedAuthnContext,
};
use samael::traits::ToXml as _;

use super::error::WriteError;
use crate::model::{Comparison, NameIdFormat};

/// What is asked of the identity provider.
#[derive(Debug, Clone)]
pub struct AuthnRequest<'a> {
    /// The request's id, which the response names. Others must not be able to guess it.
    pub id: &'a str,
    /// Now.
    pub issue_instant: jiff::Timestamp,
    /// Our entity id.
    pub issuer: &'a str,
    /// The address the request is sent to.
    pub destination: &'a str,
    /// The address the response is to be posted to.
    pub acs: &'a str,
    /// Which kind of name is asked for.
    pub name_id_format: NameIdFormat,
    /// How people have to prove themselves, `AuthnContextClassRef`; empty for whatever the provider likes.
    pub authn_context: &'a [String],
    /// How what is asked for compares to what they do.
    pub authn_context_comparison: Comparison,
    /// Whether people have to prove themselves anew.
    pub force_authn: bool,
}

impl AuthnRequest<'_> {
    /// The message.
    pub fn to_xml(&self) -> Result<String, WriteError> {
        let issue_instant = chrono::DateTime::from_timestamp_millis(self.issue_instant.as_millisecond());
        let request = samael::schema::AuthnRequest {
            id: self.id.to_owned(),
            version: "2.0".into(),
            issue_instant: issue_instant.ok_or_else(|| WriteError::new(&"the clock is off"))?,
            destination: Some(self.destination.to_owned()),
            issuer: Some(Issuer { value: Some(self.issuer.to_owned()), ..Issuer::default() }),
            name_id_policy: Some(NameIdPolicy {
                allow_create: Some(true),
                format: Some(self.name_id_format.uri().into()),
                ..NameIdPolicy::default()
            }),
            requested_authn_context: self.requested_context(),
            force_authn: self.force_authn.then_some(true),
            assertion_consumer_service_url: Some(self.acs.to_owned()),
            protocol_binding: Some(samael::metadata::HTTP_POST_BINDING.into()),
            ..samael::schema::AuthnRequest::default()
        };
        request.to_string().map_err(|error| WriteError::new(&error))
    }

    fn requested_context(&self) -> Option<RequestedAuthnContext> {
        if self.authn_context.is_empty() {
            return None;
        }
        let classes = self.authn_context.iter().map(|uri| AuthnContextClassRef { value: Some(uri.clone()) });
        Some(RequestedAuthnContext {
            authn_context_class_refs: Some(classes.collect()),
            authn_context_decl_refs: None,
            comparison: Some(match self.authn_context_comparison {
                Comparison::Exact => AuthnContextComparison::Exact,
                Comparison::Minimum => AuthnContextComparison::Minimum,
                Comparison::Better => AuthnContextComparison::Better,
                Comparison::Maximum => AuthnContextComparison::Maximum,
            }),
        })
    }
}
