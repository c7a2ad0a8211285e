//! `guidepost signin` and `guidepost signout`, and the talk with the person for every command that signs in.

use super::{
    Globals,
    context::{Access, Context, DEFAULT_GUIDE, Where, block_on, choose, may_ask},
    out,
};
use crate::base::{Exit, Problem, Secret, clock::SystemClock};
use crate::engine::{
    consent::NewConsent,
    page::{SignInAsk, Way},
    probe::{NotReady, Systems},
    run::{Door, NotConnected, SignedIn, Talk},
    systems::{AzureDoor, LabDoor},
};
use crate::guide::load;
use crate::lab::{
    connect::{Lab, person_needed},
    profile::Places,
};
use crate::services::entra::Purpose;
use crate::{plain, tui};
use clap::ValueEnum;
use std::{io::IsTerminal as _, sync::Arc};
use tokio::{io::AsyncBufReadExt as _, sync::mpsc};

/// Sign in to a lab.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    wanted: OutArgs,
    /// In which way; without it, as the lab's profile says
    #[arg(long, value_enum, value_name = "WAY")]
    way: Option<WayArg>,
    /// For changing too: asks for consent to the guide's permissions for writing
    #[arg(long)]
    write: bool,
    /// For the lab's machines in Azure, where the sign-in for the tenant does not open them: asks for consent to Azure
    #[arg(long, conflicts_with = "write")]
    azure: bool,
}

/// Sign out of a lab.
#[derive(Debug, clap::Args)]
pub struct OutArgs {
    /// A configured lab; without it, the practice lab
    #[arg(long, value_name = "LAB")]
    lab: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WayArg {
    /// In a browser on this machine
    Browser,
    /// In a browser anywhere; the address that it ends at is pasted here
    Paste,
    /// By a code that is entered on any device; many tenants block it
    Device,
}

impl From<WayArg> for Way {
    fn from(way: WayArg) -> Self {
        match way {
            WayArg::Browser => Self::Browser,
            WayArg::Paste => Self::Paste,
            WayArg::Device => Self::Device,
        }
    }
}

/// The longest line that is read where there is no terminal.
const LONGEST: u64 = 20 * 1024;

fn lab(wanted: &OutArgs, globals: &Globals) -> Result<Lab, Problem> {
    choose(wanted.lab.as_deref(), &Places::find(globals.config.as_deref())?, globals)
}

fn door(lab: Lab) -> Result<LabDoor, Problem> {
    // Whose permissions are asked for: those of the guide that is walked when none is named.
    Ok(LabDoor::new(lab, Arc::new(load::named(DEFAULT_GUIDE)?), Arc::new(SystemClock)))
}

/// Signs in; says who is signed in.
///
/// # Errors
/// The lab cannot be reached, the sign-in was refused, or it cannot be kept.
pub fn run(args: &Args, globals: &Globals) -> Result<Exit, Problem> {
    let lab = lab(&args.wanted, globals)?;
    if lab.app_only {
        return if args.write || args.azure { Err(person_needed()) } else { by_certificate(lab, args.way, globals) };
    }
    let door = door(lab)?;
    // What is asked for is written down before it is asked for.
    let journal = if args.write { Some(journal(args, globals)?) } else { None };
    block_on(async {
        let way = args.way.map_or_else(|| door.usual_way(), Way::from);
        let (mut systems, mut new) = match door.connect().await {
            // Another way for reading is tried even where somebody is signed in; for writing it is that sign-in's way.
            Ok(systems) if args.way.is_none() || args.write => (systems, false),
            Err(NotConnected::Failed(problem)) => return Err(problem),
            Ok(_) | Err(NotConnected::SignedOut(_)) => (sign_in(&door, way, Purpose::Read, journal.as_ref(), args, globals).await?, true),
        };
        if args.azure {
            let azure = AzureDoor(&door);
            if let Err(why) = azure.is_open().await {
                out::tell(&format!("Azure: {why}"));
                (systems, new) = (sign_in(&azure, way, Purpose::Read, None, args, globals).await?, true);
            }
        }
        if args.write
            && let Err(NotReady::SignIn(ask)) = systems.ready_to_write().await
        {
            out::tell(&ask.sentence());
            if let Some(journal) = journal.as_ref().filter(|_| !globals.no_input) {
                journal.engine.connect(systems);
                journal.engine.record_asked(&ask)?;
            }
            (systems, new) = (sign_in(&door, way, Purpose::Write, journal.as_ref(), args, globals).await?, true);
        }
        out::say(&format!("signed in {}as {}", if new { "" } else { "already " }, name(&*systems)));
        match door.notice().filter(|_| new) {
            // Nothing else would ever use it.
            Some(notice) => Err(Problem::new(format!("the sign-in ends with this command: {}", notice.what))
                .hint("`guidepost doctor` looks at the keyring; `guidepost walk` signs in for as long as it runs")),
            None => Ok(Exit::Fine),
        }
    })
}

/// An application needs no person, but for the password of its key, which is asked for once and kept in the keyring.
fn by_certificate(lab: Lab, way: Option<WayArg>, globals: &Globals) -> Result<Exit, Problem> {
    if way.is_some() {
        return Err(person_needed());
    }
    block_on(async {
        if lab.wants_password().await? && may_ask(globals) {
            let password = tui::read_hidden("the password of the certificate's key: ").await?;
            lab.keep_password(password.ok_or_else(|| Problem::new("no password was given"))?).await?;
        }
        let systems = door(lab)?.connect().await.map_err(not_signed_in)?;
        out::say(&format!("signed in as {}, by its certificate", name(&*systems)));
        Ok(Exit::Fine)
    })
}

async fn sign_in(
    door: &dyn Door,
    way: Way,
    purpose: Purpose,
    journal: Option<&Context>,
    args: &Args,
    globals: &Globals,
) -> Result<Arc<dyn Systems>, Problem> {
    if globals.no_input {
        return Err(Problem::new("signing in needs a person").hint("leave `--no-input` out"));
    }
    let SignedIn { systems, app, given } = talk(door, way, purpose).await.map_err(not_signed_in)?;
    match journal {
        Some(journal) => journal.record_consents(&app, &given)?,
        None if given.is_empty() => {}
        None => record(&app, &given, args, globals)?,
    }
    Ok(systems)
}

fn journal(args: &Args, globals: &Globals) -> Result<Context, Problem> {
    let wanted = Where { guide: DEFAULT_GUIDE.into(), lab: args.wanted.lab.clone() };
    Context::open(&wanted, globals, "signin", Access::Write)
}

/// Writes down what a sign-in for reading gave.
fn record(app: &str, given: &[NewConsent], args: &Args, globals: &Globals) -> Result<(), Problem> {
    match journal(args, globals).and_then(|journal| journal.record_consents(app, given)) {
        // A lab without a journal, such as one that is marked production: what may be older than this sign-in is not ours.
        Err(problem) if given.iter().all(|one| one.unproven) => {
            out::tell(&format!("note: what was consented to is not written down: {}", problem.what));
            Ok(())
        }
        other => other,
    }
}

fn name(systems: &dyn Systems) -> String {
    systems.me().map(|me| me.name).unwrap_or_default()
}

fn not_signed_in(why: NotConnected) -> Problem {
    match why {
        NotConnected::SignedOut(None) => Problem::new("nobody signed in"),
        NotConnected::SignedOut(Some(problem)) | NotConnected::Failed(problem) => Problem { exit: Exit::Not, ..problem },
    }
}

/// Forgets the sign-in, here and in the keyring.
///
/// # Errors
/// The profile is wrong, or the keyring did not forget it.
pub fn out(args: &OutArgs, globals: &Globals) -> Result<Exit, Problem> {
    let door = door(lab(args, globals)?)?;
    block_on(async {
        door.sign_out().await?;
        out::say("signed out; what was given in the tenant stays given until it is revoked there");
        Ok(Exit::Fine)
    })
}

/// Forgets the sign-in of a configured lab.
pub(super) async fn forget(lab: &str, globals: &Globals) -> Result<(), Problem> {
    door(self::lab(&OutArgs { lab: Some(lab.to_owned()) }, globals)?)?.sign_out().await
}

/// Signs in, with the person on standard error and standard input.
///
/// # Errors
/// Why nobody is signed in.
pub async fn talk(door: &dyn Door, way: Way, purpose: Purpose) -> Result<SignedIn, NotConnected> {
    let (show, mut shown) = mpsc::channel(4);
    let (paste, pasted) = mpsc::channel(1);
    let person = async {
        while let Some(pane) = shown.recv().await {
            for line in plain::sign_in_lines(&pane) {
                out::tell(&line);
            }
            if matches!(pane.ask, SignInAsk::Paste { .. }) {
                match pasted_line().await {
                    Ok(Some(text)) => drop(paste.send(text).await),
                    Ok(None) => return NotConnected::SignedOut(None),
                    Err(problem) => return NotConnected::Failed(problem),
                }
            }
        }
        std::future::pending().await
    };
    tokio::select! {
        signed_in = door.sign_in(way, purpose, Talk { show, pasted }) => signed_in,
        why = person => Err(why),
    }
}

/// What the person pastes, masked on a terminal; `None` when nothing will come.
async fn pasted_line() -> Result<Option<Secret>, Problem> {
    unseen("paste it here: ").await
}

/// A line that nobody sees on a terminal; from elsewhere, the next line as it comes. `None` when nothing will come.
///
/// # Errors
/// It cannot be read.
pub(super) async fn unseen(question: &str) -> Result<Option<Secret>, Problem> {
    if std::io::stdin().is_terminal() {
        return tui::read_hidden(question).await;
    }
    let mut line = String::new();
    let mut input = tokio::io::AsyncReadExt::take(tokio::io::BufReader::new(tokio::io::stdin()), LONGEST);
    match input.read_line(&mut line).await {
        Ok(0) => Ok(None),
        Ok(_) => Ok(Some(Secret::new(line))),
        Err(error) => Err(Problem::new(format!("cannot read what is pasted: {error}"))),
    }
}
