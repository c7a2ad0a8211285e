//! What the plan of a trip says, whom it refuses, and how soon another one may be made. Pure.

use super::{look, travel};
use crate::base::Problem;
use crate::engine::{
    known::Known,
    matcher::span,
    probe::{Me, TripCall},
};
use crate::guide::step::TripBy;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

/// One try in this time: five within an hour lock a user out of self-service reset for a day (`facts/domain.md` 3.8).
pub const BETWEEN: Duration = Duration::from_mins(15);
/// The variable with the name of the lab's first user, whom the source would have tested with.
const USER1: &str = "user1_sam";

/// A trip that is planned too short a time after the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TooSoon {
    /// When the last reset was sent.
    pub last: Timestamp,
    /// From when another one may be made.
    pub again: Timestamp,
}

impl TooSoon {
    /// Whether the journal knows a reset of this user that is too young.
    #[must_use]
    pub fn of(known: &Known<'_>, user: &str) -> Option<Self> {
        let last = known.ledger.resets.get(user)?.at;
        let again = last.checked_add(BETWEEN).ok()?;
        (known.now < again).then_some(Self { last, again })
    }

    /// For a person, or for whoever reads what a command said.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::new(format!("this user's password was reset at {:.0}, and one try in {} is enough", self.last, span(BETWEEN))).hint(format!(
            "five tries within an hour lock a user for a day; wait until {:.0}, or insist: `--force`, or the word `force` where it is asked for",
            self.again
        ))
    }
}

/// The call with what is there now, and that as a sentence.
///
/// # Errors
/// This user's password is never sent on a trip, and why.
pub fn planned(call: TripCall, account: &Value, known: &Known<'_>, me: Option<&Me>) -> Result<(TripCall, String), Problem> {
    let sam = look::value(account, "sAMAccountName").ok_or_else(|| Problem::new(format!("`{}` is not in the domain", call.dn)))?;
    refused(&call, account, sam, known, me)?;
    let before = look::value(account, "pwdLastSet").map(str::to_owned);
    let set = before.as_deref().map_or_else(|| "cannot be read".to_owned(), super::seen::shown);
    let said = format!("`pwdLastSet` of {sam} in the domain: {set}");
    Ok((TripCall { before, ..call }, said))
}

fn refused(call: &TripCall, account: &Value, sam: &str, known: &Known<'_>, me: Option<&Me>) -> Result<(), Problem> {
    let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    let hint = "the step `writeback-test-user` makes an ordinary user for it";
    if me.is_some_and(|me| same(&me.id, &call.user) || same(&me.name, &call.upn)) {
        return Err(Problem::new(format!("{} is the account that you are signed in with: its password is never sent on a trip", call.upn))
            .hint("resetting it would end the session; `resetPassword` refuses the caller as well"));
    }
    if known.variables.get(USER1).is_some_and(|user1| same(user1, sam)) {
        return Err(Problem::new(format!("{sam} is the lab's administrator: its password is never sent on a trip")).hint(hint));
    }
    if look::value(account, "adminCount") == Some("1") {
        let why = "the domain protects it (`adminCount` is 1), and writeback never reaches it";
        return Err(Problem::new(format!("{sam} is no ordinary user: {why}")).hint(hint));
    }
    Ok(())
}

/// What a trip carries, in lines.
#[must_use]
pub fn carries(call: &TripCall) -> String {
    let watch = |patience| format!("then watched for up to {} by watch.ps1 on APP1, which only reads", span(patience));
    match call.by {
        TripBy::Administrator => [
            "{\"newPassword\": \"‹made at apply›\"}",
            "made for this trip, kept in memory only, never shown: the person has to set a new one at the next sign-in",
            &watch(travel::PATIENCE),
            &format!("then one sign-on to the domain as {} with it", call.upn),
        ]
        .join("\n"),
        TripBy::Person => ["the person sets a password at aka.ms/sspr, or changes it", &watch(travel::PERSON)].join("\n"),
    }
}
