//! Secrets that outlive the process: the system's keyring, else memory only. Never a file, never the environment.
//!
//! Every call to a keyring happens on one thread of its own and is given up after a while: a keyring that waits for a
//! prompt which nobody sees blocked 25 to 120 s when measured (`facts/platforms.md`).

mod keyring;

use crate::base::{Problem, Secret};
use keyring_core::CredentialStore;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a keyring may take for one call.
const PATIENCE: Duration = Duration::from_secs(3);

/// Keeps secrets by key; clones are the same vault.
#[derive(Clone)]
pub struct Vault {
    shared: Arc<Shared>,
}

struct Shared {
    memory: Mutex<HashMap<String, Secret>>,
    keyring: Option<keyring::Worker>,
    /// Set once the keyring did not answer in time: it is not asked again, so that nothing waits twice.
    given_up: AtomicBool,
}

impl Vault {
    /// Keeps secrets until the process ends.
    #[must_use]
    pub fn memory() -> Self {
        Self::over(None)
    }

    /// Opens the system's keyring under the name `app`, and tries it by writing and deleting one entry.
    ///
    /// The text says why secrets stay in memory only, to be said once; `None` when the keyring works. Takes at most 3 s.
    pub async fn open(app: &str) -> (Self, Option<String>) {
        Self::open_with(app, PATIENCE, keyring::system_store).await
    }

    /// As [`Vault::open`], over any store, with a time-out.
    pub async fn open_with<F>(app: &str, patience: Duration, open: F) -> (Self, Option<String>)
    where
        F: FnOnce() -> keyring_core::Result<Arc<CredentialStore>> + Send + 'static,
    {
        match keyring::Worker::start(app, patience, open).await {
            Ok(worker) => (Self::over(Some(worker)), None),
            Err(why) => (Self::memory(), Some(format!("{why}; you stay signed in only until Guidepost ends"))),
        }
    }

    fn over(keyring: Option<keyring::Worker>) -> Self {
        Self { shared: Arc::new(Shared { memory: Mutex::default(), keyring, given_up: AtomicBool::new(false) }) }
    }

    /// The secret under this key; `None` if there is none or it cannot be read any more.
    pub async fn get(&self, key: &str) -> Option<Secret> {
        // What is in memory is what the keyring did not take, and so the newer one.
        let waiting = self.lock().get(key).cloned();
        match (waiting, self.keyring()) {
            (None, Some(keyring)) => self.heard(keyring.get(key).await).ok().flatten(),
            (waiting, _) => waiting,
        }
    }

    /// Keeps the secret under this key, in place of what was there.
    ///
    /// # Errors
    /// The keyring did not take it; it is kept in memory all the same.
    pub async fn put(&self, key: &str, secret: Secret) -> Result<(), Problem> {
        self.lock().insert(key.to_owned(), secret.clone());
        let Some(keyring) = self.keyring() else { return Ok(()) };
        self.heard(keyring.put(key, secret.clone()).await).map_err(|why| problem("keep a secret in", &why))?;
        let mut memory = self.lock();
        // Unless somebody put a newer one meanwhile.
        if memory.get(key) == Some(&secret) {
            memory.remove(key);
        }
        Ok(())
    }

    /// Forgets the secret under this key, all its parts.
    ///
    /// # Errors
    /// The keyring did not delete it.
    pub async fn delete(&self, key: &str) -> Result<(), Problem> {
        self.lock().remove(key);
        match self.keyring() {
            Some(keyring) => self.heard(keyring.delete(key).await).map_err(|why| problem("delete a secret from", &why)),
            None => Ok(()),
        }
    }

    fn keyring(&self) -> Option<&keyring::Worker> {
        self.shared.keyring.as_ref().filter(|_| !self.shared.given_up.load(Ordering::Relaxed))
    }

    fn heard<T>(&self, answer: Result<T, keyring::Failure>) -> Result<T, keyring::Failure> {
        if matches!(answer, Err(keyring::Failure::Silent(_))) {
            self.shared.given_up.store(true, Ordering::Relaxed);
        }
        answer
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Secret>> {
        self.shared.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.keyring().is_some() { "Vault(keyring)" } else { "Vault(memory)" })
    }
}

fn problem(deed: &str, why: &keyring::Failure) -> Problem {
    Problem::new(format!("cannot {deed} the system's keyring: {why}")).hint("unlock the keyring and sign in again to be remembered")
}
