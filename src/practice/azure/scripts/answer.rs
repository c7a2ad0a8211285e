//! One request in, one answer out, as `assets/scripts/prelude.ps1` has it: markers, ASCII, what is long deflated, what is too long part by part.

use super::{Job, Progress};
use crate::practice::world::Printed;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use miniz_oxide::deflate::compress_to_vec;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// A longer line is deflated.
const LONGEST_PLAIN: usize = 3_000;
/// More than the markers take.
const MARKERS: i64 = 100;
/// More than what stands around a part.
const FRAME: i64 = 400;

/// What a script met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// The LDAP result code, where it came from a directory.
    pub(super) code: Option<u32>,
    /// What was said.
    pub(super) said: String,
}

impl Trouble {
    /// What was thrown, by the script itself or by a command in it.
    pub(super) fn thrown(said: impl Into<String>) -> Self {
        Self { code: None, said: said.into() }
    }

    /// What a directory said.
    pub(super) fn ldap(code: u32, said: impl Into<String>) -> Self {
        Self { code: Some(code), said: said.into() }
    }

    /// Wldap32's word for a host that does not take the connection.
    pub(super) fn unavailable() -> Self {
        Self::ldap(81, "The LDAP server is unavailable.")
    }
}

/// Lets a job answer the request of its text.
pub(super) fn to(
    script: &'static str,
    job: &mut Job<'_>,
    work: impl FnOnce(&mut Job<'_>) -> Result<Result<Value, Trouble>, Timestamp>,
) -> Progress {
    let asked = job.values;
    if asked["format"] != 1 || asked["script"] != script {
        return Ok(failed(script, &Trouble::thrown(format!("this is the script {script}, format 1"))));
    }
    let Job { machine, account, parameters, began, now, lag, .. } = *job;
    let mut inner = Job { world: job.world, machine, account, values: &asked["values"], parameters, began, now, lag };
    Ok(match work(&mut inner)? {
        Ok(result) => told(script, asked, &result),
        Err(trouble) => failed(script, &trouble),
    })
}

fn failed(script: &str, trouble: &Trouble) -> Printed {
    let error = json!({"code": trouble.code, "said": trouble.said});
    between(&line(&json!({"format": 1, "script": script, "error": error})), 1)
}

/// The whole result if there is room for it, else the part that begins at `from`.
fn told(script: &str, asked: &Value, result: &Value) -> Printed {
    let number = |name: &str| asked[name].as_i64().unwrap_or(0);
    let (room, from) = (number("room"), number("from"));
    let whole = line(&json!({"format": 1, "script": script, "result": result}));
    if from == 0 && i64::try_from(whole.len()).is_ok_and(|length| length <= room - MARKERS) {
        return between(&whole, 0);
    }
    let text = ascii(result);
    let from = usize::try_from(from).unwrap_or(0).min(text.len());
    let count = usize::try_from(((room - FRAME) / 2).max(1)).unwrap_or(1).min(text.len() - from);
    let piece = text.get(from..from + count).unwrap_or_default();
    let part = json!({"from": from, "length": text.len(), "hash": sha256(text.as_bytes()), "text": piece});
    between(&line(&json!({"format": 1, "script": script, "part": part})), 0)
}

/// Windows' line ends, as the console writes them. The script's own exit code is lost on the way: the marker has it.
fn between(line: &str, code: u8) -> Printed {
    Printed { out: format!("\r\nGUIDEPOST-BEGIN\r\n{line}\r\nGUIDEPOST-END {code}\r\n"), ..Printed::default() }
}

fn line(answer: &Value) -> String {
    let json = ascii(answer);
    if json.len() <= LONGEST_PLAIN {
        return json;
    }
    BASE64_STANDARD.encode(compress_to_vec(json.as_bytes(), 6))
}

/// JSON in one line of ASCII, whatever the console's code page is.
fn ascii(value: &Value) -> String {
    value.to_string().chars().fold(String::new(), |mut out, one| {
        if matches!(one, ' '..='~') {
            out.push(one);
            return out;
        }
        for unit in one.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
        out
    })
}

/// In lower-case hex, as the scripts write it.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
