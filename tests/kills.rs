//! `kill -9` at random moments of `apply` and `undo`: nothing is done twice, nothing forgotten, and the next run settles by looking.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/home.rs"]
mod home;

use home::{Home, Lab, assert_head, assert_story, forge, in_doubt, open, until, valid_chain};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Seek as _, SeekFrom},
    time::{Duration, Instant, SystemTime},
};

const WORKERS: u64 = 4;
const ROUNDS: u64 = 25;
/// Within so many ms of the `intended` line the answer is there (5 to 25 ms in debug on two cores, most of it fsync).
const AROUND_THE_DEED: u64 = 15;

/// Xorshift (Marsaglia 2003): random enough for moments, and repeatable by its seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most.max(1)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Way {
    Apply,
    Undo,
}

/// How far the journal had come when the process died.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Phase {
    BeforeStarted,
    Started,
    /// Intended, and the lab has not done it.
    NotArrived,
    /// Intended and done by the lab, and nobody wrote down the answer.
    Arrived,
    Ended,
    Settled,
    /// It had finished by itself.
    Over,
}

struct Bench {
    home: Home,
    lab: Lab,
    pack: String,
    chance: Chance,
    /// How long a run takes that nobody kills, in ms.
    takes: BTreeMap<Way, u64>,
}

impl Bench {
    fn new(seed: u64) -> Self {
        let home = Home::new();
        let lab = Lab::start(&home, "200ms");
        let pack = home.pack("50ms", "1500ms");
        let mut bench = Self { home, lab, pack, chance: Chance(seed | 1), takes: BTreeMap::new() };
        for way in [Way::Apply, Way::Undo] {
            let began = Instant::now();
            bench.home.run(&bench.args(way)).exits(0);
            bench.takes.insert(way, u64::try_from(began.elapsed().as_millis()).unwrap());
        }
        bench
    }

    fn args(&self, way: Way) -> Vec<&str> {
        let word = if way == Way::Apply { "apply" } else { "undo" };
        vec![word, &self.pack, "--step", "global-administrator", "--yes"]
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.home.journal_path()).unwrap_or_default()
    }

    /// What came after; the journal grows long, and this is asked thousands of times a second.
    fn bytes_from(&self, offset: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut file = fs::File::open(self.home.journal_path()).unwrap();
        file.seek(SeekFrom::Start(offset as u64)).unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// Runs and kills; where the journal stood then.
    fn kill(&mut self, way: Way) -> Phase {
        let before = self.bytes().len();
        let mut command = self.home.command(&self.args(way));
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let aimed = self.chance.below(2) == 0;
        let takes = self.takes[&way];
        // Aimed ones are drawn twice, so that most fall early, where the answer is still out.
        let early = self.chance.below(1_000 * AROUND_THE_DEED);
        let moment = Duration::from_micros(if aimed { self.chance.below(early) } else { self.chance.below(1_000 * takes) });
        let mut child = command.spawn().unwrap();
        let mut from = Instant::now();
        if aimed {
            until("an intended line", || {
                let seen = String::from_utf8_lossy(&self.bytes_from(before)).contains(r#""kind":"intended""#);
                (seen || child.try_wait().unwrap().is_some()).then_some(())
            });
            from = Instant::now();
        }
        // The moment is what is random here; there is no condition to wait for.
        until("the moment", || (from.elapsed() >= moment).then_some(()));
        let over = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        let arrived = self.home.user1_is_administrator() == (way == Way::Apply);
        if over { Phase::Over } else { phase(&self.bytes()[before..], arrived) }
    }

    /// What must hold the moment after a kill, before anybody repairs anything.
    fn assert_nothing_forgotten(&self) {
        let bytes = self.bytes();
        let (lines, _torn) = valid_chain(&bytes);
        assert_head(&self.home.dir(), &bytes);
        assert_story(&lines);
        if self.home.user1_is_administrator() {
            assert!(!open(&lines).is_empty() || !in_doubt(&lines).is_empty(), "a privilege that no line of the journal knows");
        }
    }

    fn assert_stands(&self, way: Way) {
        let lines = self.home.journal();
        let wanted = way == Way::Apply;
        assert_eq!(in_doubt(&lines), Vec::<u64>::new(), "the run after it settles what was in doubt");
        assert_eq!(self.home.user1_is_administrator(), wanted, "the world is not as wanted");
        assert_eq!(open(&lines).len(), usize::from(wanted), "the ledger does not say what is in the world");
    }

    /// Each change that the lab saw belongs to one intended line, and to each line belongs one change at most.
    fn assert_sent_once(&self) -> usize {
        let at = |value: &Value| value["at"].as_str().unwrap().parse::<Timestamp>().unwrap();
        let lines = self.home.journal();
        let intended: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "intended").collect();
        let mut sent: BTreeMap<u64, u32> = BTreeMap::new();
        let changes: Vec<Value> = self
            .lab
            .requests(0)
            .into_iter()
            .filter(|one| one["method"] != "GET" && one["path"].as_str().unwrap().starts_with("/v1.0/"))
            .collect();
        for change in &changes {
            let owner = intended.iter().rev().find(|line| at(line) <= at(change)).expect("a change that nobody intended");
            assert_eq!(owner["request"]["method"], change["method"]);
            assert!([201, 204].contains(&change["status"].as_u64().unwrap()), "sent though it was there or gone: {change}");
            let count = sent.entry(owner["n"].as_u64().unwrap()).or_default();
            *count += 1;
            assert_eq!(*count, 1, "line {} was sent twice", owner["n"]);
        }
        changes.len()
    }

    fn round(&mut self) -> (Way, Phase) {
        let way = if self.home.user1_is_administrator() { Way::Undo } else { Way::Apply };
        let phase = self.kill(way);
        self.assert_nothing_forgotten();
        // Mostly the same again; sometimes the person thinks better of it.
        let next = match (self.chance.below(4), way) {
            (0, Way::Apply) => Way::Undo,
            (0, Way::Undo) => Way::Apply,
            (_, way) => way,
        };
        let all = ["undo", &self.pack, "--all", "--yes"];
        let args = if next == Way::Undo && self.chance.below(2) == 0 { all.to_vec() } else { self.args(next) };
        self.home.run(&args).exits(0);
        self.assert_stands(next);
        (way, phase)
    }
}

fn phase(added: &[u8], arrived: bool) -> Phase {
    let text = String::from_utf8_lossy(added);
    let has = |kind: &str| text.contains(&format!(r#""kind":"{kind}""#));
    if has("settled") {
        Phase::Settled
    } else if has("done") || has("undone") || has("failed") {
        Phase::Ended
    } else if has("intended") {
        if arrived { Phase::Arrived } else { Phase::NotArrived }
    } else if has("started") {
        Phase::Started
    } else {
        Phase::BeforeStarted
    }
}

fn seed() -> u64 {
    let given = std::env::var("GUIDEPOST_KILL_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| u64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() & 0xffff_ffff).unwrap())
}

#[test]
fn killed_at_a_hundred_random_moments_nothing_is_done_twice_and_nothing_is_forgotten() {
    let seed = seed();
    eprintln!("GUIDEPOST_KILL_SEED={seed}");
    let worker = |number: u64| {
        let mut bench = Bench::new(seed.wrapping_mul(2 * number + 1));
        let rounds: Vec<_> = (0..ROUNDS).map(|_| bench.round()).collect();
        let sent = bench.assert_sent_once();
        bench.home.run(&["undo", &bench.pack, "--all", "--yes"]).exits(0);
        bench.assert_stands(Way::Undo);
        let ledger = bench.home.run(&["ledger", "--format", "json"]).exits(0).json();
        assert_eq!((&ledger["open"], &ledger["in_doubt"]), (&json!([]), &json!([])));
        (rounds, sent)
    };
    let (rounds, sent) = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|number| scope.spawn(move || worker(number))).collect();
        let done: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
        let sent: usize = done.iter().map(|(_, sent)| sent).sum();
        (done.into_iter().flat_map(|(rounds, _)| rounds).collect::<Vec<_>>(), sent)
    });
    let mut figures: BTreeMap<(Way, Phase), u32> = BTreeMap::new();
    for round in &rounds {
        *figures.entry(*round).or_default() += 1;
    }
    eprintln!("{} kills, {sent} changes sent: {figures:?}", rounds.len());
    assert_eq!(rounds.len(), 100);
    // A test that never hits the window proves nothing.
    let doubts = rounds.iter().filter(|(_, phase)| [Phase::NotArrived, Phase::Arrived].contains(phase)).count();
    assert!(doubts >= 5, "only {doubts} kills left an op in doubt: {figures:?}");
}

/// A lab, and an apply killed right after its `done` line: the reads of the lab do not show the role yet.
fn killed_after_done(consistency: &str, within: &str) -> (Home, Lab, String) {
    let home = Home::new();
    let lab = Lab::start(&home, consistency);
    let pack = home.pack("50ms", within);
    let mut child = home.command(&["apply", &pack, "--step", "global-administrator", "--yes"]).spawn().unwrap();
    let journal = home.journal_path();
    until("done", || fs::read_to_string(&journal).ok().filter(|text| text.contains(r#""kind":"done""#)));
    child.kill().unwrap();
    child.wait().unwrap();
    (home, lab, pack)
}

#[test]
fn undo_right_after_a_killed_apply_takes_the_role_although_reads_do_not_show_it_yet() {
    let (home, lab, pack) = killed_after_done("1s", "3s");
    assert!(home.user1_is_administrator());
    home.run(&["undo", &pack, "--step", "global-administrator", "--yes"]).exits(0);
    assert!(!home.user1_is_administrator(), "a privilege is left behind");
    assert_eq!(open(&home.journal()), Vec::<u64>::new());
    assert_eq!(lab.changes(), ["POST 201", "DELETE 204"]);
}

#[test]
fn undo_all_takes_back_what_was_in_doubt_when_it_began() {
    let (home, lab, pack) = killed_after_done("1s", "3s");
    // The crash a moment earlier: sent, and nobody wrote down the answer.
    let text = fs::read_to_string(home.journal_path()).unwrap();
    let cut = text.lines().position(|line| line.contains(r#""kind":"done""#)).unwrap();
    let kept: String = text.split_inclusive('\n').take(cut).collect();
    fs::write(home.journal_path(), &kept).unwrap();
    let last = kept.lines().count();
    fs::write(
        home.dir().join("journal.head"),
        json!({"n": last, "hash": home::sha256(format!("{}\n", kept.lines().last().unwrap()).as_bytes())}).to_string(),
    )
    .unwrap();
    home.run(&["undo", &pack, "--all", "--yes"]).exits(0).says(&["an earlier run ended before it saw an answer"]);
    assert!(!home.user1_is_administrator(), "a privilege is left behind");
    assert_eq!(lab.changes(), ["POST 201", "DELETE 204"]);
    assert!(home.journal().iter().any(|line| line["kind"] == "done" && line["by_looking"] == true));
}

/// A home whose journal holds one settled apply.
fn applied() -> (Home, Lab, String) {
    let home = Home::new();
    let lab = Lab::start(&home, "100ms");
    let pack = home.pack("50ms", "1500ms");
    home.run(&["apply", &pack, "--step", "global-administrator", "--yes"]).exits(0);
    (home, lab, pack)
}

#[test]
fn a_torn_last_line_is_set_aside_and_the_next_run_goes_on() {
    let (home, lab, pack) = applied();
    let mut bytes = fs::read(home.journal_path()).unwrap();
    // The last line is a look, which is not synced: a power cut may tear it.
    assert!(String::from_utf8_lossy(&bytes).lines().last().unwrap().contains(r#""kind":"looked""#));
    bytes.truncate(bytes.len() - 20);
    let torn = bytes.split_inclusive(|byte| *byte == b'\n').next_back().unwrap().to_vec();
    fs::write(home.journal_path(), &bytes).unwrap();
    assert_eq!(
        home.run(&["ledger", &pack, "--format", "json"]).exits(0).json()["open"].as_array().unwrap().len(),
        1,
        "a reader reads past it"
    );
    assert_eq!(fs::read(home.journal_path()).unwrap(), bytes, "a reader repairs nothing");
    home.run(&["undo", &pack, "--all", "--yes"]).exits(0);
    let lines = home.journal();
    let repaired = lines.iter().find(|line| line["kind"] == "repaired").unwrap();
    assert_eq!(repaired["bytes"], torn.len());
    let aside = fs::read(home.dir().join("journal.torn")).unwrap();
    assert_eq!(aside, [torn, b"\n".to_vec()].concat());
    assert!(!home.user1_is_administrator());
    assert_eq!(lab.changes(), ["POST 201", "DELETE 204"]);
}

/// Whoever would write is told why not, and sends nothing; whoever reads is told as well.
#[track_caller]
fn assert_refused(home: &Home, lab: &Lab, pack: &str, why: &str) {
    let before = (fs::read(home.journal_path()).unwrap(), lab.changes());
    for args in [["undo", pack, "--all", "--yes"].as_slice(), &["apply", pack, "--step", "global-administrator", "--yes"]] {
        home.run(args).exits(1).says(&["nothing is changed without a journal", why, "hint:", "move it aside"]);
    }
    home.run(&["attest", "machines"]).exits(1).says(&[why]);
    let ledger = home.run(&["ledger", pack]).exits(0);
    assert!(ledger.err.contains(why), "{}", ledger.err);
    assert_eq!((fs::read(home.journal_path()).unwrap(), lab.changes()), before);
}

#[test]
fn a_changed_byte_in_the_middle_makes_the_journal_read_only() {
    let (home, lab, pack) = applied();
    let text = fs::read_to_string(home.journal_path()).unwrap();
    fs::write(home.journal_path(), text.replacen("\"status\":201", "\"status\":200", 1)).unwrap();
    assert_refused(&home, &lab, &pack, "does not follow from the line before");
}

#[test]
fn a_removed_last_line_shows_by_the_head() {
    let (home, lab, pack) = applied();
    let text = fs::read_to_string(home.journal_path()).unwrap();
    let done = text.lines().position(|line| line.contains(r#""kind":"done""#)).unwrap();
    fs::write(home.journal_path(), text.split_inclusive('\n').take(done).collect::<String>()).unwrap();
    assert_refused(&home, &lab, &pack, "lines are missing");
}

#[test]
fn a_line_that_was_replaced_by_another_of_its_number_shows_by_the_head() {
    let (home, lab, pack) = applied();
    let text = fs::read_to_string(home.journal_path()).unwrap();
    let done = text.lines().position(|line| line.contains(r#""kind":"done""#)).unwrap();
    let line: Value = serde_json::from_str(text.lines().nth(done).unwrap()).unwrap();
    fs::write(home.journal_path(), text.split_inclusive('\n').take(done).collect::<String>()).unwrap();
    let failed = json!({"at": line["at"], "run": line["run"], "guide": line["guide"], "step": line["step"], "kind": "failed", "intended": line["intended"], "why": "forged"});
    forge(&home.journal_path(), failed);
    assert_refused(&home, &lab, &pack, "is not the one that was written");
}

#[test]
fn a_head_that_lags_or_is_lost_is_no_damage() {
    let (home, _lab, pack) = applied();
    let text = fs::read_to_string(home.journal_path()).unwrap();
    let first = home::sha256(format!("{}\n", text.lines().next().unwrap()).as_bytes());
    fs::write(home.dir().join("journal.head"), json!({"n": 1, "hash": first}).to_string()).unwrap();
    home.run(&["undo", &pack, "--all", "--yes"]).exits(0);
    // A power cut may leave an empty file where a rename was not synced.
    fs::write(home.dir().join("journal.head"), "").unwrap();
    home.run(&["apply", &pack, "--step", "global-administrator", "--yes"]).exits(0);
    assert_eq!(open(&home.journal()).len(), 1);
}

#[cfg(unix)]
#[test]
fn a_disk_that_fills_up_before_the_deed_is_written_down_stops_the_deed() {
    let home = Home::new();
    let lab = Lab::start(&home, "100ms");
    let pack = home.pack("50ms", "1500ms");
    // No file may grow beyond 1,024 bytes (two blocks of 512, POSIX ulimit); passing that is an error instead of a signal.
    let script = r#"trap '' XFSZ; ulimit -f 2; exec "$0" "$@""#;
    let full = home::ran(home.through("sh", &["-c", script], &["apply", &pack, "--step", "global-administrator", "--yes"]));
    full.exits(1).says(&["cannot write the journal in", "hint: nothing is changed without a journal; free space there"]);
    assert_eq!(lab.changes(), Vec::<String>::new());
    let (lines, torn) = valid_chain(&fs::read(home.journal_path()).unwrap());
    assert!(!torn.is_empty() && lines.iter().all(|line| line["kind"] != "intended"), "the limit is meant to cut the intended line");
    home.run(&["apply", &pack, "--step", "global-administrator", "--yes"]).exits(0);
    assert!(home.kinds().contains(&"repaired".to_owned()));
    assert_eq!(lab.changes(), ["POST 201"]);
}
