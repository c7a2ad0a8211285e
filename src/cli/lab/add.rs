//! Writing a lab's profile: from flags, and by asking for what they leave out. Never overwrites one.

use super::super::{Globals, context::may_ask, out};
use crate::base::{Exit, Problem, text};
use crate::lab::profile::{GRAPH_COMMAND_LINE_TOOLS, Places, Profile, is_name};
use clap::ValueEnum;
use std::{
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::{self, BufRead as _, Write as _},
    path::{Path, PathBuf},
};

/// The way in which an application signs in.
const BY_CERTIFICATE: &str = "certificate";

/// The longest answer that is read.
const LONGEST: usize = 300;

/// Write a lab's profile.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What it will be called: letters, digits, `-` and `_`
    #[arg(value_name = "LAB")]
    name: String,
    /// What depends on it; asked for when absent, there is no default
    #[arg(long, value_enum, value_name = "WORD")]
    environment: Option<EnvironmentArg>,
    /// The tenant's id or one of its domains; asked for when absent
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// The cloud that the tenant lives in
    #[arg(long, value_name = "CLOUD", value_parser = ["global", "us-gov-l4", "us-gov-l5", "china"])]
    cloud: Option<String>,
    /// The sign-in service, if it is not the cloud's
    #[arg(long, value_name = "URL")]
    authority: Option<String>,
    /// Microsoft Graph, if it is not the cloud's
    #[arg(long, value_name = "URL")]
    graph: Option<String>,
    /// An application of your own: a public client with the redirect address http://localhost
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Another application for writing
    #[arg(long, value_name = "ID")]
    write_client_id: Option<String>,
    /// How to sign in; without it, by pasting over SSH, else in the browser. By certificate an application signs in, which only reads
    #[arg(long, value_name = "WAY", value_parser = ["browser", "paste", "device", "certificate"])]
    way: Option<String>,
    /// For the way `certificate`: a PEM file with the application's certificate and its key; asked for when absent
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// A certificate authority (PEM) besides the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<String>,
    /// A proxy instead of the system's
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// The domain controller: ldaps://dc1.example, or ldap://… for StartTLS
    #[arg(long, value_name = "URL")]
    domain: Option<String>,
    /// Who signs in to the domain: user@domain; on Windows, whoever is signed in when absent
    #[arg(long, value_name = "NAME", requires = "domain")]
    domain_bind: Option<String>,
    /// A certificate authority (PEM) of the domain besides the system's
    #[arg(long, value_name = "FILE", requires = "domain")]
    domain_ca_file: Option<String>,
    /// Ask the domain by scripts on DC1, for labs whose LDAP ports this machine cannot reach
    #[arg(long, conflicts_with = "domain")]
    domain_by_scripts: bool,
    /// A machine of the lab that Guidepost itself runs on: its scripts are run here and not through Azure; may be given more than once
    #[arg(long, value_name = "MACHINE", value_parser = ["app1", "dc1"])]
    here: Vec<String>,
    /// The Azure subscription that holds the machines
    #[arg(long, value_name = "ID", requires = "azure_group")]
    azure_subscription: Option<String>,
    /// Their resource group
    #[arg(long, value_name = "NAME", requires = "azure_subscription")]
    azure_group: Option<String>,
    /// Another application for Azure, where that for Graph may not have it
    #[arg(long, value_name = "ID")]
    azure_client_id: Option<String>,
    /// Azure Resource Manager, if it is not the cloud's
    #[arg(long, value_name = "URL")]
    azure: Option<String>,
    /// A value of a guide's variable; may be given more than once
    #[arg(long = "variable", value_name = "NAME=VALUE")]
    variables: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EnvironmentArg {
    /// May break, and be thrown away
    Test,
    /// Test guides refuse it
    Production,
}

impl EnvironmentArg {
    fn word(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Production => "production",
        }
    }
}

pub(super) fn run(args: &Args, places: &Places, globals: &Globals) -> Result<Exit, Problem> {
    if !is_name(&args.name) {
        return Err(Problem::usage(format!("`{}` is no name for a lab", text::short(&args.name, 40)))
            .hint("use letters, digits, `-` and `_`; `practice` is the built-in one"));
    }
    let path = places.profile(&args.name);
    if path.exists() {
        return Err(Problem::new(format!("there is a lab `{}` already", args.name)).hint(format!("it is `{}`", path.display())));
    }
    let environment = match args.environment {
        Some(environment) => environment.word().to_owned(),
        None => ask(globals, "--environment", "may this tenant break and be thrown away? test or production:")?,
    };
    let tenant = match &args.tenant {
        Some(tenant) => tenant.clone(),
        None => ask(globals, "--tenant", "the tenant, by one of its domains or its id:")?,
    };
    let certificate = match (&args.certificate, args.way.as_deref()) {
        (None, Some(BY_CERTIFICATE)) => {
            Some(PathBuf::from(ask(globals, "--certificate", "the PEM file with the certificate and its key:")?))
        }
        (given, _) => given.clone(),
    };
    let client_id = match (&args.client_id, &certificate) {
        (None, Some(_)) => Some(ask(globals, "--client-id", "the id of the application that the certificate is registered at:")?),
        (given, _) => given.clone(),
    };
    let profile = written(args, &environment, &tenant, client_id.as_deref(), certificate.as_deref())?;
    // What is written can be read: a wrong value is said now, not at the next command.
    Profile::parse(&profile, &path)?;
    let cannot = |error: io::Error| Problem::new(format!("cannot write `{}`: {error}", path.display()));
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(cannot)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(cannot)?;
    file.write_all(profile.as_bytes()).map_err(cannot)?;
    out::say(&format!("wrote `{}`", path.display()));
    out::say(&format!("next: guidepost signin --lab {0}, then guidepost lab test {0}", args.name));
    if args.domain_bind.is_some() {
        out::say(&format!("and guidepost lab password {}, which keeps the domain account's password in the keyring", args.name));
    }
    Ok(Exit::Fine)
}

/// A relative path would be one beside the profile, not beside the person.
fn absolute(path: &Path) -> Result<String, Problem> {
    let cannot = |why: &str| Problem::usage(format!("the certificate `{}` has no place: {why}", path.display()));
    let path = std::path::absolute(path).map_err(|error| cannot(&error.to_string()))?;
    path.to_str().map(str::to_owned).ok_or_else(|| cannot("its path is no text"))
}

fn written(args: &Args, environment: &str, tenant: &str, client_id: Option<&str>, certificate: Option<&Path>) -> Result<String, Problem> {
    let certificate = certificate.map(absolute).transpose()?;
    let mut profile = format!("format = 1\nenvironment = {}\n\n[signin]\n", quoted(environment));
    let mut line = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            let _ = writeln!(profile, "{name} = {}", quoted(value));
        }
    };
    line("cloud", args.cloud.as_deref());
    line("authority", args.authority.as_deref());
    line("tenant", Some(tenant));
    line("client_id", client_id);
    line("write_client_id", args.write_client_id.as_deref());
    line("azure_client_id", args.azure_client_id.as_deref());
    line("way", args.way.as_deref());
    line("certificate", certificate.as_deref());
    if client_id.is_none() {
        let _ = writeln!(
            profile,
            "# Without `client_id` the application is Microsoft Graph Command Line Tools, {GRAPH_COMMAND_LINE_TOOLS}: a tenant may have\n\
             # disabled it, and Microsoft recommends an application of your own: a public client with the redirect address\n\
             # http://localhost, and `Allow public client flows` set to yes for device codes."
        );
    }
    table(&mut profile, "graph", &[("base", args.graph.as_deref())]);
    let (subscription, group) = (args.azure_subscription.as_deref(), args.azure_group.as_deref());
    table(&mut profile, "azure", &[("base", args.azure.as_deref()), ("subscription", subscription), ("resource_group", group)]);
    if args.domain.is_some() {
        let (url, bind, ca_file) = (args.domain.as_deref(), args.domain_bind.as_deref(), args.domain_ca_file.as_deref());
        table(&mut profile, "domain", &[("via", Some("ldap")), ("url", url), ("bind", bind), ("ca_file", ca_file)]);
    }
    if args.domain_by_scripts {
        table(&mut profile, "domain", &[("via", Some("dc1"))]);
    }
    let here = |machine: &str| args.here.iter().any(|one| one == machine).then_some("here");
    table(&mut profile, "hosts", &[("app1", here("app1")), ("dc1", here("dc1"))]);
    table(&mut profile, "net", &[("ca_file", args.ca_file.as_deref()), ("proxy", args.proxy.as_deref())]);
    let pairs = args.variables.iter().map(|pair| pair.split_once('=').ok_or(pair)).collect::<Result<Vec<_>, _>>();
    let pairs = pairs.map_err(|pair| Problem::usage(format!("`{}` is no variable", text::short(pair, 60))).hint("write NAME=VALUE"))?;
    if !pairs.is_empty() {
        profile.push_str("\n[variables]\n");
        for (name, value) in pairs {
            let _ = writeln!(profile, "{} = {}", quoted(name), quoted(value));
        }
    }
    Ok(profile)
}

fn table(profile: &mut String, name: &str, entries: &[(&str, Option<&str>)]) {
    if entries.iter().all(|(_, value)| value.is_none()) {
        return;
    }
    let _ = writeln!(profile, "\n[{name}]");
    for (name, value) in entries {
        if let Some(value) = value {
            let _ = writeln!(profile, "{name} = {}", quoted(value));
        }
    }
}

fn quoted(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

/// An answer typed on the terminal.
fn ask(globals: &Globals, flag: &str, question: &str) -> Result<String, Problem> {
    if !may_ask(globals) {
        return Err(Problem::usage(format!("`{flag}` is missing")).hint("nobody can be asked here"));
    }
    let answer = typed(question)?;
    if answer.is_empty() { Err(Problem::usage(format!("no answer; `{flag}` gives one too"))) } else { Ok(answer) }
}

/// Whether the person says yes.
pub(super) fn agrees(question: &str) -> Result<bool, Problem> {
    Ok(matches!(typed(&format!("{question} yes or no:"))?.as_str(), "yes" | "y"))
}

fn typed(question: &str) -> Result<String, Problem> {
    let cannot = |error: io::Error| Problem::new(format!("cannot read what is typed: {error}"));
    let mut err = io::stderr();
    err.write_all(format!("{question} ").as_bytes()).and_then(|()| err.flush()).map_err(cannot)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(cannot)?;
    Ok(text::short(&answer, LONGEST))
}
