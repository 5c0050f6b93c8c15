//! What a page says about the action that led to it. The address carries a code, never a text:
//! nobody can make our pages say what they like.

/// The words for a code.
pub(super) fn text(code: &str) -> Option<&'static str> {
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
        "confirmed" => "Confirmed. You can go on.",
        "sessions_revoked" => "All other sessions were ended.",
        "session_revoked" => "The session was ended.",
        "group_created" => "Group created.",
        "group_saved" => "Group saved.",
        "group_deleted" => "Group deleted.",
        "connection_created" => {
            "Connection created. Copy the values below to your identity provider, then switch it on."
        }
        "directory_created" => {
            "Directory connection created. Make a token and copy both values to your identity provider."
        }
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
