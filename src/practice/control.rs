//! The way to steer the lab: its clock, what persons do, a reset, the request log. Not for what a real lab offers.

use super::{
    faults,
    live::Live,
    parse_duration,
    store::StoreError,
    wire::{Answer, Content, Question},
    world::{Misstep, Preset, Touch},
};
use crate::base::Secret;
use hyper::Method;
use serde::Deserialize;
use serde_json::json;

/// What this control can do; faces act on these names.
const CAPABILITIES: &[&str] = &["clock", "person", "faults", "wizard"];

#[derive(Deserialize)]
struct Clock {
    advance: String,
}

#[derive(Deserialize)]
struct Person {
    verb: String,
    #[serde(default)]
    args: Vec<String>,
    /// What the person types as a new password, where a verb needs one; a made one that nobody learns when it is missing.
    #[serde(default)]
    password: Option<Secret>,
}

#[derive(Deserialize)]
struct Reset {
    #[serde(default)]
    from: Option<String>,
}

/// `{"break": "slow", "delay": "2s"}`, or `{"heal": "slow"}`, or `{"heal": null}` for all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Faults {
    #[serde(default, rename = "break")]
    break_it: Option<String>,
    #[serde(default)]
    delay: Option<String>,
    #[serde(default)]
    heal: Option<String>,
}

/// What a person does with the wizard's window: exactly one of these. No secret goes over: a field is filled by its name alone.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Window {
    /// Opens the wizard, or closes its window.
    Open(bool),
    Choose(String),
    Tick(String),
    Enter(String),
    Press(String),
}

/// Answers a control request; `path` is what follows the key.
pub(super) fn answer(live: &mut Live, question: &Question, path: &[String]) -> Answer {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let answered = match (&question.method, path.as_slice()) {
        (&Method::GET, []) => Ok(Answer::json(200, json!({"capabilities": CAPABILITIES}))),
        (&Method::GET, ["requests"]) => Ok(requests(live, question)),
        (&Method::GET, ["hold"]) => Ok(Answer { content: Content::Hold, ..Answer::empty(200) }),
        (&Method::POST, ["clock"]) => body(question).and_then(|asked| advance(live, &asked)),
        (&Method::POST, ["person"]) => body(question).and_then(|asked| person(live, &asked)),
        (&Method::GET, ["wizard"]) => Ok(wizard(live)),
        (&Method::POST, ["wizard"]) => body(question).and_then(|asked| operate(live, asked)),
        (&Method::GET, ["faults"]) => Ok(broken(live)),
        (&Method::POST, ["faults"]) => body(question).and_then(|asked| change_faults(live, &asked)),
        (&Method::POST, ["reset"]) => body(question).and_then(|asked| reset(live, &asked)),
        _ => Err(refused(404, "there is no such control")),
    };
    answered.unwrap_or_else(|refusal| refusal)
}

fn refused(status: u16, why: impl Into<String>) -> Answer {
    Answer::json(status, json!({"error": why.into()}))
}

fn body<T: serde::de::DeserializeOwned>(question: &Question) -> Result<T, Answer> {
    serde_json::from_slice(&question.body).map_err(|error| refused(400, format!("the body is not what this control takes: {error}")))
}

fn requests(live: &Live, question: &Question) -> Answer {
    let since = question.param("since").and_then(|text| text.parse().ok()).unwrap_or(0);
    Answer::json(200, json!({"requests": live.log.after(since).collect::<Vec<_>>()}))
}

fn advance(live: &mut Live, asked: &Clock) -> Result<Answer, Answer> {
    let by = parse_duration(&asked.advance).and_then(|by| i64::try_from(by.as_secs()).ok());
    let by = by.ok_or_else(|| refused(400, format!("`{}` is no length of time such as `30m`", asked.advance)))?;
    live.change(|world| {
        world.offset = world.offset.saturating_add(by);
        Ok::<(), StoreError>(())
    })?;
    live.catch_up()?;
    Ok(Answer::json(200, json!({"now": live.now()})))
}

/// A deed that was refused, or that could not be stored.
enum Undone {
    Misstep(Misstep),
    Store(StoreError),
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Undone> for Answer {
    fn from(undone: Undone) -> Self {
        match undone {
            Undone::Misstep(misstep) => refused(409, misstep.to_string()),
            Undone::Store(error) => Self::from(error),
        }
    }
}

fn person(live: &mut Live, asked: &Person) -> Result<Answer, Answer> {
    let now = live.now();
    let done = live.change(|world| {
        world.writeback.typed.clone_from(&asked.password);
        let done = world.person(&asked.verb, &asked.args, now).map_err(Undone::Misstep);
        world.writeback.typed = None;
        done
    });
    done.map_err(Answer::from)?;
    Ok(Answer::json(200, json!({"done": asked.verb})))
}

fn wizard(live: &Live) -> Answer {
    let page = live.world().wizard_page();
    Answer::json(200, json!({"open": page.is_some(), "page": page}))
}

fn operate(live: &mut Live, asked: Window) -> Result<Answer, Answer> {
    let now = live.now();
    let done = live.change(|world| {
        let touch = match asked {
            Window::Open(true) => return world.open_wizard(now).map_err(Undone::Misstep),
            Window::Open(false) => return world.close_wizard().map_err(Undone::Misstep),
            Window::Choose(label) => Touch::Choose(label),
            Window::Tick(label) => Touch::Tick(label),
            Window::Enter(label) => Touch::Enter(label),
            Window::Press(label) => Touch::Press(label),
        };
        world.touch_wizard(&touch, now).map_err(Undone::Misstep)
    });
    done.map_err(Answer::from)?;
    Ok(wizard(live))
}

fn reset(live: &mut Live, asked: &Reset) -> Result<Answer, Answer> {
    let name = asked.from.as_deref().unwrap_or("phase-1");
    let preset = Preset::named(name).ok_or_else(|| refused(400, format!("there is no beginning `{name}`")))?;
    live.reset(preset)?;
    Ok(Answer::json(200, json!({"from": name})))
}

/// The table, with when each began; `null` for what is well.
fn broken(live: &Live) -> Answer {
    let now = live.now();
    let shown = |one: &faults::Line| json!({"code": one.code, "about": one.about, "since": live.world().broken_since(one.fault, now)});
    Answer::json(200, json!({"faults": faults::FAULTS.iter().map(shown).collect::<Vec<_>>()}))
}

fn change_faults(live: &mut Live, asked: &Faults) -> Result<Answer, Answer> {
    let known = |code: &str| faults::named(code).ok_or_else(|| refused(409, format!("there is no fault `{code}`")));
    let delay = asked.delay.as_deref().map(|text| parse_duration(text).map(|delay| delay.as_secs()));
    if delay == Some(None) {
        return Err(refused(400, "`delay` is no length of time such as `2s`"));
    }
    if let Some(code) = &asked.break_it {
        let (fault, now) = (known(code)?, live.now());
        live.change(|world| {
            world.break_it(fault, delay.flatten(), now);
            Ok::<(), StoreError>(())
        })?;
        return Ok(Answer::json(200, json!({"broken": code})));
    }
    let fault = asked.heal.as_deref().map(known).transpose()?;
    let now = live.now();
    let healed = live.change(|world| Ok::<_, StoreError>(world.heal(fault, now)))?;
    Ok(Answer::json(200, json!({"healed": healed})))
}
