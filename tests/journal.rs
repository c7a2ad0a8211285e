//! The journal file by itself: chain, head, torn lines, tampering, the writer's lock. What it adds up to is in `engine`.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/home.rs"]
mod home;

use guidepost::{
    base::clock::SystemClock,
    engine::{
        check::Verdict,
        journal::{Author, Event, Journal, Line},
        probe::{Entries, GraphCall, Write},
    },
};
use home::{assert_head, valid_chain};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::{fs, path::Path, sync::Arc};

fn author(command: &str) -> Author {
    Author { run: "r-1".into(), command: command.into(), guide: "small".into() }
}

fn writer(dir: &Path) -> Journal {
    Journal::open(dir, author("apply"), Arc::new(SystemClock)).unwrap()
}

fn reader(dir: &Path) -> Journal {
    Journal::read(dir, author("check"), Arc::new(SystemClock)).unwrap()
}

fn attested(task: &str) -> Event {
    Event::Attested { task: task.into(), by: "somebody".into(), withdrawn: false }
}

fn looked() -> Event {
    Event::Looked { check: "role".into(), verdict: Verdict::Fail, code: None }
}

/// A directory with three lines that last and one look behind them.
fn four_lines() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = writer(dir.path());
    for task in ["one", "two", "three"] {
        journal.append(Some("step"), attested(task)).unwrap();
    }
    journal.append(Some("step"), looked()).unwrap();
    dir
}

fn bytes(dir: &Path) -> Vec<u8> {
    fs::read(dir.join("journal.jsonl")).unwrap()
}

fn head(dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(dir.join("journal.head")).unwrap()).unwrap()
}

/// Opened for writing: why not, and how many lines it still knows.
fn opened(dir: &Path) -> (Option<String>, usize) {
    let journal = writer(dir);
    (journal.read_only().map(str::to_owned), journal.lines().len())
}

#[test]
fn each_line_is_bound_to_the_one_before_and_the_head_names_the_last_that_lasts() {
    let dir = four_lines();
    let (lines, torn) = valid_chain(&bytes(dir.path()));
    assert_eq!((lines.len(), torn.len()), (4, 0));
    assert_head(dir.path(), &bytes(dir.path()));
    assert_eq!(head(dir.path())["n"], 3, "a look is not synced, so it is not promised");
    assert_eq!(opened(dir.path()), (None, 4));
}

#[test]
fn an_empty_directory_is_an_empty_journal_and_reading_makes_no_file() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(reader(&dir.path().join("not-there")).lines().len(), 0);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    assert!(reader(dir.path()).append(None, looked()).is_err());
}

#[test]
fn every_cut_inside_the_last_line_is_repaired_once_and_nothing_else_is_lost() {
    let whole = four_lines();
    let source = bytes(whole.path());
    let last = source.len() - source.split_inclusive(|byte| *byte == b'\n').next_back().unwrap().len();
    for cut in last + 1..source.len() {
        let dir = tempfile::tempdir().unwrap();
        fs::copy(whole.path().join("journal.head"), dir.path().join("journal.head")).unwrap();
        fs::write(dir.path().join("journal.jsonl"), &source[..cut]).unwrap();
        assert_eq!(reader(dir.path()).lines().len(), 3, "a reader reads past it");
        assert_eq!(opened(dir.path()), (None, 4), "cut at {cut}");
        let (lines, torn) = valid_chain(&bytes(dir.path()));
        assert_eq!((lines[3]["kind"].as_str(), lines[3]["bytes"].as_u64(), torn.len()), (Some("repaired"), Some((cut - last) as u64), 0));
        assert_eq!(fs::read(dir.path().join("journal.torn")).unwrap(), [&source[last..cut], b"\n"].concat());
        assert_eq!(opened(dir.path()), (None, 4), "once is enough");
    }
}

#[test]
fn any_changed_byte_that_stands_before_the_last_line_makes_it_read_only() {
    let whole = four_lines();
    let source = bytes(whole.path());
    let last = source.len() - source.split_inclusive(|byte| *byte == b'\n').next_back().unwrap().len();
    for at in 0..last {
        let dir = tempfile::tempdir().unwrap();
        fs::copy(whole.path().join("journal.head"), dir.path().join("journal.head")).unwrap();
        let mut changed = source.clone();
        changed[at] ^= 0x01;
        fs::write(dir.path().join("journal.jsonl"), &changed).unwrap();
        let mut journal = writer(dir.path());
        assert!(journal.read_only().is_some() && journal.damage().is_some(), "byte {at} of {:?}", String::from_utf8_lossy(&changed));
        assert!(journal.append(None, looked()).is_err());
        assert_eq!(bytes(dir.path()), changed, "damage is left as it is found");
    }
}

#[test]
fn lines_that_are_missing_at_the_end_show_by_the_head() {
    let dir = four_lines();
    let source = bytes(dir.path());
    let kept: Vec<u8> = source.split_inclusive(|byte| *byte == b'\n').take(2).flatten().copied().collect();
    fs::write(dir.path().join("journal.jsonl"), &kept).unwrap();
    let (why, known) = opened(dir.path());
    assert_eq!(why.as_deref(), Some("the journal ends at line 2, but line 3 was written: lines are missing"));
    assert_eq!(known, 2);
    fs::remove_file(dir.path().join("journal.jsonl")).unwrap();
    assert!(opened(dir.path()).0.unwrap().contains("lines are missing"), "the whole file gone");
}

#[test]
fn a_line_that_lasts_and_is_torn_after_its_head_was_written_is_damage_not_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = writer(dir.path());
    journal.append(None, attested("one")).unwrap();
    journal.append(None, attested("two")).unwrap();
    drop(journal);
    let source = bytes(dir.path());
    fs::write(dir.path().join("journal.jsonl"), &source[..source.len() - 5]).unwrap();
    assert!(opened(dir.path()).0.unwrap().contains("lines are missing"));
    assert_eq!(bytes(dir.path()), &source[..source.len() - 5], "what is left of it is not thrown away");
}

#[test]
fn a_head_that_lags_behind_is_no_damage() {
    let dir = four_lines();
    let source = bytes(dir.path());
    let first = source.split_inclusive(|byte| *byte == b'\n').next().unwrap();
    fs::write(dir.path().join("journal.head"), json!({"n": 1, "hash": home::sha256(first)}).to_string()).unwrap();
    assert_eq!(opened(dir.path()), (None, 4));
    fs::write(dir.path().join("journal.head"), json!({"n": 1, "hash": home::GENESIS}).to_string()).unwrap();
    assert_eq!(opened(dir.path()).0.as_deref(), Some("line 1 of the journal is not the one that was written"));
}

#[test]
fn a_second_writer_only_reads_and_says_who_writes_until_that_one_ends() {
    let dir = four_lines();
    let first = writer(dir.path());
    let mut second = Journal::open(dir.path(), author("undo"), Arc::new(SystemClock)).unwrap();
    let why = second.read_only().unwrap().to_owned();
    assert!(why.starts_with(&format!("`apply` (process {}, since ", std::process::id())), "{why}");
    assert_eq!((second.damage(), second.lines().len()), (None, 4));
    let refused = second.append(None, attested("four")).unwrap_err().to_string();
    assert!(refused.contains("the journal cannot be written: `apply` (process "), "{refused}");
    drop(first);
    assert_eq!(opened(dir.path()), (None, 4));
}

#[test]
fn a_line_that_is_too_long_is_damage_and_not_read() {
    let dir = four_lines();
    let mut source = bytes(dir.path());
    source.extend(std::iter::repeat_n(b' ', (1 << 20) + 1));
    source.push(b'\n');
    fs::write(dir.path().join("journal.jsonl"), source).unwrap();
    assert!(opened(dir.path()).0.unwrap().contains("longer than 1 MiB"));
}

#[cfg(unix)]
#[test]
fn the_journal_is_its_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("lab");
    writer(&dir).append(None, attested("one")).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(&dir.join("journal.jsonl")), mode(&dir.join("journal.head"))), (0o700, 0o600, 0o600));
}

// Properties

fn text() -> impl Strategy<Value = String> {
    // Names, line ends, quotes, controls, what is outside the basic plane.
    proptest::string::string_regex("[a-zA-Z0-9 /\"\\\\\n\r\t\u{1b}\u{85}\u{2028}ä字😀-]{0,24}").unwrap()
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (-2_000_000_000_i64..4_000_000_000, 0_i32..1_000_000_000).prop_map(|(second, nano)| Timestamp::new(second, nano).unwrap())
}

fn body() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![any::<bool>().prop_map(Value::from), any::<i64>().prop_map(Value::from), text().prop_map(Value::from)];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(text(), inner, 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn request() -> impl Strategy<Value = Write> {
    let list = || proptest::collection::vec(text(), 0..3);
    let graph = (text(), text(), proptest::option::of(body()))
        .prop_map(|(method, path, body)| Write::Graph(GraphCall { method, path, body: body.unwrap_or_default() }));
    let permissions = (text(), text(), text(), list(), list(), text()).prop_map(|(on, trustee, name, add, remove, replaces)| {
        Write::Permissions { permissions: Entries { on, trustee, name, add, remove, replaces } }
    });
    prop_oneof![graph, permissions]
}

fn verdict() -> impl Strategy<Value = Verdict> {
    proptest::sample::select(Verdict::ALL.to_vec())
}

fn event() -> impl Strategy<Value = Event> {
    let opt = || proptest::option::of(text());
    let number = || proptest::option::of(any::<u16>());
    let captured = || proptest::collection::btree_map(text(), body(), 0..3).prop_map(|fields| fields.into_iter().collect::<Map<_, _>>());
    prop_oneof![
        (text(), text(), text()).prop_map(|(command, version, pack)| Event::Started { command, version, pack }),
        (text(), verdict(), opt()).prop_map(|(check, verdict, code)| Event::Looked { check, verdict, code }),
        (text(), text(), any::<bool>()).prop_map(|(task, by, withdrawn)| Event::Attested { task, by, withdrawn }),
        (text(), text(), request(), text(), text(), opt(), proptest::option::of(any::<u64>())).prop_map(
            |(plan, op, request, before, confirmed, option, undo_of)| Event::Intended {
                plan,
                op,
                request,
                before,
                confirmed,
                option,
                undo_of
            }
        ),
        (any::<u64>(), number(), opt(), captured(), proptest::option::of(request()), opt(), opt(), any::<bool>()).prop_map(
            |(intended, status, request_id, captured, undo, no_undo, with, by_looking)| Event::Done {
                intended,
                status,
                request_id,
                captured,
                undo,
                no_undo,
                with,
                by_looking
            }
        ),
        (any::<u64>(), text(), number()).prop_map(|(intended, why, status)| Event::Failed { intended, why, status, captured: Map::new() }),
        (text(), verdict()).prop_map(|(check, verdict)| Event::Settled { check, verdict }),
        (any::<u64>(), any::<u64>(), number(), opt()).prop_map(|(intended, of, status, note)| Event::Undone { intended, of, status, note }),
        (text(), text(), moment(), text()).prop_map(|(check, reason, until, by)| Event::Waived { check, reason, until, by }),
        any::<usize>().prop_map(|bytes| Event::Repaired { bytes }),
    ]
}

fn line() -> impl Strategy<Value = Line> {
    (any::<u64>(), moment(), text(), text(), proptest::option::of(text()), event(), text())
        .prop_map(|(n, at, run, guide, step, event, prev)| Line { n, at, run, guide, step, event, prev })
}

proptest! {
    #[test]
    fn a_line_that_is_printed_is_one_line_and_reads_back_as_itself(line in line()) {
        let printed = serde_json::to_string(&line).unwrap();
        prop_assert!(!printed.contains(['\n', '\r', '\u{1b}']), "one line, whatever stands in it: {printed}");
        prop_assert_eq!(serde_json::from_str::<Line>(&printed).unwrap(), line);
    }

    #[test]
    fn whatever_is_appended_makes_a_valid_chain_that_reads_back(events in proptest::collection::vec(event(), 0..6)) {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = writer(dir.path());
        for event in &events {
            journal.append(Some("step"), event.clone()).unwrap();
        }
        drop(journal);
        prop_assert_eq!(valid_chain(&bytes(dir.path())).0.len(), events.len());
        assert_head(dir.path(), &bytes(dir.path()));
        let read: Vec<Event> = reader(dir.path()).lines().iter().map(|line| line.event.clone()).collect();
        prop_assert_eq!(read, events);
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), head in proptest::collection::vec(any::<u8>(), 0..60)) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("journal.jsonl"), bytes).unwrap();
        fs::write(dir.path().join("journal.head"), head).unwrap();
        let _ = reader(dir.path());
        let _ = opened(dir.path());
    }
}
