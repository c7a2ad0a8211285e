//! Starting the built-in lab as its own process, and finding a running one.

use super::azure::{Place, Settings};
use super::domain::DomainWay;
use crate::base::{Problem, Secret};
use crate::lab::profile::Machines;
use crate::services::entra::AzureTarget;
use serde::Deserialize;
use std::{
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};
use tokio::{net::TcpStream, time::Instant};
use url::Url;

/// How long a fresh process may take on a busy laptop.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at `endpoint.json`.
const EVERY: Duration = Duration::from_millis(10);
/// How long it lives after its last connection.
const LINGER: &str = "60s";
/// The same of one that is ended by whoever started it: what is left when that was killed ends soon.
const SHORT_LINGER: &str = "10s";
/// How late the reads of such a lab are, and how long its scripts take: late enough to show what does not wait for them.
const PROMPT: &str = "500ms";

/// `endpoint.json`: where a running lab is.
#[derive(Clone, Deserialize)]
pub struct Endpoint {
    /// Its process.
    pub pid: u32,
    /// The sign-in service.
    pub authority: Url,
    /// Microsoft Graph.
    pub graph: Url,
    /// Clock, persons and whatever else it offers.
    pub control: Option<Url>,
    /// Its certificate authority.
    pub ca_file: PathBuf,
    /// Its tenant.
    pub tenant_id: String,
    /// Its application for Guidepost.
    pub client_id: String,
    /// Signs the lab's administrator in.
    pub refresh_token: Secret,
    /// Its domain controller, by LDAP within TLS.
    #[serde(default)]
    pub ldaps: Option<Url>,
    /// Its domain.
    #[serde(default)]
    pub domain: Option<EndpointDomain>,
    /// Its Resource Manager; that of a lab which is still running since an older version is nowhere.
    #[serde(default)]
    pub azure: Option<Url>,
    /// The subscription that holds its machines.
    #[serde(default)]
    pub subscription_id: String,
    /// What things are called in it.
    #[serde(default)]
    pub names: EndpointNames,
}

/// What things are called in a running lab.
#[derive(Clone, Default, Deserialize)]
pub struct EndpointNames {
    /// The resource group of its machines.
    #[serde(default)]
    pub resource_group: String,
    /// Its machines.
    #[serde(flatten)]
    pub machines: EndpointMachines,
}

/// The machines of a running lab by their part.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct EndpointMachines {
    /// The domain controller.
    pub dc1: String,
    /// Where Entra Connect runs.
    pub app1: String,
    /// For trying things out.
    pub client1: String,
}

/// Who binds to a running lab's domain.
#[derive(Clone, Deserialize)]
pub struct EndpointDomain {
    /// The name to bind with.
    pub bind_dn: String,
    /// Its password.
    pub password: Secret,
}

impl Endpoint {
    /// The way to its domain; `None` for a lab that has none.
    #[must_use]
    pub fn domain_way(&self) -> Option<DomainWay> {
        let (url, domain) = (self.ldaps.as_ref()?, self.domain.as_ref()?);
        Some(DomainWay::told(url.to_string(), domain.bind_dn.clone(), domain.password.clone(), self.ca_file.clone()))
    }

    /// Where its machines are.
    pub(super) fn azure(&self) -> Settings {
        let EndpointNames { resource_group, machines } = self.names.clone();
        let place = self.azure.as_ref().map(|_| Place {
            subscription: self.subscription_id.clone(),
            group: resource_group,
            machines: Machines { dc1: machines.dc1, app1: machines.app1, client1: machines.client1 },
        });
        let base = self.azure.clone().unwrap_or_else(|| self.graph.clone());
        Settings { target: AzureTarget { base, resource: None, client_id: None }, place }
    }

    fn address(&self) -> Option<(String, u16)> {
        let host = self.graph.host_str()?.trim_matches(['[', ']']).to_owned();
        Some((host, self.graph.port_or_known_default()?))
    }
}

/// The running lab of this state directory, if it answers.
pub async fn running(state: &Path) -> Option<Endpoint> {
    let bytes = tokio::fs::read(state.join("endpoint.json")).await.ok()?;
    let endpoint: Endpoint = serde_json::from_slice(&bytes).ok()?;
    // A killed lab leaves its file behind; only a connection tells.
    let connect = TcpStream::connect(endpoint.address()?);
    tokio::time::timeout(Duration::from_secs(2), connect).await.ok()?.ok()?;
    Some(endpoint)
}

/// The running lab of this state directory, started when there is none.
///
/// # Errors
/// It did not come up.
pub async fn ensure_running(state: &Path) -> Result<Endpoint, Problem> {
    if let Some(endpoint) = running(state).await {
        return Ok(endpoint);
    }
    come_up(state, &mut spawn(state, &["--linger", LINGER])?).await
}

/// A lab's process that ends with this value.
pub(super) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Its state belongs to whoever started it, and goes too; on Windows a file that is open cannot.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A lab in a state directory of its own, whose world begins at `from`.
///
/// # Errors
/// It did not come up.
pub(super) async fn start_anew(state: &Path, from: &str) -> Result<(Endpoint, Process), Problem> {
    let mut process = Process(spawn(state, &["--linger", SHORT_LINGER, "--from", from, "--consistency", PROMPT])?);
    Ok((come_up(state, &mut process.0).await?, process))
}

async fn come_up(state: &Path, child: &mut Child) -> Result<Endpoint, Problem> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        tokio::time::sleep(EVERY).await;
        if let Some(endpoint) = running(state).await {
            return Ok(endpoint);
        }
        // It may end at once because another one got the lock first: then that one comes up.
        let failed = child.try_wait().ok().flatten().filter(|status| !status.success());
        if failed.is_some() || Instant::now() >= deadline {
            return Err(did_not_come_up(state, failed));
        }
    }
}

fn did_not_come_up(state: &Path, failed: Option<std::process::ExitStatus>) -> Problem {
    let how =
        failed.map_or_else(|| format!("it did not answer within {} s", PATIENCE.as_secs()), |status| format!("it ended with {status}"));
    let command = format!("guidepost practice --state {}", state.display());
    Problem::unknown(format!("the practice lab could not be started: {how}")).hint(format!("`{command}` shows why"))
}

/// A process of its own: it outlives this one, whatever becomes of it, and no Ctrl-C of this terminal reaches it.
#[expect(clippy::disallowed_methods, reason = "this is the room that starts the practice lab")]
fn spawn(state: &Path, how: &[&str]) -> Result<Child, Problem> {
    let cannot = |error: std::io::Error| Problem::unknown(format!("the practice lab could not be started: {error}"));
    let program = std::env::current_exe().map_err(cannot)?;
    let mut command = std::process::Command::new(program);
    command.arg("practice").arg("--state").arg(state).args(["--format", "json"]).args(how);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    #[cfg(windows)]
    {
        const DETACHED_PROCESS: u32 = 0x0000_0008;
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
        std::os::windows::process::CommandExt::creation_flags(&mut command, DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP);
    }
    command.spawn().map_err(cannot)
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("pid", &self.pid).field("graph", &self.graph.as_str()).finish_non_exhaustive()
    }
}
