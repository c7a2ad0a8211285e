//! `guidepost practice`: run and steer the built-in lab. The lab itself is in `practice`; here are its arguments and its words.

use super::{Globals, out};
use crate::{
    base::{
        Exit, Problem,
        http::{Http, HttpError, HttpSettings, Method, Request, WireLog},
        text,
    },
    practice::{self, Endpoint, Options, Preset, Ready},
};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::{
    env,
    ffi::OsString,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};
use url::Url;

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
    /// Do what a person would do, without Guidepost
    Person {
        /// Show what a person can do
        #[arg(long)]
        list: bool,
        /// What to do
        #[arg(required_unless_present = "list", value_name = "VERB")]
        verb: Option<String>,
        /// With what
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
pub fn run(args: Args, _globals: &Globals) -> Result<Exit, Problem> {
    if let Some(Steer::Person { list: true, .. }) = args.steer {
        list_verbs();
        return Ok(Exit::Fine);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Problem::new(format!("cannot start: {error}")))?;
    let state = args.state.clone().map_or_else(default_state_dir, Ok)?;
    match args.steer {
        Some(steer) => runtime.block_on(change(&state, steer)),
        None => runtime.block_on(serve(args, state)),
    }
}

/// Where the practice lab lives when nobody says: the platform's place for state.
///
/// # Errors
/// When the environment does not say where that is.
pub fn default_state_dir() -> Result<PathBuf, Problem> {
    let var = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    let home =
        |name: &str, rest: &[&str]| var(name).map(|home: OsString| rest.iter().fold(PathBuf::from(home), |path, part| path.join(part)));
    let base = if cfg!(windows) {
        home("LOCALAPPDATA", &[])
    } else {
        home("XDG_STATE_HOME", &[]).filter(|path| path.is_absolute()).or_else(|| home("HOME", &[".local", "state"]))
    };
    let base = base.ok_or_else(|| Problem::usage("no place for the practice lab's state is known").hint("name one with `--state DIR`"))?;
    Ok(base.join("guidepost").join("practice").join("world"))
}

async fn serve(args: Args, state: PathBuf) -> Result<Exit, Problem> {
    let options = Options {
        listen: args.listen,
        state,
        linger: args.linger,
        from: args.from.preset(),
        allow_remote: args.allow_remote,
        consistency: args.consistency,
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

async fn change(state: &Path, steer: Steer) -> Result<Exit, Problem> {
    let (path, body, done) = match steer {
        Steer::Reset { from } => ("reset", json!({"from": from.name()}), format!("the practice lab begins anew from {}", from.name())),
        Steer::Clock { by } => ("clock", json!({"advance": format!("{}s", by.as_secs())}), "time passed".to_owned()),
        Steer::Person { verb, args, .. } => {
            let verb = verb.unwrap_or_default();
            let done = format!("done: {verb}");
            ("person", json!({"verb": verb, "args": args}), done)
        }
    };
    let reply = post(state, path, &body).await?;
    match reply.get("now").and_then(Value::as_str) {
        Some(now) => out::say(&format!("it is now {} in the practice lab", text::line(now))),
        None => out::say(&done),
    }
    Ok(Exit::Fine)
}

/// Sends a change to the lab that serves this state directory.
async fn post(state: &Path, path: &str, body: &Value) -> Result<Value, Problem> {
    let none = || {
        Problem::new(format!("no practice lab runs on `{}`", state.display()))
            .hint("start one with `guidepost practice`, or name another state directory with `--state`")
    };
    let Endpoint { ready, .. } = practice::read_endpoint(state)?.ok_or_else(none)?;
    let http = Http::new(HttpSettings { ca_file: Some(ready.ca_file.into()), ..HttpSettings::default() }, WireLog::default())?;
    let address = Url::parse(&format!("{}/{path}", ready.control));
    let address = address.map_err(|error| Problem::new(format!("`{}` is damaged: {error}", state.join("endpoint.json").display())))?;
    let reply = match http.send(Request::new(Method::POST, address).json(body)).await {
        Err(HttpError::NoConnection { .. }) => return Err(none()),
        Err(error) => return Err(error.into()),
        Ok(reply) => reply,
    };
    let value: Value =
        serde_json::from_slice(&reply.body).map_err(|error| Problem::new(format!("the practice lab's answer is no JSON: {error}")))?;
    if reply.status == 200 {
        return Ok(value);
    }
    let why = value.get("error").and_then(Value::as_str).unwrap_or("it did not say why");
    let hint = "`guidepost practice person --list` shows what a person can do";
    Err(Problem::new(format!("the practice lab refused: {}", text::line(why))).hint(hint))
}
