//! Signs id tokens (ES256) with a key that lives as long as the process. Access tokens are random and not signed: clients must not read them.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};
use serde_json::{Value, json};

const KEY_ID: &str = "practice-1";

/// The key of the id tokens.
pub(in crate::practice) struct Signer(KeyPair);

impl Signer {
    /// A new key.
    pub(in crate::practice) fn new() -> Result<Self, rcgen::Error> {
        KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map(Self)
    }

    /// The public key as a JSON Web Key set (RFC 7518 6.2).
    pub(in crate::practice) fn keys(&self) -> Value {
        // Uncompressed point: 4, then x and y of 32 bytes each (SEC 1 2.3.3).
        let point = self.0.der_bytes();
        let part = |from: usize| BASE64_URL_SAFE_NO_PAD.encode(point.get(from..from + 32).unwrap_or_default());
        json!({"keys": [{"kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256", "kid": KEY_ID, "x": part(1), "y": part(33)}]})
    }

    /// A signed token of these claims; `None` if the key refuses, which it does not.
    pub(in crate::practice) fn sign(&self, claims: &Value) -> Option<String> {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&json!({"typ": "JWT", "alg": "ES256", "kid": KEY_ID})), part(claims));
        let signature = fixed(&self.0.sign(text.as_bytes()).ok()?)?;
        Some(format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The signature as r ‖ s of 32 bytes each, which JWS wants (RFC 7518 3.4), from the ASN.1 sequence that X.509 wants.
fn fixed(der: &[u8]) -> Option<[u8; 64]> {
    let mut out = [0_u8; 64];
    let mut rest = der.strip_prefix(&[0x30])?.get(1..)?;
    for half in out.chunks_exact_mut(32) {
        let (length, after) = rest.strip_prefix(&[0x02])?.split_first()?;
        let (number, after) = after.split_at_checked(usize::from(*length))?;
        let digits = number.strip_prefix(&[0]).unwrap_or(number);
        half.get_mut(32_usize.checked_sub(digits.len())?..)?.copy_from_slice(digits);
        rest = after;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_has_64_bytes_whatever_the_numbers() {
        let signer = Signer::new().unwrap();
        for n in 0..64 {
            let token = signer.sign(&json!({"n": n})).unwrap();
            let signature = token.rsplit('.').next().unwrap();
            assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap().len(), 64);
        }
    }

    #[test]
    fn short_numbers_are_filled_up_on_the_left() {
        assert_eq!(fixed(&[0x30, 8, 2, 2, 0, 0x80, 2, 2, 0x12, 0x34]).map(|out| (out[31], out[62], out[63])), Some((0x80, 0x12, 0x34)));
        assert_eq!(fixed(&[0x30, 8, 2, 40, 1]), None);
    }
}
