//! Standard output and standard error, written without panicking when a pipe is closed.

use std::io::{self, Write as _};

/// A line to standard output; a closed pipe is not an error.
pub fn say(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// A line to standard error.
pub fn tell(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
