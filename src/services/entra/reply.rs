//! What the token endpoint answers: tokens, or an error that is never bare. Not for when to ask.

use super::error::first_line;
use super::retry::retry_after;
use super::{Account, SignInError};
use crate::base::http::Reply;
use crate::base::{Personal, Secret, text};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// How long a token is taken to live if the service does not say (RFC 6749 5.1 only recommends that it does).
const SHORT_LIFE: Duration = Duration::from_mins(5);

/// Tokens as they came.
pub(super) struct Tokens {
    pub(super) access: Secret,
    pub(super) lives: Duration,
    pub(super) refresh: Option<Secret>,
    pub(super) account: Option<Account>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    /// A number; older servers send it as text.
    #[serde(default)]
    expires_in: Value,
    refresh_token: Option<Secret>,
    id_token: Option<Secret>,
}

#[derive(Deserialize)]
struct Denied {
    error: String,
    #[serde(default)]
    error_description: String,
    #[serde(default)]
    error_codes: Vec<u32>,
    trace_id: Option<String>,
}

/// Reads the token endpoint's reply.
pub(super) fn read(reply: &Reply, now: Timestamp) -> Result<Tokens, SignInError> {
    match reply.status {
        200 => granted(&reply.body),
        status @ (429 | 500..) => Err(SignInError::Busy { status, retry_after: retry_after(reply, now) }),
        status => Err(denied(&reply.body).unwrap_or_else(|| not_understood(format!("status {status} without an error in it")))),
    }
}

/// serde's own words are not shown: they may repeat a token.
fn granted(body: &[u8]) -> Result<Tokens, SignInError> {
    let granted: Granted = serde_json::from_slice(body).map_err(|_| not_understood("there is no access token in it"))?;
    let account = granted.id_token.as_ref().map(account).transpose()?;
    Ok(Tokens { access: granted.access_token, lives: lives(&granted.expires_in), refresh: granted.refresh_token, account })
}

fn lives(expires_in: &Value) -> Duration {
    let seconds = expires_in.as_u64().or_else(|| expires_in.as_str()?.parse().ok());
    // A day is more than any access token lives (28 h with CAE, which we do not declare); beyond, arithmetic may overflow.
    seconds.map_or(SHORT_LIFE, |seconds| Duration::from_secs(seconds.min(86_400)))
}

fn denied(body: &[u8]) -> Option<SignInError> {
    let denied: Denied = serde_json::from_slice(body).ok()?;
    Some(SignInError::Refused {
        error: text::short(&denied.error, 80),
        message: first_line(&denied.error_description),
        codes: denied.error_codes,
        trace_id: denied.trace_id.map(|id| text::short(&id, 64)),
    })
}

/// Who it is, by the payload of the id token. Its signature is not checked: it came over TLS straight from the token
/// endpoint (OpenID Connect Core 3.1.3.7, item 6). An access token is never read: it is opaque to a client.
fn account(id_token: &Secret) -> Result<Account, SignInError> {
    let payload = id_token.expose().split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok());
    let claims: Value =
        payload.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or_else(|| not_understood("its id token is none"))?;
    let claim = |name: &str| claims.get(name).and_then(Value::as_str).map(|text| text::short(text, 200));
    let (Some(id), Some(tenant_id)) = (claim("oid"), claim("tid")) else {
        return Err(not_understood("its id token does not say who signed in"));
    };
    let upn = claim("preferred_username").or_else(|| claim("upn")).unwrap_or_else(|| id.clone());
    Ok(Account { upn: Personal::new(upn), id: Personal::new(id), tenant_id })
}

pub(super) fn not_understood(what: impl Into<String>) -> SignInError {
    SignInError::NotUnderstood { what: what.into() }
}
