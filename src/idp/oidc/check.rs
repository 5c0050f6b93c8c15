//! The checks of a provider's response, in the order in which they are made.

use crate::idp::report::checks;

checks! {
    /// A check that a provider's response must pass.
    OidcCheck {
        /// The provider can be reached and describes itself.
        Discovery = "discovery",
        /// The provider says yes.
        Answer = "answer",
        /// The answer comes from the provider that was asked (RFC 9207).
        IssuerParameter = "issuer_parameter",
        /// The answer to a sign-in that waits for one, and the first.
        Request = "request",
        /// The code is accepted, with our client id, secret and redirect address.
        Code = "code",
        /// A signed token of three parts.
        Token = "token",
        /// A signature algorithm on the list.
        Algorithm = "algorithm",
        /// A key that the provider publishes.
        Key = "key",
        /// The signature is right.
        Signature = "signature",
        /// From the provider of this connection.
        Issuer = "issuer",
        /// Meant for us.
        Audience = "audience",
        /// Made for us, when it is for several.
        AuthorizedParty = "authorized_party",
        /// Valid now.
        Times = "times",
        /// Made for this sign-in.
        Nonce = "nonce",
        /// Belongs to the access token beside it.
        AccessToken = "access_token",
        /// Names somebody.
        Subject = "subject",
        /// The provider answers questions about the person.
        UserInfo = "userinfo",
        /// From a tenant that this connection lets in.
        Tenant = "tenant",
        /// From a domain that this connection lets in.
        HostedDomain = "hosted_domain",
        /// Names an email address.
        Email = "email",
        /// The provider vouches for the address.
        EmailVerified = "email_verified",
        /// An address of a domain that this account lets in.
        Domain = "domain",
        /// A logout, and nothing else.
        Logout = "logout",
        /// Not used before.
        Replay = "replay",
    }
}
