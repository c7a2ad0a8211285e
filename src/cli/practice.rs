//! `guidepost practice`: run and steer the built-in lab. The lab itself is in `practice`; here are its arguments and its words.

use super::{Globals, out};
use crate::{
    base::{Exit, Problem, text},
    engine::journal,
    lab::{
        connect::ensure_running,
        control::Control,
        profile::{PRACTICE, Places},
    },
    practice::{self, Options, Preset, Ready},
};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};
use zeroize::Zeroizing;

/// Run and steer the practice lab.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value_t = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0))]
    listen: SocketAddr,
    /// The state directory, which makes the lab the same one next time
    #[arg(long, global = true, value_name = "DIR")]
    state: Option<PathBuf>,
    /// End this long after the last connection, for example 60s
    #[arg(long, value_name = "TIME", value_parser = time)]
    linger: Option<Duration>,
    /// How a new world begins
    #[arg(long, value_enum, default_value_t = Beginning::PhaseOne, value_name = "WHERE")]
    from: Beginning,
    /// How long a change takes to show in reads
    #[arg(long, value_name = "TIME", value_parser = short_time, default_value = "3s")]
    consistency: Duration,
    /// Break something from the start; `practice break --list` shows what
    #[arg(long = "break", value_name = "CODE", value_parser = fault)]
    broken: Vec<String>,
    /// Print the ready line as JSON
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
    /// Let other machines reach it; its certificate holds for localhost only all the same
    #[arg(long)]
    allow_remote: bool,
    #[command(subcommand)]
    steer: Option<Steer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs: one line
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Beginning {
    /// Nothing done
    Start,
    /// Phase 1 of the guide done
    #[value(name = "phase-1")]
    PhaseOne,
    /// Phase 1 and the first block of phase 2 done
    Done,
}

/// The verb whose argument is a file here and its certificate there.
const REGISTER: &str = "register-certificate";

/// Changes to a running lab.
#[derive(Debug, Subcommand)]
enum Steer {
    /// Begin anew
    Reset {
        /// Where the world begins
        #[arg(long, value_enum, default_value_t = Beginning::PhaseOne, value_name = "WHERE")]
        from: Beginning,
    },
    /// Let time pass, for example +30m
    Clock {
        /// How much
        #[arg(value_name = "TIME", allow_hyphen_values = true, value_parser = time)]
        by: Duration,
    },
    /// Break something on purpose
    Break {
        /// Show what can be broken, and what is
        #[arg(long)]
        list: bool,
        /// What to break
        #[arg(required_unless_present = "list", value_name = "CODE", value_parser = fault)]
        code: Option<String>,
        /// For `slow`: by how much
        #[arg(long, value_name = "TIME", value_parser = time)]
        delay: Option<Duration>,
    },
    /// Mend what was broken, all of it without a code
    Heal {
        /// What to mend
        #[arg(value_name = "CODE", value_parser = fault)]
        code: Option<String>,
    },
    /// Do what a person would do, without Guidepost
    Person {
        /// Show what a person can do
        #[arg(long)]
        list: bool,
        /// What to do
        #[arg(required_unless_present = "list", value_name = "VERB")]
        verb: Option<String>,
        /// With what
        #[arg(allow_negative_numbers = true)]
        args: Vec<String>,
    },
}

fn time(text: &str) -> Result<Duration, String> {
    practice::parse_duration(text).ok_or_else(|| "write a length of time such as 90s, 30m, 2h or 1d".to_owned())
}

/// Also milliseconds: tests of crashes go through a hundred changes.
fn short_time(text: &str) -> Result<Duration, String> {
    let millis = text.strip_suffix("ms").and_then(|number| number.parse::<u32>().ok());
    millis.map_or_else(|| time(text), |millis| Ok(Duration::from_millis(millis.into())))
}

fn fault(code: &str) -> Result<String, String> {
    let known = practice::fault_codes().iter().any(|(one, _)| *one == code);
    if known { Ok(code.to_owned()) } else { Err("no such fault; `guidepost practice break --list` shows what can be broken".to_owned()) }
}

impl Beginning {
    fn preset(self) -> Preset {
        match self {
            Self::Start => Preset::Start,
            Self::PhaseOne => Preset::PhaseOne,
            Self::Done => Preset::Done,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::PhaseOne => "phase-1",
            Self::Done => "done",
        }
    }
}

/// Runs it.
///
/// # Errors
/// A [`Problem`] that says what the lab answered.
pub fn run(args: Args, globals: &Globals) -> Result<Exit, Problem> {
    if let Some(Steer::Person { list: true, .. }) = args.steer {
        list_verbs();
        return Ok(Exit::Fine);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Problem::new(format!("cannot start: {error}")))?;
    let places = Places::find(globals.config.as_deref())?;
    let state = args.state.clone().unwrap_or_else(|| places.practice_world());
    match args.steer {
        Some(Steer::Break { list: true, .. }) => runtime.block_on(list_faults(&state)),
        Some(steer) => runtime.block_on(change(&places, &state, steer)),
        None => runtime.block_on(serve(args, state)),
    }
}

async fn serve(args: Args, state: PathBuf) -> Result<Exit, Problem> {
    let options = Options {
        listen: args.listen,
        state,
        linger: args.linger,
        from: args.from.preset(),
        allow_remote: args.allow_remote,
        consistency: args.consistency,
        broken: args.broken,
    };
    practice::serve(options, |ready| announce(ready, args.format)).await?;
    Ok(Exit::Fine)
}

fn announce(ready: &Ready, format: Format) {
    match format {
        Format::Json => out::say(&json!(ready).to_string()),
        Format::Text => {
            out::say(&format!("practice lab ready at {}", ready.authority));
            out::say(&format!("  sign in as {} with {}", ready.admin.upn, ready.admin.password));
            out::say(&format!("  domain controller at {} and {}", ready.ldap, ready.ldaps));
            out::say(&format!("  bind as {} with {}", ready.domain.bind_dn, ready.domain.password));
            out::say(&format!("  certificate to trust: {}", ready.ca_file));
            if ready.pid == std::process::id() {
                out::say("Ctrl-C ends it");
            } else {
                out::say(&format!("it runs already, as process {}", ready.pid));
            }
        }
    }
}

fn list_verbs() {
    let verbs = practice::person_verbs();
    let width = verbs.iter().map(|(usage, _)| usage.len()).max().unwrap_or(0);
    for (usage, about) in verbs {
        out::say(&format!("{usage:width$}  {about}"));
    }
}

/// The table; of a running lab also since when. No lab is started for it.
async fn list_faults(state: &Path) -> Result<Exit, Problem> {
    let broken = if practice::read_endpoint(state)?.is_some() { get_faults(state).await? } else { Value::Null };
    let since = |code: &str| {
        let lines = broken.get("faults").and_then(Value::as_array)?;
        lines.iter().find(|line| line["code"] == code)?["since"].as_str().map(|since| format!(" (since {})", text::line(since)))
    };
    let codes = practice::fault_codes();
    let width = codes.iter().map(|(code, _)| code.len()).max().unwrap_or(0);
    for (code, about) in codes {
        out::say(&format!("{code:width$}  {about}{}", since(code).unwrap_or_default()));
    }
    Ok(Exit::Fine)
}

async fn change(places: &Places, state: &Path, steer: Steer) -> Result<Exit, Problem> {
    let (path, body, done) = match steer {
        Steer::Reset { from } => ("reset", json!({"from": from.name()}), format!("the practice lab begins anew from {}", from.name())),
        Steer::Clock { by } => ("clock", json!({"advance": format!("{}s", by.as_secs())}), "time passed".to_owned()),
        Steer::Break { code, delay, .. } => {
            let code = code.unwrap_or_default();
            let done = format!("broken: {code}; `guidepost practice heal {code}` mends it");
            ("faults", json!({"break": code, "delay": delay.map(|delay| format!("{}s", delay.as_secs()))}), done)
        }
        Steer::Heal { code } => {
            let done = format!("mended: {}", code.as_deref().unwrap_or("everything"));
            ("faults", json!({"heal": code}), done)
        }
        Steer::Person { verb, args, .. } => {
            let verb = verb.unwrap_or_default();
            let args =
                if verb == REGISTER { args.iter().map(|path| certificate(Path::new(path))).collect::<Result<_, _>>()? } else { args };
            let done = format!("done: {verb}");
            ("person", json!({"verb": verb, "args": args}), done)
        }
    };
    let reply = post(state, path, &body).await?;
    if path == "reset" && *state == places.practice_world() {
        begin_a_new_journal(places);
    }
    match reply.get("now").and_then(Value::as_str) {
        Some(now) => out::say(&format!("it is now {} in the practice lab", text::line(now))),
        None => out::say(&done),
    }
    Ok(Exit::Fine)
}

/// The certificate alone: a key beside it in the file goes nowhere.
fn certificate(path: &Path) -> Result<String, Problem> {
    let shown = path.display();
    let size = std::fs::metadata(path).map_err(|error| Problem::usage(format!("cannot read `{shown}`: {error}")))?.len();
    let text = if size <= 64 * 1024 { std::fs::read(path).map(Zeroizing::new).unwrap_or_default() } else { Zeroizing::default() };
    let block = pem::parse_many(&*text).unwrap_or_default().into_iter().find(|block| block.tag() == "CERTIFICATE");
    block.map(|block| pem::encode(&block)).ok_or_else(|| Problem::usage(format!("there is no certificate (PEM) in `{shown}`")))
}

/// A new world has none of the old journal's changes: it is set aside, never deleted.
fn begin_a_new_journal(places: &Places) {
    match journal::set_aside(&places.lab(PRACTICE), jiff::Timestamp::now()) {
        Ok(Some(kept)) => out::say(&format!("the old journal is kept as `{}`", kept.display())),
        Ok(None) => {}
        Err(problem) => out::tell(&format!("note: {problem}")),
    }
}

async fn get_faults(state: &Path) -> Result<Value, Problem> {
    Control::of(&ensure_running(state).await?)?.get("faults").await
}

async fn post(state: &Path, path: &str, body: &Value) -> Result<Value, Problem> {
    Control::of(&ensure_running(state).await?)?.post(path, body).await
}
