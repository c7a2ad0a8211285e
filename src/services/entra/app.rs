//! The sign-in of an application: a token for a certificate's proof, and no person. Not for what a token is used for.

use super::certificate::Certificate;
use super::reply::Tokens;
use super::token::{TokenEndpoint, again_if_busy, endpoint};
use super::{Account, EntraSettings, Purpose, SignInError};
use crate::base::{Personal, Secret};
use crate::services::retry::retrying;

/// RFC 7523 2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A token for the application itself; a change is a person's, so none is asked for to write.
pub(super) async fn tokens(
    certificate: &Certificate,
    endpoint: &TokenEndpoint,
    purpose: Purpose,
    claims: &str,
) -> Result<Tokens, SignInError> {
    match purpose {
        Purpose::Read => {}
        Purpose::Write => return Err(SignInError::PersonNeeded),
    }
    certificate.check(endpoint.clock.now())?;
    // A proof is good once: each try has its own.
    let tokens = retrying(endpoint.limits, &endpoint.pause, again_if_busy, || Box::pin(ask(certificate, endpoint, claims))).await?;
    // Whatever else came along is not kept: there is nobody to be remembered.
    Ok(Tokens { refresh: None, account: Some(account(&endpoint.settings)), ..tokens })
}

async fn ask(certificate: &Certificate, to: &TokenEndpoint, claims: &str) -> Result<Tokens, SignInError> {
    let client_id = &to.settings.client_id;
    let audience = endpoint(&to.settings, "token")?;
    let assertion: Secret = certificate.assertion(client_id, audience.as_str(), to.clock.now())?;
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", client_id),
        ("scope", &format!("{}/.default", to.settings.graph.as_str().trim_end_matches('/'))),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion.expose()),
        ("claims", claims),
    ];
    to.once(to.request(&fields)?).await
}

/// An application has no name that it could know: its id stands for it.
fn account(settings: &EntraSettings) -> Account {
    let EntraSettings { client_id, tenant, .. } = settings;
    Account { upn: Personal::new(format!("the application {client_id}")), id: Personal::new(client_id), tenant_id: tenant.clone() }
}
