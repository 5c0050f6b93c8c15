//! Logout messages (saml-core §3.7). They are written here because samael writes the `SessionIndex` as an
//! attribute instead of an element.

use crate::model::{NameId, SUCCESS};
use crate::time::format_time;

/// The contents that all logout messages have in common.
#[derive(Debug, Clone, Copy)]
pub struct MessageHeader<'a> {
    /// The message's id. It must be unguessable.
    pub id: &'a str,
    /// The current time.
    pub issue_instant: jiff::Timestamp,
    /// Our entity ID.
    pub issuer: &'a str,
    /// The address the message is sent to.
    pub destination: &'a str,
}

impl MessageHeader<'_> {
    /// A `LogoutRequest` (§3.7.1) for one session of the user, or for all sessions without `session_index`.
    #[must_use]
    pub fn logout_request_xml(&self, name_id: &NameId, session_index: Option<&str>) -> String {
        let attribute = |name: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!(" {name}=\"{}\"", escape(value))).unwrap_or_default()
        };
        let index =
            session_index.map(|index| format!("<samlp:SessionIndex>{}</samlp:SessionIndex>", escape(index)));
        format!(
            "{}><saml:Issuer>{}</saml:Issuer><saml:NameID{}{}{}>{}</saml:NameID>{}</samlp:LogoutRequest>",
            self.open_tag("LogoutRequest"),
            escape(self.issuer),
            attribute("NameQualifier", &name_id.name_qualifier),
            attribute("SPNameQualifier", &name_id.sp_name_qualifier),
            attribute("Format", &name_id.format),
            escape(&name_id.value),
            index.unwrap_or_default(),
        )
    }

    /// A `LogoutResponse` (§3.7.2) that reports success to the request with this id.
    #[must_use]
    pub fn logout_response_xml(&self, in_response_to: &str) -> String {
        format!(
            "{} InResponseTo=\"{}\"><saml:Issuer>{}</saml:Issuer><samlp:Status><samlp:StatusCode Value=\"{SUCCESS}\"/>\
             </samlp:Status></samlp:LogoutResponse>",
            self.open_tag("LogoutResponse"),
            escape(in_response_to),
            escape(self.issuer),
        )
    }

    fn open_tag(&self, name: &str) -> String {
        format!(
            "<samlp:{name} xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
             xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{}\" Version=\"2.0\" IssueInstant=\"{}\" \
             Destination=\"{}\"",
            self.id,
            format_time(self.issue_instant),
            escape(self.destination)
        )
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
#[path = "logout_tests.rs"]
mod tests;
