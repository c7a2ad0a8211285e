//! One thread that talks to the keyring. Values are cut in parts, because Windows takes at most 2,560 bytes a secret
//! (`CRED_MAX_CREDENTIAL_BLOB_SIZE`) and a refresh token of Entra may be longer.
//!
//! Under `key#n` stand the count of parts and a sum over the whole, under `key#0`, `key#1`, … the parts. The sum finds a
//! value that two processes wrote at once, or that was half written: it counts as none, and the person signs in again.

use crate::base::{Secret, text};
use keyring_core::{CredentialStore, Entry, Error};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// The most bytes of one part.
const PART: usize = 2_400;
/// The most parts that are read back or deleted; 240 kB is far beyond any token.
const MOST_PARTS: usize = 100;

/// Why the keyring did not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It did not answer in time.
    Silent(Duration),
    /// It refused, in words.
    Refused(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(patience) => write!(f, "it did not answer within {:.1} s", patience.as_secs_f64()),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

type Answer<T> = oneshot::Sender<Result<T, String>>;

enum Job {
    Try(Answer<()>),
    Get(String, Answer<Option<Secret>>),
    Put(String, Secret, Answer<()>),
    Delete(String, Answer<()>),
}

/// The async end. The thread ends when this is dropped; one that is stuck in a call is left behind and ends with the process.
pub(super) struct Worker {
    jobs: SyncSender<Job>,
    patience: Duration,
}

impl Worker {
    /// Opens and tries the store.
    pub(super) async fn start<F>(app: &str, patience: Duration, open: F) -> Result<Self, String>
    where
        F: FnOnce() -> keyring_core::Result<Arc<CredentialStore>> + Send + 'static,
    {
        // Few: calls are rare. A full queue means that the keyring hangs, which is what the sender then hears.
        let (jobs, queue) = sync_channel(16);
        let app = app.to_owned();
        let thread = std::thread::Builder::new().name("keyring".to_owned()).spawn(move || serve(&app, open, &queue));
        thread.map_err(|error| format!("no thread for the keyring: {error}"))?;
        let worker = Self { jobs, patience };
        let (answer, heard) = oneshot::channel();
        match worker.ask(Job::Try(answer), heard).await {
            Ok(()) => Ok(worker),
            Err(failure) => Err(format!("no keyring here: {failure}")),
        }
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<Secret>, Failure> {
        let (answer, heard) = oneshot::channel();
        self.ask(Job::Get(key.to_owned(), answer), heard).await
    }

    pub(super) async fn put(&self, key: &str, secret: Secret) -> Result<(), Failure> {
        let (answer, heard) = oneshot::channel();
        self.ask(Job::Put(key.to_owned(), secret, answer), heard).await
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), Failure> {
        let (answer, heard) = oneshot::channel();
        self.ask(Job::Delete(key.to_owned(), answer), heard).await
    }

    async fn ask<T>(&self, job: Job, heard: oneshot::Receiver<Result<T, String>>) -> Result<T, Failure> {
        match self.jobs.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(Failure::Silent(self.patience)),
            Err(TrySendError::Disconnected(_)) => return Err(Failure::Refused("it went away".to_owned())),
        }
        match tokio::time::timeout(self.patience, heard).await {
            Ok(Ok(result)) => result.map_err(Failure::Refused),
            Ok(Err(_)) => Err(Failure::Refused("it went away".to_owned())),
            Err(_) => Err(Failure::Silent(self.patience)),
        }
    }
}

/// The system's own store.
pub(super) fn system_store() -> keyring_core::Result<Arc<CredentialStore>> {
    #[cfg(windows)]
    let store = windows_native_keyring_store::Store::new()?;
    #[cfg(target_os = "macos")]
    let store = apple_native_keyring_store::keychain::Store::new()?;
    #[cfg(all(unix, not(target_os = "macos")))]
    let store = zbus_secret_service_keyring_store::Store::new()?;
    Ok(store)
}

fn serve(app: &str, open: impl FnOnce() -> keyring_core::Result<Arc<CredentialStore>>, queue: &Receiver<Job>) {
    let opened = open().map(|store| Parts { app: app.to_owned(), store }).map_err(|error| words(&error));
    // Whoever asked may have given up meanwhile: then nobody hears the answer, and that is all.
    while let Ok(job) = queue.recv() {
        match job {
            Job::Try(answer) => drop(answer.send(on(&opened, Parts::try_out))),
            Job::Get(key, answer) => drop(answer.send(on(&opened, |parts| parts.get(&key)))),
            Job::Put(key, secret, answer) => drop(answer.send(on(&opened, |parts| parts.put(&key, &secret)))),
            Job::Delete(key, answer) => drop(answer.send(on(&opened, |parts| parts.delete(&key)))),
        }
    }
}

fn on<T>(opened: &Result<Parts, String>, deed: impl FnOnce(&Parts) -> keyring_core::Result<T>) -> Result<T, String> {
    match opened {
        Ok(parts) => deed(parts).map_err(|error| words(&error)),
        Err(why) => Err(why.clone()),
    }
}

/// Values in parts, in a store.
struct Parts {
    app: String,
    store: Arc<CredentialStore>,
}

impl Parts {
    /// Writes, because reading alone does not show that a keyring is locked.
    fn try_out(&self) -> keyring_core::Result<()> {
        let entry = self.entry("try")?;
        entry.set_secret(b"works")?;
        absent_is_fine(entry.delete_credential())
    }

    fn get(&self, key: &str) -> keyring_core::Result<Option<Secret>> {
        let Some((count, sum)) = self.head(key)? else { return Ok(None) };
        let mut whole = Zeroizing::new(Vec::with_capacity(count * PART));
        for part in 0..count {
            let Some(bytes) = self.read(&format!("{key}#{part}"))? else { return Ok(None) };
            whole.extend_from_slice(&bytes);
        }
        if sum_of(&whole) != sum {
            return Ok(None);
        }
        Ok(std::str::from_utf8(&whole).ok().map(Secret::new))
    }

    fn put(&self, key: &str, secret: &Secret) -> keyring_core::Result<()> {
        let bytes = secret.expose().as_bytes();
        let before = self.head(key)?.map_or(0, |(count, _)| count);
        let mut count = 0;
        for part in bytes.chunks(PART) {
            self.entry(&format!("{key}#{count}"))?.set_secret(part)?;
            count += 1;
        }
        self.entry(&format!("{key}#n"))?.set_secret(format!("{count} {}", sum_of(bytes)).as_bytes())?;
        (count..before).try_for_each(|part| self.remove(&format!("{key}#{part}")))
    }

    /// The head goes last: as long as it stands, a delete that was cut short can be done again.
    fn delete(&self, key: &str) -> keyring_core::Result<()> {
        let count = self.head(key)?.map_or(0, |(count, _)| count);
        (0..count).try_for_each(|part| self.remove(&format!("{key}#{part}")))?;
        self.remove(&format!("{key}#n"))
    }

    fn head(&self, key: &str) -> keyring_core::Result<Option<(usize, String)>> {
        let Some(bytes) = self.read(&format!("{key}#n"))? else { return Ok(None) };
        let head = std::str::from_utf8(&bytes).ok().and_then(|text| text.split_once(' '));
        let head = head.and_then(|(count, sum)| Some((count.parse().ok()?, sum.to_owned())));
        Ok(head.filter(|(count, _)| *count <= MOST_PARTS))
    }

    fn read(&self, name: &str) -> keyring_core::Result<Option<Zeroizing<Vec<u8>>>> {
        match self.entry(name)?.get_secret() {
            Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn remove(&self, name: &str) -> keyring_core::Result<()> {
        absent_is_fine(self.entry(name)?.delete_credential())
    }

    fn entry(&self, name: &str) -> keyring_core::Result<Entry> {
        self.store.build(&self.app, name, None)
    }
}

fn absent_is_fine(deleted: keyring_core::Result<()>) -> keyring_core::Result<()> {
    match deleted {
        Err(Error::NoEntry) => Ok(()),
        other => other,
    }
}

/// 128 bits are plenty against chance; nobody who can write to the keyring needs to forge it.
fn sum_of(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().take(16).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// No session bus is the everyday case (SSH, containers, CI), and the library's words for it are two lines of an address.
fn no_answer(why: &str) -> String {
    if why.contains("Failed to connect to address") {
        return "no session bus runs here".to_owned();
    }
    format!("it does not answer ({})", text::short(why, 160))
}

/// In an admin's words; never the crate's `Debug`, which may show the bytes of a secret.
fn words(error: &Error) -> String {
    let known = match error {
        Error::NoStorageAccess(_) => "it is locked and cannot be unlocked from here",
        Error::Ambiguous(_) => "it holds the same entry twice",
        Error::NoEntry | Error::BadEncoding(_) | Error::BadDataFormat(..) | Error::BadStoreFormat(_) => {
            "it answered with something that is not ours"
        }
        Error::NoDefaultStore => "this system has none",
        Error::PlatformFailure(why) => return no_answer(&why.to_string()),
        Error::TooLong(..) | Error::Invalid(..) | Error::NotSupportedByStore(_) => return text::short(&error.to_string(), 160),
        // The enum may grow (it is non-exhaustive).
        _ => "it failed",
    };
    known.to_owned()
}
