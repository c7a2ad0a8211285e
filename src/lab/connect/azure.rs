//! The way to a lab's machines in Azure: which subscription, group and names, and who asks. Judges nothing.

use crate::base::{Problem, clock::Clock, http::Http};
use crate::guide::step::MachinePart;
use crate::lab::profile::{Machines, Profile};
use crate::services::{
    azure::{Azure, MachineId},
    entra::{AzureSession, AzureTarget, Certificate, Session},
};
use std::sync::Arc;
use url::Url;

/// The way to a lab's machines in Azure. Cheap to clone; nothing is asked before somebody asks.
#[derive(Clone, Debug)]
pub struct AzureWay {
    place: Option<Place>,
    lab: String,
    session: AzureSession,
    azure: Azure,
    base: Url,
}

/// Where the machines are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) subscription: String,
    pub(super) group: String,
    pub(super) machines: Machines,
}

/// The lab's profile does not say where its machines are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no machines in Azure are configured for the lab `{lab}`")]
pub struct NoAzure {
    /// The lab.
    pub lab: String,
}

impl NoAzure {
    /// The code by which a guide's diagnosis knows it.
    pub const CODE: &str = "AZURE_NOT_CONFIGURED";

    /// What to do about it.
    pub const HINT: &str = "write `[azure]` with `subscription` and `resource_group` into the lab's profile";
}

impl From<NoAzure> for Problem {
    fn from(error: NoAzure) -> Self {
        Self::unknown(error.to_string()).hint(NoAzure::HINT)
    }
}

/// Where Resource Manager is, and where the machines are in it.
pub(super) struct Settings {
    pub(super) target: AzureTarget,
    pub(super) place: Option<Place>,
}

impl Settings {
    /// As a profile says.
    pub(super) fn configured(profile: &Profile) -> Self {
        let target = AzureTarget {
            base: profile.azure_base(),
            resource: profile.azure_resource().map(str::to_owned),
            client_id: profile.signin.azure_client_id.clone(),
        };
        let place = profile.azure.as_ref().and_then(|azure| {
            let (subscription, group) = (azure.subscription.clone()?, azure.resource_group.clone()?);
            Some(Place { subscription, group, machines: azure.machines.clone() })
        });
        Self { target, place }
    }
}

impl AzureWay {
    /// The way beside a sign-in.
    pub(super) fn new(lab: &str, http: Http, main: &Session, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        let Settings { target, place } = settings;
        let session = AzureSession::beside(main, &target);
        let azure = Azure::new(http, Arc::new(session.clone()), target.base.clone(), clock);
        Self { place, lab: lab.to_owned(), session, azure, base: target.base }
    }

    /// The same, with an application in place of a person.
    pub(super) fn by_certificate(self, http: Http, main: &Session, certificate: Certificate, clock: Arc<dyn Clock>) -> Self {
        let session = self.session.by_certificate(main, certificate);
        let azure = Azure::new(http, Arc::new(session.clone()), self.base.clone(), clock);
        Self { session, azure, ..self }
    }

    /// Who asks.
    #[must_use]
    pub fn session(&self) -> &AzureSession {
        &self.session
    }

    /// Resource Manager.
    #[must_use]
    pub fn azure(&self) -> &Azure {
        &self.azure
    }

    /// A machine's address in Azure.
    ///
    /// # Errors
    /// The profile does not say where the machines are.
    pub fn machine(&self, part: MachinePart) -> Result<MachineId, NoAzure> {
        let Place { subscription, group, machines } = self.place()?;
        let name = match part {
            MachinePart::Dc1 => &machines.dc1,
            MachinePart::App1 => &machines.app1,
            MachinePart::Client1 => &machines.client1,
        };
        Ok(MachineId { subscription: subscription.clone(), group: group.clone(), name: name.clone() })
    }

    /// Subscription and resource group.
    ///
    /// # Errors
    /// The profile does not name them.
    pub fn group(&self) -> Result<(&str, &str), NoAzure> {
        self.place().map(|place| (place.subscription.as_str(), place.group.as_str()))
    }

    fn place(&self) -> Result<&Place, NoAzure> {
        self.place.as_ref().ok_or_else(|| NoAzure { lab: self.lab.clone() })
    }

    /// Where Resource Manager is, for plans and screens.
    #[must_use]
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }
}
