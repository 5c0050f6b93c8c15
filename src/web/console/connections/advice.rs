//! Advice on a failed connection test: what to change, and on which side.

use crate::idp::connections::ConnectionKind;
use crate::idp::saml::SamlCheck;
use crate::idp::{ldap, oidc};

/// What to change when this check of a connection failed.
pub(super) fn for_failed_check(kind: ConnectionKind, check: &str) -> &'static str {
    match kind {
        ConnectionKind::Saml => SamlCheck::parse(check).map_or("", saml),
        ConnectionKind::Oidc => oidc::OidcCheck::parse(check).map_or("", oidc),
        ConnectionKind::Ldap => ldap::LdapCheck::parse(check).map_or("", ldap),
        ConnectionKind::Scim => "",
    }
}

fn saml(check: SamlCheck) -> &'static str {
    match check {
        SamlCheck::Size
        | SamlCheck::Encoding
        | SamlCheck::Dtd
        | SamlCheck::Depth
        | SamlCheck::Parse
        | SamlCheck::Version => {
            "What came is no SAML 2.0 response. Check that the application at the identity provider is a SAML 2.0 one \
             and posts to the assertion consumer service of this connection."
        }
        SamlCheck::Structure => {
            "The response has an unusual shape, such as several assertions, or comments. Let the identity provider send \
             one plain or encrypted assertion."
        }
        SamlCheck::SignatureCoverage => {
            "Neither the response nor the assertion is signed as a whole. Switch signing on at the identity provider."
        }
        SamlCheck::Algorithm => {
            "The identity provider signs or encrypts with an algorithm that is not safe any more. Choose RSA or ECDSA \
             with SHA-256 there, and AES in GCM mode with RSA-OAEP. If it knows CBC mode only, let it \
             sign the response, and allow CBC in the settings of this connection."
        }
        SamlCheck::Certificate => {
            "No certificate of this connection can be verified with. Load metadata with one that has an RSA key of \
             2048 bits or more, or an elliptic curve."
        }
        SamlCheck::Decryption => {
            "The identity provider encrypts with another key than this connection's. Give it the metadata of this \
             connection again, or the certificate for encryption on its page."
        }
        SamlCheck::Signature => {
            "The response is signed with a certificate that this connection does not know. Load the identity \
             provider's metadata again: it may have a new certificate."
        }
        SamlCheck::Status => {
            "The identity provider said no. Assign the application to the person who signs in there, and look into its \
             own log."
        }
        SamlCheck::Issuer => {
            "The answer comes from another identity provider, or its entity id has changed. Load its metadata again."
        }
        SamlCheck::SubjectConfirmation => {
            "The assertion is not for sign-in by a browser. Choose the Web Browser SSO profile at the identity provider."
        }
        SamlCheck::Domain => {
            "Addresses of this domain are not let into the account. Add the domain in the authentication settings, or \
             let another address be sent."
        }
        SamlCheck::Destination | SamlCheck::Recipient => {
            "The identity provider sends to another address. Copy the assertion consumer service of this connection to \
             it, letter by letter."
        }
        SamlCheck::Audience => {
            "The identity provider means it for another application. Copy the entity id of this connection to it as \
             audience."
        }
        SamlCheck::Times => {
            "The clocks of the two sides differ. Set this server's clock, and tell the provider's people."
        }
        SamlCheck::InResponseTo => {
            "The answer belongs to another request. Begin the test again, in one window."
        }
        SamlCheck::Email => {
            "The assertion names nobody by an email address. Let the identity provider send it as NameID, or name the \
             attribute with the address in the settings of this connection."
        }
        SamlCheck::Replay => "This answer was used before. Begin the test again.",
    }
}

fn oidc(check: oidc::OidcCheck) -> &'static str {
    use oidc::OidcCheck;
    match check {
        OidcCheck::Discovery => {
            "The provider's discovery document was not read. Open the issuer followed by \
             /.well-known/openid-configuration in a browser: the issuer in it must be exactly what this connection has. \
             A provider inside your network has to be listed in outgoing.allowed_networks."
        }
        OidcCheck::Answer => {
            "The provider said no. Allow the person who signs in there to use the application, and look into the \
             provider's own log."
        }
        OidcCheck::IssuerParameter => {
            "The answer comes from another provider than the one of this connection. If its address has changed, set \
             the issuer anew."
        }
        OidcCheck::Code => {
            "The provider did not take the code. Most often the client secret is wrong or has ended, or the redirect \
             address there is not letter by letter the one on the page of this connection."
        }
        OidcCheck::Token | OidcCheck::Subject => {
            "What came is no ID token. Register the application as an OpenID Connect one, and let the scope openid be \
             granted."
        }
        OidcCheck::Algorithm => {
            "The provider signs with an algorithm that is not accepted here. Choose RS256 or ES256 for the ID tokens of \
             this application."
        }
        OidcCheck::Key | OidcCheck::Signature => {
            "The token is signed with a key that the provider does not publish. If its keys have just been replaced, test \
             again in half a minute."
        }
        OidcCheck::Issuer => "The token comes from another issuer than the one of this connection.",
        OidcCheck::Audience | OidcCheck::AuthorizedParty => {
            "The token is meant for another application. Copy the client id again."
        }
        OidcCheck::Times => {
            "The clocks of the two sides differ. Set this server's clock, and tell the provider's people."
        }
        OidcCheck::Nonce
        | OidcCheck::AccessToken
        | OidcCheck::Request
        | OidcCheck::Replay
        | OidcCheck::Logout => "The answer belongs to another sign-in. Begin the test again, in one window.",
        OidcCheck::UserInfo => {
            "The provider did not say who the person is. Check which scopes the application is granted there, and the \
             address of the API if one is set."
        }
        OidcCheck::Tenant => "The person is in a tenant that is not on the list of this connection.",
        OidcCheck::HostedDomain => {
            "The person is not in a Google Workspace domain on the list of this connection."
        }
        OidcCheck::Email => {
            "The provider names no email address. Let it send the claim email, or name the claim with the address in \
             the settings of this connection."
        }
        OidcCheck::EmailVerified => {
            "The provider does not vouch for the address, so that it leads to nobody here. Verify it there. For Entra \
             ID, list your tenant in the settings of this connection, or let the application send xms_edov. For your own \
             provider, in which people cannot choose their address, say so in the settings."
        }
        OidcCheck::Domain => {
            "Addresses of this domain are not let into the account. Add the domain in the authentication settings, or \
             sign in there with another address."
        }
    }
}

fn ldap(check: ldap::LdapCheck) -> &'static str {
    use ldap::LdapCheck;
    match check {
        LdapCheck::Connect => {
            "No server was reached. Check host and port (636 for LDAPS, 389 with StartTLS), and that the host name is the \
             one in the server's certificate. A certificate from your own authority needs that authority's certificate in \
             the settings; a server inside your network has to be listed in outgoing.allowed_networks."
        }
        LdapCheck::Bind => {
            "The directory does not take the bind DN and its password. Write the whole DN, such as \
             CN=vestibule,OU=Services,DC=example,DC=com; Active Directory takes name@example.com as well."
        }
        LdapCheck::Users => {
            "No people were found. Check the base DN and the filter, and that the bind DN may read there."
        }
        LdapCheck::Email => {
            "Nobody who was found has an email address, by which people are known here. Name the attribute that has it, \
             such as mail or userPrincipalName, or let the bind DN read it."
        }
        LdapCheck::Id => {
            "The entries have no id that stays when people are renamed. Let the bind DN read objectGUID or entryUUID."
        }
        LdapCheck::Groups => {
            "No groups were found. Check the base DN and the filter, and that the bind DN may read there."
        }
    }
}
