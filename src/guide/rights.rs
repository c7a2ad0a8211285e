//! Which permission each Graph read and write needs.

/// The permissions of which one suffices; `None` when the table does not know.
#[must_use]
pub fn needed(_method: &str, _path: &str) -> Option<&'static [&'static str]> {
    None
}
