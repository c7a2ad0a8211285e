//! Randomness of the operating system, as tokens and GUIDs.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// The operating system gives no randomness: nothing can be kept secret then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random numbers")]
pub(super) struct NoChance;

fn bytes<const N: usize>() -> Result<[u8; N], NoChance> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| NoChance)?;
    Ok(bytes)
}

/// An unguessable text of 43 characters, safe in URLs.
pub(super) fn token() -> Result<String, NoChance> {
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes::<32>()?))
}

/// A password of 20 characters that a person can type.
pub(super) fn password() -> Result<String, NoChance> {
    // No characters that look alike.
    const SIGNS: &[u8] = b"abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789";
    let picked = bytes::<20>()?.into_iter().filter_map(|byte| SIGNS.get(usize::from(byte) % SIGNS.len()));
    Ok(picked.map(|sign| char::from(*sign)).collect())
}

/// A code of 9 characters that a person types, as Entra's: capitals and digits that do not look alike.
pub(super) fn user_code() -> Result<String, NoChance> {
    const SIGNS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let picked = bytes::<9>()?.into_iter().filter_map(|byte| SIGNS.get(usize::from(byte) % SIGNS.len()));
    Ok(picked.map(|sign| char::from(*sign)).collect())
}

/// A random GUID.
pub(super) fn guid() -> Result<String, NoChance> {
    Ok(as_guid(u128::from_be_bytes(bytes()?)))
}

/// The same GUID for the same text, as an id that need not be stored.
pub(super) fn guid_of(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    as_guid(digest.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte)))
}

/// Written as version 4 (RFC 9562 5.4).
fn as_guid(number: u128) -> String {
    let mut number = number & !(0xf << 76) | 4 << 76;
    number = number & !(0b11 << 62) | 0b10 << 62;
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// A number in the range, evenly enough for a practice lab.
pub(super) fn between(range: std::ops::RangeInclusive<i64>) -> Result<i64, NoChance> {
    let span = range.end() - range.start() + 1;
    Ok(range.start() + i64::from(u32::from_be_bytes(bytes()?)) % span)
}
