//! What a search brought: attributes by name, and their values as text, number or time. Values are hostile until cleaned.

use crate::rights::{Guid, Sid};
use indexmap::IndexMap;
use jiff::{SignedDuration, Timestamp};

/// 1601-01-01 in seconds before 1970: where Windows' FILETIME begins (MS-DTYP 2.3.3).
const FILETIME_EPOCH: i64 = 11_644_473_600;

/// One object with the attributes that were asked for and may be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its distinguished name, as the server writes it.
    pub dn: String,
    /// Each attribute's values in the server's order; names as the server writes them.
    pub attributes: IndexMap<String, Vec<Vec<u8>>>,
}

impl Entry {
    /// All values of an attribute, whatever the case of its name; empty when it is absent or hidden.
    #[must_use]
    pub fn values(&self, name: &str) -> &[Vec<u8>] {
        let exact = self.attributes.get(name);
        let found = exact.or_else(|| self.attributes.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, values)| values));
        found.map_or(&[], Vec::as_slice)
    }

    /// The first value's bytes.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.values(name).first().map(Vec::as_slice)
    }

    /// The first value as text, not cleaned; `None` when it is none.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.bytes(name)?).ok()
    }

    /// All values that are text, not cleaned.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name).iter().filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// The first value as a number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// The first value as a SID.
    #[must_use]
    pub fn sid(&self, name: &str) -> Option<Sid> {
        Sid::read(self.bytes(name)?)
    }

    /// All values that are SIDs, such as `tokenGroups`.
    pub fn sids(&self, name: &str) -> impl Iterator<Item = Sid> {
        self.values(name).iter().filter_map(|value| Sid::read(value))
    }

    /// The first value as a GUID.
    #[must_use]
    pub fn guid(&self, name: &str) -> Option<Guid> {
        self.bytes(name)?.try_into().ok().map(Guid::from_bytes)
    }

    /// The first value as a time: `20261122184454.0Z`, or a FILETIME such as `pwdLastSet`. `None` also for 0 and for "never".
    #[must_use]
    pub fn time(&self, name: &str) -> Option<Timestamp> {
        let text = self.text(name)?;
        if text.ends_with('Z') { generalized_time(text) } else { filetime(text.parse().ok()?) }
    }
}

/// `YYYYMMDDHHMMSS`, a fraction that is left out, `Z` (RFC 4517 3.3.13; the only form a DC writes).
pub(super) fn generalized_time(text: &str) -> Option<Timestamp> {
    let digits = text.get(..14)?;
    let part = |from: usize, to: usize| digits.get(from..to);
    let iso = format!("{}-{}-{}T{}:{}:{}Z", part(0, 4)?, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?);
    iso.parse().ok()
}

/// 100 ns since 1601; 0 and the largest number stand for "never".
fn filetime(ticks: i64) -> Option<Timestamp> {
    if ticks <= 0 || ticks == i64::MAX {
        return None;
    }
    let nanoseconds = i32::try_from(ticks % 10_000_000 * 100).ok()?;
    let since = SignedDuration::new((ticks / 10_000_000).checked_sub(FILETIME_EPOCH)?, nanoseconds);
    Timestamp::UNIX_EPOCH.checked_add(since).ok()
}

#[cfg(test)]
mod tests {
    use super::Entry;
    use proptest::prelude::*;

    fn entry(name: &str, value: &str) -> Entry {
        Entry { dn: "CN=a".to_owned(), attributes: [(name.to_owned(), vec![value.as_bytes().to_vec()])].into_iter().collect() }
    }

    #[test]
    fn times_are_read_in_both_forms_and_never_is_no_time() {
        let read = |text: &str| entry("a", text).time("a").map(|time| time.to_string());
        assert_eq!(read("20261122184454.0Z").as_deref(), Some("2026-11-22T18:44:54Z"));
        assert_eq!(read("134083682940000000").as_deref(), Some("2025-11-23T10:44:54Z"));
        assert_eq!(read("116444736000000000").as_deref(), Some("1970-01-01T00:00:00Z"));
        for never in ["0", "9223372036854775807", "-1", "", "Z", "2026112218445Z", "99999999999999.0Z"] {
            assert_eq!(read(never), None, "{never}");
        }
    }

    #[test]
    fn an_attribute_is_found_whatever_its_case() {
        let found = entry("sAMAccountName", "User1");
        assert_eq!((found.text("samaccountname"), found.text("cn"), found.values("cn").len()), (Some("User1"), None, 0));
        assert_eq!(entry("adminCount", "1").number("admincount"), Some(1));
    }

    proptest! {
        #[test]
        fn no_value_makes_a_time_panic(text in "[0-9Z.-]{0,24}|\\PC{0,20}Z") {
            let _ = entry("a", &text).time("a");
        }
    }
}
