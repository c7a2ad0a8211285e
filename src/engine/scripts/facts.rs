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
/// Events of writeback that tell of trouble (`facts/domain.md` 3.7), beside those of 32000 and 33000.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn event(record: u64, provider: &str, id: u32, minute: u8) -> Value {
        let time = format!("2026-11-22T20:{minute:02}:00Z");
        json!({"record": record, "provider": provider, "id": id, "level": 4, "time": time, "text": "words"})
    }

    fn told(list: &[Value]) -> Value {
        let said = json!({"time": "2026-11-22T21:00:00Z", "oldest": null, "absent": [], "more": false, "events": list});
        events(&serde_json::from_value(said).unwrap())
    }

    #[test]
    fn the_newest_events_tell_whether_writeback_is_on_listens_and_works() {
        let list = [
            event(9, RESETS, 33004, 50),
            event(8, RESETS, 31019, 45),
            event(7, SYNC, 6800, 52),
            event(6, RESETS, 31005, 40),
            event(5, RESETS, 31019, 40),
            event(4, RESETS, 31013, 30),
            event(3, RESETS, 32002, 20),
            // Numbers mean what they mean under their own source only.
            event(2, SYNC, 31005, 55),
            event(1, SYNC, 33004, 59),
        ];
        let facts = told(&list);
        let of = |name: &str| (facts[name]["id"].clone(), facts[name]["time"].clone());
        assert_eq!(of("writeback"), (json!(31005), json!("2026-11-22T20:40:00Z")));
        assert_eq!(of("heartbeat"), (json!(31019), json!("2026-11-22T20:45:00Z")));
        assert_eq!(of("failure"), (json!(6800), json!("2026-11-22T20:52:00Z")));
        assert_eq!(facts["writeback"]["says"], "writeback was switched on");
        assert_eq!(facts["events"].as_array().unwrap().len(), list.len(), "the events themselves are facts too");
    }

    #[test]
    fn of_two_events_in_one_moment_the_later_record_is_the_newer() {
        let facts = told(&[event(10, RESETS, 31005, 40), event(11, RESETS, 31013, 40)]);
        assert_eq!(facts["writeback"]["id"], 31013);
    }

    #[test]
    fn an_empty_log_tells_nothing() {
        let facts = told(&[]);
        assert_eq!([&facts["writeback"], &facts["heartbeat"], &facts["failure"]], [&Value::Null; 3]);
        assert_eq!(time(&facts), Some("2026-11-22T21:00:00Z".parse().unwrap()));
    }

    #[test]
    fn each_failure_of_the_table_is_one_here_and_nothing_else_is() {
        for id in 0..40_000 {
            let one = Event { record: 1, provider: RESETS.into(), id, level: 2, time: Timestamp::UNIX_EPOCH, text: String::new() };
            let known = meaning(id);
            // 31014 is told as `writeback`, 31044 is a part that does not run and not a reset that failed.
            let trouble = known.is_some_and(|meaning| meaning.trouble) && ![31014, 31044].contains(&id);
            assert!(!trouble || is_failure(&one), "{id}");
            assert!(!is_failure(&one) || known.is_none_or(|meaning| meaning.trouble), "{id}");
        }
    }

    #[test]
    fn clocks_are_compared_in_the_middle_of_the_question() {
        let ask = |before: &str, domain: &str, after: &str| {
            let said = json!({"before": before, "host": "dc1", "domain": domain, "after": after});
            let facts = clock(&serde_json::from_value(said).unwrap());
            (facts["ahead"].clone(), facts["agree"].clone(), facts["says"].as_str().unwrap_or_default().to_owned())
        };
        let at = |before, domain| ask(before, domain, before);
        assert_eq!(at("2026-11-22T20:00:00.4Z", "20261122200000.0Z"), (json!(0), json!(true), "as `dc1`".to_owned()));
        assert_eq!(at("2026-11-22T20:05:00Z", "20261122200000.0Z"), (json!(300), json!(true), "300 s ahead of `dc1`".to_owned()));
        assert_eq!(at("2026-11-22T19:54:59Z", "20261122200000.0Z"), (json!(-301), json!(false), "301 s behind `dc1`".to_owned()));
        assert_eq!(ask("2026-11-22T20:00:00Z", "20261122200005.0Z", "2026-11-22T20:00:10Z").0, json!(0));
        // What cannot be read is not guessed.
        for wrong in ["", "Z", "2026", "20261322200000.0Z", "99999999999999Z"] {
            assert_eq!(at("2026-11-22T20:00:00Z", wrong), (Value::Null, Value::Null, String::new()), "{wrong}");
        }
    }

    #[test]
    fn a_machine_of_six_gigabytes_has_enough_and_one_of_four_has_not() {
        let ask = |bytes: u64| {
            let facts = memory(&Memory { time: Timestamp::UNIX_EPOCH, bytes });
            (facts["enough"].clone(), facts["says"].as_str().unwrap().to_owned())
        };
        assert_eq!(ask(4 * GIB), (json!(false), "4.0 GB".to_owned()));
        assert_eq!(ask(6 * GIB - 100_000_000), (json!(true), "5.9 GB".to_owned()));
        assert_eq!(ask(u64::MAX).0, json!(true));
    }
}
