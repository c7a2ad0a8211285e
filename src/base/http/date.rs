//! Dates in headers (`Date`, `Retry-After`). Not for dates in bodies.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// Reads an IMF-fixdate (`Sun, 06 Nov 1994 08:49:37 GMT`, RFC 9110 5.6.7); `None` for everything else.
///
/// The two obsolete forms are not read: no service of ours sends them, and a two-digit year is a guess.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    // The parser takes other zones too, and a missing weekday; a header may hold neither.
    if !text.ends_with(" GMT") || text.len() != "Sun, 06 Nov 1994 08:49:37 GMT".len() {
        return None;
    }
    DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::parse;
    use proptest::prelude::*;

    #[test]
    fn a_date_header_is_read_to_the_second() {
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT").unwrap().as_second(), 784_111_777);
        assert_eq!(parse(" Sun, 22 Nov 2026 00:00:00 GMT ").unwrap().to_string(), "2026-11-22T00:00:00Z");
    }

    #[test]
    fn what_is_no_imf_fixdate_is_none() {
        for text in [
            "",
            "0",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37 +0100",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 36 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 28:49:37 GMT",
            "2026-11-22T00:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_second_that_is_printed_is_read_back(second in -30_000_000_000_i64..250_000_000_000) {
            let at = jiff::Timestamp::from_second(second).unwrap();
            let text = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            prop_assume!(text.len() == 29);
            prop_assert_eq!(parse(&text), Some(at));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = parse(&text);
        }
    }
}
