//! Who may do what in a domain: SIDs, ACEs, descriptors, SDDL, effective rights, inheritance, delegation. Pure; reads no directory and
//! changes none.

pub mod ace;
pub mod acl;
pub mod delegation;
pub mod descriptor;
pub mod effective;
pub mod guid;
pub mod inherit;
pub mod mask;
pub mod sddl;
pub mod sid;

pub use ace::{Ace, AceKind};
pub use acl::Acl;
pub use delegation::{NearMiss, Right};
pub use descriptor::{BadDescriptor, Control, Descriptor};
pub use effective::{Asked, Decision, Target, Token, Why, decide};
pub use guid::Guid;
pub use mask::{AceFlags, Mask};
pub use sddl::Home;
pub use sid::Sid;
