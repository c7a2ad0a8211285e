//! Random values and the proof of possession for the code (RFC 7636). Not for keeping them.

use super::SignInError;
use crate::base::Secret;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// 32 random bytes as text; 43 characters, the least that RFC 7636 4.1 allows for a verifier.
pub(super) fn random_text() -> Result<Secret, SignInError> {
    let mut bytes = [0; 32];
    fill(&mut bytes)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

/// The challenge for a verifier: base64url of its SHA-256 (RFC 7636 4.2, `S256`).
pub(super) fn challenge(verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose()))
}

/// A random GUID, version 4 (RFC 9562 5.4), for `client-request-id`.
pub(super) fn guid() -> Result<String, SignInError> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| hex.get(range).unwrap_or_default().to_owned());
    Ok(groups.join("-"))
}

fn fill(bytes: &mut [u8]) -> Result<(), SignInError> {
    getrandom::fill(bytes).map_err(|error| SignInError::NoRandom { why: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::{challenge, guid, random_text};
    use crate::base::Secret;

    #[test]
    fn the_challenge_is_the_one_of_rfc_7636_appendix_b() {
        let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_verifier_is_long_enough_and_never_the_same() {
        let (one, two) = (random_text().unwrap(), random_text().unwrap());
        assert_eq!(one.expose().len(), 43);
        assert!(one != two);
    }

    #[test]
    fn a_guid_is_of_version_4() {
        let guid = guid().unwrap();
        let parts: Vec<_> = guid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(guid.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&guid.as_bytes()[19]), "{guid}");
    }
}
