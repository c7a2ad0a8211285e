//! LDAP messages (RFC 4511): the few requests we send, and what comes back. Not for sockets, nor for what a result means.

use super::ber::{BOOLEAN, BadBer, ENUMERATED, INTEGER, OCTETS, Reader, SEQUENCE, SET, Writer};
use super::filter::{self, BadFilter};
use crate::services::directory::object::{NewObject, Swap};
use crate::services::directory::{Entry, PAGED, POLICY_HINTS, SD_FLAGS, Scope, Search};
use zeroize::Zeroizing;

/// Bytes of a message; wiped when dropped.
pub(super) type Bytes = Zeroizing<Vec<u8>>;

/// Asks for TLS on a plain connection (RFC 4511 4.14).
const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// Leaves subordinate naming contexts out instead of pointing to them (MS-ADTS 3.1.1.3.4.1.3).
const DOMAIN_SCOPE: &str = "1.2.840.113556.1.4.1339";
/// Only the DACL of a descriptor is meant: `SEQUENCE { INTEGER 4 }`.
const DACL_ONLY: [u8; 5] = [0x30, 3, 2, 1, 4];
/// The most values of one entry: an empty value takes 2 bytes on the wire and 24 in memory.
const MOST_VALUES: usize = 100_000;

/// The tags of the replies (`[APPLICATION n]`).
pub(super) const BOUND: u8 = 0x61;
pub(super) const ENTRY: u8 = 0x64;
pub(super) const DONE: u8 = 0x65;
pub(super) const MODIFIED: u8 = 0x67;
pub(super) const ADDED: u8 = 0x69;
pub(super) const DELETED: u8 = 0x6b;
pub(super) const REFERENCE: u8 = 0x73;
pub(super) const EXTENDED: u8 = 0x78;

/// One change of an attribute.
pub(super) enum Change {
    Add,
    Delete,
    Replace,
}

fn message(id: u32, room: usize, op: impl FnOnce(&mut Writer), controls: &[Control<'_>]) -> Bytes {
    let mut w = Writer::with_room(room + 512);
    w.nest(SEQUENCE, |w| {
        w.number(INTEGER, i64::from(id));
        op(w);
        if !controls.is_empty() {
            w.nest(0xa0, |w| controls.iter().for_each(|control| control.write(w)));
        }
    });
    w.done()
}

struct Control<'a> {
    oid: &'a str,
    critical: bool,
    value: Option<&'a [u8]>,
}

impl Control<'_> {
    fn write(&self, w: &mut Writer) {
        w.nest(SEQUENCE, |w| {
            w.bytes(OCTETS, self.oid.as_bytes());
            w.boolean(self.critical);
            if let Some(value) = self.value {
                w.bytes(OCTETS, value);
            }
        });
    }
}

/// A bind by name and password.
pub(super) fn bind(id: u32, name: &str, password: &str) -> Bytes {
    let op = |w: &mut Writer| {
        w.nest(0x60, |w| {
            w.number(INTEGER, 3);
            w.bytes(OCTETS, name.as_bytes());
            w.bytes(0x80, password.as_bytes());
        });
    };
    message(id, name.len() + password.len(), op, &[])
}

/// One round of a SASL bind.
#[cfg(any(windows, feature = "kerberos"))]
pub(super) fn bind_sasl(id: u32, mechanism: &str, token: Option<&[u8]>) -> Bytes {
    let op = |w: &mut Writer| {
        w.nest(0x60, |w| {
            w.number(INTEGER, 3);
            w.bytes(OCTETS, b"");
            w.nest(0xa3, |w| {
                w.bytes(OCTETS, mechanism.as_bytes());
                if let Some(token) = token {
                    w.bytes(OCTETS, token);
                }
            });
        });
    };
    message(id, token.map_or(0, <[u8]>::len), op, &[])
}

/// Says that nothing more comes.
pub(super) fn unbind(id: u32) -> Bytes {
    message(id, 0, |w| w.bytes(0x42, b""), &[])
}

/// Asks for TLS.
pub(super) fn start_tls(id: u32) -> Bytes {
    message(id, 0, |w| w.nest(0x77, |w| w.bytes(0x80, START_TLS.as_bytes())), &[])
}

/// A search, or its next page. A descriptor is never asked for without the control that says "the DACL only".
pub(super) fn search(id: u32, search: &Search, page: Option<(u32, &[u8])>) -> Result<Bytes, BadFilter> {
    let mut filter = Writer::default();
    filter::write(&mut filter, &search.filter)?;
    let filter = filter.done();
    let op = |w: &mut Writer| {
        w.nest(0x63, |w| {
            w.bytes(OCTETS, search.base.as_bytes());
            w.number(ENUMERATED, scope(search.scope));
            w.number(ENUMERATED, 0);
            w.number(INTEGER, 0);
            w.number(INTEGER, 0);
            w.boolean(false);
            w.raw(&filter);
            w.nest(SEQUENCE, |w| search.attributes.iter().for_each(|name| w.bytes(OCTETS, name.as_bytes())));
        });
    };
    let paged = page.map(|(size, cookie)| paged(size, cookie));
    let mut controls = Vec::new();
    if let Some(value) = &paged {
        controls.push(Control { oid: PAGED, critical: true, value: Some(value) });
        // Not critical: a server that does not know it points elsewhere as before.
        controls.push(Control { oid: DOMAIN_SCOPE, critical: false, value: None });
    }
    if search.asks_descriptor() {
        controls.push(Control { oid: SD_FLAGS, critical: true, value: Some(&DACL_ONLY) });
    }
    Ok(message(id, filter.len(), op, &controls))
}

fn scope(scope: Scope) -> i64 {
    match scope {
        Scope::Base => 0,
        Scope::One => 1,
        Scope::Sub => 2,
    }
}

fn paged(size: u32, cookie: &[u8]) -> Bytes {
    let mut w = Writer::default();
    w.nest(SEQUENCE, |w| {
        w.number(INTEGER, i64::from(size));
        w.bytes(OCTETS, cookie);
    });
    w.done()
}

/// Replaces the DACL, and nothing else.
pub(super) fn write_dacl(id: u32, dn: &str, descriptor: &[u8]) -> Bytes {
    let control = Control { oid: SD_FLAGS, critical: true, value: Some(&DACL_ONLY) };
    modify(id, dn, crate::services::directory::DESCRIPTOR, &[(Change::Replace, descriptor)], &[control])
}

/// Changes a password; `hints` makes a reset obey the history too.
pub(super) fn password(id: u32, dn: &str, changes: &[(Change, &[u8])], hints: bool) -> Bytes {
    // SEQUENCE { INTEGER 1 }
    let control = Control { oid: POLICY_HINTS, critical: true, value: Some(&[0x30, 3, 2, 1, 1]) };
    modify(id, dn, "unicodePwd", changes, if hints { std::slice::from_ref(&control) } else { &[] })
}

/// Makes an object; `password` is its `unicodePwd`.
pub(super) fn add(id: u32, new: &NewObject, password: Option<&[u8]>) -> Bytes {
    let texts = new.attributes.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let all =
        || [("objectClass", new.class.as_bytes())].into_iter().chain(texts.clone()).chain(password.map(|bytes| ("unicodePwd", bytes)));
    let room = new.dn.len() + all().map(|(name, value)| name.len() + value.len() + 32).sum::<usize>();
    let op = |w: &mut Writer| {
        w.nest(0x68, |w| {
            w.bytes(OCTETS, new.dn.as_bytes());
            w.nest(SEQUENCE, |w| all().for_each(|(name, value)| attribute(w, name, value)));
        });
    };
    message(id, room, op, &[])
}

/// Takes an object away that nothing is in.
pub(super) fn delete(id: u32, dn: &str) -> Bytes {
    message(id, dn.len(), |w| w.bytes(0x4a, dn.as_bytes()), &[])
}

/// Gives attributes other values, if they have the ones that were read: the old value is deleted by name and the new one added, in one
/// request, so that whoever was quicker is noticed (RFC 4511 4.6: all of it or nothing).
pub(super) fn swap(id: u32, dn: &str, swaps: &[Swap]) -> Bytes {
    let op = |w: &mut Writer| {
        w.nest(0x66, |w| {
            w.bytes(OCTETS, dn.as_bytes());
            w.nest(SEQUENCE, |w| {
                for Swap { attribute, from, to } in swaps.iter().filter(|swap| swap.from != swap.to) {
                    if let Some(from) = from {
                        change(w, &Change::Delete, attribute, from.as_bytes());
                    }
                    if let Some(to) = to {
                        change(w, &Change::Add, attribute, to.as_bytes());
                    }
                }
            });
        });
    };
    message(id, dn.len() + swaps.len() * 256, op, &[])
}

/// Sets one attribute to one value.
pub(super) fn replace(id: u32, dn: &str, attribute: &str, value: &[u8]) -> Bytes {
    modify(id, dn, attribute, &[(Change::Replace, value)], &[])
}

fn modify(id: u32, dn: &str, attribute: &str, changes: &[(Change, &[u8])], controls: &[Control<'_>]) -> Bytes {
    let op = |w: &mut Writer| {
        w.nest(0x66, |w| {
            w.bytes(OCTETS, dn.as_bytes());
            w.nest(SEQUENCE, |w| changes.iter().for_each(|(kind, value)| change(w, kind, attribute, value)));
        });
    };
    message(id, dn.len() + changes.iter().map(|(_, value)| value.len() + 64).sum::<usize>(), op, controls)
}

fn change(w: &mut Writer, kind: &Change, attribute: &str, value: &[u8]) {
    let number = match kind {
        Change::Add => 0,
        Change::Delete => 1,
        Change::Replace => 2,
    };
    w.nest(SEQUENCE, |w| {
        w.number(ENUMERATED, number);
        self::attribute(w, attribute, value);
    });
}

fn attribute(w: &mut Writer, name: &str, value: &[u8]) {
    w.nest(SEQUENCE, |w| {
        w.bytes(OCTETS, name.as_bytes());
        w.nest(SET, |w| w.bytes(OCTETS, value));
    });
}

/// A message from the server.
pub(super) struct Incoming<'a> {
    /// Which request it answers; 0 for what nobody asked.
    pub(super) id: u32,
    /// What it is.
    pub(super) tag: u8,
    body: Reader<'a>,
    rest: Reader<'a>,
}

/// How a request ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) code: u32,
    /// In the server's words, as sent.
    pub(super) said: String,
    /// Where it points.
    pub(super) referral: Vec<String>,
    /// What a SASL bind goes on with.
    pub(super) credentials: Option<Vec<u8>>,
    /// Where the next page begins; empty when this was the last.
    pub(super) cookie: Vec<u8>,
}

impl<'a> Incoming<'a> {
    /// One whole message.
    pub(super) fn read(frame: &'a [u8]) -> Result<Self, BadBer> {
        let mut rest = Reader::new(frame).inner(SEQUENCE)?;
        let id = rest.number(INTEGER)?;
        let (tag, body) = rest.any()?;
        Ok(Self { id, tag, body: Reader::new(body), rest })
    }

    /// As an entry of a search.
    pub(super) fn entry(mut self) -> Result<Entry, BadBer> {
        let mut entry = Entry { dn: self.body.text(OCTETS)?.to_owned(), ..Entry::default() };
        let mut list = self.body.inner(SEQUENCE)?;
        let mut count = 0;
        while !list.is_empty() {
            let mut attribute = list.inner(SEQUENCE)?;
            let name = attribute.text(OCTETS)?.to_owned();
            let mut set = attribute.inner(SET)?;
            let mut values = Vec::new();
            while !set.is_empty() {
                values.push(set.bytes(OCTETS)?.to_vec());
                count += 1;
            }
            count += 1;
            if count > MOST_VALUES {
                return Err(BadBer::Many);
            }
            entry.attributes.insert(name, values);
        }
        Ok(entry)
    }

    /// As a list of addresses where more may be found.
    pub(super) fn references(mut self) -> Result<Vec<String>, BadBer> {
        addresses(&mut self.body)
    }

    /// As the end of a request.
    pub(super) fn outcome(mut self) -> Result<Outcome, BadBer> {
        let code = self.body.number(ENUMERATED)?;
        self.body.bytes(OCTETS)?;
        let said = String::from_utf8_lossy(self.body.bytes(OCTETS)?).into_owned();
        let mut outcome = Outcome { code, said, ..Outcome::default() };
        while let Some(tag) = self.body.peek() {
            match tag {
                0xa3 => outcome.referral = addresses(&mut self.body.inner(0xa3)?)?,
                0x87 => outcome.credentials = Some(self.body.bytes(0x87)?.to_vec()),
                _ => drop(self.body.any()?),
            }
        }
        outcome.cookie = cookie(self.rest)?;
        Ok(outcome)
    }
}

fn addresses(reader: &mut Reader<'_>) -> Result<Vec<String>, BadBer> {
    let mut all = Vec::new();
    while !reader.is_empty() {
        let address = reader.bytes(OCTETS)?;
        // More than one is only another way to the same place.
        if all.len() < 4 {
            all.push(String::from_utf8_lossy(address).into_owned());
        }
    }
    Ok(all)
}

/// The cookie of the paged-results control. Other values may stand there too: AD puts the name of its notice of disconnection behind
/// the message instead of into it.
fn cookie(mut rest: Reader<'_>) -> Result<Vec<u8>, BadBer> {
    while !rest.is_empty() {
        if rest.peek() != Some(0xa0) {
            rest.any()?;
            continue;
        }
        let mut controls = rest.inner(0xa0)?;
        while !controls.is_empty() {
            let mut control = controls.inner(SEQUENCE)?;
            let oid = control.bytes(OCTETS)?;
            control.optional(BOOLEAN)?;
            if let Some(value) = control.optional(OCTETS)?
                && oid == PAGED.as_bytes()
            {
                let mut page = Reader::new(value).inner(SEQUENCE)?;
                page.any()?;
                return page.bytes(OCTETS).map(<[u8]>::to_vec);
            }
        }
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::{Change, DONE, ENTRY, Incoming, Outcome, bind, password, search, start_tls, unbind, write_dacl};
    use crate::services::directory::Search;
    use bytes::BytesMut;
    use ldap3_proto::LdapCodec;
    use ldap3_proto::control::LdapControl;
    use ldap3_proto::proto::{
        LdapBindCred, LdapModifyType, LdapMsg, LdapOp, LdapPartialAttribute, LdapResult, LdapResultCode, LdapSearchResultEntry,
    };
    use proptest::prelude::*;
    use tokio_util::codec::{Decoder as _, Encoder as _};

    /// What another implementation reads.
    fn other_reads(bytes: &[u8]) -> LdapMsg {
        LdapCodec::default().decode(&mut BytesMut::from(bytes)).unwrap().unwrap()
    }

    /// What another implementation writes.
    fn other_writes(op: LdapOp, ctrl: Vec<LdapControl>) -> BytesMut {
        let mut buffer = BytesMut::new();
        LdapCodec::default().encode(LdapMsg { msgid: 7, op, ctrl }, &mut buffer).unwrap();
        buffer
    }

    #[test]
    fn requests_are_read_by_another_implementation_as_they_were_meant() {
        let LdapMsg { msgid, op: LdapOp::BindRequest(request), .. } = other_reads(&bind(300, "u@a.example", "pässword")) else { panic!() };
        assert_eq!((msgid, request.version, request.dn.as_str()), (300, 3, "u@a.example"));
        assert!(request.cred == LdapBindCred::Simple("pässword".to_owned()));
        assert_eq!(other_reads(&unbind(1)).op, LdapOp::UnbindRequest);
        let LdapOp::ExtendedRequest(request) = other_reads(&start_tls(1)).op else { panic!() };
        assert_eq!((request.name.as_str(), request.value), ("1.3.6.1.4.1.1466.20037", None));
        let LdapOp::ModifyRequest(request) = other_reads(&password(1, "CN=a", &[(Change::Delete, b"o"), (Change::Add, b"n")], false)).op
        else {
            panic!()
        };
        let changes: Vec<_> = request.changes.iter().map(|change| (change.operation.clone(), change.modification.vals.clone())).collect();
        assert_eq!(changes, [(LdapModifyType::Delete, vec![b"o".to_vec()]), (LdapModifyType::Add, vec![b"n".to_vec()])]);
    }

    #[test]
    fn a_descriptor_is_never_asked_for_nor_written_without_the_control_that_means_the_dacl_only() {
        let flags = LdapControl::SdFlags { criticality: true, flags: 4 };
        for attributes in [&["nTSecurityDescriptor"][..], &["cn", "ntsecuritydescriptor"], &["*"], &[]] {
            let message = search(1, &Search::object("DC=a", attributes), None).unwrap();
            assert_eq!(other_reads(&message).ctrl, std::slice::from_ref(&flags), "{attributes:?}");
        }
        assert_eq!(other_reads(&search(1, &Search::object("DC=a", &["cn"]), None).unwrap()).ctrl, []);
        let written = other_reads(&write_dacl(1, "DC=a", b"descriptor"));
        assert_eq!(written.ctrl, [flags]);
        let LdapOp::ModifyRequest(request) = written.op else { panic!() };
        assert_eq!((request.changes.len(), request.changes[0].operation.clone()), (1, LdapModifyType::Replace));
    }

    #[test]
    fn replies_of_another_implementation_are_read() {
        let entry = LdapSearchResultEntry {
            dn: "CN=a,DC=b".to_owned(),
            attributes: vec![LdapPartialAttribute { atype: "cn".to_owned(), vals: vec![b"a".to_vec(), vec![0xff, 0]] }],
        };
        let bytes = other_writes(LdapOp::SearchResultEntry(entry), Vec::new());
        let message = Incoming::read(&bytes).unwrap();
        assert_eq!((message.id, message.tag), (7, ENTRY));
        let entry = message.entry().unwrap();
        assert_eq!((entry.dn.as_str(), entry.values("CN")), ("CN=a,DC=b", &[b"a".to_vec(), vec![0xff, 0]][..]));

        let (code, message) = (LdapResultCode::Referral, "0000202B".to_owned());
        let result = LdapResult { code, matcheddn: "DC=b".to_owned(), message, referral: vec!["ldap://x/".to_owned()] };
        let control = LdapControl::SimplePagedResults { size: 0, cookie: b"next".to_vec() };
        let bytes = other_writes(LdapOp::SearchResultDone(result), vec![control]);
        let message = Incoming::read(&bytes).unwrap();
        assert_eq!(message.tag, DONE);
        let whole = Outcome {
            code: 10,
            said: "0000202B".to_owned(),
            referral: vec!["ldap://x/".to_owned()],
            credentials: None,
            cookie: b"next".to_vec(),
        };
        assert_eq!(message.outcome().unwrap(), whole);
    }

    #[test]
    fn the_notice_of_disconnection_is_read_as_active_directory_writes_it() {
        // MessageID 0, an extended response, and its name behind it instead of inside.
        let notice = b"\x30\x29\x02\x01\x00\x78\x0c\x0a\x01\x34\x04\x00\x04\x05gone!\x8a\x161.3.6.1.4.1.1466.20036";
        let message = Incoming::read(notice).unwrap();
        assert_eq!(message.id, 0);
        let outcome = message.outcome().unwrap();
        assert_eq!((outcome.code, outcome.said.as_str()), (52, "gone!"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..80_usize, to: u8) {
            let read = |bytes: &[u8]| {
                let _ = Incoming::read(bytes).and_then(Incoming::entry);
                let _ = Incoming::read(bytes).and_then(Incoming::outcome);
                let _ = Incoming::read(bytes).and_then(Incoming::references);
            };
            read(&bytes);
            // And a real message with one byte changed gets further in.
            let entry = LdapSearchResultEntry {
                dn: "CN=a,DC=b".to_owned(),
                attributes: vec![LdapPartialAttribute { atype: "cn".to_owned(), vals: vec![b"a".to_vec(), vec![0xff; 20]] }],
            };
            let mut message = other_writes(LdapOp::SearchResultEntry(entry), Vec::new()).to_vec();
            if let Some(byte) = message.get_mut(at) {
                *byte = to;
            }
            read(&message);
        }
    }
}
