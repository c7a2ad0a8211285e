//! Refusals of sign-in: error, AADSTS number and text, as body of the token endpoint or as parameters of a redirect.

use crate::practice::{
    chance,
    live::Live,
    wire::{Answer, Question},
};
use serde_json::json;

/// Why sign-in is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The word that clients branch on (RFC 6749 5.2).
    pub(super) error: &'static str,
    /// The AADSTS number.
    pub(super) code: u32,
    /// What a person reads.
    pub(super) text: String,
    /// Entra's finer word.
    pub(super) suberror: Option<&'static str>,
    status: u16,
}

impl Refusal {
    /// A refusal with status 400.
    pub(super) fn new(error: &'static str, code: u32, text: impl Into<String>) -> Self {
        Self { error, code, text: text.into(), suberror: None, status: 400 }
    }

    /// The same with Entra's finer word.
    pub(super) fn because(self, suberror: &'static str) -> Self {
        Self { suberror: Some(suberror), ..self }
    }

    /// The same with status 401.
    pub(super) fn unauthorized(self) -> Self {
        Self { status: 401, ..self }
    }

    /// No such tenant.
    pub(super) fn tenant(name: &str) -> Self {
        let text = format!(
            "Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."
        );
        Self::new("invalid_request", 90_002, text)
    }

    /// No such application.
    pub(super) fn client(id: &str) -> Self {
        let text = format!(
            "Application with identifier '{id}' was not found in the directory 'Contoso'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
        );
        Self::new("unauthorized_client", 700_016, text)
    }

    /// The application is confidential, and nothing proves that it asks.
    pub(super) fn proof() -> Self {
        let text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
        Self::new("invalid_client", 7_000_218, text).unauthorized()
    }

    /// A policy of the tenant refuses this way to sign in.
    pub(super) fn conditional_access() -> Self {
        let text = "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.";
        Self::new("invalid_grant", 53_003, text).because("message_only")
    }

    /// A parameter is missing.
    pub(super) fn missing(name: &str) -> Self {
        Self::new("invalid_request", 900_144, format!("The request body must contain the following parameter: '{name}'."))
    }

    /// Consent is missing.
    pub(super) fn consent(client: &str, name: &str) -> Self {
        let text = format!(
            "The user or administrator has not consented to use the application with ID '{client}' named '{name}'. Send an interactive authorization request for this user and resource."
        );
        Self::new("invalid_grant", 65_001, text).because("consent_required")
    }

    /// The system is at its end: no randomness, no disk.
    pub(super) fn down() -> Self {
        Self { status: 503, ..Self::new("temporarily_unavailable", 90_033, "A transient error has occurred. Please try again.") }
    }

    /// Number, text and ids in one, lines ended by CR LF as Entra does (`facts/wire.md` 1).
    pub(super) fn description(&self, live: &Live, question: &Question) -> String {
        let at = live.said_now().strftime("%Y-%m-%d %H:%M:%SZ");
        let (trace, correlation) = (&question.request_id, &question.client_request_id);
        format!("AADSTS{}: {}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {at}", self.code, self.text)
    }

    /// The body of the token endpoint.
    pub(super) fn answer(&self, live: &Live, question: &Question) -> Answer {
        let mut body = json!({
            "error": self.error,
            "error_description": self.description(live, question),
            "error_codes": [self.code],
            "timestamp": live.said_now().strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            "trace_id": question.request_id,
            "correlation_id": question.client_request_id,
            "error_uri": format!("{}/error?code={}", live.settings.base, self.code),
        });
        if let (Some(suberror), Some(object)) = (self.suberror, body.as_object_mut()) {
            object.insert("suberror".to_owned(), suberror.into());
        }
        Answer::json(self.status, body)
    }
}

impl From<chance::NoChance> for Refusal {
    fn from(_: chance::NoChance) -> Self {
        Self::down()
    }
}

impl From<crate::practice::store::StoreError> for Refusal {
    fn from(_: crate::practice::store::StoreError) -> Self {
        Self::down()
    }
}
