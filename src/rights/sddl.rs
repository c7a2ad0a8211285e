//! Descriptors and ACEs as SDDL, in and out (MS-DTYP 2.5.1). Text leaves out what SDDL has no word for: reserved bytes, gaps, revisions.
//!
//! Well-known SIDs are printed as their alias, accounts and groups of a domain as `S-1-5-21-…`, so that a text means the same in every
//! domain. A mask is printed in letters when letters say all of it, else as one hexadecimal number. An ACE that is only carried
//! ([`AceKind::Other`]) is printed as `(0x9;CI;0x…)`, type and body in hexadecimal; that, and a seventh field `0x…` with the bytes after
//! the SID, are ours: no other tool knows them, but nothing is left out unseen.

mod words;

use super::descriptor::Dacl;
use super::{Ace, AceFlags, AceKind, Acl, Control, Descriptor, Guid, Mask, Sid};
use std::fmt::{self, Write as _};
use words::{ACE_FLAGS, KINDS, OF_DOMAIN, OF_ROOT, RIGHTS, WELL_KNOWN};

/// What stands for a NULL list.
const NO_LIST: &str = "NO_ACCESS_CONTROL";

/// The flags of a DACL, in the order in which they are printed.
const DACL_FLAGS: [(&str, Control); 3] =
    [("P", Control::DACL_PROTECTED), ("AR", Control::DACL_AUTO_INHERIT_REQUIRED), ("AI", Control::DACL_AUTO_INHERITED)];

/// Those of a SACL.
const SACL_FLAGS: [(&str, Control); 3] =
    [("P", Control::SACL_PROTECTED), ("AR", Control::SACL_AUTO_INHERIT_REQUIRED), ("AI", Control::SACL_AUTO_INHERITED)];

/// Where aliases such as `DA` and `EA` belong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Home {
    /// The domain of `DA`, `DU` and others; `None`: they are refused.
    pub domain: Option<Sid>,
    /// The forest's first domain, of `EA`, `SA` and `RO`; `None`: they are refused.
    pub root: Option<Sid>,
}

impl Home {
    /// A forest of one domain.
    #[must_use]
    pub const fn of(domain: Sid) -> Self {
        Self { domain: Some(domain), root: Some(domain) }
    }
}

/// Why a text is no SDDL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSddl {
    /// A part that is not `O:`, `G:`, `D:` or `S:`, or one that comes twice.
    #[error("`{0}` is no part of a security descriptor; `O:`, `G:`, `D:` and `S:` are, each once")]
    Part(String),
    /// Neither a SID nor an alias.
    #[error("`{0}` is no SID and no known alias")]
    Sid(String),
    /// An alias that needs a domain.
    #[error("`{0}` belongs to a domain, and none is given")]
    NoDomain(String),
    /// An ACE without six fields in parentheses.
    #[error("`{0}` is no entry; one looks like `(A;CI;RP;;;AU)`")]
    Ace(String),
    /// A field of an ACE.
    #[error("`{value}` is no {what} of an entry")]
    Field {
        /// Which field.
        what: &'static str,
        /// What stands there.
        value: String,
    },
    /// Flags of a list.
    #[error("`{0}` are no flags of an access list")]
    Flags(String),
    /// An ACE or a list of more than 64 KiB.
    #[error("an access list of more than 64 KiB cannot be stored")]
    Long,
}

/// A descriptor from its text.
///
/// # Errors
/// The first thing that is not SDDL. Conditions of callback ACEs are not read.
pub fn parse(text: &str, home: &Home) -> Result<Descriptor, BadSddl> {
    let mut new = Descriptor::default();
    let mut seen = Vec::new();
    for (letter, value) in parts(text.trim())? {
        if seen.contains(&letter) {
            return Err(BadSddl::Part(format!("{letter}:")));
        }
        seen.push(letter);
        match letter {
            'O' => new.owner = Some(parse_sid(value, home)?),
            'G' => new.group = Some(parse_sid(value, home)?),
            'D' => (new.control, new.dacl) = parse_list(value, home, new.control, Control::DACL_PRESENT, DACL_FLAGS)?,
            'S' => (new.control, new.sacl) = parse_list(value, home, new.control, Control::SACL_PRESENT, SACL_FLAGS)?,
            other => return Err(BadSddl::Part(format!("{other}:"))),
        }
    }
    Ok(new)
}

/// The letter and text of each part. A colon stands after such letters only, conditions aside, which are not read.
fn parts(text: &str) -> Result<Vec<(char, &str)>, BadSddl> {
    let mut out = Vec::new();
    let mut pieces = text.split(':');
    let mut letter = pieces.next().unwrap_or_default();
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        let (value, next) = match pieces.peek() {
            Some(_) => piece.char_indices().next_back().and_then(|(at, _)| piece.split_at_checked(at)).unwrap_or((piece, "")),
            None => (piece, ""),
        };
        let mut letters = letter.chars();
        match (letters.next(), letters.next()) {
            (Some(one), None) => out.push((one, value)),
            _ => return Err(BadSddl::Part(letter.to_owned())),
        }
        letter = next;
    }
    if letter.is_empty() { Ok(out) } else { Err(BadSddl::Part(letter.to_owned())) }
}

fn parse_sid(text: &str, home: &Home) -> Result<Sid, BadSddl> {
    if let Ok(sid) = text.parse() {
        return Ok(sid);
    }
    let alias = text.to_ascii_uppercase();
    if let Some((_, sid)) = WELL_KNOWN.iter().find(|(name, _)| *name == alias) {
        return Ok(*sid);
    }
    let rid_in = |table: &[(&str, u32)]| table.iter().find(|(name, _)| *name == alias).map(|(_, rid)| *rid);
    let (domain, rid) = match (rid_in(&OF_DOMAIN), rid_in(&OF_ROOT)) {
        (Some(rid), _) => (home.domain, rid),
        (None, Some(rid)) => (home.root, rid),
        (None, None) => return Err(BadSddl::Sid(text.to_owned())),
    };
    domain.map(|domain| domain.child(rid)).ok_or(BadSddl::NoDomain(alias))
}

/// The control word with the list's flags, and the list.
fn parse_list(
    text: &str,
    home: &Home,
    control: Control,
    present: Control,
    flags: [(&str, Control); 3],
) -> Result<(Control, Option<Acl>), BadSddl> {
    let (written, aces) = text.find('(').and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""));
    let (written, null) = written.strip_suffix(NO_LIST).map_or((written, false), |rest| (rest, true));
    let control = read_words(written, &flags).map(|set| set.into_iter().fold(control.with(present), Control::with));
    let control = control.ok_or_else(|| BadSddl::Flags(written.to_owned()))?;
    if null {
        return if aces.is_empty() { Ok((control, None)) } else { Err(BadSddl::Ace(aces.to_owned())) };
    }
    let mut acl = Acl::default();
    for ace in aces.split_inclusive(')') {
        acl.aces.push(parse_ace(ace, home)?);
    }
    if acl.fits() { Ok((control, Some(acl))) } else { Err(BadSddl::Long) }
}

/// An ACE from its text, parentheses included.
///
/// # Errors
/// The first field that is not SDDL.
pub fn parse_ace(text: &str, home: &Home) -> Result<Ace, BadSddl> {
    let wrong = || BadSddl::Ace(text.to_owned());
    let inner = text.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).ok_or_else(wrong)?;
    let fields: Vec<&str> = inner.split(';').collect();
    match fields.as_slice() {
        [kind, flags, body] => parse_carried(kind, flags, body),
        [kind, flags, mask, object, inherited, trustee] => parse_fields([kind, flags, mask, object, inherited, trustee], home),
        [kind, flags, mask, object, inherited, trustee, tail] => {
            let tail = bytes(tail).ok_or_else(|| field("tail", tail))?;
            Ok(Ace { tail, ..parse_fields([kind, flags, mask, object, inherited, trustee], home)? })
        }
        _ => Err(wrong()),
    }
}

fn field(what: &'static str, value: &str) -> BadSddl {
    BadSddl::Field { what, value: value.to_owned() }
}

fn parse_carried(kind: &str, flags: &str, body: &str) -> Result<Ace, BadSddl> {
    let number = hexadecimal(kind).and_then(|number| u8::try_from(number).ok()).ok_or_else(|| field("type", kind))?;
    let tail = bytes(body).ok_or_else(|| field("body", body))?;
    Ok(Ace { kind: AceKind::Other(number), tail, ..Ace::allow(parse_flags(flags)?, Mask::NONE, Sid::NOBODY) })
}

fn parse_fields([kind, flags, mask, object, inherited, trustee]: [&str; 6], home: &Home) -> Result<Ace, BadSddl> {
    let known = KINDS.iter().find(|(name, _)| kind.eq_ignore_ascii_case(name));
    let (_, kind) = *known.ok_or_else(|| field("type", kind))?;
    if let (false, Some(guid)) = (kind.is_object(), [object, inherited].into_iter().find(|guid| !guid.is_empty())) {
        return Err(field("object of a plain type", guid));
    }
    Ok(Ace {
        kind,
        flags: parse_flags(flags)?,
        mask: parse_mask(mask)?,
        object: parse_guid(object)?,
        inherited_object: parse_guid(inherited)?,
        trustee: parse_sid(trustee, home)?,
        tail: Vec::new(),
    })
}

fn parse_flags(text: &str) -> Result<AceFlags, BadSddl> {
    let set = read_words(text, &ACE_FLAGS).ok_or_else(|| field("flag", text))?;
    Ok(set.into_iter().fold(AceFlags::NONE, |sum, flag| sum | flag))
}

fn parse_mask(text: &str) -> Result<Mask, BadSddl> {
    if let Some(number) = hexadecimal(text) {
        return Ok(Mask(number));
    }
    if let (true, Ok(number)) = (text.bytes().all(|b| b.is_ascii_digit()), text.parse()) {
        return Ok(Mask(number));
    }
    let set = read_words(text, &RIGHTS).ok_or_else(|| field("right", text))?;
    Ok(set.into_iter().fold(Mask::NONE, |sum, right| sum | right))
}

fn parse_guid(text: &str) -> Result<Option<Guid>, BadSddl> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| field("GUID", text))
}

/// Words written without anything between them; no word begins another of the same table.
fn read_words<T: Copy>(text: &str, table: &[(&str, T)]) -> Option<Vec<T>> {
    let (mut rest, mut out) = (text, Vec::new());
    while !rest.is_empty() {
        let found = table.iter().find_map(|(word, value)| {
            let (begin, after) = rest.split_at_checked(word.len())?;
            begin.eq_ignore_ascii_case(word).then_some((*value, after))
        });
        let (value, after) = found?;
        out.push(value);
        rest = after;
    }
    Some(out)
}

fn digits(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then_some(digits)
}

fn hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(digits(text)?, 16).ok()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits(text)?.as_bytes().as_chunks::<2>();
    let pair = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    if rest.is_empty() { pairs.iter().map(pair).collect() } else { None }
}

/// A descriptor as text.
#[must_use]
pub fn print(descriptor: &Descriptor) -> String {
    let mut out = String::new();
    for (letter, sid) in [("O:", descriptor.owner), ("G:", descriptor.group)] {
        if let Some(sid) = sid {
            out += letter;
            out += &print_sid(&sid);
        }
    }
    match descriptor.dacl() {
        Dacl::Absent => {}
        Dacl::Null => print_list(&mut out, "D:", None, descriptor.control, DACL_FLAGS),
        Dacl::List(acl) => print_list(&mut out, "D:", Some(acl), descriptor.control, DACL_FLAGS),
    }
    if descriptor.sacl.is_some() || descriptor.control.has(Control::SACL_PRESENT) {
        print_list(&mut out, "S:", descriptor.sacl.as_ref(), descriptor.control, SACL_FLAGS);
    }
    out
}

fn print_list(out: &mut String, letter: &str, acl: Option<&Acl>, control: Control, flags: [(&str, Control); 3]) {
    out.push_str(letter);
    flags.iter().filter(|(_, flag)| control.has(*flag)).for_each(|(word, _)| out.push_str(word));
    match acl {
        Some(acl) => acl.aces.iter().for_each(|ace| out.push_str(&print_ace(ace))),
        None => out.push_str(NO_LIST),
    }
}

/// A SID as SDDL prints it: its alias, or `S-1-…`.
#[must_use]
pub fn print_sid(sid: &Sid) -> String {
    WELL_KNOWN.iter().find(|(_, known)| known == sid).map_or_else(|| sid.to_string(), |(alias, _)| (*alias).to_owned())
}

/// An access mask in letters when they say all of it, else as a hexadecimal number.
#[must_use]
pub fn print_mask(mask: Mask) -> String {
    let lettered = RIGHTS.iter().fold(Mask::NONE, |sum, (_, right)| sum | *right);
    if !lettered.has(mask) {
        return format!("{:#x}", mask.0);
    }
    RIGHTS.iter().filter(|(_, right)| mask.has(*right)).map(|(word, _)| *word).collect()
}

/// An ACE as text, parentheses included.
#[must_use]
pub fn print_ace(ace: &Ace) -> String {
    let flags: String = ACE_FLAGS.iter().filter(|(_, flag)| ace.flags.has(*flag)).map(|(word, _)| *word).collect();
    let Some((kind, _)) = KINDS.iter().find(|(_, kind)| *kind == ace.kind) else {
        return format!("({:#x};{flags};{})", ace.kind.number(), print_bytes(&ace.tail));
    };
    let guid = |guid: Option<Guid>| guid.filter(|_| ace.kind.is_object()).map(|guid| guid.to_string()).unwrap_or_default();
    let tail = if ace.tail.is_empty() { String::new() } else { format!(";{}", print_bytes(&ace.tail)) };
    let (mask, object, inherited) = (print_mask(ace.mask), guid(ace.object), guid(ace.inherited_object));
    format!("({kind};{flags};{mask};{object};{inherited};{}{tail})", print_sid(&ace.trustee))
}

fn print_bytes(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |mut out, byte| {
        // Writing to a text cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

impl fmt::Display for Ace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print_ace(self))
    }
}

impl fmt::Display for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print(self))
    }
}
