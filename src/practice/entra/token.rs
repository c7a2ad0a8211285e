//! The token endpoint: codes, device codes and refresh tokens in, tokens out.

use super::{
    assertion,
    authorize::Code,
    device, issuer,
    refusal::Refusal,
    scopes::{Asked, Bases, beforehand},
};
use crate::practice::{
    chance,
    live::Live,
    tables,
    wire::{Answer, Question, find},
    world::{ACCESS_MINUTES, NOBODY, Refused, Resource, TENANT, User},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The device code grant under its long name (RFC 8628 3.4) and the short one that older clients of Entra send.
const DEVICE_GRANTS: &[&str] = &["urn:ietf:params:oauth:grant-type:device_code", "device_code"];

/// Answers a token request.
pub(super) fn answer(live: &mut Live, question: &Question) -> Answer {
    let form = question.form();
    let grant = find(&form, "grant_type").unwrap_or_default();
    let answered = match grant {
        "" => Err(Refusal::missing("grant_type")),
        "authorization_code" => by_code(live, &form),
        "refresh_token" => by_refresh_token(live, &form),
        "client_credentials" => by_certificate(live, &form),
        grant if DEVICE_GRANTS.contains(&grant) => by_device_code(live, &form),
        other => {
            let text = format!("The app requested an unsupported grant type '{other}'.");
            Err(Refusal::new("unsupported_grant_type", 70_003, text))
        }
    };
    let label = match grant {
        "authorization_code" | "refresh_token" | "client_credentials" => format!("grant {grant}"),
        grant if DEVICE_GRANTS.contains(&grant) => "grant device_code".to_owned(),
        _ => "grant".to_owned(),
    };
    match answered {
        Ok(body) => Answer::json(200, body).by(label),
        Err(refusal) => refusal.answer(live, question).by(label),
    }
}

/// Who signs in, through what.
struct Grant {
    user: User,
    client: &'static tables::Client,
    asked: Asked,
    nonce: Option<String>,
    refresh: bool,
    /// Whether a person was there, which the log of sign-ins notes.
    present: bool,
}

/// The application that asks for a person; all such are public clients and show no secret.
pub(super) fn client(form: &[(String, String)]) -> Result<&'static tables::Client, Refusal> {
    let id = find(form, "client_id").ok_or_else(|| Refusal::missing("client_id"))?;
    if id.eq_ignore_ascii_case(tables::PRACTICE_APP) {
        return Err(Refusal::proof());
    }
    let client = tables::client(id).ok_or_else(|| Refusal::client(id))?;
    if find(form, "client_secret").or_else(|| find(form, "client_assertion")).is_some() {
        let text = "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.";
        return Err(Refusal::new("invalid_client", 700_025, text).unauthorized());
    }
    Ok(client)
}

fn by_code(live: &mut Live, form: &[(String, String)]) -> Result<Value, Refusal> {
    let client = client(form)?;
    let text = find(form, "code").ok_or_else(|| Refusal::missing("code"))?;
    let now = live.now();
    let code = live.flows.redeem(text, now)?;
    check_code(&code, client, form)?;
    let asked = match find(form, "scope") {
        Some(text) => Asked::read(text, Bases::of(live))?,
        None => code.asked.clone(),
    };
    let user = live.world().directory.user(&code.user).cloned().ok_or_else(gone)?;
    // Whether offline access was consented to is decided where the person saw it.
    let refresh = code.asked.has("offline_access");
    issue(live, &Grant { user, client, asked, nonce: code.nonce, refresh, present: true })
}

fn check_code(code: &Code, client: &tables::Client, form: &[(String, String)]) -> Result<(), Refusal> {
    if code.client != client.id {
        let text = "The provided authorization code or refresh token was issued to a different client id.";
        return Err(Refusal::new("invalid_grant", 700_005, text));
    }
    if find(form, "redirect_uri") != Some(&code.redirect) {
        let text = "The reply address does not match the one that was used when the authorization code was requested.";
        return Err(Refusal::new("invalid_grant", 50_011, text));
    }
    let verifier = find(form, "code_verifier").ok_or_else(|| Refusal::missing("code_verifier"))?;
    // RFC 7636 4.1 and 4.6.
    let fits = (43..=128).contains(&verifier.len());
    if !fits || BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) != code.challenge {
        let text = "The Code_Verifier does not match the code_challenge supplied in the authorization request.";
        return Err(Refusal::new("invalid_grant", 501_481, text));
    }
    Ok(())
}

fn by_device_code(live: &mut Live, form: &[(String, String)]) -> Result<Value, Refusal> {
    let client = client(form)?;
    let (user, asked) = device::redeem(live, form, client)?;
    let refresh = asked.has("offline_access");
    issue(live, &Grant { user, client, asked, nonce: None, refresh, present: true })
}

fn by_refresh_token(live: &mut Live, form: &[(String, String)]) -> Result<Value, Refusal> {
    let client = client(form)?;
    let text = find(form, "refresh_token").ok_or_else(|| Refusal::missing("refresh_token"))?.to_owned();
    let now = live.now();
    let held = live.change(|world| world.tokens.use_refresh(&text, now, world.tokens_dead_before()).map_err(refused))?;
    if !held.client.eq_ignore_ascii_case(client.id) {
        let text = "The provided authorization code or refresh token was issued to a different client id.";
        return Err(Refusal::new("invalid_grant", 700_005, text));
    }
    let user = live.world().directory.user(&held.user).filter(|user| user.enabled).cloned().ok_or_else(gone)?;
    // Without `scope`, Entra gives what was consented to before.
    let asked = Asked::read(find(form, "scope").unwrap_or("openid profile https://graph.microsoft.com/.default"), Bases::of(live))?;
    issue(live, &Grant { user, client, asked, nonce: None, refresh: true, present: false })
}

/// A token for the application itself, which only its certificate proves; there is no refresh token and nobody signs in.
fn by_certificate(live: &mut Live, form: &[(String, String)]) -> Result<Value, Refusal> {
    let id = find(form, "client_id").ok_or_else(|| Refusal::missing("client_id"))?;
    if !id.eq_ignore_ascii_case(tables::PRACTICE_APP) {
        // A public client has nothing to prove itself by.
        return Err(client(form).err().unwrap_or_else(Refusal::proof));
    }
    assertion::check(live, form)?;
    let asked = Asked::read(find(form, "scope").unwrap_or_default(), Bases::of(live))?;
    if !asked.default || asked.words.len() != 1 {
        let text = "The provided value for the input parameter 'scope' is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).";
        return Err(Refusal::new("invalid_scope", 1_002_012, text));
    }
    let now = live.now();
    let seconds = chance::between(*ACCESS_MINUTES.start() * 60..=*ACCESS_MINUTES.end() * 60)?;
    let access = chance::token()?;
    let expires = now.checked_add(SignedDuration::from_secs(seconds)).map_err(|_| Refusal::down())?;
    live.change(|world| {
        let permissions = match asked.resource {
            Resource::Graph => world.app.permissions.clone(),
            // Rights there are given in Azure, not in the tenant.
            Resource::Azure => Vec::new(),
        };
        world.tokens.add_access(&access, NOBODY, tables::PRACTICE_APP, (asked.resource, permissions), (now, expires));
        Ok::<(), Refusal>(())
    })?;
    Ok(json!({"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": access}))
}

/// The account is not there any more, or may not sign in.
pub(super) fn gone() -> Refusal {
    Refusal::new("invalid_grant", 50_057, "The user account is disabled.")
}

fn refused(why: Refused) -> Refusal {
    match why {
        Refused::Unknown => {
            Refusal::new("invalid_grant", 9_002_313, "Invalid request. Request is malformed or invalid.").because("bad_token")
        }
        Refused::Expired => {
            let text = "The refresh token has expired due to inactivity. It was inactive for 90.00:00:00.";
            Refusal::new("invalid_grant", 700_082, text)
        }
        Refused::Revoked => {
            let text = "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.";
            Refusal::new("invalid_grant", 50_173, text)
        }
    }
}

/// What a client may do for an account at a resource.
pub(super) fn permissions(live: &Live, client: &tables::Client, resource: Resource, user: &str) -> Vec<String> {
    match beforehand(client, resource) {
        Some(names) => names.iter().map(|name| (*name).to_owned()).collect(),
        None => live.world().consented(resource, client.id, user),
    }
}

/// Gives out tokens for what was consented to.
fn issue(live: &mut Live, grant: &Grant) -> Result<Value, Refusal> {
    let (user, client) = (&grant.user, grant.client);
    grant.asked.check(client)?;
    let consented = permissions(live, client, grant.asked.resource, &user.id);
    let lacks = |scope: &&String| !consented.contains(scope);
    if grant.asked.names.iter().find(lacks).is_some() || (grant.asked.default && consented.is_empty()) {
        return Err(Refusal::consent(client.id, client.name));
    }
    let now = live.now();
    let seconds = chance::between(*ACCESS_MINUTES.start() * 60..=*ACCESS_MINUTES.end() * 60)?;
    let (access, refresh) = (chance::token()?, chance::token()?);
    let expires = now.checked_add(SignedDuration::from_secs(seconds)).map_err(|_| Refusal::down())?;
    live.change(|world| {
        // The token carries older consents too: what it may do is more than what was asked for.
        world.tokens.add_access(&access, &user.id, client.id, (grant.asked.resource, consented.clone()), (now, expires));
        if grant.refresh {
            world.tokens.add_refresh(&refresh, &user.id, client.id, now);
        }
        if grant.present {
            world.signed_in(user, client.id, now, None);
        }
        Ok::<(), Refusal>(())
    })?;
    let mut body = json!({
        "token_type": "Bearer",
        "scope": grant.asked.reply(&consented),
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": access,
        "client_info": client_info(&user.id),
    });
    let Some(object) = body.as_object_mut() else { return Ok(body) };
    if grant.refresh {
        object.insert("refresh_token".to_owned(), refresh.into());
    }
    if grant.asked.has("openid") {
        object.insert("id_token".to_owned(), id_token(live, grant, live.world().said(now).as_second()).into());
    }
    Ok(body)
}

/// As MSAL reads it: who and where, without looking into a token.
pub(super) fn client_info(user: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(json!({"uid": user, "utid": TENANT}).to_string())
}

fn id_token(live: &Live, grant: &Grant, now: i64) -> Option<String> {
    let user = &grant.user;
    let subject = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{}|{}", user.id, grant.client.id)));
    let mut claims = json!({
        "aud": grant.client.id, "iss": issuer(live), "iat": now, "nbf": now, "exp": now + 3_600, "sub": subject,
        "oid": user.id, "tid": TENANT, "name": user.name, "preferred_username": user.upn, "ver": "2.0",
    });
    if let (Some(nonce), Some(object)) = (&grant.nonce, claims.as_object_mut()) {
        object.insert("nonce".to_owned(), nonce.as_str().into());
    }
    live.signer.sign(&claims)
}
