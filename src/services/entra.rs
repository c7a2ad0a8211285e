//! Microsoft Entra ID and Microsoft Graph: who is signed in, and what they may ask. Knows nothing of guides and screens.
//!
//! Why no OAuth or Graph crate? None does Entra's sign-in with an own authority and Graph's paging and throttling;
//! `oauth2` brings 20 crates and still needs types for Entra's fields (`facts/wire.md`).

pub mod aadsts;
mod app;
mod azure;
mod browser;
mod certificate;
mod claims;
mod device;
mod error;
mod graph;
mod loopback;
mod paste;
mod pkce;
mod reply;

mod session;
mod signin;
mod token;

pub use super::retry::{Limits, Pause, TokioPause};
pub use azure::{AzureSession, AzureTarget};
pub use browser::BrowserSignIn;
pub use certificate::{BadCertificate, Certificate};
pub use error::{AS_A_PERSON, GraphError, Refusal, SignInError};
pub use graph::{Graph, GraphGet, GraphReply, GraphWrite, Location};
pub use paste::NotTheAddress;
pub use session::Session;
pub use signin::{Prompt, SignIn, Way};

use crate::base::Personal;
use url::Url;

/// Where to sign in, as which application, and for what.
#[derive(Clone, Debug)]
pub struct EntraSettings {
    /// The sign-in service, for example `https://login.microsoftonline.com`.
    pub authority: Url,
    /// Tenant id or one of its domains.
    pub tenant: String,
    /// The application that reads.
    pub client_id: String,
    /// The application that writes; `None` for the same one.
    pub write_client_id: Option<String>,
    /// The Graph service, for example `https://graph.microsoft.com`.
    pub graph: Url,
    /// The permissions to read, by short name (`User.Read.All`).
    pub read_scopes: Vec<String>,
    /// The permissions to write, by short name; asked for only when something is to be written.
    pub write_scopes: Vec<String>,
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Looking.
    Read,
    /// Changing.
    Write,
}

impl EntraSettings {
    /// The permissions for this purpose, by short name.
    #[must_use]
    pub fn scopes(&self, purpose: Purpose) -> &[String] {
        match purpose {
            Purpose::Read => &self.read_scopes,
            Purpose::Write => &self.write_scopes,
        }
    }

    /// The application for this purpose.
    #[must_use]
    pub fn client_id(&self, purpose: Purpose) -> &str {
        match (purpose, &self.write_client_id) {
            (Purpose::Write, Some(own)) => own,
            (Purpose::Write, None) | (Purpose::Read, _) => &self.client_id,
        }
    }

    /// Whether writing needs a refresh token of its own: one is bound to the application that it was given to.
    fn writes_apart(&self) -> bool {
        self.client_id(Purpose::Write) != self.client_id
    }

    /// The `scope` parameter. Permissions are written with Graph's own address before them, because a short name means
    /// the global cloud's Graph; the three others make Entra give a refresh token and an id token.
    fn scope(&self, purpose: Purpose) -> String {
        let graph = self.graph.as_str().trim_end_matches('/');
        let full = |scope: &String| if scope.contains("://") { scope.clone() } else { format!("{graph}/{scope}") };
        let own = self.scopes(purpose).iter().map(full);
        own.chain(["offline_access", "openid", "profile"].map(str::to_owned)).collect::<Vec<_>>().join(" ")
    }
}

/// Who is signed in, as the sign-in service says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name to sign in with.
    pub upn: Personal,
    /// The object id (`oid`).
    pub id: Personal,
    /// The tenant's id (`tid`).
    pub tenant_id: String,
}
