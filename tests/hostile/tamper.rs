//! A proxy between Guidepost and the lab that tampers with one thing a row, for Graph and for sign-in: what is said, the exit code, what it
//! cost; and in every row a second host that must hear nothing. Not for what servers say in words: that is the file beside.

use super::{ALONE, Answer, Checks, Do, Rude, WAITING, error};
use crate::{
    rude,
    stage::{Ran, Stage},
};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// Microsoft's own sample has decimals (`facts/wire.md` 15).
const RETRY_AFTER: &str = "2.128";
const WAITED: Duration = Duration::from_millis(2_128);
/// Ten seconds for one request, thirty for a read with all its tries; and a busy machine.
const LONGEST: Duration = Duration::from_secs(45);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Graph,
    SignIn,
}
use Place::{Graph, SignIn};

/// What is to come of it.
#[derive(Clone, Copy, Debug)]
enum Expect {
    /// As if nothing had happened: exit 1, because the role is missing.
    Well,
    /// The same, and the same request came again after `Retry-After` and not before.
    WellAfterWaiting,
    /// Checks that rest on Graph alone are unknown with these words in why or hint, the others wait for them: exit 1.
    Unseen(&'static [&'static str]),
    /// Nothing could be looked at, with these words: exit 2.
    SignedOut(&'static [&'static str]),
}
use Expect::{SignedOut, Unseen, Well, WellAfterWaiting};

/// What is done to a request that was seen so often before; the other host's address is at hand.
type Tamper = fn(usize, &str, &str) -> Do;

struct Row {
    place: Place,
    what: &'static str,
    tamper: Tamper,
    expect: Expect,
}

const fn row(place: Place, what: &'static str, tamper: Tamper, expect: Expect) -> Row {
    Row { place, what, tamper, expect }
}

const ROWS: &[Row] = &[
    row(Graph, "never answers", |_, _, _| Do::Instead(Answer::Hang), Unseen(&["did not answer within 10 s", "try again"])),
    row(SignIn, "never answers", |_, _, _| Do::Instead(Answer::Hang), SignedOut(&["did not answer within 10 s", "try again"])),
    row(Graph, "is left alone", |_, _, _| Do::Pass, Well),
    row(Graph, "is cut", |_, _, _| Do::Instead(cut()), Unseen(&["was cut", "127.0.0.1", "check this machine's network"])),
    row(Graph, "is cut in mid-body", |_, _, _| Do::Instead(torn()), Unseen(&["was cut"])),
    row(Graph, "is cut once", |count, _, _| once(count, cut()), Well),
    row(Graph, "is late", |_, _, _| Do::Late(Duration::from_millis(700)), Well),
    row(Graph, "429 once", |count, _, _| once(count, busy(429)), WellAfterWaiting),
    row(Graph, "429 for good", |_, _, _| Do::Instead(busy(429)), Unseen(&["429", "slow down"])),
    row(Graph, "503 once", |count, _, _| once(count, error(503, "ServiceUnavailable")), Well),
    row(Graph, "503 for good", |_, _, _| Do::Instead(error(503, "ServiceUnavailable")), Unseen(&["503", "try again"])),
    row(Graph, "a hotel's page", |_, _, _| Do::Instead(page()), Unseen(&["text/html", "<h1>Hotel WLAN</h1>"])),
    row(Graph, "its own data as plain text", |_, _, _| Do::Tamper(as_text), Unseen(&["text/plain", "a proxy, answered"])),
    row(Graph, "half a body, whole by its length", |_, _, _| Do::Tamper(halved), Unseen(&["broken JSON", "a proxy, answered"])),
    row(Graph, "302 to another host", |_, other, _| Do::Instead(moved(302, other)), Unseen(&["points to", "is not followed"])),
    row(Graph, "307 to another host", |_, other, _| Do::Instead(moved(307, other)), Unseen(&["points to", "is not followed"])),
    row(Graph, "308 to another host", |_, other, _| Do::Instead(moved(308, other)), Unseen(&["points to", "is not followed"])),
    row(Graph, "nextLink to another host", |_, other, _| Do::Instead(next(other)), Unseen(&["the next page is on another host"])),
    row(
        Graph,
        "nextLink to another host behind our own as its user",
        |_, other, own| Do::Instead(next(&other.replacen("http://", &format!("{own}@"), 1))),
        Unseen(&["the next page is on another host"]),
    ),
    row(Graph, "nextLink without a scheme", |_, other, _| Do::Instead(next(&other.replacen("http:", "", 1))), Unseen(&["has no host"])),
    row(SignIn, "is cut", |_, _, _| Do::Instead(cut()), SignedOut(&["was cut", "127.0.0.1"])),
    row(SignIn, "is cut in mid-body", |_, _, _| Do::Instead(torn()), SignedOut(&["was cut"])),
    row(SignIn, "is late", |_, _, _| Do::Late(Duration::from_millis(700)), Well),
    row(SignIn, "429 once", |count, _, _| once(count, busy(429)), WellAfterWaiting),
    row(SignIn, "503 for good", |_, _, _| Do::Instead(error(503, "x")), SignedOut(&["the sign-in service cannot answer now: 503"])),
    row(SignIn, "a hotel's page", |_, _, _| Do::Instead(page()), SignedOut(&["was not understood", "check `authority` and `tenant`"])),
    row(SignIn, "half a body, whole by its length", |_, _, _| Do::Tamper(halved), SignedOut(&["was not understood"])),
    row(SignIn, "302 to another host", |_, other, _| Do::Instead(moved(302, other)), SignedOut(&["points to"])),
    row(SignIn, "307 to another host", |_, other, _| Do::Instead(moved(307, other)), SignedOut(&["points to"])),
    row(SignIn, "308 to another host", |_, other, _| Do::Instead(moved(308, other)), SignedOut(&["points to"])),
];

fn once(count: usize, answer: Answer) -> Do {
    if count == 0 { Do::Instead(answer) } else { Do::Pass }
}

fn cut() -> Answer {
    Answer::Raw(Vec::new())
}

fn torn() -> Answer {
    Answer::Raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{\"value\":[{\"id\":\"x".to_vec())
}

fn busy(status: u16) -> Answer {
    error(status, "TooManyRequests").with("retry-after", RETRY_AFTER)
}

fn page() -> Answer {
    Answer::Reply { status: 200, headers: vec![("content-type", "text/html".to_owned())], body: "<h1>Hotel WLAN</h1>".to_owned() }
}

fn as_text(answer: Answer) -> Answer {
    let Answer::Reply { status, mut headers, body } = answer else { panic!("no reply") };
    headers.iter_mut().filter(|(name, _)| *name == "content-type").for_each(|(_, kind)| "text/plain".clone_into(kind));
    Answer::Reply { status, headers, body }
}

fn halved(answer: Answer) -> Answer {
    let Answer::Reply { status, headers, mut body } = answer else { panic!("no reply") };
    body.truncate(body.len() / 2);
    Answer::Reply { status, headers, body }
}

fn moved(status: u16, other: &str) -> Answer {
    error(status, "x").with("location", other)
}

fn next(other: &str) -> Answer {
    rude::json(200, &json!({"value": [], "@odata.nextLink": other}))
}

/// When each path was asked for.
type Times = Arc<Mutex<HashMap<String, Vec<Instant>>>>;

async fn tries(row: &Row) -> Result<(), String> {
    // It answers whatever comes as if all were well.
    let other = Rude::start(|_| rude::json(200, &json!({"value": [], "access_token": "stolen"}))).await;
    let stage = Stage::start().await;
    let (theirs, ours) = (other.url("/v1.0/stolen?$skiptoken=x").to_string(), stage.address());
    let (place, tamper, times) = (row.place, row.tamper, Times::default());
    let asked_at = times.clone();
    stage.rule(move |asked, count| {
        let here = if asked.path().starts_with("/v1.0/") { Graph } else { SignIn };
        if here != place {
            return Do::Pass;
        }
        asked_at.lock().unwrap().entry(asked.target.clone()).or_default().push(Instant::now());
        tamper(count, &theirs, &ours)
    });
    let started = Instant::now();
    let (ran, checks) = stage.check().await;
    let times = times.lock().unwrap().clone();
    let heard = other.asked();
    let held = judge(row.expect, &ran, &checks, &times)
        .and_then(|()| if times.is_empty() { Err("nothing was tampered with".to_owned()) } else { Ok(()) })
        .and_then(|()| if started.elapsed() < LONGEST { Ok(()) } else { Err(format!("it took {:?}", started.elapsed())) })
        .and_then(|()| if heard.is_empty() { Ok(()) } else { Err(format!("the other host heard {heard:?}")) });
    held.map_err(|why| format!("{:?} {}: {why}", row.place, row.what))
}

fn judge(expect: Expect, ran: &Ran, checks: &Checks, times: &HashMap<String, Vec<Instant>>) -> Result<(), String> {
    match expect {
        Well => well(ran, checks),
        WellAfterWaiting => well(ran, checks).and_then(|()| waited(times)),
        Unseen(words) => {
            ALONE.iter().try_for_each(|name| says(checks, name, "unknown", words))?;
            WAITING.iter().try_for_each(|name| says(checks, name, "blocked", &["waits for: "]))?;
            exits(ran, 1)
        }
        SignedOut(words) => {
            ALONE.iter().chain(&WAITING).try_for_each(|name| says(checks, name, "unknown", words))?;
            exits(ran, 2)
        }
    }
}

fn well(ran: &Ran, checks: &Checks) -> Result<(), String> {
    ALONE.iter().chain(&WAITING[..2]).try_for_each(|name| says(checks, name, "pass", &[]))?;
    says(checks, "global-administrator/role-active", "fail", &[])?;
    exits(ran, 1)
}

fn says(checks: &Checks, name: &str, verdict: &str, words: &[&str]) -> Result<(), String> {
    let check = checks.get(name).ok_or_else(|| format!("no {name}"))?;
    let said = format!("{} | {}", check["why"].as_str().unwrap_or_default(), check["hint"].as_str().unwrap_or_default());
    let missing = words.iter().find(|word| !said.contains(**word));
    if check["verdict"] != verdict || missing.is_some() {
        return Err(format!("{name} is not `{verdict}` with {words:?}: {check}"));
    }
    Ok(())
}

fn exits(ran: &Ran, code: i32) -> Result<(), String> {
    if ran.code == code { Ok(()) } else { Err(format!("exit {} and not {code}: {}", ran.code, ran.err)) }
}

/// Each request came twice, the second as late as it was told to the millisecond.
fn waited(times: &HashMap<String, Vec<Instant>>) -> Result<(), String> {
    let first = times.values().filter(|times| times.len() > 1).map(|times| times[1] - times[0]).min();
    match first {
        Some(gap) if gap >= WAITED => Ok(()),
        gap => Err(format!("it did not wait {RETRY_AFTER} s before it asked again: {gap:?}")),
    }
}

#[tokio::test]
async fn whatever_is_done_on_the_way_is_said_and_no_token_reaches_another_host() {
    // A few at once: most of them wait. More would only make them late.
    let tried: Vec<_> = stream::iter(ROWS).map(tries).buffer_unordered(4).collect().await;
    assert_eq!(tried.len(), ROWS.len());
    let wrong: Vec<_> = tried.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), ROWS.len(), wrong.join("\n"));
}
