//! Which users of a domain the rights will not reach, and why: one pass over the containers, one over the users, in constant memory.
//! Not for granting; and not for judging one user in depth: `rights::effective` does.

use super::{DESCRIPTOR, Directory, DirectoryError, Entry, Search};
use crate::base::text;
use crate::rights::descriptor::Glance;
use crate::rights::{Ace, AceFlags, Control};
use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

/// Every user account, as the directory's index finds it; computers are no persons.
pub const USERS: &str = "(&(objectCategory=person)(objectClass=user))";

/// What can stand between the head and a user.
const CONTAINERS: &str = "(|(objectClass=organizationalUnit)(objectClass=container)(objectClass=builtinDomain))";

/// How many names of each cause are kept.
pub const SAMPLE: usize = 10;

/// How many users lie between two calls of the progress callback.
const STRIDE: u64 = 64;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The object that holds or will hold the rights: the domain's head, or a unit.
    pub base: &'a str,
    /// The ACEs on it whose copies users must hold. Empty before a grant: then only what would keep a copy away counts. What is not
    /// handed down to users is not looked for.
    pub wanted: &'a [Ace],
}

/// Why a user is not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// `AdminSDHolder` keeps the user's list: protected, with `adminCount` at 1.
    AdminSdHolder,
    /// The user's own list takes nothing from above.
    OwnList,
    /// A unit or container above takes nothing from above.
    Above,
    /// Nothing keeps the rights away, but the user does not hold them: on their way, or the user came from elsewhere.
    NotThere,
    /// The list was not shown, or cannot be read: it cannot be told.
    Unreadable,
}

/// Every cause, in the order in which a survey counts them.
pub const CAUSES: [Cause; 5] = [Cause::AdminSdHolder, Cause::OwnList, Cause::Above, Cause::NotThere, Cause::Unreadable];

/// A user who is not reached. Names are cleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreached {
    /// The distinguished name.
    pub dn: String,
    /// Why.
    pub cause: Cause,
    /// What above takes nothing from above, for [`Cause::Above`].
    pub above: Option<String>,
}

/// How many there are of a cause, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// At most [`SAMPLE`] names, cleaned, in the directory's order.
    pub sample: Vec<String>,
}

/// What came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// How many users there are.
    pub users: u64,
    /// How many of them the rights reach, or will reach.
    pub reached: u64,
    /// One for each of [`CAUSES`], in that order.
    tallies: [Tally; 5],
}

impl Survey {
    /// Those who are not reached for this reason.
    #[must_use]
    pub fn of(&self, cause: Cause) -> &Tally {
        &self.tallies[cause as usize]
    }
}

/// How many users there are: a search without attributes. It costs about half of the survey itself (facts, directory 8), so ask only
/// when somebody wants to see a percentage.
///
/// # Errors
/// What the directory refused, or why it did not answer.
pub async fn count(directory: &dyn Directory, base: &str) -> Result<u64, DirectoryError> {
    // `1.1` is no attribute, and asks for none (RFC 4511 4.5.1.8).
    directory.walk(Search::below(base, USERS, &["1.1"]), &mut |_| {}).await
}

/// Looks at every user below the base. `progress` hears how many were looked at so far, `each` of every user who is not reached.
///
/// # Errors
/// What the directory refused, or why it did not answer.
pub async fn survey(
    directory: &dyn Directory,
    question: Question<'_>,
    progress: &mut (dyn FnMut(u64) + Send),
    each: &mut (dyn FnMut(&Unreached) + Send),
) -> Result<Survey, DirectoryError> {
    let fences = fences(directory, question.base).await?;
    let looked_for = Copies::of(question.wanted);
    let mut survey = Survey::default();
    let search = Search::below(question.base, USERS, &[DESCRIPTOR, "adminCount"]);
    directory
        .walk(search, &mut |user| {
            match unreached(&user, &fences, &looked_for) {
                Some(found) => survey.note(&found, each),
                None => survey.reached += 1,
            }
            survey.users += 1;
            if survey.users.is_multiple_of(STRIDE) {
                progress(survey.users);
            }
        })
        .await?;
    progress(survey.users);
    Ok(survey)
}

impl Survey {
    fn note(&mut self, found: &Unreached, each: &mut (dyn FnMut(&Unreached) + Send)) {
        let tally = &mut self.tallies[found.cause as usize];
        tally.count += 1;
        if tally.sample.len() < SAMPLE {
            tally.sample.push(found.dn.clone());
        }
        each(found);
    }
}

/// Containers whose list takes nothing from above, by a keyed hash of their name: eight bytes each, whatever their names.
struct Fences {
    state: RandomState,
    hashes: HashSet<u64>,
}

impl Fences {
    fn hash(&self, dn: &str) -> u64 {
        self.state.hash_one(dn.to_ascii_lowercase())
    }

    /// The nearest one above an object: the DC writes a user's name as its container's name with a part in front.
    fn above<'a>(&self, dn: &'a str) -> Option<&'a str> {
        if self.hashes.is_empty() {
            return None;
        }
        std::iter::successors(parent(dn), |dn| parent(dn)).find(|dn| self.hashes.contains(&self.hash(dn)))
    }
}

/// What follows the first comma that no backslash escapes.
fn parent(dn: &str) -> Option<&str> {
    let mut escaped = false;
    for (at, letter) in dn.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => return dn.get(at + 1..),
            _ => {}
        }
    }
    None
}

async fn fences(directory: &dyn Directory, base: &str) -> Result<Fences, DirectoryError> {
    let mut fences = Fences { state: RandomState::new(), hashes: HashSet::new() };
    let search = Search::below(base, CONTAINERS, &[DESCRIPTOR]);
    directory
        .walk(search, &mut |container| {
            // The base itself holds the rights; whether it takes any from above does not matter.
            let is_base = container.dn.eq_ignore_ascii_case(base);
            let glance = container.bytes(DESCRIPTOR).and_then(|bytes| Glance::at(bytes).ok());
            if !is_base && glance.is_some_and(|glance| glance.control.has(Control::DACL_PROTECTED)) {
                fences.hashes.insert(fences.hash(&container.dn));
            }
        })
        .await?;
    Ok(fences)
}

fn unreached(user: &Entry, fences: &Fences, looked_for: &Copies) -> Option<Unreached> {
    let found = |cause, above: Option<&str>| Unreached { dn: text::line(&user.dn), cause, above: above.map(text::line) };
    let Some(glance) = user.bytes(DESCRIPTOR).and_then(|bytes| Glance::at(bytes).ok()) else {
        return Some(found(Cause::Unreadable, None));
    };
    if glance.control.has(Control::DACL_PROTECTED) {
        let kept = user.number("adminCount").is_some_and(|count| count > 0);
        return Some(found(if kept { Cause::AdminSdHolder } else { Cause::OwnList }, None));
    }
    if let Some(above) = fences.above(&user.dn) {
        return Some(found(Cause::Above, Some(above)));
    }
    match looked_for.are_in(glance) {
        Some(true) => None,
        Some(false) => Some(found(Cause::NotThere, None)),
        None => Some(found(Cause::Unreadable, None)),
    }
}

/// The copies that a user must hold: ACEs, and the bytes that they usually have, so that nothing is taken apart for most users.
struct Copies(Vec<(Ace, Vec<u8>)>);

impl Copies {
    fn of(wanted: &[Ace]) -> Self {
        let handed_down = wanted.iter().filter(|ace| ace.flags.has(AceFlags::INHERIT_ONLY | AceFlags::CONTAINER_INHERIT));
        Self(handed_down.map(|ace| (ace.clone(), body(ace))).collect())
    }

    /// Whether each of them is there, inherited and of worth on the user itself; `None` when the list cannot be read.
    fn are_in(&self, glance: Glance<'_>) -> Option<bool> {
        // A bit for each; there are four, and a question with more than 64 would be none of a person.
        let all = self.0.iter().take(64).enumerate().fold(0_u64, |bits, (at, _)| bits | 1 << at);
        let mut found = 0_u64;
        for raw in glance.dacl.into_iter().flatten() {
            let raw = raw.ok()?;
            if found != all && raw.flags.has(AceFlags::INHERITED) && !raw.flags.has(AceFlags::INHERIT_ONLY) {
                let same = |(ace, body): &(Ace, Vec<u8>)| raw.number == ace.kind.number() && (raw.body == body || wider(&raw.ace(), ace));
                found |= self.0.iter().take(64).enumerate().filter(|(_, copy)| same(copy)).fold(0, |bits, (at, _)| bits | 1 << at);
            }
        }
        Some(found == all)
    }
}

/// The same entry with more access: somebody granted reading along with writing.
fn wider(there: &Ace, wanted: &Ace) -> bool {
    let same = (there.trustee, there.object, there.inherited_object) == (wanted.trustee, wanted.object, wanted.inherited_object);
    same && there.mask.mapped().has(wanted.mask.mapped())
}

fn body(ace: &Ace) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ace.len());
    ace.write_to(&mut bytes);
    bytes.split_off(4.min(bytes.len()))
}
