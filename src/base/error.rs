//! Errors as sentences for a person: what failed, on what, why, and a hint. Not for control flow inside a room.

use std::fmt;

/// How the process ends; the numbers are DESIGN section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything holds, was done, or there was nothing to do.
    Fine,
    /// Something does not hold, was refused or failed, or a person is needed.
    Not,
    /// Could not tell.
    Unknown,
    /// The command line, a configuration file or a pack is wrong (`EX_USAGE`, sysexits.h).
    Usage,
    /// The system asked to end, by this signal's number.
    Signal(u8),
}

impl Exit {
    /// The number that the shell sees.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Not => 1,
            Self::Unknown => 2,
            Self::Usage => 64,
            Self::Signal(number) => 128 + number,
        }
    }
}

/// A sentence for a person: lower case, no full stop, literal values in backticks; then a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What failed, on what, and why.
    pub what: String,
    /// What to do about it; `None` when there is nothing to advise.
    pub hint: Option<String>,
    /// How the process ends if nobody handles it.
    pub exit: Exit,
}

impl Problem {
    /// Something failed or was refused (exit 1).
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None, exit: Exit::Not }
    }

    /// The command line or a file is wrong (exit 64).
    pub fn usage(what: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::new(what) }
    }

    /// Could not tell (exit 2).
    pub fn unknown(what: impl Into<String>) -> Self {
        Self { exit: Exit::Unknown, ..Self::new(what) }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::{Exit, Problem};

    #[test]
    fn a_problem_ends_in_its_hint() {
        assert_eq!(Problem::new("cannot read `x`").hint("look there").to_string(), "cannot read `x`\nhint: look there");
        assert_eq!(Problem::usage("x").to_string(), "x");
    }

    #[test]
    fn exit_codes_are_those_of_the_design() {
        assert_eq!([Exit::Fine, Exit::Not, Exit::Unknown, Exit::Usage, Exit::Signal(15)].map(Exit::number), [0, 1, 2, 64, 143]);
        assert_eq!([Problem::new("").exit, Problem::unknown("").exit, Problem::usage("").exit], [Exit::Not, Exit::Unknown, Exit::Usage]);
    }
}
