//! `guidepost lab`: the labs that a person configured: add, list, show, test, remove. Signing in is `signin`.

mod add;
mod password;
mod test;

pub(super) use test::NO_DOMAIN;

use super::{
    Globals,
    context::{DEFAULT_GUIDE, block_on, may_ask},
    out, signin,
};
use crate::base::{Exit, Problem, clock::SystemClock, text};
use crate::engine::{
    journal::{Author, Journal},
    ledger::Ledger,
};
use crate::guide::pack::Environment;
use crate::lab::profile::{self, Azure, GRAPH_COMMAND_LINE_TOOLS, HostPlace, PRACTICE, Places, Profile, Via};
use clap::Subcommand;
use std::{fs, sync::Arc};

/// Look at labs.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Write a lab's profile; what is not given is asked for
    Add(Box<add::Args>),
    /// The practice lab and the configured ones
    List,
    /// What a lab's profile says, and what it leaves to defaults
    Show {
        /// The lab
        #[arg(value_name = "LAB")]
        name: String,
    },
    /// Whether a lab can be reached, and who is signed in; begins no sign-in
    Test {
        /// The lab; without it, the practice lab
        #[arg(value_name = "LAB")]
        name: Option<String>,
    },
    /// Keep the password of a lab's domain account in the keyring
    Password {
        /// The lab
        #[arg(value_name = "LAB")]
        name: String,
    },
    /// Forget a lab's profile and sign-in; its journal stays
    Remove {
        /// The lab
        #[arg(value_name = "LAB")]
        name: String,
        /// Without asking
        #[arg(long)]
        yes: bool,
    },
}

/// Runs it.
///
/// # Errors
/// The profile is wrong or cannot be written.
pub fn run(args: Args, globals: &Globals) -> Result<Exit, Problem> {
    let places = Places::find(globals.config.as_deref())?;
    match args.deed {
        Deed::Add(args) => add::run(&args, &places, globals),
        Deed::List => {
            list(&places);
            Ok(Exit::Fine)
        }
        Deed::Show { name } => show(&name, &places),
        Deed::Test { name } => test::run(name.as_deref(), &places, globals),
        Deed::Password { name } => password::run(&name, &places),
        Deed::Remove { name, yes } => remove(&name, yes, &places, globals),
    }
}

fn environment(environment: Environment) -> &'static str {
    match environment {
        Environment::Test => "test",
        Environment::Production => "production",
    }
}

fn list(places: &Places) {
    out::say(&format!("{PRACTICE}: built in, a simulated tenant"));
    for name in profile::labs(places) {
        match Profile::read(places, &name) {
            Ok(profile) => {
                out::say(&format!("{name}: {}, tenant {}", environment(profile.environment), text::line(&profile.signin.tenant)));
            }
            Err(problem) => out::say(&format!("{name}: cannot be used: {}", text::line(&problem.what))),
        }
    }
}

fn show(name: &str, places: &Places) -> Result<Exit, Problem> {
    if name == PRACTICE {
        out::say("practice: built in; it has no profile, and signs its administrator in by itself");
        return Ok(Exit::Fine);
    }
    let profile = Profile::read(places, name)?;
    let line = |what: &str, says: &str| out::say(&format!("{what:<18} {}", text::line(says)));
    line("profile", &places.profile(name).display().to_string());
    line("environment", environment(profile.environment));
    line("sign-in service", profile.authority().as_str());
    line("Microsoft Graph", profile.graph_base().as_str());
    line("tenant", &profile.signin.tenant);
    line("application", &application(&profile.signin.client_id));
    line("for writing", profile.signin.write_client_id.as_deref().unwrap_or("the same application"));
    let way = profile.signin.way.map_or_else(|| format!("{} (usual here)", profile::usual_way().word()), |way| way.word().to_owned());
    line("way to sign in", &way);
    if let Some(certificate) = profile.certificate() {
        line("certificate", &format!("{}; an application signs in, which reads and changes nothing", certificate.display()));
    }
    if let Some(command) = &profile.secrets.command {
        line("secrets", &format!("from `{}`, where the keyring has none", command.join(" ")));
    }
    match &profile.azure {
        Some(Azure { subscription: Some(subscription), resource_group: Some(group), machines, .. }) => {
            line("Azure", &format!("{}, subscription {subscription}, resource group {group}", profile.azure_base()));
            line("machines", &format!("{}, {}, {}", machines.dc1, machines.app1, machines.client1));
        }
        Some(_) => line("Azure", "`subscription` or `resource_group` is missing under `[azure]`; steps that look at it stay unknown"),
        None => line("Azure", "none; add `[azure]` for the steps that look at it"),
    }
    if let Some(azure_client_id) = &profile.signin.azure_client_id {
        line("for Azure", &application(azure_client_id));
    }
    match &profile.domain {
        None => line("domain", "none; add `[domain]` for the steps that look at it"),
        Some(domain) => {
            let url = domain.url.as_ref().map_or("no `url`", |url| url.as_str());
            match domain.via {
                Via::Ldap => {
                    line("domain", &format!("{url}, signed in as {}", domain.bind.as_deref().unwrap_or("whoever is signed in here")));
                }
                Via::Dc1 => line("domain", "by scripts on DC1"),
            }
        }
    }
    let place = |place: Option<HostPlace>| match place {
        Some(HostPlace::Here) => "on this machine",
        None => "through Azure",
    };
    line("scripts", &format!("on APP1 {}, on DC1 {}", place(profile.hosts.app1), place(profile.hosts.dc1)));
    for (name, value) in &profile.variables {
        line(&format!("variable {name}"), value);
    }
    Ok(Exit::Fine)
}

/// With the caveats of `facts/domain.md` 5.6.
fn application(client_id: &str) -> String {
    match client_id {
        GRAPH_COMMAND_LINE_TOOLS => format!(
            "{client_id}: Microsoft Graph Command Line Tools; a tenant may have disabled it, and Microsoft recommends an application of your own"
        ),
        "04b07795-8ddb-461a-bbee-02f9e1bf7b46" | "1950a258-227b-4e31-a9cf-717495945fc2" => {
            format!("{client_id}: one of Microsoft's for Azure; Graph gives it a fixed set of permissions only, which may not be enough")
        }
        own => own.to_owned(),
    }
}

fn remove(name: &str, yes: bool, places: &Places, globals: &Globals) -> Result<Exit, Problem> {
    // Read first, so that a wrong name is named; a broken profile may be removed all the same.
    let path = places.profile(name);
    if !path.exists() || !profile::is_name(name) {
        return Profile::read(places, name).map(|_| Exit::Fine);
    }
    let author = Author { run: String::new(), command: "lab".into(), guide: DEFAULT_GUIDE.into() };
    let journal = Journal::read(&places.lab(name), author, Arc::new(SystemClock))?;
    let open = Ledger::of(journal.lines(), DEFAULT_GUIDE).open.len();
    if open > 0 {
        return Err(Problem::new(format!("Guidepost changed something in `{name}` that is not taken back ({open})"))
            .hint(format!("`guidepost undo --lab {name} --all` takes it back; `guidepost ledger --lab {name}` shows it")));
    }
    let agreed = yes || (may_ask(globals) && add::agrees(&format!("forget the lab `{name}` and its sign-in?"))?);
    if !agreed {
        return Err(Problem::new("nothing was removed").hint("say `--yes` where nobody is asked"));
    }
    // Without its profile nobody would find the token in the keyring any more.
    if let Err(problem) = block_on(signin::forget(name, globals)) {
        out::tell(&format!("note: its sign-in could not be forgotten: {}", problem.what));
    }
    if let Err(problem) = block_on(password::forget(name)) {
        out::tell(&format!("note: its domain password could not be forgotten: {}", problem.what));
    }
    fs::remove_file(&path).map_err(|error| Problem::new(format!("cannot remove `{}`: {error}", path.display())))?;
    out::say(&format!("removed `{}`; its journal stays in `{}`", path.display(), places.lab(name).display()));
    Ok(Exit::Fine)
}
