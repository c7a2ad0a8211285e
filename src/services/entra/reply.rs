//! What the token endpoint answers: tokens, or an error that is never bare. Not for when to ask.

use super::error::first_line;
use super::{Account, SignInError, aadsts, claims};
use crate::base::http::{Reply, is_loopback};
use crate::base::{Personal, Secret, text};
use crate::services::retry::retry_after;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// How long a token is taken to live if the service does not say (RFC 6749 5.1 only recommends that it does).
const SHORT_LIFE: Duration = Duration::from_mins(5);
/// How long a device code lives if the service does not say; Entra's lives 900 s.
const CODE_LIVES: Duration = Duration::from_mins(15);
/// How often to ask whether the code was entered, if the service does not say (RFC 8628 3.2).
const INTERVAL: Duration = Duration::from_secs(5);
/// A token carries older consents too, but not more names than this.
const MOST_SCOPES: usize = 500;

/// Tokens as they came.
pub(super) struct Tokens {
    pub(super) access: Secret,
    pub(super) lives: Duration,
    pub(super) refresh: Option<Secret>,
    pub(super) account: Option<Account>,
    /// What the service says it gave, by name; empty when it does not say.
    pub(super) scope: Vec<String>,
}

/// A code for a person to enter elsewhere, as it came.
pub(super) struct DeviceCode {
    pub(super) secret: Secret,
    pub(super) user_code: String,
    pub(super) address: Url,
    pub(super) expires_at: Timestamp,
    pub(super) interval: Duration,
}

/// RFC 8628 3.2; older servers write `verification_url` and numbers as text (MSAL.NET's own tests).
#[derive(Deserialize)]
struct Offered {
    device_code: Secret,
    user_code: String,
    #[serde(alias = "verification_url")]
    verification_uri: String,
    #[serde(default)]
    expires_in: Value,
    #[serde(default)]
    interval: Value,
}

#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    /// A number; older servers send it as text.
    #[serde(default)]
    expires_in: Value,
    refresh_token: Option<Secret>,
    id_token: Option<Secret>,
    #[serde(default)]
    scope: String,
}

#[derive(Deserialize)]
struct Denied {
    error: String,
    #[serde(default)]
    error_description: String,
    #[serde(default)]
    error_codes: Vec<u32>,
    trace_id: Option<String>,
    claims: Option<String>,
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
    let scope = granted.scope.split_whitespace().take(MOST_SCOPES).map(|scope| text::short(scope, 200)).collect();
    Ok(Tokens { access: granted.access_token, lives: lives(&granted.expires_in), refresh: granted.refresh_token, account, scope })
}

/// Reads the reply to a request for a device code.
pub(super) fn device_code(reply: &Reply, now: Timestamp) -> Result<DeviceCode, SignInError> {
    match reply.status {
        200 => offered(&reply.body, now),
        status @ (429 | 500..) => Err(SignInError::Busy { status, retry_after: retry_after(reply, now) }),
        status => Err(denied(&reply.body).unwrap_or_else(|| not_understood(format!("status {status} without an error in it")))),
    }
}

fn offered(body: &[u8], now: Timestamp) -> Result<DeviceCode, SignInError> {
    let offered: Offered = serde_json::from_slice(body).map_err(|_| not_understood("there is no device code in it"))?;
    let address = Url::parse(&offered.verification_uri).ok().filter(|url| url.scheme() == "https" || is_loopback(url));
    let address = address.ok_or_else(|| not_understood("its address to enter the code at is not https"))?;
    let user_code = text::short(&offered.user_code, 40);
    if user_code.is_empty() {
        return Err(not_understood("there is no code to enter in it"));
    }
    // A code that lives beyond a day, or is asked for more rarely than each minute, is nonsense; arithmetic may overflow there.
    let lives = seconds(&offered.expires_in).map_or(CODE_LIVES, |seconds| Duration::from_secs(seconds.min(86_400)));
    let interval = seconds(&offered.interval).map_or(INTERVAL, |seconds| Duration::from_secs(seconds.clamp(1, 60)));
    let expires_at = now + SignedDuration::try_from(lives).unwrap_or(SignedDuration::ZERO);
    Ok(DeviceCode { secret: offered.device_code, user_code, address, expires_at, interval })
}

fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn lives(expires_in: &Value) -> Duration {
    // No access token lives longer than 28 h (with continuous access evaluation); beyond, arithmetic may overflow.
    seconds(expires_in).map_or(SHORT_LIFE, |seconds| Duration::from_secs(seconds.min(28 * 3600)))
}

fn denied(body: &[u8]) -> Option<SignInError> {
    let denied: Denied = serde_json::from_slice(body).ok()?;
    let message = first_line(&denied.error_description);
    let codes = if denied.error_codes.is_empty() { aadsts::number_in(&message).into_iter().collect() } else { denied.error_codes.into() };
    Some(SignInError::Refused {
        error: text::short(&denied.error, 80),
        message,
        codes,
        claims: denied.claims.as_deref().and_then(claims::read).map(Box::new),
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
