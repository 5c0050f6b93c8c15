//! Reauthentication in a session, before an action that needs a recent proof. Every method gives the
//! session a new secret, so that a cookie that was copied before is useless.

use super::password_attempt::{Candidate, PasswordAttempt};
use super::second_factor::{FactorAttempt, notify_recovery_code_used};
use crate::access::Principal;
use crate::directory::users::User;
use crate::kernel::http::RequestContext;
use crate::signin::factors::{self, FactorResponse};
use crate::signin::lockout::{self, CredentialKind};
use crate::signin::lookup::{self, LookupBy, SignInRecord};
use crate::signin::password::Password;
use crate::signin::{Method, SignIn, SignInError, policy, sessions};

/// A request by the principal of a session about their own sign-in.
#[derive(Clone, Copy)]
pub struct SessionRequest<'a> {
    /// The sign-in services.
    pub signin: &'a SignIn,
    /// The request's id, client address and user agent.
    pub request: &'a RequestContext,
    /// The principal of the session.
    pub principal: &'a Principal,
}

impl SessionRequest<'_> {
    /// Verifies the principal's password and gives the session a new secret. A password that the user may not
    /// sign in with is not checked.
    pub async fn confirm_password(&self, password: &Password) -> Result<String, SignInError> {
        let Self { signin, request, principal } = *self;
        let permit = signin.hasher.acquire()?;
        let mut c = signin.kernel.db.read().await?;
        let candidate = Candidate::of_principal(&mut c, principal).await?;
        let SignInRecord { user, settings, .. } = &candidate.record;
        let user = user.as_ref().ok_or(SignInError::FlowEnded)?;
        if !policy::may_use_password(&mut c, settings, user).await? {
            return Err(SignInError::MethodNotAllowed);
        }
        let (name, method) = (principal.name.clone(), Method::Password);
        let attempt = PasswordAttempt::record(signin, request, c, candidate, name, method).await?;
        attempt.verify(permit, password).await?;
        let mut tx = signin.kernel.db.begin().await?;
        lockout::clear_failures(&mut tx, &principal.id, CredentialKind::Password).await?;
        tx.commit().await?;
        self.renew_session().await
    }

    /// Gives the session a new secret, after a proof that was checked elsewhere.
    pub async fn renew_session(&self) -> Result<String, SignInError> {
        let Self { signin, request, principal } = *self;
        let mut tx = signin.kernel.db.begin().await?;
        let renewed = sessions::renew(&mut tx, &principal.context(request), principal, None).await?;
        let secret = renewed.ok_or(SignInError::FlowEnded)?;
        tx.commit().await?;
        Ok(secret)
    }

    /// Verifies the principal's second factor, also in a session that has not verified one yet, and gives
    /// the session a new secret.
    pub async fn confirm_second_factor(&self, response: FactorResponse<'_>) -> Result<String, SignInError> {
        let Self { signin, request, principal } = *self;
        let session_id = principal.session_id().ok_or(SignInError::FlowEnded)?;
        let user_id = principal.user_id();
        let response = factors::prepare_response(signin, &user_id, session_id, response).await?;
        let mut tx = signin.kernel.db.begin().await?;
        let lookup_by = LookupBy::UserId(&user_id);
        let record = lookup::find_record(&mut tx, &principal.account_id, lookup_by, "").await?;
        let SignInRecord { user, settings, .. } = record;
        let user = user.filter(User::is_active).ok_or(SignInError::FlowEnded)?;
        let context = principal.context(request);
        let attempt = FactorAttempt {
            signin,
            context: &context,
            user: &user,
            method: Method::Password,
            lockout: &settings.lockout,
        };
        let (mut tx, verified) = attempt.check(tx, &response).await?;
        notify_recovery_code_used(signin, &mut tx, &context, &user, verified.factor).await?;
        let shown = Some((verified.factor, verified.amr.as_slice()));
        let renewed = sessions::renew(&mut tx, &context, principal, shown).await?;
        let secret = renewed.ok_or(SignInError::FlowEnded)?;
        tx.commit().await?;
        Ok(secret)
    }
}
