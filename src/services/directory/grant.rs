//! Granting rights on one object and taking them back: planned by reading, refused when the list has changed meanwhile, verified after.
//! Not for deciding which rights are wanted, and not for remembering what was granted: the journal does.
//!
//! Why not compare and write in one request? A domain controller has no such request (facts, directory 4: delete and add of the
//! descriptor is refused with 53). The list is therefore compared just before it is written, which leaves milliseconds and no minutes.

mod error;
mod ldif;

pub use ldif::modification;

pub use error::GrantError;

use super::{DESCRIPTOR, Directory, DirectoryError, Search};
use crate::rights::delegation::{self, RIGHTS};
use crate::rights::descriptor::Dacl;
use crate::rights::{Ace, Acl, Descriptor};
use sha2::{Digest as _, Sha256};

/// What would be changed on one object, and what was there when it was planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantPlan {
    /// The object's distinguished name.
    pub dn: String,
    /// What is put in, in this order; empty when nothing is missing.
    pub add: Vec<Ace>,
    /// What is taken out.
    pub remove: Vec<Ace>,
    /// What was to be taken out and is not there any more: somebody removed or changed it, and what stands there now is left alone.
    pub gone: Vec<Ace>,
    /// SHA-256 of the list as it was, in lower-case hexadecimal digits.
    pub before: String,
    /// The list as it was, in the bytes in which it came.
    bytes: Vec<u8>,
    /// The same, read.
    old: Descriptor,
    /// The list as it is to be.
    new: Descriptor,
}

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// What was put in, and is there: this is what a later [`plan_back`] takes out.
    pub added: Vec<Ace>,
    /// What was taken out.
    pub removed: Vec<Ace>,
    /// SHA-256 of the list as it is now.
    pub after: String,
}

impl GrantPlan {
    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }

    /// The difference in SDDL: a line `+ (…)` for each entry put in, `- (…)` for each taken out.
    #[must_use]
    pub fn difference(&self) -> String {
        let lines = self.remove.iter().map(|ace| format!("- {ace}\n")).chain(self.add.iter().map(|ace| format!("+ {ace}\n")));
        lines.collect()
    }

    /// The same change as a file for `ldapmodify` or `ldifde`: the whole list, as it would be sent, with a comment for each entry.
    #[must_use]
    pub fn ldif(&self) -> String {
        ldif::modification(&self.dn, &self.before, &self.descriptor(), &self.remove, &self.add)
    }

    /// The list as it was read.
    #[must_use]
    pub fn found(&self) -> &Descriptor {
        &self.old
    }

    /// The DACL that would be sent, as a self-relative descriptor without owner, group and SACL.
    #[must_use]
    pub fn descriptor(&self) -> Vec<u8> {
        self.new.dacl_only().write()
    }

    fn of(object: &Object, new: Descriptor) -> Self {
        let (dn, bytes, old) = (object.dn.clone(), object.bytes.clone(), object.descriptor.clone());
        Self { dn, add: Vec::new(), remove: Vec::new(), gone: Vec::new(), before: object.stamp(), bytes, old, new }
    }
}

/// An entry in words: which right, for what, whose; `None` for one that is not in the table of rights.
#[must_use]
pub fn describe(ace: &Ace) -> Option<String> {
    let row = RIGHTS.iter().find(|row| Some(row.object) == ace.object && row.mask == ace.mask && row.below == ace.inherited_object)?;
    let place = if row.below.is_some() { "descendant user objects" } else { "this object" };
    let deed = if ace.kind.allows() { "allow" } else { "deny" };
    Some(format!("{deed} {} on {place}, for {}", row.label, ace.trustee))
}

/// An object with its list, as read just now.
struct Object {
    dn: String,
    bytes: Vec<u8>,
    descriptor: Descriptor,
}

impl Object {
    fn acl(&self) -> Result<&Acl, GrantError> {
        match self.descriptor.dacl() {
            Dacl::List(acl) => Ok(acl),
            // Putting entries into a list that is not there would take every other right away.
            Dacl::Absent | Dacl::Null => Err(GrantError::NoList { dn: self.dn.clone() }),
        }
    }

    /// Tells one list from another: descriptors come with their DACL only, so that a new owner makes no difference.
    fn stamp(&self) -> String {
        const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        let digest = Sha256::digest(&self.bytes);
        digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|half| DIGITS[usize::from(half)]).collect()
    }
}

async fn read(directory: &dyn Directory, dn: &str) -> Result<Object, GrantError> {
    let found = match directory.search(Search::object(dn, &[DESCRIPTOR]).limit(1)).await {
        // LDAP's "no such object".
        Err(DirectoryError::Refused { code: 32, .. }) => Vec::new(),
        other => other?,
    };
    let entry = found.into_iter().next().ok_or_else(|| GrantError::NotThere { dn: dn.to_owned() })?;
    let bytes = entry.bytes(DESCRIPTOR).ok_or_else(|| GrantError::Hidden { dn: dn.to_owned() })?;
    let descriptor = Descriptor::read(bytes).map_err(|why| GrantError::Unreadable { dn: dn.to_owned(), why })?;
    Ok(Object { dn: dn.to_owned(), bytes: bytes.to_vec(), descriptor })
}

/// What has to be put in so that the object holds all of `wanted`; nothing that is there already is put in again.
///
/// # Errors
/// The object cannot be read, has no list at all, or the list would not fit any more.
pub async fn plan(directory: &dyn Directory, dn: &str, wanted: &[Ace]) -> Result<GrantPlan, GrantError> {
    let object = read(directory, dn).await?;
    let mut acl = object.acl()?.clone();
    let add = delegation::missing(&acl, wanted);
    delegation::insert(&mut acl, &add).map_err(|why| GrantError::Full { dn: dn.to_owned(), why })?;
    let new = object.descriptor.clone().with_dacl(acl);
    Ok(GrantPlan { add, ..GrantPlan::of(&object, new) })
}

/// What has to be taken out so that nothing is left of what was `added`: entries equal in every byte, one for each.
///
/// Of two equal entries one is somebody else's and stays. Which of the caller's grants are still to be taken back is for the caller to
/// remember: a second plan for the same grant would take that other one.
///
/// # Errors
/// The object cannot be read, or has no list at all.
pub async fn plan_back(directory: &dyn Directory, dn: &str, added: &[Ace]) -> Result<GrantPlan, GrantError> {
    let object = read(directory, dn).await?;
    let mut acl = object.acl()?.clone();
    let gone = delegation::remove(&mut acl, added);
    let mut left = gone.clone();
    let remove = added.iter().filter(|ace| !take(&mut left, ace)).cloned().collect();
    let new = object.descriptor.clone().with_dacl(acl);
    Ok(GrantPlan { remove, gone, ..GrantPlan::of(&object, new) })
}

/// Takes one entry equal to `ace` out of `list`; whether there was one.
fn take(list: &mut Vec<Ace>, ace: &Ace) -> bool {
    list.iter().position(|other| other == ace).map(|at| list.remove(at)).is_some()
}

/// Carries a plan out: compares what is there now with what was planned for, writes the DACL alone, reads back.
///
/// An empty plan asks and writes nothing.
///
/// # Errors
/// [`GrantError::Changed`] when the list has changed since the plan: nothing was written. [`GrantError::outcome_known`] says of every
/// error whether nothing was changed for sure.
pub async fn carry(directory: &dyn Directory, plan: &GrantPlan) -> Result<Granted, GrantError> {
    if plan.is_empty() {
        return Ok(Granted { added: Vec::new(), removed: Vec::new(), after: plan.before.clone() });
    }
    match directory.replace_dacl(&plan.dn, &plan.bytes, &plan.descriptor()).await {
        Err(DirectoryError::Changed { .. }) => return Err(changed(directory, plan).await),
        other => other?,
    }
    let after = read(directory, &plan.dn).await.map_err(|why| GrantError::Unverified { dn: plan.dn.clone(), why: Box::new(why) })?;
    verify(plan, &after)?;
    Ok(Granted { added: plan.add.clone(), removed: plan.remove.clone(), after: after.stamp() })
}

/// The refusal, with what somebody else did.
async fn changed(directory: &dyn Directory, plan: &GrantPlan) -> GrantError {
    let difference = match read(directory, &plan.dn).await {
        Ok(now) => difference(&plan.old, &now.descriptor),
        Err(_) => "it cannot be read any more".to_owned(),
    };
    GrantError::Changed { dn: plan.dn.clone(), difference }
}

/// Every entry put in is there, as often as planned, and every entry taken out is not.
fn verify(plan: &GrantPlan, after: &Object) -> Result<(), GrantError> {
    let (is, should) = (after.acl()?, plan.new.dacl.as_ref());
    let times = |acl: &Acl, ace: &Ace| acl.aces.iter().filter(|there| *there == ace).count();
    let planned = |ace: &Ace| should.map_or(0, |acl| times(acl, ace));
    let lost = plan.add.iter().filter(|ace| times(is, ace) < planned(ace));
    let kept = plan.remove.iter().filter(|ace| times(is, ace) > planned(ace));
    let wrong: Vec<String> = lost.chain(kept).map(Ace::to_string).collect();
    if wrong.is_empty() { Ok(()) } else { Err(GrantError::NotKept { dn: plan.dn.clone(), entries: wrong }) }
}

/// Those of `aces` that the object does not hold, byte for byte: how doubt about a grant is settled after a crash.
///
/// # Errors
/// The object cannot be read, or has no list at all.
pub async fn absent(directory: &dyn Directory, dn: &str, aces: &[Ace]) -> Result<Vec<Ace>, GrantError> {
    let object = read(directory, dn).await?;
    let mut there = object.acl()?.aces.clone();
    Ok(aces.iter().filter(|ace| !take(&mut there, ace)).cloned().collect())
}

/// What lies between two lists, in SDDL; flags and order are named when the entries are the same.
fn difference(old: &Descriptor, new: &Descriptor) -> String {
    let aces = |of: &Descriptor| of.dacl.as_ref().map(|acl| acl.aces.clone()).unwrap_or_default();
    let (mut gone, mut come) = (aces(old), aces(new));
    come.retain(|ace| !take(&mut gone, ace));
    let lines = gone.iter().map(|ace| format!("- {ace}")).chain(come.iter().map(|ace| format!("+ {ace}")));
    let text = lines.collect::<Vec<_>>().join("\n");
    if text.is_empty() { "the same entries in another order, or other flags".to_owned() } else { text }
}
