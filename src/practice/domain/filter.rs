//! Search filters: taken out of a request with their bytes, and held against objects. `ldap3_proto` takes values as text only, and a SID is none.

mod text;

use super::{schema, schema::Syntax, values};
use crate::practice::world::{Dn, Object, OnPremisesDomain as Domain};
use ldap3_lber::{
    common::TagClass,
    structure::{PL, StructureTag},
};
use std::cmp::Ordering;

/// Deeper filters are refused: judging one needs the stack.
const DEEPEST: usize = 32;
/// Filters with more parts are refused: each object is held against every part.
const MOST_PARTS: usize = 512;

/// A filter (RFC 4511 4.5.1.7).
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    /// All of them.
    And(Vec<Filter>),
    /// One of them.
    Or(Vec<Filter>),
    /// Not it.
    Not(Box<Filter>),
    /// The attribute has a value.
    Present(String),
    /// The attribute has this value.
    Equals(String, Vec<u8>),
    /// The attribute has a value that is at least this.
    AtLeast(String, Vec<u8>),
    /// The attribute has a value that is at most this.
    AtMost(String, Vec<u8>),
    /// Pieces that follow one another; the first and the last are `None` when open.
    Pieces(String, Option<Vec<u8>>, Vec<Vec<u8>>, Option<Vec<u8>>),
    /// By a matching rule.
    Rule(String, String, Vec<u8>),
}

/// Why a filter is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadFilter {
    /// It is none.
    Broken,
    /// Nested too deep or too long.
    TooMuch,
}

impl Filter {
    /// Reads a filter from its BER.
    pub(super) fn read(tag: StructureTag) -> Result<Self, BadFilter> {
        let mut left = MOST_PARTS;
        read(tag, DEEPEST, &mut left)
    }

    /// The attributes that it asks about, for the request log.
    pub(super) fn attributes(&self) -> Vec<&str> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::attributes).collect(),
            Self::Not(part) => part.attributes(),
            Self::Present(name)
            | Self::Equals(name, _)
            | Self::AtLeast(name, _)
            | Self::AtMost(name, _)
            | Self::Pieces(name, _, _, _)
            | Self::Rule(name, _, _) => vec![name],
        }
    }

    /// Whether an object fits; `None` is "undefined", which `Not` leaves so.
    pub(super) fn fits(&self, domain: &Domain, object: &Object) -> Option<bool> {
        match self {
            Self::And(parts) => all(parts.iter().map(|part| part.fits(domain, object))),
            Self::Or(parts) => all(parts.iter().map(|part| part.fits(domain, object).map(|fits| !fits))).map(|none| !none),
            Self::Not(part) => part.fits(domain, object).map(|fits| !fits),
            Self::Present(name) => Some(!values::of(domain, object, known(name)?).is_empty()),
            Self::Equals(name, wanted) => {
                let attribute = known(name)?;
                let compared = Wanted::of(attribute, wanted);
                Some(values::of(domain, object, attribute).iter().any(|value| compared.is(value)))
            }
            Self::AtLeast(name, wanted) => ordered(domain, object, name, wanted, Ordering::is_ge),
            Self::AtMost(name, wanted) => ordered(domain, object, name, wanted, Ordering::is_le),
            Self::Pieces(name, first, middle, last) => {
                let attribute = known(name).filter(|attribute| attribute.syntax == Syntax::Text)?;
                let fits = |value: &Vec<u8>| in_order(&lower(value), first.as_deref(), middle, last.as_deref());
                Some(values::of(domain, object, attribute).iter().any(fits))
            }
            Self::Rule(name, rule, wanted) => by_rule(domain, object, name, rule, wanted),
        }
    }
}

/// Three-valued "and": one that does not fit decides.
fn all(mut parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut sure = Some(true);
    loop {
        match parts.next() {
            Some(Some(false)) => return Some(false),
            Some(None) => sure = None,
            Some(Some(true)) => {}
            None => return sure,
        }
    }
}

/// What a client may ask about: not what it may never read.
fn known(name: &str) -> Option<&'static schema::Attribute> {
    let name = name.split(';').next().unwrap_or_default();
    schema::attribute(name).filter(|attribute| attribute.source != schema::Source::Secret && attribute.syntax != Syntax::Descriptor)
}

fn lower(value: &[u8]) -> String {
    String::from_utf8_lossy(value).to_lowercase()
}

fn number(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

/// A value to be compared, prepared once.
enum Wanted {
    Text(String),
    Number(Option<i64>),
    Name(Option<String>),
    Bytes(Vec<u8>),
}

impl Wanted {
    fn of(attribute: &schema::Attribute, value: &[u8]) -> Self {
        let text = String::from_utf8_lossy(value);
        match attribute.syntax {
            Syntax::Text | Syntax::Time | Syntax::Truth => Self::Text(lower(value)),
            Syntax::Number => Self::Number(number(value)),
            Syntax::Name if attribute.name == "objectCategory" && !text.contains('=') => Self::Name(values::category(&text)),
            Syntax::Name => Self::Name(Dn::parse(&text).map(|name| name.key())),
            // Both Windows and Samba take a SID as text too.
            Syntax::Bytes if attribute.name == "objectSid" => {
                Self::Bytes(text.parse::<crate::rights::Sid>().map_or_else(|_| value.to_vec(), |sid| sid.write()))
            }
            Syntax::Bytes | Syntax::Descriptor => Self::Bytes(value.to_vec()),
        }
    }

    fn is(&self, value: &[u8]) -> bool {
        match self {
            Self::Text(wanted) => lower(value) == *wanted,
            Self::Number(wanted) => wanted.is_some() && number(value) == *wanted,
            Self::Name(wanted) => wanted.is_some() && std::str::from_utf8(value).ok().and_then(Dn::parse).map(|name| name.key()) == *wanted,
            Self::Bytes(wanted) => value == wanted,
        }
    }
}

fn ordered(domain: &Domain, object: &Object, name: &str, wanted: &[u8], fits: fn(Ordering) -> bool) -> Option<bool> {
    let attribute = known(name)?;
    let found = values::of(domain, object, attribute);
    match attribute.syntax {
        Syntax::Number => {
            let wanted = number(wanted)?;
            Some(found.iter().filter_map(|value| number(value)).any(|value| fits(value.cmp(&wanted))))
        }
        Syntax::Text | Syntax::Time => {
            let wanted = lower(wanted);
            Some(found.iter().any(|value| fits(lower(value).cmp(&wanted))))
        }
        Syntax::Name | Syntax::Bytes | Syntax::Descriptor | Syntax::Truth => None,
    }
}

fn in_order(value: &str, first: Option<&[u8]>, middle: &[Vec<u8>], last: Option<&[u8]>) -> bool {
    let Some(mut rest) = value.strip_prefix(first.map(lower).unwrap_or_default().as_str()) else { return false };
    for piece in middle.iter().map(|piece| lower(piece)) {
        let Some(after) = rest.find(&piece).and_then(|at| rest.get(at + piece.len()..)) else { return false };
        rest = after;
    }
    rest.ends_with(last.map(lower).unwrap_or_default().as_str())
}

/// The matching rules of a domain controller (MS-ADTS 3.1.1.3.4.4): bitwise and, bitwise or, transitive links.
fn by_rule(domain: &Domain, object: &Object, name: &str, rule: &str, wanted: &[u8]) -> Option<bool> {
    let attribute = known(name)?;
    match rule {
        "1.2.840.113556.1.4.803" | "1.2.840.113556.1.4.804" if attribute.syntax == Syntax::Number => {
            let wanted = number(wanted)?;
            let fits = |value: i64| if rule.ends_with('3') { value & wanted == wanted } else { value & wanted != 0 };
            Some(values::of(domain, object, attribute).iter().filter_map(|value| number(value)).any(fits))
        }
        "1.2.840.113556.1.4.1941" if attribute.name == "memberOf" => {
            let group = domain.named(std::str::from_utf8(wanted).ok()?)?.sid()?;
            let own = object.account.as_ref().map(|account| crate::practice::world::domain_sid().child(account.primary_group));
            // The primary group is no link.
            Some(domain.token_groups(object).into_iter().any(|sid| sid == group && Some(sid) != own))
        }
        _ => None,
    }
}

fn read(tag: StructureTag, deepest: usize, left: &mut usize) -> Result<Filter, BadFilter> {
    let deepest = deepest.checked_sub(1).ok_or(BadFilter::TooMuch)?;
    *left = left.checked_sub(1).ok_or(BadFilter::TooMuch)?;
    if tag.class != TagClass::Context {
        return Err(BadFilter::Broken);
    }
    let mut inside = |tags: Vec<StructureTag>| tags.into_iter().map(|tag| read(tag, deepest, left)).collect::<Result<Vec<_>, _>>();
    match (tag.id, tag.payload) {
        (0, PL::C(tags)) => Ok(Filter::And(inside(tags)?)),
        (1, PL::C(tags)) => Ok(Filter::Or(inside(tags)?)),
        (2, PL::C(tags)) => {
            let part = inside(tags)?.pop().ok_or(BadFilter::Broken)?;
            Ok(Filter::Not(Box::new(part)))
        }
        // "approximately" is "equals" in a directory.
        (3 | 8, PL::C(tags)) => pair(tags).map(|(name, value)| Filter::Equals(name, value)),
        (4, PL::C(tags)) => pieces(tags),
        (5, PL::C(tags)) => pair(tags).map(|(name, value)| Filter::AtLeast(name, value)),
        (6, PL::C(tags)) => pair(tags).map(|(name, value)| Filter::AtMost(name, value)),
        (7, PL::P(name)) => Ok(Filter::Present(text(name)?)),
        (9, PL::C(tags)) => rule(tags),
        _ => Err(BadFilter::Broken),
    }
}

fn text(bytes: Vec<u8>) -> Result<String, BadFilter> {
    String::from_utf8(bytes).map_err(|_| BadFilter::Broken)
}

fn octets(tag: Option<StructureTag>) -> Result<Vec<u8>, BadFilter> {
    match tag.map(|tag| tag.payload) {
        Some(PL::P(bytes)) => Ok(bytes),
        Some(PL::C(_)) | None => Err(BadFilter::Broken),
    }
}

fn pair(tags: Vec<StructureTag>) -> Result<(String, Vec<u8>), BadFilter> {
    let mut tags = tags.into_iter();
    Ok((text(octets(tags.next())?)?, octets(tags.next())?))
}

fn pieces(tags: Vec<StructureTag>) -> Result<Filter, BadFilter> {
    let mut tags = tags.into_iter();
    let name = text(octets(tags.next())?)?;
    let Some(PL::C(parts)) = tags.next().map(|tag| tag.payload) else { return Err(BadFilter::Broken) };
    let (mut first, mut middle, mut last) = (None, Vec::new(), None);
    for part in parts {
        let id = part.id;
        let value = octets(Some(part))?;
        match id {
            0 => first = Some(value),
            1 => middle.push(value),
            2 => last = Some(value),
            _ => return Err(BadFilter::Broken),
        }
    }
    if middle.len() > MOST_PARTS { Err(BadFilter::TooMuch) } else { Ok(Filter::Pieces(name, first, middle, last)) }
}

fn rule(tags: Vec<StructureTag>) -> Result<Filter, BadFilter> {
    let (mut name, mut rule, mut value) = (String::new(), String::new(), Vec::new());
    for tag in tags {
        let id = tag.id;
        let bytes = octets(Some(tag))?;
        match id {
            1 => rule = text(bytes)?,
            2 => name = text(bytes)?,
            3 => value = bytes,
            _ => {}
        }
    }
    Ok(Filter::Rule(name, rule, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_must_follow_one_another() {
        let fits = |first: &[u8], middle: &[&[u8]], last: &[u8]| {
            in_order("administrator", Some(first), &middle.iter().map(|piece| piece.to_vec()).collect::<Vec<_>>(), Some(last))
        };
        assert!(fits(b"ADMIN", &[b"is", b"ra"], b"tor"));
        assert!(!fits(b"admin", &[b"ra", b"is"], b"tor"));
        assert!(!fits(b"admin", &[b"istrator"], b"r"));
    }

    #[test]
    fn undefined_stays_undefined_unless_another_part_decides() {
        assert_eq!(all([Some(true), None].into_iter()), None);
        assert_eq!(all([None, Some(false)].into_iter()), Some(false));
        assert_eq!(all(std::iter::empty()), Some(true));
    }

    #[test]
    fn a_filter_that_is_nested_too_deep_or_too_long_is_refused() {
        let present = || StructureTag { class: TagClass::Context, id: 7, payload: PL::P(b"cn".to_vec()) };
        let within = |tags| StructureTag { class: TagClass::Context, id: 0, payload: PL::C(tags) };
        let mut deep = present();
        for _ in 0..31 {
            deep = within(vec![deep]);
        }
        assert!(Filter::read(deep.clone()).is_ok());
        assert_eq!(Filter::read(within(vec![deep])), Err(BadFilter::TooMuch));
        assert_eq!(Filter::read(within((0..512).map(|_| present()).collect())), Err(BadFilter::TooMuch));
    }
}
