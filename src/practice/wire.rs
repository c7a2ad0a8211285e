//! A request as the mouths of the lab read it, and what they answer. No sockets.

use super::store::StoreError;
use hyper::{HeaderMap, Method};
use jiff::Timestamp;
use serde_json::Value;

/// A request whose head and body are within the limits.
#[derive(Clone)]
pub(super) struct Question {
    /// GET, POST, …
    pub(super) method: Method,
    /// Segments of the path, decoded; none is empty.
    pub(super) path: Vec<String>,
    /// Query parameters, decoded, in their order.
    pub(super) query: Vec<(String, String)>,
    /// The same as it came.
    pub(super) raw_query: String,
    /// Header fields.
    pub(super) headers: HeaderMap,
    /// The body.
    pub(super) body: Vec<u8>,
    /// The id of this request.
    pub(super) request_id: String,
    /// The id that the client gave it, else [`Question::request_id`].
    pub(super) client_request_id: String,
}

impl Question {
    /// A header field, if it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The first query parameter of this name.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// The body as form fields.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

/// The first value of this name, unless it is empty.
pub(super) fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
}

/// What a reply carries.
pub(super) enum Content {
    /// Nothing.
    Empty,
    /// JSON.
    Json(Value),
    /// A page.
    Html(String),
    /// A line, and then nothing more until one side ends it.
    Hold,
}

/// A reply.
pub(super) struct Answer {
    /// The status code.
    pub(super) status: u16,
    /// Header fields of its own.
    pub(super) headers: Vec<(&'static str, String)>,
    /// What it carries.
    pub(super) content: Content,
    /// For the request log: what let the request in.
    pub(super) permission: Option<String>,
    /// Whether the connection closes in the middle of it.
    pub(super) cut: bool,
}

impl Answer {
    /// A reply without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), content: Content::Empty, permission: None, cut: false }
    }

    /// A reply with JSON.
    pub(super) fn json(status: u16, value: Value) -> Self {
        Self { content: Content::Json(value), ..Self::empty(status) }
    }

    /// A page.
    pub(super) fn html(status: u16, page: String) -> Self {
        Self { content: Content::Html(page), ..Self::empty(status) }
    }

    /// With one more header field.
    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With what the log shall name as permission.
    pub(super) fn by(mut self, permission: impl Into<String>) -> Self {
        self.permission = Some(permission.into());
        self
    }
}

/// The state could not be stored: the change did not happen.
impl From<StoreError> for Answer {
    fn from(error: StoreError) -> Self {
        Self::json(503, serde_json::json!({"error": {"code": "serviceNotAvailable", "message": error.to_string()}}))
    }
}

/// As Graph writes a time: seconds, `Z`.
pub(super) fn graph_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// As the `Date` header writes a time (RFC 9110 5.6.7).
pub(super) fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
