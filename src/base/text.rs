//! Clean text: what comes from outside loses its control characters before a terminal, a journal or a report sees it.

use std::borrow::Cow;

/// Stands for each character that was taken out.
pub const REPLACED: char = '\u{fffd}';

/// One line: control characters become [`REPLACED`], runs of white space one space.
#[must_use]
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(char::is_whitespace).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.extend(word.chars().map(visible));
    }
    out
}

/// Several lines: as [`line`], but line feeds and the spaces in a line stay.
#[must_use]
pub fn block(text: &str) -> Cow<'_, str> {
    let hostile = |c: char| c != '\n' && is_hostile(c);
    if !text.contains(hostile) {
        return Cow::Borrowed(text);
    }
    let plain = text.replace("\r\n", "\n").replace('\t', "    ");
    Cow::Owned(plain.chars().map(|c| if c == '\n' { c } else { visible(c) }).collect())
}

/// [`line`], cut to `limit` characters with `…` at the end.
#[must_use]
pub fn short(text: &str, limit: usize) -> String {
    let clean = line(text);
    if clean.chars().count() <= limit {
        return clean;
    }
    clean.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

/// Whether a character could steer a terminal or turn text round: C0, C1, DEL, bidirectional controls, line and
/// paragraph separators, zero-width marks and the tag block (Unicode TR 36, "Trojan Source" CVE-2021-42574).
#[must_use]
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

fn visible(c: char) -> char {
    if is_hostile(c) { REPLACED } else { c }
}
