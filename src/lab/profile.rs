//! Lab profiles (`labs/<lab>.toml`) and the platform's places for them. Reads files only.

use crate::base::{Problem, text};
use crate::guide::pack::{Environment, Variable};
use crate::guide::variables::check_value;
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
    /// The sign-in service; the global cloud's when absent.
    #[serde(default = "global_authority")]
    pub authority: Url,
    /// Tenant id or domain.
    pub tenant: String,
    /// The application; Microsoft Graph Command Line Tools when absent, which a tenant may forbid.
    #[serde(default = "graph_command_line_tools")]
    pub client_id: String,
    /// Another application for writing.
    #[serde(default)]
    pub write_client_id: Option<String>,
    /// How a person signs in.
    #[serde(default)]
    pub way: Way,
}

/// How a person signs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// In a browser on this machine.
    #[default]
    Browser,
}

/// Microsoft Graph.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    /// The service root; the global cloud's when absent.
    pub base: Url,
}

impl Default for Graph {
    fn default() -> Self {
        Self { base: constant("https://graph.microsoft.com/") }
    }
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

fn global_authority() -> Url {
    constant("https://login.microsoftonline.com/")
}

/// Domain facts 5.6: any delegated Graph scope can be asked of it; Microsoft recommends an application of your own.
fn graph_command_line_tools() -> String {
    "14d82eec-204b-4c2f-b7e8-296a70dab67e".into()
}

#[expect(clippy::expect_used, reason = "constants of this file, covered by a test")]
fn constant(url: &str) -> Url {
    Url::parse(url).expect("a constant address")
}

impl Profile {
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
        Self::parse(&source, &path)
    }

    fn parse(source: &str, path: &Path) -> Result<Self, Problem> {
        let profile: Self = toml::from_str(source).map_err(|error| located(source, path, &error))?;
        if profile.format != 1 {
            return Err(Problem::usage(format!("`{}` has format {}, this Guidepost reads format 1", path.display(), profile.format)));
        }
        Ok(profile)
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

fn is_name(lab: &str) -> bool {
    !lab.is_empty() && lab.len() <= 64 && lab.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) && lab != PRACTICE
}

fn no_such_lab(places: &Places, lab: &str) -> Problem {
    let known = labs(places);
    let hint = if known.is_empty() {
        format!("no lab is configured; write `{}`, or leave `--lab` out for the practice lab", places.profile(lab).display())
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
        assert_eq!(profile.signin.authority.as_str(), "https://login.microsoftonline.com/");
        assert_eq!(profile.graph.base.as_str(), "https://graph.microsoft.com/");
        assert_eq!(profile.environment, Environment::Test);
    }

    #[test]
    fn the_profile_that_the_readme_shows_is_one() {
        let readme = include_str!("../../README.md");
        let (_, rest) = readme.split_once("```toml\n").unwrap();
        let (profile, _) = rest.split_once("```").unwrap();
        let profile = Profile::parse(profile, Path::new("README.md")).unwrap();
        assert_eq!(profile.signin.way, Way::Browser);
    }

    #[test]
    fn a_wrong_value_names_file_line_and_value() {
        let problem = Profile::parse(&GOOD.replace("\"test\"", "\"tset\""), Path::new("x.toml")).unwrap_err();
        assert!(problem.what.contains("`x.toml` line 2, column 15"), "{problem}");
        assert!(problem.what.contains("tset"), "{problem}");
        assert_eq!(problem.exit, crate::base::Exit::Usage);
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
