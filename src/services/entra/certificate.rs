//! The certificate by which an application proves itself: read from PEM, and signing client assertions. Not for when to ask for a token.
//!
//! Why PEM only? Entra's own documentation makes one with OpenSSL, and a PFX file wants a crate for PKCS #12's five old ciphers; one
//! OpenSSL command turns it into PEM.

use super::{SignInError, pkce};
use crate::base::Secret;
use crate::base::clock::{SignedDuration, Timestamp};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use pkcs8::EncryptedPrivateKeyInfoRef;
use ring::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PSS_SHA256};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::{fmt, sync::Arc};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

/// How long an assertion holds. Entra takes up to ten minutes; its clock may run behind ours (learn: certificate-credentials).
const LIVES: SignedDuration = SignedDuration::from_mins(5);
/// An assertion is good this long before it was made: the service's clock may run behind ours.
const EARLIER: SignedDuration = SignedDuration::from_mins(1);

/// Why a file is no certificate with its key. Nothing of the file is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    /// There is no `CERTIFICATE` block.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// There is no key.
    #[error("there is no private key in it")]
    NoKey,
    /// More than one key: which one is meant cannot be told.
    #[error("there is more than one private key in it")]
    TwoKeys,
    /// The certificate cannot be read.
    #[error("its certificate is damaged")]
    Damaged,
    /// The key cannot be read, or is no RSA key of 2048 to 4096 bits.
    #[error("its key is no RSA key of 2048 to 4096 bits, the only kind that Entra takes")]
    NotRsa,
    /// The key is for another certificate.
    #[error("its private key does not belong to its certificate")]
    OtherKey,
    /// The key is encrypted and there is no password.
    #[error("its key is encrypted, and nobody gives its password")]
    NoPassword,
    /// The password does not open the key.
    #[error("the password does not open its key")]
    WrongPassword,
    /// Encrypted in a way that is not opened here.
    #[error("its key is encrypted in an old way")]
    OldEncryption,
}

impl BadCertificate {
    /// What to do about it.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::NoCertificate | Self::NoKey | Self::TwoKeys => {
                "put the certificate and its key (PKCS #8) into one PEM file; of a PFX, `openssl pkcs12 -in FILE.pfx -out FILE.pem` makes one"
            }
            Self::Damaged => "write the file anew",
            Self::NotRsa => "make a certificate with an RSA key, for example with `openssl req -x509 -newkey rsa:2048`",
            Self::OtherKey => "take both from the same place",
            Self::NoPassword => {
                "`guidepost signin` asks for it once; without a keyring, `[secrets] command` or `--secrets-fd` gives `certificate-password`"
            }
            Self::WrongPassword => "give the right `certificate-password`",
            Self::OldEncryption => "`openssl pkcs8 -topk8 -v2 aes256 -in OLD.pem -out NEW.pem` encrypts it in today's way",
        }
    }
}

/// A certificate with its key, in memory; clones are the same.
#[derive(Clone)]
pub struct Certificate {
    shared: Arc<Shared>,
}

struct Shared {
    key: KeyPair,
    /// base64url of the SHA-256 of the certificate (`x5t#S256`, RFC 7515 4.1.8).
    thumbprint: String,
    not_before: Timestamp,
    not_after: Timestamp,
}

/// The key's block, by its label.
enum Kept {
    Plain,
    Pkcs1,
    Encrypted,
}

impl Certificate {
    /// Reads a PEM text with one certificate first and its RSA key anywhere; `password` is used where the key is encrypted.
    ///
    /// # Errors
    /// [`BadCertificate`] says what is wrong with it.
    pub fn read(text: &[u8], password: Option<&Secret>) -> Result<Self, BadCertificate> {
        let blocks = pem::parse_many(text).map_err(|_| BadCertificate::Damaged)?;
        let leaf = blocks.iter().find(|block| block.tag() == "CERTIFICATE").ok_or(BadCertificate::NoCertificate)?;
        let (_, parsed) = X509Certificate::from_der(leaf.contents()).map_err(|_| BadCertificate::Damaged)?;
        let key = key(blocks.iter(), password);
        let made = key.and_then(|key| {
            if key.public().as_ref() != &*parsed.public_key().subject_public_key.data {
                return Err(BadCertificate::OtherKey);
            }
            let at = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).map_err(|_| BadCertificate::Damaged);
            let validity = parsed.validity();
            let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(leaf.contents()));
            let shared = Shared { key, thumbprint, not_before: at(validity.not_before)?, not_after: at(validity.not_after)? };
            Ok(Self { shared: Arc::new(shared) })
        });
        wipe(blocks);
        made
    }

    /// Whether the key of this PEM text wants a password.
    #[must_use]
    pub fn wants_password(text: &[u8]) -> bool {
        let blocks = pem::parse_many(text).unwrap_or_default();
        let wants = blocks.iter().any(|block| block.tag() == "ENCRYPTED PRIVATE KEY");
        wipe(blocks);
        wants
    }

    /// Until when it is good.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.shared.not_after
    }

    /// Whether the certificate is good now; asked before anything is sent.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), SignInError> {
        let Shared { not_before, not_after, .. } = *self.shared;
        if now < not_before || now >= not_after {
            return Err(SignInError::CertificateNotGood { from: not_before, until: not_after });
        }
        Ok(())
    }

    /// A proof for the token endpoint (RFC 7523 2.2). PS256, as Microsoft's page on certificate credentials asks for.
    pub(super) fn assertion(&self, client_id: &str, audience: &str, now: Timestamp) -> Result<Secret, SignInError> {
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.shared.thumbprint});
        let seconds = |time: Timestamp| time.as_second();
        let claims = json!({
            "aud": audience, "iss": client_id, "sub": client_id, "jti": pkce::guid()?,
            "iat": seconds(now), "nbf": seconds(now - EARLIER), "exp": seconds(now + LIVES),
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.shared.key.public().modulus_len()];
        let signed = self.shared.key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature);
        signed.map_err(|_| SignInError::NoRandom { why: "the proof could not be signed".to_owned() })?;
        Ok(Secret::new(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("not_after", &self.shared.not_after).finish_non_exhaustive()
    }
}

fn key<'a>(blocks: impl Iterator<Item = &'a pem::Pem>, password: Option<&Secret>) -> Result<KeyPair, BadCertificate> {
    let kept = |block: &pem::Pem| match block.tag() {
        "PRIVATE KEY" => Some(Kept::Plain),
        "RSA PRIVATE KEY" => Some(Kept::Pkcs1),
        "ENCRYPTED PRIVATE KEY" => Some(Kept::Encrypted),
        // An elliptic key is one too: it is refused by name.
        tag if tag.ends_with("PRIVATE KEY") => Some(Kept::Plain),
        _ => None,
    };
    let mut keys = blocks.filter_map(|block| Some((kept(block)?, block)));
    let (kept, block) = keys.next().ok_or(BadCertificate::NoKey)?;
    if keys.next().is_some() {
        return Err(BadCertificate::TwoKeys);
    }
    let bytes = block.contents();
    let not_rsa = |_| BadCertificate::NotRsa;
    match kept {
        Kept::Plain => KeyPair::from_pkcs8(bytes).map_err(not_rsa),
        // RFC 1421 4.6.1.1: the old way to say that what follows is encrypted.
        Kept::Pkcs1 if block.headers().get("Proc-Type").is_some() => Err(BadCertificate::OldEncryption),
        Kept::Pkcs1 => KeyPair::from_der(bytes).map_err(not_rsa),
        Kept::Encrypted => {
            let password = password.ok_or(BadCertificate::NoPassword)?;
            KeyPair::from_pkcs8(&opened(bytes, password)?).map_err(not_rsa)
        }
    }
}

fn opened(bytes: &[u8], password: &Secret) -> Result<Zeroizing<Vec<u8>>, BadCertificate> {
    // PBES1 and the ciphers of the last century are not even parsed.
    let sealed = EncryptedPrivateKeyInfoRef::try_from(bytes).map_err(|_| BadCertificate::OldEncryption)?;
    let open = sealed.decrypt(password.expose()).map_err(|_| BadCertificate::WrongPassword)?;
    Ok(Zeroizing::new(open.as_bytes().to_vec()))
}

fn wipe(blocks: Vec<pem::Pem>) {
    for block in blocks {
        drop(Zeroizing::new(block.into_contents()));
    }
}
