//! The three ways to sign in as one shape, so that faces need not know which. Not for what a face shows.

use super::browser::BrowserSignIn;
use super::device::DeviceSignIn;
use super::{Account, NotTheAddress, Purpose, Session, SignInError};
use crate::base::Secret;
use crate::base::clock::Timestamp;
use serde::Deserialize;
use tokio::sync::mpsc;
use url::Url;

/// How a person signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// In a browser on this machine, which brings the answer back by itself.
    Browser,
    /// In a browser anywhere; the person pastes the address that it ends at.
    Paste,
    /// By a code that is entered on any device; many tenants block it.
    Device,
}

impl Way {
    /// All of them, the safest first.
    pub const ALL: [Self; 3] = [Self::Browser, Self::Paste, Self::Device];

    /// As it stands in a profile.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Paste => "paste",
            Self::Device => "device",
        }
    }
}

/// What the person has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// Open the address on this machine; the rest happens by itself.
    OpenAddress {
        /// Where.
        address: Url,
    },
    /// Open the address anywhere, and paste the one that the browser ends at.
    PasteAddress {
        /// Where.
        address: Url,
    },
    /// Open the address anywhere and enter the code.
    DeviceCode {
        /// The code, clean text.
        user_code: String,
        /// Where.
        address: Url,
        /// By this machine's clock; the service may end it sooner.
        expires_at: Timestamp,
    },
}

/// A sign-in that waits for the person; dropping it cancels it.
#[must_use = "nobody is signed in before `finish` was awaited"]
pub struct SignIn {
    kind: Kind,
}

enum Kind {
    Browser(BrowserSignIn),
    Paste(BrowserSignIn),
    Device(DeviceSignIn),
}

impl SignIn {
    pub(super) async fn start(session: Session, way: Way, purpose: Purpose) -> Result<Self, SignInError> {
        let kind = match way {
            Way::Browser => Kind::Browser(BrowserSignIn::start(session, purpose).await?),
            Way::Paste => Kind::Paste(BrowserSignIn::start_for_pasting(session, purpose).await?),
            Way::Device => Kind::Device(DeviceSignIn::start(session, purpose).await?),
        };
        Ok(Self { kind })
    }

    /// What to show.
    pub fn prompt(&self) -> Prompt {
        match &self.kind {
            Kind::Browser(browser) => Prompt::OpenAddress { address: browser.address.clone() },
            Kind::Paste(browser) => Prompt::PasteAddress { address: browser.address.clone() },
            Kind::Device(device) => Prompt::DeviceCode {
                user_code: device.code.user_code.clone(),
                address: device.code.address.clone(),
                expires_at: device.code.expires_at,
            },
        }
    }

    /// Waits for the person. What is pasted is taken where [`Prompt::PasteAddress`] asks for it; `wrong` hears why a pasted text
    /// was not taken, and another may follow.
    ///
    /// # Errors
    /// The person declined, the service refused, or nothing came in time.
    pub async fn finish(
        self,
        pasted: &mut mpsc::Receiver<Secret>,
        wrong: impl FnMut(NotTheAddress) + Send,
    ) -> Result<Account, SignInError> {
        match self.kind {
            Kind::Browser(browser) => browser.finish().await,
            Kind::Paste(browser) => browser.finish_with(pasted, wrong).await,
            Kind::Device(device) => device.finish().await,
        }
    }
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn").finish_non_exhaustive()
    }
}
