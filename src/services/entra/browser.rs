//! The sign-in in a browser: authorization code with PKCE, answered on loopback (RFC 8252 7.3, RFC 7636). Not for tokens.

use super::loopback::{Answer, Listener};
use super::{Account, NotTheAddress, Purpose, Session, SignInError, aadsts, paste, pkce, token};
use crate::base::Secret;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;
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
    claims: String,
    /// `None` when no port could be opened and the person pastes instead.
    listener: Option<Listener>,
    state: Secret,
    verifier: Secret,
    redirect_uri: String,
    patience: Duration,
}

impl BrowserSignIn {
    pub(super) async fn start(session: Session, purpose: Purpose) -> Result<Self, SignInError> {
        let listener = Listener::open().await?;
        Self::begin(session, purpose, Some(listener)).await
    }

    /// For a browser on another machine. A port is opened all the same: where the browser turns out to be on this machine, or
    /// the port is forwarded to it, nothing needs to be pasted.
    pub(super) async fn start_for_pasting(session: Session, purpose: Purpose) -> Result<Self, SignInError> {
        let listener = Listener::open().await.ok();
        Self::begin(session, purpose, listener).await
    }

    async fn begin(session: Session, purpose: Purpose, listener: Option<Listener>) -> Result<Self, SignInError> {
        let (state, verifier) = (pkce::random_text()?, pkce::random_text()?);
        // By name, because that is what an application's registration holds; the port is left out of the comparison.
        let redirect_uri = match &listener {
            Some(listener) => format!("http://localhost:{}", listener.port()),
            None => "http://localhost".to_owned(),
        };
        let mut address = token::endpoint(session.settings(), "authorize")?;
        let (known, claims) = (session.account().await, session.claims().await);
        let mut query = address.query_pairs_mut();
        query
            .append_pair("client_id", session.settings().client_id(purpose))
            .append_pair("response_type", "code")
            .append_pair("redirect_uri", &redirect_uri)
            .append_pair("response_mode", "query")
            .append_pair("scope", &session.settings().scope(purpose))
            .append_pair("state", state.expose())
            .append_pair("code_challenge", &pkce::challenge(&verifier))
            .append_pair("code_challenge_method", "S256")
            .append_pair("claims", &claims);
        match (purpose, &known) {
            (Purpose::Write, Some(account)) => query.append_pair("login_hint", account.upn.reveal()),
            (Purpose::Write | Purpose::Read, _) => query.append_pair("prompt", "select_account"),
        };
        drop(query);
        Ok(Self { address, session, purpose, claims, listener, state, verifier, redirect_uri, patience: PATIENCE })
    }

    /// The same with another limit than 10 minutes.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The port that waits, on 127.0.0.1 and, where there is IPv6, on ::1; 0 when none does.
    pub fn port(&self) -> u16 {
        self.listener.as_ref().map_or(0, Listener::port)
    }

    /// Waits for the browser and takes its code to the token endpoint.
    ///
    /// # Errors
    /// The person declined, the service refused, or the browser did not come back in time.
    pub async fn finish(self) -> Result<Account, SignInError> {
        let answer = self.in_time(self.browser()).await?;
        self.redeem(answer).await
    }

    /// The same, or for an address that the person pastes, whichever comes first.
    pub(super) async fn finish_with(
        self,
        pasted: &mut mpsc::Receiver<Secret>,
        mut wrong: impl FnMut(NotTheAddress) + Send,
    ) -> Result<Account, SignInError> {
        let mut browser = pin!(self.browser());
        let answer = async {
            loop {
                tokio::select! {
                    answer = &mut browser => return answer,
                    Some(text) = pasted.recv() => match paste::read(&text, &self.state) {
                        Ok(answer) => return answer,
                        Err(why) => wrong(why),
                    },
                }
            }
        };
        let answer = self.in_time(answer).await?;
        self.redeem(answer).await
    }

    async fn browser(&self) -> Answer {
        match &self.listener {
            Some(listener) => listener.answer(&self.state).await,
            None => std::future::pending().await,
        }
    }

    async fn in_time(&self, answer: impl Future<Output = Answer>) -> Result<Answer, SignInError> {
        let after = self.patience;
        tokio::time::timeout(after, answer).await.map_err(|_| SignInError::NoAnswer { after })
    }

    async fn redeem(&self, answer: Answer) -> Result<Account, SignInError> {
        let code = match answer {
            Answer::Code(code) => code,
            Answer::Error { error, message } => {
                let codes = aadsts::number_in(&message).into_iter().collect();
                return Err(SignInError::Refused { error, message, codes, trace_id: None, claims: None });
            }
        };
        let tokens = self.session.endpoint().redeem(self.purpose, &code, &self.verifier, &self.redirect_uri, &self.claims).await?;
        self.session.signed_in(self.purpose, tokens).await
    }
}

impl std::fmt::Debug for BrowserSignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BrowserSignIn").field("purpose", &self.purpose).field("port", &self.port()).finish_non_exhaustive()
    }
}
