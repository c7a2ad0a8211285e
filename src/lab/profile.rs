//! Lab profiles (`labs/<lab>.toml`) and the platform's places for them. Reads files only.

use crate::base::{Problem, text};
use crate::guide::pack::{Environment, Variable};
use crate::guide::variables::check_value;
use crate::services::entra::Way;
use indexmap::IndexMap;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use url::Url;

/// The built-in lab's name.
pub const PRACTICE: &str = "practice";

/// Where Guidepost keeps things on this platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Settings: `labs/<lab>.toml`.
    pub config: PathBuf,
    /// State: `<lab>/journal.jsonl`.
    pub state: PathBuf,
}

impl Places {
    /// The platform's places; `config` overrides the first.
    ///
    /// # Errors
    /// The platform names no home.
    pub fn find(config: Option<&Path>) -> Result<Self, Problem> {
        let state = state_home().ok_or_else(|| Problem::usage("cannot tell where to keep state").hint(STATE_HINT))?;
        let config = match config {
            Some(path) => path.to_owned(),
            None => {
                config_home().ok_or_else(|| Problem::usage("cannot tell where settings are").hint("set `HOME`, or give `--config DIR`"))?
            }
        };
        Ok(Self { config, state })
    }

    /// What belongs to one lab: its journal, its place in the walk.
    #[must_use]
    pub fn lab(&self, lab: &str) -> PathBuf {
        self.state.join(lab)
    }

    /// The state of the practice lab's world.
    #[must_use]
    pub fn practice_world(&self) -> PathBuf {
        self.lab(PRACTICE).join("world")
    }

    /// The profile of a lab.
    #[must_use]
    pub fn profile(&self, lab: &str) -> PathBuf {
        self.config.join("labs").join(format!("{lab}.toml"))
    }
}

#[cfg(windows)]
const STATE_HINT: &str = "set `LOCALAPPDATA`";
#[cfg(not(windows))]
const STATE_HINT: &str = "set `HOME` or `XDG_STATE_HOME`";

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// `XDG_STATE_HOME` where it is set, on every platform: tests and portable installations use it.
fn state_home() -> Option<PathBuf> {
    let native = if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        variable("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        variable("HOME").map(|home| home.join(".local/state"))
    };
    variable("XDG_STATE_HOME").or(native).map(|home| home.join("guidepost"))
}

fn config_home() -> Option<PathBuf> {
    let native = if cfg!(windows) {
        variable("APPDATA")
    } else if cfg!(target_os = "macos") {
        variable("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        variable("HOME").map(|home| home.join(".config"))
    };
    variable("XDG_CONFIG_HOME").or(native).map(|home| home.join("guidepost"))
}

/// A lab profile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Always 1.
    pub format: u32,
    /// What depends on it; there is no default.
    pub environment: Environment,
    /// How to sign in.
    pub signin: SignIn,
    /// Microsoft Graph.
    #[serde(default)]
    pub graph: Graph,
    /// Azure Resource Manager.
    #[serde(default)]
    pub azure: Option<Azure>,
    /// The domain.
    #[serde(default)]
    pub domain: Option<Domain>,
    /// Machines that Guidepost itself runs on.
    #[serde(default)]
    pub hosts: Hosts,
    /// Where secrets come from that the keyring does not have.
    #[serde(default)]
    pub secrets: Secrets,
    /// The way to the network.
    #[serde(default)]
    pub net: Net,
    /// Values of guides' variables.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

/// How to sign in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The cloud that the tenant lives in: the sign-in service and Graph, unless they are named.
    #[serde(default)]
    pub cloud: Cloud,
    /// The sign-in service; the cloud's when absent.
    #[serde(default)]
    pub authority: Option<Url>,
    /// Tenant id or domain.
    pub tenant: String,
    /// The application; Microsoft Graph Command Line Tools when absent, which a tenant may forbid.
    #[serde(default = "graph_command_line_tools")]
    pub client_id: String,
    /// Another application for writing.
    #[serde(default)]
    pub write_client_id: Option<String>,
    /// Another application for Azure Resource Manager, where that for Graph may not have it.
    #[serde(default)]
    pub azure_client_id: Option<String>,
    /// How to sign in; as a person in the [`usual_way`] when absent.
    #[serde(default)]
    pub way: Option<SignInWay>,
    /// The file (PEM) of an application's certificate and key, for [`SignInWay::Certificate`]; beside the profile unless absolute.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
}

/// How to sign in, as a profile says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignInWay {
    /// A person, in a browser on this machine.
    Browser,
    /// A person, in a browser anywhere.
    Paste,
    /// A person, by a code.
    Device,
    /// An application, by its certificate: it reads, and changes nothing.
    Certificate,
}

impl SignInWay {
    /// As it stands in a profile.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.person().map_or("certificate", Way::word)
    }

    /// A person's way; `None` where an application signs in.
    #[must_use]
    pub fn person(self) -> Option<Way> {
        match self {
            Self::Browser => Some(Way::Browser),
            Self::Paste => Some(Way::Paste),
            Self::Device => Some(Way::Device),
            Self::Certificate => None,
        }
    }
}

/// Microsoft's clouds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// The global one, GCC too.
    #[default]
    Global,
    /// US Government L4, GCC High.
    UsGovL4,
    /// US Government L5, DoD.
    UsGovL5,
    /// China, 21Vianet.
    China,
}

impl Cloud {
    /// Sign-in service and Microsoft Graph (`facts/domain.md` 5.1).
    #[must_use]
    pub fn addresses(self) -> (&'static str, &'static str) {
        match self {
            Self::Global => ("https://login.microsoftonline.com/", "https://graph.microsoft.com/"),
            Self::UsGovL4 => ("https://login.microsoftonline.us/", "https://graph.microsoft.us/"),
            Self::UsGovL5 => ("https://login.microsoftonline.us/", "https://dod-graph.microsoft.us/"),
            Self::China => ("https://login.partner.microsoftonline.cn/", "https://microsoftgraph.chinacloudapi.cn/"),
        }
    }
}

impl Cloud {
    /// Resource Manager, and what tokens for it are asked for, where that is another name (`facts/domain.md` 5.1).
    #[must_use]
    pub fn azure(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Global => ("https://management.azure.com/", None),
            Self::UsGovL4 | Self::UsGovL5 => ("https://management.usgovcloudapi.net/", Some("https://management.core.usgovcloudapi.net/")),
            Self::China => ("https://management.chinacloudapi.cn/", Some("https://management.core.chinacloudapi.cn/")),
        }
    }
}

/// The way to sign in where the profile names none: over SSH the browser is elsewhere.
#[must_use]
pub fn usual_way() -> Way {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    usual_way_of(set)
}

fn usual_way_of(set: impl Fn(&str) -> bool) -> Way {
    let remote = set("SSH_CONNECTION") || set("SSH_TTY");
    let screen = set("DISPLAY") || set("WAYLAND_DISPLAY");
    if remote && !screen { Way::Paste } else { Way::Browser }
}

/// Microsoft Graph.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    /// The service root; the cloud's when absent.
    #[serde(default)]
    pub base: Option<Url>,
}

/// Azure Resource Manager.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Azure {
    /// The service root; the cloud's when absent.
    #[serde(default)]
    pub base: Option<Url>,
    /// The subscription that holds the machines.
    #[serde(default)]
    pub subscription: Option<String>,
    /// Their resource group.
    #[serde(default)]
    pub resource_group: Option<String>,
    /// Their names; the guide's own when absent.
    #[serde(default)]
    pub machines: Machines,
}

/// The names of the lab's machines in Azure.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Machines {
    /// The domain controller.
    pub dc1: String,
    /// Where Entra Connect runs.
    pub app1: String,
    /// For trying things out.
    pub client1: String,
}

impl Default for Machines {
    fn default() -> Self {
        Self { dc1: "DC1".into(), app1: "APP1".into(), client1: "CLIENT1".into() }
    }
}

/// The domain.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// How it is reached.
    pub via: Via,
    /// The domain controller's address.
    #[serde(default)]
    pub url: Option<Url>,
    /// Who binds.
    #[serde(default)]
    pub bind: Option<String>,
    /// A certificate authority (PEM) besides the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// How the domain is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// LDAP from this machine.
    Ldap,
    /// Scripts on the domain controller.
    Dc1,
}

/// Machines of the lab that Guidepost itself runs on; the others are reached through Azure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hosts {
    /// The domain controller.
    #[serde(default)]
    pub dc1: Option<HostPlace>,
    /// Where Entra Connect runs.
    #[serde(default)]
    pub app1: Option<HostPlace>,
}

/// Where a machine's scripts are run, if not through Azure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostPlace {
    /// On this machine.
    Here,
}

/// Where secrets come from that the keyring does not have.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// A program and its arguments; the name of the secret is added as the last one. It prints the secret.
    #[serde(default)]
    pub command: Option<Vec<String>>,
}

/// The way to the network.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Net {
    /// A certificate authority (PEM) besides the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A proxy instead of the system's; never used for loopback.
    #[serde(default)]
    pub proxy: Option<String>,
}

/// Domain facts 5.6: any delegated Graph scope can be asked of it; Microsoft recommends an application of your own.
pub const GRAPH_COMMAND_LINE_TOOLS: &str = "14d82eec-204b-4c2f-b7e8-296a70dab67e";

fn graph_command_line_tools() -> String {
    GRAPH_COMMAND_LINE_TOOLS.into()
}

#[expect(clippy::expect_used, reason = "constants of this file, covered by a test")]
fn constant(url: &str) -> Url {
    Url::parse(url).expect("a constant address")
}

impl Profile {
    /// The sign-in service.
    #[must_use]
    pub fn authority(&self) -> Url {
        self.signin.authority.clone().unwrap_or_else(|| constant(self.signin.cloud.addresses().0))
    }

    /// Microsoft Graph.
    #[must_use]
    pub fn graph_base(&self) -> Url {
        self.graph.base.clone().unwrap_or_else(|| constant(self.signin.cloud.addresses().1))
    }

    /// Azure Resource Manager.
    #[must_use]
    pub fn azure_base(&self) -> Url {
        let own = self.azure.as_ref().and_then(|azure| azure.base.clone());
        own.unwrap_or_else(|| constant(self.signin.cloud.azure().0))
    }

    /// What tokens for Resource Manager are asked for, where that is another name than its address.
    #[must_use]
    pub fn azure_resource(&self) -> Option<&'static str> {
        let named = self.azure.as_ref().is_some_and(|azure| azure.base.is_some());
        self.signin.cloud.azure().1.filter(|_| !named)
    }

    /// Reads a lab's profile.
    ///
    /// # Errors
    /// No such lab, or the file is wrong: names file, line and value.
    pub fn read(places: &Places, lab: &str) -> Result<Self, Problem> {
        let path = places.profile(lab);
        if !is_name(lab) {
            return Err(Problem::usage(format!("`{}` is no name for a lab", text::short(lab, 40))).hint("use letters, digits, `-` and `_`"));
        }
        let source = match fs::read_to_string(&path) {
            Ok(source) => source,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(no_such_lab(places, lab)),
            Err(error) => return Err(Problem::usage(format!("cannot read `{}`: {error}", path.display()))),
        };
        let mut profile = Self::parse(&source, &path)?;
        if let (Some(file), Some(beside)) = (&mut profile.signin.certificate, path.parent()) {
            *file = beside.join(&*file);
        }
        Ok(profile)
    }

    /// Reads the text of a profile; `path` is for the error.
    ///
    /// # Errors
    /// The text is wrong: names file, line and value.
    pub fn parse(source: &str, path: &Path) -> Result<Self, Problem> {
        let profile: Self = toml::from_str(source).map_err(|error| located(source, path, &error))?;
        if profile.format != 1 {
            return Err(Problem::usage(format!("`{}` has format {}, this Guidepost reads format 1", path.display(), profile.format)));
        }
        profile.signed_in_as_it_says(path)?;
        Ok(profile)
    }

    /// The certificate's file; `None` where persons sign in.
    #[must_use]
    pub fn certificate(&self) -> Option<&Path> {
        self.signin.certificate.as_deref()
    }

    /// What stands in a profile and is not used would deceive whoever wrote it.
    fn signed_in_as_it_says(&self, path: &Path) -> Result<(), Problem> {
        let SignIn { way, certificate, client_id, .. } = &self.signin;
        let wrong = |why: &str| Problem::usage(format!("`{}`: {why}", path.display()));
        match (way, certificate) {
            (Some(SignInWay::Certificate), None) => Err(wrong("`way` is `certificate`, and `certificate` names no file")
                .hint("write `certificate = \"FILE.pem\"` under `[signin]`")),
            (Some(SignInWay::Certificate), Some(_)) if client_id == GRAPH_COMMAND_LINE_TOOLS => {
                Err(wrong("`way` is `certificate`, and `client_id` names no application of yours")
                    .hint("write the `client_id` of the application that the certificate is registered at"))
            }
            (Some(SignInWay::Certificate), Some(_)) | (_, None) => Ok(()),
            (Some(SignInWay::Browser | SignInWay::Paste | SignInWay::Device) | None, Some(_)) => {
                Err(wrong("`certificate` is there, and `way` is not `certificate`").hint("write `way = \"certificate\"`, or take it out"))
            }
        }
    }
}

/// Whether every value fits the kind that the guide declares.
///
/// # Errors
/// Names the variable and its value.
pub fn check_variables(declared: &IndexMap<String, Variable>, values: &BTreeMap<String, String>) -> Result<(), Problem> {
    for (name, value) in values {
        if let Some(variable) = declared.get(name) {
            let wrong = |error| Problem::usage(format!("variable `{name}` is `{}`: {error}", text::short(value, 60)));
            check_value(variable.kind, value).map_err(wrong)?;
        }
    }
    Ok(())
}

/// Whether a lab that a person writes may have this name.
#[must_use]
pub fn is_name(lab: &str) -> bool {
    !lab.is_empty() && lab.len() <= 64 && lab.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) && lab != PRACTICE
}

fn no_such_lab(places: &Places, lab: &str) -> Problem {
    let known = labs(places);
    let hint = if known.is_empty() {
        "no lab is configured; `guidepost lab add` writes one, or leave `--lab` out for the practice lab".to_owned()
    } else {
        format!("the labs are {}", known.join(", "))
    };
    Problem::usage(format!("there is no lab `{lab}`")).hint(hint)
}

/// The configured labs, sorted.
#[must_use]
pub fn labs(places: &Places) -> Vec<String> {
    let entries = fs::read_dir(places.config.join("labs")).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
        .filter(|name| is_name(name))
        .collect();
    names.sort();
    names
}

/// A TOML error with file, line, column and the line itself.
fn located(source: &str, path: &Path, error: &toml::de::Error) -> Problem {
    let what = text::line(error.message());
    let Some(span) = error.span() else { return Problem::usage(format!("`{}`: {what}", path.display())) };
    let before = source.get(..span.start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    let shown = text::short(source.lines().nth(line - 1).unwrap_or_default(), 120);
    Problem::usage(format!("`{}` line {line}, column {column}: {what}\n  {shown}", path.display())).hint("the README shows a lab profile")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "format = 1\nenvironment = \"test\"\n[signin]\ntenant = \"contoso.example\"\n";

    #[test]
    fn a_short_profile_gets_the_global_cloud() {
        let profile = Profile::parse(GOOD, Path::new("x.toml")).unwrap();
        assert_eq!(profile.authority().as_str(), "https://login.microsoftonline.com/");
        assert_eq!(profile.graph_base().as_str(), "https://graph.microsoft.com/");
        assert_eq!(profile.environment, Environment::Test);
    }

    #[test]
    fn the_profile_that_the_readme_shows_is_one() {
        let readme = include_str!("../../README.md");
        let (_, rest) = readme.split_once("```toml\n").unwrap();
        let (profile, _) = rest.split_once("```").unwrap();
        let profile = Profile::parse(profile, Path::new("README.md")).unwrap();
        assert_eq!(profile.signin.way, Some(SignInWay::Browser));
    }

    #[test]
    fn a_cloud_names_its_services_and_a_named_service_wins() {
        for (word, cloud) in
            [("global", Cloud::Global), ("us-gov-l4", Cloud::UsGovL4), ("us-gov-l5", Cloud::UsGovL5), ("china", Cloud::China)]
        {
            let profile = Profile::parse(&format!("{GOOD}cloud = \"{word}\"\n"), Path::new("x.toml")).unwrap();
            assert_eq!((profile.authority().as_str(), profile.graph_base().as_str()), cloud.addresses());
            assert_eq!((profile.azure_base().as_str(), profile.azure_resource()), cloud.azure());
        }
        let own = format!("{GOOD}cloud = \"china\"\nauthority = \"https://login.example/\"\n[graph]\nbase = \"https://graph.example/\"\n");
        let profile = Profile::parse(&own, Path::new("x.toml")).unwrap();
        assert_eq!((profile.authority().as_str(), profile.graph_base().as_str()), ("https://login.example/", "https://graph.example/"));
    }

    #[test]
    fn over_ssh_without_a_screen_the_address_is_pasted() {
        let of = |set: &[&str]| usual_way_of(|name| set.contains(&name));
        assert_eq!((of(&[]), of(&["DISPLAY"])), (Way::Browser, Way::Browser));
        assert_eq!((of(&["SSH_CONNECTION"]), of(&["SSH_TTY"])), (Way::Paste, Way::Paste));
        assert_eq!(of(&["SSH_TTY", "DISPLAY"]), Way::Browser);
    }

    #[test]
    fn the_tables_of_later_guides_may_stand_in_a_profile() {
        let more = "azure_client_id = \"x\"\nway = \"device\"\n[azure]\nsubscription = \"s\"\nmachines = {dc1 = \"DC1\"}\n\
                    [domain]\nvia = \"dc1\"\n";
        let profile = Profile::parse(&format!("{GOOD}{more}"), Path::new("x.toml")).unwrap();
        assert_eq!((profile.signin.way, profile.domain.unwrap().via), (Some(SignInWay::Device), Via::Dc1));
    }

    #[test]
    fn a_wrong_value_names_file_line_and_value() {
        let problem = Profile::parse(&GOOD.replace("\"test\"", "\"tset\""), Path::new("x.toml")).unwrap_err();
        assert!(problem.what.contains("`x.toml` line 2, column 15"), "{problem}");
        assert!(problem.what.contains("tset"), "{problem}");
        assert_eq!(problem.exit, crate::base::Exit::Usage);
    }

    #[test]
    fn a_certificate_and_the_way_to_use_it_stand_together_with_an_application_of_ones_own() {
        let parse = |more: &str| Profile::parse(&format!("{GOOD}{more}"), Path::new("x.toml"));
        let whole = parse("client_id = \"mine\"\nway = \"certificate\"\ncertificate = \"a.pem\"\n").unwrap();
        assert_eq!((whole.signin.way.unwrap().word(), whole.certificate()), ("certificate", Some(Path::new("a.pem"))));
        for (wrong, says) in [
            ("client_id = \"mine\"\nway = \"certificate\"\n", "names no file"),
            ("way = \"certificate\"\ncertificate = \"a.pem\"\n", "names no application of yours"),
            ("certificate = \"a.pem\"\n", "`way` is not `certificate`"),
            ("way = \"device\"\ncertificate = \"a.pem\"\n", "`way` is not `certificate`"),
        ] {
            let problem = parse(wrong).unwrap_err();
            assert!(problem.what.contains(says) && problem.exit == crate::base::Exit::Usage, "{problem}");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        let problem = Profile::parse(&format!("{GOOD}tennant = \"x\"\n"), Path::new("x.toml")).unwrap_err();
        assert!(problem.what.contains("tennant") && problem.what.contains("line 5"), "{problem}");
    }

    #[test]
    fn the_environment_has_no_default() {
        let problem = Profile::parse(&GOOD.replace("environment = \"test\"\n", ""), Path::new("x.toml")).unwrap_err();
        assert!(problem.what.contains("environment"), "{problem}");
    }

    #[test]
    fn a_lab_name_cannot_leave_its_directory() {
        for name in ["", "..", "a/b", "a\\b", "practice", "a.b", "C:"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
