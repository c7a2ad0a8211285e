//! The scripts that the lab knows, each by the SHA-256 of its text, and how each is answered. Any other script prints nothing.

mod answer;
mod app1;
mod dc1;
mod watch;

use crate::practice::world::{Printed, World};
use answer::Trouble;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// What Azure runs when a run command has no script (`facts/wire.md` 25).
pub(super) const SAMPLE: &str =
    "param(\n    [string]$arg1,\n    [string]$arg2\n)\nWrite-Host This is a sample script with parameters $arg1 $arg2";

/// A script at work.
pub(super) struct Job<'a> {
    /// What is true, and what the script may change.
    pub(super) world: &'a mut World,
    /// The machine that it runs on.
    pub(super) machine: &'a str,
    /// Who runs it; SYSTEM when `None`.
    pub(super) account: Option<&'a str>,
    /// The JSON in its text; null when there is none.
    pub(super) values: &'a Value,
    /// Its parameters by name, those that Azure does not show again too.
    pub(super) parameters: &'a [(String, String)],
    /// When it began.
    pub(super) began: Timestamp,
    /// World time.
    pub(super) now: Timestamp,
    /// How long a change of a descriptor takes to reach the children.
    pub(super) lag: SignedDuration,
}

impl Job<'_> {
    /// The parameter of this name, in any case; empty when it was not given.
    fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(one, _)| one.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

/// What a script printed, or when to ask it again: one that waits for something ends when it has come.
pub(super) type Progress = Result<Printed, Timestamp>;

/// A script that the lab knows.
struct Known {
    /// Its text as it stands in its file, with what all begin with.
    text: &'static str,
    /// What it does.
    work: Work,
}

/// How a script is answered.
#[derive(Clone, Copy)]
enum Work {
    /// It prints whatever it likes.
    Prints(fn(&mut Job<'_>) -> Progress),
    /// It takes one request under this name and gives one answer, as `prelude.ps1` has it.
    Answers(&'static str, fn(&mut Job<'_>) -> Result<Value, Trouble>),
    /// The same, of one that may wait: when to ask it again.
    Waits(&'static str, fn(&mut Job<'_>) -> Result<Result<Value, Trouble>, Timestamp>),
}

macro_rules! known {
    ($name:literal, $work:path) => {
        known!($name, Answers, $work)
    };
    ($name:literal, $kind:ident, $work:path) => {
        Known {
            text: concat!(
                include_str!("../../../assets/scripts/prelude.ps1"),
                "\n",
                include_str!(concat!("../../../assets/scripts/", $name, ".ps1"))
            ),
            work: Work::$kind($name, $work),
        }
    };
}

/// All of them.
const SCRIPTS: &[Known] = &[
    Known { text: SAMPLE, work: Work::Prints(sample) },
    known!("connect-service", app1::service),
    known!("scheduler", app1::scheduler),
    known!("connectors", app1::connectors),
    known!("writeback", app1::writeback),
    known!("hash-sync", app1::hash_sync),
    known!("connect-events", app1::events),
    known!("tls", app1::tls),
    known!("clock", app1::clock),
    known!("memory", app1::memory),
    known!("rsat", app1::rsat),
    known!("watch", Waits, watch::watch),
    known!("sync-delta", app1::sync_delta),
    known!("set-writeback", app1::set_writeback),
    known!("read-root", dc1::read_root),
    known!("search", dc1::search),
    known!("write-dacl", dc1::write_dacl),
    known!("sign-on", dc1::sign_on),
    known!("add-user", dc1::add_user),
    known!("modify", dc1::modify),
    known!("delete", dc1::delete),
];

#[expect(clippy::unnecessary_wraps, reason = "the shape of the table")]
fn sample(job: &mut Job<'_>) -> Progress {
    let (one, two) = (job.parameter("arg1"), job.parameter("arg2"));
    Ok(Printed { out: format!("This is a sample script with parameters {one} {two}"), ..Printed::default() })
}

/// Asks a script how far it is. `text` is as it was sent; one that the lab does not know ends at once and prints nothing.
pub(super) fn ask(text: &str, job: &mut Job<'_>) -> Progress {
    ask_of(SCRIPTS, text, job)
}

fn ask_of(known: &[Known], text: &str, job: &mut Job<'_>) -> Progress {
    let hash = hash(text);
    let Some(found) = known.iter().find(|one| self::hash(one.text) == hash) else { return Ok(Printed::default()) };
    match found.work {
        Work::Prints(work) => work(job),
        Work::Answers(name, work) => answer::to(name, job, |job| Ok(work(job))),
        Work::Waits(name, work) => answer::to(name, job, work),
    }
}

/// Run command sends lines, so how they ended in the file is not known any more.
fn hash(text: &str) -> [u8; 32] {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    Sha256::digest(lines.join("\n").trim_end()).into()
}

/// A script apart from its values: they stand on a line of their own as one single-quoted literal, a JSON object in base64.
pub(super) fn without_values(sent: &str) -> (String, Value) {
    let mut values = Value::Null;
    let kept: Vec<&str> = sent
        .lines()
        .filter(|line| match literal(line) {
            Some(found) if values.is_null() => {
                values = found;
                false
            }
            Some(_) | None => true,
        })
        .collect();
    (kept.join("\n"), values)
}

fn literal(line: &str) -> Option<Value> {
    let (_, rest) = line.split_once('\'')?;
    let (text, _) = rest.split_once('\'')?;
    let value: Value = serde_json::from_slice(&BASE64_STANDARD.decode(text).ok()?).ok()?;
    value.is_object().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::Preset;
    use serde_json::json;

    const WATCH: &str = "# waits\nWrite-Output 1\n";

    fn watch(job: &mut Job<'_>) -> Result<Result<Value, Trouble>, Timestamp> {
        let end = job.began + SignedDuration::from_secs(60);
        let found = job.world.directory.products.len();
        if job.now < end && found == 0 {
            return Err(job.now + SignedDuration::from_secs(5));
        }
        Ok(Ok(json!({"on": job.machine, "found": found, "who": job.values["who"]})))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    #[test]
    fn a_script_is_known_by_its_text_and_may_wait_for_the_world() {
        let mut world = World::new(Preset::Start, String::new(), at(0));
        let table = [Known { text: WATCH, work: Work::Waits("watch", watch) }];
        let request = json!({"format": 1, "script": "watch", "from": 0, "room": 4000, "values": {"who": "User1"}});
        let sent = format!("$guidepost = '{}'\r\n# waits\r\nWrite-Output 1", BASE64_STANDARD.encode(request.to_string()));
        let (text, values) = without_values(&sent);
        let ask = |world: &mut World, text: &str, now| {
            let lag = SignedDuration::ZERO;
            let mut job = Job { world, machine: "APP1", account: None, values: &values, parameters: &[], began: at(0), now, lag };
            ask_of(&table, text, &mut job)
        };
        assert_eq!(ask(&mut world, &text, at(1)), Err(at(6)));
        assert_eq!(ask(&mut world, "# waits\nWrite-Output 2\n", at(1)), Ok(Printed::default()));
        world.directory.products.push("SPE_E5".to_owned());
        let printed = ask(&mut world, &text, at(6)).unwrap();
        let line = printed.out.lines().find(|line| line.starts_with('{')).unwrap();
        let answer: Value = serde_json::from_str(line).unwrap();
        let result = json!({"on": "APP1", "found": 1, "who": "User1"});
        assert_eq!(answer, json!({"format": 1, "script": "watch", "result": result}));
    }

    #[test]
    fn values_are_one_literal_and_whatever_else_is_quoted_stays() {
        let other = "Write-Output 'e30'\nWrite-Output 'W10='\nWrite-Output ''";
        assert_eq!(without_values(other), (other.to_owned(), Value::Null));
        let (text, values) = without_values("a\n$v = 'e30='\n$w = 'e30='");
        assert_eq!((text.as_str(), values), ("a\n$w = 'e30='", json!({})));
    }
}
