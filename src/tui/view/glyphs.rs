//! The signs of our own frame, in Unicode and in ASCII: one table, each one column wide unless said.

use crate::engine::check::Verdict;

/// The signs in use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glyphs {
    ascii: bool,
    /// A horizontal rule.
    pub(crate) rule: &'static str,
    /// A vertical rule.
    pub(crate) bar: &'static str,
    /// Where a vertical rule leaves a horizontal one downwards.
    pub(crate) tee_down: &'static str,
    /// Where a vertical rule meets a horizontal one from above.
    pub(crate) tee_up: &'static str,
    /// The corners of a box: top left, top right, bottom left, bottom right.
    pub(crate) corners: [&'static str; 4],
    /// Marks the step in view and the selected task.
    pub(crate) marker: &'static str,
    /// An item of a list.
    pub(crate) bullet: &'static str,
    /// A way out.
    pub(crate) way: &'static str,
    /// Between facts of one line.
    pub(crate) dot: &'static str,
    /// Text was cut here.
    pub(crate) cut: &'static str,
    /// The part of a pane that is seen, in its scroll track.
    pub(crate) thumb: &'static str,
}

const UNICODE: Glyphs = Glyphs {
    ascii: false,
    rule: "─",
    bar: "│",
    tee_down: "┬",
    tee_up: "┴",
    corners: ["┌", "┐", "└", "┘"],
    marker: "›",
    bullet: "•",
    way: "→",
    dot: "·",
    cut: "…",
    thumb: "┃",
};

const ASCII: Glyphs = Glyphs {
    ascii: true,
    rule: "-",
    bar: "|",
    tee_down: "+",
    tee_up: "+",
    corners: ["+", "+", "+", "+"],
    marker: ">",
    bullet: "*",
    way: ">",
    dot: "-",
    cut: "~",
    thumb: "#",
};

impl Glyphs {
    /// The set to draw with.
    pub(crate) fn new(ascii: bool) -> Self {
        if ascii { ASCII } else { UNICODE }
    }

    /// A verdict's sign: one column in Unicode, two in ASCII.
    pub(crate) fn verdict(&self, verdict: Option<Verdict>) -> &'static str {
        match (verdict, self.ascii) {
            (Some(verdict), false) => verdict.glyph(),
            (Some(verdict), true) => verdict.ascii(),
            (None, false) => "·",
            (None, true) => " .",
        }
    }

    /// The engine's own marks of a value that is not known yet, in this set's signs.
    pub(crate) fn marks(&self, text: &str) -> String {
        if self.ascii { text.replace('‹', "<").replace('›', ">") } else { text.to_owned() }
    }

    /// Inside the choice that is chosen.
    pub(crate) fn dot_filled(&self) -> &'static str {
        if self.ascii { "*" } else { self.bullet }
    }

    /// What a button of somebody's window stands between.
    pub(crate) fn button(&self) -> [&'static str; 2] {
        if self.ascii { ["<", ">"] } else { ["‹", "›"] }
    }

    /// How wide [`Glyphs::verdict`] is.
    pub(crate) fn verdict_width(&self) -> usize {
        if self.ascii { 2 } else { 1 }
    }
}
