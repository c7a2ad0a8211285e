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

/// Several lines: as [`line()`], but line feeds and the spaces in a line stay.
#[must_use]
pub fn block(text: &str) -> Cow<'_, str> {
    let hostile = |c: char| c != '\n' && is_hostile(c);
    if !text.contains(hostile) {
        return Cow::Borrowed(text);
    }
    let plain = text.replace("\r\n", "\n").replace('\t', "    ");
    Cow::Owned(plain.chars().map(|c| if c == '\n' { c } else { visible(c) }).collect())
}

/// [`line()`], cut to `limit` characters with `…` at the end.
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

#[cfg(test)]
mod tests {
    use super::{REPLACED, block, is_hostile, line, short};
    use proptest::prelude::*;
    use std::borrow::Cow;

    #[test]
    fn what_steers_a_terminal_is_taken_out() {
        for (hostile, clean) in [
            ("a\u{1b}[2Jb", "a\u{fffd}[2Jb"),
            ("\u{1b}]0;title\u{7}", "\u{fffd}]0;title\u{fffd}"),
            ("\u{1b}]52;c;Zm9v\u{1b}\\", "\u{fffd}]52;c;Zm9v\u{fffd}\\"),
            ("\u{9b}31mred", "\u{fffd}31mred"),
            ("\u{90}q\u{9c}", "\u{fffd}q\u{fffd}"),
            ("a\u{8}\u{7f}b", "a\u{fffd}\u{fffd}b"),
            ("nul\0", "nul\u{fffd}"),
        ] {
            assert_eq!(line(hostile), clean);
            assert_eq!(block(hostile), clean);
        }
    }

    #[test]
    fn what_turns_or_hides_text_is_taken_out() {
        for hidden in
            ['\u{202e}', '\u{2066}', '\u{2069}', '\u{200b}', '\u{200d}', '\u{200f}', '\u{feff}', '\u{2060}', '\u{e0041}', '\u{fff9}']
        {
            assert!(is_hostile(hidden), "{:x}", u32::from(hidden));
            assert_eq!(line(&format!("a{hidden}b")), format!("a{REPLACED}b"));
        }
        for plain in ['a', 'ä', '漢', '🙂', '–', '‹', '\u{301}', REPLACED] {
            assert!(!is_hostile(plain), "{plain}");
        }
    }

    #[test]
    fn a_line_is_one_line_and_a_block_keeps_its_lines() {
        assert_eq!(line("  a\r\n b\t\tc\u{2028}d\u{85}e  "), "a b c d e");
        assert_eq!(block("a\r\n\tb\n  c\rd"), "a\n    b\n  c\u{fffd}d");
        assert!(matches!(block("plain\n  text"), Cow::Borrowed("plain\n  text")));
    }

    #[test]
    fn overlong_text_is_cut_by_characters() {
        assert_eq!(short("漢字漢字", 4), "漢字漢字");
        assert_eq!(short("漢字漢字漢", 4), "漢字漢…");
        assert_eq!((short("abc", 1).as_str(), short("abc", 0).as_str(), short("", 0).as_str()), ("…", "…", ""));
        assert_eq!(short(&"\u{1b}".repeat(1_000_000), 10).chars().count(), 10);
    }

    proptest! {
        #[test]
        fn nothing_hostile_survives_and_cleaning_twice_changes_nothing(text in "(\\PC|\\pC|.|\n){0,60}", limit in 1_usize..50) {
            let (one, many, cut) = (line(&text), block(&text).into_owned(), short(&text, limit));
            prop_assert!(!one.chars().any(is_hostile) && !cut.chars().any(is_hostile));
            prop_assert!(!many.chars().any(|c| c != '\n' && is_hostile(c)));
            prop_assert!(cut.chars().count() <= limit);
            prop_assert_eq!(line(&one), one.clone());
            prop_assert_eq!(block(&many).into_owned(), many.clone());
        }
    }
}
