//! `guidepost doctor`: can this machine do the job: terminal, places, keyring, network, clock. Changes nothing.

use super::{
    Globals,
    context::{Access, Context, DEFAULT_GUIDE, Where, block_on},
    finding::{self, Finding, clock},
    lab::NO_DOMAIN,
};
use crate::base::{Exit, Problem, text};
use crate::engine::probe::Request;
use crate::guide::step::{MachinePart, SearchScope};
use crate::lab::connect::{NOT_CONFIGURED, NoAzure};
use crate::services::vault::Vault;
use std::{io::IsTerminal as _, path::Path};

const SMALLEST: (u16, u16) = (60, 16);

/// Find out whether this machine can do the job.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A configured lab; without it, the practice lab
    #[arg(long, value_name = "LAB")]
    lab: Option<String>,
}

/// Runs it.
///
/// # Errors
/// The system gives no event loop.
pub fn run(args: &Args, globals: &Globals) -> Result<Exit, Problem> {
    let mut findings = vec![terminal(), size(), letters()];
    let wanted = Where { guide: DEFAULT_GUIDE.into(), lab: args.lab.clone() };
    findings.push(block_on(async { Ok(keyring().await) })?);
    match Context::open(&wanted, globals, "doctor", Access::Read) {
        Ok(context) => {
            findings.push(writable(&context.places.lab(&context.lab.name)));
            findings.extend(block_on(async { Ok(lab(&context, globals).await) })?);
        }
        Err(problem) => findings.push(Finding::of("lab", problem)),
    }
    Ok(finding::tell(&findings, globals.ascii))
}

fn terminal() -> Finding {
    let name = std::env::var("TERM").unwrap_or_default();
    if !std::io::stdout().is_terminal() {
        return Finding::bad(
            "terminal",
            Exit::Unknown,
            "standard output is no terminal",
            "the walk runs line by line there; start it in a terminal for screens",
        );
    }
    if name == "dumb" {
        return Finding::bad("terminal", Exit::Not, "`TERM` is `dumb`", "use `guidepost walk --plain`");
    }
    Finding::fine("terminal", if name.is_empty() { "a terminal".into() } else { name })
}

fn size() -> Finding {
    let Ok((columns, rows)) = crate::tui::size() else {
        return Finding::bad("size", Exit::Unknown, "the terminal does not tell its size", "80×24 is enough, 120×40 is comfortable");
    };
    let says = format!("{columns}×{rows}");
    if columns < SMALLEST.0 || rows < SMALLEST.1 {
        return Finding::bad("size", Exit::Not, says, format!("the walk needs {}×{}", SMALLEST.0, SMALLEST.1));
    }
    Finding::fine("size", says)
}

fn letters() -> Finding {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    match locale {
        Some(locale) if locale.to_ascii_uppercase().contains("UTF-8") || locale.to_ascii_uppercase().contains("UTF8") => {
            Finding::fine("letters", locale)
        }
        _ if cfg!(windows) => Finding::fine("letters", "Unicode"),
        other => Finding::bad(
            "letters",
            Exit::Unknown,
            format!("the locale is `{}`, which does not say UTF-8", other.as_deref().unwrap_or("not set")),
            "if the frame looks broken, give `--ascii`",
        ),
    }
}

async fn keyring() -> Finding {
    let (_, why_not) = Vault::open("guidepost").await;
    match why_not {
        None => Finding::fine("keyring", "the system's keyring answers"),
        Some(why) => Finding::bad("keyring", Exit::Unknown, why, "sign-ins are kept in memory only; everything else works"),
    }
}

fn writable(dir: &Path) -> Finding {
    // The nearest directory that is there: nothing is made here.
    let there = dir.ancestors().find(|path| path.exists()).unwrap_or(dir);
    match std::fs::metadata(there) {
        Ok(metadata) if metadata.is_dir() && !metadata.permissions().readonly() => Finding::fine("journal", dir.display().to_string()),
        Ok(_) => {
            Finding::bad("journal", Exit::Not, format!("`{}` cannot be written", there.display()), "nothing is changed without a journal")
        }
        Err(error) => Finding::bad("journal", Exit::Not, format!("cannot read `{}`: {error}", there.display()), "correct its permissions"),
    }
}

async fn lab(context: &Context, globals: &Globals) -> Vec<Finding> {
    if let Err(problem) = context.connect(globals).await {
        return vec![Finding::of("lab", problem)];
    }
    let Some(systems) = context.engine.systems() else { return Vec::new() };
    let account = systems.me().map(|me| me.name).unwrap_or_default();
    let mut findings = vec![Finding::fine("lab", format!("{}, signed in as {account}", context.lab.name))];
    let organization = Request::Graph { path: "/v1.0/organization".into(), query: vec![("$select".into(), "id".into())], eventual: false };
    let granted =
        context.engine.meter().map_or_else(|| "the sign-in service does not say which".to_owned(), |meter| meter.words().join("; "));
    findings.push(Finding::fine("granted", granted));
    findings.push(match systems.look(&organization).await {
        Ok(answer) => match answer.date {
            Some(date) => clock(date.duration_since(context.engine.now())),
            None => Finding::bad("clock", Exit::Unknown, "Microsoft Graph names no time", "a proxy may have taken it out of the reply"),
        },
        Err(error) => Finding { what: "graph", exit: Exit::Unknown, says: error.what, hint: error.hint },
    });
    let root = Request::Ldap {
        base: String::new(),
        scope: SearchScope::Base,
        filter: "(objectClass=*)".into(),
        attributes: vec!["defaultNamingContext".into()],
    };
    findings.push(match systems.look(&root).await {
        Ok(answer) => {
            let domain = answer.body.pointer("/value/0/defaultNamingContext").and_then(|value| value.as_str()).unwrap_or_default();
            Finding::fine("domain", format!("{} answers for {}", systems.domain(), text::short(domain, 120)))
        }
        Err(error) if error.code.as_deref() == Some(NOT_CONFIGURED) => Finding::fine("domain", NO_DOMAIN),
        Err(error) => Finding { what: "domain", exit: Exit::Unknown, says: error.what, hint: error.hint },
    });
    findings.push(match systems.look(&Request::Machine(MachinePart::App1)).await {
        Ok(answer) => {
            let power = answer.body.get("power").and_then(|value| value.as_str()).unwrap_or_default();
            Finding::fine("azure", format!("{} is {}", systems.machine(MachinePart::App1.key()), text::short(power, 40)))
        }
        Err(error) if error.code.as_deref() == Some(NoAzure::CODE) => Finding::fine("azure", NO_DOMAIN),
        Err(error) => Finding { what: "azure", exit: Exit::Unknown, says: error.what, hint: error.hint },
    });
    findings
}
