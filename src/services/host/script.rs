//! The reviewed PowerShell and how it is run somewhere: a request goes in as data, one answer comes out between two markers. Not for how a
//! script gets to its host.

pub use super::error::HostError;

use crate::base::{Secret, text};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use serde_json::Value;
use std::borrow::Cow;

/// What each script begins with.
const PRELUDE: &str = include_str!("../../../assets/scripts/prelude.ps1");
/// The lines around an answer.
const MARKERS: (&str, &str) = ("GUIDEPOST-BEGIN", "GUIDEPOST-END");
/// The longest answer when it is inflated: what a few kilobytes can be made to hold is a thousand times as much.
const LONGEST: usize = 4 * 1024 * 1024;

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

    /// The whole text with a request as one more line below its parameters, for a host that can hand over nothing but a text.
    #[must_use]
    pub fn holding(&self, request: &Value) -> String {
        let mut text = String::new();
        for line in self.whole().lines() {
            text.push_str(line);
            text.push('\n');
            if line.starts_with("param(") {
                text.push_str("$Request = '");
                text.push_str(&encode(request));
                text.push_str("'\n");
            }
        }
        text
    }

    /// SHA-256 of the whole text, lower-case hex.
    #[must_use]
    pub fn sha256(&self) -> String {
        super::ask::sha256(self.whole().as_bytes())
    }

    /// What it reads or changes: the first line of its text, which begins with `Reading:` or `Changing:`.
    #[must_use]
    pub fn about(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches(['#', ' '])
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
/// [`HostError::NoAnswer`]: there is none, it is cut off, it is no JSON, or the script's exit code says something else.
pub fn answer(host: &str, script: &Script, output: &str) -> Result<Value, HostError> {
    read(output).map_err(|why| HostError::NoAnswer { host: text::short(host, 120), script: script.name, why })
}

/// Whether an answer's end came without its beginning.
pub(super) fn headless(output: &str) -> bool {
    let has = |marker| output.lines().any(|line| line.trim().starts_with(marker));
    has(MARKERS.1) && !has(MARKERS.0)
}

fn read(output: &str) -> Result<Value, String> {
    let lines: Vec<&str> = output.lines().map(str::trim).collect();
    let begin = lines.iter().rposition(|line| *line == MARKERS.0).ok_or("its beginning is missing")?;
    let rest = lines.get(begin + 1..).unwrap_or_default();
    let ends = rest.iter().enumerate().find_map(|(at, line)| Some((at, line.strip_prefix(MARKERS.1)?.trim())));
    let (end, code) = ends.ok_or("its end is missing")?;
    let told: String = rest.iter().take(end).copied().collect();
    let json = if told.starts_with('{') { Cow::Borrowed(told.as_bytes()) } else { Cow::Owned(inflated(&told)?) };
    let answer: Value = serde_json::from_slice(&json).map_err(|error| text::short(&error.to_string(), 120))?;
    match (code, answer.get("error").is_some_and(|error| !error.is_null())) {
        ("0", false) | ("1", true) => Ok(answer),
        ("0" | "1", _) => Err(format!("its exit code {code} does not fit what it says")),
        _ => Err("its exit code is missing".to_owned()),
    }
}

/// Out of base64 and raw deflate (RFC 1951); never more than [`LONGEST`].
fn inflated(packed: &str) -> Result<Vec<u8>, String> {
    let packed = STANDARD.decode(packed).map_err(|_| "it is neither JSON nor base64")?;
    decompress_to_vec_with_limit(&packed, LONGEST).map_err(|error| match error.status {
        miniz_oxide::inflate::TINFLStatus::HasMoreOutput => format!("it inflates to more than {} KiB", LONGEST / 1024),
        _ => "it cannot be inflated".to_owned(),
    })
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
    use super::{HostError, LONGEST, STANDARD, Script, answer, encode};
    use base64::Engine as _;
    use miniz_oxide::deflate::compress_to_vec;
    use serde_json::json;

    const SCRIPT: Script = Script { name: "read-root", text: "# Reading: a job\njob", changes: false };

    fn between(line: &str, code: &str) -> String {
        format!("GUIDEPOST-BEGIN\r\n{line}\r\nGUIDEPOST-END {code}\r\n")
    }

    #[test]
    fn an_answer_is_found_whatever_stands_around_it() {
        let printed = format!("WARNING: x\r\n{}more", between(r#"{"result":"GUIDEPOST-END 1"}"#, "0"));
        assert_eq!(answer("DC1", &SCRIPT, &printed), Ok(json!({"result": "GUIDEPOST-END 1"})));
        assert_eq!(answer("DC1", &SCRIPT, &between(r#"{"error":{}}"#, "1")), Ok(json!({"error": {}})));
        for (printed, why) in [
            ("", "its beginning is missing"),
            ("ormat\":1}\nGUIDEPOST-END 0", "its beginning is missing"),
            ("x GUIDEPOST-BEGIN\n{}\nGUIDEPOST-END 0", "its beginning is missing"),
            ("GUIDEPOST-BEGIN\n{\"for", "its end is missing"),
            ("GUIDEPOST-BEGIN\n{\"for\nGUIDEPOST-END 0", "EOF while parsing a string at line 1 column 5"),
            ("GUIDEPOST-BEGIN\n{}\nGUIDEPOST-END", "its exit code is missing"),
            ("GUIDEPOST-BEGIN\n{}\nGUIDEPOST-END 3", "its exit code is missing"),
            ("GUIDEPOST-BEGIN\n{}\nGUIDEPOST-END 1", "its exit code 1 does not fit what it says"),
            ("GUIDEPOST-BEGIN\n{\"error\":{}}\nGUIDEPOST-END 0", "its exit code 0 does not fit what it says"),
            ("GUIDEPOST-BEGIN\nnot \u{1b}\nGUIDEPOST-END 0", "it is neither JSON nor base64"),
            ("GUIDEPOST-BEGIN\nAAAA\nGUIDEPOST-END 0", "it cannot be inflated"),
        ] {
            let expected = HostError::NoAnswer { host: "DC1".to_owned(), script: "read-root", why: why.to_owned() };
            assert_eq!(answer("DC1", &SCRIPT, printed), Err(expected), "{printed}");
        }
    }

    #[test]
    fn a_deflated_answer_is_read_and_a_bomb_is_refused() {
        let long = json!({"result": "a \\ b \" c ".repeat(2000)});
        let packed = STANDARD.encode(compress_to_vec(long.to_string().as_bytes(), 6));
        assert!(packed.len() < 3000);
        assert_eq!(answer("APP1", &SCRIPT, &between(&packed, "0")), Ok(long));

        let bomb = STANDARD.encode(compress_to_vec(&vec![b' '; LONGEST + 1], 9));
        assert!(bomb.len() < 8000, "{}", bomb.len());
        let refused = answer("APP1", &SCRIPT, &between(&bomb, "0")).unwrap_err();
        assert!(refused.to_string().ends_with("it inflates to more than 4096 KiB"), "{refused}");
    }

    #[test]
    fn a_request_has_nothing_that_a_shell_could_take_for_its_own() {
        let request = json!({"values": {"dn": "CN=a'; Remove-Item C:\\ -Recurse #`$(x)\"\u{2019}"}});
        let written = encode(&request);
        assert!(written.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')), "{written}");
        let back = STANDARD.decode(written).unwrap();
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&back).unwrap(), request);
        assert!(!SCRIPT.whole().contains("Remove-Item"));
    }

    #[test]
    fn a_text_that_holds_its_request_differs_from_the_script_by_that_line_only() {
        let held = SCRIPT.holding(&json!({"values": {}}));
        let (mut with, mut line): (Vec<&str>, _) = (held.lines().collect(), None);
        let whole = SCRIPT.whole();
        with.retain(|one| {
            let own = one.starts_with("$Request = '");
            if own {
                assert_eq!(line.replace(one.to_string()), None);
            }
            !own
        });
        assert_eq!(with, whole.lines().collect::<Vec<_>>());
        assert_eq!(line.unwrap(), format!("$Request = '{}'", encode(&json!({"values": {}}))));
        assert_eq!(SCRIPT.about(), "Reading: a job");
    }
}
