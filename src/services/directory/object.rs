//! Changes of objects in a directory: a new one, other values, one that goes. Not for permissions: those are `grant`'s.

use super::DirectoryError;
use crate::base::{Secret, text};

/// A change of one object, one request of a directory.
#[derive(Clone)]
pub enum Change {
    /// A new object. Refused where one of its name is there already.
    Add(NewObject),
    /// Other values, all of them or none. Refused where what stands there is not what was read.
    Modify {
        /// The distinguished name.
        dn: String,
        /// What becomes of each attribute.
        swaps: Vec<Swap>,
    },
    /// An object that goes. Refused while something is in it.
    Delete {
        /// The distinguished name.
        dn: String,
    },
}

/// A new object.
#[derive(Clone)]
pub struct NewObject {
    /// Its distinguished name.
    pub dn: String,
    /// What it is, as `objectClass` names it; the directory knows what else it is then.
    pub class: String,
    /// Its attributes, a name and a value each.
    pub attributes: Vec<(String, String)>,
    /// Its first password; `None` for an object without one.
    pub password: Option<Secret>,
}

/// An attribute of one value that gets another one. `None` is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// The attribute.
    pub attribute: String,
    /// What must stand there; with anything else nothing is written.
    pub from: Option<String>,
    /// What stands there afterwards.
    pub to: Option<String>,
}

impl Change {
    /// The object's distinguished name.
    #[must_use]
    pub fn dn(&self) -> &str {
        match self {
            Self::Add(NewObject { dn, .. }) | Self::Modify { dn, .. } | Self::Delete { dn } => dn,
        }
    }

    /// What it is for, as a noun in an error's sentence.
    pub(super) fn doing(&self) -> String {
        let dn = text::short(self.dn(), 200);
        match self {
            Self::Add(_) => format!("the making of `{dn}`"),
            Self::Modify { swaps, .. } => {
                let names: Vec<String> = swaps.iter().map(|swap| text::short(&swap.attribute, 60)).collect();
                format!("the change of `{}` of `{dn}`", names.join("`, `"))
            }
            Self::Delete { .. } => format!("the deletion of `{dn}`"),
        }
    }

    /// Refuses what has ways of its own, and what would change nothing.
    ///
    /// # Errors
    /// [`DirectoryError::Setting`]; nothing is sent then.
    pub(super) fn check(&self) -> Result<(), DirectoryError> {
        let names: Vec<&str> = match self {
            Self::Add(new) => new.attributes.iter().map(|(name, _)| name.as_str()).collect(),
            Self::Modify { swaps, .. } => swaps.iter().map(|swap| swap.attribute.as_str()).collect(),
            Self::Delete { .. } => Vec::new(),
        };
        if let Some(name) = names.iter().find(|name| OWN_WAYS.iter().any(|own| own.eq_ignore_ascii_case(name))) {
            let what = format!("`{}` is not written as text", text::short(name, 60));
            return Err(DirectoryError::Setting { what, hint: "use its own operation" });
        }
        match self {
            Self::Modify { swaps, dn } if swaps.is_empty() || swaps.iter().all(|swap| swap.from == swap.to) => {
                let what = format!("nothing of `{}` would be changed; nothing was sent", text::short(dn, 200));
                Err(DirectoryError::Setting { what, hint: "look again; it may be as it should be" })
            }
            Self::Add(NewObject { password: Some(password), dn, .. }) if password.expose().is_empty() => {
                Err(DirectoryError::EmptyPassword { name: text::short(dn, 200) })
            }
            Self::Add(_) | Self::Modify { .. } | Self::Delete { .. } => Ok(()),
        }
    }
}

/// Attributes that no change of an object writes.
const OWN_WAYS: [&str; 3] = [super::DESCRIPTOR, "unicodePwd", "userPassword"];

/// The four kinds of characters that a domain's policy counts (MS-SAMR 3.1.1.7.1); without those that look like another.
const KINDS: [&[u8]; 4] = [b"abcdefghijkmnpqrstuvwxyz", b"ABCDEFGHJKLMNPQRSTUVWXYZ", b"23456789", b"!#%+-.:=?@_"];
/// The longest password that every Windows takes (MS-SAMR 2.2.4.1, `unicodePwd`: 256 bytes with its quotes).
const LONGEST: usize = 120;
/// Shorter than this is never made: 24 characters of 69 are 146 bits.
const LEAST: usize = 24;

/// A new password by the domain's policy: as long as it asks, at least 24 characters, of all four kinds, without any of `names` in it.
///
/// # Errors
/// The policy asks for more than Windows takes, or the system gives no random numbers.
pub fn make_password(least: usize, names: &[&str]) -> Result<Secret, DirectoryError> {
    if least > LONGEST {
        let what = format!("the domain asks for passwords of {least} characters, and none of more than {LONGEST} can be set");
        return Err(DirectoryError::Setting { what, hint: "look at `minPwdLength` of the domain" });
    }
    // Parts of names count from three characters on (MS-SAMR 3.1.1.7.1); the chance of one is small, of a hundred in a row none.
    let parts: Vec<String> = names
        .iter()
        .flat_map(|name| name.split(|c: char| !c.is_alphanumeric()))
        .filter(|part| part.chars().count() >= 3)
        .map(str::to_lowercase)
        .collect();
    for _ in 0..100 {
        let made = random(least.max(LEAST))?;
        let low = zeroize::Zeroizing::new(made.expose().to_lowercase());
        if !parts.iter().any(|part| low.contains(part)) {
            return Ok(made);
        }
    }
    Err(DirectoryError::Setting { what: "no password without the user's name in it was found".to_owned(), hint: "choose other names" })
}

fn random(length: usize) -> Result<Secret, DirectoryError> {
    let all: zeroize::Zeroizing<Vec<u8>> = zeroize::Zeroizing::new(KINDS.concat());
    // The first four are one of each kind; where they stand is known, what they are is not, and the rest is as long as it must be.
    let mut made = zeroize::Zeroizing::new(String::with_capacity(length));
    for at in 0..length {
        let from = KINDS.get(at).copied().unwrap_or(&all);
        made.push(char::from(one_of(from)?));
    }
    Ok(Secret::new(made.as_str()))
}

/// One of some, each as likely as any other.
fn one_of(some: &[u8]) -> Result<u8, DirectoryError> {
    let no_random = |error: getrandom::Error| DirectoryError::Setting {
        what: format!("no password can be made: the system gives no random numbers: {error}"),
        hint: "this machine cannot make secrets now; try again",
    };
    let count = u32::try_from(some.len()).unwrap_or(1);
    // Numbers above the last whole multiple would make the first ones likelier.
    let most = u32::MAX - u32::MAX % count;
    loop {
        let number = getrandom::u32().map_err(no_random)?;
        if number < most {
            let at = usize::try_from(number % count).unwrap_or_default();
            return Ok(some.get(at).copied().unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_made_password_has_all_four_kinds_is_long_enough_and_is_never_the_same() {
        let mut seen = HashSet::new();
        for least in [0, 7, 24, 25, LONGEST] {
            let made = make_password(least, &["Writeback Test", "writeback.test"]).unwrap_or_else(|error| panic!("{error}"));
            let password = made.expose();
            assert_eq!(password.len(), least.max(LEAST));
            for kind in KINDS {
                assert!(password.bytes().any(|byte| kind.contains(&byte)), "a kind is missing");
            }
            assert!(seen.insert(password.to_owned()));
        }
        assert!(make_password(LONGEST + 1, &[]).is_err());
        // A name of which every password holds a part is never in one; here none can be made.
        let every: Vec<String> = (b'a'..=b'z').map(|letter| char::from(letter).to_string().repeat(3)).collect();
        let every: Vec<&str> = every.iter().map(String::as_str).collect();
        assert!(make_password(7, &every).is_ok());
    }

    #[test]
    fn what_has_a_way_of_its_own_or_changes_nothing_is_not_sent() {
        let swap = |attribute: &str, from: Option<&str>, to: Option<&str>| Swap {
            attribute: attribute.into(),
            from: from.map(Into::into),
            to: to.map(Into::into),
        };
        let modify = |swaps: Vec<Swap>| Change::Modify { dn: "DC=a".into(), swaps }.check();
        assert_eq!(modify(vec![swap("minPwdAge", Some("-1"), Some("0"))]), Ok(()));
        assert_eq!(modify(vec![swap("description", None, Some("x"))]), Ok(()));
        for bad in [vec![], vec![swap("minPwdAge", Some("0"), Some("0"))], vec![swap("unicodepwd", None, Some("x"))]] {
            assert!(modify(bad).is_err());
        }
        let new = |password: &str| NewObject {
            dn: "CN=a,DC=b".into(),
            class: "user".into(),
            attributes: vec![("sAMAccountName".into(), "a".into())],
            password: Some(Secret::new(password)),
        };
        assert_eq!(Change::Add(new("x")).check(), Ok(()));
        assert!(matches!(Change::Add(new("")).check(), Err(DirectoryError::EmptyPassword { .. })));
    }
}
