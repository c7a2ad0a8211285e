//! What every command about a guide in a lab needs: the guide, the lab, the journal, the engine, and the way in.

use super::{Globals, out};
use crate::base::{Exit, Problem, clock::SystemClock};
use crate::engine::{
    action::Refusal,
    consent::NewConsent,
    core::{Engine, LabName},
    hex,
    journal::{Author, Event, Journal},
    ledger::Ledger,
    probe::Systems,
    run::{Door, NotConnected, SignedIn},
    systems::LabDoor,
};
use crate::guide::{Guide, load};
use crate::lab::{
    connect::Lab,
    given::Given,
    profile::{Places, check_variables},
};
use crate::services::entra::Purpose;
use std::{io::IsTerminal as _, sync::Arc};

/// The guide that is walked when none is named.
pub const DEFAULT_GUIDE: &str = "password-writeback";

/// Which guide, in which lab.
#[derive(Clone, Debug, clap::Args)]
pub struct Where {
    /// A built-in guide or a pack's directory
    #[arg(value_name = "GUIDE", default_value = DEFAULT_GUIDE)]
    pub guide: String,
    /// A configured lab; without it, the practice lab
    #[arg(long, value_name = "LAB")]
    pub lab: Option<String>,
}

/// The options with which steps are walked.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Chosen {
    /// Walk a step with one of its options; may be given more than once
    #[arg(long = "option", value_name = "STEP=NAME")]
    pub options: Vec<String>,
}

impl Chosen {
    /// What was given, else what the last change was made with, else a step's first option.
    fn apply(&self, guide: &mut Guide, ledger: &Ledger) -> Result<(), Problem> {
        for (step, option) in &ledger.options {
            // A newer guide may have dropped it.
            let _ = guide.choose(step, option);
        }
        for given in &self.options {
            let Some((step, option)) = given.split_once('=') else {
                let what = format!("`{}` chooses nothing", crate::base::text::short(given, 60));
                return Err(Problem::usage(what).hint("write `--option STEP=NAME`"));
            };
            let step = step_id(guide, step.trim())?;
            guide.choose(&step, option.trim())?;
        }
        Ok(())
    }
}

/// Whether a command writes the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `check`, `plan`, `ledger`: writes nothing.
    Read,
    /// `walk`, `apply`, `undo`, `attest`.
    Write,
}

/// A guide in a lab, ready to be asked.
pub struct Context {
    /// The engine, not connected yet.
    pub engine: Engine,
    /// The way into the lab.
    pub door: Arc<LabDoor>,
    /// Where things are kept.
    pub places: Places,
    /// The lab.
    pub lab: Lab,
}

impl Context {
    /// Loads the guide, chooses the lab, opens the journal. Reaches nothing.
    ///
    /// # Errors
    /// The guide, the profile or the journal cannot be read, or the guide refuses the lab.
    pub fn open(wanted: &Where, globals: &Globals, command: &str, access: Access) -> Result<Self, Problem> {
        Self::open_with(wanted, &Chosen::default(), globals, command, access)
    }

    /// The same, its steps walked with these options.
    ///
    /// # Errors
    /// As [`Context::open`]; or a step has no such option.
    pub fn open_with(wanted: &Where, options: &Chosen, globals: &Globals, command: &str, access: Access) -> Result<Self, Problem> {
        let mut guide = load::named(&wanted.guide)?;
        let places = Places::find(globals.config.as_deref())?;
        let lab = choose(wanted.lab.as_deref(), &places, globals)?;
        lab.admits(&guide.pack)?;
        check_variables(&guide.pack.variables, &lab.variables)?;
        let clock = Arc::new(SystemClock);
        let author = Author { run: run_id()?, command: command.into(), guide: guide.pack.id.clone() };
        let dir = places.lab(&lab.name);
        let journal = match access {
            Access::Read => Journal::read(&dir, author, clock.clone())?,
            Access::Write => Journal::open(&dir, author, clock.clone())?,
        };
        let ledger = Ledger::of(journal.lines(), &guide.pack.id);
        options.apply(&mut guide, &ledger)?;
        let guide = Arc::new(guide);
        let name = LabName { name: lab.name.clone(), environment: lab.environment.clone() };
        let engine = Engine::new(guide.clone(), name, lab.variables.clone(), clock.clone(), journal);
        if let Some(damage) = engine.journal_damage() {
            out::tell(&format!("note: {damage}; what stands behind that is not counted"));
        }
        if engine.read_only().is_none() {
            let (version, pack) = (env!("CARGO_PKG_VERSION").to_owned(), guide.hash.clone());
            engine.record(None, Event::Started { command: command.into(), version, pack })?;
        }
        let door = Arc::new(LabDoor::new(lab.clone(), guide, clock));
        Ok(Self { engine, door, places, lab })
    }

    /// Reaches the lab and signs in; asks for a sign-in in the browser where a person sits.
    ///
    /// # Errors
    /// It cannot be reached, or nobody is signed in.
    pub async fn connect(&self, globals: &Globals) -> Result<(), Problem> {
        let connected = match self.door.connect().await {
            Err(NotConnected::SignedOut(_)) if may_ask(globals) => self.sign_in(Purpose::Read).await?,
            other => other,
        };
        if let Some(notice) = self.door.notice() {
            out::tell(&format!("note: {}", notice.what));
        }
        match connected {
            Ok(systems) => {
                self.engine.connect(systems);
                self.engine.settle_asked()
            }
            Err(NotConnected::SignedOut(why)) => Err(self.nobody(why)),
            Err(NotConnected::Failed(problem)) => Err(problem),
        }
    }

    fn nobody(&self, why: Option<Problem>) -> Problem {
        let way = format!("`guidepost signin --lab {}` signs in", self.lab.name);
        let what = format!("nobody is signed in to the lab `{}`", self.lab.name);
        let Some(why) = why else { return Problem::unknown(what).hint(way) };
        let hint = why.hint.map_or_else(|| way.clone(), |hint| format!("{hint}; {way}"));
        Problem::unknown(format!("{what}: {}", why.what)).hint(hint)
    }

    /// Signs in, and writes down what that gave. The journal's trouble is the outer error: then nothing else should be done.
    async fn sign_in(&self, purpose: Purpose) -> Result<Result<Arc<dyn Systems>, NotConnected>, Problem> {
        match super::signin::talk(&*self.door, self.door.usual_way(), purpose).await {
            Ok(SignedIn { systems, app, given }) => {
                self.record_consents(&app, &given)?;
                Ok(Ok(systems))
            }
            Err(why) => Ok(Err(why)),
        }
    }

    /// Writes down what a sign-in gave, and says so.
    ///
    /// # Errors
    /// A consent that is surely ours cannot be written down.
    pub fn record_consents(&self, app: &str, given: &[NewConsent]) -> Result<(), Problem> {
        // A command that only reads leaves what may be older than this sign-in to those that write.
        let ours = given.iter().filter(|one| !one.unproven || self.engine.read_only().is_none()).cloned().collect::<Vec<_>>();
        self.engine.record_consents(&ours)?;
        if self.engine.read_only().is_none() {
            self.engine.close_asked(app)?;
        }
        for one in ours.iter().filter(|one| !one.unproven) {
            let names = one.scopes.join(", ");
            out::tell(&format!("consent to {names} stays in the tenant until it is taken back; it is in the ledger"));
        }
        Ok(())
    }

    /// Signs in for writing where a change needs it and a person sits here.
    ///
    /// # Errors
    /// Nobody can be asked, or the sign-in failed: then nothing was changed.
    pub async fn ready_to_write(&self, globals: &Globals) -> Result<(), Problem> {
        let ask = match self.engine.ready_to_write().await {
            Ok(()) => return Ok(()),
            Err(Refusal::SignIn(ask)) if may_ask(globals) => ask,
            Err(refusal) => return Err(refusal.into()),
        };
        out::tell(&ask.sentence());
        self.engine.record_asked(&ask)?;
        match self.sign_in(Purpose::Write).await? {
            Ok(systems) => {
                self.engine.connect(systems);
                self.engine.settle_asked()
            }
            Err(NotConnected::SignedOut(None)) => Err(Problem::new("nothing was changed: nobody signed in for writing")),
            Err(NotConnected::SignedOut(Some(problem)) | NotConnected::Failed(problem)) => {
                Err(Problem { what: format!("nothing was changed: {}", problem.what), exit: Exit::Not, ..problem })
            }
        }
    }

    /// The steps that a command concerns: the one named, or all.
    ///
    /// # Errors
    /// No such step.
    pub fn steps(&self, step: Option<&str>) -> Result<Vec<String>, Problem> {
        let guide = self.engine.guide();
        let all: Vec<String> = guide.steps.keys().cloned().collect();
        let Some(step) = step else { return Ok(all) };
        Ok(vec![step_id(guide, step)?])
    }
}

/// The lab, with what was handed over for it.
///
/// # Errors
/// No such lab, its profile is wrong, or what was handed over is.
pub fn choose(name: Option<&str>, places: &Places, globals: &Globals) -> Result<Lab, Problem> {
    let given = globals.secrets_fd.map(Given::from_descriptor).transpose()?.unwrap_or_default();
    let mut lab = Lab::choose(name, places)?;
    lab.given = given;
    Ok(lab)
}

/// A step by its id, with or without the guide's in front.
///
/// # Errors
/// No such step; names those that there are.
pub fn step_id(guide: &Guide, step: &str) -> Result<String, Problem> {
    let short = step.strip_prefix(&format!("{}/", guide.pack.id)).unwrap_or(step);
    if guide.steps.contains_key(short) {
        return Ok(short.to_owned());
    }
    let names = guide.steps.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    Err(Problem::usage(format!("`{}` has no step `{}`", guide.pack.id, crate::base::text::short(step, 60)))
        .hint(format!("its steps are {names}")))
}

/// Whether a question would reach a person.
#[must_use]
pub fn may_ask(globals: &Globals) -> bool {
    !globals.no_input && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// How wide standard output is; 100 when nobody says.
#[must_use]
pub fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    columns.filter(|columns| (40..=200).contains(columns)).unwrap_or(100)
}

fn run_id() -> Result<String, Problem> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| Problem::unknown(format!("the system gives no random numbers: {error}")))?;
    Ok(hex(&bytes))
}

/// Runs a command's future; one thread is enough for what asks and prints.
///
/// # Errors
/// What the command says, or the system gives no event loop.
pub fn block_on<T>(future: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Problem::unknown(format!("the system gives no event loop: {error}")))?.block_on(future)
}
