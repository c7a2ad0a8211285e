//! The walk line by line: the same flow by words, where there is no screen.

use crate::house::{ASSIGNMENTS, House, ROLE, Start};
use std::{
    io::{Read as _, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// A walk with piped input and output.
struct Lines {
    child: Child,
    input: Option<ChildStdin>,
    said: Arc<Mutex<String>>,
    /// Everything before was read by the test already.
    read: usize,
}

impl Lines {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (paper, mut output) = (said.clone(), child.stdout.take().unwrap());
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                paper.lock().unwrap().push_str(&String::from_utf8_lossy(buffer.get(..count).unwrap_or_default()));
            }
        });
        Self { input: child.stdin.take(), child, said, read: 0 }
    }

    fn types(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Says no until nothing is asked any more: the walk answers words in their order, the engine in its own time.
    #[track_caller]
    fn closes(&mut self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !self.said.lock().unwrap().get(self.read..).unwrap_or_default().contains("nothing is asked now") {
            assert!(Instant::now() < deadline, "the plan stays");
            self.types("no");
            thread::park_timeout(Duration::from_millis(100));
        }
        self.read = self.said.lock().unwrap().len();
    }

    /// Waits until a text is said after all that was waited for before.
    #[track_caller]
    fn says(&mut self, text: &str) {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let said = self.said.lock().unwrap().clone();
            let new = said.get(self.read..).unwrap_or_default();
            if let Some(at) = new.find(text) {
                self.read += at + text.len();
                return;
            }
            assert!(Instant::now() < deadline, "waited for {text:?} after {:?} in:\n{said}", self.read);
            thread::park_timeout(Duration::from_millis(10));
        }
    }

    fn ends(mut self) -> (Option<i32>, String) {
        drop(self.input.take());
        let status = self.child.wait().unwrap();
        let said = self.said.lock().unwrap().clone();
        (status.code(), said)
    }
}

#[test]
fn the_same_flow_goes_by_words_through_a_pipe() {
    let house = House::new();
    let guide = house.quick_guide();
    let mut walk = Lines::start(house.command(&["walk", &guide, "--plain"]));
    walk.says("Step 1 of 10");
    for step in 2..5 {
        walk.types("next");
        walk.says(&format!("Step {step} of 10"));
    }
    walk.says("this step: fail");
    walk.types("apply");
    walk.says("send: POST https://127.0.0.1:");
    walk.says("\"directoryScopeId\": \"/\"");
    walk.says("now: an empty list");
    walk.says("needs: RoleManagement.ReadWrite.Directory");
    walk.says("high risk: type apply to send it, no to close it");
    walk.types("yes");
    walk.says("type apply to send it");
    walk.closes();
    walk.types("page");
    walk.says("Verdict: fail");
    assert_eq!(house.sent(), [""; 0]);
    walk.types("apply");
    walk.says("high risk: type apply");
    walk.types("apply");
    walk.says("this step: pending");
    walk.says("this step: pass");
    walk.types("attest 1");
    walk.says("1 (A1):");
    walk.says("[attested by");
    walk.types("undo");
    walk.says("type yes to send it");
    walk.types("yes");
    walk.says("this step: pending");
    walk.says("this step: fail");
    walk.types("steps");
    walk.says(&format!("{ROLE} role: fail, in view"));
    walk.types("wire");
    walk.says("DELETE");
    walk.types("nonsense");
    walk.says("`nonsense` is no word known here");
    walk.types("quit");
    let (code, said) = walk.ends();
    assert_eq!(code, Some(0));
    assert!(!said.contains('\u{1b}'), "no escape sequence where there is no screen");
    let sent = house.sent();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert_eq!(sent[0], format!("POST {ASSIGNMENTS}"));
}

#[test]
fn without_a_screen_the_walk_goes_line_by_line_and_ends_with_its_input() {
    let house = House::new();
    // Output into a pipe, though nobody said --plain.
    let mut walk = Lines::start(house.command(&[]));
    walk.says("Step 1 of 10");
    let (code, said) = walk.ends();
    assert_eq!(code, Some(0));
    assert!(!said.contains('\u{1b}'), "{said}");
    // A terminal that cannot move its cursor, and the option on one that can.
    let cases: [Start<'_>; 2] = [(&[], &[("TERM", "dumb")]), (&["walk", "--plain"], &[])];
    for (args, env) in cases {
        let mut pty = house.walk_with(120, 40, args, env);
        pty.sees("type help for the words that can be typed");
        pty.types("quit\n");
        assert_eq!(pty.ends(), 0);
        assert!(!pty.written.contains(&0x1b), "{args:?} {env:?}");
        pty.is_given_back();
    }
}
