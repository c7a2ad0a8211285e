//! Writes of `unicodePwd`: a reset (replace) and a change (delete and add) told apart, each with its own right and its own rules.

use super::caller::Eye;
use super::modify::{Part, Place};
use super::refusal::{self, Refusal};
use super::schema::Source;
use crate::practice::world::{Object, OnPremisesDomain as Domain, Policy, Slip, filetime, hash};
use crate::rights::{Asked, Descriptor, delegation::known};
use ldap3_proto::proto::LdapModifyType as Kind;

/// What is done to a password.
pub(super) enum Wish {
    /// The new one, without knowing the old one.
    Reset(String),
    /// From the one with this hash to that.
    Change(String, String),
}

/// Who may (measured: before anything else is looked at).
pub(super) fn judge(eye: &Eye<'_>, descriptor: &Descriptor, object: &Object, parts: &[Part<'_>]) -> Result<(), Refusal> {
    let mut secret = parts.iter().filter(|part| part.attribute.source == Source::Secret).peekable();
    if secret.peek().is_none() {
        return Ok(());
    }
    let is_reset = secret.all(|part| part.kind == Kind::Replace);
    let right = if is_reset { known::RESET_PASSWORD } else { known::CHANGE_PASSWORD };
    let may = object.account.is_some() && eye.may_by(descriptor, object, Asked::extended(right));
    match may {
        true => Ok(()),
        false if is_reset => Err(refusal::no_reset()),
        false => Err(refusal::no_change()),
    }
}

/// Does what the parts say about the password; nothing when they say nothing.
pub(super) fn write(domain: &mut Domain, key: &str, parts: &[Part<'_>], place: &Place<'_>) -> Result<(), Refusal> {
    match wish(parts)? {
        Some(wish) => put(domain, key, wish, place),
        None => Ok(()),
    }
}

/// Gives an account its new password, as far as the domain's policy lets it; nobody's right is asked.
pub(super) fn put(domain: &mut Domain, key: &str, wish: Wish, place: &Place<'_>) -> Result<(), Refusal> {
    let policy = Policy::of(domain.head());
    let set = if Eye::new(domain, place.caller, place.now).may_unexpire() { filetime(place.now) } else { 0 };
    let Some(account) = domain.at(key).and_then(|object| object.account.clone()) else { return Err(refusal::no_reset()) };
    let new = match wish {
        Wish::Reset(new) => {
            policy.accepts(&new).map_err(refusal::slip)?;
            if place.controls.history && account.was_used(&new, &policy) {
                return Err(refusal::slip(Slip::Used));
            }
            new
        }
        Wish::Change(old, new) => {
            account.may_change(&old, &new, &policy, place.now).map_err(refusal::slip)?;
            new
        }
    };
    domain.change(key, place.now, |object| {
        if let Some(account) = &mut object.account {
            account.set_password(hash(&new), &policy, set);
        }
    });
    Ok(())
}

fn wish(parts: &[Part<'_>]) -> Result<Option<Wish>, Refusal> {
    let (mut old, mut new, mut reset) = (None, None, None);
    for part in parts.iter().filter(|part| part.attribute.source == Source::Secret) {
        let slot = match part.kind {
            Kind::Delete => &mut old,
            Kind::Add => &mut new,
            Kind::Replace | Kind::Increment => &mut reset,
        };
        let value = match part.values {
            [value] if slot.is_none() => Some(quoted(value).ok_or_else(refusal::not_quoted)?),
            [] if part.kind == Kind::Delete => None,
            _ => return Err(refusal::unwilling("setup_io: it's only allowed to set the old password once!")),
        };
        *slot = value;
    }
    match (old, new, reset) {
        (None, None, None) if parts.iter().all(|part| part.attribute.source != Source::Secret) => Ok(None),
        (None, None, Some(reset)) => Ok(Some(Wish::Reset(reset))),
        (Some(old), Some(new), None) => Ok(Some(Wish::Change(hash(&old), new))),
        (None, Some(_), _) => Err(refusal::unwilling("Only the add action for a password change specified!")),
        (None | Some(_), None, None) => Err(refusal::unwilling(
            "setup_io: It's not possible to delete the password (changes using the LAN Manager hash alone could be deactivated)!",
        )),
        (Some(_), _, Some(_)) => Err(refusal::unwilling("setup_io: it's only allowed to set the old password once!")),
    }
}

/// The password of a value: UTF-16LE with quotes around it (MS-ADTS 3.1.1.3.1.5.1).
pub(super) fn quoted(value: &[u8]) -> Option<String> {
    let (pairs, rest) = value.as_chunks::<2>();
    let text = String::from_utf16(&pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect::<Vec<_>>()).ok()?;
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    rest.is_empty().then(|| inner.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_password_is_utf_16_in_quotes_and_nothing_else() {
        assert_eq!(quoted(&utf16("\"Pässw0rd\"")), Some("Pässw0rd".to_owned()));
        assert_eq!(quoted(&utf16("\"\"")), Some(String::new()));
        for wrong in [utf16("Passw0rd"), utf16("\""), b"\"Passw0rd\"".to_vec(), [utf16("\"a\""), vec![0]].concat(), vec![], vec![0, 0xd8]] {
            assert_eq!(quoted(&wrong), None, "{wrong:?}");
        }
    }
}
