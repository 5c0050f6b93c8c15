//! The checks of a provider's response, in the order in which they are made.

use crate::idp::report::checks;

checks! {
    /// A check that a provider's response must pass.
    OidcCheck {
        /// The configuration of the provider is available and valid.
        Discovery = "discovery",
        /// The provider returns an authorization code.
        Answer = "answer",
        /// The response comes from the provider of this connection (iss, RFC 9207).
        IssuerParameter = "issuer_parameter",
        /// The response belongs to a pending request and is the first one for it.
        Request = "request",
        /// The provider accepts the code, the client credentials and the redirect URI.
        Code = "code",
        /// The token is a signed JSON Web Token (JWT).
        Token = "token",
        /// The signature algorithm is allowed.
        Algorithm = "algorithm",
        /// The provider publishes a matching signing key.
        Key = "key",
        /// The signature of the token is valid.
        Signature = "signature",
        /// The issuer is the provider of this connection.
        Issuer = "issuer",
        /// The audience contains the client ID.
        Audience = "audience",
        /// The authorized party (azp), if present or required, is the client ID.
        AuthorizedParty = "authorized_party",
        /// The token is valid at the current time.
        Times = "times",
        /// The nonce belongs to this sign-in.
        Nonce = "nonce",
        /// The access token hash matches the access token.
        AccessToken = "access_token",
        /// The token identifies a user.
        Subject = "subject",
        /// The user authenticated after the request, because this connection requires re-authentication.
        AuthTime = "auth_time",
        /// The authentication context (acr) is one that this connection requires.
        Acr = "acr",
        /// The provider returns the claims of the user.
        UserInfo = "userinfo",
        /// The tenant is allowed by this connection.
        Tenant = "tenant",
        /// The Google Workspace domain is allowed by this connection.
        HostedDomain = "hosted_domain",
        /// The provider sends an email address.
        Email = "email",
        /// The email address is verified.
        EmailVerified = "email_verified",
        /// The email domain is allowed in this account.
        Domain = "domain",
        /// The connection may sign in users of this email domain: the domain is verified and selected for it.
        ConnectionDomain = "connection_domain",
        /// The token is a logout token without a nonce.
        Logout = "logout",
        /// The token has not been used before.
        Replay = "replay",
    }
}
