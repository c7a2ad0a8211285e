//! Roles and how they look: one table, ANSI only, the terminal's own foreground and background.

use crate::{engine::check::Verdict, guide::prose::SpanStyle, tui::model::Look};
use ratatui::style::{Color, Modifier, Style};

/// What a piece of text is, never how it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Running text.
    Text,
    /// Secondary: ages, origins, what cannot be used now.
    Dim,
    /// A title.
    Title,
    /// The heading of a section.
    Section,
    /// A label on somebody's screen, something to look for.
    Label,
    /// Stress.
    Emphasis,
    /// A value, something to type.
    Code,
    /// A key that works now.
    Key,
    /// Lines of the frame.
    Rule,
    /// The environment.
    Banner,
    /// The selected task, the step in view.
    Selected,
    /// Something said once.
    Notice,
    /// A high risk, an open change.
    Warning,
    /// The page while something lies over it.
    Behind,
    /// How a check stands.
    Verdict(Option<Verdict>),
}

/// Colours or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theme {
    colour: bool,
}

impl Theme {
    pub(crate) fn new(look: Look) -> Self {
        Self { colour: look.colour }
    }

    /// How a role looks.
    pub(crate) fn style(self, role: Role) -> Style {
        let (colour, modifier) = table(role);
        let style = Style::new().add_modifier(modifier);
        match colour {
            Some(colour) if self.colour => style.fg(colour),
            _ => style,
        }
    }

    /// Black on white where there are colours, as a camera wants it; else the terminal's own.
    pub(crate) fn paper(self, style: Style) -> Style {
        if self.colour { style } else { Style::new() }
    }

    /// Whether light is what is drawn: without colours, most terminals are light on dark.
    pub(crate) fn inked(self) -> bool {
        !self.colour
    }

    /// How a span of a guide looks.
    pub(crate) fn span(self, style: SpanStyle) -> Style {
        self.style(match style {
            SpanStyle::Plain => Role::Text,
            SpanStyle::Strong => Role::Label,
            SpanStyle::Emphasis => Role::Emphasis,
            SpanStyle::Code => Role::Code,
        })
    }
}

/// The one table. Without colours the modifiers alone must tell roles apart that stand beside each other.
fn table(role: Role) -> (Option<Color>, Modifier) {
    let (bold, dim, none) = (Modifier::BOLD, Modifier::DIM, Modifier::empty());
    match role {
        Role::Text => (None, none),
        Role::Dim | Role::Rule | Role::Behind => (None, dim),
        Role::Title | Role::Label | Role::Selected => (None, bold),
        Role::Section | Role::Key => (Some(Color::Cyan), bold),
        Role::Emphasis => (None, Modifier::ITALIC),
        Role::Code => (Some(Color::Cyan), none),
        Role::Banner => (None, Modifier::REVERSED),
        Role::Notice | Role::Warning => (Some(Color::Yellow), bold),
        Role::Verdict(verdict) => match verdict {
            Some(Verdict::Pass) => (Some(Color::Green), none),
            Some(Verdict::Fail) => (Some(Color::Red), bold),
            Some(Verdict::Pending) => (Some(Color::Yellow), none),
            Some(Verdict::Unknown) => (Some(Color::Magenta), bold),
            // ANSI blue is too dark to read on many dark backgrounds.
            Some(Verdict::Blocked) => (None, none),
            Some(Verdict::Waived) => (Some(Color::Cyan), none),
            Some(Verdict::NotApplicable) | None => (None, dim),
        },
    }
}
