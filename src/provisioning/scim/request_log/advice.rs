//! Advice on failed requests for the administrator. The client was told what happened; this says what to
//! do.

/// The advice for a status and `scimType`; `None` when the request did not fail.
pub(super) fn advice(status: i64, scim_type: &str) -> Option<&'static str> {
    Some(match (status, scim_type) {
        (..400, _) => return None,
        (_, "uniqueness") => {
            "Somebody here has this name or address already. Map the identity provider's matching attribute to \
             userName, so that it finds the user and takes it over instead of making another; or change or delete \
             the user here."
        }
        (_, "invalidFilter") => {
            "The identity provider looks for users by something that is not supported. Match by userName, externalId \
             or emails in its attribute mapping."
        }
        (_, "tooMany") => {
            "The identity provider reads too much at once. Match by userName or externalId, which an index answers."
        }
        (_, "mutability") => {
            "The identity provider wants to change what only this server decides. Take the attribute out of its mapping."
        }
        (_, "noTarget" | "invalidPath") => {
            "The identity provider changes an attribute that is not there. Look in its mapping at the name of the \
             target attribute."
        }
        (_, "invalidValue") => {
            "A value does not fit. Look in the identity provider's mapping at what it sends for the attribute named here."
        }
        (_, "invalidSyntax") => {
            "The request cannot be understood. Look whether the application in the identity provider is set to SCIM 2.0."
        }
        (_, "invalidCursor" | "expiredCursor") => "The next import begins anew and needs nothing from you.",
        (403, _) => {
            "An administrator here has to decide. Users and groups made by hand, or by another connection, stay as \
             they are until then."
        }
        (404, _) => {
            "The identity provider knows an id that is not here any more. Let it match or import again: in Okta, \
             unassign and assign the person; in Entra ID, restart provisioning."
        }
        (409 | 412, _) => "Somebody changed it meanwhile. The identity provider's next attempt will do.",
        (413, _) => {
            "The request is too large. Push groups in smaller parts, or leave photos out of the mapping."
        }
        (429, _) => {
            "Too many requests a second. The identity provider comes again by itself; raise the limit in this \
             connection's settings if it happens often."
        }
        (503, _) => "Look at what waits for you on this connection's page.",
        (500.., _) => {
            "The fault is here. Look for the request's id in the server's log; the identity provider tries again."
        }
        _ => "Look at the attribute mapping of the application in the identity provider.",
    })
}
