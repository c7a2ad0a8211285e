//! Who is signed in, with which tokens: kept in memory, the refresh token in the vault. Not for the browser's part.

use super::reply::{Tokens, not_understood};
use super::token::TokenEndpoint;
use super::{Account, BrowserSignIn, Certificate, EntraSettings, Purpose, SignIn, SignInError, Way, app, claims};
use crate::base::clock::{Clock, SignedDuration, Timestamp};
use crate::base::http::{BoundToken, Http};
use crate::base::{Problem, Secret};
use crate::services::retry::{Limits, Pause, TokioPause};
use crate::services::vault::Vault;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// A token is renewed this long before it ends, or in the last fifth of its life if that is shorter: the service's clock
/// may run ahead of ours, and a request takes its time.
const MARGIN: SignedDuration = SignedDuration::from_secs(120);

/// One sign-in; clones are the same one.
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
}

struct Shared {
    endpoint: TokenEndpoint,
    vault: Vault,
    vault_key: String,
    /// An application's own proof; `None` where persons sign in.
    certificate: Option<Certificate>,
    /// Locked while tokens are renewed: that is what makes renewals single-flight, over both purposes, because each
    /// renewal may replace the refresh token that the next one needs.
    state: Arc<Mutex<State>>,
    /// What the service says it gave; apart from the state, so that a screen can read it while tokens are renewed.
    granted: std::sync::Mutex<HashMap<Purpose, Vec<String>>>,
}

#[derive(Default)]
struct State {
    access: HashMap<Purpose, Access>,
    /// By vault key; also kept here, should the vault lose it.
    refresh: HashMap<String, Secret>,
    /// Refusals that only a person can change: not asked for again before somebody signs in or resumes.
    refused: HashMap<Purpose, SignInError>,
    account: Option<Account>,
    /// What Graph or the sign-in service wants a token to say; kept until somebody signs in.
    challenge: Option<Value>,
    unsaved: Option<Problem>,
}

struct Access {
    token: BoundToken,
    until: Timestamp,
}

impl Session {
    /// A session that has asked nothing yet; `vault_key` is where its refresh token lies.
    #[must_use]
    pub fn new(http: Http, settings: EntraSettings, vault: Vault, vault_key: String, clock: Arc<dyn Clock>) -> Self {
        let endpoint = TokenEndpoint { http, settings, clock, limits: Limits::default(), pause: Arc::new(TokioPause) };
        Self::of(endpoint, vault, vault_key, None)
    }

    /// The same settings, nothing kept, and an application that proves itself by a certificate in place of a person. It reads only, and
    /// no person can sign in.
    #[must_use]
    pub fn by_certificate(self, certificate: Certificate) -> Self {
        let Shared { endpoint, vault, vault_key, .. } = &*self.shared;
        Self::of(endpoint.clone(), vault.clone(), vault_key.clone(), Some(certificate))
    }

    /// Another session over the same vault, with other settings. `apart` keeps a refresh token of its own there; without it both use the
    /// same one.
    pub(super) fn beside(&self, settings: EntraSettings, apart: Option<&str>) -> Self {
        let Shared { endpoint, vault, vault_key, certificate, .. } = &*self.shared;
        let key = apart.map_or_else(|| vault_key.clone(), |name| format!("{vault_key}/{name}"));
        Self::of(TokenEndpoint { settings, ..endpoint.clone() }, vault.clone(), key, certificate.clone())
    }

    fn of(endpoint: TokenEndpoint, vault: Vault, vault_key: String, certificate: Option<Certificate>) -> Self {
        Self {
            shared: Arc::new(Shared {
                endpoint,
                vault,
                vault_key,
                certificate,
                state: Arc::default(),
                granted: std::sync::Mutex::default(),
            }),
        }
    }

    /// Whether an application is what signs in.
    #[must_use]
    pub fn is_app(&self) -> bool {
        self.shared.certificate.is_some()
    }

    /// The same settings and vault, nothing kept, and another way to wait before asking a busy service again.
    #[must_use]
    pub fn with_pause(self, pause: Arc<dyn Pause>) -> Self {
        let Shared { endpoint, vault, vault_key, certificate, .. } = &*self.shared;
        let endpoint = TokenEndpoint { pause, ..endpoint.clone() };
        Self::of(endpoint, vault.clone(), vault_key.clone(), certificate.clone())
    }

    /// Signs in again with the refresh token from the vault.
    ///
    /// # Errors
    /// [`SignInError::SignedOut`] when there is none; else why the service did not take it.
    pub async fn resume(&self) -> Result<Account, SignInError> {
        let mut state = self.lock().await;
        state.refused.clear();
        if let (Some(account), Some(_)) = (&state.account, state.fresh(Purpose::Read, self.now())) {
            return Ok(account.clone());
        }
        self.renew(state, Purpose::Read).await?;
        self.account().await.ok_or_else(|| not_understood("there is no id token in it"))
    }

    /// Offers a refresh token from elsewhere, used while the vault has none; what it brings is kept in the vault.
    pub async fn offer(&self, refresh: Secret) {
        let key = self.key(Purpose::Read);
        self.lock().await.refresh.entry(key).or_insert(refresh);
    }

    /// Starts a sign-in in the browser, for reading.
    ///
    /// # Errors
    /// No port on this machine can be opened.
    pub async fn begin(&self) -> Result<BrowserSignIn, SignInError> {
        self.begin_for(Purpose::Read).await
    }

    /// Starts a sign-in in the browser that asks for consent to what this purpose needs; needed for [`Purpose::Write`] when
    /// [`Session::token`] says that a person must sign in.
    ///
    /// # Errors
    /// No port on this machine can be opened.
    pub async fn begin_for(&self, purpose: Purpose) -> Result<BrowserSignIn, SignInError> {
        if self.is_app() {
            return Err(SignInError::PersonNeeded);
        }
        BrowserSignIn::start(self.clone(), purpose).await
    }

    /// Starts a sign-in in any way.
    ///
    /// # Errors
    /// The way is closed: no port on this machine, or the service gives no code.
    pub async fn start(&self, way: Way, purpose: Purpose) -> Result<SignIn, SignInError> {
        if self.is_app() {
            return Err(SignInError::PersonNeeded);
        }
        SignIn::start(self.clone(), way, purpose).await
    }

    /// The permissions that the service named when it gave the newest token; empty when it gave none or does not say.
    #[must_use]
    pub fn granted(&self, purpose: Purpose) -> Vec<String> {
        self.shared.granted().get(&purpose).cloned().unwrap_or_default()
    }

    /// A token that is good for a while; renewed first if it is about to end.
    ///
    /// Many may ask at once: one request is sent. It is finished even if whoever asked goes away, so that a refresh token
    /// that was replaced is never lost.
    ///
    /// # Errors
    /// Why there is none; [`SignInError::needs_person`] tells whether signing in would help.
    pub async fn token(&self, purpose: Purpose) -> Result<BoundToken, SignInError> {
        let state = self.lock().await;
        if let Some(token) = state.fresh(purpose, self.now()) {
            return Ok(token);
        }
        if let Some(refused) = state.refused.get(&purpose) {
            return Err(refused.clone());
        }
        self.renew(state, purpose).await
    }

    /// A token in place of one that Graph did not accept; the one at hand if somebody renewed it meanwhile.
    pub(super) async fn instead_of(&self, refused: &BoundToken, purpose: Purpose) -> Result<BoundToken, SignInError> {
        self.forget(refused, purpose).await;
        self.token(purpose).await
    }

    /// Forgets an access token that Graph did not accept.
    pub(super) async fn forget(&self, refused: &BoundToken, purpose: Purpose) {
        let mut state = self.lock().await;
        if state.access.get(&purpose).is_some_and(|access| access.token.same_as(refused)) {
            state.access.remove(&purpose);
        }
    }

    /// Takes a claims challenge: from now on every token is asked for with it.
    pub(super) async fn challenged(&self, challenge: Value) {
        self.lock().await.challenge = Some(challenge);
    }

    /// The `claims` parameter for the next request.
    pub(super) async fn claims(&self) -> String {
        claims::parameter(self.lock().await.challenge.as_ref())
    }

    /// Forgets that it was refused what only a person could change.
    pub(super) async fn try_again(&self) {
        self.lock().await.refused.clear();
    }

    /// Forgets all tokens, in memory and in the vault.
    pub async fn sign_out(&self) {
        let mut state = self.lock().await;
        *state = State::default();
        self.shared.granted().clear();
        for key in [self.key(Purpose::Read), self.key(Purpose::Write)] {
            if let Err(problem) = self.shared.vault.delete(&key).await {
                state.unsaved = Some(problem);
            }
        }
    }

    /// Who is signed in; `None` before the first sign-in or [`Session::resume`].
    pub async fn account(&self) -> Option<Account> {
        self.lock().await.account.clone()
    }

    /// Why the newest refresh token is in memory only, or could not be deleted; `None` when all is as it should be.
    pub async fn unsaved(&self) -> Option<Problem> {
        self.lock().await.unsaved.clone()
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &EntraSettings {
        &self.shared.endpoint.settings
    }

    pub(super) fn endpoint(&self) -> &TokenEndpoint {
        &self.shared.endpoint
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.endpoint.clock.now()
    }

    /// Takes over what a sign-in brought.
    pub(super) async fn signed_in(&self, purpose: Purpose, tokens: Tokens) -> Result<Account, SignInError> {
        let account = tokens.account.clone().ok_or_else(|| not_understood("there is no id token in it"))?;
        let mut state = self.lock().await;
        match purpose {
            Purpose::Read => {
                *state = State::default();
                self.shared.granted().clear();
            }
            Purpose::Write => same_account(state.account.as_ref(), &account)?,
        }
        state.refused.remove(&purpose);
        state.challenge = None;
        self.shared.keep(&mut state, purpose, tokens).await;
        Ok(account)
    }

    /// In a task of its own, which holds the lock: dropping the caller does not stop it half way.
    async fn renew(&self, mut state: OwnedMutexGuard<State>, purpose: Purpose) -> Result<BoundToken, SignInError> {
        let shared = Arc::clone(&self.shared);
        let task = tokio::spawn(async move { shared.renew(&mut state, purpose).await });
        task.await.unwrap_or_else(|_| Err(not_understood("the renewal was stopped")))
    }

    async fn lock(&self) -> OwnedMutexGuard<State> {
        Arc::clone(&self.shared.state).lock_owned().await
    }

    fn key(&self, purpose: Purpose) -> String {
        self.shared.key(purpose)
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("authority", &self.settings().authority.as_str()).finish_non_exhaustive()
    }
}

impl Shared {
    fn granted(&self) -> std::sync::MutexGuard<'_, HashMap<Purpose, Vec<String>>> {
        self.granted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn renew(&self, state: &mut State, purpose: Purpose) -> Result<BoundToken, SignInError> {
        let spare = state.refresh.get(&self.key(purpose)).cloned();
        let claims = claims::parameter(state.challenge.as_ref());
        let renewed = self.ask(purpose, spare, state.account.clone(), &claims).await;
        match renewed {
            Ok(tokens) => Ok(self.keep(state, purpose, tokens).await),
            Err(error) => {
                if let SignInError::Refused { claims: Some(challenge), .. } = &error {
                    state.challenge = Some((**challenge).clone());
                }
                // Being signed out is not kept: another Guidepost may sign in, and looking costs no request.
                if error.needs_person() && error != SignInError::SignedOut {
                    state.refused.insert(purpose, error.clone());
                }
                Err(error)
            }
        }
    }

    async fn ask(&self, purpose: Purpose, spare: Option<Secret>, known: Option<Account>, claims: &str) -> Result<Tokens, SignInError> {
        if let Some(certificate) = &self.certificate {
            return app::tokens(certificate, &self.endpoint, purpose, claims).await;
        }
        // The vault first: another Guidepost may have renewed it since.
        let kept = self.vault.get(&self.key(purpose)).await.or(spare);
        let refresh = kept.ok_or(SignInError::SignedOut)?;
        let tokens = self.endpoint.refresh(purpose, &refresh, claims).await?;
        if let Some(account) = &tokens.account {
            same_account(known.as_ref(), account)?;
        }
        Ok(tokens)
    }

    async fn keep(&self, state: &mut State, purpose: Purpose, tokens: Tokens) -> BoundToken {
        let token = BoundToken::new(tokens.access, &self.endpoint.settings.graph);
        let lives = SignedDuration::try_from(tokens.lives).unwrap_or(SignedDuration::ZERO);
        let until = self.endpoint.clock.now() + (lives - MARGIN.min(lives / 5));
        state.access.insert(purpose, Access { token: token.clone(), until });
        self.granted().insert(purpose, tokens.scope);
        if tokens.account.is_some() {
            state.account = tokens.account;
        }
        if let Some(refresh) = tokens.refresh {
            let key = self.key(purpose);
            state.refresh.insert(key.clone(), refresh.clone());
            state.unsaved = self.vault.put(&key, refresh).await.err();
        }
        token
    }

    fn key(&self, purpose: Purpose) -> String {
        match purpose {
            Purpose::Write if self.endpoint.settings.writes_apart() => format!("{}/write", self.vault_key),
            Purpose::Write | Purpose::Read => self.vault_key.clone(),
        }
    }
}

impl State {
    fn fresh(&self, purpose: Purpose, now: Timestamp) -> Option<BoundToken> {
        self.access.get(&purpose).filter(|access| now < access.until).map(|access| access.token.clone())
    }
}

/// Reading as one person and writing as another would make every "who did it" wrong.
fn same_account(known: Option<&Account>, new: &Account) -> Result<(), SignInError> {
    match known {
        Some(known) if (&known.id, &known.tenant_id) != (&new.id, &new.tenant_id) => Err(SignInError::OtherAccount),
        Some(_) | None => Ok(()),
    }
}
