//! What a script said, as facts: as its header documents it, and beside that what the closed set of matchers could not find out. Pure.

use crate::services::host::app1::{Clock, Event, Events, Memory, meaning};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

/// As the script's header documents it.
pub(super) fn plain<T: Serialize>(said: &T) -> Value {
    serde_json::to_value(said).unwrap_or_default()
}

/// The machine's own clock when it answered.
pub(super) fn time(body: &Value) -> Option<Timestamp> {
    body.get("time")?.as_str()?.parse().ok()
}

fn with(body: Value, more: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let Value::Object(mut fields) = body else { return body };
    fields.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Value::Object(fields)
}

/// Switched on; switched off, or not to be switched off.
const SWITCHED: [u32; 3] = [31005, 31013, 31014];
/// It listens.
const HEARTBEAT: u32 = 31019;
/// Events of writeback that tell of trouble (`facts/domain.md` 3.7).
const FAILED: [u32; 4] = [31003, 31008, 31011, 31034];
/// The same of Entra Connect itself, under its own source.
const FAILED_SYNC: [u32; 2] = [6329, 6800];
/// The source of all but those.
const RESETS: &str = "PasswordResetService";
const SYNC: &str = "ADSync";

/// With the newest that tell whether writeback is on (`writeback`), listens (`heartbeat`) and works (`failure`); null where there is none.
pub(super) fn events(said: &Events) -> Value {
    let newest = |wanted: fn(&Event) -> bool| {
        said.events.iter().filter(|event| wanted(event)).max_by_key(|event| (event.time, event.record)).map_or(Value::Null, shown)
    };
    let more = [
        ("writeback", newest(|event| event.provider == RESETS && SWITCHED.contains(&event.id))),
        ("heartbeat", newest(|event| event.provider == RESETS && event.id == HEARTBEAT)),
        ("failure", newest(is_failure)),
    ];
    with(plain(said), more)
}

fn is_failure(event: &Event) -> bool {
    match event.provider.as_str() {
        RESETS => FAILED.contains(&event.id) || (32000..34000).contains(&event.id),
        SYNC => FAILED_SYNC.contains(&event.id),
        _ => false,
    }
}

fn shown(event: &Event) -> Value {
    let says = match event.provider.as_str() {
        RESETS => meaning(event.id).map(|meaning| meaning.words),
        _ => match event.id {
            6329 => Some("the domain refused a password that Entra Connect brought"),
            6800 => Some("the part of Entra Connect that takes passwords did not start"),
            _ => None,
        },
    };
    json!({"id": event.id, "time": event.time, "says": says, "text": event.text})
}

/// With `time`, the domain's clock as a time (`domain_time`), by how many seconds the machine is ahead of it (`ahead`), whether Kerberos bears
/// that (`agree`), and both in words (`says`).
pub(super) fn clock(said: &Clock) -> Value {
    let body = with(plain(said), [("time", json!(said.after))]);
    let Some(domain) = generalized(&said.domain) else { return body };
    let half = said.after.as_millisecond().midpoint(said.before.as_millisecond());
    let ahead = (half - domain.as_millisecond()) / 1000;
    let side = if ahead < 0 { "behind" } else { "ahead of" };
    let says = match ahead.unsigned_abs() {
        0..=1 => format!("as `{}`", said.host),
        apart => format!("{apart} s {side} `{}`", said.host),
    };
    let agree = ahead.unsigned_abs() <= KERBEROS;
    with(body, [("domain_time", json!(domain)), ("ahead", json!(ahead)), ("agree", json!(agree)), ("says", json!(says))])
}

/// Seconds by which Kerberos lets clocks differ (the default domain policy's "Maximum tolerance for computer clock synchronization").
const KERBEROS: u64 = 300;

/// `YYYYMMDDHHMMSS.0Z`.
fn generalized(text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z')?.split('.').next()?;
    let time = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", digits).ok()?;
    time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// With whether it is what Entra Connect asks for (`enough`), and how much it is in words (`says`).
pub(super) fn memory(said: &Memory) -> Value {
    let tenths = said.bytes / (GIB / 10);
    let says = format!("{}.{} GB", tenths / 10, tenths % 10);
    with(plain(said), [("enough", json!(said.bytes >= FLOOR)), ("says", json!(says))])
}

const GIB: u64 = 1024 * 1024 * 1024;
/// 6 GB (`facts/domain.md` D14), less what firmware keeps for itself: Windows counts that out.
const FLOOR: u64 = 6 * GIB - GIB / 4;
