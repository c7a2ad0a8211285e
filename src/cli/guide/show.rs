//! A guide in readable text: what it is, what it may read and change, what each step asks of a person and proves.

use crate::base::text::line;
use crate::guide::pack::{Environment, Guide, Variable, VariableKind};
use crate::guide::prose::{StepProse, plain_text};
use crate::guide::step::{Apply, AzureChange, Change, LdapWrite, Op, Probe, Right, Risk, ScriptRun, Step, StepKind, Trip, TripBy, Undo};
use crate::services::directory::dc1;
use crate::services::host::app1::{self, WATCH};
use indexmap::IndexMap;
use unicode_width::UnicodeWidthStr as _;

/// The widest line.
const WIDTH: usize = 100;

/// The guide's title.
pub(super) fn title(guide: &Guide) -> String {
    line(guide.pack.title.as_deref().unwrap_or(&guide.pack.source.title))
}

/// The whole guide as text.
pub(super) fn text(guide: &Guide) -> String {
    let mut page = Page(String::new());
    head(&mut page, guide);
    rights(&mut page, guide);
    variables(&mut page, guide);
    for phase in &guide.pack.phases {
        page.blank();
        page.line(0, "", &format!("{} ({})", phase.title, phase.id));
        for id in &phase.steps {
            if let (Some(step), Some(prose)) = (guide.steps.get(id), guide.prose.get(id)) {
                page.blank();
                self::step(&mut page, step, prose);
            }
        }
    }
    scripts(&mut page, guide);
    page.0
}

fn head(page: &mut Page, guide: &Guide) {
    let pack = &guide.pack;
    let origin = if guide.built_in { "built in" } else { "from a directory" };
    let environment = match pack.environment {
        Environment::Test => "for test labs",
        Environment::Production => "for production",
    };
    page.line(0, "", &title(guide));
    page.line(0, "", &format!("{} {}, {origin}, {environment}", pack.id, pack.version));
    page.line(0, "source  ", &format!("{}, {}", pack.source.title, pack.source.dated));
    page.line(0, "hash    ", &guide.hash);
}

/// What a pack that is not built in may do, for whoever is about to use it; `None` for one that is.
pub(super) fn foreign(guide: &Guide) -> Option<String> {
    let mut page = Page(String::new());
    head(&mut page, guide);
    rights(&mut page, guide);
    (!guide.built_in).then_some(page.0)
}

fn rights(page: &mut Page, guide: &Guide) {
    let rights = &guide.pack.rights;
    page.blank();
    page.line(0, "", "Rights");
    let systems = [("Graph", &rights.graph), ("Azure", &rights.azure), ("domain", &rights.domain)];
    page.line(2, "reading  ", &declared(systems.map(|(system, of)| (system, &of.read))));
    page.line(2, "writing  ", &declared(systems.map(|(system, of)| (system, &of.write))));
}

fn declared(systems: [(&str, &Vec<String>); 3]) -> String {
    let told = systems.iter().filter(|(_, list)| !list.is_empty()).map(|(system, list)| format!("{system}: {}", list.join(", ")));
    let told: Vec<String> = told.collect();
    if told.is_empty() { "nothing".to_owned() } else { told.join("; ") }
}

fn variables(page: &mut Page, guide: &Guide) {
    if guide.pack.variables.is_empty() {
        return;
    }
    page.blank();
    page.line(0, "", "Variables");
    for (name, variable) in &guide.pack.variables {
        page.line(2, &format!("{name}  "), &self::variable(variable));
    }
}

fn variable(variable: &Variable) -> String {
    let kind = match variable.kind {
        VariableKind::DnsName => "a DNS name",
        VariableKind::SamName => "a sAMAccountName",
        VariableKind::Guid => "a GUID",
        VariableKind::Text => "text",
    };
    let extra = [("", &variable.ask), ("by default ", &variable.default), ("for example ", &variable.example)];
    let told = extra.iter().filter_map(|(word, value)| value.as_ref().map(|value| format!(", {word}{value}")));
    format!("{kind}{}", told.collect::<String>())
}

/// The scripts of the program, which are the same for every guide, and which steps use them: a guide names them and brings none.
fn scripts(page: &mut Page, guide: &Guide) {
    page.blank();
    page.line(0, "", "Scripts in this program; never run on Windows by its authors");
    for script in app1::SCRIPTS {
        let steps: Vec<&str> = guide.steps.values().filter(|step| runs(step, script.name)).map(|step| step.id.as_str()).collect();
        let used = if steps.is_empty() { "not used by this guide".to_owned() } else { format!("used by {}", steps.join(", ")) };
        page.line(2, &format!("{}  ", script.name), &format!("{} On APP1; {used}.", script.about()));
    }
    for script in dc1::SCRIPTS {
        let about = script.about();
        page.line(
            2,
            &format!("{}  ", script.name),
            &format!("{about} On DC1; in labs that reach their domain by scripts (`via = \"dc1\"`)."),
        );
    }
}

/// Whether a step runs this script, with any of its options.
fn runs(step: &Step, name: &str) -> bool {
    let looks = |probes: &IndexMap<String, Probe>| probes.values().any(|probe| matches!(probe, Probe::Script(look) if look.run == name));
    let changes = |apply: &Apply| {
        apply.ops.iter().any(|op| {
            let change = match &op.change {
                Change::Script(run) => run.run == name,
                // A round trip names no script; it is watched by one.
                Change::Trip(_) => name == WATCH.name,
                Change::Graph(_) | Change::Grant(_) | Change::Azure(_) | Change::Ldap(_) => false,
            };
            change || matches!(&op.undo, Undo::Script(run) if run.run == name)
        })
    };
    let variants = step.options.values();
    looks(&step.probes)
        || step.apply.as_ref().is_some_and(changes)
        || variants.clone().any(|variant| looks(&variant.probes) || variant.apply.as_ref().is_some_and(changes))
}

fn step(page: &mut Page, step: &Step, prose: &StepProse) {
    let kind = match step.kind {
        StepKind::Action => "Guidepost can do it",
        StepKind::Wizard => "a wizard, by hand",
        StepKind::Manual => "by hand",
        StepKind::Proof => "proves only",
    };
    let risk = match step.risk {
        Risk::None => "",
        Risk::Low => ", low risk",
        Risk::Medium => ", medium risk",
        Risk::High => ", high risk",
    };
    page.line(2, &format!("{}  ", step.id), &prose.title);
    page.line(4, "", &prose.summary);
    page.line(4, "", &format!("{kind}{risk}; {}", step.place));
    for task in &step.tasks {
        let number = task.covers.as_deref().unwrap_or("-");
        page.line(4, &format!("{number:<4}"), &words(&prose.tasks, &task.id));
    }
    for (number, wizard) in step.pages.iter().enumerate() {
        page.line(4, &format!("page {}  ", number + 1), &words(&prose.pages, &wizard.id));
    }
    for id in step.options.keys() {
        page.line(4, &format!("option {id}: "), &words(&prose.options, id));
    }
    for id in step.checks.keys() {
        page.line(4, &format!("proves {id}: "), &words(&prose.checks, id));
    }
    for op in step.apply.iter().flat_map(|apply| &apply.ops) {
        page.line(4, &format!("can change {}: ", op.id), &change(op, prose));
    }
}

fn change(op: &Op, prose: &StepProse) -> String {
    let undo = match &op.undo {
        Undo::Graph(write) => format!("taken back by {} {}", write.method.as_str(), write.path.source),
        Undo::Revoke => "taken back by removing exactly the entries that were added".to_owned(),
        Undo::Delete => "taken back by deleting the object, if nothing is in it".to_owned(),
        Undo::Restore => "taken back by giving back the values that were there".to_owned(),
        Undo::With(op) => format!("goes with what `{op}` made"),
        Undo::Script(run) => format!("taken back by {}", script(run)),
        Undo::None(why) => format!("cannot be taken back: {why}"),
    };
    let sent = match &op.change {
        Change::Graph(write) => format!("{} {}", write.method.as_str(), write.path.source),
        Change::Grant(grant) => format!("grant {} on {}", list(&grant.rights), grant.on.source),
        Change::Trip(Trip { by: TripBy::Administrator, upn, .. }) => {
            format!("reset the password of {} through Graph, and watch it travel into the domain", upn.source)
        }
        Change::Trip(Trip { by: TripBy::Person, upn, .. }) => {
            format!("watch {} set a password by their own hand; nothing is sent", upn.source)
        }
        Change::Script(run) => script(run),
        Change::Azure(AzureChange::Start(part)) => format!("start the machine {} in Azure", part.key()),
        Change::Ldap(LdapWrite::Add(add)) => format!("add the {} {} to the domain", add.class.key(), add.dn.source),
        Change::Ldap(LdapWrite::Set(set)) => {
            format!("set {} of {}", set.set.keys().map(String::as_str).collect::<Vec<_>>().join(", "), set.dn.source)
        }
    };
    format!("{}; {sent}; {undo}", words(&prose.changes, &op.id))
}

fn script(run: &ScriptRun) -> String {
    format!("run the script {}", crate::engine::scripts::line(run))
}

fn list(rights: &[Right]) -> String {
    rights.iter().map(|right| right.key()).collect::<Vec<_>>().join(", ")
}

fn words(of: &indexmap::IndexMap<String, Vec<crate::guide::Span>>, id: &str) -> String {
    of.get(id).map(|spans| plain_text(spans)).unwrap_or_default()
}

struct Page(String);

impl Page {
    fn blank(&mut self) {
        self.0.push('\n');
    }

    /// A label and its text, wrapped, later lines under the text.
    fn line(&mut self, indent: usize, label: &str, text: &str) {
        let label = format!("{}{}", " ".repeat(indent), clean(label));
        let hang = " ".repeat(label.width().min(40));
        let mut row = label;
        let mut fresh = true;
        for word in line(text).split(' ') {
            if !fresh && row.width() + 1 + word.width() > WIDTH {
                self.push(&row);
                row.clone_from(&hang);
                fresh = true;
            }
            if !fresh {
                row.push(' ');
            }
            row.push_str(word);
            fresh = false;
        }
        self.push(&row);
    }

    fn push(&mut self, row: &str) {
        self.0.push_str(row.trim_end());
        self.0.push('\n');
    }
}

/// Clean, with the spaces that align it.
fn clean(label: &str) -> String {
    label.chars().map(|c| if crate::base::text::is_hostile(c) { crate::base::text::REPLACED } else { c }).collect()
}
