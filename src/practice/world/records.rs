//! What the tenant writes down by itself: audits, sign-ins, the report of registrations, password operations. Not how Graph shows it.

use super::{Directory, User, World};
use crate::practice::chance;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The oldest go when there are more, so that the stored world stays small.
const MOST: usize = 500;
/// The report of registrations is made anew no more often than this.
const REPORT_EVERY: SignedDuration = SignedDuration::from_hours(8);
/// A password operation begins after this.
const BEGINS: SignedDuration = SignedDuration::from_secs(1);
/// And has ended after this.
const ENDS: SignedDuration = SignedDuration::from_secs(3);

/// Who or what a record is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::practice) struct Party {
    /// Object id or name.
    pub(in crate::practice) id: String,
    /// Sign-in name, of accounts only.
    pub(in crate::practice) upn: Option<String>,
    /// Display name.
    pub(in crate::practice) name: String,
    /// `User`, `Role`, `Other`.
    pub(in crate::practice) kind: String,
}

impl Party {
    /// A thing that is no account.
    pub(in crate::practice) fn thing(name: &str, kind: &str) -> Self {
        Self { id: name.to_owned(), upn: None, name: name.to_owned(), kind: kind.to_owned() }
    }
}

impl From<&User> for Party {
    fn from(user: &User) -> Self {
        Self { id: user.id.clone(), upn: Some(user.upn.clone()), name: user.name.clone(), kind: "User".to_owned() }
    }
}

/// One entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::practice) struct Audit {
    /// Its id.
    pub(in crate::practice) id: String,
    /// World time.
    pub(in crate::practice) at: Timestamp,
    /// `activityDisplayName`.
    pub(in crate::practice) activity: String,
    /// `category`.
    pub(in crate::practice) category: String,
    /// `loggedByService`.
    pub(in crate::practice) service: String,
    /// Who did it.
    pub(in crate::practice) by: Party,
    /// To whom or what.
    pub(in crate::practice) to: Vec<Party>,
    /// Why it came to nothing; `None` is a success.
    pub(in crate::practice) failed: Option<String>,
    /// `additionalDetails`.
    pub(in crate::practice) details: Vec<(String, String)>,
}

/// One interactive sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::practice) struct SignIn {
    /// Its id.
    pub(in crate::practice) id: String,
    /// World time.
    pub(in crate::practice) at: Timestamp,
    /// Whose.
    pub(in crate::practice) user: Party,
    /// The application's id.
    pub(in crate::practice) client: String,
    /// The AADSTS number; 0 is a success.
    pub(in crate::practice) error: u32,
    /// What it means.
    pub(in crate::practice) reason: String,
}

/// The report of registrations, as old as it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::practice) struct Report {
    /// When it was made.
    pub(in crate::practice) at: Timestamp,
    /// Id, and whether the account held a role then.
    pub(in crate::practice) users: Vec<(String, bool)>,
    /// Ids of those who could reset their passwords by themselves.
    #[serde(default)]
    pub(in crate::practice) enabled: BTreeSet<String>,
    /// Ids of those who had registered methods.
    #[serde(default)]
    pub(in crate::practice) registered: BTreeSet<String>,
}

/// A password operation that somebody may poll.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::practice) struct PasswordOperation {
    /// Its id.
    pub(in crate::practice) id: String,
    /// Whose password.
    pub(in crate::practice) user: String,
    /// When it was asked for.
    pub(in crate::practice) asked: Timestamp,
    /// Why it fails in the end.
    pub(in crate::practice) failure: Option<String>,
    /// Whether it ends when the domain has answered, and not by the clock.
    #[serde(default)]
    pub(in crate::practice) travels: bool,
    /// When it ended, if it travels.
    #[serde(default)]
    ended: Option<Timestamp>,
}

impl PasswordOperation {
    /// One that somebody asked for now.
    pub(in crate::practice) fn new(id: String, user: String, asked: Timestamp) -> Self {
        Self { id, user, asked, failure: None, travels: false, ended: None }
    }

    /// It is over; `failure` says why it came to nothing.
    pub(in crate::practice) fn end(&mut self, at: Timestamp, failure: Option<String>) {
        (self.ended, self.failure) = (Some(at), failure);
    }

    /// `status` and when it last changed.
    pub(in crate::practice) fn status(&self, now: Timestamp) -> (&'static str, Timestamp) {
        let age = now.duration_since(self.asked);
        let after = |by: SignedDuration| self.asked.checked_add(by).unwrap_or(self.asked);
        let end = if self.travels { self.ended } else { Some(after(ENDS)).filter(|end| now >= *end) };
        match end {
            None if age < BEGINS => ("notStarted", self.asked),
            None => ("running", after(BEGINS)),
            Some(end) if self.failure.is_some() => ("failed", end),
            Some(end) => ("succeeded", end),
        }
    }
}

impl Directory {
    /// Writes an audit.
    pub(in crate::practice) fn audit(&mut self, audit: Audit) {
        keep(&mut self.audits, audit);
    }

    /// Whether the report of registrations is old enough to be made anew.
    pub(in crate::practice) fn is_report_due(&self, now: Timestamp) -> bool {
        self.report.as_ref().is_none_or(|report| now.duration_since(report.at) >= REPORT_EVERY)
    }

    /// Makes the report of registrations anew: what somebody just did in the portal shows at once here, so that nobody waits for hours. Roles and new
    /// accounts show when it is their time.
    pub(in crate::practice) fn renew_report(&mut self, now: Timestamp) {
        self.report = None;
        self.keep_report(now);
    }

    /// Makes the report of registrations anew when it is old enough; true if it did.
    pub(in crate::practice) fn keep_report(&mut self, now: Timestamp) -> bool {
        if !self.is_report_due(now) {
            return false;
        }
        let users = self.users.iter().map(|user| (user.id.clone(), self.is_admin(&user.id))).collect();
        let enabled = self.users.iter().filter(|user| self.is_self_service_on(&user.id)).map(|user| user.id.clone()).collect();
        self.report = Some(Report { at: now, users, enabled, registered: self.self_service.registered.clone() });
        true
    }
}

impl World {
    /// Writes a sign-in by page or by device.
    pub(in crate::practice) fn signed_in(&mut self, user: &User, client: &str, at: Timestamp, failure: Option<(u32, &str)>) {
        let (error, reason) = failure.map_or((0, String::new()), |(error, reason)| (error, reason.to_owned()));
        let id = chance::guid_of(&format!("sign-in {} {at} {client} {}", user.id, self.directory.sign_ins.len()));
        keep(&mut self.directory.sign_ins, SignIn { id, at, user: user.into(), client: client.to_owned(), error, reason });
    }

    /// Writes that an account consented to an application.
    pub(in crate::practice) fn audit_consent(&mut self, client: &str, user: &str, at: Timestamp) {
        let by = self.directory.user(user).map(Party::from).unwrap_or_default();
        let audit = Audit {
            id: format!("Directory_{}", chance::guid_of(&format!("consent {client} {user} {at}"))),
            at,
            activity: "Consent to application".to_owned(),
            category: "ApplicationManagement".to_owned(),
            service: "Core Directory".to_owned(),
            by,
            to: vec![Party::thing(client, "ServicePrincipal")],
            failed: None,
            details: Vec::new(),
        };
        self.directory.audit(audit);
    }

    /// Keeps a password operation.
    pub(in crate::practice) fn add_operation(&mut self, operation: PasswordOperation) {
        keep(&mut self.operations, operation);
    }
}

fn keep<T>(list: &mut Vec<T>, one: T) {
    if list.len() >= MOST {
        list.remove(0);
    }
    list.push(one);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::Preset;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn an_operation_goes_from_not_started_over_running_to_its_end() {
        let mut operation = PasswordOperation::new(String::new(), String::new(), at(0));
        let status = |operation: &PasswordOperation, second| operation.status(at(second)).0;
        assert_eq!(
            [0, 1, 2, 3, 900].map(|second| status(&operation, second)),
            ["notStarted", "running", "running", "succeeded", "succeeded"]
        );
        operation.failure = Some("no agent".to_owned());
        assert_eq!(status(&operation, 3), "failed");
        operation.travels = true;
        assert_eq!([0, 1, 900].map(|second| status(&operation, second)), ["notStarted", "running", "running"]);
        operation.end(at(7), None);
        assert_eq!(operation.status(at(900)), ("succeeded", at(7)));
    }

    #[test]
    fn the_report_lags_behind_the_roles_by_hours() {
        let mut directory = World::new(Preset::PhaseOne, String::new(), at(0)).directory;
        let user1 = directory.user_by_any_name("User1").unwrap().id.clone();
        directory.keep_report(at(0));
        directory.assign(&user1, crate::practice::tables::GLOBAL_ADMINISTRATOR);
        let admin = |directory: &Directory| directory.report.as_ref().unwrap().users.iter().any(|(id, admin)| *id == user1 && *admin);
        assert!(!directory.keep_report(at(8 * 3_600 - 1)) && !admin(&directory));
        assert!(directory.keep_report(at(8 * 3_600)) && admin(&directory));
    }

    #[test]
    fn records_are_bounded() {
        let mut world = World::new(Preset::Done, String::new(), at(0));
        let user = world.directory.administrator().unwrap().clone();
        for n in 0..MOST + 10 {
            world.signed_in(&user, "client", at(i64::try_from(n).unwrap()), None);
        }
        assert_eq!((world.directory.sign_ins.len(), world.directory.sign_ins[0].at), (MOST, at(10)));
    }
}
