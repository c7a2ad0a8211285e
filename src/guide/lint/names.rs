//! How ids and names are written.

use crate::guide::{finding::Finding, variables::is_id, yaml::Read};

/// Says so when an id is not written in kebab-case.
pub(super) fn kebab<T>(read: &Read<T>, path: &[&str], id: &str, word: &str, out: &mut Vec<Finding>) {
    if !is_id(id) {
        out.push(kebab_hint(read.at(path, format!("`{id}` is no {word} id"))));
    }
}

/// The same for an id that is a key.
pub(super) fn kebab_key<T>(read: &Read<T>, path: &[&str], id: &str, word: &str, out: &mut Vec<Finding>) {
    if !is_id(id) {
        out.push(kebab_hint(read.at_key(path, format!("`{id}` is no {word} id"))));
    }
}

fn kebab_hint(finding: Finding) -> Finding {
    finding.hint("write small letters, digits and single hyphens, a letter first: `role-active`")
}

/// Adds the hint about names.
pub(super) fn bad(finding: Finding) -> Finding {
    finding.hint("write small letters, digits and single underscores or hyphens, a letter first: `user1_sam`")
}
