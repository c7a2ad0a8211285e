//! Every text with references in a step, and where it stands.

use crate::guide::step::{Apply, Body, Change, Expectation, Grant, GraphWrite, LdapWrite, Matcher, Op, Operand, Probe, Step, Undo};
use crate::guide::variables::Template;

/// A text that may hold references.
pub(super) struct Use<'s> {
    /// Keys and list numbers from the top of the file.
    pub(super) path: Vec<String>,
    /// The text.
    pub(super) template: &'s Template,
    /// What it belongs to.
    pub(super) seat: Seat,
}

impl Use<'_> {
    /// The path as the outline takes it.
    pub(super) fn keys(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }
}

/// What a text belongs to: which captured values it may use follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    /// A probe, a check or a diagnosis.
    Reading,
    /// The op of this number.
    Op(usize),
    /// The undo of the op of this number.
    Undo(usize),
}

/// All texts with references of a step.
pub(super) fn of(step: &Step) -> Vec<Use<'_>> {
    let mut list = List { seat: Seat::Reading, uses: Vec::new() };
    for (name, probe) in &step.probes {
        list.probe(&["probes", name], probe);
    }
    for (name, check) in &step.checks {
        list.expectations(&["checks", name, "expect"], &check.expect);
    }
    for (number, diagnosis) in step.diagnose.iter().enumerate() {
        list.expectations(&["diagnose", &number.to_string(), "when", "expect"], &diagnosis.when.expect);
    }
    if let Some(apply) = &step.apply {
        list.apply(apply);
    }
    list.uses
}

/// The texts of one probe.
pub(super) fn of_probe<'s>(name: &str, probe: &'s Probe) -> Vec<Use<'s>> {
    let mut list = List { seat: Seat::Reading, uses: Vec::new() };
    list.probe(&["probes", name], probe);
    list.uses
}

/// The texts of some statements.
pub(super) fn of_statements(expectations: &[Expectation]) -> Vec<Use<'_>> {
    let mut list = List { seat: Seat::Reading, uses: Vec::new() };
    list.expectations(&[], expectations);
    list.uses
}

struct List<'s> {
    seat: Seat,
    uses: Vec<Use<'s>>,
}

impl<'s> List<'s> {
    fn push(&mut self, path: &[&str], template: &'s Template) {
        let path = path.iter().map(|key| (*key).to_owned()).collect();
        self.uses.push(Use { path, template, seat: self.seat });
    }

    fn probe(&mut self, path: &[&str], probe: &'s Probe) {
        match probe {
            Probe::Graph(get) => {
                self.push(&[path, &["graph", "get"]].concat(), &get.get);
                if let Some(filter) = &get.filter {
                    self.push(&[path, &["graph", "filter"]].concat(), filter);
                }
            }
            Probe::Ldap(search) => {
                self.push(&[path, &["ldap", "base"]].concat(), &search.base);
                self.push(&[path, &["ldap", "filter"]].concat(), &search.filter);
            }
            Probe::Rights(look) => {
                self.push(&[path, &["rights", "on"]].concat(), &look.on);
                self.push(&[path, &["rights", "trustee"]].concat(), &look.trustee);
            }
            // They hold no reference.
            Probe::Azure(_) | Probe::Trip(_) | Probe::Script(_) | Probe::Ledger(_) => {}
        }
    }

    fn expectations(&mut self, path: &[&str], expectations: &'s [Expectation]) {
        for (number, expectation) in expectations.iter().enumerate() {
            let number = number.to_string();
            let path = [path, &[number.as_str()]].concat();
            match expectation {
                Expectation::At { matcher, .. } => self.matcher(&path, matcher),
                Expectation::Any { each, .. } | Expectation::All { each, .. } => {
                    self.expectations(&[&path, &["where"][..]].concat(), each);
                }
            }
        }
    }

    fn matcher(&mut self, path: &[&str], matcher: &'s Matcher) {
        let (key, template) = match matcher {
            Matcher::Equals(Operand::Text(text)) => ("equals", text),
            Matcher::Not(Operand::Text(text)) => ("not", text),
            Matcher::Contains(Operand::Text(text)) => ("contains", text),
            Matcher::Matches(text) => ("matches", text),
            Matcher::Equals(Operand::Json(_))
            | Matcher::Not(Operand::Json(_))
            | Matcher::Contains(Operand::Json(_))
            | Matcher::Present
            | Matcher::Absent
            | Matcher::Count(_)
            | Matcher::NewerThan(_)
            | Matcher::OlderThan(_)
            | Matcher::AtLeast(_)
            | Matcher::AtMost(_) => return,
        };
        self.push(&[path, &[key]].concat(), template);
    }

    fn apply(&mut self, apply: &'s Apply) {
        for (number, op) in apply.ops.iter().enumerate() {
            self.op(number, op);
        }
    }

    fn op(&mut self, number: usize, op: &'s Op) {
        let text = number.to_string();
        let path = ["apply", "ops", text.as_str()];
        self.seat = Seat::Op(number);
        match &op.change {
            Change::Graph(write) => self.write(&[&path[..], &["graph"]].concat(), write),
            Change::Grant(grant) => self.grant(&[&path[..], &["grant"]].concat(), grant),
            Change::Trip(trip) => {
                for (key, template) in [("user", &trip.user), ("dn", &trip.dn), ("upn", &trip.upn)] {
                    self.push(&[&path[..], &["trip", key]].concat(), template);
                }
            }
            Change::Azure(_) | Change::Script(_) => {}
            Change::Ldap(write) => self.ldap(&[&path[..], &["ldap"]].concat(), write),
        }
        if let Undo::Graph(write) = &op.undo {
            self.seat = Seat::Undo(number);
            self.write(&[&path[..], &["undo", "graph"]].concat(), write);
        }
    }

    fn grant(&mut self, path: &[&str], grant: &'s Grant) {
        self.push(&[path, &["on"]].concat(), &grant.on);
        self.push(&[path, &["trustee"]].concat(), &grant.trustee);
    }

    fn ldap(&mut self, path: &[&str], write: &'s LdapWrite) {
        let (dn, attributes) = match write {
            LdapWrite::Add(_) => ("add", "attributes"),
            LdapWrite::Set(_) => ("modify", "set"),
        };
        self.push(&[path, &[dn]].concat(), write.dn());
        for (name, value) in write.attributes() {
            self.push(&[path, &[attributes, name.as_str()]].concat(), value);
        }
    }

    fn write(&mut self, path: &[&str], write: &'s GraphWrite) {
        self.push(&[path, &[write.method.key()]].concat(), &write.path);
        if let Some(body) = &write.body {
            self.body(&[path, &["body"]].concat(), body);
        }
    }

    fn body(&mut self, path: &[&str], body: &'s Body) {
        match body {
            Body::Text(text) => self.push(path, text),
            Body::Object(fields) => fields.iter().for_each(|(name, value)| self.body(&[path, &[name.as_str()]].concat(), value)),
            Body::List(items) => {
                items.iter().enumerate().for_each(|(number, item)| self.body(&[path, &[number.to_string().as_str()]].concat(), item));
            }
            Body::Plain(_) => {}
        }
    }
}
