//! What goes over LDAP, for the wire log: the operation, the object, how it ended. Never a value that is
//! written, and never a password.

use super::connection::Fault;
use super::message::Outcome;
use crate::base::http::{WireLine, WireLog};
use crate::base::text;
use crate::services::directory::refusal::explain;
use jiff::Timestamp;
use std::time::{Duration, Instant};

/// The longest target that is kept.
const LONGEST: usize = 400;

/// A line in the making. It goes to the log even if nobody waits for the answer any more: the server may have got the request.
pub(super) struct Line {
    kept: Option<WireLine>,
    log: WireLog,
    started: Instant,
}

impl Line {
    pub(super) fn begin(log: &WireLog, method: &str, target: &str) -> Self {
        let line = WireLine {
            at: Timestamp::now(),
            method: method.to_owned(),
            target: text::short(target, LONGEST),
            status: None,
            note: Some("given up".to_owned()),
            took: Duration::ZERO,
            request_id: None,
        };
        Self { kept: Some(line), log: log.clone(), started: Instant::now() }
    }

    /// The server answered.
    pub(super) fn answered(mut self, outcome: &Outcome) {
        let Some(line) = &mut self.kept else { return };
        line.status = u16::try_from(outcome.code).ok();
        line.note =
            (outcome.code != 0).then(|| format!("{}: {}", explain(outcome.code, &outcome.said).0.means, text::short(&outcome.said, 200)));
    }

    /// It did not.
    pub(super) fn failed(mut self, fault: &Fault) {
        let Some(line) = &mut self.kept else { return };
        line.note = Some(match fault {
            Fault::Cut(why) => format!("cut: {why}"),
            Fault::Late(after) => format!("no answer within {} s", after.as_secs()),
            Fault::Bad(why) => why.clone(),
        });
    }

    /// As it ended.
    pub(super) fn end(self, result: &Result<Outcome, Fault>) {
        match result {
            Ok(outcome) => self.answered(outcome),
            Err(fault) => self.failed(fault),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(mut line) = self.kept.take() {
            line.took = self.started.elapsed();
            self.log.push(line);
        }
    }
}
