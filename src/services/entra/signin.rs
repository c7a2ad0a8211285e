//! The sign-in in a browser: authorization code with PKCE, answered on loopback (RFC 8252 7.3, RFC 7636). Not for tokens.

use super::loopback::{Answer, Listener};
use super::{Account, Purpose, Session, SignInError, pkce, token};
use crate::base::Secret;
use std::time::Duration;
use url::Url;

/// How long the browser has: long enough for a second factor on a phone that is being charged elsewhere.
const PATIENCE: Duration = Duration::from_mins(10);

/// A sign-in that waits for the browser; dropping it cancels it and closes the port.
#[must_use = "nobody is signed in before `finish` was awaited"]
pub struct BrowserSignIn {
    /// What to open in the browser.
    pub address: Url,
    session: Session,
    purpose: Purpose,
    listener: Listener,
    state: Secret,
    verifier: Secret,
    redirect_uri: String,
    patience: Duration,
}

impl BrowserSignIn {
    pub(super) async fn start(session: Session, purpose: Purpose) -> Result<Self, SignInError> {
        let listener = Listener::open().await?;
        let (state, verifier) = (pkce::random_text()?, pkce::random_text()?);
        // By name, because that is what an application's registration holds; the port is left out of the comparison.
        let redirect_uri = format!("http://localhost:{}", listener.port());
        let mut address = token::endpoint(session.settings(), "authorize")?;
        let known = session.account().await;
        let mut query = address.query_pairs_mut();
        query
            .append_pair("client_id", session.settings().client_id(purpose))
            .append_pair("response_type", "code")
            .append_pair("redirect_uri", &redirect_uri)
            .append_pair("response_mode", "query")
            .append_pair("scope", &session.settings().scope(purpose))
            .append_pair("state", state.expose())
            .append_pair("code_challenge", &pkce::challenge(&verifier))
            .append_pair("code_challenge_method", "S256");
        match (purpose, &known) {
            (Purpose::Write, Some(account)) => query.append_pair("login_hint", account.upn.reveal()),
            (Purpose::Write | Purpose::Read, _) => query.append_pair("prompt", "select_account"),
        };
        drop(query);
        Ok(Self { address, session, purpose, listener, state, verifier, redirect_uri, patience: PATIENCE })
    }

    /// The same with another limit than 10 minutes.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The port that waits, on 127.0.0.1 and, where there is IPv6, on ::1.
    pub fn port(&self) -> u16 {
        self.listener.port()
    }

    /// Waits for the browser and takes its code to the token endpoint.
    ///
    /// # Errors
    /// The person declined, the service refused, or the browser did not come back in time.
    pub async fn finish(self) -> Result<Account, SignInError> {
        let waited = tokio::time::timeout(self.patience, self.listener.answer(&self.state)).await;
        let code = match waited {
            Ok(Answer::Code(code)) => code,
            Ok(Answer::Error { error, message }) => return Err(SignInError::Refused { error, message, codes: Vec::new(), trace_id: None }),
            Err(_) => return Err(SignInError::NoAnswer { after: self.patience }),
        };
        let tokens = self.session.endpoint().redeem(self.purpose, &code, &self.verifier, &self.redirect_uri).await?;
        self.session.signed_in(self.purpose, tokens).await
    }
}

impl std::fmt::Debug for BrowserSignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BrowserSignIn").field("purpose", &self.purpose).field("port", &self.port()).finish_non_exhaustive()
    }
}
