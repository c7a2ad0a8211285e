//! What a trustee may really do with an object (MS-ADTS 5.1.3.3). Judges one descriptor; what comes from above is in it already.

use super::descriptor::Dacl;
use super::{Ace, AceKind, Acl, Descriptor, Guid, Mask, Sid};

/// Who asks: every SID that an ACE may name for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    sids: Vec<Sid>,
}

impl Token {
    /// An account with its groups (`tokenGroups`, which holds the primary group too); adds Everyone and Authenticated Users.
    #[must_use]
    pub fn of(account: Sid, groups: impl IntoIterator<Item = Sid>) -> Self {
        let mut sids: Vec<Sid> = [account, Sid::EVERYONE, Sid::AUTHENTICATED_USERS].into_iter().chain(groups).collect();
        sids.sort_unstable();
        sids.dedup();
        Self { sids }
    }

    /// The same with the primary group, which `memberOf` does not hold: `primaryGroupID` in the account's own domain.
    #[must_use]
    pub fn with_primary_group(self, account: &Sid, rid: u32) -> Self {
        let group = account.domain().map(|domain| domain.child(rid));
        self.with(group)
    }

    /// The same with more groups.
    #[must_use]
    pub fn with(mut self, groups: impl IntoIterator<Item = Sid>) -> Self {
        self.sids.extend(groups);
        self.sids.sort_unstable();
        self.sids.dedup();
        self
    }

    /// Whether it holds this SID.
    #[must_use]
    pub fn has(&self, sid: &Sid) -> bool {
        self.sids.binary_search(sid).is_ok()
    }

    /// All of its SIDs, sorted.
    #[must_use]
    pub fn sids(&self) -> &[Sid] {
        &self.sids
    }
}

/// What is asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The schema GUIDs of the most specific structural class and of auxiliary classes, without superclasses: a computer is no user here
    /// (measured: facts, directory 4).
    pub classes: Vec<Guid>,
    /// Its own SID, which SELF stands for; `None` for what has none.
    pub sid: Option<Sid>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// All of these bits.
    pub mask: Mask,
    /// The attribute, extended right or class; `None` asks for the right as a whole.
    pub object: Option<Guid>,
    /// The property set that the attribute belongs to; `None` when it belongs to none.
    pub property_set: Option<Guid>,
}

impl Asked {
    /// Rights on the object as a whole.
    #[must_use]
    pub const fn whole(mask: Mask) -> Self {
        Self { mask, object: None, property_set: None }
    }

    /// An extended right.
    #[must_use]
    pub const fn extended(right: Guid) -> Self {
        Self { mask: Mask::CONTROL_ACCESS, object: Some(right), property_set: None }
    }

    /// Writing one attribute.
    #[must_use]
    pub const fn write(attribute: Guid, property_set: Option<Guid>) -> Self {
        Self { mask: Mask::WRITE_PROPERTY, object: Some(attribute), property_set }
    }
}

/// Why a decision is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The ACE with this index allows the last bit that was missing.
    Allowed(usize),
    /// The ACE with this index denies.
    Denied(usize),
    /// No ACE allows all of it.
    NothingAllows,
    /// There is no list that limits anything: NULL or absent.
    Unlimited,
    /// The owner may read and write the list without an ACE.
    Owner,
}

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether all that was asked for is allowed.
    pub allowed: bool,
    /// The index of the ACE that decides; `None` when none does.
    pub by: Option<usize>,
    /// Why.
    pub why: Why,
    /// What stayed without permission; empty when allowed.
    pub missing: Mask,
}

impl Decision {
    fn new(why: Why, missing: Mask) -> Self {
        let (allowed, by) = match why {
            Why::Allowed(index) => (true, Some(index)),
            Why::Denied(index) => (false, Some(index)),
            Why::NothingAllows => (false, None),
            Why::Unlimited | Why::Owner => (true, None),
        };
        Self { allowed, by, why, missing }
    }
}

/// Whether `token` may do what is `asked` with the object that has this descriptor.
#[must_use]
pub fn decide(descriptor: &Descriptor, token: &Token, target: &Target, asked: Asked) -> Decision {
    match descriptor.dacl() {
        Dacl::Absent | Dacl::Null => Decision::new(Why::Unlimited, Mask::NONE),
        Dacl::List(acl) => Judge { acl, owner: descriptor.owner, token, target, asked }.run(),
    }
}

struct Judge<'a> {
    acl: &'a Acl,
    owner: Option<Sid>,
    token: &'a Token,
    target: &'a Target,
    asked: Asked,
}

impl Judge<'_> {
    fn run(&self) -> Decision {
        let mut missing = self.asked.mask.mapped();
        if self.owner_implied() {
            missing = missing & !(Mask::READ_CONTROL | Mask::WRITE_DAC);
            if missing.is_empty() {
                return Decision::new(Why::Owner, missing);
            }
        }
        for (index, ace) in self.acl.aces.iter().enumerate().filter(|(_, ace)| self.concerns(ace)) {
            if ace.kind.denies() && ace.mask.mapped().meets(missing) {
                return Decision::new(Why::Denied(index), missing);
            }
            if ace.kind.allows() {
                missing = missing & !ace.mask.mapped();
            }
            if missing.is_empty() {
                return Decision::new(Why::Allowed(index), missing);
            }
        }
        Decision::new(Why::NothingAllows, missing)
    }

    /// MS-DTYP 2.5.3.2: an ACE for OWNER RIGHTS takes the implicit rights away.
    fn owner_implied(&self) -> bool {
        let limited = || self.acl.aces.iter().any(|ace| ace.counts_here() && ace.trustee == Sid::OWNER_RIGHTS);
        self.is_owner() && !limited()
    }

    fn is_owner(&self) -> bool {
        self.owner.is_some_and(|owner| self.token.has(&owner))
    }

    fn concerns(&self, ace: &Ace) -> bool {
        ace.counts_here() && self.is_kind(ace) && self.names(&ace.trustee)
    }

    fn names(&self, trustee: &Sid) -> bool {
        self.token.has(trustee)
            || (*trustee == Sid::SELF && self.target.sid.is_some_and(|sid| self.token.has(&sid)))
            || (*trustee == Sid::OWNER_RIGHTS && self.is_owner())
    }

    /// Whether the ACE is about what is asked: all of it, the attribute or right, its property set, or the object's class, which is the root
    /// of the object type tree (MS-ADTS 5.1.3.3.3). An extended right has no tree (5.1.3.3.4).
    fn is_kind(&self, ace: &Ace) -> bool {
        match ace.kind {
            AceKind::Allow | AceKind::Deny => true,
            AceKind::Audit | AceKind::AuditObject | AceKind::Other(_) => false,
            AceKind::AllowObject | AceKind::DenyObject => ace.object.is_none_or(|object| self.in_tree(object)),
        }
    }

    fn in_tree(&self, object: Guid) -> bool {
        let is_right = self.asked.mask.meets(Mask::CONTROL_ACCESS);
        self.asked.object == Some(object)
            || self.asked.property_set == Some(object)
            || (!is_right && self.asked.object.is_some() && self.target.classes.contains(&object))
    }
}
