//! The terminal is taken and given back, whatever ends the walk: the app runs in a real pseudo-terminal.
//!
//! The app under test is this very test binary, started again in a pty with `APP` set: there `app_under_test` walks through a
//! hand-made page. The real program's own test does the same with the whole engine.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/pty.rs"]
mod pty;

use guidepost::{
    engine::{
        page::{Act, Connection, LabLine, Offer, Page, RailPhase, RailStep, StepPage},
        run::{Command, Handle, View},
    },
    tui::{self, Ended, TuiOptions},
};
use pty::{Pty, modes};
use rustix::process::Signal;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Says to `app_under_test` that it is the app.
const APP: &str = "GUIDEPOST_TEST_APP";

fn page() -> Page {
    let step = RailStep { id: "one".to_owned(), title: "The first step".to_owned(), verdict: None, drifted: false, current: true };
    Page {
        guide: "A guide".to_owned(),
        lab: LabLine {
            name: "test".to_owned(),
            environment: "test".to_owned(),
            tenant: None,
            account: None,
            meter: None,
            connection: Connection::Ready,
            open_changes: 0,
            clock_ahead: None,
            read_only: None,
        },
        rail: vec![RailPhase { title: "Phase 1".to_owned(), steps: vec![step] }],
        step: StepPage {
            id: "one".to_owned(),
            title: "The first step".to_owned(),
            summary: "It waits for keys.".to_owned(),
            position: (1, 1),
            verdict: None,
            verdict_note: None,
            risk: String::new(),
            place: String::new(),
            why: Vec::new(),
            options: Vec::new(),
            tasks: Vec::new(),
            pages: Vec::new(),
            mirror: None,
            trip: None,
            notes: Vec::new(),
            action: None,
        },
        checks: Vec::new(),
        offers: vec![Offer { act: Act::Apply, why_not: None }, Offer { act: Act::CheckAgain, why_not: None }],
        activity: None,
        notice: None,
        overlay: None,
    }
}

/// What the engine of the test does: `a` panics inside it, `r` shows that the command came.
async fn engine(mut commands: mpsc::Receiver<Command>, views: watch::Sender<Arc<View>>) {
    while let Some(command) = commands.recv().await {
        if matches!(command, Command::PlanApply(_)) {
            panic!("the engine fell over");
        }
        let page = Page { activity: Some(format!("the engine heard {command:?}")), ..page() };
        views.send_replace(Arc::new(View { page, wire: Arc::from(Vec::new()) }));
    }
}

#[test]
fn app_under_test() {
    if std::env::var_os(APP).is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ended = runtime.block_on(async {
        let (views, watched) = watch::channel(Arc::new(View { page: page(), wire: Arc::from(Vec::new()) }));
        let (sender, commands) = mpsc::channel(4);
        tokio::spawn(engine(commands, views));
        tui::walk(Handle { commands: sender, views: watched }, TuiOptions { ascii: false, colour: true }).await
    });
    match ended {
        Ok(Ended::ByPerson) => println!("ended by the person"),
        Ok(Ended::BySignal(number)) => println!("ended by signal {number}"),
        Err(problem) => println!("ended by a problem: {problem}"),
    }
}

fn start() -> Pty {
    let program = std::env::current_exe().unwrap();
    let mut pty = Pty::start(
        120,
        40,
        program.to_str().unwrap(),
        &["--exact", "app_under_test", "--nocapture"],
        &[(APP, "1"), ("RUST_BACKTRACE", "0")],
    );
    pty.sees("It waits for keys.");
    pty
}

#[test]
fn the_terminal_is_taken_while_walking_and_given_back_after_quit() {
    let mut pty = start();
    assert!(pty.on_alternate_screen());
    assert!(pty.cursor_is_hidden());
    assert_ne!(pty.modes(), modes(&pty.before));
    pty.types("q");
    assert_eq!(pty.ends(), 0);
    pty.is_given_back();
    assert!(pty.text().contains("ended by the person"), "{}", pty.text());
}

#[test]
fn the_terminal_is_asked_nothing() {
    let mut pty = start();
    pty.types("?");
    pty.sees("On the page");
    pty.types("\x03");
    pty.ends();
    let written = String::from_utf8_lossy(&pty.written).into_owned();
    // Cursor position, device attributes, colours, keyboard flags, mode requests: what a dumb terminal leaves unanswered.
    for query in ["\x1b[6n", "\x1b[c", "\x1b[0c", "\x1b[>c", "\x1b]10;?", "\x1b]11;?", "\x1b[?u", "$p"] {
        assert!(!written.contains(query), "asked {query:?}");
    }
}

#[test]
fn every_key_arrives_also_after_a_pause() {
    let mut pty = start();
    for _ in 0..3 {
        pty.types("r");
        pty.sees("the engine heard CheckAgain");
        pty.types("w");
        pty.sees("Wire log");
        pty.types("\x1b");
        pty.until("the log to close", |pty| !pty.text().contains("Wire log"));
    }
    pty.types("q");
    assert_eq!(pty.ends(), 0);
}

#[test]
fn another_size_is_drawn_anew() {
    let mut pty = start();
    pty.resize(80, 24);
    pty.sees("1/1");
    pty.resize(30, 8);
    pty.sees("needs 60x16");
    pty.resize(120, 40);
    pty.sees("Step 1 of 1");
    pty.types("q");
    assert_eq!(pty.ends(), 0);
    pty.is_given_back();
}

#[test]
fn a_signal_ends_the_walk_and_gives_the_terminal_back() {
    for (signal, number) in [(Signal::TERM, 15), (Signal::HUP, 1), (Signal::INT, 2)] {
        let mut pty = start();
        pty.signal(signal);
        assert_eq!(pty.ends(), 0);
        pty.is_given_back();
        assert!(pty.text().contains(&format!("ended by signal {number}")), "{}", pty.text());
    }
}

#[test]
fn a_panic_is_readable_on_the_terminal_that_was_given_back() {
    let mut pty = start();
    pty.types("a");
    pty.ends();
    pty.is_given_back();
    assert!(pty.text().contains("the engine fell over"), "{}", pty.text());
}

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_again() {
    let program = std::env::current_exe().unwrap();
    // A shell with job control, as a person has; dash and bash both know `set -m`.
    let script =
        format!("set -m; {} --exact app_under_test --nocapture; stty -a; echo stopped here; read line; fg; echo over", program.display());
    let mut pty = Pty::start(120, 40, "sh", &["-c", &script], &[(APP, "1"), ("RUST_BACKTRACE", "0")]);
    pty.sees("It waits for keys.");
    pty.types("\x1a");
    pty.sees("stopped here");
    pty.is_given_back();
    pty.types("\n");
    pty.until("the walk to come back", |pty| pty.on_alternate_screen() && pty.text().contains("It waits for keys."));
    pty.types("r");
    pty.sees("the engine heard CheckAgain");
    pty.types("q");
    pty.ends();
    pty.is_given_back();
    assert!(pty.text().contains("over"), "{}", pty.text());
}
