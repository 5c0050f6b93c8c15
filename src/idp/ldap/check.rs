//! The checks of a connection test for LDAP, in the order in which they are made.

use crate::idp::report::checks;

checks! {
    /// A check of a directory.
    LdapCheck {
        /// A server of the directory is reached, with TLS where that is asked for.
        Connect = "connect",
        /// The directory takes the bind DN and its password.
        Bind = "bind",
        /// The user queries find people.
        Users = "users",
        /// People have an email address.
        Email = "email",
        /// People have an id that stays theirs when they are renamed or moved.
        Id = "id",
        /// The group queries find groups.
        Groups = "groups",
    }
}
