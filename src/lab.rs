//! Where it happens: lab profiles and places, and how a lab is reached. Knows no guide's meaning and no screen.

mod certificate;
pub mod connect;
pub mod control;
pub mod given;
pub mod profile;
