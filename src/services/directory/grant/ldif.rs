//! A change of permissions as LDIF (RFC 2849), for those who want to send it by other means.

use super::describe;
use crate::rights::Ace;
use crate::services::directory::{DESCRIPTOR, SD_FLAGS};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Where a line is folded; RFC 2849 leaves the width open, every tool writes 76 or 78.
const WIDTH: usize = 76;

/// The value of the SD flags control for "DACL only": `SEQUENCE { INTEGER 4 }`.
const DACL_ONLY: [u8; 5] = [0x30, 3, 2, 1, 4];

/// A modification that `ldapmodify` and `ldifde` read: what goes and comes in words and in SDDL, then the whole list as it would be sent.
///
/// `before` names the list that it was made against.
#[must_use]
pub fn modification(dn: &str, before: &str, descriptor: &[u8], remove: &[Ace], add: &[Ace]) -> String {
    let named = |word, aces: &[Ace]| aces.iter().flat_map(|ace| comment(word, ace)).collect::<Vec<_>>();
    let mut lines = vec!["version: 1".to_owned()];
    lines.extend(named("takes out", remove));
    lines.extend(named("puts in", add));
    if remove.is_empty() && add.is_empty() {
        lines.push("# nothing to change".to_owned());
    } else {
        lines.extend(change(dn, before, descriptor));
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

fn change(dn: &str, before: &str, descriptor: &[u8]) -> [String; 7] {
    [
        format!("# made against a list with SHA-256 {before}"),
        fold(&attribute("dn", dn.as_bytes())),
        format!("control: {SD_FLAGS} true:: {}", STANDARD.encode(DACL_ONLY)),
        "changetype: modify".to_owned(),
        format!("replace: {DESCRIPTOR}"),
        fold(&format!("{DESCRIPTOR}:: {}", STANDARD.encode(descriptor))),
        "-".to_owned(),
    ]
}

/// The entry in words, where the table of rights has some, and in SDDL.
fn comment(word: &str, ace: &Ace) -> impl Iterator<Item = String> {
    let said = describe(ace).map(|said| format!("# {word}: {said}"));
    said.into_iter().chain([format!("# {word}: {ace}")])
}

/// `name: value` where RFC 2849 allows the bare value, else `name:: base64`.
fn attribute(name: &str, value: &[u8]) -> String {
    let begins = value.first().is_none_or(|first| !matches!(first, b' ' | b':' | b'<'));
    // Stricter than the RFC: control characters would reach a terminal with the file.
    let safe = value.iter().all(|byte| (32..127).contains(byte)) && value.last() != Some(&b' ');
    match std::str::from_utf8(value) {
        Ok(text) if begins && safe => format!("{name}: {text}"),
        _ => format!("{name}:: {}", STANDARD.encode(value)),
    }
}

/// One line, continued by lines that begin with a space. What is folded is ASCII.
fn fold(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + line.len() / WIDTH * 2);
    let mut column = 0;
    for letter in line.chars() {
        if column == WIDTH {
            out.push_str("\n ");
            column = 1;
        }
        out.push(letter);
        column += 1;
    }
    out
}
