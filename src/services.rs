//! How systems are reached: sign-in and Graph, the keyring, the browser. Knows nothing of guides and screens.

pub mod entra;
pub mod host;
pub mod vault;
