//! The sign-in by a code that is entered on another device (RFC 8628). Not for tokens once they are there.

use super::reply::{DeviceCode, Tokens};
use super::token::TokenEndpoint;
use super::{Account, Purpose, Session, SignInError};
use crate::base::clock::SignedDuration;
use crate::base::http::HttpError;
use std::time::Duration;

/// RFC 8628 3.5: what `slow_down` adds.
const SLOWER: Duration = Duration::from_secs(5);
/// While the service does not answer, the pause doubles up to this.
const SLOWEST: Duration = Duration::from_mins(1);

/// A sign-in that waits for a code to be entered elsewhere; dropping it cancels it.
pub(super) struct DeviceSignIn {
    pub(super) code: DeviceCode,
    session: Session,
    purpose: Purpose,
}

/// What one question brought.
enum Asked {
    Tokens(Box<Tokens>),
    NotYet,
    Slower,
    Silent(Option<Duration>),
}

impl DeviceSignIn {
    pub(super) async fn start(session: Session, purpose: Purpose) -> Result<Self, SignInError> {
        let code = session.endpoint().device_code(purpose).await?;
        Ok(Self { code, session, purpose })
    }

    pub(super) async fn finish(self) -> Result<Account, SignInError> {
        let endpoint = self.session.endpoint();
        let claims = self.session.claims().await;
        let mut interval = self.code.interval;
        loop {
            let left = self.left();
            if left.is_zero() {
                return Err(SignInError::CodeExpired);
            }
            endpoint.pause.pause(interval.min(left)).await;
            if self.left().is_zero() {
                return Err(SignInError::CodeExpired);
            }
            match self.ask(endpoint, &claims).await? {
                Asked::Tokens(tokens) => return self.session.signed_in(self.purpose, *tokens).await,
                Asked::NotYet => {}
                Asked::Slower => interval += SLOWER,
                Asked::Silent(wait) => interval = wait.unwrap_or(interval * 2).clamp(interval, SLOWEST.max(interval)),
            }
        }
    }

    /// By the clock that was passed in: a machine that slept does not ask for a code that is long gone.
    fn left(&self) -> Duration {
        let left = self.code.expires_at.duration_since(self.session.now());
        Duration::try_from(left.max(SignedDuration::ZERO)).unwrap_or(Duration::ZERO)
    }

    /// Both dialects (`facts/wire.md`): the code may end before its time, so the service's word counts, not `expires_in` alone.
    async fn ask(&self, endpoint: &TokenEndpoint, claims: &str) -> Result<Asked, SignInError> {
        let refused = match endpoint.device_token(self.purpose, &self.code.secret, claims).await {
            Ok(tokens) => return Ok(Asked::Tokens(Box::new(tokens))),
            Err(SignInError::Busy { retry_after, .. }) => return Ok(Asked::Silent(retry_after)),
            // RFC 8628 3.5: after a connection time-out the client asks less often, but goes on.
            Err(SignInError::Http(HttpError::TimedOut { .. } | HttpError::Cut { .. } | HttpError::NoConnection { .. })) => {
                return Ok(Asked::Silent(None));
            }
            Err(refused) => refused,
        };
        let SignInError::Refused { error, codes, .. } = &refused else { return Err(refused) };
        match error.as_str() {
            "authorization_pending" => Ok(Asked::NotYet),
            "slow_down" => Ok(Asked::Slower),
            "expired_token" | "bad_verification_code" => Err(SignInError::CodeExpired),
            // Other servers say so of a code that is gone; Entra says it with a number when a policy refuses.
            "invalid_grant" if codes.iter().all(|code| GONE.contains(code)) => Err(SignInError::CodeExpired),
            _ => Err(refused),
        }
    }
}

/// The numbers of a code that is wrong, expired or used (`facts/domain.md` 5.8, `facts/wire.md` 2); they only choose the words.
const GONE: [u32; 4] = [70018, 70019, 70020, 90120];
