//! Guidepost: walks an administrator through a Microsoft 365 Test Lab Guide and proves each step. The rooms are DESIGN section 4's.

pub mod base;
pub mod cli;
pub mod engine;
pub mod guide;
pub mod lab;
pub mod plain;
pub mod practice;
pub mod report;
pub mod rights;
pub mod services;
pub mod tui;
