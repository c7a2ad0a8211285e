//! How a lab is reached: where its services are, who signs in, and for the built-in lab, starting its process. Nothing here asks which lab it is.

pub mod azure;
pub mod domain;
mod fresh;
pub mod hosts;
mod start;

use super::certificate;
use super::control::{Control, Offered};
use super::given::{Given, REFRESH_TOKEN};
use super::profile::{Hosts, PRACTICE, Places, Profile, SignInWay, Via, usual_way};
use crate::base::{
    Exit, Problem, Secret,
    clock::Clock,
    http::{Hold, Http, HttpSettings, Method, Request, WireLog},
};
use crate::guide::{Pack, pack::Environment};
use crate::services::{
    entra::{self, EntraSettings, Graph, Session, SignInError},
    host,
    vault::Vault,
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

pub use azure::{AzureWay, NoAzure};
pub use domain::{DomainWay, NOT_CONFIGURED, NoDomain, password_key};
pub use fresh::Fresh;
pub use hosts::{HostWay, NoHost};
pub use start::{Endpoint, ensure_running, running};

/// The name under which tokens stand in the system's keyring.
pub const KEYRING_APP: &str = "guidepost";

/// A lab that was chosen.
#[derive(Clone, Debug)]
pub struct Lab {
    /// Its name.
    pub name: String,
    /// The banner's word.
    pub environment: String,
    /// Values of guides' variables.
    pub variables: BTreeMap<String, String>,
    /// What whoever started the program handed over.
    pub given: Given,
    /// The usual way to sign in here.
    pub way_to_sign_in: entra::Way,
    /// Whether an application signs in by itself, and no person can.
    pub app_only: bool,
    way: Way,
}

/// Where its services come from.
#[derive(Clone, Debug)]
enum Way {
    /// A process of ours, started when it is not running.
    Started { state: PathBuf },
    /// A profile that a person wrote.
    Configured(Box<Profile>),
}

impl Lab {
    /// The lab with this name; without a name, the practice lab.
    ///
    /// # Errors
    /// No such lab, or its profile is wrong.
    pub fn choose(name: Option<&str>, places: &Places) -> Result<Self, Problem> {
        let Some(name) = name.filter(|name| *name != PRACTICE) else {
            return Ok(Self::practice(places.practice_world()));
        };
        let profile = Profile::read(places, name)?;
        let environment = match profile.environment {
            Environment::Test => "test",
            Environment::Production => "production",
        };
        let variables = profile.variables.clone();
        let way_to_sign_in = profile.signin.way.and_then(SignInWay::person).unwrap_or_else(usual_way);
        let app_only = profile.certificate().is_some();
        Ok(Self {
            name: name.into(),
            environment: environment.into(),
            variables,
            given: Given::default(),
            way_to_sign_in,
            app_only,
            way: Way::Configured(Box::new(profile)),
        })
    }

    /// The practice lab that keeps its world in this directory.
    fn practice(state: PathBuf) -> Self {
        Self {
            name: PRACTICE.into(),
            environment: "practice".into(),
            variables: BTreeMap::new(),
            given: Given::default(),
            way_to_sign_in: usual_way(),
            app_only: false,
            way: Way::Started { state },
        }
    }

    /// Whether somebody must type the password of the certificate's key before this lab can be reached.
    ///
    /// # Errors
    /// The certificate's file cannot be read, or what gives secrets fails.
    pub async fn wants_password(&self) -> Result<bool, Problem> {
        let Some((profile, path)) = self.certificate() else { return Ok(false) };
        let (vault, _) = Vault::open(KEYRING_APP).await;
        certificate::wants_password(&self.name, path, profile, &self.given, &vault).await
    }

    /// Keeps the password of the certificate's key in the keyring, if it opens the key.
    ///
    /// # Errors
    /// It does not open the key, or there is no keyring to keep it in.
    pub async fn keep_password(&self, password: Secret) -> Result<(), Problem> {
        let Some((_, path)) = self.certificate() else { return Ok(()) };
        let (vault, why_not_kept) = Vault::open(KEYRING_APP).await;
        certificate::keep(&self.name, path, password, &vault).await?;
        why_not_kept.map_or(Ok(()), |why| {
            Err(Problem::new(format!("the password opens the key, and cannot be kept: {why}"))
                .hint("without a keyring, `[secrets] command` or `--secrets-fd` gives `certificate-password`"))
        })
    }

    fn certificate(&self) -> Option<(&Profile, &std::path::Path)> {
        match &self.way {
            Way::Started { .. } => None,
            Way::Configured(profile) => profile.certificate().map(|path| (&**profile, path)),
        }
    }

    /// Whether a guide may be walked here.
    ///
    /// # Errors
    /// A test guide in a lab that is marked production.
    pub fn admits(&self, pack: &Pack) -> Result<(), Problem> {
        if pack.environment == Environment::Test && self.environment == "production" {
            return Err(Problem::usage(format!("`{}` is for test labs, and the lab `{}` is marked production", pack.id, self.name))
                .hint("choose another lab; a test guide leaves privileges that production must not have"));
        }
        Ok(())
    }
}

/// A lab that was reached; nobody is signed in yet.
#[derive(Clone)]
pub struct Reached {
    /// Who signs in.
    pub session: Session,
    /// Microsoft Graph.
    pub graph: Graph,
    /// The way to its domain; nothing is reached there yet.
    pub domain: DomainWay,
    /// The way to its machines in Azure; nothing is asked there yet.
    pub azure: AzureWay,
    /// The way to its machines that run scripts; nothing is run there yet.
    pub hosts: HostWay,
    /// The way to its services.
    pub http: Http,
    /// Something to be said once, such as that tokens are not kept beyond this run.
    pub notice: Option<Problem>,
    /// Keeps a started lab alive while somebody holds it.
    pub held: Option<Hold>,
    /// By which an application signs in; `None` where persons do.
    pub certificate: Option<entra::Certificate>,
    /// What can be steered in it; `None` where nothing can.
    pub control: Option<Offered>,
}

impl Reached {
    /// The same, with an application in place of a person.
    fn by_certificate(self, certificate: entra::Certificate, clock: Arc<dyn Clock>) -> Self {
        let session = self.session.by_certificate(certificate.clone());
        let azure = self.azure.by_certificate(self.http.clone(), &session, certificate.clone(), clock);
        let hosts = self.hosts.through(azure.clone());
        let domain = self.domain.over(&hosts);
        Self {
            graph: Graph::new(self.http.clone(), session.clone()),
            session,
            azure,
            hosts,
            domain,
            certificate: Some(certificate),
            ..self
        }
    }
}

/// The way to a lab's domain alone, for those who ask nothing else: where it is reached by LDAP, no token is looked for, and no other service is
/// reached.
///
/// # Errors
/// The practice lab cannot be started. A lab without a domain is no error here: [`DomainWay::open`] says so.
pub async fn reach_domain(lab: &Lab, pack: &Pack, clock: Arc<dyn Clock>) -> Result<DomainWay, Problem> {
    match &lab.way {
        Way::Started { state } => Ok(ensure_running(state).await?.domain_way().unwrap_or_else(|| DomainWay::nowhere(&lab.name))),
        Way::Configured(profile) if profile.domain.as_ref().is_some_and(|domain| domain.via == Via::Dc1) => {
            let reached = reach(lab, pack, &WireLog::default(), clock).await?;
            reached.session.resume().await.map_err(|error| sign_in_problem(&error))?;
            Ok(reached.domain)
        }
        Way::Configured(profile) => {
            let (vault, _) = Vault::open(KEYRING_APP).await;
            Ok(DomainWay::configured(&lab.name, profile, vault, lab.given.clone()))
        }
    }
}

/// Reaches a lab, starting it when it is ours to start.
///
/// # Errors
/// It cannot be started, or its settings are wrong.
pub async fn reach(lab: &Lab, pack: &Pack, wire: &WireLog, clock: Arc<dyn Clock>) -> Result<Reached, Problem> {
    match &lab.way {
        Way::Started { state } => {
            let endpoint = ensure_running(state).await?;
            let vault = Vault::memory();
            let key = format!("{}/{}", endpoint.authority, endpoint.client_id);
            vault.put(&key, Secret::new(endpoint.refresh_token.expose())).await?;
            let http = http(Some(endpoint.ca_file.clone()), None, wire)?;
            let domain = endpoint.domain_way().unwrap_or_else(|| DomainWay::nowhere(&lab.name)).with_wire(wire);
            let azure = endpoint.azure();
            let control = match Control::of(&endpoint) {
                Ok(control) => Offered::by(control).await,
                Err(_) => None,
            };
            let held = endpoint.control.map(|control| http.hold(Request::new(Method::GET, below(&control, "hold"))));
            let settings = settings(endpoint.authority, endpoint.tenant_id, endpoint.client_id, None, endpoint.graph, pack);
            let reached = reached(&lab.name, http, (domain, azure, Hosts::default()), settings, (vault, key), clock, None, held);
            Ok(Reached { control, ..reached })
        }
        Way::Configured(profile) => {
            let (vault, why_not_kept) = Vault::open(KEYRING_APP).await;
            let http = http(profile.net.ca_file.clone(), profile.net.proxy.clone(), wire)?;
            let (authority, graph) = (profile.authority(), profile.graph_base());
            let signin = profile.signin.clone();
            let key = format!("{}/{}", lab.name, signin.client_id);
            let settings = settings(authority, signin.tenant, signin.client_id, signin.write_client_id, graph, pack);
            let domain = DomainWay::configured(&lab.name, profile, vault.clone(), lab.given.clone()).with_wire(wire);
            let azure = azure::Settings::configured(profile);
            if let Some(path) = profile.certificate() {
                let certificate = certificate::of(&lab.name, path, profile, &lab.given, &vault).await?;
                // Nothing is kept of such a sign-in, so that nobody misses the keyring.
                let keys = (vault, certificate::vault_key(&lab.name));
                let reached = reached(&lab.name, http, (domain, azure, profile.hosts), settings, keys, clock.clone(), None, None);
                return Ok(reached.by_certificate(certificate, clock));
            }
            let notice = why_not_kept.map(Problem::new);
            let refresh = match vault.get(&key).await {
                Some(_) => None,
                None => elsewhere(profile, &lab.given).await?,
            };
            let reached = reached(&lab.name, http, (domain, azure, profile.hosts), settings, (vault, key), clock, notice, None);
            if let Some(refresh) = refresh {
                reached.session.offer(refresh).await;
            }
            Ok(reached)
        }
    }
}

/// What the keyring does not have: from the profile's command, else from what was handed over (DESIGN section 6).
async fn elsewhere(profile: &Profile, given: &Given) -> Result<Option<Secret>, Problem> {
    let printed = match &profile.secrets.command {
        Some(command) => host::secret(command, REFRESH_TOKEN, host::PATIENCE).await?,
        None => None,
    };
    Ok(printed.or_else(|| given.get(REFRESH_TOKEN)))
}

/// An address below another, whether that ends in `/` or not.
fn below(base: &url::Url, name: &str) -> url::Url {
    let mut address = base.clone();
    if let Ok(mut segments) = address.path_segments_mut() {
        segments.pop_if_empty().push(name);
    }
    address
}

fn http(ca_file: Option<PathBuf>, proxy: Option<String>, wire: &WireLog) -> Result<Http, Problem> {
    Http::new(HttpSettings { ca_file, proxy, ..HttpSettings::default() }, wire.clone())
}

fn settings(
    authority: url::Url,
    tenant: String,
    client_id: String,
    write_client_id: Option<String>,
    graph: url::Url,
    pack: &Pack,
) -> EntraSettings {
    let rights = &pack.rights.graph;
    EntraSettings {
        authority,
        tenant,
        client_id,
        write_client_id,
        graph,
        read_scopes: rights.read.clone(),
        write_scopes: rights.write.clone(),
    }
}

#[expect(clippy::too_many_arguments, reason = "each is one part of what was reached")]
fn reached(
    lab: &str,
    http: Http,
    (domain, azure, places): (DomainWay, azure::Settings, Hosts),
    settings: EntraSettings,
    (vault, key): (Vault, String),
    clock: Arc<dyn Clock>,
    notice: Option<Problem>,
    held: Option<Hold>,
) -> Reached {
    let session = Session::new(http.clone(), settings, vault, key, clock.clone());
    let azure = AzureWay::new(lab, http.clone(), &session, azure, clock);
    let hosts = HostWay::new(places, azure.clone());
    let domain = domain.over(&hosts);
    Reached {
        graph: Graph::new(http.clone(), session.clone()),
        domain,
        azure,
        hosts,
        http,
        session,
        notice,
        held,
        certificate: None,
        control: None,
    }
}

/// Why an application may not do this: it changes nothing, and no person can sign in in its place.
#[must_use]
pub fn person_needed() -> Problem {
    Problem { exit: Exit::Not, ..sign_in_problem(&SignInError::PersonNeeded) }
}

/// Why nobody is signed in, for a person.
#[must_use]
pub fn sign_in_problem(error: &SignInError) -> Problem {
    let problem = Problem::unknown(error.to_string());
    match error.hint() {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}
