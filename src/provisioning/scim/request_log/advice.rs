//! Advice on failed requests for the administrator. The client was told what happened; this says what to
//! do.

/// The advice for a status and `scimType`; `None` when the request did not fail.
pub(super) fn advice(status: i64, scim_type: &str) -> Option<&'static str> {
    Some(match (status, scim_type) {
        (..400, _) => return None,
        (_, "uniqueness") => {
            "This value is already in use, for example as the username or email address of another user. Map \
             the identity provider's matching attribute to userName so that it finds the existing user \
             instead of creating another one, or change or delete the existing user."
        }
        (_, "invalidFilter") => {
            "The identity provider uses a filter that is not supported. Match users by userName, externalId \
             or emails in its attribute mapping."
        }
        (_, "tooMany") => {
            "The identity provider's filter matches too many resources. Match users by userName or \
             externalId, which are indexed."
        }
        (_, "mutability") => {
            "The identity provider tries to change a read-only value. Remove the attribute from its \
             attribute mapping."
        }
        (_, "noTarget" | "invalidPath") => {
            "The identity provider tries to change an attribute that does not exist. Check the name of the \
             target attribute in its attribute mapping."
        }
        (_, "invalidValue") => {
            "A value is not valid. Check what the identity provider's attribute mapping sends for the \
             attribute in the message."
        }
        (_, "invalidSyntax") => {
            "The request is not valid. Check that the application at the identity provider uses SCIM 2.0."
        }
        (_, "invalidCursor" | "expiredCursor") => "No action is needed: the next import starts again.",
        (403, _) => {
            "The connection is not allowed to do this, for example because it is disabled or because another \
             connection manages the user or group. An administrator can resolve this in the console."
        }
        (404, _) => {
            "The identity provider uses an ID that does not exist. Let it match or import the users again: \
             in Okta, unassign and reassign the user; in Entra ID, restart provisioning."
        }
        (409 | 412, _) => {
            "The request conflicts with the current state, for example because of a change at the same time. \
             The identity provider's next attempt usually succeeds."
        }
        (413, _) => {
            "The request is too large. Push groups in smaller parts, or remove photos from the attribute \
             mapping."
        }
        (429, _) => {
            "The connection has exceeded its rate limit. The identity provider retries automatically. If \
             this happens often, raise the rate limit in the connection's settings."
        }
        (503, _) => {
            "If changes are pending, review them on the connection's page. Otherwise, the server was \
             temporarily unavailable and the identity provider retries."
        }
        (500.., _) => {
            "An error occurred on the server. Search its log for the request ID. The identity provider \
             retries."
        }
        _ => "Check the attribute mapping of the application at the identity provider.",
    })
}
