//! Taking back a consent: by Graph where the token may, else by hand, and never more than what we added.

use super::{Refusal, plan::PlannedOp};
use crate::base::Problem;
use crate::engine::{
    consent::{self, GRANTS, Grant, WriteAsk},
    core::Engine,
    journal::Event,
    ledger::Consent,
    probe::{GraphCall, NotReady, Systems, Write},
};
use crate::services::entra::Purpose;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How the open consents would be taken back.
#[derive(Default)]
pub(super) struct Removals {
    pub(super) ops: Vec<PlannedOp>,
    /// What a person must do, a sentence each.
    pub(super) by_hand: Vec<String>,
    /// What is surely not asked of anybody, a sentence each.
    pub(super) skipped: Vec<String>,
}

/// What Graph says about one grant.
enum Found {
    /// This takes out what we added.
    Send { write: GraphCall, before: String },
    /// Graph cannot, and why.
    Not(String),
}

impl Engine {
    /// The step in which consents are taken back: the guide's last, because the changes of all others need them until then.
    #[must_use]
    pub fn consent_step(&self) -> Option<&str> {
        self.guide().steps.keys().last().map(String::as_str)
    }

    /// The step whose change is to be taken back first: the newest one that can be. `None` when nothing but consents is left.
    #[must_use]
    pub fn next_to_undo(&self) -> Option<String> {
        self.ledger().open.iter().rev().find(|entry| entry.undo.is_some()).map(|entry| entry.step.clone())
    }

    /// What the newest sign-ins may do, as the sign-in service named it; `None` while it named nothing.
    #[must_use]
    pub fn meter(&self) -> Option<consent::Meter> {
        let systems = self.systems()?;
        consent::Meter::of([Purpose::Read, Purpose::Write].into_iter().flat_map(|purpose| systems.granted(purpose)))
    }

    /// Writes down what a sign-in gave; each line is on the disk before this returns.
    ///
    /// # Errors
    /// The journal cannot be written; the sentence names what stays unrecorded.
    pub fn record_consents(&self, given: &[consent::NewConsent]) -> Result<(), Problem> {
        let ledger = self.ledger();
        for one in given {
            // A consent that may be older is said once, not at each sign-in.
            let said = |known: &Consent| known.app == one.app && one.scopes.iter().all(|scope| known.scopes.contains(scope));
            // Nobody knows what came of what was asked for, once the sign-in is over and this says it.
            if one.unproven && ledger.consents.iter().any(said) {
                continue;
            }
            let consent::NewConsent { app, by, scopes, grant, unproven } = one.clone();
            let event = Event::Consented { app, by, scopes, grant, unproven, asked: false };
            self.record(self.consent_step(), event).map_err(|problem| {
                let names = consent::quoted(&one.scopes);
                Problem { what: format!("consent to {names} was given and could not be recorded: {}", problem.what), ..problem }
            })?;
        }
        Ok(())
    }

    /// Writes down what a sign-in for writing is about to ask for, so that a program that is killed meanwhile still finds it.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn record_asked(&self, ask: &WriteAsk) -> Result<(), Problem> {
        let known = |known: &Consent| known.asked && known.app == ask.app && known.scopes == ask.absent;
        if ask.absent.is_empty() || self.ledger().consents.iter().any(known) {
            return Ok(());
        }
        let by = self.systems().and_then(|systems| systems.me()).map(|me| me.name).unwrap_or_default();
        self.came(&ask.app, &by, ask.absent.clone(), true)
    }

    /// Says of what was asked for earlier what came of it, once a reply names it or does not.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn settle_asked(&self) -> Result<(), Problem> {
        let Some(systems) = self.systems().filter(|_| self.read_only().is_none()) else { return Ok(()) };
        for one in self.ledger().consents.iter().filter(|one| one.asked) {
            let purposes = [Purpose::Read, Purpose::Write].into_iter().filter(|purpose| systems.app(*purpose).as_deref() == Some(&one.app));
            let named: Vec<String> = purposes.flat_map(|purpose| systems.granted(purpose)).collect();
            if !named.is_empty() {
                let given = one.scopes.iter().filter(|scope| named.iter().any(|named| consent::short(named) == scope.as_str()));
                self.came(&one.app, &one.by, given.cloned().collect(), false)?;
            }
        }
        Ok(())
    }

    /// A sign-in for this application came to its end, and what it gave is written down: nothing else came of what was asked for.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn close_asked(&self, app: &str) -> Result<(), Problem> {
        match self.ledger().consents.iter().find(|one| one.asked && one.app == app) {
            Some(one) => self.came(app, &one.by, Vec::new(), false),
            None => Ok(()),
        }
    }

    fn came(&self, app: &str, by: &str, scopes: Vec<String>, asked: bool) -> Result<(), Problem> {
        let event = Event::Consented { app: app.into(), by: by.into(), scopes, grant: None, unproven: false, asked };
        self.record(self.consent_step(), event).map(|_| ())
    }

    /// Whether the changes of a plan could be sent; asks for a token, sends no change.
    ///
    /// # Errors
    /// [`Refusal::SignIn`] when a person must sign in for writing first.
    pub async fn ready_to_write(&self) -> Result<(), Refusal> {
        let systems = self.systems().ok_or_else(|| Refusal::Unknown(Problem::unknown("no lab is connected")))?;
        systems.ready_to_write().await.map_err(|why| match why {
            NotReady::SignIn(ask) => Refusal::SignIn(ask),
            NotReady::Failed(error) => Refusal::Unknown(Problem { hint: error.hint, ..Problem::unknown(error.what) }),
        })
    }

    /// How this step's consents would be taken back, by looking.
    ///
    /// # Errors
    /// Changes are open whose undo needs the consent.
    pub(super) async fn removals(&self, step: &str) -> Result<Removals, Refusal> {
        let mut removals = Removals::default();
        let ledger = self.ledger();
        if self.consent_step() != Some(step) || ledger.open_consents().next().is_none() {
            return Ok(removals);
        }
        if let Some(entry) = ledger.open.iter().find(|entry| entry.step != step && matches!(entry.undo, Some(Write::Graph(_)))) {
            return Err(Refusal::Not(
                Problem::new(format!("the consent stays for now: taking back `{}` needs it", entry.step))
                    .hint(format!("undo `{}` first; `guidepost undo --all` goes in the right order", entry.step)),
            ));
        }
        let systems = self.systems().ok_or_else(|| Refusal::Unknown(Problem::unknown("no lab is connected")))?;
        // Another application for writing names what it may only when it was asked for a token; no person is needed for that.
        let _ = systems.ready_to_write().await;
        for one in ledger.open_consents().rev() {
            if one.unproven || one.asked {
                removals.skipped.push(format!("{}: {}", one.sentence(), one.by_hand()));
                continue;
            }
            match found(systems.as_ref(), one).await {
                Found::Send { write, before } => removals.ops.push(planned(systems.as_ref(), one, write, before)),
                Found::Not(why) => removals.by_hand.push(by_hand(one, &why)),
            }
        }
        Ok(removals)
    }
}

fn by_hand(one: &Consent, why: &str) -> String {
    format!("{}; {why}. By hand: {}. Then say so: `guidepost attest {}`", one.sentence(), one.by_hand(), one.task())
}

fn planned(systems: &dyn Systems, one: &Consent, write: GraphCall, before: String) -> PlannedOp {
    PlannedOp {
        op: one.task(),
        title: format!("Take back the {}", one.sentence()),
        address: systems.address(&write.path),
        difference: None,
        before,
        undo: "by signing in for writing again".into(),
        needs: crate::guide::rights::needed(&write.method, &write.path).map(|names| names.join(" or ")),
        request: Write::Graph(write),
        undo_of: Some(one.n),
    }
}

async fn found(systems: &dyn Systems, one: &Consent) -> Found {
    let path = format!("{GRANTS}/any");
    if !consent::may(&systems.granted(Purpose::Write), "DELETE", &path) {
        let needed = crate::guide::rights::needed("DELETE", &path).unwrap_or_default();
        return Found::Not(format!("no permission to take it back was given ({} could)", consent::quoted(needed)));
    }
    let grant = match &one.grant {
        Some(id) => look(systems, id).await,
        None => by_scopes(systems, one).await,
    };
    match grant {
        Ok(grant) => send(&grant, one),
        Err(why) => Found::Not(why),
    }
}

async fn look(systems: &dyn Systems, id: &str) -> Result<Grant, String> {
    let encoded = crate::base::encode::path_segment(id).map_err(|error| error.to_string())?;
    match systems.look(&consent::get(format!("{GRANTS}/{encoded}"), Vec::new())).await {
        Ok(answer) => Grant::read(&answer.body).ok_or_else(|| "what Graph shows is no grant that could be taken back".to_owned()),
        // Gone, or not shown yet: what follows looks again until that is sure, and sends nothing to what is gone.
        Err(error) if error.status == Some(404) => Ok(Grant { id: id.to_owned(), scopes: BTreeSet::new() }),
        Err(error) => Err(format!("the grant could not be read: {}", error.what)),
    }
}

/// The one grant of this application that holds all that we added.
async fn by_scopes(systems: &dyn Systems, one: &Consent) -> Result<Grant, String> {
    let grants = consent::grants(systems, &one.app).await.ok_or("the grants of the application could not be read")?;
    let mut holding = grants.into_iter().filter(|grant| one.scopes.iter().all(|scope| grant.scopes.contains(scope)));
    match (holding.next(), holding.next()) {
        (Some(grant), None) => Ok(grant),
        (None, _) => Err("no grant of the application holds all of it".into()),
        (Some(_), Some(_)) => Err("more than one grant of the application holds it".into()),
    }
}

/// DELETE where nothing else is in the grant, else PATCH of what others put there.
fn send(grant: &Grant, one: &Consent) -> Found {
    let Ok(id) = crate::base::encode::path_segment(&grant.id) else { return Found::Not("the grant's id cannot be written".into()) };
    let path = format!("{GRANTS}/{id}");
    let rest: Vec<_> = grant.scopes.iter().filter(|scope| !one.scopes.contains(scope)).cloned().collect();
    let holds = |scopes: &BTreeSet<String>| scopes.iter().cloned().collect::<Vec<_>>().join(" ");
    let before = if grant.scopes.is_empty() { "no grant is shown".to_owned() } else { format!("the grant holds {}", holds(&grant.scopes)) };
    let write = if rest.is_empty() {
        GraphCall { method: "DELETE".into(), path, body: Value::Null }
    } else {
        GraphCall { method: "PATCH".into(), path, body: json!({"scope": rest.join(" ")}) }
    };
    Found::Send { write, before }
}

impl From<&WriteAsk> for Problem {
    fn from(ask: &WriteAsk) -> Self {
        let names = consent::quoted(&ask.missing);
        Self::new(format!("a change needs {names} for the application `{}`, and the sign-in does not have it: {}", ask.app, ask.why))
            .hint("`guidepost signin --write` asks for it; consent stays in the tenant until it is taken back")
    }
}
