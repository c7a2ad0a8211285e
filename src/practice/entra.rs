//! The Entra mouth of the lab: sign-in and Graph over HTTPS, as `facts/wire.md` says they behave. The truth is in `world`.

mod assertion;
mod authorize;
mod device;
mod filter;
mod graph;
mod odata;
mod pages;
mod refusal;
mod scopes;
mod shapes;
mod signer;
mod token;

pub(super) use assertion::Used;
pub(super) use authorize::Flows;
pub(super) use graph::{graph, itself};
pub(super) use signer::Signer;

use super::{
    live::Live,
    wire::{Answer, Question},
    world::TENANT,
};
use hyper::Method;
use refusal::Refusal;
use serde_json::json;

/// Answers what follows `/{tenant}/` at the authority.
pub(super) fn sign_in(live: &mut Live, question: &Question, tenant: &str, path: &[String]) -> Answer {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    if tenant == "practice" {
        return match (&question.method, path.as_slice()) {
            (&Method::POST, [deed @ ("approve" | "deny")]) => device::decide(live, question, *deed == "approve"),
            (_, ["approve" | "deny"]) => Answer::empty(405),
            _ => Answer::empty(404),
        };
    }
    if !is_known(live, tenant) {
        let known_path = matches!(path.as_slice(), ["v2.0" | "oauth2" | "discovery", ..]);
        return if known_path { Refusal::tenant(tenant).answer(live, question) } else { Answer::empty(404) };
    }
    match (&question.method, path.as_slice()) {
        (&Method::GET, ["v2.0", ".well-known", "openid-configuration"]) => discovery(live, tenant),
        (&Method::GET, ["discovery", "v2.0", "keys"]) => Answer::json(200, live.signer.keys()),
        (&Method::GET, ["oauth2", "v2.0", "authorize"]) => authorize::ask(live, question, tenant),
        (&Method::POST, ["oauth2", "v2.0", "token"]) => token::answer(live, question),
        (&Method::POST, ["oauth2", "v2.0", "devicecode"]) => device::begin(live, question, tenant),
        (&Method::GET | &Method::POST, ["oauth2", "v2.0", "logout"]) => authorize::log_out(question),
        (&Method::GET, ["devicelogin"]) => device::page(question, tenant),
        (&Method::POST, ["devicelogin"]) => authorize::ask_for_device(live, question, tenant),
        (&Method::POST, ["login"]) => authorize::log_in(live, question),
        (&Method::POST, ["consent"]) => authorize::consent(live, question),
        (_, ["oauth2", "v2.0", "authorize" | "token" | "devicecode" | "logout"] | ["login" | "consent" | "devicelogin"]) => {
            Answer::empty(405)
        }
        _ => Answer::empty(404),
    }
}

fn is_known(live: &Live, tenant: &str) -> bool {
    let domain = || live.world().directory.domains.iter().any(|domain| domain.verified && domain.name.eq_ignore_ascii_case(tenant));
    ["common", "organizations", TENANT].iter().any(|name| tenant.eq_ignore_ascii_case(name)) || domain()
}

fn issuer(live: &Live) -> String {
    format!("{}/{TENANT}/v2.0", live.settings.base)
}

fn discovery(live: &Live, tenant: &str) -> Answer {
    let own = format!("{}/{tenant}", live.settings.base);
    Answer::json(
        200,
        json!({
            "issuer": issuer(live),
            "authorization_endpoint": format!("{own}/oauth2/v2.0/authorize"),
            "token_endpoint": format!("{own}/oauth2/v2.0/token"),
            "device_authorization_endpoint": format!("{own}/oauth2/v2.0/devicecode"),
            "end_session_endpoint": format!("{own}/oauth2/v2.0/logout"),
            "jwks_uri": format!("{own}/discovery/v2.0/keys"),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "subject_types_supported": ["pairwise"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["PS256", "RS256"],
            "code_challenge_methods_supported": ["S256"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"],
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "oid", "tid", "name", "preferred_username", "nonce", "ver"],
            "tenant_region_scope": "EU",
            "cloud_instance_name": "practice",
            "msgraph_host": live.settings.base.trim_start_matches("https://"),
        }),
    )
}
