//! What Entra Connect's connector account does to a password of the domain when one was reset in the cloud: a client like any other, with its own
//! rights and the policy control. Not how the reset got here.

use super::caller::{Caller, Eye};
use super::modify::{self, Place};
use super::password::{self, Wish};
use super::refusal::{self, Refusal};
use super::wire::Controls;
use crate::practice::world::{CONNECTOR, Object, OnPremisesDomain as Domain, Policy, Setback, Slip, Trip, hash, uac};
use crate::rights::{Asked, Sid, delegation::known};
use jiff::{SignedDuration, Timestamp};
use ldap3_proto::proto::{LdapModify, LdapModifyType as Kind, LdapPartialAttribute, LdapResultCode as Code};

/// What is written, and for whom.
pub(in crate::practice) struct Order<'a> {
    /// Who asked for it.
    pub(in crate::practice) trip: Trip,
    /// `objectSid` of the account.
    pub(in crate::practice) sid: &'a str,
    /// The new password.
    pub(in crate::practice) new: &'a str,
    /// Hash of the old one, of a change only.
    pub(in crate::practice) old: Option<&'a str>,
    /// Whether the domain takes the new one for one of the earlier ones.
    pub(in crate::practice) remembered: bool,
}

/// Writes a password, all of it or nothing.
///
/// # Errors
/// Why the domain, or the connector, does not.
pub(in crate::practice) fn write_back(domain: &mut Domain, order: &Order<'_>, now: Timestamp) -> Result<(), Setback> {
    let connector = domain.by_sam(CONNECTOR).and_then(|object| Caller::new(domain, object)).ok_or(Setback::Configuration)?;
    let object = order.sid.parse::<Sid>().ok().and_then(|sid| domain.by_sid(&sid)).ok_or(Setback::NotFound)?.clone();
    let policy = Policy::of(domain.head());
    let account = object.account.as_ref().ok_or(Setback::NotFound)?;
    if account.uac & uac::DISABLED != 0 {
        return Err(Setback::Disabled);
    }
    let (locked, young) = (account.is_locked(&policy, now), account.is_young(&policy, now));
    // A reset can be done to a locked account, a change cannot.
    if locked && order.trip == Trip::Change {
        return Err(Setback::Locked);
    }
    let mut next = domain.clone();
    if order.remembered {
        next.note(&object.name().key(), |object| object.account.as_mut().map(|account| account.remember(hash(order.new))));
    }
    let controls = Controls { history: true, ..Controls::default() };
    let place = Place { caller: &connector, controls: &controls, now, lag: SignedDuration::ZERO };
    match order.trip {
        Trip::Admin => reset(&mut next, &object.dn, order.new, &[("pwdLastSet", "0")], &place),
        // A reset by oneself unlocks (MIR concept-sspr-howitworks): that is what the right to write `lockoutTime` is for.
        Trip::Own if locked => reset(&mut next, &object.dn, order.new, &[("lockoutTime", "0")], &place),
        Trip::Own => reset(&mut next, &object.dn, order.new, &[], &place),
        Trip::Change => change(&mut next, &object, order, &place),
    }
    .map_err(|refused| setback(&refused))?;
    // Measured: a reset skips the minimum age, and the control is about history only (`facts/directory.md` 4, MS-ADTS 3.1.1.3.4.1.27). What a
    // person does at aka.ms/sspr is held to it all the same (`facts/domain.md` 3.3; azure-docs #48980, PR #41113).
    if young && order.trip == Trip::Own {
        return Err(setback(&refusal::slip(Slip::Young)));
    }
    *domain = next;
    Ok(())
}

/// One modification: the password, and what goes with it.
fn reset(domain: &mut Domain, dn: &str, new: &str, with: &[(&str, &str)], place: &Place<'_>) -> Result<(), Refusal> {
    let replace = |name: &str, value: Vec<u8>| LdapModify {
        operation: Kind::Replace,
        modification: LdapPartialAttribute { atype: name.to_owned(), vals: vec![value] },
    };
    let quoted = format!("\"{new}\"").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut changes = vec![replace("unicodePwd", quoted)];
    changes.extend(with.iter().map(|(name, value)| replace(name, value.as_bytes().to_vec())));
    modify::modify(domain, dn, &changes, place).map(drop)
}

/// A change, as with the old password; what is known of it is its hash.
fn change(domain: &mut Domain, object: &Object, order: &Order<'_>, place: &Place<'_>) -> Result<(), Refusal> {
    let key = object.name().key();
    if !Eye::new(domain, place.caller, place.now).may(&key, object, Asked::extended(known::CHANGE_PASSWORD)) {
        return Err(refusal::no_reset());
    }
    let old = order.old.unwrap_or_default().to_owned();
    password::put(domain, &key, Wish::Change(old, order.new.to_owned()), place)
}

/// What a refusal of the directory means to Entra Connect.
fn setback(refused: &Refusal) -> Setback {
    match refused.code {
        Code::InsufficentAccessRights => Setback::Permissions,
        Code::NoSuchObject => Setback::NotFound,
        Code::ConstraintViolation if refused.text.starts_with("0000052D") => Setback::Policy,
        Code::ConstraintViolation if refused.text.starts_with("00000056") => Setback::WrongOld,
        _ => Setback::Unknown,
    }
}
