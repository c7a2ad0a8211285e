//! The plain looks of a trip: the user in the domain, the clocks, the operation, and one possible cause after the other. Judges nothing.

use super::seen::{Account, Causes, Clocks, Operation, Seen, filetime};
use crate::engine::probe::{Answer, LookError, Request, Systems};
use crate::guide::step::{MachinePart, SearchScope, Trip};
use crate::services::host::app1::Watched;
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// What is read of the domain.
pub const POLICY: &str = "minPwdAge";
/// An answer that took longer says too little about a clock.
const TELLING: Duration = Duration::from_secs(10);
/// How far back events about the service bus are looked for.
const RECENT: Duration = Duration::from_hours(1);
/// "Ended" as Graph writes it; its documentation prints capitals in the text and small letters in JSON (`facts/wire.md` 16).
const ENDED: [(&str, bool); 2] = [("succeeded", true), ("failed", false)];

pub(super) fn plain(what: String) -> LookError {
    LookError { what, hint: None, status: None, code: None }
}

/// When something was asked and answered, by this machine's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

impl Span {
    fn length(self) -> Duration {
        self.to.duration_since(self.from).unsigned_abs()
    }

    /// By how many milliseconds a clock that was read in between is ahead.
    pub(super) fn ahead(self, other: Timestamp) -> i64 {
        other.as_millisecond() - self.from.as_millisecond().midpoint(self.to.as_millisecond())
    }
}

/// The look at the user in the domain.
#[must_use]
pub fn user(dn: &str) -> Request {
    let attributes = Trip::OF_USER.iter().map(|name| (*name).to_owned()).collect();
    Request::Ldap { base: dn.to_owned(), scope: SearchScope::Base, filter: "(objectClass=*)".to_owned(), attributes }
}

/// One value of the first object that a search found.
#[must_use]
pub fn value<'v>(body: &'v Value, name: &str) -> Option<&'v str> {
    body.pointer(&format!("/value/0/{name}")).and_then(Value::as_str)
}

/// The user in the domain now, and when that was asked.
pub(super) async fn account(systems: &dyn Systems, dn: &str, now: impl Fn() -> Timestamp) -> (Account, Span) {
    let from = now();
    let answer = systems.look(&user(dn)).await;
    let span = Span { from, to: now() };
    let account = match answer {
        Ok(Answer { body, date, .. }) => Account {
            set: value(&body, "pwdLastSet").map(str::to_owned),
            changed: value(&body, "whenChanged").and_then(generalized),
            at: date,
            why: None,
        },
        Err(error) => Account { why: Some(error.what), ..Account::default() },
    };
    (account, span)
}

impl Account {
    /// The same, or what the watch read.
    pub(super) fn or(self, watched: &Watched) -> Self {
        self.or_account(&told(watched))
    }

    /// The same, or what was read another time or by another way.
    pub(super) fn or_account(self, other: &Self) -> Self {
        if self.set.is_some() { self } else { Self { why: other.why.clone().or(self.why), ..other.clone() } }
    }
}

/// The user in the domain as the watch saw it.
pub(super) fn told(watched: &Watched) -> Account {
    Account {
        set: watched.set.clone(),
        changed: watched.changed.as_deref().and_then(generalized),
        at: None,
        why: watched.why.as_ref().map(|why| crate::base::text::short(why, 160)),
    }
}

/// By how much the clocks are ahead. The domain's is known best: it answers at once, and APP1 reads it beside its own.
pub(super) fn clocks(mark: &Watched, span: Span, domain: Option<(Timestamp, Span)>) -> Clocks {
    let apart = mark.domain.as_deref().and_then(generalized).map(|domain| mark.time.as_millisecond() - domain.as_millisecond());
    let domain = domain.filter(|(_, asked)| asked.length() <= TELLING).map(|(at, asked)| asked.ahead(at));
    // Its script began after it was sent and ended before it came back.
    let early = mark.time.as_millisecond() - span.from.as_millisecond();
    let late = mark.until.as_millisecond() - span.to.as_millisecond();
    let app1 = domain.zip(apart).map_or_else(|| early.midpoint(late), |(domain, apart)| domain + apart);
    Clocks { graph: None, app1: Some(app1), domain: domain.or_else(|| Some(app1 - apart?)) }
}

/// By how many seconds APP1's clock is ahead of the domain's.
pub(super) fn skew(mark: &Watched) -> Option<i64> {
    let domain = mark.domain.as_deref().and_then(generalized)?;
    Some((mark.time.as_millisecond() - domain.as_millisecond()) / 1000)
}

/// `YYYYMMDDHHMMSS.0Z`.
fn generalized(text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z')?.split('.').next()?;
    let parsed = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", digits).ok()?;
    parsed.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// What Graph says of an operation.
pub(super) fn operation(answer: &Answer) -> Operation {
    let text = |name: &str| answer.body.get(name).and_then(Value::as_str);
    let status = text("status").unwrap_or_default().to_ascii_lowercase();
    let ended = ENDED.iter().find_map(|(word, good)| (*word == status).then_some(*good));
    let at = text("lastActionDateTime").and_then(|at| at.parse().ok()).or(answer.date);
    let detail = text("statusDetail").filter(|detail| !detail.is_empty()).map(|detail| crate::base::text::short(detail, 240));
    Operation { ended, detail, at: ended.and(at) }
}

/// When the tenant last had another password for the user.
pub(super) async fn cloud(systems: &dyn Systems, user: &str) -> Option<Timestamp> {
    let user = crate::base::encode::path_segment(user).ok()?;
    let query = vec![("$select".to_owned(), "id,lastPasswordChangeDateTime".to_owned())];
    let answer = systems.look(&Request::Graph { path: format!("/v1.0/users/{user}"), query, eventual: false }).await.ok()?;
    answer.body.get("lastPasswordChangeDateTime")?.as_str()?.parse().ok()
}

/// Whether the tenant has another password by now; `None` when that could not be read.
pub(super) fn changed(before: Option<&Timestamp>, after: Option<&Timestamp>) -> Option<bool> {
    Some(after? > before?)
}

/// Whether the domain protects or locks the user, and whether the password was too young to be changed.
pub(super) async fn policy(systems: &dyn Systems, dn: &str, seen: &mut Seen) {
    if let Ok(answer) = systems.look(&user(dn)).await {
        seen.causes.protected = Some(value(&answer.body, "adminCount") == Some("1"));
        seen.causes.locked = Some(value(&answer.body, "lockoutTime").is_some_and(|since| since != "0"));
    }
    let Some(head) = head(dn) else { return };
    let head = Request::Ldap {
        base: head.to_owned(),
        scope: SearchScope::Base,
        filter: "(objectClass=*)".to_owned(),
        attributes: vec![POLICY.to_owned()],
    };
    let Ok(answer) = systems.look(&head).await else { return };
    let age = value(&answer.body, POLICY).and_then(|age| age.parse::<i64>().ok()).map(i64::unsigned_abs);
    // A negative count of 100 ns (MS-ADA2 2.49).
    let age = age.map(|age| Duration::from_nanos(age.saturating_mul(100)));
    let set = seen.before.set.as_deref().and_then(filetime);
    let now = seen.before.at.unwrap_or(seen.began);
    seen.causes.young = age.map(|age| set.is_some_and(|set| now.duration_since(set).unsigned_abs() < age));
}

/// The domain's head: what a name ends in.
fn head(dn: &str) -> Option<&str> {
    if dn.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("DC=")) {
        return Some(dn);
    }
    let (at, _) = dn.match_indices(',').find(|(at, _)| dn.get(at + 1..at + 4).is_some_and(|rdn| rdn.eq_ignore_ascii_case("DC=")))?;
    dn.get(at + 1..)
}

/// Something that may have stopped a trip; each is one look, and a script takes 20 s and more on Azure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Machine,
    Service,
    Writeback,
    Scheduler,
    Events,
    HashSync,
}

/// All of them, the nearest to the root first.
pub(super) const PARTS: [Part; 6] = [Part::Machine, Part::Service, Part::Writeback, Part::Scheduler, Part::Events, Part::HashSync];

impl Part {
    fn request(self) -> Request {
        let script = |run: &str, within| Request::Script { run: run.to_owned(), within };
        match self {
            Self::Machine => Request::Machine(MachinePart::App1),
            Self::Service => script("connect-service", None),
            Self::Writeback => script("writeback", None),
            Self::Scheduler => script("scheduler", None),
            Self::Events => script("connect-events", Some(RECENT)),
            Self::HashSync => script("hash-sync", None),
        }
    }
}

/// Looks at one of them. What cannot be looked at is no cause.
pub(super) async fn part(systems: &dyn Systems, part: Part, causes: &mut Causes) {
    let Ok(Answer { body, .. }) = systems.look(&part.request()).await else { return };
    let flag = |pointer: &str| body.pointer(pointer).and_then(Value::as_bool);
    match part {
        Part::Machine => {
            causes.machine = body.pointer("/power").and_then(Value::as_str).map(|power| power == "running");
        }
        Part::Service => causes.service = body.pointer("/service").and_then(Value::as_str).map(str::to_owned),
        Part::Writeback => causes.writeback = flag("/enabled"),
        Part::Scheduler => (causes.suspended, causes.staging) = (flag("/suspended"), flag("/staging")),
        Part::Events => events(&body, causes),
        Part::HashSync => causes.hash_sync = flag("/sources/0/enabled"),
    }
}

/// Trouble with the service bus counts until APP1 was heard to listen again; the log also tells whether writeback is on.
fn events(body: &Value, causes: &mut Causes) {
    let at = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).and_then(|at| at.parse::<Timestamp>().ok());
    let id = |pointer: &str| body.pointer(pointer).and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
    let trouble = id("/failure/id").filter(|id| super::cause::BUS.contains(id));
    causes.bus = trouble.filter(|_| at("/failure/time") > at("/heartbeat/time"));
    if causes.writeback.is_none() {
        causes.writeback = id("/writeback/id").map(|id| id == 31_005);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_domain_is_what_a_name_ends_in() {
        assert_eq!(head("CN=A\\, B,CN=Users,DC=testlab,DC=contoso"), Some("DC=testlab,DC=contoso"));
        assert_eq!((head("dc=x"), head("CN=Users")), (Some("dc=x"), None));
    }

    #[test]
    fn clocks_are_told_by_the_domain_and_else_by_the_middle() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let mark = |domain: Option<&str>| Watched {
            time: at(1_020),
            domain: domain.map(str::to_owned),
            set: None,
            changed: None,
            moved: None,
            why: None,
            known: true,
            ended: false,
            until: at(1_020),
            events: Vec::new(),
        };
        let span = Span { from: at(1_000), to: at(1_030) };
        // The domain (19700101001640 is 1000 s) is 5 s behind this machine, and APP1 20 s ahead of the domain.
        let asked = Span { from: at(1_005), to: at(1_005) };
        let told = clocks(&mark(Some("19700101001640.0Z")), span, Some((at(1_000), asked)));
        assert_eq!(told, Clocks { graph: None, app1: Some(15_000), domain: Some(-5_000) });
        let told = clocks(&mark(Some("19700101001640.0Z")), span, None);
        assert_eq!(told, Clocks { graph: None, app1: Some(5_000), domain: Some(-15_000) });
        assert_eq!(clocks(&mark(None), span, None), Clocks { graph: None, app1: Some(5_000), domain: None });
    }
}
