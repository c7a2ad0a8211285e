//! Refusals of Resource Manager: status, code and message in its envelope, without a request id in the body (`facts/wire.md` 20).

use super::challenge;
use crate::practice::{
    chance,
    live::Live,
    store::StoreError,
    wire::Answer,
    world::{GROUP, User},
};
use hyper::Method;
use serde_json::json;

/// Why Resource Manager refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
    retry_after: Option<u64>,
}

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    pub(super) fn no_version() -> Self {
        Self::new(400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
    }

    pub(super) fn wrong_version(given: &str) -> Self {
        let message = format!("The api-version '{given}' is invalid. The supported versions are '2015-01-01' and later, as dates.");
        Self::new(400, "InvalidApiVersionParameter", message)
    }

    pub(super) fn sign_in(why: &str) -> Self {
        Self::new(401, "AuthenticationFailed", format!("Authentication failed. {why}"))
    }

    pub(super) fn token() -> Self {
        Self::new(401, "InvalidAuthenticationToken", "The access token is invalid.")
    }

    pub(super) fn expired() -> Self {
        Self::new(401, "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than current UTC time.")
    }

    pub(super) fn audience(graph: &str) -> Self {
        let message = format!(
            "The access token has been obtained for wrong audience or resource '{graph}'. It should exactly match with one of the allowed audiences 'https://management.core.windows.net/', 'https://management.azure.com/'."
        );
        Self::new(401, "InvalidAuthenticationTokenAudience", message)
    }

    /// As real replies read (`examples.json`, `AuthorizationFailed`).
    pub(super) fn forbidden(caller: &User, action: &str, path: &[String]) -> Self {
        let message = format!(
            "The client '{}' with object id '{}' does not have authorization to perform action '{action}' over scope '/{}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
            caller.upn,
            caller.id,
            path.join("/")
        );
        Self::new(403, "AuthorizationFailed", message)
    }

    pub(super) fn no_subscription(id: &str) -> Self {
        Self::new(404, "SubscriptionNotFound", format!("The subscription '{id}' could not be found."))
    }

    pub(super) fn malformed_subscription(id: &str) -> Self {
        let message = format!("The provided subscription identifier '{id}' is malformed or invalid.");
        Self::new(400, "InvalidSubscriptionId", message)
    }

    pub(super) fn no_machine(name: &str) -> Self {
        Self::no_resource(&format!("virtualMachines/{name}"))
    }

    pub(super) fn no_resource(name: &str) -> Self {
        let message = format!(
            "The Resource 'Microsoft.Compute/{name}' under resource group '{GROUP}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
        );
        Self::new(404, "ResourceNotFound", message)
    }

    pub(super) fn no_such_type(path: &[String]) -> Self {
        let message = format!("The request path '/{}' names nothing that this Resource Manager has.", path.join("/"));
        Self::new(404, "InvalidResourceType", message)
    }

    pub(super) fn method(method: &Method) -> Self {
        Self::new(405, "MethodNotAllowed", format!("The method '{method}' is not allowed here."))
    }

    /// Of an operation, and of a run command's id (`facts/wire.md` 25).
    pub(super) fn no_entity() -> Self {
        Self::new(404, "NotFound", "The entity was not found in this Azure location.")
    }

    pub(super) fn content(why: &str) -> Self {
        Self::new(400, "InvalidRequestContent", format!("The request content was invalid and could not be deserialized: '{why}'."))
    }

    pub(super) fn parameter(name: &str, why: &str) -> Self {
        Self::new(400, "InvalidParameter", format!("The value of parameter {name} is invalid. {why}"))
    }

    pub(super) fn busy() -> Self {
        let message = "Run command extension execution is in progress. Please wait for completion before invoking a run command.";
        Self::new(409, "Conflict", message)
    }

    pub(super) fn off() -> Self {
        Self::new(409, "OperationNotAllowed", "Cannot modify extensions in the VM when the VM is not running.")
    }

    pub(super) fn throttled(reads: bool, seconds: u64) -> Self {
        let kind = if reads { "read" } else { "write" };
        let message =
            format!("Number of '{kind}' requests for the subscription exceeded the limit. Please try again after '{seconds}' seconds.");
        Self { retry_after: Some(seconds), ..Self::new(429, "SubscriptionRequestsThrottled", message) }
    }

    pub(super) fn answer(&self, live: &Live) -> Answer {
        let answer = Answer::json(self.status, json!({"error": {"code": self.code, "message": self.message}}));
        let answer = match self.status {
            401 => answer.header("www-authenticate", challenge(live, "invalid_token", self.code)),
            // What the gateway refuses before the service has seen it says so.
            404 => answer.header("x-ms-failure-cause", "gateway"),
            _ => answer,
        };
        match self.retry_after {
            Some(seconds) => answer.header("retry-after", seconds.to_string()),
            None => answer,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::new(503, "ServiceUnavailable", error.to_string())
    }
}

impl From<chance::NoChance> for Refusal {
    fn from(error: chance::NoChance) -> Self {
        Self::new(503, "ServiceUnavailable", error.to_string())
    }
}
