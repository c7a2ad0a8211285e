//! A check: a pure function of facts, variables and now, and its verdict.

/// How a check or a step stands. The order is the order in which a step shows the first that occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Looked, and it does not hold.
    Fail,
    /// Could not look.
    Unknown,
    /// Looked, not yet; a change is known to need time.
    Pending,
    /// Another check or step must pass first.
    Blocked,
    /// Looked, and it holds.
    Pass,
    /// A person set it aside.
    Waived,
    /// Does not apply to this lab.
    NotApplicable,
}

impl Verdict {
    /// All of them, in the order of DESIGN section 3.
    pub const ALL: [Self; 7] = [Self::Pass, Self::Fail, Self::Pending, Self::Blocked, Self::Unknown, Self::NotApplicable, Self::Waived];

    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Pending => "pending",
            Self::Blocked => "blocked",
            Self::Unknown => "unknown",
            Self::NotApplicable => "not-applicable",
            Self::Waived => "waived",
        }
    }

    /// The glyph (one column wide).
    #[must_use]
    pub fn glyph(self) -> &'static str {
        match self {
            Self::Pass => "✓",
            Self::Fail => "✗",
            Self::Pending => "…",
            Self::Blocked => "▸",
            Self::Unknown => "?",
            Self::NotApplicable => "–",
            Self::Waived => "~",
        }
    }

    /// The glyph in ASCII (two columns wide).
    #[must_use]
    pub fn ascii(self) -> &'static str {
        match self {
            Self::Pass => "ok",
            Self::Fail => "NO",
            Self::Pending => "..",
            Self::Blocked => "->",
            Self::Unknown => "??",
            Self::NotApplicable => "--",
            Self::Waived => "wv",
        }
    }
}
