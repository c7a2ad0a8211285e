//! What a trip needs of the systems besides plain looks: the reset, its operation, the watch, a sign-on. Tests script it.

use crate::base::Secret;
use crate::engine::{
    action::Confirmed,
    probe::{Answer, LookError, SendError},
};
use crate::services::{
    directory::SignOn,
    entra::Location,
    host::app1::{Watch, Watched},
};
use async_trait::async_trait;

/// What Graph said to a reset.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// Its answer, without a body.
    pub answer: Answer,
    /// Where the operation can be watched; `None` where Graph named no place.
    pub operation: Option<Location>,
}

/// The systems of a lab as a trip passes them.
#[async_trait]
pub trait Road: Send + Sync {
    /// Resets the password of a user, by object id.
    ///
    /// # Errors
    /// [`SendError`] tells a refusal from doubt.
    async fn reset(&self, user: &str, password: &Secret, confirmed: &Confirmed) -> Result<Accepted, SendError>;

    /// How the operation is getting on.
    ///
    /// # Errors
    /// What could not be read, and why.
    async fn operation(&self, place: &Location) -> Result<Answer, LookError>;

    /// Waits on the machine with Entra Connect.
    ///
    /// # Errors
    /// Why nobody could watch.
    async fn watch(&self, watch: &Watch) -> Result<Watched, LookError>;

    /// Whether the domain takes a name and a password right now, tried once.
    ///
    /// # Errors
    /// It could not be tried.
    async fn sign_on(&self, name: &str, password: &Secret) -> Result<SignOn, LookError>;

    /// What the watch runs and where, for plans: the script's name and hash, and the machine's address.
    fn watcher(&self) -> String;
}
