//! The walk's sign-ins: one at a time, for reading or for a confirmed plan that needs writing. Not for what a sign-in is.

use super::{Finished, Walk};
use crate::base::Secret;
use crate::engine::{
    known::wants_azure,
    page::{Connection, Notice, Overlay, SignInAsk, SignInPane, Way, words},
    run::{NotConnected, SignedIn, Talk},
};
use crate::services::entra::Purpose;
use tokio::{sync::mpsc, task::AbortHandle};

/// What a sign-in is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aim {
    /// The tenant, in which nobody is signed in.
    Tenant,
    /// A confirmed plan.
    Writing,
    /// The machines in Azure.
    Azure,
}

/// A sign-in that waits for the person.
pub(super) struct SigningIn {
    way: Way,
    aim: Aim,
    task: AbortHandle,
    shown: mpsc::Receiver<SignInPane>,
    paste: mpsc::Sender<Secret>,
}

impl Walk {
    pub(super) fn sign_in(&mut self, way: Way) {
        self.cancel_sign_in();
        let aim = match (&self.confirmed, &self.connection) {
            (Some(_), _) => Aim::Writing,
            (None, Connection::SignedOut) => {
                self.connection = Connection::Connecting(format!("waiting for the sign-in {}", words::way(way)));
                Aim::Tenant
            }
            (None, Connection::Ready) if self.engine.with_known(wants_azure) => Aim::Azure,
            (None, Connection::Connecting(_) | Connection::Ready | Connection::Failed { .. }) => return,
        };
        self.sign_ins += 1;
        // Panes: a face that is behind needs the newest only, and the sign-in waits until there is room. Pasted texts: one at a time.
        let ((show, shown), (paste, pasted)) = (mpsc::channel(4), mpsc::channel(1));
        let (door, number, talk) = (self.door.clone(), self.sign_ins, Talk { show, pasted });
        let abort = self.tasks.spawn(async move {
            let outcome = match aim {
                Aim::Tenant => door.sign_in(way, Purpose::Read, talk).await,
                Aim::Writing => door.sign_in(way, Purpose::Write, talk).await,
                Aim::Azure => door.sign_in_to_azure(way, talk).await,
            };
            Finished::SignedIn { number, outcome }
        });
        self.signing_in = Some(SigningIn { way, aim, task: abort, shown, paste });
    }

    /// Nobody waits for the person any more; whether somebody did.
    pub(super) fn cancel_sign_in(&mut self) {
        if let Some(signing_in) = self.signing_in.take() {
            signing_in.task.abort();
            self.overlay = None;
            if signing_in.aim == Aim::Tenant {
                self.connection = Connection::SignedOut;
            }
        }
    }

    pub(super) fn paste(&mut self, text: Secret) {
        // A text that comes while another is being judged is dropped: the person sees the first one's answer and pastes again.
        if let Some(signing_in) = &self.signing_in {
            let _ = signing_in.paste.try_send(text);
        }
    }

    pub(super) fn signed_in(&mut self, number: u64, outcome: Result<SignedIn, NotConnected>) {
        let (way, aim) = match self.signing_in.take_if(|_| number == self.sign_ins) {
            Some(signing_in) => (signing_in.way, signing_in.aim),
            // Cancelled as it came to its end: whoever is signed in now is connected all the same.
            None if outcome.is_ok() => (self.door.usual_way(), Aim::Tenant),
            None => return,
        };
        let (why, hint) = match outcome {
            Ok(SignedIn { systems, app, given }) => {
                // Before anything else is done, above all the change that it was given for.
                let recorded = self.engine.record_consents(&given).and_then(|()| self.engine.close_asked(&app));
                self.overlay = None;
                self.connected(systems);
                match recorded {
                    Ok(()) => self.go_on(),
                    Err(problem) => self.say(problem),
                }
                return;
            }
            Err(NotConnected::SignedOut(None)) => ("nobody signed in".to_owned(), None),
            Err(NotConnected::SignedOut(Some(problem)) | NotConnected::Failed(problem)) => (problem.what, problem.hint),
        };
        if aim == Aim::Tenant {
            self.connection = Connection::SignedOut;
        }
        self.overlay = Some(Overlay::SignIn(SignInPane {
            way,
            ask: SignInAsk::Ended { why, hint },
            wrong: None,
            writing: None,
            azure: aim == Aim::Azure,
        }));
    }

    /// Sends the plan that was confirmed before the sign-in for writing.
    fn go_on(&mut self) {
        let Some(plan) = self.confirmed.take() else { return };
        if self.busy.is_some() {
            self.notice = Some(Notice { text: "nothing was sent: an earlier change is being settled first".into(), hint: None });
            return;
        }
        self.show_plan(&plan, None);
        self.send_plan(plan);
    }

    /// Takes the sign-in away, and nothing else that may lie over the page by now, such as a plan.
    pub(super) fn end_sign_in(&mut self) {
        // One for writing ends by itself or by the person: the lab stays connected meanwhile.
        if self.confirmed.is_none() && matches!(self.overlay, Some(Overlay::SignIn { .. })) {
            self.overlay = None;
        }
    }
}

/// The next thing that a sign-in shows; never, when nobody signs in.
pub(super) async fn shown(signing_in: &mut Option<SigningIn>) -> Option<SignInPane> {
    match signing_in {
        Some(signing_in) => signing_in.shown.recv().await,
        None => std::future::pending().await,
    }
}
