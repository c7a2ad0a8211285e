//! Whole flows on a fake terminal with scripted keys and a scripted engine, on the paused clock; frames only on demand.

use super::*;
use crate::{
    engine::{page::scenes, run::View},
    tui::{
        keys::{Key, KeyMap},
        model::Look,
        view::screen::MemoryScreen,
    },
};
use std::{task::Waker, time::Duration};
use tokio::{sync::watch, task::JoinHandle, time};

/// A terminal in memory that shows each frame to the test.
struct Fake {
    inputs: mpsc::Receiver<Input>,
    /// The first waker that found nothing; every later one must be the same.
    waker: Option<Waker>,
    screen: MemoryScreen,
    /// Frames drawn, and the newest one's text.
    shown: watch::Sender<(usize, String)>,
    sizes: mpsc::Receiver<(u16, u16)>,
    suspended: watch::Sender<usize>,
}

impl Stage for Fake {
    async fn next(&mut self) -> Input {
        poll_fn(|context| {
            let waker = self.waker.get_or_insert_with(|| context.waker().clone());
            assert!(waker.will_wake(context.waker()), "crossterm's event stream would lose keys here: it keeps its first waker");
            match self.inputs.poll_recv(context) {
                Poll::Ready(Some(input)) => Poll::Ready(input),
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    fn draw(&mut self, model: &mut Model) -> io::Result<()> {
        if let Ok((width, height)) = self.sizes.try_recv() {
            self.screen.resize(width, height);
        }
        self.screen.draw(model)?;
        let text = self.screen.text();
        self.shown.send_modify(|shown| *shown = (shown.0 + 1, text));
        Ok(())
    }

    fn forget(&mut self) -> io::Result<()> {
        self.screen.forget()
    }

    fn regain(&mut self) -> io::Result<()> {
        Ok(())
    }

    async fn suspend(&mut self) -> io::Result<()> {
        self.suspended.send_modify(|times| *times += 1);
        Ok(())
    }
}

/// The test's ends: keyboard, engine, eyes.
struct Play {
    inputs: mpsc::Sender<Input>,
    sizes: mpsc::Sender<(u16, u16)>,
    shown: watch::Receiver<(usize, String)>,
    suspended: watch::Receiver<usize>,
    views: watch::Sender<Arc<View>>,
    commands: mpsc::Receiver<Command>,
    walk: JoinHandle<Result<Ended, Problem>>,
}

impl Play {
    fn start(view: View) -> Self {
        Self::with_queue(view, 4)
    }

    fn with_queue(view: View, queue: usize) -> Self {
        let view = Arc::new(view);
        let (views, watched) = watch::channel(Arc::clone(&view));
        let (sender, commands) = mpsc::channel(queue);
        let (inputs, received) = mpsc::channel(64);
        let (shown, eyes) = watch::channel((0, String::new()));
        let (sizes, new_sizes) = mpsc::channel(4);
        let (suspended, times) = watch::channel(0);
        let handle = Handle { commands: sender, views: watched };
        let walk = tokio::spawn(async move {
            let mut stage =
                Fake { inputs: received, waker: None, screen: MemoryScreen::in_memory(120, 40), shown, sizes: new_sizes, suspended };
            let keys = Arc::new(KeyMap::built_in().unwrap());
            let mut model = Model::new(view, Look { ascii: false, colour: true }, keys);
            run(&mut stage, handle, &mut model).await
        });
        Self { inputs, sizes, shown: eyes, suspended: times, views, commands, walk }
    }

    async fn keys(&self, names: &str) {
        for name in names.split(' ') {
            self.inputs.send(Input::Key(Key::parse(name).unwrap())).await.unwrap();
        }
    }

    async fn types(&self, text: &str) {
        for c in text.chars() {
            self.keys(&c.to_string()).await;
        }
    }

    /// Waits until the screen holds a text. The clock is paused: an hour passes only when nothing else can happen.
    async fn sees(&mut self, text: &str) {
        let seen = time::timeout(Duration::from_hours(1), self.shown.wait_for(|(_, shown)| shown.contains(text))).await;
        assert!(seen.is_ok(), "never saw {text:?}");
    }

    fn frames(&self) -> usize {
        self.shown.borrow().0
    }

    fn engine_shows(&self, view: View) {
        self.views.send(Arc::new(view)).unwrap();
    }

    async fn ends(self) -> Result<Ended, Problem> {
        self.walk.await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn the_role_is_planned_confirmed_proved_and_taken_back_by_keys_alone() {
    let mut play = Play::start(scenes::connecting());
    play.sees("starting the practice lab").await;
    play.engine_shows(scenes::fail());
    play.sees("✗ fail").await;
    play.keys("a").await;
    assert_eq!(play.commands.recv().await, Some(Command::PlanApply("global-administrator".to_owned())));
    play.engine_shows(scenes::plan());
    play.sees("1 change, not sent yet").await;
    play.types("global-administrator").await;
    play.sees("› global-administrator").await;
    play.keys("enter").await;
    assert!(matches!(play.commands.recv().await, Some(Command::Confirm(id)) if id.starts_with("3fa2")));
    play.sees("sending…").await;
    play.engine_shows(scenes::pending());
    play.sees("… pending").await;
    play.engine_shows(scenes::pass());
    play.sees("2 changes open").await;
    play.keys("u").await;
    assert_eq!(play.commands.recv().await, Some(Command::PlanUndo("global-administrator".to_owned())));
    play.keys("q").await;
    assert_eq!(play.ends().await, Ok(Ended::ByPerson));
}

/// The terminal is taken between the first view and the first frame; the engine does not wait for that.
#[tokio::test(start_paused = true)]
async fn a_view_that_comes_before_the_first_frame_is_not_lost() {
    let mut play = Play::start(scenes::connecting());
    play.engine_shows(scenes::sign_in());
    play.sees("The sign-in page opens").await;
}

#[tokio::test(start_paused = true)]
async fn help_and_wire_log_open_over_the_page_and_close_again() {
    let mut play = Play::start(scenes::fail());
    play.keys("?").await;
    play.sees("In a box like this one").await;
    play.keys("esc w").await;
    play.sees("Wire log: 4 requests").await;
    play.keys("esc").await;
    play.sees("Guidepost can do this").await;
}

#[tokio::test(start_paused = true)]
async fn many_keys_at_once_make_one_frame() {
    let mut play = Play::start(scenes::fail());
    play.sees("fail").await;
    let before = play.frames();
    // The queue takes all of them before the loop runs: nothing here waits.
    for _ in 0..20 {
        play.inputs.try_send(Input::Key(Key::parse("j").unwrap())).unwrap();
    }
    play.sees("› [ ] A5").await;
    assert_eq!(play.frames(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_still_screen_asks_for_no_frame_in_ten_minutes() {
    let mut play = Play::start(scenes::attested_only());
    play.sees("nothing can prove it").await;
    time::sleep(Duration::from_mins(10)).await;
    assert_eq!(play.frames(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_age_asks_for_one_frame_a_minute() {
    let mut view = scenes::pass();
    view.page.checks.truncate(1);
    let mut play = Play::start(view);
    play.sees("just now").await;
    time::sleep(Duration::from_mins(10)).await;
    assert_eq!(play.frames(), 1 + 10);
    play.sees("10 min ago").await;
}

#[tokio::test(start_paused = true)]
async fn a_countdown_asks_for_one_frame_a_second_and_ends() {
    let mut view = scenes::pending();
    view.page.checks.remove(0);
    let mut play = Play::start(view);
    play.sees("next in 3 s").await;
    time::sleep(Duration::from_secs(30)).await;
    assert_eq!(play.frames(), 1 + 3);
    play.sees("next now").await;
}

#[tokio::test(start_paused = true)]
async fn another_size_is_drawn_at_once() {
    let mut play = Play::start(scenes::fail());
    play.sees("Phase 1").await;
    for (width, height, text) in [(80, 24, "4/10"), (59, 24, "needs 60x16"), (120, 40, "Phase 1")] {
        play.sizes.send((width, height)).await.unwrap();
        play.inputs.send(Input::Resized).await.unwrap();
        play.sees(text).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_shell_gets_the_terminal_and_the_screen_comes_back_whole() {
    let mut play = Play::start(scenes::fail());
    play.sees("fail").await;
    let before = play.frames();
    play.keys("ctrl-z").await;
    play.suspended.wait_for(|times| *times == 1).await.unwrap();
    play.shown.wait_for(|(frames, _)| *frames > before).await.unwrap();
    play.sees("Guidepost can do this").await;
}

#[tokio::test(start_paused = true)]
async fn a_signal_ends_the_walk_with_its_number() {
    for number in [15, 1, 2] {
        let play = Play::start(scenes::sending());
        play.inputs.send(Input::Signal(number)).await.unwrap();
        assert_eq!(play.ends().await, Ok(Ended::BySignal(number)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_engine_loses_no_confirmation_silently() {
    let mut play = Play::with_queue(scenes::plan(), 1);
    play.sees("not sent yet").await;
    // Somebody else's command fills the queue: opening and closing asks nothing, so Dismiss fills it.
    play.keys("esc").await;
    play.types("global-administrator").await;
    play.keys("enter").await;
    play.sees("the engine is busy, the key was dropped").await;
    assert_eq!(play.commands.recv().await, Some(Command::Dismiss));
    play.keys("enter").await;
    assert!(matches!(play.commands.recv().await, Some(Command::Confirm(_))));
}

#[tokio::test(start_paused = true)]
async fn a_dead_engine_and_a_lost_terminal_end_the_walk_with_a_sentence() {
    let play = Play::start(scenes::fail());
    drop(play.views);
    assert_eq!(play.walk.await.unwrap().unwrap_err().what, "the walk ended by itself");

    let play = Play::start(scenes::fail());
    play.inputs.send(Input::Gone).await.unwrap();
    assert_eq!(play.ends().await.unwrap_err().what, "the terminal cannot be used: unexpected end of file");
}
