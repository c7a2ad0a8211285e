//! What children inherit (MS-DTYP 2.5.3.4, MS-ADTS 6.1.3). Every object of a directory can hold others, so each child is a container.

use super::{Ace, AceFlags, Acl, Guid, Mask, Sid};

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
    let mut acl = own.clone();
    acl.aces.retain(|ace| !ace.is_inherited());
    if !protected {
        acl.aces.extend(inherited(parent, child));
    }
    acl.settle_revision();
    acl
}

/// The ACEs that a child inherits, in the parent's order.
#[must_use]
pub fn inherited(parent: &Acl, child: &Child) -> Vec<Ace> {
    parent.aces.iter().flat_map(|ace| copies(ace, child)).collect()
}

/// No copy, one, or two: one that counts on the child with everything filled in, and one that is only passed on.
fn copies(ace: &Ace, child: &Child) -> Vec<Ace> {
    let passes_on = !ace.flags.has(AceFlags::NO_PROPAGATE);
    if !ace.flags.has(AceFlags::CONTAINER_INHERIT) {
        // For objects that hold nothing only: kept on its way down, worth nothing here.
        let to_leaves = ace.flags.has(AceFlags::OBJECT_INHERIT) && passes_on;
        return if to_leaves { vec![passed_on(ace)] } else { Vec::new() };
    }
    if ace.inherited_object.is_some_and(|class| !child.classes.contains(&class)) {
        return if passes_on { vec![passed_on(ace)] } else { Vec::new() };
    }
    let here = filled_in(ace, child);
    match here {
        Some(here) if here.mask == ace.mask && here.trustee == ace.trustee => vec![Ace { flags: effective(ace.flags, passes_on), ..here }],
        Some(here) if passes_on => vec![Ace { flags: effective(ace.flags, false), ..here }, passed_on(ace)],
        Some(here) => vec![Ace { flags: effective(ace.flags, false), ..here }],
        None if passes_on => vec![passed_on(ace)],
        None => Vec::new(),
    }
}

/// The ACE as it counts on the child: generic bits mapped, the creator named. `None`: the creator is not known.
fn filled_in(ace: &Ace, child: &Child) -> Option<Ace> {
    let trustee = match ace.trustee {
        Sid::CREATOR_OWNER => child.owner?,
        Sid::CREATOR_GROUP => child.group?,
        trustee => trustee,
    };
    let mask = if ace.mask.is_generic() { ace.mask.mapped() } else { ace.mask };
    Some(Ace { trustee, mask: mask | Mask::NONE, ..ace.clone() })
}

fn effective(flags: AceFlags, passes_on: bool) -> AceFlags {
    let inheritance = AceFlags::OBJECT_INHERIT | AceFlags::CONTAINER_INHERIT | AceFlags::NO_PROPAGATE;
    let kept = flags & !AceFlags::INHERIT_ONLY;
    (if passes_on { kept } else { kept & !inheritance }) | AceFlags::INHERITED
}

fn passed_on(ace: &Ace) -> Ace {
    Ace { flags: ace.flags | AceFlags::INHERIT_ONLY | AceFlags::INHERITED, ..ace.clone() }
}
