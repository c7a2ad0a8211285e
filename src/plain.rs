//! The same walk line by line: for screen readers, pipes and dumb terminals. Draws the same pages as `tui`, without its screen.

mod command;
mod mirror;
mod say;

use crate::{
    base::{Problem, Secret},
    engine::{
        page::{Act, Overlay, Page, SignInPane, mirror::Operation},
        run::{Command, Handle, Pasted, View},
    },
};
use command::{Touch, Typed};
use std::{io::Write, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, Lines},
    sync::mpsc::error::TrySendError,
    time::Instant,
};

/// What a sign-in asks of the person, in lines.
#[must_use]
pub fn sign_in_lines(pane: &SignInPane) -> Vec<String> {
    say::sign_in(pane)
}

/// Walks in lines: prints the page, reads words, says what changes, until the person quits or the input ends.
///
/// # Errors
/// When the engine ended by itself, or the input cannot be read. An output that nobody reads any more ends the walk quietly.
pub async fn walk(mut handle: Handle, input: impl AsyncBufRead + Unpin, output: impl Write) -> Result<(), Problem> {
    let view = Arc::clone(&handle.views.borrow_and_update());
    let mut walk = Walk { handle, view, came: Instant::now(), output, open: true };
    let page = say::page(&walk.view.page, Duration::ZERO);
    walk.tell(&page);
    walk.tell(&["type help for the words that can be typed".to_owned()]);
    walk.run(&mut input.lines()).await
}

struct Walk<W: Write> {
    handle: Handle,
    view: Arc<View>,
    /// When the view came.
    came: Instant,
    output: W,
    /// The output is still read by somebody.
    open: bool,
}

impl<W: Write> Walk<W> {
    async fn run(&mut self, lines: &mut Lines<impl AsyncBufRead + Unpin>) -> Result<(), Problem> {
        self.prompt();
        while self.open {
            tokio::select! {
                biased;
                changed = self.handle.views.changed() => {
                    if changed.is_err() {
                        return Err(Problem::new("the walk ended by itself").hint("start again: the journal knows how far it came"));
                    }
                    self.on_view();
                }
                line = lines.next_line() => match line {
                    Ok(Some(line)) => {
                        if self.on_line(&line) {
                            return Ok(());
                        }
                        self.prompt();
                    }
                    Ok(None) => return Ok(()),
                    Err(error) => return Err(Problem::new(format!("cannot read what is typed: {error}"))),
                },
            }
        }
        Ok(())
    }

    fn on_view(&mut self) {
        let new = Arc::clone(&self.handle.views.borrow_and_update());
        let old = std::mem::replace(&mut self.view, new);
        self.came = Instant::now();
        let lines = say::changes(&old.page, &self.view.page);
        if !lines.is_empty() {
            self.tell(&[String::new()]);
            self.tell(&lines);
            self.prompt();
        }
    }

    /// Whether the walk is over.
    fn on_line(&mut self, line: &str) -> bool {
        let view = Arc::clone(&self.view);
        let page = &view.page;
        match command::read(line, page) {
            Typed::Nothing => {}
            Typed::Quit => return true,
            Typed::Show => self.tell(&say::page(page, self.came.elapsed())),
            Typed::Steps => self.tell(&say::steps(page)),
            Typed::Wire => self.tell(&say::wire(&view.wire)),
            Typed::Mirror => self.tell(&mirror::lines(page)),
            Typed::Operate(touch) => self.operate(page, touch, command::label(line)),
            Typed::AttestPage(number) => self.attest_page(page, number),
            Typed::Help => self.tell(&command::help(page)),
            Typed::Act(act) => self.act(page, act),
            Typed::Attest(number) => self.attest(page, number),
            Typed::Yes => self.answer(page, true),
            Typed::No => self.answer(page, false),
            Typed::Word => self.confirm(page),
            Typed::SignInBy(way) => match page.why_not(Act::SignIn).filter(|_| !matches!(page.overlay, Some(Overlay::SignIn(_)))) {
                Some(why) => self.tell(&[format!("sign in: not now, {why}")]),
                None => self.send(Command::SignInBy(way)),
            },
            Typed::Pasted => self.send(Command::Paste(Pasted(Secret::new(line.trim())))),
            Typed::Unknown => self.tell(&[format!("`{}` is no word known here; type help", crate::base::text::short(line, 40))]),
        }
        false
    }

    fn act(&mut self, page: &Page, act: Act) {
        if let Some(why) = page.why_not(act) {
            self.tell(&[format!("{}: not now, {why}", act.word())]);
            return;
        }
        let step = page.step.id.clone();
        let command = match act {
            Act::Apply => Command::PlanApply(step),
            Act::Undo => Command::PlanUndo(step),
            Act::CheckAgain => Command::CheckAgain,
            Act::SignIn => Command::SignIn,
            Act::Next => return self.go(page, 1),
            Act::Back => return self.go(page, -1),
            Act::Attest => return self.tell(&["say which task: attest 1".to_owned()]),
            Act::Wizard => return self.tell(&mirror::lines(page)),
        };
        self.send(command);
    }

    fn go(&mut self, page: &Page, by: isize) {
        match page.neighbour(by) {
            Some(id) => self.send(Command::View(id.to_owned())),
            None => self.tell(&[if by > 0 { "this is the last step" } else { "this is the first step" }.to_owned()]),
        }
    }

    fn attest(&mut self, page: &Page, number: usize) {
        if let Some(why) = page.why_not(Act::Attest) {
            self.tell(&[format!("attest: not now, {why}")]);
            return;
        }
        match number.checked_sub(1).and_then(|at| page.step.tasks.get(at)) {
            Some(task) => self.send(Command::Attest { step: page.step.id.clone(), task: task.id.clone() }),
            None => self.tell(&[format!("there is no task {number}; this step has {}", page.step.tasks.len())]),
        }
    }

    fn attest_page(&mut self, page: &Page, number: usize) {
        if let Some(why) = page.why_not(Act::Attest) {
            self.tell(&[format!("attest: not now, {why}")]);
            return;
        }
        match number.checked_sub(1).and_then(|at| page.step.pages.get(at)) {
            Some(wizard) => self.send(Command::Attest { step: page.step.id.clone(), task: wizard.id.clone() }),
            None => self.tell(&[format!("there is no page {number}; this step has {}", page.step.pages.len())]),
        }
    }

    /// The lab judges the label: it knows its page best.
    fn operate(&mut self, page: &Page, touch: Touch, label: &str) {
        if page.step.mirror.is_none() {
            self.tell(&["no wizard's window is shown here".to_owned()]);
            return;
        }
        let named = !matches!(touch, Touch::Open | Touch::Close);
        if named && label.is_empty() {
            self.tell(&["say which: the label as it stands on the page; type wizard to hear it".to_owned()]);
            return;
        }
        let label = label.to_owned();
        self.send(Command::Operate(match touch {
            Touch::Open => Operation::Open,
            Touch::Close => Operation::Close,
            Touch::Choose => Operation::Choose(label),
            Touch::Tick => Operation::Tick(label),
            Touch::Enter => Operation::Enter(label),
            Touch::Press => Operation::Press(label),
        }));
    }

    fn answer(&mut self, page: &Page, yes: bool) {
        match (&page.overlay, yes) {
            (Some(Overlay::Plan(plan)), _) if plan.sending => self.tell(&["it is being sent and cannot be called back".to_owned()]),
            (Some(Overlay::Plan(plan)), true) => match &plan.typed {
                Some(word) => self.tell(&[format!("this is of high risk: type {word} to send it")]),
                None => self.confirm(page),
            },
            (Some(Overlay::Plan(_) | Overlay::SignIn(_)), false) => self.send(Command::Dismiss),
            (Some(Overlay::Doubt { .. }), happened) => self.send(Command::Settle { happened }),
            (Some(Overlay::SignIn(_)) | None, _) => self.tell(&["nothing is asked now".to_owned()]),
        }
    }

    fn confirm(&mut self, page: &Page) {
        if let Some(Overlay::Plan(plan)) = &page.overlay {
            self.send(Command::Confirm(plan.id.clone()));
        }
    }

    /// A full queue means that the engine is behind: the person hears it and types again. A closed one shows as a lost view.
    fn send(&mut self, command: Command) {
        if let Err(TrySendError::Full(_)) = self.handle.commands.try_send(command) {
            self.tell(&["the engine is busy, type it again".to_owned()]);
        }
    }

    fn tell(&mut self, lines: &[String]) {
        for line in lines {
            self.open &= writeln!(self.output, "{line}").is_ok();
        }
    }

    fn prompt(&mut self) {
        self.open &= write!(self.output, "> ").and_then(|()| self.output.flush()).is_ok();
    }
}

#[cfg(test)]
mod tests;
