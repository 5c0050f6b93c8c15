//! Advice on a failed connection test: what to change, and on which side.

use crate::idp::connections::ConnectionKind;
use crate::idp::saml::SamlCheck;
use crate::idp::{ldap, oidc};

/// [`SamlCheck::AuthnInstant`]
const SAML_AUTHN_INSTANT: &str = "\
    The connection requires re-authentication at each sign-in, and the identity provider used an earlier \
    sign-in. Configure the application there so that it honors ForceAuthn, and do not start the sign-in \
    at the identity provider. Otherwise, turn off “Force re-authentication” in the settings of this \
    connection.";
/// [`SamlCheck::AuthnContext`]
const SAML_AUTHN_CONTEXT: &str = "\
    The user signed in at the identity provider with another method than the connection requests. \
    Require that method in the sign-in policy of the application there, or change “Requested \
    AuthnContext” in the settings of this connection.";
/// [`oidc::OidcCheck::AuthTime`]
const OIDC_AUTH_TIME: &str = "\
    The connection requires re-authentication at each sign-in, and the ID token does not show it. \
    Configure the provider to send the claim auth_time (in Entra ID, an optional claim) and to honor \
    max_age. Otherwise, turn off “Force re-authentication” in the settings of this connection.";
/// [`oidc::OidcCheck::Acr`]
const OIDC_ACR: &str = "\
    The user signed in at the provider with another authentication context than the connection requires. \
    Configure the provider to send the claim acr and to require that context for this application, or \
    change “Required authentication context” in the settings of this connection.";

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
            "The identity provider did not send a SAML 2.0 response. Check that the application at the \
             identity provider uses SAML 2.0 and sends its responses to the ACS URL of this connection."
        }
        SamlCheck::Structure => {
            "The response does not contain exactly one assertion, or has an unusual structure, such as \
             comments. If the identity provider rejected the sign-in, assign the application to the user \
             there. Otherwise, configure it to send one plain or encrypted assertion."
        }
        SamlCheck::SignatureCoverage => {
            "Neither the response nor the assertion is signed as a whole. Enable signing at the identity \
             provider."
        }
        SamlCheck::Algorithm => {
            "The identity provider signs or encrypts with an algorithm that is no longer secure. At the \
             identity provider, choose RSA or ECDSA with SHA-256, and AES-GCM with RSA-OAEP. If it supports \
             AES-CBC only, configure it to sign the response, and allow AES-CBC encryption in the settings \
             of this connection."
        }
        SamlCheck::Certificate => {
            "No certificate of this connection can be used to verify signatures. Load metadata with a \
             certificate that has an RSA key of 2048 bits or more, or an elliptic curve key."
        }
        SamlCheck::Decryption => {
            "The identity provider encrypts with a key that does not belong to this connection. Load the \
             service provider metadata of this connection there again, or upload the encryption certificate \
             from the connection's page."
        }
        SamlCheck::Signature => {
            "The response is signed with a certificate that this connection does not trust. Load the \
             identity provider's metadata again: it may have a new certificate."
        }
        SamlCheck::Status => {
            "The identity provider rejected the sign-in. Assign the application to the user there, and check \
             the identity provider's log."
        }
        SamlCheck::Issuer => {
            "The response comes from another identity provider, or the entity ID of the identity provider \
             has changed. Load its metadata again."
        }
        SamlCheck::SubjectConfirmation => {
            "The assertion is not meant for browser sign-in. Choose the Web Browser SSO profile at the \
             identity provider."
        }
        SamlCheck::Domain => {
            "Users with this email domain cannot sign in to the account. Add it to the allowed email domains \
             in the settings, or configure the identity provider to send another email address."
        }
        SamlCheck::ConnectionDomain => CONNECTION_DOMAIN,
        SamlCheck::Destination | SamlCheck::Recipient => {
            "The identity provider sends the response to another URL. Copy the ACS URL of this connection to \
             the identity provider, exactly as it is shown."
        }
        SamlCheck::Audience => {
            "The assertion is meant for another application. Copy the SP entity ID of this connection to the \
             identity provider as the audience."
        }
        SamlCheck::Times => {
            "The clocks of this server and of the identity provider differ. Correct this server's clock, or \
             tell the administrators of the identity provider."
        }
        SamlCheck::InResponseTo => {
            "The response belongs to another request. Start the test again, in a single browser window."
        }
        SamlCheck::AuthnInstant => SAML_AUTHN_INSTANT,
        SamlCheck::AuthnContext => SAML_AUTHN_CONTEXT,
        SamlCheck::Email => {
            "The assertion contains no email address. A NameID counts as one only if its format is \
             emailAddress. Configure the identity provider to send the address in that format or in an \
             attribute, and enter the attribute in the settings of this connection. If the NameID is always an \
             email address that users cannot choose, enter NameID as the attribute."
        }
        SamlCheck::Replay => "This response has already been used. Start the test again.",
    }
}

/// What to do if the connection may not speak for the domain of the address.
const CONNECTION_DOMAIN: &str = "A connection signs in users of verified domains that are selected for it, and users who are already linked. \
     Add the domain under Domains, verify it and select this connection.";

fn oidc(check: oidc::OidcCheck) -> &'static str {
    use oidc::OidcCheck;
    match check {
        OidcCheck::Discovery => {
            "The provider's discovery document could not be read. Open the issuer URL followed by \
             /.well-known/openid-configuration in a browser: the issuer in the document must be exactly the \
             issuer of this connection. If the provider is in a private network, the operator of the \
             server lists it in outgoing.account_networks or outgoing.allowed_networks."
        }
        OidcCheck::Answer => {
            "The provider rejected the sign-in. Allow the user to use the application there, and check the \
             provider's log."
        }
        OidcCheck::IssuerParameter => {
            "The response comes from another provider than the one of this connection. If the provider's URL \
             has changed, update the issuer."
        }
        OidcCheck::Code => {
            "The provider did not accept the authorization code. Most often, the client secret is wrong or \
             has expired, or the redirect URI at the provider is not exactly the one on the page of this \
             connection."
        }
        OidcCheck::Token | OidcCheck::Subject => {
            "The provider did not send a valid ID token. Register the application as an OpenID Connect \
             application, and grant it the scope openid."
        }
        OidcCheck::Algorithm => {
            "The provider signs with an algorithm that is not accepted. Choose RS256 or ES256 for the ID \
             tokens of this application."
        }
        OidcCheck::Key | OidcCheck::Signature => {
            "The token is signed with a key that the provider does not publish. If its keys have just been \
             replaced, test again in 30 seconds."
        }
        OidcCheck::Issuer => {
            "The token comes from another issuer than the one of this connection. Check the issuer in its \
             settings."
        }
        OidcCheck::Audience | OidcCheck::AuthorizedParty => {
            "The token is meant for another application. Copy the client ID from the provider again."
        }
        OidcCheck::Times => {
            "The clocks of this server and of the identity provider differ. Correct this server's clock, or \
             tell the administrators of the identity provider."
        }
        OidcCheck::Nonce
        | OidcCheck::AccessToken
        | OidcCheck::Request
        | OidcCheck::Replay
        | OidcCheck::Logout => {
            "The response belongs to another sign-in. Start the test again, in a single browser window."
        }
        OidcCheck::AuthTime => OIDC_AUTH_TIME,
        OidcCheck::Acr => OIDC_ACR,
        OidcCheck::UserInfo => {
            "The provider did not return the claims of the user. Check which scopes the application is \
             granted there, and check the API URL if one is set."
        }
        OidcCheck::Tenant => {
            "The user is in a tenant that is not one of the allowed tenants of this connection."
        }
        OidcCheck::HostedDomain => {
            "The user is not in one of the Google Workspace domains of this connection."
        }
        OidcCheck::Email => {
            "The provider sent no email address. Configure it to send the claim email, or enter the claim \
             that contains the address in the settings of this connection."
        }
        OidcCheck::EmailVerified => {
            "The provider does not report the email address as verified, so it cannot be matched to a user. \
             Verify it at the provider. For Entra ID, add your tenant to the allowed tenants of this \
             connection, or configure the application to send xms_edov. For your own provider, where users \
             cannot choose their email address, select “Treat all email addresses as verified” in the \
             settings of this connection."
        }
        OidcCheck::ConnectionDomain => CONNECTION_DOMAIN,
        OidcCheck::Domain => {
            "Users with this email domain cannot sign in to the account. Add it to the allowed email domains \
             in the settings, or sign in at the provider with another email address."
        }
    }
}

fn ldap(check: ldap::LdapCheck) -> &'static str {
    use ldap::LdapCheck;
    match check {
        LdapCheck::Connect => {
            "No server could be reached. Check the host and port (636 for LDAPS, 389 with StartTLS), and \
             that the host name matches the server's certificate. If a private certificate authority issued \
             the certificate, add the CA certificate in the settings of this connection. If the server is in \
             a private network, the operator of this server lists it in outgoing.account_networks or \
             outgoing.allowed_networks. The server log and vestibule doctor show the exact cause."
        }
        LdapCheck::Bind => {
            "The directory did not accept the bind DN and the bind password. Enter the full DN, such as \
             CN=vestibule,OU=Services,DC=example,DC=com. Active Directory also accepts name@example.com."
        }
        LdapCheck::Users => {
            "No users were found. Check the base DN and the filter, and that the bind DN has read access."
        }
        LdapCheck::Email => {
            "None of the users that were found has an email address, which is needed to match users. Enter \
             the attribute that contains it, such as mail or userPrincipalName, or give the bind DN read \
             access to it."
        }
        LdapCheck::Id => {
            "The entries have no ID that stays the same when users are renamed. Give the bind DN read access \
             to objectGUID or entryUUID."
        }
        LdapCheck::Groups => {
            "No groups were found. Check the base DN and the filter, and that the bind DN has read access."
        }
    }
}
