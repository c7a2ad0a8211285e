//! The way to the machines that run scripts: through Azure, or on this machine where the profile says that Guidepost runs there. Judges nothing.

use super::azure::{AzureWay, NoAzure};
use crate::base::Problem;
use crate::guide::step::MachinePart;
use crate::lab::profile;
use crate::services::host::{
    app1::App1,
    ask::Asker,
    azure::AzureHosts,
    here::Here,
    script::{Host, HostError},
};
use std::sync::{Arc, Mutex, PoisonError};

/// The way to a lab's hosts. Cheap to clone; all clones share one of each host, so that one script at a time runs there.
#[derive(Clone)]
pub struct HostWay {
    inner: Arc<Inner>,
}

struct Inner {
    /// Which of them are this machine.
    places: profile::Hosts,
    azure: AzureWay,
    machines: AzureHosts,
    open: Mutex<Open>,
}

/// What was opened so far.
#[derive(Default)]
struct Open {
    here: Option<Arc<Here>>,
    app1: Option<Arc<App1>>,
    dc1: Option<Arc<Asker>>,
}

/// Why a host cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoHost {
    /// The lab's profile does not say where its machines are.
    #[error(transparent)]
    NotConfigured(NoAzure),
    /// The profile says that it is this machine, which has no Windows PowerShell.
    #[error(transparent)]
    Failed(HostError),
}

impl NoHost {
    /// The code by which a guide's diagnosis knows it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotConfigured(_) => NoAzure::CODE,
            Self::Failed(_) => "NO_POWERSHELL",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotConfigured(_) => {
                "write `[azure]` with `subscription` and `resource_group` into the lab's profile, or `[hosts]` where Guidepost runs on the machine itself"
            }
            Self::Failed(error) => error.hint(),
        }
    }
}

impl From<NoHost> for Problem {
    fn from(error: NoHost) -> Self {
        Self::unknown(error.to_string()).hint(error.hint())
    }
}

impl HostWay {
    /// As a profile says, or through Azure; nothing is asked yet.
    pub(super) fn new(places: profile::Hosts, azure: AzureWay) -> Self {
        let machines = AzureHosts::new(azure.azure().clone());
        Self { inner: Arc::new(Inner { places, azure, machines, open: Mutex::default() }) }
    }

    /// The same, with another sign-in to Azure.
    pub(super) fn through(&self, azure: AzureWay) -> Self {
        Self::new(self.inner.places, azure)
    }

    /// The machine with Entra Connect.
    ///
    /// # Errors
    /// Nobody knows where it is.
    pub fn app1(&self) -> Result<Arc<App1>, NoHost> {
        let mut open = self.open();
        if let Some(app1) = &open.app1 {
            return Ok(app1.clone());
        }
        let app1 = Arc::new(App1::new(self.host(MachinePart::App1, &mut open)?));
        open.app1 = Some(app1.clone());
        Ok(app1)
    }

    /// The domain controller.
    ///
    /// # Errors
    /// Nobody knows where it is.
    pub fn dc1(&self) -> Result<Arc<Asker>, NoHost> {
        let mut open = self.open();
        if let Some(dc1) = &open.dc1 {
            return Ok(dc1.clone());
        }
        let dc1 = Arc::new(Asker::new(self.host(MachinePart::Dc1, &mut open)?));
        open.dc1 = Some(dc1.clone());
        Ok(dc1)
    }

    /// Where scripts of a machine run, for plans and screens; empty where nobody knows.
    #[must_use]
    pub fn address(&self, part: MachinePart) -> String {
        if self.is_here(part) {
            return "this machine".to_owned();
        }
        self.inner.azure.machine(part).map_or_else(|_| String::new(), |machine| machine.address(self.inner.azure.address()))
    }

    fn is_here(&self, part: MachinePart) -> bool {
        let place = match part {
            MachinePart::App1 => self.inner.places.app1,
            MachinePart::Dc1 => self.inner.places.dc1,
            MachinePart::Client1 => None,
        };
        place == Some(profile::HostPlace::Here)
    }

    fn host(&self, part: MachinePart, open: &mut Open) -> Result<Arc<dyn Host>, NoHost> {
        if !self.is_here(part) {
            let machine = self.inner.azure.machine(part).map_err(NoHost::NotConfigured)?;
            return Ok(Arc::new(self.inner.machines.host(machine, None, None)));
        }
        // Both may be this machine; then they share it.
        let here = match &open.here {
            Some(here) => here.clone(),
            None => open.here.insert(Arc::new(Here::new().map_err(NoHost::Failed)?)).clone(),
        };
        Ok(here)
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        self.inner.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for HostWay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostWay").field("places", &self.inner.places).finish_non_exhaustive()
    }
}
