//! How systems are reached: sign-in and Graph, Resource Manager, the domain's directory, the keyring, the browser. Knows nothing of guides and screens.

pub mod azure;
pub mod directory;
pub mod entra;
pub mod host;
mod retry;
pub mod vault;
