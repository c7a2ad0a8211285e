//! Why a trip did not arrive: from what was seen to a cause, the surest first. Pure; what nobody saw is no cause.

use super::{
    Code,
    seen::{Asked, Seen, Usable},
};
use crate::engine::{check::Verdict, probe::LookError};
use crate::services::directory::SignOn;

/// Events that tell of trouble with the service bus (`facts/domain.md` 3.7).
pub(super) const BUS: [u32; 3] = [31_034, 32_002, 32_014];
/// Kerberos takes no clock that is further away (RFC 4120 uses five minutes, and so does Active Directory).
const SKEW: u64 = 300;

/// The cause, if one is known.
#[must_use]
pub(super) fn of(seen: &Seen) -> Option<Code> {
    not_asked(seen)
        .or_else(|| turned_down(seen))
        .or_else(|| arrived_and_does_not_work(seen))
        .or_else(|| wrong_tool(seen))
        .or_else(|| what_holds_it_up(seen))
        .or_else(|| by_words(seen))
        .or_else(|| seen.watched.as_ref().err().and_then(of_error))
}

/// Nothing was sent, or Graph refused it.
fn not_asked(seen: &Seen) -> Option<Code> {
    match &seen.asked {
        Asked::NotSent(why) | Asked::Refused(why) => of_error(why),
        Asked::ByPerson | Asked::InDoubt(_) | Asked::Accepted(_) => None,
    }
}

/// The codes of looks and requests that could not be made.
fn of_error(error: &LookError) -> Option<Code> {
    match error.code.as_deref() {
        Some("MACHINE_STOPPED") => Some(Code::MachineStopped),
        Some("RUN_COMMAND_BUSY") => Some(Code::RunCommandBusy),
        Some("OUTPUT_CUT") => Some(Code::OutputCut),
        Some("AuthorizationFailed") => Some(Code::AzureRightMissing),
        Some("Authorization_RequestDenied" | "accessDenied" | "Forbidden") => Some(Code::ReadConsentMissing),
        // The user that the plan knew is not in the tenant any more.
        Some("Request_ResourceNotFound") => Some(Code::UserNotSynced),
        Some(_) | None => None,
    }
}

/// APP1 said no, and why.
fn turned_down(seen: &Seen) -> Option<Code> {
    let reason = seen.reason().filter(|_| seen.turned_down())?;
    match reason.id {
        33_002 => Some(Code::UserNotSynced),
        33_004 if seen.causes.protected == Some(true) => Some(Code::UserProtected),
        33_004 => Some(Code::RightsMissing),
        33_006 => Some(Code::AccountLocked),
        // The age of the old one binds its owner only: a domain controller resets a young password without a word.
        33_008 if seen.causes.young == Some(true) && seen.asked == Asked::ByPerson => Some(Code::MinimumAge),
        // A length and complexity that the cloud took are seldom too little for a domain.
        33_008 => Some(Code::History),
        _ => None,
    }
}

fn arrived_and_does_not_work(seen: &Seen) -> Option<Code> {
    match &seen.usable {
        Usable::Answered(SignOn::Refused { data: Some(0x775), .. }, _) => return Some(Code::AccountLocked),
        Usable::Answered(..) | Usable::OnlyThePerson | Usable::NotTried | Usable::NoWay(_) => {}
    }
    // Only a right on the domain's head keeps a new password from expiring (MS-SAMR 3.1.1.8.7).
    (seen.asked == Asked::ByPerson && seen.moved() && seen.after.set.as_deref() == Some("0")).then_some(Code::RightsMissing)
}

/// The cloud has another password, and nothing ever left for the domain.
fn wrong_tool(seen: &Seen) -> Option<Code> {
    let quiet = seen.watched.as_ref().is_ok_and(|watched| !watched.ended) && !seen.moved();
    (seen.asked == Asked::ByPerson && quiet && seen.causes.cloud == Some(true)).then_some(Code::WrongTool)
}

/// What was found when the systems were looked at, the nearest to the root first.
fn what_holds_it_up(seen: &Seen) -> Option<Code> {
    // What was written needs no cause that would have kept it from being written.
    if seen.hops().iter().all(|hop| hop.verdict != Verdict::Fail) {
        return None;
    }
    let causes = &seen.causes;
    [
        (causes.machine == Some(false), Code::MachineStopped),
        (causes.service.as_deref().is_some_and(|state| state != "Running"), Code::ServiceStopped),
        (causes.writeback == Some(false), Code::WritebackOff),
        (causes.staging == Some(true), Code::StagingMode),
        (causes.skew.is_some_and(|skew| skew.unsigned_abs() > SKEW), Code::ClockWrong),
        (seen.bus_trouble().is_some(), Code::BusUnreachable),
        (causes.locked == Some(true), Code::AccountLocked),
        (causes.protected == Some(true), Code::UserProtected),
        (causes.young == Some(true) && seen.asked == Asked::ByPerson, Code::MinimumAge),
        (causes.suspended == Some(true), Code::WizardOpen),
        (causes.hash_sync == Some(false), Code::HashSyncOff),
    ]
    .into_iter()
    .find_map(|(holds, code)| holds.then_some(code))
}

/// What Graph said of the operation: its words are not documented, the names in them are (`facts/domain.md` 3.7, 3.8).
fn by_words(seen: &Seen) -> Option<Code> {
    let detail = seen.operation.as_ref().filter(|operation| operation.ended == Some(false))?.detail.as_deref()?;
    [
        ("SSPR_0010", Code::WritebackOff),
        ("WritebackNotEnabled", Code::WritebackOff),
        ("SSPR_0029", Code::RightsMissing),
        ("OnPremisesAdminActionRequired", Code::RightsMissing),
        ("ADUserNotFoundError", Code::UserNotSynced),
        ("ADUserAccountLockedOut", Code::AccountLocked),
        ("ADPasswordPolicyError", Code::History),
    ]
    .into_iter()
    .find_map(|(word, code)| detail.contains(word).then_some(code))
}
