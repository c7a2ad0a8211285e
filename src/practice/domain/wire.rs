//! Messages on the wire: frames within limits, requests taken out of them, replies put into them. Not what a request does.

use super::filter::{BadFilter, Filter};
use ldap3_lber::{
    common::TagClass,
    parse::Parser,
    structure::{PL, StructureTag},
    write::encode_into,
};
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{LdapMsg, LdapOp, LdapSearchScope};
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::timeout,
};

/// The largest request: twice the largest descriptor.
pub(super) const LARGEST: usize = 256 * 1024;
/// BER nested deeper is hostile; a filter of the deepest kind needs less.
const DEEPEST: usize = 96;
/// A connection that says nothing for as long is closed (Windows' MaxConnIdleTime).
const IDLE: Duration = Duration::from_mins(15);
/// A request that has begun must be whole by then.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// The client went, or was quiet for too long.
    Over,
    /// What it sent is no LDAP, or too large.
    Hostile,
}

/// A search.
#[derive(Debug)]
pub(super) struct Asked {
    /// Where it begins.
    pub(super) base: String,
    /// How far it goes.
    pub(super) scope: LdapSearchScope,
    /// Which objects.
    pub(super) filter: Filter,
    /// Which attributes.
    pub(super) attributes: Vec<String>,
    /// Whether only their names.
    pub(super) types_only: bool,
    /// At most so many; 0 is no limit.
    pub(super) most: usize,
}

/// A request.
#[derive(Debug)]
pub(super) enum Request {
    /// A search.
    Search(Result<Asked, BadFilter>),
    /// Anything else.
    Other(LdapOp),
}

/// What the controls of a request say.
#[derive(Debug, Default)]
pub(super) struct Controls {
    /// `1.2.840.113556.1.4.801`: which parts of a descriptor.
    pub(super) sd_flags: Option<u32>,
    /// `1.2.840.113556.1.4.319`: how many at a time, and where it goes on.
    pub(super) page: Option<(usize, Vec<u8>)>,
    /// `1.2.840.113556.1.4.805`: with all that is below.
    pub(super) tree: bool,
    /// `1.2.840.113556.1.4.2239` or `.2066`: a reset obeys the history too.
    pub(super) history: bool,
    /// A critical one that is not known.
    pub(super) unknown: Option<String>,
}

/// Reads one frame; what follows it stays in the stream.
pub(super) async fn frame<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, Silence> {
    let mut first = [0; 1];
    match timeout(IDLE, stream.read_exact(&mut first)).await {
        Ok(Ok(_)) => {}
        Ok(Err(_)) | Err(_) => return Err(Silence::Over),
    }
    // Every message is a SEQUENCE.
    if first != [0x30] {
        return Err(Silence::Hostile);
    }
    match timeout(PATIENCE, rest(stream)).await {
        Ok(whole) => whole,
        Err(_) => Err(Silence::Hostile),
    }
}

async fn rest<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, Silence> {
    let mut frame = vec![0x30];
    let short = read(stream, &mut frame, 1).await?.first().copied().unwrap_or_default();
    let length = match short {
        0..=0x7f => usize::from(short),
        // The indefinite form is not for LDAP (RFC 4511 5.1).
        0x81..=0x84 => read(stream, &mut frame, usize::from(short & 0x7f)).await?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
        _ => return Err(Silence::Hostile),
    };
    if length > LARGEST {
        return Err(Silence::Hostile);
    }
    read(stream, &mut frame, length).await?;
    Ok(frame)
}

/// Reads so many bytes more, and gives those back.
async fn read<'a, S: AsyncRead + Unpin>(stream: &mut S, frame: &'a mut Vec<u8>, more: usize) -> Result<&'a [u8], Silence> {
    let at = frame.len();
    // Grows as bytes really come: a length alone allocates nothing.
    let got = stream.take(u64::try_from(more).unwrap_or(0)).read_to_end(frame).await.map_err(|_| Silence::Over)?;
    if got == more { Ok(frame.get(at..).unwrap_or_default()) } else { Err(Silence::Over) }
}

/// Takes a request out of its frame: its id, what it asks, its controls. `None` is hostile.
pub(super) fn request(frame: &[u8]) -> Option<(i32, Request, Controls)> {
    let (rest, mut message) = Parser::new(DEEPEST).parse(frame).ok()?;
    if !rest.is_empty() {
        return None;
    }
    if !is_a_clients(&message) {
        return None;
    }
    let filter = take_filter(&mut message);
    let message = LdapMsg::try_from(message).ok()?;
    if message.msgid <= 0 && !matches!(message.op, LdapOp::UnbindRequest | LdapOp::AbandonRequest(_)) {
        return None;
    }
    let request = match (message.op, filter) {
        (LdapOp::SearchRequest(search), Some(filter)) => Request::Search(filter.map(|filter| Asked {
            base: search.base,
            scope: search.scope,
            filter,
            attributes: search.attrs,
            types_only: search.typesonly,
            most: usize::try_from(search.sizelimit).unwrap_or(0),
        })),
        (op, _) => Request::Other(op),
    };
    Some((message.msgid, request, controls(&message.ctrl)))
}

/// Whether the operation is one that a client may ask for, in its shape: `ldap3_proto` prints what it does not know to standard output.
fn is_a_clients(message: &StructureTag) -> bool {
    let PL::C(parts) = &message.payload else { return false };
    let Some(op) = parts.get(1).filter(|op| op.class == TagClass::Application) else { return false };
    match &op.payload {
        // Bind, search, modify, add, rename, compare, extended.
        PL::C(_) => [0, 3, 6, 8, 12, 14, 23].contains(&op.id),
        // Unbind, delete, abandon.
        PL::P(_) => [2, 10, 16].contains(&op.id),
    }
}

/// Puts a harmless filter in the place of the real one, which may hold bytes.
fn take_filter(message: &mut StructureTag) -> Option<Result<Filter, BadFilter>> {
    const SEARCH: u64 = 3;
    const PLACE: usize = 6;
    let PL::C(parts) = &mut message.payload else { return None };
    let op = parts.get_mut(1).filter(|op| op.class == TagClass::Application && op.id == SEARCH)?;
    let PL::C(fields) = &mut op.payload else { return None };
    let harmless = StructureTag { class: TagClass::Context, id: 7, payload: PL::P(b"objectClass".to_vec()) };
    let filter = std::mem::replace(fields.get_mut(PLACE)?, harmless);
    Some(Filter::read(filter))
}

fn controls(given: &[LdapControl]) -> Controls {
    let mut controls = Controls::default();
    for control in given {
        match control {
            LdapControl::SdFlags { flags, .. } => controls.sd_flags = u32::try_from(*flags).ok().or(Some(15)),
            LdapControl::SimplePagedResults { size, cookie } => {
                controls.page = Some((usize::try_from(*size).unwrap_or(0), cookie.clone()));
            }
            LdapControl::Unknown { oid, criticality, value } => match oid.as_str() {
                "1.2.840.113556.1.4.805" => controls.tree = true,
                "1.2.840.113556.1.4.2239" | "1.2.840.113556.1.4.2066" => {
                    controls.history = value.as_deref().is_some_and(|value| matches!(value, [0x30, _, 0x02, 0x01, flags] if *flags != 0));
                }
                // Lazy commit and permissive modify: both change nothing here.
                "1.2.840.113556.1.4.1339" | "1.2.840.113556.1.4.1413" => {}
                _ if *criticality => controls.unknown = Some(oid.clone()),
                _ => {}
            },
            LdapControl::SyncRequest { criticality, .. }
            | LdapControl::ManageDsaIT { criticality }
            | LdapControl::PasswordPolicyRequest { criticality }
            | LdapControl::SearchOptions { criticality, .. }
            | LdapControl::ShowDeleted { criticality }
            | LdapControl::ExtendedDn { criticality, .. } => {
                if *criticality {
                    controls.unknown = Some("that this controller does not have".to_owned());
                }
            }
            LdapControl::AdDirsync { .. } => controls.unknown = Some("1.2.840.113556.1.4.841".to_owned()),
            // Sorting is a wish; the others are a server's.
            LdapControl::ServerSort { .. }
            | LdapControl::SyncState { .. }
            | LdapControl::SyncDone { .. }
            | LdapControl::ServerSortResult { .. } => {}
        }
    }
    controls
}

/// A reply as bytes, after what is there already.
#[expect(clippy::default_trait_access, reason = "`BytesMut` would be a dependency for its name alone")]
pub(super) fn encode(message: LdapMsg, out: &mut Vec<u8>) {
    let mut buffer = Default::default();
    if encode_into(&mut buffer, StructureTag::from(message)).is_ok() {
        out.extend_from_slice(&buffer);
    }
}
