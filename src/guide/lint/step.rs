//! One step: every name it uses exists, every path stays inside Graph, every op can be taken back.

use super::{domain, names, scripts, uses};
use crate::guide::finding::{Finding, known_names};
use crate::guide::load::Parts;
use crate::guide::step::{
    Apply, Change, Check, Diagnosis, DiagnosisVerdict, Doubt, Expectation, Grant, GraphGet, LdapWrite, Op, Probe, Step, StepKind, Trip,
    Undo,
};
use crate::guide::variables::{Part, Reference, Template, is_code, is_name};
use crate::guide::yaml::Read;
use std::collections::HashSet;
use uses::{Seat, Use};

pub(super) fn lint(parts: &Parts, id: &str, read: &Read<Step>, out: &mut Vec<Finding>) {
    identity(read, id, out);
    probes(read, out);
    for (name, check) in &read.value.checks {
        self::check(parts, read, name, check, out);
    }
    for (number, diagnosis) in read.value.diagnose.iter().enumerate() {
        self::diagnosis(read, number, diagnosis, out);
    }
    apply(read, out);
    by_hand(read, out);
    for used in uses::of(&read.value) {
        references(parts, read, &used, out);
    }
}

fn identity(read: &Read<Step>, id: &str, out: &mut Vec<Finding>) {
    if read.value.id != id {
        let what = format!("the step `{}` lies in a directory `{id}`", read.value.id);
        out.push(read.at(&["id"], what).hint("give both the same name"));
    }
    if read.value.kind == StepKind::Action && read.value.apply.is_none() {
        let finding = read.at(&["kind"], "a step of kind `action` has no `apply`");
        out.push(finding.hint("add `apply`, or make it `manual`, `wizard` or `proof`"));
    }
}

fn keys<V>(map: &indexmap::IndexMap<String, V>) -> Vec<&str> {
    map.keys().map(String::as_str).collect()
}

fn probes(read: &Read<Step>, out: &mut Vec<Finding>) {
    for (name, probe) in &read.value.probes {
        names::kebab_key(read, &["probes", name], name, "probe", out);
        if ["var", "const", "captured", "found"].contains(&name.as_str()) {
            let finding = read.at_key(&["probes", name], format!("`{name}` cannot be a probe's name"));
            out.push(finding.hint("`{{ var:… }}`, `{{ const:… }}`, `{{ captured:… }}` and `{{ found:… }}` mean something else"));
        }
        match probe {
            Probe::Graph(get) => graph(read, name, get, out),
            Probe::Ldap(search) => domain::search(read, &["probes", name, "ldap"], search, out),
            Probe::Rights(look) => {
                let at = ["probes", name, "rights"];
                domain::name(read, &[&at[..], &["on"]].concat(), &look.on, out);
                domain::trustee(read, &[&at[..], &["trustee"]].concat(), &look.trustee, out);
                domain::rights(read, &[&at[..], &["wanted"]].concat(), &look.wanted, out);
            }
            // A machine's part and whose hand it was are closed sets, which parsing holds.
            Probe::Azure(_) | Probe::Ledger(_) | Probe::Trip(_) => {}
            Probe::Script(look) => scripts::look(read, name, look, out),
        }
    }
}

fn graph(read: &Read<Step>, name: &str, get: &GraphGet, out: &mut Vec<Finding>) {
    path(read, &["probes", name, "graph", "get"], &get.get, out);
    for (number, property) in get.select.iter().enumerate() {
        if property.is_empty() || !property.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            let finding = read.at(&["probes", name, "graph", "select", &number.to_string()], format!("`{property}` is no property"));
            out.push(finding.hint("write one name a list item, letters and digits"));
        }
    }
}

/// A step that can be walked in one way only has nothing to choose.
pub(super) fn options(read: &Read<Step>, out: &mut Vec<Finding>) {
    for name in read.value.options.keys() {
        names::kebab_key(read, &["options", name], name, "option", out);
    }
    if read.value.options.len() == 1 {
        let finding = read.at_key(&["options"], "there is only one option");
        out.push(finding.hint("write a second one, or take `options` out"));
    }
}

fn probe_exists(read: &Read<Step>, path: &[&str], probe: &str, out: &mut Vec<Finding>) {
    if !read.value.probes.contains_key(probe) {
        let finding = read.at(path, format!("there is no probe `{probe}` in this step"));
        out.push(finding.hint(known_names(probe, &keys(&read.value.probes), "probe")));
    }
}

fn check_exists(read: &Read<Step>, path: &[&str], check: &str, out: &mut Vec<Finding>) {
    if !read.value.checks.contains_key(check) {
        let finding = read.at(path, format!("there is no check `{check}` in this step"));
        out.push(finding.hint(known_names(check, &keys(&read.value.checks), "check")));
    }
}

fn code(read: &Read<Step>, path: &[&str], code: &str, out: &mut Vec<Finding>) {
    if !is_code(code) {
        let finding = read.at(path, format!("`{code}` is no code"));
        out.push(finding.hint("write capital letters, digits and single underscores: `ROLE_NOT_ACTIVE`"));
    }
}

fn check(parts: &Parts, read: &Read<Step>, name: &str, check: &Check, out: &mut Vec<Finding>) {
    let at = ["checks", name];
    names::kebab_key(read, &at, name, "check", out);
    probe_exists(read, &[&at[..], &["probe"]].concat(), &check.probe, out);
    code(read, &[&at[..], &["fail"]].concat(), &check.fail, out);
    if check.expect.is_empty() {
        let finding = read.at(&[&at[..], &["expect"]].concat(), format!("the check `{name}` expects nothing"));
        out.push(finding.hint("a check that holds whatever is there proves nothing; write a statement"));
    }
    for (number, need) in check.needs.iter().enumerate() {
        let number = number.to_string();
        self::need(parts, read, &[&at[..], &["needs", &number]].concat(), need, out);
    }
    let Some(settle) = check.settle else { return };
    if settle.every.is_zero() || settle.within < settle.every || settle.hold == 0 {
        let finding = read.at_key(&[&at[..], &["settle"]].concat(), "this settles never: `every` is 0 or above `within`, or `hold` is 0");
        out.push(finding.hint("for example `settle: {every: 5s, within: 2m, hold: 3}`"));
    }
}

/// `check` in this step, `step/check` in another.
fn need(parts: &Parts, read: &Read<Step>, path: &[&str], need: &str, out: &mut Vec<Finding>) {
    let Some((step_id, check_id)) = need.split_once('/') else { return check_exists(read, path, need, out) };
    let Some(step) = parts.steps.get(step_id) else {
        if parts.complete || !parts.pack.value.phases.iter().any(|phase| phase.steps.iter().any(|id| id == step_id)) {
            let finding = read.inside(path, step_id, format!("there is no step `{step_id}` in this pack"));
            out.push(finding.hint(known_names(step_id, &keys(&parts.steps), "step")));
        }
        return;
    };
    if !step.step.value.checks.contains_key(check_id) {
        let finding = read.inside(path, check_id, format!("there is no check `{check_id}` in the step `{step_id}`"));
        out.push(finding.hint(known_names(check_id, &keys(&step.step.value.checks), "check")));
    }
}

fn diagnosis(read: &Read<Step>, number: usize, diagnosis: &Diagnosis, out: &mut Vec<Finding>) {
    let number = number.to_string();
    let at = |keys: &[&'static str]| -> Vec<&str> { [&["diagnose", number.as_str()][..], keys].concat() };
    match &diagnosis.when.probe {
        Some(probe) => probe_exists(read, &at(&["when", "probe"]), probe, out),
        None if !diagnosis.when.expect.is_empty() => {
            let finding = read.at_key(&at(&["when"]), "these statements are about the facts of no probe");
            out.push(finding.hint("write `when: {probe: …, expect: […]}`; only an `error` may be that of any probe"));
        }
        None => {}
    }
    code(read, &at(&["code"]), &diagnosis.code, out);
    for (check_number, check) in diagnosis.checks.iter().enumerate() {
        let check_number = check_number.to_string();
        check_exists(read, &["diagnose", &number, "checks", &check_number], check, out);
    }
    if diagnosis.when.error.is_some() != diagnosis.when.expect.is_empty() {
        let finding = read.at_key(&at(&["when"]), "a diagnosis looks at an error or at facts: one of `error` and `expect`");
        out.push(finding.hint("write `when: {probe: …, error: 403}` or `when: {probe: …, expect: […]}`"));
    }
    if diagnosis.when.error.is_some() && diagnosis.verdict == Some(DiagnosisVerdict::Fail) {
        let finding = read.at(&at(&["verdict"]), "an error of a probe never becomes `fail`");
        out.push(finding.hint("whoever could not look does not know: write `verdict: unknown`"));
    }
}

fn apply(read: &Read<Step>, out: &mut Vec<Finding>) {
    let Some(Apply { ops, settle }) = &read.value.apply else { return };
    if let Some(settle) = settle {
        check_exists(read, &["apply", "settle"], settle, out);
    }
    if ops.is_empty() {
        out.push(read.at(&["apply", "ops"], "this action changes nothing").hint("write an op, or take `apply` out"));
    }
    let (mut ids, mut captured) = (HashSet::new(), HashSet::new());
    for (number, op) in ops.iter().enumerate() {
        let number = number.to_string();
        let at = ["apply", "ops", number.as_str()];
        names::kebab(read, &[&at[..], &["id"]].concat(), &op.id, "op", out);
        twice(read, &[&at[..], &["id"]].concat(), "op", &op.id, &mut ids, out);
        if let Some(unless) = &op.unless {
            check_exists(read, &[&at[..], &["unless"]].concat(), unless, out);
        }
        change(read, &at, op, out);
        undo(read, &at, op, out);
        for name in op.capture.keys() {
            let path = [&at[..], &["capture", name.as_str()]].concat();
            if !is_name(name) {
                out.push(names::bad(read.at_key(&path, format!("`{name}` is no name of a captured value"))));
            }
            if !captured.insert(name) {
                let finding = read.at_key(&path, format!("two ops capture `{name}`"));
                out.push(finding.hint("give each its own name"));
            }
        }
    }
}

fn change(read: &Read<Step>, at: &[&str], op: &Op, out: &mut Vec<Finding>) {
    match &op.change {
        Change::Graph(write) => path(read, &[at, &["graph", write.method.key()]].concat(), &write.path, out),
        Change::Grant(Grant { on, trustee, rights }) => {
            domain::name(read, &[at, &["grant", "on"]].concat(), on, out);
            domain::trustee(read, &[at, &["grant", "trustee"]].concat(), trustee, out);
            domain::rights(read, &[at, &["grant", "rights"]].concat(), rights, out);
            if !op.capture.is_empty() {
                let finding = read.at_key(&[at, &["capture"]].concat(), "a grant has no reply of which something could be kept");
                out.push(finding.hint("take `capture` out; the journal keeps the entries that were added"));
            }
        }
        Change::Ldap(write) => domain::write(read, &[at, &["ldap"]].concat(), op, write, out),
        Change::Azure(_) => {
            if !op.capture.is_empty() {
                let finding = read.at_key(&[at, &["capture"]].concat(), "starting a machine has no reply of which something could be kept");
                out.push(finding.hint("take `capture` out"));
            }
        }
        Change::Trip(trip) => self::trip(read, at, op, trip, out),
        Change::Script(run) => scripts::run(read, &[at, &["script"]].concat(), run, out),
    }
}

fn trip(read: &Read<Step>, at: &[&str], op: &Op, trip: &Trip, out: &mut Vec<Finding>) {
    domain::name(read, &[at, &["trip", "dn"]].concat(), &trip.dn, out);
    for (key, template) in [("user", &trip.user), ("upn", &trip.upn)] {
        if !matches!(template.parts.as_slice(), [Part::Reference(_)]) {
            let finding = read.at(&[at, &["trip", key]].concat(), format!("`{}` is not read from the tenant", template.source));
            out.push(finding.hint("write one reference, such as `{{ user:/value/0/id }}`: whose password travels is never guessed"));
        }
    }
    if !op.capture.is_empty() {
        let finding = read.at_key(&[at, &["capture"]].concat(), "the journal keeps the hops of a trip by itself");
        out.push(finding.hint("take `capture` out; a probe of kind `trip` reads them"));
    }
    if op.doubt == Doubt::Repeat {
        let finding = read.at(&[at, &["doubt"]].concat(), "a reset sent twice is not harmless");
        out.push(finding.hint("five tries within an hour lock the user for a day: write `look` or `ask`"));
    }
}

fn undo(read: &Read<Step>, at: &[&str], op: &Op, out: &mut Vec<Finding>) {
    let here = [at, &["undo"]].concat();
    let within = |keys: &[&'static str]| [&here[..], keys].concat();
    let wrong = match &op.undo {
        Undo::Graph(write) if matches!(op.change, Change::Graph(_)) => {
            path(read, &within(&["graph", write.method.key()]), &write.path, out);
            None
        }
        Undo::Script(run) if matches!(op.change, Change::Script(_)) => {
            scripts::run(read, &within(&["script"]), run, out);
            None
        }
        Undo::With(other) => {
            with(read, &within(&["with"]), &op.id, other, out);
            None
        }
        Undo::None(why) => {
            if why.trim().is_empty() {
                let finding = read.at(&within(&["none"]), "this says no reason why it cannot be taken back");
                out.push(finding.hint("the person reads it before saying yes"));
            }
            None
        }
        Undo::Graph(_) => Some(not_by_graph(&op.change)),
        Undo::Script(_) => Some((
            "only what a script did is taken back by a script",
            "name what takes it back in its own kind, or write `undo: {none: why}`",
        )),
        Undo::Revoke => (!matches!(op.change, Change::Grant(_)))
            .then_some(("only a grant can be revoked", "name the request that takes it back: `undo: {graph: …}`, or `undo: {none: why}`")),
        Undo::Delete => (!matches!(op.change, Change::Ldap(LdapWrite::Add(_))))
            .then_some(("only a new object of the domain can be deleted", "`undo: delete` belongs to `ldap: {add: …}`")),
        Undo::Restore => (!matches!(op.change, Change::Ldap(LdapWrite::Set(_))))
            .then_some(("only values that were set can be restored", "`undo: restore` belongs to `ldap: {modify: …}`")),
    };
    if let Some((what, hint)) = wrong {
        out.push(read.at(&here, what).hint(hint));
    }
}

/// Why a Graph request does not take this back, and what does.
fn not_by_graph(change: &Change) -> (&'static str, &'static str) {
    match change {
        Change::Graph(_) => ("", ""),
        Change::Grant(_) => ("a grant is not taken back by a Graph request", "write `undo: revoke`"),
        Change::Trip(_) => ("no request brings an old password back", "write `undo: {none: why}`"),
        Change::Azure(_) => ("a Graph request does not stop a machine", "write `undo: {none: why}`"),
        Change::Script(_) => {
            ("what a script did is not taken back by a Graph request", "write `undo: {script: …}`, or `undo: {none: why}`")
        }
        Change::Ldap(_) => (
            "a change of the domain is not taken back by a Graph request",
            "write `undo: delete` for a new object, `undo: restore` for values that were set",
        ),
    }
}

/// `undo: {with: OP}`: an earlier op of the step that makes an object, whose own undo deletes it.
fn with(read: &Read<Step>, at: &[&str], op: &str, other: &str, out: &mut Vec<Finding>) {
    let ops = read.value.apply.iter().flat_map(|apply| &apply.ops);
    let makes: Vec<&str> =
        ops.take_while(|earlier| earlier.id != op).filter(|earlier| earlier.undo.removes()).map(|earlier| earlier.id.as_str()).collect();
    if !makes.contains(&other) {
        let finding = read.at(at, format!("no op before `{op}` makes something that goes by its undo and is called `{other}`"));
        out.push(finding.hint(known_names(other, &makes, "op")));
    }
}

fn twice<'s>(read: &Read<Step>, path: &[&str], word: &str, id: &'s str, seen: &mut HashSet<&'s str>, out: &mut Vec<Finding>) {
    if !seen.insert(id) {
        out.push(read.at(path, format!("there are two {word}s `{id}`")).hint("rename one"));
    }
}

fn by_hand(read: &Read<Step>, out: &mut Vec<Finding>) {
    let (mut tasks, mut pages) = (HashSet::new(), HashSet::new());
    for (number, task) in read.value.tasks.iter().enumerate() {
        let number = number.to_string();
        names::kebab(read, &["tasks", &number, "id"], &task.id, "task", out);
        twice(read, &["tasks", &number, "id"], "task", &task.id, &mut tasks, out);
    }
    for (number, page) in read.value.pages.iter().enumerate() {
        let number = number.to_string();
        names::kebab(read, &["pages", &number, "id"], &page.id, "page", out);
        twice(read, &["pages", &number, "id"], "page", &page.id, &mut pages, out);
        if tasks.contains(page.id.as_str()) {
            // A person's word names either by its id alone.
            let finding = read.at(&["pages", &number, "id"], format!("the page `{}` has the name of a task", page.id));
            out.push(finding.hint("rename one"));
        }
        if let Some(task) = page.task.as_deref().filter(|task| !tasks.contains(task)) {
            let known: Vec<&str> = read.value.tasks.iter().map(|task| task.id.as_str()).collect();
            let finding = read.at(&["pages", &number, "task"], format!("there is no task `{task}` in this step"));
            out.push(finding.hint(known_names(task, &known, "task")));
        }
    }
}

fn references(parts: &Parts, read: &Read<Step>, used: &Use<'_>, out: &mut Vec<Finding>) {
    let pack = &parts.pack.value;
    for reference in used.template.references() {
        let (word, name, known) = match reference {
            Reference::Variable(name) => ("variable", name, keys(&pack.variables)),
            Reference::Constant(name) => ("constant", name, keys(&pack.constants)),
            Reference::Probe { probe, .. } => ("probe", probe, keys(&read.value.probes)),
            Reference::Captured(name) => ("captured value", name, captured(&read.value, used.seat)),
            Reference::Found { check, .. } if check.contains('/') => {
                if let Some(finding) = found_elsewhere(parts, read, used, reference, check) {
                    out.push(finding);
                }
                continue;
            }
            Reference::Found { check, .. } => ("check that finds an item", check, finding(&read.value)),
        };
        let stated = matches!(used.path.first().map(String::as_str), Some("checks" | "diagnose"));
        if stated && matches!(reference, Reference::Found { .. }) {
            let finding = read.inside(&used.keys(), &reference.to_string(), "a statement cannot rest on what a check found");
            out.push(finding.hint("probes and ops can; a check can name the other in `needs`"));
            continue;
        }
        if known.contains(&name.as_str()) {
            continue;
        }
        let finding = read.inside(&used.keys(), &reference.to_string(), format!("there is no {word} `{name}`"));
        let hint = match used.seat {
            Seat::Reading if word == "captured value" => "only ops and their undo can use what was captured".to_owned(),
            Seat::Reading | Seat::Op(_) | Seat::Undo(_) => known_names(name, &known, word),
        };
        out.push(finding.hint(hint));
    }
}

/// An item that a check of another step found: only for ops, and only of a step that a check here needs, which is looked at then.
fn found_elsewhere(parts: &Parts, read: &Read<Step>, used: &Use<'_>, reference: &Reference, name: &str) -> Option<Finding> {
    let place = |what: String| read.inside(&used.keys(), &reference.to_string(), what);
    if used.seat == Seat::Reading {
        return Some(place("only an op can use what a check of another step found".to_owned()).hint("name a check of this step"));
    }
    let there = |(step, check): (&str, &str)| parts.steps.get(step).is_none_or(|step| finding(&step.step.value).contains(&check));
    let needed = || read.value.checks.values().any(|check| check.needs.iter().any(|need| need == name));
    if !name.split_once('/').is_some_and(there) {
        return Some(place(format!("there is no check `{name}` that finds an item")).hint("write `found:step/check:/pointer`"));
    }
    (!needed()).then(|| place(format!("no check here needs `{name}`")).hint("add it to `needs` of the check that this op turns"))
}

/// Checks that hold by one item of a list.
fn finding(step: &Step) -> Vec<&str> {
    let any = |check: &Check| check.expect.iter().any(|one| matches!(one, Expectation::Any { .. }));
    step.checks.iter().filter(|(_, check)| any(check)).map(|(name, _)| name.as_str()).collect()
}

/// What is captured by the time a text is filled in: an op sees the ops before it, an undo its own op too.
fn captured(step: &Step, seat: Seat) -> Vec<&str> {
    let count = match seat {
        Seat::Reading => 0,
        Seat::Op(number) => number,
        Seat::Undo(number) => number + 1,
    };
    step.apply.iter().flat_map(|apply| apply.ops.iter().take(count)).flat_map(|op| op.capture.keys().map(String::as_str)).collect()
}

fn path(read: &Read<Step>, keys: &[&str], template: &Template, out: &mut Vec<Finding>) {
    if let Some((needle, what)) = path_problem(template) {
        let finding = read.inside(keys, &needle, what);
        out.push(finding.hint("a path is `/v1.0/…` or `/beta/…`; queries stand in `filter`, `select` and `expand`"));
    }
}

/// Why a Graph path is refused, with the piece of it that is wrong. Only the text is looked at: references are encoded as
/// one segment when they are filled in.
pub(super) fn path_problem(template: &Template) -> Option<(String, String)> {
    let source = &template.source;
    let first = match template.parts.first() {
        Some(Part::Text(text)) => text.as_str(),
        Some(Part::Reference(_)) | None => "",
    };
    if !first.starts_with("/v1.0/") && !first.starts_with("/beta/") {
        return Some((source.clone(), format!("the path `{source}` does not begin with `/v1.0/` or `/beta/`")));
    }
    for part in &template.parts {
        let Part::Text(text) = part else { continue };
        if let Some(wrong) = ["..", "//", "$batch"].into_iter().find(|wrong| text.to_ascii_lowercase().contains(wrong)) {
            return Some((wrong.to_owned(), format!("the path `{source}` holds `{wrong}`")));
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || "/-_.$()=',:@!~".contains(c);
        if let Some(wrong) = text.chars().find(|c| !fits(*c)) {
            return Some((wrong.to_string(), format!("the path `{source}` holds `{}`", wrong.escape_default())));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_inside_graph() {
        let wrong = |path: &str| path_problem(&Template::parse(path).unwrap()).is_some();
        for path in ["/v1.0/users", "/beta/x/{{ u:/value/0/id }}/y", "/v1.0/directoryRoles(roleTemplateId='a-b')/members/$ref"] {
            assert!(!wrong(path), "{path}");
        }
        for path in [
            "",
            "/",
            "/v1.0",
            "/v2.0/x",
            "v1.0/x",
            "//evil/v1.0/",
            "https://x/v1.0/y",
            "/v1.0/a?b",
            "/v1.0/../x",
            "/v1.0/$batch",
            "/v1.0/$BATCH",
            "/v1.0/a\\b",
            "/v1.0/a%2e%2e",
            "/v1.0/a#b",
            "/v1.0/a b",
            "/v1.0/a\nb",
            "/v1.0//b",
            "{{ var:x }}/v1.0/y",
            "/v1.0/é",
        ] {
            assert!(wrong(path), "{path}");
        }
    }
}
