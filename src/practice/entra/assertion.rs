//! An application's proof of itself: a token that it signed with its certificate's key (RFC 7523). Not for what it may do then.

use super::refusal::Refusal;
use crate::practice::{
    live::Live,
    tables::PRACTICE_APP,
    wire::find,
    world::{INITIAL_DOMAIN, TENANT},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;
use x509_parser::prelude::{FromDer as _, X509Certificate};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How far the clocks of tenant and application may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// The oldest go first.
const MOST: usize = 1024;

/// Proofs that were used, so that none is used twice (RFC 7523 3, item 7).
#[derive(Default)]
pub(in crate::practice) struct Used(VecDeque<String>);

impl Used {
    fn is_new(&mut self, jti: &str) -> bool {
        if self.0.iter().any(|used| used == jti) {
            return false;
        }
        self.0.truncate(MOST - 1);
        self.0.push_front(jti.to_owned());
        true
    }
}

/// Whether the request proves that the application sends it.
pub(super) fn check(live: &mut Live, form: &[(String, String)]) -> Result<(), Refusal> {
    if find(form, "client_assertion_type") != Some(TYPE) {
        return Err(Refusal::proof());
    }
    let assertion = find(form, "client_assertion").ok_or_else(Refusal::proof)?;
    let der = live.world().app.certificate().ok_or_else(|| not_registered("none"))?;
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| Refusal::down())?;
    let claims = signed(assertion, &der, &certificate)?;
    check_claims(live, &claims)?;
    // The lab's clock may be moved to let days pass; who signs in has the wall's, unless the lab is broken on purpose.
    let now = live.said_now().checked_sub(SignedDuration::from_secs(live.world().offset)).map_err(|_| Refusal::down())?;
    check_time(now, &claims, &certificate)?;
    let jti = claims["jti"].as_str().filter(|jti| (1..=200).contains(&jti.len())).ok_or_else(malformed)?;
    if !live.used.is_new(jti) {
        return Err(Refusal::new("invalid_client", 50_027, "JWT token is invalid: it was used before."));
    }
    Ok(())
}

/// The claims, if the certificate's key signed them.
fn signed(assertion: &str, der: &[u8], certificate: &X509Certificate<'_>) -> Result<Value, Refusal> {
    let (text, signature) = assertion.rsplit_once('.').ok_or_else(malformed)?;
    let (header, claims) = text.split_once('.').ok_or_else(malformed)?;
    let bytes = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed());
    let value = |part: &str| serde_json::from_slice::<Value>(&bytes(part)?).map_err(|_| malformed());
    let (header, claims) = (value(header)?, value(claims)?);
    let algorithm: &'static dyn VerificationAlgorithm = match header["alg"].as_str() {
        Some("PS256") => &RSA_PSS_2048_8192_SHA256,
        Some("RS256") => &RSA_PKCS1_2048_8192_SHA256,
        _ => return Err(malformed()),
    };
    let named = header["x5t#S256"].as_str().unwrap_or("none");
    if named != BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(der)) {
        return Err(not_registered(named));
    }
    let key = UnparsedPublicKey::new(algorithm, &*certificate.public_key().subject_public_key.data);
    key.verify(text.as_bytes(), &bytes(signature)?).map_err(|_| {
        Refusal::new("invalid_client", 700_027, "Client assertion contains an invalid signature. [Reason - The key was not found.]")
            .unauthorized()
    })?;
    Ok(claims)
}

fn check_claims(live: &Live, claims: &Value) -> Result<(), Refusal> {
    let is_app = |name: &str| claims[name].as_str().is_some_and(|id| id.eq_ignore_ascii_case(PRACTICE_APP));
    if !is_app("iss") || !is_app("sub") {
        let text = "Client assertion application identifier doesn't match 'client_id' parameter.";
        return Err(Refusal::new("invalid_client", 700_021, text).unauthorized());
    }
    let base = &live.settings.base;
    let local = base.replace("127.0.0.1", "localhost");
    let endpoints = [base, &local].map(|base| [TENANT, INITIAL_DOMAIN].map(|tenant| format!("{base}/{tenant}/oauth2/v2.0/token")));
    if !endpoints.iter().flatten().any(|endpoint| claims["aud"] == endpoint.as_str()) {
        let text = "Client assertion audience claim does not match Realm issuer.";
        return Err(Refusal::new("invalid_client", 700_023, text).unauthorized());
    }
    Ok(())
}

fn check_time(now: Timestamp, claims: &Value, certificate: &X509Certificate<'_>) -> Result<(), Refusal> {
    let at = |name: &str| claims[name].as_i64().and_then(|second| Timestamp::from_second(second).ok());
    let until = at("exp").ok_or_else(malformed)?;
    let from = at("nbf").or_else(|| at("iat")).unwrap_or(Timestamp::UNIX_EPOCH);
    if now.duration_since(until) >= SKEW || from.duration_since(now) > SKEW {
        let text = format!(
            "Client assertion is not within its valid time range. Current time: {now}, assertion valid from {from}, expiry time of assertion {until}."
        );
        return Err(Refusal::new("invalid_client", 700_024, text).unauthorized());
    }
    let (validity, now) = (certificate.validity(), now.as_second());
    if now < validity.not_before.timestamp() || now > validity.not_after.timestamp() {
        let text = "The provided certificate is not within its specified validity window.";
        return Err(Refusal::new("invalid_client", 1_000_502, text).unauthorized());
    }
    Ok(())
}

fn malformed() -> Refusal {
    Refusal::new("invalid_request", 50_027, "JWT token is invalid or malformed.")
}

fn not_registered(thumbprint: &str) -> Refusal {
    let shown: String = thumbprint.chars().filter(char::is_ascii_graphic).take(60).collect();
    let text = format!(
        "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found., Thumbprint of key used by client: '{shown}']"
    );
    Refusal::new("invalid_client", 700_027, text).unauthorized()
}
