//! Where the person is in the wizard's mirror: which page of the guide, what of the window has the keys. No I/O, no clock.

use super::Model;
use crate::engine::page::{Mirror, OpenPage, Showing, WizardLine, mirror::Operation};

/// The place in the mirror.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The guide's page, where the lab shows no window.
    pub(crate) page: usize,
    /// Which of the window's operations has the keys.
    pub(crate) focus: usize,
    /// The next frame scrolls so that what has the keys is seen.
    pub(crate) follow: bool,
    /// The mirror's count when an operation was sent: keys typed ahead wait for its end.
    pub(crate) sent: Option<u64>,
}

impl Model {
    /// The window that the lab shows; `None` where it shows none.
    #[must_use]
    pub(crate) fn window(&self) -> Option<&Mirror> {
        self.page().step.mirror.as_ref()
    }

    /// The page of the window; `None` while there is none.
    #[must_use]
    pub(crate) fn open_page(&self) -> Option<&OpenPage> {
        match &self.window()?.showing {
            Showing::Page(page) => Some(page),
            Showing::Unseen | Showing::Closed | Showing::Unreachable(_) => None,
        }
    }

    /// The guide's page that the mirror is at: the window's, else the one that the person turned to.
    #[must_use]
    pub(crate) fn guide_page(&self) -> Option<&WizardLine> {
        let at = match self.open_page() {
            Some(open) => open.at?,
            None if self.window().is_some() => return None,
            None => self.mirror.page,
        };
        self.page().step.pages.get(at)
    }

    /// What the keys are on in the window; `None` while nothing can be done in it.
    #[must_use]
    pub(crate) fn focused(&self) -> Option<Operation> {
        self.open_page()?.operations().into_iter().nth(self.mirror.focus)
    }

    /// The first page that nobody attested, else the first.
    pub(crate) fn first_open_page(&self) -> usize {
        self.page().step.pages.iter().position(|page| page.attested.is_none()).unwrap_or(0)
    }

    /// The keys go to what the guide would do next.
    pub(crate) fn lead(&mut self) {
        let Some(open) = self.open_page() else { return };
        let next = open.next.clone().or_else(|| open.usual_button());
        let at = open.operations().iter().position(|one| Some(one) == next.as_ref());
        self.mirror.focus = at.unwrap_or(0);
        self.mirror.follow = true;
    }
}
