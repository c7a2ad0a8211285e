//! The reviewed PowerShell and how it is run somewhere: a request goes in as data, one answer comes out between two markers. Not for how a
//! script gets to its host.

use crate::base::{Problem, Secret, text};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::time::Duration;

/// What each script begins with.
const PRELUDE: &str = include_str!("../../../assets/scripts/prelude.ps1");
/// The lines around an answer.
const MARKERS: (&str, &str) = ("GUIDEPOST-BEGIN", "GUIDEPOST-END");

/// A reviewed script in the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Script {
    /// Its name: the file's in `assets/scripts`.
    pub name: &'static str,
    /// Its own text, without what all begin with.
    pub text: &'static str,
    /// Whether it changes anything; a script that does is never run twice by itself.
    pub changes: bool,
}

impl Script {
    /// The whole text, as a host runs it; the same for every request.
    #[must_use]
    pub fn whole(&self) -> String {
        format!("{PRELUDE}\n{}", self.text)
    }
}

/// A request as a host hands it to the script: JSON in base64, which needs no quoting in any shell.
#[must_use]
pub fn encode(request: &Value) -> String {
    STANDARD.encode(request.to_string())
}

/// The answer in a host's output, whatever stands around it.
///
/// # Errors
/// [`HostError::NoAnswer`]: there is none, it is cut off, or it is no JSON.
pub fn answer(host: &str, script: &Script, output: &str) -> Result<Value, HostError> {
    let none = |why: &str| HostError::NoAnswer { host: host.to_owned(), script: script.name, why: why.to_owned() };
    let (_, rest) = output.rsplit_once(MARKERS.0).ok_or_else(|| none("its beginning is missing"))?;
    let (json, _) = rest.split_once(MARKERS.1).ok_or_else(|| none("its end is missing"))?;
    serde_json::from_str(json.trim()).map_err(|error| none(&text::short(&error.to_string(), 120)))
}

/// Why a script gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// It was not started.
    #[error("the script `{script}` could not be started on `{host}`: {why}")]
    NotStarted {
        /// The host.
        host: String,
        /// Which script.
        script: &'static str,
        /// Why, cleaned.
        why: String,
    },
    /// It was started and did not end in time.
    #[error("the script `{script}` on `{host}` did not end within {} s", after.as_secs())]
    TimedOut {
        /// The host.
        host: String,
        /// Which script.
        script: &'static str,
        /// The limit.
        after: Duration,
    },
    /// It was started, and what came back is no answer.
    #[error("the script `{script}` on `{host}` gave no answer that can be read: {why}")]
    NoAnswer {
        /// The host.
        host: String,
        /// Which script.
        script: &'static str,
        /// What is wrong with it, cleaned.
        why: String,
    },
}

impl HostError {
    /// Whether it surely did nothing.
    #[must_use]
    pub fn not_run(&self) -> bool {
        match self {
            Self::NotStarted { .. } => true,
            Self::TimedOut { .. } | Self::NoAnswer { .. } => false,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotStarted { .. } => "check that the machine runs and that scripts can be run on it",
            Self::TimedOut { .. } => "it may still be running there; look again in a few minutes",
            Self::NoAnswer { .. } => "look at the machine's own log of scripts; its output may have been cut",
        }
    }
}

impl From<HostError> for Problem {
    fn from(error: HostError) -> Self {
        Self::unknown(error.to_string()).hint(error.hint())
    }
}

/// A machine that runs scripts.
#[async_trait]
pub trait Host: Send + Sync {
    /// Its name, for sentences.
    fn name(&self) -> &str;

    /// The most characters of an answer that it brings back whole; Azure's run command keeps the last 4096 bytes of what a script prints.
    fn room(&self) -> usize;

    /// Runs a script with a request of its contract, and gives its answer. The secret, if any, must not stay on the machine.
    ///
    /// # Errors
    /// There is no answer; [`HostError::not_run`] says whether the script surely did nothing.
    async fn run(&self, script: &Script, request: Value, secret: Option<&Secret>) -> Result<Value, HostError>;
}

#[cfg(test)]
mod tests {
    use super::{HostError, Script, answer, encode};
    use base64::Engine as _;
    use serde_json::json;

    const SCRIPT: Script = Script { name: "read-root", text: "job", changes: false };

    #[test]
    fn an_answer_is_found_whatever_stands_around_it() {
        let printed = "WARNING: x\r\nGUIDEPOST-BEGIN\r\n{\"format\":1}\r\nGUIDEPOST-END\r\nmore";
        assert_eq!(answer("DC1", &SCRIPT, printed), Ok(json!({"format": 1})));
        for (printed, why) in [
            ("", "its beginning is missing"),
            ("ormat\":1}\nGUIDEPOST-END", "its beginning is missing"),
            ("GUIDEPOST-BEGIN\n{\"for", "its end is missing"),
            ("GUIDEPOST-BEGIN\n{\"for\nGUIDEPOST-END", "EOF while parsing a string at line 1 column 5"),
        ] {
            let expected = HostError::NoAnswer { host: "DC1".to_owned(), script: "read-root", why: why.to_owned() };
            assert_eq!(answer("DC1", &SCRIPT, printed), Err(expected));
        }
    }

    #[test]
    fn a_request_has_nothing_that_a_shell_could_take_for_its_own() {
        let request = json!({"values": {"dn": "CN=a'; Remove-Item C:\\ -Recurse #`$(x)\"\u{2019}"}});
        let written = encode(&request);
        assert!(written.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')), "{written}");
        let back = super::STANDARD.decode(written).unwrap();
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&back).unwrap(), request);
        assert!(!SCRIPT.whole().contains("Remove-Item"));
    }
}
