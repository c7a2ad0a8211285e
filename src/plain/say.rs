//! Pages and what changed between two of them, as lines of words. No glyph carries meaning here.

use super::mirror;
use crate::engine::page::trip::{HopLine, TripPane};
use crate::{
    base::{http::WireLine, text::line},
    engine::page::{
        ActionLine, CheckPane, Connection, NoteLine, OptionLine, Overlay, Page, PlanPane, SignInAsk, SignInPane, TaskLine, words,
    },
    guide::prose::{Block, plain_text},
};
use jiff::Timestamp;
use std::time::Duration;

/// The whole page.
pub(super) fn page(page: &Page, elapsed: Duration) -> Vec<String> {
    let step = &page.step;
    let (at, of) = step.position;
    let mut lines = vec![format!("{}; {}", page.guide, lab(page))];
    lines.push(String::new());
    lines.push(format!("Step {at} of {of}: {}", step.title));
    push(&mut lines, &step.summary);
    lines.extend(meter(page));
    let note = step.verdict_note.as_ref().map(|note| format!(", {note}")).unwrap_or_default();
    lines.push(format!("Verdict: {}{note}", words::verdict_word(step.verdict)));
    if !step.risk.is_empty() {
        lines.push(format!("Risk: {}", step.risk.to_lowercase()));
    }
    // A trip that is made is what the step is looked at for; before the first, its words come first.
    let trip = |made: bool| step.trip.as_ref().filter(move |trip| trip.is_made() == made);
    if let Some(trip) = trip(true) {
        section(&mut lines, &format!("Round trip: {}", trip.head), trip_lines(trip, elapsed));
    }
    section(&mut lines, "Why", blocks(&step.why));
    section(&mut lines, "Options", step.options.iter().map(|option| option_line(&step.id, option)).collect());
    if let Some(action) = &step.action {
        section(&mut lines, "Guidepost can do this", action_lines(page, action));
    }
    if let Some(trip) = trip(false) {
        section(&mut lines, &format!("Round trip: {}", trip.head), trip_lines(trip, elapsed));
    }
    let place = if step.place.is_empty() { "By hand".to_owned() } else { format!("By hand, in: {}", step.place) };
    section(&mut lines, &place, step.tasks.iter().enumerate().map(|(at, task)| task_line(at, task)).collect());
    section(&mut lines, "Page by page", step.pages.iter().enumerate().flat_map(|(at, page)| mirror::guide_page(at, page)).collect());
    section(&mut lines, "Verification", page.checks.iter().flat_map(|pane| check_lines(pane, elapsed)).collect());
    section(&mut lines, "Field notes", step.notes.iter().flat_map(note_lines).collect());
    lines.extend(notice(page));
    lines.extend(overlay(page));
    lines
}

/// The hops, what is waited for, and where it stopped.
fn trip_lines(trip: &TripPane, elapsed: Duration) -> Vec<String> {
    let mut lines: Vec<String> = trip.hops.iter().map(hop_line).collect();
    lines.extend(trip.stopped.clone());
    lines.extend(trip.waiting.as_ref().map(|waiting| waiting.words(elapsed)));
    lines
}

fn hop_line(hop: &HopLine) -> String {
    let took = if hop.took.is_empty() { String::new() } else { format!(", after {}", hop.took) };
    let clock = if hop.clock.is_empty() { String::new() } else { format!(", {}", hop.clock) };
    let says = if hop.says.is_empty() { String::new() } else { format!(": {}", hop.says) };
    let waiting = if hop.waiting { ", waited for" } else { "" };
    format!("{}, {}{took}{clock}{waiting}{says}", hop.name, words::verdict_word(hop.verdict))
}

/// What a trip says anew: hops that became known, and what is done now. A countdown alone says nothing.
fn trip_changes(old: Option<&TripPane>, new: &TripPane) -> Vec<String> {
    let known = |hop: &&HopLine| old.and_then(|old| old.hops.iter().find(|before| before.name == hop.name)).map(|before| before.verdict);
    let mut lines: Vec<String> =
        new.hops.iter().filter(|hop| hop.verdict.is_some() && known(hop) != Some(hop.verdict)).map(hop_line).collect();
    let doing = |pane: &TripPane| pane.waiting.as_ref().map(|waiting| waiting.doing.clone());
    if doing(new) != old.and_then(doing) {
        lines.extend(doing(new).map(|doing| format!("trip: {doing}")));
    }
    if old.is_none_or(|old| old.stopped != new.stopped) {
        lines.extend(new.stopped.clone());
    }
    lines
}

/// The way that is walked, or how another is chosen.
fn option_line(step: &str, option: &OptionLine) -> String {
    let how = if option.walked { "walked now".to_owned() } else { format!("start with --option {step}={}", option.id) };
    format!("{}, {how}: {}", option.id, plain_text(&option.text))
}

/// What the sign-in may do, as the sign-in service named it.
fn meter(page: &Page) -> Option<String> {
    let [read, write] = page.lab.meter.as_ref()?.words();
    Some(format!("This sign-in {read}; {write}"))
}

/// All steps with their verdicts.
pub(super) fn steps(page: &Page) -> Vec<String> {
    let mut lines = Vec::new();
    for phase in &page.rail {
        lines.push(phase.title.clone());
        for step in &phase.steps {
            let drifted = if step.drifted { ", drifted" } else { "" };
            let here = if step.current { ", in view" } else { "" };
            lines.push(format!("  {}: {}{drifted}{here}", step.title, words::verdict_word(step.verdict)));
        }
    }
    lines
}

/// The newest requests, oldest first.
pub(super) fn wire(wire: &[WireLine]) -> Vec<String> {
    if wire.is_empty() {
        return vec!["nothing was sent yet".to_owned()];
    }
    wire.iter().map(wire_line).collect()
}

fn wire_line(line: &WireLine) -> String {
    let status = line.status.map_or_else(|| "no reply".to_owned(), |status| status.to_string());
    let note = line.note.as_ref().map(|note| format!(", {note}")).unwrap_or_default();
    format!("{} {} {}: {status} in {}{note}", line.at.strftime("%H:%M:%S UTC"), line.method, line.target, words::took(line.took))
}

/// What a person should hear when the page changes; empty when nothing that matters did.
pub(super) fn changes(old: &Page, new: &Page) -> Vec<String> {
    if old.step.id != new.step.id {
        return page(new, Duration::ZERO);
    }
    let mut lines = Vec::new();
    if old.lab.connection != new.lab.connection {
        lines.push(format!("lab: {}", connection(&new.lab.connection)));
    }
    if old.lab.meter != new.lab.meter {
        lines.extend(meter(new));
    }
    if let Some(trip) = &new.step.trip {
        lines.extend(trip_changes(old.step.trip.as_ref(), trip));
    }
    for pane in &new.checks {
        let before = old.checks.iter().find(|before| before.id == pane.id);
        if before.is_none_or(|before| before.verdict != pane.verdict || before.drifted != pane.drifted || before.code != pane.code) {
            lines.extend(check_lines(pane, Duration::ZERO));
        }
    }
    for (at, task) in new.step.tasks.iter().enumerate() {
        if old.step.tasks.get(at).is_some_and(|before| before.attested != task.attested) {
            lines.push(task_line(at, task));
        }
    }
    lines.extend(mirror::changes(old, new));
    if old.step.verdict != new.step.verdict {
        lines.push(format!("this step: {}", words::verdict_word(new.step.verdict)));
    }
    if old.lab.open_changes != new.lab.open_changes {
        lines.push(new.lab.open_words().unwrap_or_else(|| "no change open".to_owned()));
    }
    if old.notice != new.notice {
        lines.extend(notice(new));
    }
    if !same_ask(old.overlay.as_ref(), new.overlay.as_ref()) {
        lines.extend(overlay(new));
    }
    lines
}

/// Equal but for the time that is left for a code, which nobody wants to hear each second.
fn same_ask(old: Option<&Overlay>, new: Option<&Overlay>) -> bool {
    match (old, new) {
        (Some(Overlay::SignIn(old)), Some(Overlay::SignIn(new))) => old.clone().at(Timestamp::MAX) == new.clone().at(Timestamp::MAX),
        (old, new) => old == new,
    }
}

fn lab(page: &Page) -> String {
    let lab = &page.lab;
    let mut parts = vec![format!("{} lab", lab.environment), connection(&lab.connection)];
    parts.extend(lab.account.as_ref().map(|account| format!("signed in as {account}")));
    parts.extend(lab.open_words());
    parts.extend(lab.clock_words());
    parts.extend(lab.read_only.as_ref().map(|why| format!("read-only: {why}")));
    parts.join(", ")
}

fn connection(connection: &Connection) -> String {
    match connection {
        Connection::Connecting(what) => format!("connecting, {what}"),
        Connection::Ready | Connection::SignedOut => connection.word().to_owned(),
        Connection::Failed { why, hint } => {
            let hint = hint.as_ref().map(|hint| format!("; hint: {hint}")).unwrap_or_default();
            format!("no connection, {why}{hint}")
        }
    }
}

fn push(lines: &mut Vec<String>, line: &str) {
    if !line.is_empty() {
        lines.push(line.to_owned());
    }
}

fn section(lines: &mut Vec<String>, title: &str, body: Vec<String>) {
    if !body.is_empty() {
        lines.push(String::new());
        lines.push(format!("{title}:"));
        lines.extend(body);
    }
}

fn blocks(blocks: &[Block]) -> Vec<String> {
    blocks
        .iter()
        .flat_map(|block| match block {
            Block::Paragraph(spans) => vec![plain_text(spans)],
            Block::Item(spans) => vec![format!("- {}", plain_text(spans))],
            Block::Code(code) => code.lines().map(|line| format!("    {line}")).collect(),
        })
        .collect()
}

fn action_lines(page: &Page, action: &ActionLine) -> Vec<String> {
    let mut lines: Vec<String> = action.changes.iter().map(|change| plain_text(change)).collect();
    lines.push(format!("State: {}", action.state));
    let now: Vec<_> = page.offers.iter().filter(|offer| offer.why_not.is_none()).map(|offer| offer.act.word()).collect();
    lines.push(format!("Now: {}", if now.is_empty() { "nothing".to_owned() } else { now.join(", ") }));
    lines
}

fn task_line(at: usize, task: &TaskLine) -> String {
    let covers = task.covers.as_ref().map(|covers| format!(" ({covers})")).unwrap_or_default();
    let attested =
        task.attested.as_ref().map(|attested| format!(" [attested by {}, {}]", attested.by, attested.at.strftime("%Y-%m-%d %H:%M UTC")));
    format!("{}{covers}: {}{}", at + 1, plain_text(&task.text), attested.unwrap_or_default())
}

fn check_lines(pane: &CheckPane, elapsed: Duration) -> Vec<String> {
    let drifted = if pane.drifted { ", drifted" } else { "" };
    let mut lines = vec![format!("{}{drifted}: {}", pane.verdict_word(), plain_text(&pane.title))];
    lines.extend(pane.expected.as_ref().map(|expected| format!("  expected: {expected}")));
    lines.extend(pane.found.as_ref().map(|found| format!("  found: {found}")));
    lines.extend(look_line(pane, elapsed));
    lines.extend(pane.why.as_ref().map(|why| format!("  why: {why}")));
    lines.extend(pane.way_out.iter().map(|way| format!("  way out: {way}")));
    lines.extend(pane.code.as_ref().map(|code| format!("  code: {code}")));
    lines
}

/// When it was looked at, and when next.
fn look_line(pane: &CheckPane, elapsed: Duration) -> Option<String> {
    let age = pane.age.map(|age| format!("{}{}", words::age(age + elapsed), if pane.stale { ", stale" } else { "" }));
    let next = pane.look_words(elapsed);
    let parts: Vec<String> = [age, next].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("  looked: {}", parts.join(", ")))
}

fn note_lines(note: &NoteLine) -> Vec<String> {
    let mut lines = vec![format!("{} ({})", note.title, note.origin)];
    lines.extend(blocks(&note.blocks).into_iter().map(|line| format!("  {line}")));
    lines
}

fn notice(page: &Page) -> Vec<String> {
    let Some(notice) = &page.notice else { return Vec::new() };
    let hint = notice.hint.as_ref().map(|hint| format!("; hint: {hint}")).unwrap_or_default();
    vec![format!("note: {}{hint}", notice.text)]
}

fn overlay(page: &Page) -> Vec<String> {
    match &page.overlay {
        None => Vec::new(),
        Some(Overlay::Plan(plan)) => plan_lines(plan),
        Some(Overlay::SignIn(asked)) => sign_in(asked),
        Some(Overlay::Doubt { what }) => vec![
            "in doubt: Guidepost was stopped while this was being sent".to_owned(),
            format!("  {what}"),
            "did it happen? type yes or no".to_owned(),
        ],
    }
}

/// What a sign-in asks of the person.
pub(super) fn sign_in(pane: &SignInPane) -> Vec<String> {
    let mut lines: Vec<String> = pane.wrong.iter().map(|wrong| format!("not taken: {wrong}")).collect();
    let aim = if pane.azure { "for the machines in Azure" } else { "for writing" };
    lines.extend(pane.writing.as_ref().map(|writing| format!("this sign-in is {aim}; it asks for {writing}")));
    match &pane.ask {
        SignInAsk::Open { address } => {
            lines.push("sign in with your browser; if none opens, open this address on this machine:".to_owned());
            lines.push(line(address));
        }
        SignInAsk::Paste { address } => {
            lines.push("open this address in a browser, on any machine, and sign in:".to_owned());
            lines.push(line(address));
            lines.push("then paste the whole address that the browser ends at; it begins with http://localhost".to_owned());
        }
        SignInAsk::Code { user_code, address, left, .. } => {
            lines.push(format!("open this address in a browser, on any device: {}", line(address)));
            lines.push(format!("and enter this code there: {}", line(user_code)));
            lines.push(format!("the code is good for {}", words::countdown(*left)));
        }
        SignInAsk::Ended { why, hint } => {
            lines.push(format!("the sign-in ended: {}", line(why)));
            lines.extend(hint.as_ref().map(|hint| format!("hint: {hint}")));
            lines.push("to start again, type sign in, or: sign in browser, sign in paste, sign in code".to_owned());
        }
    }
    lines
}

fn plan_lines(plan: &PlanPane) -> Vec<String> {
    if plan.sending {
        return vec![format!("sending: {}", plan.title)];
    }
    let id: String = plan.id.chars().take(12).collect();
    let mut lines = vec![format!("Plan {id}: {}", plan.title)];
    for (at, op) in plan.ops.iter().enumerate() {
        lines.push(format!("{}: {}", at + 1, plain_text(&op.title)));
        lines.push(format!("  send: {}", op.request));
        lines.extend(op.body.lines().map(|line| format!("    {line}")));
        lines.push(format!("  now: {}", op.before));
        lines.push(format!("  undo: {}", op.undo));
        lines.extend(op.needs.as_ref().map(|needs| format!("  needs: {needs}")));
    }
    lines.extend(plan.sign_in.iter().cloned());
    lines.push(match &plan.typed {
        Some(word) => format!("high risk: type {word} to send it, no to close it"),
        None => "type yes to send it, no to close it".to_owned(),
    });
    lines
}
