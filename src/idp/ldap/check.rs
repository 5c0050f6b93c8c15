//! The checks of a connection test for LDAP, in the order in which they are made.

use crate::idp::report::checks;

checks! {
    /// A check of a directory.
    LdapCheck {
        /// A directory server is reachable, with TLS where configured.
        Connect = "connect",
        /// The directory accepts the bind DN and the bind password.
        Bind = "bind",
        /// The user searches find users.
        Users = "users",
        /// Users have an email address.
        Email = "email",
        /// Users have an ID that does not change when they are renamed or moved.
        Id = "id",
        /// The group searches find groups.
        Groups = "groups",
    }
}
