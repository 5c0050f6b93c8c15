//! Flash messages: the confirmation that a page shows after a redirect. The URL carries a code and never a
//! text, so that a link from another site cannot put words on our pages.

/// The text for a code.
pub(super) fn message(code: &str) -> Option<&'static str> {
    Some(match code {
        "welcome" => "Welcome. Your account is ready; connect an identity provider to let people in.",
        "user_created" => "User created.",
        "user_saved" => "User saved.",
        "user_deleted" => "User deleted.",
        "user_activated" => "User activated. Old sessions and tokens stay ended.",
        "user_deactivated" => "User deactivated. All sessions and tokens have ended.",
        "user_unlocked" => "Unlocked. The next password is checked again.",
        "reset_sent" => "A link to choose a new password is on its way to the user.",
        "invited" => "The invitations are on their way.",
        "invitation_resent" => {
            "The invitation is on its way again. The link of the mail before has stopped working."
        }
        "invitation_cancelled" => "The invitation was taken back.",
        "password_changed" => "Password changed. You were signed out everywhere else.",
        "factor_added" => "Added. It is good for signing in from now on.",
        "factor_renamed" => "Renamed.",
        "factor_removed" => "Removed. It cannot be used for signing in any more.",
        "device_forgotten" => "Forgotten. That browser is asked for the second factor again.",
        "two_factor_reset" => {
            "The second factor has ended, all sessions too. A link to set up a new one is on its way to the user."
        }
        "reminded" => "The mails are on their way.",
        "mailing_stopped" => "No more mails are made. Those that were made are still delivered.",
        "factor_first" => "Set up a second factor of your own first, then ask others for one.",
        "confirmed" => "Confirmed. You can go on.",
        "identity_linked" => "Linked. You can sign in with it from now on.",
        "identity_unlinked" => "Unlinked. If that provider vouches for your address, it still leads here.",
        "user_unlinked" => "Unlinked. If the provider vouches for their address, it still leads to them.",
        "identity_of_another" => "Not linked: that sign-in belongs to another user here already.",
        "sessions_revoked" => "All other sessions were ended.",
        "session_revoked" => "The session was ended.",
        "group_created" => "Group created.",
        "group_saved" => "Group saved.",
        "group_deleted" => "Group deleted.",
        "connection_created" => {
            "Connection created. Copy the values below to your identity provider, then switch it on."
        }
        "waiting_discarded" => "Discarded. Nothing of it was carried out.",
        "directory_created" => {
            "Directory connection created. Make a token and copy both values to your identity provider."
        }
        "metadata_loaded" => "Metadata loaded. Test the connection before people depend on it.",
        "keys_published" => {
            "New keys are published. When your identity provider has read our metadata again, let them take over."
        }
        "keys_switched" => {
            "The new keys are in use. The old ones are published and decrypt for seven more days."
        }
        "keys_taken_back" => "The published keys were taken back.",
        "group_linked" => "Linked. People come in and go at their next sign-in through that provider.",
        "group_unlinked" => "The link was taken away.",
        "sync_asked" => "It begins in a moment. What comes of it is shown below.",
        "connection_saved" => "Connection saved.",
        "connection_deleted" => {
            "Connection deleted. Users and groups it managed are kept and can be changed here now."
        }
        "token_revoked" => "Token revoked. It stopped working at once.",
        "service_account_created" => "Service account created.",
        "service_account_deleted" => "Service account deleted. Its tokens stopped working at once.",
        "settings_saved" => "Settings saved.",
        "mail_queued" => "A test mail is on its way to you.",
        _ => return None,
    })
}
