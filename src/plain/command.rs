//! The words that can be typed: one table that reading and help share.

use crate::engine::page::{Act, Overlay, Page, SignInAsk, SignInPane, Way};

/// What a typed line means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// An empty line.
    Nothing,
    /// One of the page's offers.
    Act(Act),
    /// A task by its number in the list.
    Attest(usize),
    /// Yes.
    Yes,
    /// No.
    No,
    /// The very word that the plan asks for.
    Word,
    /// Sign in in this way.
    SignInBy(Way),
    /// The address that a sign-in asks for.
    Pasted,
    /// The page again.
    Show,
    /// All steps.
    Steps,
    /// The wire log.
    Wire,
    /// The help.
    Help,
    /// The wizard as it stands, or its pages.
    Mirror,
    /// What a person does with the wizard; the label stands behind the word.
    Operate(Touch),
    /// A page of the wizard by its number in the list.
    AttestPage(usize),
    /// Leave.
    Quit,
    /// None of these.
    Unknown,
}

/// What is done with the wizard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touch {
    /// Opens it.
    Open,
    /// Closes its window.
    Close,
    /// Chooses one of several.
    Choose,
    /// Ticks or unticks a box.
    Tick,
    /// Fills a field.
    Enter,
    /// Presses a button.
    Press,
}

/// The words before a label.
const LABELLED: [(&str, Touch); 4] = [("choose", Touch::Choose), ("tick", Touch::Tick), ("enter", Touch::Enter), ("press", Touch::Press)];

/// What is typed behind a word that takes a label; the label as it was typed.
pub(super) fn label(line: &str) -> &str {
    line.trim().split_once(' ').map_or("", |(_, label)| label.trim())
}

/// What can be typed, what it means, and its line in the help.
const WORDS: [(&[&str], Typed, &str); 24] = [
    (&["apply"], Typed::Act(Act::Apply), "show what Guidepost would change here, then ask"),
    (&["undo"], Typed::Act(Act::Undo), "show how Guidepost's own changes are taken back, then ask"),
    (&["check", "check again"], Typed::Act(Act::CheckAgain), "look again now"),
    (
        &["attest"],
        Typed::Act(Act::Attest),
        "with a number: say that this task is done, or take that back; attest page with a number: a page of the wizard",
    ),
    (&["next", "n"], Typed::Act(Act::Next), "the next step"),
    (&["back", "b"], Typed::Act(Act::Back), "the step before"),
    (&["sign in", "signin"], Typed::Act(Act::SignIn), "sign in to the lab"),
    (&["sign in browser"], Typed::SignInBy(Way::Browser), "sign in in a browser on this machine"),
    (&["sign in paste"], Typed::SignInBy(Way::Paste), "sign in in a browser anywhere, and paste the address that it ends at"),
    (&["sign in code"], Typed::SignInBy(Way::Device), "sign in by a code that is entered on any device"),
    (&["yes", "y"], Typed::Yes, "send the plan that is shown, or: it happened"),
    (&["no"], Typed::No, "close what asks, nothing is sent, or: it did not happen"),
    (&["page", "show"], Typed::Show, "this step again, as it stands now"),
    (&["steps"], Typed::Steps, "all steps with their verdicts"),
    (&["wizard"], Typed::Mirror, "the wizard's window as it stands; without one, its pages"),
    (&["wizard open"], Typed::Operate(Touch::Open), "open the wizard, where the lab shows it"),
    (&["wizard close"], Typed::Operate(Touch::Close), "close its window: what was not configured is forgotten"),
    (&["choose"], Typed::Operate(Touch::Choose), "with a label of the wizard's page: choose it"),
    (&["tick"], Typed::Operate(Touch::Tick), "with a label: tick the box, or untick it"),
    (&["enter"], Typed::Operate(Touch::Enter), "with a label: fill the field; what belongs there is not typed here"),
    (&["press"], Typed::Operate(Touch::Press), "with a label: press the button"),
    (&["wire"], Typed::Wire, "every request and what came back"),
    (&["help", "?"], Typed::Help, "these words"),
    (&["quit", "q", "exit"], Typed::Quit, "leave; the next start resumes here"),
];

/// What a line means on this page.
pub(super) fn read(line: &str, page: &Page) -> Typed {
    let line = line.trim();
    if line.is_empty() {
        return Typed::Nothing;
    }
    if let Some(Overlay::Plan(plan)) = &page.overlay
        && !plan.sending
        && plan.typed.as_deref() == Some(line)
    {
        return Typed::Word;
    }
    let lower = line.to_lowercase();
    if let Some(number) = lower.strip_prefix("attest page ") {
        return number.trim().parse().map_or(Typed::Unknown, Typed::AttestPage);
    }
    if let Some((_, touch)) = LABELLED.iter().find(|(word, _)| lower.strip_prefix(word).is_some_and(|rest| rest.starts_with(' '))) {
        return Typed::Operate(*touch);
    }
    if let Some(number) = lower.strip_prefix("attest ") {
        return number.trim().parse().map_or(Typed::Unknown, Typed::Attest);
    }
    let asks = matches!(&page.overlay, Some(Overlay::SignIn(SignInPane { ask: SignInAsk::Paste { .. }, .. })));
    let otherwise = if asks { Typed::Pasted } else { Typed::Unknown };
    WORDS.iter().find(|(words, ..)| words.contains(&lower.as_str())).map_or(otherwise, |(_, typed, _)| *typed)
}

/// All words; what cannot be done now says why.
pub(super) fn help(page: &Page) -> Vec<String> {
    WORDS
        .iter()
        .map(|(words, typed, help)| {
            let why_not = match typed {
                Typed::Act(act) => page.why_not(*act),
                Typed::Mirror => page.why_not(Act::Wizard),
                Typed::Operate(_) if page.step.mirror.is_none() => Some("no wizard's window is shown here".to_owned()),
                Typed::Nothing
                | Typed::Attest(_)
                | Typed::AttestPage(_)
                | Typed::Yes
                | Typed::No
                | Typed::Word
                | Typed::SignInBy(_)
                | Typed::Pasted
                | Typed::Show
                | Typed::Steps
                | Typed::Wire
                | Typed::Help
                | Typed::Operate(_)
                | Typed::Quit
                | Typed::Unknown => None,
            };
            let why_not = why_not.map(|why| format!(" (not now: {why})")).unwrap_or_default();
            format!("{}: {help}{why_not}", words.join(" or "))
        })
        .collect()
}
