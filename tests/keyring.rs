//! `services::vault` over a store that behaves badly, and over this system's real Secret Service. The promises are the names.

#![expect(clippy::unwrap_used, reason = "tests")]

use guidepost::base::Secret;
use guidepost::services::vault::Vault;
use keyring_core::api::{Credential, CredentialApi, CredentialPersistence, CredentialStore, CredentialStoreApi};
use keyring_core::{Entry, Error, Result};
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const APP: &str = "guidepost-test";
const PATIENCE: Duration = Duration::from_secs(5);

/// As Windows: at most 2,560 bytes an entry.
#[derive(Clone, Default)]
struct Small {
    entries: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    locked: Arc<AtomicBool>,
    hung: Arc<AtomicBool>,
}

impl Small {
    fn names(&self) -> Vec<String> {
        self.entries.lock().unwrap().keys().cloned().collect()
    }

    fn entry(&self, name: &str) -> Item {
        Item { store: self.clone(), name: name.to_owned() }
    }
}

impl CredentialStoreApi for Small {
    fn vendor(&self) -> String {
        "small".to_owned()
    }

    fn id(&self) -> String {
        "small".to_owned()
    }

    fn build(&self, service: &str, user: &str, _: Option<&std::collections::HashMap<&str, &str>>) -> Result<Entry> {
        assert_eq!(service, APP);
        Ok(Entry::new_with_credential(Arc::new(self.entry(user))))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn persistence(&self) -> CredentialPersistence {
        CredentialPersistence::ProcessOnly
    }
}

struct Item {
    store: Small,
    name: String,
}

impl Item {
    fn reach(&self) -> Result<()> {
        while self.store.hung.load(Ordering::SeqCst) {
            std::thread::park();
        }
        if self.store.locked.load(Ordering::SeqCst) {
            return Err(Error::NoStorageAccess("a prompt that nobody sees".into()));
        }
        Ok(())
    }
}

impl CredentialApi for Item {
    fn set_secret(&self, secret: &[u8]) -> Result<()> {
        self.reach()?;
        if secret.len() > 2560 {
            return Err(Error::TooLong("secret".to_owned(), 2560));
        }
        self.store.entries.lock().unwrap().insert(self.name.clone(), secret.to_vec());
        Ok(())
    }

    fn get_secret(&self) -> Result<Vec<u8>> {
        self.reach()?;
        self.store.entries.lock().unwrap().get(&self.name).cloned().ok_or(Error::NoEntry)
    }

    fn delete_credential(&self) -> Result<()> {
        self.reach()?;
        self.store.entries.lock().unwrap().remove(&self.name).map(|_| ()).ok_or(Error::NoEntry)
    }

    fn get_credential(&self) -> Result<Option<Arc<Credential>>> {
        Ok(None)
    }

    fn get_specifiers(&self) -> Option<(String, String)> {
        None
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

async fn open(store: &Small, patience: Duration) -> (Vault, Option<String>) {
    let store: Arc<CredentialStore> = Arc::new(store.clone());
    Vault::open_with(APP, patience, move || Ok(store)).await
}

/// Long, and never the same in two places, so that a wrong order shows.
fn long(length: usize, seed: usize) -> String {
    (0..length).map(|at| char::from(b'!' + u8::try_from((at * 31 + at / 97 + seed) % 90).unwrap())).collect()
}

async fn read(vault: &Vault, key: &str) -> Option<String> {
    vault.get(key).await.map(|secret| secret.expose().to_owned())
}

#[tokio::test]
async fn a_long_secret_is_kept_in_parts_and_comes_back_whole_in_another_process() {
    let store = Small::default();
    let (vault, why) = open(&store, PATIENCE).await;
    assert_eq!((why, store.names()), (None, vec![]), "trying the keyring out leaves nothing behind");
    for length in [0, 1, 2400, 2401, 4800, 9000] {
        vault.put("lab", Secret::new(long(length, 1))).await.unwrap();
        let (other, _) = open(&store, PATIENCE).await;
        assert_eq!(read(&other, "lab").await, Some(long(length, 1)), "{length}");
    }
    assert_eq!(store.names(), ["lab#0", "lab#1", "lab#2", "lab#3", "lab#n"]);
    vault.put("lab", Secret::new("ä漢".repeat(700))).await.unwrap();
    assert_eq!(read(&vault, "lab").await, Some("ä漢".repeat(700)), "a part may end within a character");
    assert_eq!(store.names(), ["lab#0", "lab#1", "lab#n"], "parts that are not needed any more are deleted");
    vault.put("lab2", Secret::new("x")).await.unwrap();
    vault.delete("lab").await.unwrap();
    vault.delete("lab").await.unwrap();
    assert_eq!(store.names(), ["lab2#0", "lab2#n"]);
    assert!(read(&vault, "lab").await.is_none());
}

#[tokio::test]
async fn a_secret_that_was_written_by_halves_is_none() {
    let store = Small::default();
    let (vault, _) = open(&store, PATIENCE).await;
    vault.put("lab", Secret::new(long(5000, 1))).await.unwrap();
    let kept = store.entries.lock().unwrap().clone();
    for (name, bytes) in [("lab#1", b"other".to_vec()), ("lab#n", b"nonsense".to_vec()), ("lab#n", b"999999999 x".to_vec())] {
        store.entries.lock().unwrap().clone_from(&kept);
        store.entries.lock().unwrap().insert(name.to_owned(), bytes);
        assert!(read(&vault, "lab").await.is_none(), "{name}");
    }
    store.entries.lock().unwrap().clone_from(&kept);
    store.entries.lock().unwrap().remove("lab#2");
    assert!(read(&vault, "lab").await.is_none());
    vault.put("lab", Secret::new("again")).await.unwrap();
    assert_eq!(read(&vault, "lab").await.as_deref(), Some("again"));
}

#[tokio::test]
async fn a_locked_keyring_means_memory_only_and_says_so() {
    let store = Small::default();
    store.locked.store(true, Ordering::SeqCst);
    let (vault, why) = open(&store, PATIENCE).await;
    let expected = "no keyring here: it is locked and cannot be unlocked from here; you stay signed in only until Guidepost ends";
    assert_eq!(why.as_deref(), Some(expected));
    vault.put("lab", Secret::new("x")).await.unwrap();
    assert_eq!(read(&vault, "lab").await.as_deref(), Some("x"));
    vault.delete("lab").await.unwrap();
    assert!(read(&vault, "lab").await.is_none() && store.names().is_empty());
}

#[tokio::test]
async fn a_keyring_that_never_answers_is_given_up_once() {
    let store = Small::default();
    store.hung.store(true, Ordering::SeqCst);
    let started = Instant::now();
    let (vault, why) = open(&store, Duration::from_millis(100)).await;
    assert!(why.unwrap().starts_with("no keyring here: it did not answer within 0.1 s"));
    vault.put("lab", Secret::new("x")).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(3));
    let (vault, why) = Vault::open_with(APP, Duration::from_millis(100), || {
        loop {
            std::thread::park();
        }
    })
    .await;
    assert!(why.is_some() && format!("{vault:?}") == "Vault(memory)");
}

#[tokio::test]
async fn a_keyring_that_goes_bad_later_costs_no_secret_and_one_time_out() {
    let store = Small::default();
    let (vault, why) = open(&store, Duration::from_millis(500)).await;
    assert_eq!((why, format!("{vault:?}").as_str()), (None, "Vault(keyring)"));
    vault.put("lab", Secret::new("first")).await.unwrap();
    store.locked.store(true, Ordering::SeqCst);
    let problem = vault.put("lab", Secret::new("second")).await.unwrap_err();
    assert_eq!(problem.what, "cannot keep a secret in the system's keyring: it is locked and cannot be unlocked from here");
    store.locked.store(false, Ordering::SeqCst);
    assert_eq!(read(&vault, "lab").await.as_deref(), Some("second"), "the keyring's is the older one");
    store.hung.store(true, Ordering::SeqCst);
    assert!(vault.put("lab", Secret::new("third")).await.is_err());
    assert_eq!(format!("{vault:?}"), "Vault(memory)");
    vault.put("lab", Secret::new("fourth")).await.unwrap();
    assert_eq!(read(&vault, "lab").await.as_deref(), Some("fourth"));
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_says_why() {
    let (_, why) = Vault::open_with(APP, PATIENCE, || Err(Error::PlatformFailure("no \u{1b}[2J session bus".into()))).await;
    let expected = "no keyring here: it does not answer (no \u{fffd}[2J session bus); you stay signed in only until Guidepost ends";
    assert_eq!(why.as_deref(), Some(expected));
}

/// `scripts/with-secret-service` says in the environment what kind of keyring there is: then this may not skip.
#[cfg(all(unix, not(target_os = "macos")))]
#[tokio::test]
async fn the_real_secret_service_keeps_secrets_or_is_given_up_in_time() {
    let kind = std::env::var("GUIDEPOST_TEST_SECRET_SERVICE").unwrap_or_default();
    if kind.is_empty() {
        eprintln!("skipped: no throw-away Secret Service here; run scripts/with-secret-service");
        return;
    }
    let started = Instant::now();
    let (vault, why) = Vault::open(APP).await;
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    eprintln!("{kind}: {why:?} after {:?}", started.elapsed());
    if kind != "1" && kind != "open" {
        assert!(why.unwrap().starts_with("no keyring here: "));
        return;
    }
    assert_eq!(why, None);
    let secret = long(6000, 2);
    vault.put("lab", Secret::new(secret.clone())).await.unwrap();
    let (other, _) = Vault::open(APP).await;
    assert_eq!(read(&other, "lab").await, Some(secret));
    vault.put("lab", Secret::new("short")).await.unwrap();
    assert_eq!(read(&other, "lab").await.as_deref(), Some("short"));
    other.delete("lab").await.unwrap();
    assert!(read(&vault, "lab").await.is_none());
}
