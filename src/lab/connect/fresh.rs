//! A practice lab for one purpose: its own process, its own state, gone with its value. Never the lab that a person practises in.

use super::{Lab, start};
use crate::base::Problem;
use crate::lab::control::Control;
use std::{collections::BTreeMap, path::Path};

/// A practice lab that began anew; its process ends when this is dropped.
pub struct Fresh {
    /// The lab, to be reached like any other.
    pub lab: Lab,
    /// Its clock, and what persons do in it.
    pub control: Control,
    _process: start::Process,
}

impl Fresh {
    /// Starts one in an empty directory, its world as `guidepost practice --from` would begin it.
    ///
    /// # Errors
    /// It did not come up.
    pub async fn start(state: &Path, from: &str, variables: BTreeMap<String, String>) -> Result<Self, Problem> {
        let (endpoint, process) = start::start_anew(state, from).await?;
        let lab = Lab { variables, ..Lab::practice(state.to_owned()) };
        Ok(Self { lab, control: Control::of(&endpoint)?, _process: process })
    }
}
