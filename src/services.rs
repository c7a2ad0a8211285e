//! How systems are reached: sign-in and Graph, the domain's directory, the keyring, the browser. Knows nothing of guides and screens.

pub mod directory;
pub mod entra;
pub mod host;
pub mod vault;
