//! Builds a [`Page`] from what is known at one moment. Pure: no lock, no clock, no terminal.

use super::{
    Act, ActionLine, Attested, CheckPane, Connection, LabLine, Meter, Mirror, NoteLine, Notice, Offer, OptionLine, Overlay, Page,
    RailPhase, RailStep, StepPage, TaskLine, WizardLine,
};
use crate::engine::{
    attest,
    check::{Judgement, Verdict, judge, judge_step},
    core::LabName,
    known::{Known, wants_azure},
    probe::Request,
};
use crate::guide::{
    Step, StepProse,
    prose::{Block, Span, plain_text},
    step::{Risk, WizardPage},
};
use jiff::SignedDuration;
use std::time::Duration;

/// From here on a difference of clocks is shown; a Date header has whole seconds, and a look takes some itself.
pub const CLOCK_SHOWN: Duration = Duration::from_secs(30);

/// What a page shows besides what is known.
#[derive(Clone, Debug)]
pub struct Surroundings<'a> {
    /// The step in view.
    pub step: &'a str,
    /// The lab.
    pub lab: &'a LabName,
    /// Who is signed in.
    pub account: Option<String>,
    /// What the sign-in service named; `None` while it named nothing.
    pub meter: Option<Meter>,
    /// How it stands with the connection.
    pub connection: Connection,
    /// Why nothing can be written.
    pub read_only: Option<String>,
    /// What the engine is busy with, so that nothing else is begun.
    pub busy: Option<String>,
    /// The newest thing that happened.
    pub activity: Option<String>,
    /// Said once.
    pub notice: Option<Notice>,
    /// What lies over the page.
    pub overlay: Option<Overlay>,
    /// The wizard's window, where the lab shows it.
    pub mirror: Option<Mirror>,
}

/// When a request is looked at: under way, until the next look, its interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rhythm {
    /// For how long a look has been under way.
    pub looking: Option<Duration>,
    /// Until the next one.
    pub next: Option<Duration>,
    /// Between two looks.
    pub interval: Option<Duration>,
}

/// The page of the step in view. `rhythm` says when a request is looked at.
#[must_use]
pub fn page(known: &Known<'_>, around: &Surroundings<'_>, rhythm: &dyn Fn(&Request) -> Rhythm) -> Page {
    Page {
        guide: known.guide.pack.title.clone().unwrap_or_else(|| known.guide.pack.source.title.clone()),
        lab: lab_line(known, around),
        rail: rail(known, around.step),
        step: StepPage { mirror: around.mirror.clone(), ..step_page(known, around) },
        checks: panes(known, around.step, rhythm),
        offers: offers(known, around),
        activity: around.activity.clone(),
        notice: around.notice.clone(),
        overlay: around.overlay.clone(),
    }
}

fn lab_line(known: &Known<'_>, around: &Surroundings<'_>) -> LabLine {
    let account = around.account.clone();
    LabLine {
        name: around.lab.name.clone(),
        environment: around.lab.environment.clone(),
        tenant: account.as_deref().and_then(|account| account.split_once('@')).map(|(_, domain)| domain.to_owned()),
        account,
        meter: around.meter.clone(),
        connection: around.connection.clone(),
        open_changes: known.ledger.count_open(),
        clock_ahead: clock_ahead(known),
        read_only: around.read_only.clone(),
    }
}

/// The newest answer's own time against ours when it came.
fn clock_ahead(known: &Known<'_>) -> Option<SignedDuration> {
    let answered = known.looks.values().filter_map(|look| Some((look.at, look.outcome.as_ref().ok()?.now)));
    let (at, now) = answered.max_by_key(|(at, _)| *at)?;
    let ahead = now.duration_since(at);
    (ahead.unsigned_abs() >= CLOCK_SHOWN).then_some(ahead)
}

fn rail(known: &Known<'_>, current: &str) -> Vec<RailPhase> {
    let step = |id: &String| RailStep {
        id: id.clone(),
        title: known.guide.prose.get(id).map_or_else(|| id.clone(), |prose| prose.title.clone()),
        verdict: judge_step(known, id).0,
        drifted: known.guide.steps.get(id).is_some_and(|step| step.checks.keys().any(|check| judge(known, id, check).drifted)),
        current: id == current,
    };
    let phases = known.guide.pack.phases.iter();
    phases.map(|phase| RailPhase { title: phase.title.clone(), steps: phase.steps.iter().map(step).collect() }).collect()
}

fn step_page(known: &Known<'_>, around: &Surroundings<'_>) -> StepPage {
    let id = around.step;
    let place = known.guide.steps.get_index_of(id).map_or(0, |index| index + 1);
    let position = (place, known.guide.steps.len());
    let (verdict, note) = judge_step(known, id);
    let empty = StepProse::default();
    let prose = known.guide.prose.get(id).unwrap_or(&empty);
    let Some(step) = known.guide.steps.get(id) else {
        return StepPage {
            id: id.into(),
            title: id.into(),
            summary: String::new(),
            position,
            verdict: None,
            verdict_note: None,
            risk: String::new(),
            place: String::new(),
            why: Vec::new(),
            options: Vec::new(),
            tasks: Vec::new(),
            pages: Vec::new(),
            trip: None,
            mirror: None,
            notes: Vec::new(),
            action: None,
        };
    };
    StepPage {
        id: id.into(),
        title: prose.title.clone(),
        summary: prose.summary.clone(),
        position,
        verdict,
        verdict_note: note,
        risk: risk_word(step.risk).into(),
        place: step.place.clone(),
        why: prose.why.clone(),
        options: options(known, step, prose),
        tasks: tasks(known, step, prose),
        trip: super::trip::pane(known, step),
        pages: step.pages.iter().map(|page| wizard_line(known, step, page, prose)).collect(),
        mirror: None,
        notes: notes(prose),
        action: action(known, step, prose, around.busy.is_some()),
    }
}

fn options(known: &Known<'_>, step: &Step, prose: &StepProse) -> Vec<OptionLine> {
    let line = |id: &String| OptionLine {
        id: id.clone(),
        text: prose.options.get(id).cloned().unwrap_or_else(|| vec![Span::plain(id)]),
        walked: known.guide.option(&step.id) == Some(id),
    };
    step.options.keys().map(line).collect()
}

fn risk_word(risk: Risk) -> &'static str {
    match risk {
        Risk::None => "",
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "high",
    }
}

fn tasks(known: &Known<'_>, step: &Step, prose: &StepProse) -> Vec<TaskLine> {
    let line = |task: &crate::guide::step::Task| TaskLine {
        id: task.id.clone(),
        covers: task.covers.clone(),
        text: prose.tasks.get(&task.id).cloned().unwrap_or_else(|| vec![Span::plain(&task.id)]),
        attested: word(known, step, &task.id),
    };
    step.tasks.iter().map(line).chain(consents(known, &step.id)).chain(left(known, &step.id)).collect()
}

/// In the guide's last step, the changes that Guidepost cannot take back: that one is done with is a person's word.
fn left(known: &Known<'_>, step: &str) -> Vec<TaskLine> {
    if known.guide.steps.keys().last().is_none_or(|last| last != step) {
        return Vec::new();
    }
    let attested = |task: &str| known.ledger.attested.iter().find(|((_, attested), _)| attested == task).map(|(_, attested)| attested);
    let line = |entry: &crate::engine::ledger::Entry| {
        let words = known.guide.prose.get(&entry.step).and_then(|prose| prose.changes.get(&entry.op));
        let title = words.map_or_else(|| entry.op.clone(), |spans| crate::guide::prose::plain_text(spans));
        let why = entry.no_undo.clone().unwrap_or_default();
        let task = entry.task();
        TaskLine {
            covers: None,
            text: vec![Span::plain(format!("{title} ({}): Guidepost cannot take this back: {why}. Say when it is done with.", entry.step))],
            attested: attested(&task).map(|attested| Attested { by: attested.by.clone(), at: attested.at }),
            id: task,
        }
    };
    let alone = |entry: &&crate::engine::ledger::Entry| entry.undo.is_none() && entry.with.is_none();
    known.ledger.open.iter().filter(alone).chain(&known.ledger.closed).map(line).collect()
}

fn word(known: &Known<'_>, step: &Step, id: &str) -> Option<Attested> {
    attest::word(known.ledger, step, id).map(|word| Attested { by: word.by.clone(), at: word.at })
}

/// In the guide's last step, the consents that our sign-ins gave: taking one back by hand is a task that the guide cannot know.
fn consents<'k>(known: &Known<'k>, step: &str) -> impl Iterator<Item = TaskLine> + use<'k> {
    let last = known.guide.steps.keys().last().is_some_and(|last| last == step);
    let attested = |task: &str| known.ledger.attested.iter().find(|((_, attested), _)| attested == task).map(|(_, attested)| attested);
    let line = move |consent: &crate::engine::ledger::Consent| {
        let task = consent.task();
        TaskLine {
            covers: None,
            text: vec![Span::plain(format!(
                "{}: {}. {}.",
                if consent.unproven || consent.asked { "If it is Guidepost's" } else { "Unless Guidepost takes it back" },
                consent.sentence(),
                consent.by_hand()
            ))],
            attested: attested(&task).map(|attested| Attested { by: attested.by.clone(), at: attested.at }),
            id: task,
        }
    };
    let found: Vec<_> = known.ledger.consents.iter().filter(|_| last).map(line).collect();
    found.into_iter()
}

fn wizard_line(known: &Known<'_>, step: &Step, page: &WizardPage, prose: &StepProse) -> WizardLine {
    let many = |verb: &str, labels: &[String]| labels.iter().map(|label| (verb.to_owned(), label.clone())).collect::<Vec<_>>();
    let mut lines = many("choose", page.choose.as_slice());
    lines.extend(many("enter", &page.enter));
    lines.extend(many("tick", &page.tick));
    lines.extend(many("keep", &page.keep));
    lines.extend(many("press", &page.press));
    let task = page.task.as_ref().and_then(|id| step.tasks.iter().position(|task| task.id == *id)).map(|at| at + 1);
    let attested = word(known, step, &page.id);
    WizardLine {
        id: page.id.clone(),
        task,
        attested,
        title: prose.pages.get(&page.id).cloned().unwrap_or_else(|| vec![Span::plain(&page.id)]),
        lines,
    }
}

fn notes(prose: &StepProse) -> Vec<NoteLine> {
    let note = |note: &crate::guide::prose::FieldNote| NoteLine {
        title: note.title.clone(),
        origin: note.origin.clone(),
        blocks: note.blocks.clone(),
    };
    prose.field_notes.values().map(note).collect()
}

fn action(known: &Known<'_>, step: &Step, prose: &StepProse, busy: bool) -> Option<ActionLine> {
    let apply = step.apply.as_ref()?;
    let words = |op: &crate::guide::Op| prose.changes.get(&op.id).cloned().unwrap_or_else(|| vec![Span::plain(&op.id)]);
    Some(ActionLine { changes: apply.ops.iter().map(words).collect(), state: action_state(known, step, busy) })
}

fn action_state(known: &Known<'_>, step: &Step, busy: bool) -> String {
    if let Some(doubt) = known.ledger.in_doubt.iter().find(|doubt| doubt.step == step.id) {
        // As long as somebody waits for its end, that it has none is no news.
        if busy {
            return format!("`{}` is on its way since {:.0}", doubt.op, doubt.at);
        }
        return format!("in doubt since {:.0}: nobody saw the end of `{}`", doubt.at, doubt.op);
    }
    let open: Vec<_> = known.ledger.open.iter().filter(|entry| entry.step == step.id).collect();
    match open.as_slice() {
        [] => "not done by Guidepost".into(),
        [first, ..] => {
            let age = super::words::age(known.now.duration_since(first.at).unsigned_abs());
            if open.iter().any(|entry| entry.undo.is_some()) {
                format!("done by Guidepost {age}; can be taken back")
            } else {
                format!("done by Guidepost {age}; cannot be taken back")
            }
        }
    }
}

fn panes(known: &Known<'_>, step: &str, rhythm: &dyn Fn(&Request) -> Rhythm) -> Vec<CheckPane> {
    let Some(definition) = known.guide.steps.get(step) else { return Vec::new() };
    definition.checks.keys().map(|check| pane(known, step, check, rhythm)).collect()
}

fn pane(known: &Known<'_>, step: &str, check: &str, rhythm: &dyn Fn(&Request) -> Rhythm) -> CheckPane {
    let judgement = judge(known, step, check);
    let look = judgement.request.as_ref().and_then(|request| known.looks.get(request));
    let rhythm = judgement.request.as_ref().map(rhythm).unwrap_or_default();
    let age = look.map(|look| known.now.duration_since(look.at).unsigned_abs());
    // A trip is as old as it is, however often the journal is read.
    let from_journal = matches!(judgement.request, Some(Request::Trip(_)));
    let (why, way_out) = words(known, step, &judgement);
    CheckPane {
        id: check.into(),
        title: known.guide.prose.get(step).and_then(|prose| prose.checks.get(check)).cloned().unwrap_or_else(|| vec![Span::plain(check)]),
        verdict: judgement.verdict,
        drifted: judgement.drifted,
        expected: judgement.expected,
        found: judgement.found,
        code: judgement.code,
        why,
        way_out,
        looked_at: look.and_then(|look| look.outcome.as_ref().ok()).map(|facts| facts.now),
        age,
        stale: !from_journal && age.zip(rhythm.interval).is_some_and(|(age, interval)| age > interval * 2),
        took: look.map(|look| look.took),
        next_look: rhythm.next,
        looking: rhythm.looking,
    }
}

/// What is wrong and why, and what to do: the guide's message for the code, else the system's own words.
#[must_use]
pub fn words(known: &Known<'_>, step: &str, judgement: &Judgement) -> (Option<String>, Vec<String>) {
    let message = judgement.code.as_ref().and_then(|code| known.guide.prose.get(step)?.messages.get(code));
    let Some(message) = message.filter(|_| judgement.verdict != Some(Verdict::Pass)) else {
        return (judgement.note.clone(), judgement.hint.clone().into_iter().collect());
    };
    let mut why = message.title.clone();
    let reason = message.reason.iter().map(block_text).collect::<Vec<_>>().join(" ");
    for more in [Some(&reason), judgement.note.as_ref()].into_iter().flatten().filter(|more| !more.is_empty()) {
        why.push_str(if why.ends_with('.') { " " } else { ". " });
        why.push_str(more);
    }
    (Some(why), message.way_out.iter().map(block_text).collect())
}

fn block_text(block: &Block) -> String {
    match block {
        Block::Paragraph(spans) | Block::Item(spans) => plain_text(spans),
        Block::Code(code) => code.clone(),
    }
}

fn offers(known: &Known<'_>, around: &Surroundings<'_>) -> Vec<Offer> {
    let place = known.guide.steps.get_index_of(around.step).unwrap_or(0);
    let offer = |act, why_not: Option<&str>| Offer { act, why_not: why_not.map(str::to_owned) };
    let mut offers = vec![
        Offer { act: Act::Apply, why_not: why_not_apply(known, around) },
        Offer { act: Act::Undo, why_not: why_not_undo(known, around) },
        offer(Act::CheckAgain, None),
        Offer { act: Act::Attest, why_not: why_not_attest(known, around) },
        offer(Act::Next, (place + 1 >= known.guide.steps.len()).then_some("this is the last step")),
        offer(Act::Back, (place == 0).then_some("this is the first step")),
    ];
    let sign_in = match around.connection {
        Connection::SignedOut => None,
        Connection::Ready if wants_azure(known) => None,
        Connection::Ready => Some("you are signed in"),
        Connection::Connecting(_) => Some("the lab is being reached"),
        Connection::Failed { .. } => Some("the lab cannot be reached"),
    };
    offers.push(offer(Act::SignIn, sign_in));
    if known.guide.steps.get(around.step).is_some_and(|step| !step.pages.is_empty()) {
        // Where there is a wizard, it is what the step is about.
        offers.insert(0, offer(Act::Wizard, None));
    }
    offers
}

fn why_not_change(around: &Surroundings<'_>) -> Option<String> {
    if let Some(why) = &around.read_only {
        return Some(format!("nothing is changed without a journal: {why}"));
    }
    if let Some(busy) = &around.busy {
        return Some(busy.clone());
    }
    match &around.connection {
        Connection::Ready => None,
        Connection::Connecting(_) => Some("the lab is being reached".into()),
        Connection::SignedOut => Some("nobody is signed in".into()),
        Connection::Failed { why, .. } => Some(why.clone()),
    }
}

fn why_not_apply(known: &Known<'_>, around: &Surroundings<'_>) -> Option<String> {
    let step = known.guide.steps.get(around.step)?;
    let Some(apply) = &step.apply else { return Some("a person does this step".into()) };
    if let Some(why) = why_not_change(around) {
        return Some(why);
    }
    let check = apply.settle.as_ref().or(apply.ops.first().and_then(|op| op.unless.as_ref()))?;
    match judge(known, &step.id, check).verdict {
        Some(Verdict::Pass) => Some("it is there already".into()),
        Some(Verdict::Pending) if more_to_do(known, step, apply) => None,
        Some(Verdict::Pending) => Some("the last change is still becoming visible".into()),
        Some(Verdict::Blocked) => judge(known, &step.id, check).note,
        None => Some("not looked at yet".into()),
        Some(Verdict::Fail | Verdict::Unknown | Verdict::Waived | Verdict::NotApplicable) => None,
    }
}

/// Whether an op of the action was not sent yet and is wanted: its turn comes when an earlier one has shown.
fn more_to_do(known: &Known<'_>, step: &Step, apply: &crate::guide::step::Apply) -> bool {
    let sent = |op: &crate::guide::Op| known.ledger.open.iter().any(|entry| entry.step == step.id && entry.op == op.id);
    let wanted =
        |op: &crate::guide::Op| op.unless.as_ref().is_none_or(|check| judge(known, &step.id, check).verdict != Some(Verdict::Pass));
    apply.ops.len() > 1 && apply.ops.iter().any(|op| !sent(op) && wanted(op))
}

fn why_not_undo(known: &Known<'_>, around: &Surroundings<'_>) -> Option<String> {
    let last = known.guide.steps.keys().last().is_some_and(|last| last == around.step);
    // The last step takes back what any step did.
    let elsewhere = last && (known.ledger.open_consents().next().is_some() || known.ledger.open.iter().any(|entry| entry.undo.is_some()));
    if !elsewhere && !known.ledger.open.iter().any(|entry| entry.step == around.step) {
        return Some("Guidepost changed nothing here".into());
    }
    why_not_change(around)
}

fn why_not_attest(known: &Known<'_>, around: &Surroundings<'_>) -> Option<String> {
    if known.guide.steps.get(around.step).is_some_and(|step| step.tasks.is_empty())
        && consents(known, around.step).next().is_none()
        && left(known, around.step).is_empty()
    {
        return Some("this step has no tasks".into());
    }
    around.read_only.clone()
}
