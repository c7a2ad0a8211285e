//! How systems are reached: sign-in and Graph, Resource Manager, the keyring, the browser. Knows nothing of guides and screens.

pub mod azure;
pub mod entra;
pub mod host;
mod retry;
pub mod vault;
