//! What each screen state looks like, in text and style, on each size and look.

pub(crate) mod scenes;

use super::screen::Screen;
use crate::{
    engine::run::View,
    tui::{
        keys::KeyMap,
        model::{Layer, Look, Model},
    },
};
use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};
use std::sync::Arc;

pub(crate) fn model(view: View, look: Look) -> Model {
    Model::new(Arc::new(view), look, Arc::new(KeyMap::built_in().unwrap()))
}

pub(crate) const COLOUR: Look = Look { ascii: false, colour: true };
