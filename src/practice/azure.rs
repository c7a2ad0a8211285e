//! The Azure mouth of the lab: Resource Manager over HTTPS, as `facts/wire.md` 20–27 say it behaves. The truth is in `world`.

mod machines;
mod operations;
mod refusal;
mod run;
mod scripts;
mod throttle;

pub(super) use operations::settle;
pub(super) use throttle::Throttle;

use super::{
    entra::itself,
    faults,
    live::Live,
    store::StoreError,
    wire::{Answer, Question},
    world::{Machine, NOBODY, Refused, Resource, SUBSCRIPTION, TENANT, User},
};
use hyper::Method;
use refusal::Refusal;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What managed run commands were given that Azure does not show again, by the id of their operation; in memory only.
pub(super) type Secrets = BTreeMap<String, Vec<(String, String)>>;

/// What an operation does.
type Run = fn(&mut Call<'_>) -> Result<Answer, Refusal>;

/// One operation.
struct Operation {
    method: Method,
    /// `{}` stands for a value; names are known in any case.
    path: &'static [&'static str],
    /// The right that it needs; empty for none.
    action: &'static str,
    run: Run,
}

/// A call that may run.
struct Call<'a> {
    live: &'a mut Live,
    question: &'a Question,
    /// What stood for `{}`.
    values: Vec<String>,
    caller: User,
}

const fn op(method: Method, path: &'static [&'static str], action: &'static str, run: Run) -> Operation {
    Operation { method, path, action, run }
}

const GET: Method = Method::GET;
const HEAD: Method = Method::HEAD;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;
const S: &str = "subscriptions";
const G: &str = "resourceGroups";
const P: &str = "providers";
const C: &str = "Microsoft.Compute";
const V: &str = "virtualMachines";
const R: &str = "runCommands";

const GROUP_READ: &str = "Microsoft.Resources/subscriptions/resourceGroups/read";
const READ: &str = "Microsoft.Compute/virtualMachines/read";
const VIEW: &str = "Microsoft.Compute/virtualMachines/instanceView/read";
const START: &str = "Microsoft.Compute/virtualMachines/start/action";
const RUN: &str = "Microsoft.Compute/virtualMachines/runCommand/action";
const COMMANDS_READ: &str = "Microsoft.Compute/virtualMachines/runCommands/read";
const COMMANDS_WRITE: &str = "Microsoft.Compute/virtualMachines/runCommands/write";
const COMMANDS_DELETE: &str = "Microsoft.Compute/virtualMachines/runCommands/delete";
const OPERATION_READ: &str = "Microsoft.Compute/locations/operations/read";

const OPERATIONS: &[Operation] = &[
    op(GET, &[S], "", machines::subscriptions),
    op(GET, &[S, "{}", G, "{}"], GROUP_READ, machines::group),
    op(HEAD, &[S, "{}", G, "{}"], GROUP_READ, machines::has_group),
    // Whoever may see nothing in a subscription gets an empty list, not a refusal.
    op(GET, &[S, "{}", P, C, V], "", machines::all),
    op(GET, &[S, "{}", G, "{}", P, C, V], READ, machines::list),
    op(GET, &[S, "{}", G, "{}", P, C, V, "{}"], READ, machines::one),
    op(GET, &[S, "{}", G, "{}", P, C, V, "{}", "instanceView"], VIEW, machines::view),
    op(POST, &[S, "{}", G, "{}", P, C, V, "{}", "start"], START, machines::start),
    op(POST, &[S, "{}", G, "{}", P, C, V, "{}", "runCommand"], RUN, run::run),
    op(GET, &[S, "{}", G, "{}", P, C, V, "{}", R], COMMANDS_READ, run::list),
    op(GET, &[S, "{}", G, "{}", P, C, V, "{}", R, "{}"], COMMANDS_READ, run::one),
    op(PUT, &[S, "{}", G, "{}", P, C, V, "{}", R, "{}"], COMMANDS_WRITE, run::put),
    op(DELETE, &[S, "{}", G, "{}", P, C, V, "{}", R, "{}"], COMMANDS_DELETE, run::delete),
    op(GET, &[S, "{}", P, C, "locations", "{}", "operations", "{}"], OPERATION_READ, operations::poll),
];

/// Answers a request to Resource Manager.
pub(super) fn answer(live: &mut Live, question: &Question) -> Answer {
    let mut action = None;
    let (now, reads) = (live.now(), [GET, HEAD].contains(&question.method));
    let left = live.throttle.take(reads, now);
    let answered = match left {
        None => Err(Refusal::throttled(reads, live.throttle.wait(reads))),
        Some(_) if live.is_broken(faults::Fault::Throttled) => Err(Refusal::throttled(reads, faults::AZURE_RETRY_AFTER)),
        Some(_) => answered(live, question, &mut action),
    };
    let kind = if reads { "x-ms-ratelimit-remaining-subscription-reads" } else { "x-ms-ratelimit-remaining-subscription-writes" };
    let answer = answered.unwrap_or_else(|refusal| refusal.answer(live));
    let said = live.said_now().strftime("%Y%m%dT%H%M%SZ");
    let answer = answer
        .header(kind, left.unwrap_or(0).to_string())
        .header("x-ms-request-id", &question.request_id)
        .header("x-ms-correlation-request-id", &question.request_id)
        .header("x-ms-routing-request-id", format!("WESTEUROPE:{said}:{}", question.request_id))
        .header("strict-transport-security", "max-age=31536000; includeSubDomains");
    match action {
        Some(action) => answer.by(action),
        None => answer,
    }
}

fn answered(live: &mut Live, question: &Question, action: &mut Option<&'static str>) -> Result<Answer, Refusal> {
    version(question, live.now())?;
    let caller = caller(live, question)?;
    let (operation, values) = find(&question.method, &question.path)?;
    let mut call = Call { live, question, values, caller };
    call.check_subscription()?;
    call.check_right(operation.action)?;
    if !operation.action.is_empty() {
        *action = Some(operation.action);
    }
    (operation.run)(&mut call)
}

/// `api-version` is a date, perhaps `-preview`; each date of the last years will do.
fn version(question: &Question, now: jiff::Timestamp) -> Result<(), Refusal> {
    let given = question.param("api-version").ok_or_else(Refusal::no_version)?;
    let date: Option<jiff::civil::Date> = given.trim_end_matches("-preview").parse().ok().filter(|_| given.len() >= 10);
    let (oldest, newest) = (jiff::civil::date(2015, 1, 1), now.to_zoned(jiff::tz::TimeZone::UTC).date());
    // A version may be announced a little before its day.
    let known = |date: &jiff::civil::Date| *date >= oldest && date.year() <= newest.year() + 1;
    date.filter(known).map(drop).ok_or_else(|| Refusal::wrong_version(given))
}

fn caller(live: &Live, question: &Question) -> Result<User, Refusal> {
    let header = question.header("authorization").ok_or_else(|| Refusal::sign_in("The 'Authorization' header is missing."))?;
    let token = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let (_, token) = token.ok_or_else(|| Refusal::sign_in("The 'Authorization' header is provided in an invalid format."))?;
    let world = live.world();
    let held = world.tokens.access(token.trim(), live.now(), world.tokens_dead_before()).map_err(|why| match why {
        Refused::Expired => Refusal::expired(),
        Refused::Unknown | Refused::Revoked => Refusal::token(),
    })?;
    if held.resource != Resource::Azure {
        return Err(Refusal::audience(&live.settings.base));
    }
    if held.user == NOBODY {
        return Ok(itself(world));
    }
    world.directory.user(&held.user).filter(|user| user.enabled).cloned().ok_or_else(Refusal::token)
}

fn find(method: &Method, path: &[String]) -> Result<(&'static Operation, Vec<String>), Refusal> {
    let fits = |operation: &&Operation| {
        operation.path.len() == path.len()
            && operation.path.iter().zip(path).all(|(name, segment)| *name == "{}" || name.eq_ignore_ascii_case(segment))
    };
    let mut known = OPERATIONS.iter().filter(fits).peekable();
    if known.peek().is_none() {
        return Err(Refusal::no_such_type(path));
    }
    let operation = known.find(|operation| operation.method == method).ok_or_else(|| Refusal::method(method))?;
    let values = operation.path.iter().zip(path).filter(|(name, _)| **name == "{}").map(|(_, segment)| segment.clone());
    Ok((operation, values.collect()))
}

impl Call<'_> {
    fn value(&self, at: usize) -> &str {
        self.values.get(at).map_or("", String::as_str)
    }

    fn check_subscription(&self) -> Result<(), Refusal> {
        let Some(named) = self.values.first() else { return Ok(()) };
        if named.eq_ignore_ascii_case(SUBSCRIPTION) {
            return Ok(());
        }
        let is_guid = named.len() == 36 && named.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        Err(if is_guid { Refusal::no_subscription(named) } else { Refusal::malformed_subscription(named) })
    }

    /// 403 for a wrong resource group too: the rights are narrower than the subscription (`facts/wire.md` 21).
    fn check_right(&self, action: &str) -> Result<(), Refusal> {
        if action.is_empty() {
            return Ok(());
        }
        let in_group = self.question.path.get(2).is_none_or(|segment| !segment.eq_ignore_ascii_case(G))
            || self.value(1).eq_ignore_ascii_case(crate::practice::world::GROUP);
        if in_group && self.live.world().azure.may(&self.caller.id, action) {
            return Ok(());
        }
        Err(Refusal::forbidden(&self.caller, action, &self.question.path))
    }

    /// The machine that the path names.
    fn machine(&self) -> Result<Machine, Refusal> {
        let name = self.value(2);
        self.live.world().azure.machine(name).cloned().ok_or_else(|| Refusal::no_machine(name))
    }

    /// The body as a JSON object.
    fn body(&self) -> Result<Map<String, Value>, Refusal> {
        serde_json::from_slice(&self.question.body).map_err(|error| Refusal::content(&error.to_string()))
    }

    /// An address of the service.
    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.live.settings.azure)
    }

    fn version(&self) -> &str {
        self.question.param("api-version").unwrap_or_default()
    }

    fn change<T>(&mut self, change: impl FnOnce(&mut super::world::World) -> T) -> Result<T, Refusal> {
        Ok(self.live.change(|world| Ok::<T, StoreError>(change(world)))?)
    }
}

/// Where a token for Resource Manager comes from.
fn challenge(live: &Live, error: &str, about: &str) -> String {
    format!(r#"Bearer authorization_uri="{}/{TENANT}", error="{error}", error_description="{about}""#, live.settings.base)
}
