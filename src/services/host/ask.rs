//! Asking a host's scripts: one request at a time, a large answer part by part, until the result is whole. Not for what a result means.

use super::script::{Host, HostError, Script};
use crate::base::Secret;
use crate::base::text;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tokio::sync::Mutex;

/// The most parts of one answer: a run takes 20 s and more on Azure.
const MOST_PARTS: usize = 64;
/// The most characters of one answer, all parts together.
const LONGEST: usize = 4 * 1024 * 1024;

/// A host to be asked.
pub struct Asker {
    host: Arc<dyn Host>,
    /// The parts of an answer belong together.
    turn: Mutex<()>,
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoResult {
    /// The host gave no answer, or none that can be read.
    Host(HostError),
    /// The script met trouble, and said so.
    Trouble(Trouble),
}

impl From<HostError> for NoResult {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

/// What a script met.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// The LDAP result code, where it came from a directory.
    pub code: Option<u32>,
    /// The words of whoever refused; hostile text.
    pub said: String,
}

/// What every script prints.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    format: u32,
    script: String,
    result: Option<Value>,
    part: Option<Part>,
    error: Option<Trouble>,
}

/// A part of a result that is too large for one answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    from: usize,
    length: usize,
    hash: String,
    text: String,
}

impl Asker {
    /// Asks `host`.
    #[must_use]
    pub fn new(host: Arc<dyn Host>) -> Self {
        Self { host, turn: Mutex::default() }
    }

    /// The host's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.host.name()
    }

    /// Runs a script, again for each part of a large answer, and reads its result. A script that changes anything runs once.
    ///
    /// # Errors
    /// Why there is no result.
    pub async fn ask<R: DeserializeOwned>(&self, script: &Script, values: &Value, secret: Option<&Secret>) -> Result<R, NoResult> {
        let _turn = self.turn.lock().await;
        let answer = self.run(script, values, secret, 0).await?;
        let result = match (answer.result, answer.part, answer.error) {
            (Some(result), None, None) => result,
            (None, Some(first), None) if !script.changes => self.rest(script, values, secret, first).await?,
            (None, None, Some(trouble)) => return Err(NoResult::Trouble(trouble)),
            _ => return Err(self.unreadable(script, "it is neither a result nor an error").into()),
        };
        serde_json::from_value(result).map_err(|error| self.unreadable(script, &error.to_string()).into())
    }

    /// That an answer cannot be read.
    #[must_use]
    pub fn unreadable(&self, script: &Script, why: &str) -> HostError {
        HostError::NoAnswer { host: text::short(self.host.name(), 120), script: script.name, why: text::short(why, 160) }
    }

    async fn run(&self, script: &Script, values: &Value, secret: Option<&Secret>, from: usize) -> Result<Answer, HostError> {
        let request = json!({"format": 1, "script": script.name, "from": from, "room": self.host.room(), "values": values});
        let answer = self.host.run(script, request, secret).await?;
        let answer: Answer = serde_json::from_value(answer).map_err(|error| self.unreadable(script, &error.to_string()))?;
        if answer.format != 1 || answer.script != script.name {
            return Err(self.unreadable(script, "it answers another request"));
        }
        Ok(answer)
    }

    /// The other parts, which must be of the same whole.
    async fn rest(&self, script: &Script, values: &Value, secret: Option<&Secret>, first: Part) -> Result<Value, HostError> {
        let (length, hash) = (first.length, first.hash.clone());
        if length > LONGEST {
            return Err(self.unreadable(script, &format!("it is larger than {} KiB", LONGEST / 1024)));
        }
        let (mut whole, mut part) = (String::new(), first);
        for _ in 0..MOST_PARTS {
            if part.from != whole.len() || part.length != length || part.hash != hash || part.text.is_empty() {
                return Err(self.unreadable(script, "what it read changed meanwhile"));
            }
            whole.push_str(&part.text);
            if whole.len() >= length {
                return self.joined(script, &whole, &hash);
            }
            let next = self.run(script, values, secret, whole.len()).await?.part;
            part = next.ok_or_else(|| self.unreadable(script, "a part is missing"))?;
        }
        Err(self.unreadable(script, "it has too many parts; ask by another way"))
    }

    fn joined(&self, script: &Script, whole: &str, hash: &str) -> Result<Value, HostError> {
        if sha256(whole.as_bytes()) != hash {
            return Err(self.unreadable(script, "its parts do not fit together"));
        }
        serde_json::from_str(whole).map_err(|error| self.unreadable(script, &error.to_string()))
    }
}

/// In lower-case hex.
pub(in crate::services) fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
