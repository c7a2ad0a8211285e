//! Accounts of the domain: passwords, their policy, lockout, and whether a bind gets in. Who may change a password is asked elsewhere.

use super::{Class, Object};
use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Bits of `userAccountControl` (MS-ADTS 2.2.16).
pub(in crate::practice) mod uac {
    /// Disabled.
    pub(in crate::practice) const DISABLED: u32 = 0x2;
    /// May have no password.
    pub(in crate::practice) const NO_PASSWORD: u32 = 0x20;
    /// A person's account.
    pub(in crate::practice) const NORMAL: u32 = 0x200;
    /// A member's machine account.
    pub(in crate::practice) const WORKSTATION: u32 = 0x1000;
    /// A domain controller's.
    pub(in crate::practice) const SERVER: u32 = 0x2000;
    /// The password never expires.
    pub(in crate::practice) const NEVER_EXPIRES: u32 = 0x1_0000;
    /// Locked: only ever computed.
    pub(in crate::practice) const LOCKED: u32 = 0x10;
    /// Expired: only ever computed.
    pub(in crate::practice) const EXPIRED: u32 = 0x80_0000;
}

/// "Never" in `accountExpires`.
const NEVER: i64 = i64::MAX;

/// What signs in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::practice) struct Account {
    /// `userAccountControl`.
    pub(in crate::practice) uac: u32,
    /// `primaryGroupID`.
    pub(in crate::practice) primary_group: u32,
    /// SHA-256 of the password; `None` has none and lets nobody in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::practice) password: Option<String>,
    /// Hashes of earlier ones, the newest first, the present one among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    history: Vec<String>,
    /// `pwdLastSet`.
    pub(in crate::practice) set: i64,
    /// `badPwdCount`.
    #[serde(default)]
    pub(in crate::practice) wrong: u32,
    /// `badPasswordTime`.
    #[serde(default)]
    pub(in crate::practice) wrong_at: i64,
    /// `lockoutTime`; `None` was never locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::practice) locked: Option<i64>,
    /// `accountExpires`.
    pub(in crate::practice) expires: i64,
}

/// The policy of the domain, as its head says it. Times are negative counts of 100 ns (MS-ADA2 2.49).
#[derive(Clone, Copy, Debug)]
pub(in crate::practice) struct Policy {
    min_length: i64,
    complex: bool,
    history: usize,
    min_age: i64,
    max_age: i64,
    threshold: i64,
    window: i64,
    duration: i64,
}

/// What is wrong with a new password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::practice) enum Slip {
    /// Shorter than this.
    Short(i64),
    /// Not complex.
    Simple,
    /// It is the present one.
    Same,
    /// An earlier one.
    Used,
    /// Changed too soon.
    Young,
    /// The old one is another.
    WrongOld,
}

/// What a bind with a name and a password comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::practice) enum Entry {
    /// Welcome.
    Admitted,
    /// 52e.
    Wrong,
    /// 775.
    Locked,
    /// 533.
    Disabled,
    /// 701.
    AccountExpired,
    /// 773.
    MustChange,
    /// 532.
    PasswordExpired,
}

/// SHA-256 of a password, as it is stored.
pub(in crate::practice) fn hash(password: &str) -> String {
    BASE64_STANDARD_NO_PAD.encode(Sha256::digest(password.as_bytes()))
}

/// 100 ns since 1601, as the directory counts.
pub(in crate::practice) fn filetime(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond() / 100).unwrap_or(0).saturating_add(116_444_736_000_000_000)
}

/// The moment of such a count; `None` when no clock shows it.
pub(in crate::practice) fn time_of(slices: i64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(slices.checked_sub(116_444_736_000_000_000)?) * 100).ok()
}

impl Policy {
    /// From the head of the domain.
    pub(in crate::practice) fn of(head: Option<&Object>) -> Self {
        let number = |name: &str| head.and_then(|head| head.number(name)).unwrap_or(0);
        Self {
            min_length: number("minPwdLength"),
            complex: number("pwdProperties") & 1 == 1,
            history: usize::try_from(number("pwdHistoryLength")).unwrap_or(0),
            min_age: number("minPwdAge").saturating_neg(),
            max_age: number("maxPwdAge").saturating_neg(),
            threshold: number("lockoutThreshold"),
            window: number("lockOutObservationWindow").saturating_neg(),
            duration: number("lockoutDuration").saturating_neg(),
        }
    }

    /// Length and complexity; a reset is held to these only (measured: facts, directory 4).
    pub(in crate::practice) fn accepts(&self, password: &str) -> Result<(), Slip> {
        if i64::try_from(password.chars().count()).unwrap_or(i64::MAX) < self.min_length {
            return Err(Slip::Short(self.min_length));
        }
        if self.complex && kinds(password) < 3 { Err(Slip::Simple) } else { Ok(()) }
    }
}

/// How many of the kinds of sign are in it: capitals, small letters, digits, the rest (windows-itpro-docs
/// password-must-meet-complexity-requirements.md).
fn kinds(password: &str) -> usize {
    let kinds: [fn(char) -> bool; 4] =
        [char::is_uppercase, char::is_lowercase, |c| c.is_ascii_digit(), |c| !c.is_alphanumeric() && !c.is_control()];
    kinds.iter().filter(|kind| password.chars().any(kind)).count()
}

impl Account {
    /// A new one: disabled, without a password.
    pub(super) fn new(class: Class) -> Self {
        let (kind, primary_group) = match class {
            Class::Computer => (uac::WORKSTATION, 515),
            Class::DomainDns
            | Class::BuiltinDomain
            | Class::Container
            | Class::OrganizationalUnit
            | Class::User
            | Class::Contact
            | Class::Group => (uac::NORMAL | uac::NO_PASSWORD, 513),
        };
        Self {
            uac: kind | uac::DISABLED,
            primary_group,
            password: None,
            history: Vec::new(),
            set: 0,
            wrong: 0,
            wrong_at: 0,
            locked: None,
            expires: NEVER,
        }
    }

    /// Sets a password without asking. `set` is the new `pwdLastSet`.
    pub(in crate::practice) fn set_password(&mut self, hash: String, policy: &Policy, set: i64) {
        self.history.insert(0, hash.clone());
        self.history.truncate(policy.history.max(1));
        self.password = Some(hash);
        self.set = set;
    }

    /// Whether the password may be changed from the one with the hash `old` to `new` (measured order: the old one, length, complexity, history,
    /// age).
    pub(in crate::practice) fn may_change(&self, old: &str, new: &str, policy: &Policy, now: Timestamp) -> Result<(), Slip> {
        if self.password.as_deref() != Some(old) {
            return Err(Slip::WrongOld);
        }
        policy.accepts(new)?;
        let new = hash(new);
        if policy.history > 0 && self.password.as_ref() == Some(&new) {
            return Err(Slip::Same);
        }
        if self.history.iter().take(policy.history).any(|one| *one == new) {
            return Err(Slip::Used);
        }
        if self.is_young(policy, now) { Err(Slip::Young) } else { Ok(()) }
    }

    /// Whether its owner must still wait before the password may be changed; never when it has to be changed.
    pub(in crate::practice) fn is_young(&self, policy: &Policy, now: Timestamp) -> bool {
        self.set != 0 && filetime(now).saturating_sub(self.set) < policy.min_age
    }

    /// As if it had once had this password, before the present one.
    pub(in crate::practice) fn remember(&mut self, hash: String) {
        self.history.insert(self.history.len().min(1), hash);
    }

    /// Whether the history holds it, the present one included.
    pub(in crate::practice) fn was_used(&self, new: &str, policy: &Policy) -> bool {
        let new = hash(new);
        policy.history > 0 && (self.password.as_ref() == Some(&new) || self.history.iter().take(policy.history).any(|one| *one == new))
    }

    /// Whether it is locked now; the lock ends by itself when the policy says after how long.
    pub(in crate::practice) fn is_locked(&self, policy: &Policy, now: Timestamp) -> bool {
        let since = self.locked.unwrap_or(0);
        since != 0 && (policy.duration <= 0 || filetime(now).saturating_sub(since) < policy.duration)
    }

    /// Whether its password is too old, or has to be changed because of `pwdLastSet` 0.
    pub(in crate::practice) fn is_password_expired(&self, policy: &Policy, now: Timestamp) -> bool {
        let kept = self.uac & (uac::NEVER_EXPIRES | uac::WORKSTATION | uac::SERVER) != 0;
        !kept && (self.set == 0 || (policy.max_age > 0 && filetime(now).saturating_sub(self.set) > policy.max_age))
    }

    /// Whether the account has ended.
    fn is_over(&self, now: Timestamp) -> bool {
        self.expires != 0 && self.expires != NEVER && self.expires <= filetime(now)
    }

    /// `msDS-User-Account-Control-Computed`.
    pub(in crate::practice) fn computed(&self, policy: &Policy, now: Timestamp) -> u32 {
        let locked = if self.is_locked(policy, now) { uac::LOCKED } else { 0 };
        let expired = if self.is_password_expired(policy, now) { uac::EXPIRED } else { 0 };
        locked | expired
    }

    /// A bind with this password (measured order: locked before the password is looked at, everything else after).
    pub(in crate::practice) fn try_password(&self, password: &str, policy: &Policy, now: Timestamp) -> Entry {
        if self.is_locked(policy, now) {
            return Entry::Locked;
        }
        if self.password.as_ref() != Some(&hash(password)) {
            return Entry::Wrong;
        }
        if self.uac & uac::DISABLED != 0 {
            return Entry::Disabled;
        }
        if self.is_over(now) {
            return Entry::AccountExpired;
        }
        match self.is_password_expired(policy, now) {
            true if self.set == 0 => Entry::MustChange,
            true => Entry::PasswordExpired,
            false => Entry::Admitted,
        }
    }

    /// Counts what came of a bind; false when nothing changed.
    pub(in crate::practice) fn count(&mut self, entry: Entry, policy: &Policy, now: Timestamp) -> bool {
        let at = filetime(now);
        match entry {
            Entry::Wrong => {
                let anew = at.saturating_sub(self.wrong_at) > policy.window;
                self.wrong = if anew { 1 } else { self.wrong.saturating_add(1) };
                self.wrong_at = at;
                if policy.threshold > 0 && i64::from(self.wrong) >= policy.threshold {
                    self.locked = Some(at);
                }
                true
            }
            Entry::Admitted if self.wrong > 0 || self.locked.is_some_and(|since| since != 0) => {
                self.wrong = 0;
                self.locked = Some(0);
                true
            }
            Entry::Admitted | Entry::Locked | Entry::Disabled | Entry::AccountExpired | Entry::MustChange | Entry::PasswordExpired => false,
        }
    }

    /// Writes `lockoutTime` 0: unlocked.
    pub(in crate::practice) fn unlock(&mut self) {
        self.locked = Some(0);
        self.wrong = 0;
    }
}

/// What a policy counts in: 100 ns.
pub(super) fn slices(time: SignedDuration) -> String {
    (-(time.as_secs().saturating_mul(10_000_000))).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        Policy {
            min_length: 7,
            complex: true,
            history: 3,
            min_age: 0,
            max_age: 0,
            threshold: 3,
            window: 18_000_000_000,
            duration: 18_000_000_000,
        }
    }

    #[test]
    fn file_times_are_those_of_the_directory() {
        assert_eq!(filetime(Timestamp::UNIX_EPOCH), 116_444_736_000_000_000);
        assert_eq!(time_of(filetime(Timestamp::UNIX_EPOCH)), Some(Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn an_account_locks_at_the_threshold_and_opens_after_its_time() {
        let (at, mut account) = (Timestamp::UNIX_EPOCH, Account::new(Class::User));
        account.uac = uac::NORMAL;
        account.set_password(hash("Right-1"), &policy(), filetime(at));
        for _ in 0..3 {
            let entry = account.try_password("wrong", &policy(), at);
            assert_eq!(entry, Entry::Wrong);
            account.count(entry, &policy(), at);
        }
        assert_eq!(account.try_password("Right-1", &policy(), at), Entry::Locked);
        let later = at + SignedDuration::from_mins(31);
        assert_eq!(account.try_password("Right-1", &policy(), later), Entry::Admitted);
    }

    #[test]
    fn the_history_holds_as_many_as_the_policy_says() {
        let (at, mut account) = (Timestamp::UNIX_EPOCH, Account::new(Class::User));
        for word in ["First-1", "Second-1", "Third-1", "Fourth-1"] {
            account.set_password(hash(word), &policy(), 1);
        }
        let may = |new: &str| account.may_change(&hash("Fourth-1"), new, &policy(), at);
        assert_eq!(may("Second-1"), Err(Slip::Used));
        assert_eq!(may("Fourth-1"), Err(Slip::Same));
        assert_eq!(may("First-1"), Ok(()));
        assert_eq!(may("simpleone"), Err(Slip::Simple));
        assert_eq!(may("Ab1!"), Err(Slip::Short(7)));
    }
}
