//! The request that begins a sign-in (saml-core §3.4.1).

use samael::schema::{
    AuthnContextClassRef, AuthnContextComparison, Issuer, NameIdPolicy, RequestedAuthnContext,
};
use samael::traits::ToXml as _;

use super::error::WriteError;
use crate::model::{Comparison, NameIdFormat};

/// The contents of an authentication request.
#[derive(Debug, Clone)]
pub struct AuthnRequest<'a> {
    /// The request's id, which the response names. It must be unguessable.
    pub id: &'a str,
    /// The current time.
    pub issue_instant: jiff::Timestamp,
    /// Our entity ID.
    pub issuer: &'a str,
    /// The address the request is sent to.
    pub destination: &'a str,
    /// The URL of our assertion consumer service.
    pub acs: &'a str,
    /// The requested format of the NameID.
    pub name_id_format: NameIdFormat,
    /// The requested authentication methods (`AuthnContextClassRef`); if empty, the identity provider
    /// chooses.
    pub authn_context: &'a [String],
    /// How the method that is used must compare to the requested ones.
    pub authn_context_comparison: Comparison,
    /// Whether the user must authenticate again.
    pub force_authn: bool,
}

impl AuthnRequest<'_> {
    /// The request as XML.
    pub fn to_xml(&self) -> Result<String, WriteError> {
        let issue_instant = chrono::DateTime::from_timestamp_millis(self.issue_instant.as_millisecond());
        let request = samael::schema::AuthnRequest {
            id: self.id.to_owned(),
            version: "2.0".into(),
            issue_instant: issue_instant
                .ok_or_else(|| WriteError::new(&"the current time is out of range"))?,
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
