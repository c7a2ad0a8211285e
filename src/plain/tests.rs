//! The line mode from the front: words in, lines out, commands to a scripted engine.

use super::*;
use crate::engine::page::scenes::{self, window};
use std::{
    io,
    sync::{Mutex, PoisonError},
};
use tokio::{
    io::{AsyncWriteExt as _, BufReader, DuplexStream},
    sync::{mpsc, watch},
    task::JoinHandle,
};

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Play {
    views: watch::Sender<Arc<View>>,
    commands: mpsc::Receiver<Command>,
    keyboard: DuplexStream,
    paper: Paper,
    walk: JoinHandle<Result<(), Problem>>,
}

impl Play {
    fn start(view: View) -> Self {
        let (views, watched) = watch::channel(Arc::new(view));
        let (sender, commands) = mpsc::channel(4);
        let (keyboard, input) = tokio::io::duplex(1024);
        let paper = Paper::default();
        let handle = Handle { commands: sender, views: watched };
        let walk = tokio::spawn(walk(handle, BufReader::new(input), paper.clone()));
        Self { views, commands, keyboard, paper, walk }
    }

    async fn types(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// Waits until the paper holds a text; the runtime runs the walk meanwhile.
    async fn reads(&self, text: &str) {
        for _ in 0..1000 {
            if self.paper.text().contains(text) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("never read {text:?} in:\n{}", self.paper.text());
    }

    async fn quits(mut self) -> String {
        self.types("quit").await;
        self.walk.await.unwrap().unwrap();
        self.paper.text()
    }
}

#[tokio::test]
async fn the_page_is_told_in_words_alone() {
    let text = Play::start(scenes::fail()).quits().await;
    insta::with_settings!({ snapshot_path => "../../tests/snapshots/plain", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("page", text);
    });
    assert!(text.is_ascii(), "a screen reader would stumble over the glyphs");
}

#[tokio::test]
async fn high_risk_is_sent_by_its_word_only_and_the_verdict_is_announced() {
    let mut play = Play::start(scenes::fail());
    play.types("apply").await;
    assert_eq!(play.commands.recv().await, Some(Command::PlanApply("global-administrator".to_owned())));
    play.views.send(Arc::new(scenes::plan())).unwrap();
    play.reads("high risk: type global-administrator to send it").await;
    play.types("yes").await;
    play.reads("this is of high risk: type global-administrator").await;
    play.types("global-administrator").await;
    let Some(Command::Confirm(id)) = play.commands.recv().await else { panic!("not confirmed") };
    assert!(id.starts_with("3fa2c9d0"));
    play.views.send(Arc::new(scenes::pending())).unwrap();
    play.reads("pending: User 1 holds the role").await;
    play.views.send(Arc::new(scenes::pass())).unwrap();
    play.reads("pass: User 1 holds the role").await;
    play.reads("this step: pass").await;
    play.quits().await;
}

#[tokio::test]
async fn no_closes_a_plan_and_what_cannot_be_done_says_why() {
    let mut play = Play::start(scenes::plan());
    play.types("no").await;
    assert_eq!(play.commands.recv().await, Some(Command::Dismiss));
    play.types("undo").await;
    play.reads("undo: not now, Guidepost changed nothing here").await;
    play.types("attest 9").await;
    play.reads("there is no task 9; this step has 5").await;
    play.types("attest 2").await;
    let attest = Command::Attest { step: "global-administrator".to_owned(), task: "active-users".to_owned() };
    assert_eq!(play.commands.recv().await, Some(attest));
    play.types("frobnicate").await;
    play.reads("`frobnicate` is no word known here").await;
    play.quits().await;
}

#[tokio::test]
async fn the_meter_and_what_a_sign_in_for_writing_asks_for_are_said_in_words() {
    let mut play = Play::start(scenes::plan_before_consent());
    play.reads(
        "This sign-in may read: Domain.Read.All, Organization.Read.All, RoleManagement.Read.Directory, User.Read.All; may write: nothing",
    )
    .await;
    play.reads("a sign-in for writing comes first: it asks for `RoleManagement.ReadWrite.Directory`").await;
    play.types("global-administrator").await;
    assert!(matches!(play.commands.recv().await, Some(Command::Confirm(_))));
    play.views.send(Arc::new(scenes::sign_in_to_write())).unwrap();
    play.reads("this sign-in is for writing; it asks for `RoleManagement.ReadWrite.Directory`").await;
    play.types("sign in code").await;
    assert_eq!(play.commands.recv().await, Some(Command::SignInBy(crate::engine::page::Way::Device)));
    play.quits().await;
}

#[tokio::test]
async fn a_doubt_is_answered_by_yes_or_no() {
    let mut play = Play::start(scenes::doubt());
    play.reads("did it happen? type yes or no").await;
    play.types("no").await;
    assert_eq!(play.commands.recv().await, Some(Command::Settle { happened: false }));
    play.quits().await;
}

#[tokio::test]
async fn the_end_of_the_input_ends_the_walk_and_a_dead_engine_is_said() {
    let play = Play::start(scenes::fail());
    drop(play.keyboard);
    play.walk.await.unwrap().unwrap();

    let play = Play::start(scenes::fail());
    drop(play.views);
    assert_eq!(play.walk.await.unwrap().unwrap_err().what, "the walk ended by itself");
}

#[tokio::test]
async fn an_address_is_pasted_in_words_and_another_way_can_be_said() {
    let mut play = Play::start(scenes::pasting());
    play.reads("not taken: that is the answer to another sign-in").await;
    play.types("http://localhost:1/?code=x&state=y").await;
    let address = Secret::new("http://localhost:1/?code=x&state=y");
    assert_eq!(play.commands.recv().await, Some(Command::Paste(Pasted(address))));
    play.types("sign in code").await;
    assert_eq!(play.commands.recv().await, Some(Command::SignInBy(crate::engine::page::Way::Device)));
    play.views.send_replace(Arc::new(scenes::code()));
    play.reads("enter this code there: A1B2C3D4E").await;
    play.views.send_replace(Arc::new(scenes::sign_in_ended()));
    play.reads("a Conditional Access policy blocks this sign-in").await;
    play.reads("sign in browser").await;
    play.types("no").await;
    assert_eq!(play.commands.recv().await, Some(Command::Dismiss));
    let told = play.quits().await;
    assert!(!told.contains("code=x"), "{told}");
}

#[tokio::test]
async fn the_wizard_is_operated_by_words_and_what_differs_is_said() {
    let mut play = Play::start(window::closed());
    play.types("wizard").await;
    play.reads("wizard: not open; type wizard open").await;
    play.types("wizard open").await;
    assert_eq!(play.commands.recv().await, Some(Command::Operate(Operation::Open)));
    play.views.send(Arc::new(window::tasks("", 1))).unwrap();
    play.reads("choice, not chosen: Customize synchronization options").await;
    play.reads("next: choose Customize synchronization options").await;
    play.types("Choose  Configure staging mode").await;
    assert_eq!(play.commands.recv().await, Some(Command::Operate(Operation::Choose("Configure staging mode".to_owned()))));
    play.views.send(Arc::new(window::tasks("Configure staging mode", 2))).unwrap();
    play.reads("differs from the guide: Configure staging mode is chosen").await;
    play.views.send(Arc::new(window::elsewhere())).unwrap();
    play.reads("not taken: the page `Rotate application certificate` has no button `Next`").await;
    for (line, operation) in [
        ("press Next", Operation::Press("Next".to_owned())),
        ("tick Password writeback", Operation::Tick("Password writeback".to_owned())),
        ("enter Username", Operation::Enter("Username".to_owned())),
        ("wizard close", Operation::Close),
    ] {
        play.types(line).await;
        assert_eq!(play.commands.recv().await, Some(Command::Operate(operation)));
    }
    play.types("press").await;
    play.reads("say which: the label as it stands on the page").await;
    play.quits().await;
}

#[tokio::test]
async fn without_a_window_the_wizards_pages_are_told_and_attested_by_number() {
    let mut play = Play::start(window::pages());
    play.types("wizard").await;
    play.reads("Page 4: Optional features").await;
    play.types("attest page 4").await;
    let attest = Command::Attest { step: "entra-connect-writeback".to_owned(), task: "optional-features".to_owned() };
    assert_eq!(play.commands.recv().await, Some(attest));
    play.types("attest page 9").await;
    play.reads("there is no page 9; this step has 5").await;
    play.types("press Next").await;
    play.reads("no wizard's window is shown here").await;
    play.quits().await;
}
