//! What children inherit (MS-DTYP 2.5.3.4, MS-ADTS 6.1.3). Every object of a directory can hold others, so each child is a container.

use super::{Ace, AceFlags, AceKind, Acl, Guid, Sid};

/// The child that inherits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Child {
    /// As [`super::Target::classes`].
    pub classes: Vec<Guid>,
    /// Takes the place of Creator Owner; `None` leaves such ACEs to further descendants only.
    pub owner: Option<Sid>,
    /// Takes the place of Creator Group.
    pub group: Option<Sid>,
}

/// The child's list anew: its own explicit ACEs first, in their order, then what it inherits in the parent's order, unless it is protected.
#[must_use]
pub fn merged(parent: &Acl, own: &Acl, protected: bool, child: &Child) -> Acl {
    let explicit = own.aces.iter().filter(|ace| !ace.is_inherited()).flat_map(|ace| stored(ace, child));
    let from_above = if protected { Vec::new() } else { inherited(parent, child) };
    let mut acl = Acl { aces: explicit.chain(from_above).collect(), ..own.clone() };
    acl.settle_revision();
    acl
}

/// The ACEs that a child inherits, in the parent's order.
#[must_use]
pub fn inherited(parent: &Acl, child: &Child) -> Vec<Ace> {
    parent.aces.iter().flat_map(|ace| copies(ace, child)).collect()
}

/// An explicit ACE as it is stored: generic bits are mapped, and creators named, on the object itself; what is passed on keeps them.
fn stored(ace: &Ace, child: &Child) -> Vec<Ace> {
    let here = filled_in(ace, child);
    match here {
        _ if !ace.counts_here() || !is_open(ace) => vec![ace.clone()],
        Some(here) if !ace.flags.has(AceFlags::CONTAINER_INHERIT) => vec![here],
        Some(here) => vec![Ace { flags: ace.flags | AceFlags::INHERIT_ONLY, ..ace.clone() }, here.ended()],
        None => vec![ace.clone()],
    }
}

/// No copy, one, or two: one that counts on the child with everything filled in, and one that is only passed on.
fn copies(ace: &Ace, child: &Child) -> Vec<Ace> {
    let passes_on = !ace.flags.has(AceFlags::NO_PROPAGATE);
    let for_children = ace.flags.has(AceFlags::CONTAINER_INHERIT);
    // For objects that hold nothing only: kept on its way down, worth nothing here.
    let for_leaves = ace.flags.has(AceFlags::OBJECT_INHERIT);
    let for_class = ace.inherited_object.is_none_or(|class| child.classes.contains(&class));
    let here = if for_children && for_class { filled_in(ace, child) } else { None };
    match here {
        Some(here) if !passes_on => vec![here.ended().inherited_here()],
        Some(here) if is_open(ace) => vec![here.ended().inherited_here(), passed_on(ace)],
        Some(here) => vec![here.inherited_here()],
        None if passes_on && (for_children || for_leaves) => vec![passed_on(ace)],
        None => Vec::new(),
    }
}

/// Whether something in it is filled in when it is inherited.
fn is_open(ace: &Ace) -> bool {
    ace.mask.is_generic() || ace.trustee == Sid::CREATOR_OWNER || ace.trustee == Sid::CREATOR_GROUP
}

/// The ACE as it counts on the child: generic bits mapped, the creator named. `None`: the creator is not known.
fn filled_in(ace: &Ace, child: &Child) -> Option<Ace> {
    let trustee = match ace.trustee {
        Sid::CREATOR_OWNER => child.owner?,
        Sid::CREATOR_GROUP => child.group?,
        trustee => trustee,
    };
    Some(Ace { trustee, mask: ace.mask.mapped(), ..ace.clone() })
}

fn passed_on(ace: &Ace) -> Ace {
    Ace { flags: ace.flags | AceFlags::INHERIT_ONLY | AceFlags::INHERITED, ..ace.clone() }
}

impl Ace {
    /// Counting here, and marked as inherited.
    fn inherited_here(mut self) -> Self {
        self.flags = (self.flags & !AceFlags::INHERIT_ONLY) | AceFlags::INHERITED;
        self
    }

    /// Inherited no further: the class to inherit it means nothing then, and an object ACE without object is a plain one.
    fn ended(mut self) -> Self {
        self.flags = self.flags & !(AceFlags::OBJECT_INHERIT | AceFlags::CONTAINER_INHERIT | AceFlags::NO_PROPAGATE);
        self.inherited_object = None;
        self.kind = match self.kind {
            AceKind::AllowObject if self.object.is_none() => AceKind::Allow,
            AceKind::DenyObject if self.object.is_none() => AceKind::Deny,
            AceKind::AuditObject if self.object.is_none() => AceKind::Audit,
            kind => kind,
        };
        self
    }
}

/// Puts a list into canonical order, as Windows stores it (facts, domain 4.7); what is of one rank keeps its order.
pub fn canonical(acl: &mut Acl) {
    acl.aces.sort_by_key(rank);
}

/// The last [`rank`] of explicit ACEs that deny.
pub const LAST_DENY: u8 = 1;

/// The place in canonical order: explicit before inherited, deny before allow, plain before object.
///
/// Inherited ACEs have one rank: those of the parent come before those of its parent, whatever they do.
#[must_use]
pub fn rank(ace: &Ace) -> u8 {
    match ace.kind {
        _ if ace.is_inherited() => 5,
        // The callback kinds are carried only, but have their place beside the plain ones (MS-DTYP 2.4.4.1).
        AceKind::Deny | AceKind::Other(0x0a) => 0,
        AceKind::DenyObject | AceKind::Other(0x0c) => LAST_DENY,
        AceKind::Allow | AceKind::Other(0x09) => 2,
        AceKind::AllowObject | AceKind::Other(0x0b) => 3,
        AceKind::Audit | AceKind::AuditObject | AceKind::Other(_) => 4,
    }
}
