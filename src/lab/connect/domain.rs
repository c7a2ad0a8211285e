//! The way to a lab's domain: opened on first need, with a password that nobody asked for before. Judges nothing.

use super::hosts::{HostWay, NoHost};
use crate::base::{Exit, Problem, Secret, http::WireLog};
use crate::guide::step::MachinePart;
use crate::lab::given::{DOMAIN_PASSWORD, Given};
use crate::lab::profile::{self, Profile, Via};
use crate::services::{
    directory::{
        Directory,
        dc1::Dc1,
        ldap::{Ldap, LdapSettings, Limits, Login},
    },
    host,
    vault::Vault,
};
use std::{path::PathBuf, sync::Arc};
use tokio::sync::Mutex;

/// The way to a lab's domain. Cheap to clone; all clones share one connection.
#[derive(Clone)]
pub struct DomainWay {
    inner: Arc<Inner>,
    wire: WireLog,
    /// The machines that run scripts, one of which may be the way.
    hosts: Option<HostWay>,
}

struct Inner {
    place: Place,
    open: Mutex<Option<Arc<dyn Directory>>>,
}

enum Place {
    /// The profile names none.
    Nowhere { lab: String },
    /// By scripts on the domain controller.
    OnHost,
    /// By LDAP.
    Ldap(Box<Ldaps>),
}

/// How the domain controller is reached, and whose password opens it.
pub(super) struct Ldaps {
    url: String,
    bind: Option<String>,
    ca_file: Option<PathBuf>,
    password: Password,
}

/// Where the password comes from.
enum Password {
    /// The lab told it.
    Told(Secret),
    /// Keyring, the profile's command, or what was handed over, in this order (DESIGN section 6).
    Kept { vault: Vault, lab: String, command: Option<Vec<String>>, given: Given },
}

/// The code of a lab without a domain.
pub const NOT_CONFIGURED: &str = "DOMAIN_NOT_CONFIGURED";

/// Why there is no domain to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoDomain {
    /// The lab's profile names none.
    NotConfigured {
        /// The lab.
        lab: String,
    },
    /// It is reached by scripts on the domain controller, and nobody knows where that is.
    NoHost(NoHost),
    /// Its settings are wrong, or its password is nowhere.
    Failed(Problem),
}

impl NoDomain {
    /// The code by which a guide's diagnosis knows it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotConfigured { .. } => NOT_CONFIGURED,
            Self::NoHost(error) => error.code(),
            Self::Failed(_) => "DOMAIN_NOT_REACHED",
        }
    }

    /// For a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::NotConfigured { lab } => Problem::unknown(format!("no domain is configured for the lab `{lab}`"))
                .hint("write `[domain]` with `via = \"ldap\"`, `url` and `bind` into the lab's profile"),
            Self::NoHost(error) => {
                let hint = error.hint();
                Problem::unknown(format!("the domain of this lab is reached through DC1 (`via = \"dc1\"`): {error}")).hint(hint)
            }
            Self::Failed(problem) => problem.clone(),
        }
    }
}

impl DomainWay {
    fn new(place: Place) -> Self {
        Self { inner: Arc::new(Inner { place, open: Mutex::new(None) }), wire: WireLog::default(), hosts: None }
    }

    /// The same, which says in this log what it asks and what became of it.
    pub(super) fn with_wire(self, wire: &WireLog) -> Self {
        Self { wire: wire.clone(), ..self }
    }

    /// The same, beside these hosts.
    pub(super) fn over(self, hosts: &HostWay) -> Self {
        Self { hosts: Some(hosts.clone()), ..self }
    }

    /// No way at all.
    pub(super) fn nowhere(lab: &str) -> Self {
        Self::new(Place::Nowhere { lab: lab.to_owned() })
    }

    /// To a domain controller whose password is known.
    pub(super) fn told(url: String, bind: String, password: Secret, ca_file: PathBuf) -> Self {
        Self::new(Place::Ldap(Box::new(Ldaps { url, bind: Some(bind), ca_file: Some(ca_file), password: Password::Told(password) })))
    }

    /// As a profile says.
    pub(super) fn configured(lab: &str, profile: &Profile, vault: Vault, given: Given) -> Self {
        let Some(domain) = &profile.domain else { return Self::nowhere(lab) };
        let profile::Domain { via: Via::Ldap, url: Some(url), bind, ca_file } = domain else {
            return Self::new(if domain.via == Via::Dc1 { Place::OnHost } else { Place::Nowhere { lab: lab.to_owned() } });
        };
        let command = profile.secrets.command.clone();
        let password = Password::Kept { vault, lab: lab.to_owned(), command, given };
        let ca_file = ca_file.clone().or_else(|| profile.net.ca_file.clone());
        Self::new(Place::Ldap(Box::new(Ldaps { url: url.to_string(), bind: bind.clone(), ca_file, password })))
    }

    /// Where it is, for plans and screens; empty when there is none.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.inner.place {
            Place::Nowhere { .. } => String::new(),
            Place::OnHost => self.hosts.as_ref().map_or_else(String::new, |hosts| hosts.address(MachinePart::Dc1)),
            Place::Ldap(ldaps) => ldaps.url.trim_end_matches('/').to_owned(),
        }
    }

    /// Who binds; `None` where nobody does by name.
    #[must_use]
    pub fn bind(&self) -> Option<&str> {
        match &self.inner.place {
            Place::Nowhere { .. } | Place::OnHost => None,
            Place::Ldap(ldaps) => ldaps.bind.as_deref(),
        }
    }

    /// The directory; its password is fetched at the first call, and its connection made at the first question.
    ///
    /// # Errors
    /// [`NoDomain`] says what to configure. It is tried anew at the next call.
    pub async fn open(&self) -> Result<Arc<dyn Directory>, NoDomain> {
        let ldaps = match &self.inner.place {
            Place::Nowhere { lab } => return Err(NoDomain::NotConfigured { lab: lab.clone() }),
            Place::OnHost => return self.on_host(),
            Place::Ldap(ldaps) => ldaps,
        };
        let mut open = self.inner.open.lock().await;
        if let Some(directory) = open.as_ref() {
            return Ok(directory.clone());
        }
        let login = ldaps.login().await.map_err(NoDomain::Failed)?;
        let settings = LdapSettings { url: ldaps.url.clone(), login, ca_file: ldaps.ca_file.clone(), limits: Limits::default() };
        let ldap = Ldap::new(settings).map_err(|error| NoDomain::Failed(error.into()))?;
        let directory: Arc<dyn Directory> = Arc::new(ldap.with_wire(self.wire.clone()));
        *open = Some(directory.clone());
        Ok(directory)
    }

    /// Nothing is kept open there: the host itself is what all share.
    fn on_host(&self) -> Result<Arc<dyn Directory>, NoDomain> {
        let nowhere = || Err(NoDomain::Failed(Problem::unknown("nobody said which hosts this lab has")));
        let dc1 = self.hosts.as_ref().map_or_else(nowhere, |hosts| hosts.dc1().map_err(NoDomain::NoHost))?;
        Ok(Arc::new(Dc1::over(dc1)))
    }
}

impl std::fmt::Debug for DomainWay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DomainWay").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Ldaps {
    async fn login(&self) -> Result<Login, Problem> {
        let Some(name) = self.bind.clone() else { return as_this_user() };
        Ok(Login::Password { name, password: self.password.fetch().await? })
    }
}

/// Without a name, as whoever is signed in to this machine.
#[cfg(any(windows, feature = "kerberos"))]
fn as_this_user() -> Result<Login, Problem> {
    Ok(Login::Kerberos)
}

#[cfg(not(any(windows, feature = "kerberos")))]
fn as_this_user() -> Result<Login, Problem> {
    Err(Problem::usage("`[domain]` names nobody to bind as").hint("write `bind = \"user@domain\"` under `[domain]` of the lab's profile"))
}

/// The name of a lab's domain password in the keyring.
#[must_use]
pub fn password_key(lab: &str) -> String {
    format!("{lab}/{DOMAIN_PASSWORD}")
}

impl Password {
    async fn fetch(&self) -> Result<Secret, Problem> {
        let (vault, lab, command, given) = match self {
            Self::Told(password) => return Ok(password.clone()),
            Self::Kept { vault, lab, command, given } => (vault, lab, command, given),
        };
        if let Some(kept) = vault.get(&password_key(lab)).await {
            return Ok(kept);
        }
        let printed = match command {
            Some(command) => host::secret(command, DOMAIN_PASSWORD, host::PATIENCE).await?,
            None => None,
        };
        printed.or_else(|| given.get(DOMAIN_PASSWORD)).ok_or_else(|| nowhere(lab))
    }
}

fn nowhere(lab: &str) -> Problem {
    let problem = Problem::unknown(format!("the password of the domain account of `{lab}` is neither in the keyring nor given"));
    Problem { exit: Exit::Unknown, ..problem }.hint(format!(
        "`guidepost lab password {lab}` keeps it in the keyring; or `[secrets] command`, or `--secrets-fd` with `{DOMAIN_PASSWORD}`"
    ))
}
