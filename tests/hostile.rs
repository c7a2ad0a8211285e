//! Guidepost between hostile conditions and a real practice lab: storms, floods, lies; cut lines and tampering are `hostile/tamper.rs`. It
//! says why, and it ends.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "practice/lab.rs"]
mod lab;
#[cfg(target_os = "linux")]
#[path = "support/pty.rs"]
mod pty;
#[path = "support/rude.rs"]
mod rude;
#[path = "support/stage.rs"]
mod stage;
#[path = "hostile/tamper.rs"]
mod tamper;

use guidepost::base::text::is_hostile;
use rude::{Answer, Asked, Rude};
use serde_json::{Value, json};
use stage::{Do, Ran, Stage};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

/// Checks that rest on Graph alone; each must say why it could not look.
const ALONE: [&str; 4] = ["subscription/plan", "sync/domain", "sync/enabled", "global-administrator/synced"];
/// Checks that wait for one of those.
const WAITING: [&str; 3] = ["sync/recent", "sync/user1", "global-administrator/role-active"];
/// A title, a cleared screen, a paste into the clipboard, C1 introducers, text turned round, a fake line, a NUL.
const NASTY: &str = "pwned\u{1b}]0;title\u{7}\u{1b}[2J\u{1b}]52;c;Zm9v\u{1b}\\\u{9b}31m\u{9d}0;x\u{9c}\u{202e}drowssap\u{2066}\r\nfake: line\u{8}\u{7f}\0\u{200b}";

type Checks = HashMap<String, Value>;

fn error(status: u16, code: &str) -> Answer {
    rude::json(status, &json!({"error": {"code": code, "message": "as the test wants"}}))
}

fn busy(status: u16) -> Answer {
    error(status, "TooManyRequests").with("retry-after", "0.05")
}

fn verdict<'a>(checks: &'a Checks, name: &str) -> &'a str {
    checks.get(name).unwrap_or_else(|| panic!("no {name}"))["verdict"].as_str().unwrap()
}

/// As if nothing had happened: all of phase 1 holds, the role is missing.
#[track_caller]
fn is_well(ran: &Ran, checks: &Checks) {
    for name in ALONE.iter().chain(&WAITING[..2]) {
        assert_eq!(verdict(checks, name), "pass", "{name}: {}", ran.out);
    }
    assert_eq!(verdict(checks, "global-administrator/role-active"), "fail");
    assert_eq!(ran.code, 1);
}

/// Could not look: unknown with these words, and what depends on it waits by name; nothing is called wrong.
#[track_caller]
fn is_unseen(ran: &Ran, checks: &Checks, words: &[&str]) {
    for name in ALONE {
        assert_eq!(verdict(checks, name), "unknown", "{name}: {}", ran.out);
        let said = format!("{} | {}", checks[name]["why"].as_str().unwrap_or_default(), checks[name]["hint"].as_str().unwrap_or_default());
        for word in words {
            assert!(said.contains(word), "{name} does not say {word:?}: {said}");
        }
        // A 400 is nothing that an admin could mend.
        assert!(checks[name]["hint"] != Value::Null || said.contains(": 400 "), "{name} says no way out");
    }
    for name in WAITING {
        assert_eq!(verdict(checks, name), "blocked", "{name}");
        assert!(checks[name]["why"].as_str().unwrap().starts_with("waits for: "), "{}", checks[name]);
    }
    assert_eq!(ran.code, 1, "DESIGN 3: blocked comes before unknown");
    is_clean(ran);
}

/// No sign-in, so nothing at all could be looked at.
#[track_caller]
fn is_signed_out(ran: &Ran, checks: &Checks, words: &[&str]) {
    for name in ALONE.iter().chain(&WAITING) {
        assert_eq!(verdict(checks, name), "unknown", "{name}: {}", ran.out);
        let said = format!("{} | {}", checks[*name]["why"], checks[*name]["hint"]);
        for word in words {
            assert!(said.contains(word), "{name} does not say {word:?}: {said}");
        }
    }
    assert_eq!(ran.code, 2);
}

fn strings(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, into)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            into.push(name.clone());
            strings(field, into);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Nothing that steers a terminal was printed, nor stands in a string of the JSON that was.
#[track_caller]
fn is_clean(ran: &Ran) {
    let mut texts = vec![ran.out.clone(), ran.err.clone()];
    if let Ok(json) = serde_json::from_str(&ran.out) {
        strings(&json, &mut texts);
    }
    for text in texts {
        let hostile = text.chars().find(|c| *c != '\n' && is_hostile(*c));
        assert_eq!(hostile, None, "in {text}");
    }
}

// No way to Graph.

#[tokio::test]
async fn without_tampering_the_lab_behind_the_proxy_is_as_it_is() {
    let stage = Stage::start().await;
    let (ran, checks) = stage.check().await;
    is_well(&ran, &checks);
    assert!(stage.seen().iter().any(|seen| seen.asked.path().starts_with("/v1.0/")), "it did not go through the proxy");
}

#[tokio::test]
async fn a_closed_port_is_unknown_and_says_so() {
    let stage = Stage::start().await;
    // Open for the one connection by which a running lab is found.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    stage.announce(&stage.address(), &format!("http://{}", listener.local_addr().unwrap()));
    let closing = tokio::spawn(async move { listener.accept().await.map(drop) });
    let (ran, checks) = stage.check().await;
    closing.await.unwrap().unwrap();
    is_unseen(&ran, &checks, &["cannot connect to", "the connection was refused", "check the port"]);
}

// Rights and tokens.

#[tokio::test]
async fn a_permission_that_graph_denies_is_unknown_and_named() {
    let stage = Stage::start().await;
    stage.graph(|_, _| Do::Instead(error(403, "Authorization_RequestDenied")));
    let (ran, checks) = stage.check().await;
    is_unseen(&ran, &checks, &["permission"]);
    for name in ALONE {
        assert_eq!(checks[name]["code"], "READ_CONSENT_MISSING", "{name}");
    }
}

#[tokio::test]
async fn a_consent_that_was_taken_away_is_unknown_and_says_who_can_give_it_back() {
    let stage = Stage::start().await;
    stage.lab.person("revoke-consent", &["Organization.Read.All"]).await;
    let (ran, checks) = stage.check().await;
    is_signed_out(&ran, &checks, &["AADSTS65001", "an administrator of the tenant must consent"]);
}

#[tokio::test]
async fn an_expired_token_is_renewed_and_nobody_is_troubled() {
    let stage = Stage::start().await;
    let turned = Arc::new(AtomicUsize::new(0));
    let first = turned.clone();
    // Guidepost has its token by now; on its first read it is three hours old.
    stage.graph(move |_, _| if first.fetch_add(1, Ordering::SeqCst) == 0 { Do::Later("3h") } else { Do::Pass });
    let (ran, checks) = stage.check().await;
    is_well(&ran, &checks);
    let log = stage.lab.requests().await;
    let refused = log["requests"].as_array().unwrap().iter().filter(|line| line["status"] == 401).count();
    assert!(refused > 0, "the lab took the old token: {log}");
}

#[tokio::test]
async fn a_refresh_token_that_was_revoked_is_unknown_and_asks_for_a_sign_in() {
    let stage = Stage::start().await;
    stage.lab.person("revoke-tokens", &[]).await;
    let (ran, checks) = stage.check().await;
    is_signed_out(&ran, &checks, &["sign"]);
}

// Storms.

#[tokio::test]
async fn storms_that_end_are_waited_out() {
    for status in [429, 503, 500] {
        let stage = Stage::start().await;
        let storm = move || if status == 500 { error(500, "InternalServerError") } else { busy(status) };
        stage.graph(move |_, count| if count < 2 { Do::Instead(storm()) } else { Do::Pass });
        let (ran, checks) = stage.check().await;
        is_well(&ran, &checks);
        assert!(stage.proxy.asked_for("/v1.0/subscribedSkus").len() > 2, "{status}");
    }
}

#[tokio::test]
async fn storms_that_do_not_end_are_unknown_after_a_few_tries() {
    for (answer, words) in [
        (busy(429), ["429", "slow down"]),
        (busy(503), ["503", "try again"]),
        (error(500, "InternalServerError"), ["500", "Graph's own trouble"]),
    ] {
        let stage = Stage::start().await;
        stage.graph(move |_, _| Do::Instead(answer.clone()));
        let started = Instant::now();
        let (ran, checks) = stage.check().await;
        is_unseen(&ran, &checks, &words);
        assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
        let tries = stage.proxy.asked_for("/v1.0/subscribedSkus").len();
        assert!((2..=6).contains(&tries), "{tries} tries");
    }
}

#[tokio::test]
async fn a_retry_after_of_an_hour_is_not_waited_for() {
    let stage = Stage::start().await;
    stage.graph(|_, _| Do::Instead(error(429, "TooManyRequests").with("retry-after", "3600")));
    let started = Instant::now();
    let (ran, checks) = stage.check().await;
    is_unseen(&ran, &checks, &["429"]);
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

// Replies that are no answers.

#[tokio::test]
async fn a_reply_of_50_megabytes_is_not_read_to_its_end() {
    const HUGE: u64 = 50 * 1024 * 1024;
    for announced in [true, false] {
        let stage = Stage::start().await;
        let flood = Answer::Flood { bytes: HUGE, announced };
        stage.graph(move |asked, _| if asked.path() == "/v1.0/subscribedSkus" { Do::Instead(flood.clone()) } else { Do::Pass });
        let (ran, checks) = stage.check().await;
        let plan = &checks["subscription/plan"];
        assert_eq!(plan["verdict"], "unknown");
        assert!(plan["why"].as_str().unwrap().contains("is larger than 8192 KiB"), "{plan}");
        assert_eq!((verdict(&checks, "sync/enabled"), ran.code), ("pass", 1));
        assert_eq!(stage.proxy.asked_for("/v1.0/subscribedSkus").len(), 1, "a flood is not asked for again");
        // 8 MiB, and what the sockets held.
        assert!(stage.proxy.written() < HUGE / 2, "{}", stage.proxy.written());
    }
}

/// The server's clock is off by so many hours, by its `Date`.
fn shifted(answer: Answer, hours: i64) -> Answer {
    let Answer::Reply { status, mut headers, body } = answer else { panic!("no reply") };
    let date = headers.iter_mut().find(|(name, _)| *name == "date").expect("the lab names its time");
    let at = guidepost::base::http::parse_date(&date.1).unwrap() + jiff::SignedDuration::from_hours(hours);
    date.1 = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    Answer::Reply { status, headers, body }
}

#[tokio::test]
async fn how_recent_the_last_synchronisation_is_goes_by_the_servers_clock() {
    let stage = Stage::start().await;
    stage.graph(|_, _| Do::Tamper(|answer| shifted(answer, 5)));
    let (_, checks) = stage.check().await;
    assert_eq!(verdict(&checks, "sync/recent"), "fail");
    assert_eq!(checks["sync/recent"]["code"], "SYNC_STALE");
    assert!(checks["sync/recent"]["found"].as_str().unwrap().contains("5 h"), "{}", checks["sync/recent"]);
    let doctor = stage.run(&["doctor"]).await;
    assert!(doctor.out.contains("behind the lab's"), "{}", doctor.out);
    stage.graph(|_, _| Do::Tamper(|answer| shifted(answer, -5)));
    let (ran, checks) = stage.check().await;
    is_well(&ran, &checks);
}

// Hostile text.

/// The reply with nasty text behind every string; what is true becomes such a text too, so that it is shown as found.
fn nasty(answer: Answer) -> Answer {
    fn spoil(value: &mut Value) {
        match value {
            Value::String(text) => text.push_str(NASTY),
            Value::Array(items) => items.iter_mut().for_each(spoil),
            Value::Object(fields) => fields.iter_mut().for_each(|(_, field)| spoil(field)),
            Value::Bool(flag) => *value = format!("{flag}{NASTY}").into(),
            Value::Null | Value::Number(_) => {}
        }
    }
    let Answer::Reply { status, headers, body } = answer else { panic!("no reply") };
    let mut body: Value = serde_json::from_str(&body).unwrap();
    spoil(&mut body);
    Answer::Reply { status, headers, body: body.to_string() }
}

fn nasty_error(_: &Asked, _: usize) -> Do {
    Do::Instead(rude::json(400, &json!({"error": {"code": NASTY, "message": NASTY, "innerError": {"request-id": NASTY}}})))
}

#[tokio::test]
async fn no_control_character_of_an_error_or_of_data_is_printed() {
    let stage = Stage::start().await;
    stage.graph(nasty_error);
    let (ran, checks) = stage.check().await;
    is_unseen(&ran, &checks, &["pwned\u{fffd}]0;title"]);
    let commands: [&[&str]; 6] = [
        &["check", "password-writeback"],
        &["check", "password-writeback", "--format", "junit"],
        &["check", "password-writeback", "--format", "json"],
        &["plan", "password-writeback", "--step", "global-administrator"],
        &["apply", "password-writeback", "--step", "global-administrator", "--yes"],
        &["doctor"],
    ];
    for (place, tampers) in [("errors", false), ("data", true)] {
        if tampers {
            stage.graph(|_, _| Do::Tamper(nasty));
        } else {
            stage.graph(nasty_error);
        }
        for args in commands {
            let ran = stage.run(args).await;
            assert!(!ran.out.is_empty() || !ran.err.is_empty(), "{place} {args:?}");
            is_clean(&ran);
        }
    }
    assert_eq!(stage.assigned().await, 0, "nobody with such a name is given a role");
    for line in stage.journal() {
        let mut texts = Vec::new();
        strings(&line, &mut texts);
        assert!(texts.iter().all(|text| !text.contains('\u{1b}') && !text.contains('\u{202e}')), "{line}");
    }
}

#[tokio::test]
async fn no_control_character_of_a_refused_sign_in_is_printed() {
    let stage = Stage::start().await;
    let body = json!({"error": NASTY, "error_description": NASTY, "trace_id": NASTY});
    stage.rule(move |_, _| Do::Instead(rude::json(400, &body)));
    let (ran, checks) = stage.check().await;
    is_signed_out(&ran, &checks, &["pwned"]);
    is_clean(&ran);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn the_screen_stays_whole_whatever_the_replies_hold() {
    let stage = Stage::start().await;
    let env = stage.env();
    let env: Vec<_> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for data in [false, true] {
        if data {
            stage.graph(|_, _| Do::Tamper(nasty));
        } else {
            stage.graph(nasty_error);
        }
        tokio::task::block_in_place(|| {
            let args = ["walk", "--step", "sync"];
            let mut pty = pty::Pty::start(120, 40, env!("CARGO_BIN_EXE_guidepost"), &args, &env);
            pty.sees("pwned");
            pty.types("w");
            pty.sees("Wire log");
            pty.types("\x1b");
            pty.until("the log to close", |pty| !pty.text().contains("Wire log:"));
            let whole = |text: &str| text.lines().skip(2).take(35).all(|line| line.chars().nth(28) == Some('│'));
            pty.until("the frame to be whole", |pty| whole(&pty.text()));
            let written = String::from_utf8_lossy(&pty.written).into_owned();
            for steers in ["\x1b]0;title", "\x1b]52", "\u{9b}", "\u{9d}", "\u{202e}", "\u{2066}", "\0"] {
                assert!(!written.contains(steers), "{steers:?} reached the terminal");
            }
            pty.types("q");
            assert_eq!(pty.ends(), 0);
            pty.is_given_back();
        });
    }
}

// Changes.

#[track_caller]
fn is_changed(stage: &Stage, ran: &Ran) {
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(stage.deeds(), ["intended", "done"]);
}

async fn open_changes(stage: &Stage) -> usize {
    let ledger = stage.run(&["ledger", "--format", "json"]).await.json();
    ledger["open"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_change_that_was_done_but_answered_by_500_is_found_by_looking_and_sent_once() {
    let stage = Stage::start().await;
    stage.posts(|_| Do::Swap(error(500, "InternalServerError")));
    is_changed(&stage, &stage.apply().await);
    assert_eq!((stage.assigned().await, open_changes(&stage).await), (1, 1));
    assert_eq!(stage.proxy.asked_for(lab::ASSIGNMENTS).iter().filter(|asked| asked.method == "POST").count(), 1);
}

#[tokio::test]
async fn a_change_whose_answer_was_cut_is_found_by_looking_and_sent_once() {
    let stage = Stage::start().await;
    stage.posts(|_| Do::Swap(Answer::Raw(Vec::new())));
    is_changed(&stage, &stage.apply().await);
    assert_eq!((stage.assigned().await, open_changes(&stage).await), (1, 1));
    stage.rule(|_, _| Do::Pass);
    let undone = stage.run(&["undo", "--step", "global-administrator", "--yes"]).await;
    assert_eq!(undone.code, 0, "{}{}", undone.out, undone.err);
    assert_eq!((stage.deeds(), open_changes(&stage).await), (["intended", "done", "intended", "undone"].map(str::to_owned).to_vec(), 0));
}

#[tokio::test]
async fn a_change_that_graph_put_off_by_429_is_sent_again_and_done_once() {
    let stage = Stage::start().await;
    stage.posts(|count| if count == 0 { Do::Instead(busy(429)) } else { Do::Pass });
    is_changed(&stage, &stage.apply().await);
    assert_eq!((stage.assigned().await, open_changes(&stage).await), (1, 1));
    assert_eq!(stage.proxy.asked_for(lab::ASSIGNMENTS).iter().filter(|asked| asked.method == "POST").count(), 2);
}

#[tokio::test]
async fn a_change_that_graph_refuses_is_recorded_as_failed_and_not_sent_again() {
    let stage = Stage::start().await;
    stage.posts(|_| Do::Instead(error(403, "Authorization_RequestDenied")));
    let ran = stage.apply().await;
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("403 Authorization_RequestDenied") && ran.err.contains("hint: "), "{}", ran.err);
    assert_eq!(stage.deeds(), ["intended", "failed"]);
    assert_eq!((stage.assigned().await, open_changes(&stage).await), (0, 0));
    assert_eq!(stage.proxy.asked_for(lab::ASSIGNMENTS).iter().filter(|asked| asked.method == "POST").count(), 1);
}
