//! Tokens for Resource Manager: a second session beside the one for Graph, with the same refresh token where the application may have both. Asks nothing of Azure.

use super::{Account, Certificate, EntraSettings, Purpose, Session, SignIn, SignInError, Way};
use crate::base::http::BoundToken;
use crate::services::azure::Tokens;
use async_trait::async_trait;
use url::Url;

/// The one permission that Resource Manager has for persons; what they may do is decided by roles in Azure.
const IMPERSONATION: &str = "user_impersonation";

/// Where Resource Manager is, and as which application it is asked.
#[derive(Clone, Debug)]
pub struct AzureTarget {
    /// Its address, to which alone its tokens go.
    pub base: Url,
    /// What tokens are asked for, where that is another name than its address (`facts/domain.md` 5.1).
    pub resource: Option<String>,
    /// The application, if it is another one than for Graph; one of Microsoft's own may have one of the two only (AADSTS65002).
    pub client_id: Option<String>,
}

/// Who is signed in to Resource Manager. Cheap to clone; all clones are the same.
#[derive(Clone, Debug)]
pub struct AzureSession {
    main: Session,
    own: Session,
}

impl AzureSession {
    /// The session for Resource Manager that belongs to one for Graph; it has asked nothing yet.
    #[must_use]
    pub fn beside(main: &Session, target: &AzureTarget) -> Self {
        let AzureTarget { base, resource, client_id } = target;
        let resource = resource.as_deref().unwrap_or(base.as_str()).trim_end_matches('/');
        let settings = main.settings();
        let apart = client_id.as_ref().is_some_and(|own| *own != settings.client_id);
        let settings = EntraSettings {
            client_id: client_id.clone().unwrap_or_else(|| settings.client_id.clone()),
            write_client_id: None,
            graph: base.clone(),
            read_scopes: vec![format!("{resource}/{IMPERSONATION}")],
            write_scopes: Vec::new(),
            ..settings.clone()
        };
        Self { main: main.clone(), own: main.beside(settings, apart.then_some("azure")) }
    }

    /// The same, with an application in place of a person, as the session for Graph has it.
    #[must_use]
    pub fn by_certificate(self, main: &Session, certificate: Certificate) -> Self {
        Self { main: main.clone(), own: self.own.by_certificate(certificate) }
    }

    /// The session itself, for its settings and what it was given.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.own
    }

    /// Starts a sign-in that asks for consent to Resource Manager.
    ///
    /// # Errors
    /// The way is closed: no port on this machine, or the service gives no code.
    pub async fn start(&self, way: Way) -> Result<SignIn, SignInError> {
        self.own.start(way, Purpose::Read).await
    }

    /// Forgets that it was refused: somebody signed in, which may have helped.
    pub async fn try_again(&self) {
        self.own.try_again().await;
    }

    /// Forgets its tokens, in memory and in the vault.
    pub async fn sign_out(&self) {
        self.own.sign_out().await;
    }

    /// Whoever looks at Azure must be who looks at the tenant: else every "who did it" is wrong.
    ///
    /// # Errors
    /// [`SignInError::OtherAccount`].
    pub async fn same_account(&self) -> Result<(), SignInError> {
        let key = |account: Account| (account.id, account.tenant_id);
        match (self.main.account().await.map(key), self.own.account().await.map(key)) {
            (Some(main), Some(own)) if main != own => Err(SignInError::OtherAccount),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Tokens for AzureSession {
    async fn token(&self) -> Result<BoundToken, SignInError> {
        let token = self.own.token(Purpose::Read).await?;
        self.same_account().await.map(|()| token)
    }

    async fn instead_of(&self, token: &BoundToken) -> Result<BoundToken, SignInError> {
        let token = self.own.instead_of(token, Purpose::Read).await?;
        self.same_account().await.map(|()| token)
    }
}
