//! Flash messages: the confirmation that a page shows after a redirect. The URL carries a code and never a
//! text, so that a link from another site cannot put words on our pages.

/// The text for a code.
pub(super) fn message(code: &str) -> Option<&'static str> {
    Some(match code {
        "welcome" => {
            "Welcome. Your account is ready. Connect an identity provider so that users can sign in."
        }
        "user_created" => "User created.",
        "user_saved" => "User saved.",
        "user_deleted" => "User deleted.",
        "user_activated" => "User activated. Previous sessions and tokens stay revoked.",
        "user_deactivated" => "User deactivated. All sessions and tokens have been revoked.",
        "user_unlocked" => "User unlocked. The user can try to sign in again.",
        "reset_sent" => "The user will receive an email with a password reset link.",
        "invited" => "The invitations are being sent.",
        "invitation_resent" => {
            "The invitation is being sent again. The link in the earlier email no longer works."
        }
        "invitation_cancelled" => "Invitation canceled.",
        "password_changed" => "Password changed. You have been signed out of all other sessions.",
        "factor_added" => "Two-factor method added. You can now use it to sign in.",
        "factor_renamed" => "Two-factor method renamed.",
        "factor_removed" => "Two-factor method removed. You can no longer use it to sign in.",
        "device_forgotten" => {
            "Browser removed. It will ask for two-factor authentication at the next sign-in."
        }
        "two_factor_reset" => {
            "Two-factor authentication has been reset, and all sessions have been revoked. The user will \
             receive an email with a setup link."
        }
        "reminded" => "The emails are being sent.",
        "mailing_stopped" => "Sending stopped. Emails that are already queued are still delivered.",
        "factor_first" => "Set up two-factor authentication for yourself before you require it for others.",
        "confirmed" => "Identity confirmed. You can continue.",
        "sessions_revoked" => "Sessions revoked.",
        "session_revoked" => "Session revoked.",
        "group_created" => "Group created.",
        "group_saved" => "Group saved.",
        "group_deleted" => "Group deleted.",
        "connection_created" => {
            "Connection created. Complete its setup, verify its email domains, test it, and then enable it."
        }
        "waiting_discarded" => "Done. Discarded changes have not been applied.",
        "directory_created" => {
            "SCIM connection created. Generate a token, and then copy the base URL and the token to your \
             identity provider."
        }
        "domain_added" => "Domain added. Publish its DNS record, and then verify it.",
        "domain_saved" => "Connections of the domain saved.",
        "domain_verified" => "The domain is verified.",
        "domain_not_verified" => "The domain could not be verified. See the reason below.",
        "domain_deleted" => "Domain deleted.",
        "metadata_loaded" => "Metadata loaded. Test the connection to make sure that users can sign in.",
        "keys_published" => {
            "New certificates published. Activate them after your identity provider has read the service \
             provider metadata again."
        }
        "keys_switched" => {
            "New certificates activated. The old ones stay published, and can still decrypt assertions, for \
             seven more days."
        }
        "keys_taken_back" => "New certificates discarded.",
        "group_linked" => "Group linked. Users join or leave it at their next sign-in through that provider.",
        "group_unlinked" => "Group unlinked.",
        "sync_asked" => "The sync starts in a moment. Its result appears below.",
        "connection_saved" => "Connection saved.",
        "connection_deleted" => {
            "Connection deleted. The users and groups it managed are kept and can now be changed in the \
             console."
        }
        "token_revoked" => "Token revoked. It no longer works.",
        "service_account_created" => "Service account created.",
        "service_account_deleted" => "Service account deleted. Its tokens no longer work.",
        "settings_saved" => "Settings saved.",
        "mail_queued" => "A test email is being sent to you.",
        code => return message_about_apps(code).or_else(|| identity_message(code)),
    })
}

fn message_about_apps(code: &str) -> Option<&'static str> {
    Some(match code {
        "app_created" => "Application registered. Set up your reverse proxy with one of the recipes below.",
        "app_saved" => "Application saved.",
        "app_deleted" => "Application deleted. Its sessions and API tokens no longer work.",
        "signing_keys_rotated" => "Signing keys rotated. Applications fetch the new key automatically.",
        _ => return None,
    })
}

fn identity_message(code: &str) -> Option<&'static str> {
    Some(match code {
        "identity_linked" => "Identity linked. You can now use it to sign in.",
        "identity_unlinked" => {
            "Identity unlinked. If the provider reports your email address as verified, you can still sign \
             in with it."
        }
        "user_unlinked" => {
            "Identity unlinked. If the provider reports the user's email address as verified, the user can \
             still sign in with it."
        }
        "identity_approved" => "Identity approved. The user can now sign in with it.",
        "identity_discarded" => "Pending identity discarded.",
        "identity_of_another" => {
            "Identity not linked. It already belongs to another user. Ask your administrator."
        }
        _ => return None,
    })
}
