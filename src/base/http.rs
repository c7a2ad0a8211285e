//! HTTP with limits: time-outs, a largest body, no redirects, a token bound to its host, and a log of what went over the wire.
//! Not for retries or for what a status means: that is the services' business.

mod body;
mod date;
mod error;
mod hold;
mod log;
mod token;
mod trust;

pub use date::parse as parse_date;
pub use error::{HttpError, NoWay};
pub use hold::Hold;
pub use log::{WireLine, WireLog};
pub use reqwest::Method;
pub use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
pub use token::BoundToken;
pub use trust::is_loopback;

use crate::base::Problem;
use jiff::Timestamp;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use url::Url;

/// Installs the one TLS provider (`ring`) for everything; call it first in `main` and in tests. Twice is harmless.
pub fn install_tls_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// How far a request may go, and whom to trust.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// A PEM file with certificates that are trusted besides the system's; for loopback hosts, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The proxy's address; `None` for the system's. Loopback hosts are never asked through a proxy.
    pub proxy: Option<String>,
    /// The longest that connecting, and that a whole request with its reply, may take.
    pub timeout: Duration,
    /// The most bytes of a reply's body.
    pub max_body: usize,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self { ca_file: None, proxy: None, timeout: Duration::from_secs(10), max_body: 8 * 1024 * 1024 }
    }
}

/// One request; it has no `Debug`, because body and headers may hold secrets.
#[derive(Clone)]
pub struct Request {
    /// GET, POST, …
    pub method: Method,
    /// The whole address; https, or http for a loopback host.
    pub url: Url,
    /// Headers besides `authorization` and `user-agent`.
    pub headers: HeaderMap,
    /// The body, ready to send.
    pub body: Option<Vec<u8>>,
    /// Sent as `authorization: Bearer`, and to its own host only.
    pub token: Option<BoundToken>,
}

impl Request {
    /// A request without headers, body and token.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: None, token: None }
    }

    /// The same with a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        self
    }

    /// The same with a body of JSON.
    #[must_use]
    pub fn json(mut self, value: &serde_json::Value) -> Self {
        self.body = Some(value.to_string().into_bytes());
        self.header("content-type", "application/json")
    }

    /// The same with a body of form fields.
    #[must_use]
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body = Some(body.into_bytes());
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    /// The same with a token.
    #[must_use]
    pub fn token(mut self, token: BoundToken) -> Self {
        self.token = Some(token);
        self
    }
}

/// What came back, whatever its status; a redirect is an error instead.
#[derive(Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers as they came; hostile text.
    pub headers: HeaderMap,
    /// The body as it came, at most [`HttpSettings::max_body`] bytes.
    pub body: Vec<u8>,
    /// The `Date` header: the asked system's clock, in whole seconds; `None` if absent or not a date.
    pub date: Option<Timestamp>,
    /// From sending to the last byte.
    pub took: Duration,
}

impl Reply {
    /// A header as clean text of at most 200 characters; `None` if absent or not text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(|text| super::text::short(text, 200))
    }

    /// Whether `content-type` says JSON (`application/json`, `application/problem+json`, …).
    #[must_use]
    pub fn says_json(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default().to_ascii_lowercase();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind == "application/json" || kind.ends_with("+json")
    }
}

impl fmt::Debug for Reply {
    /// The body may hold tokens: only its length is told.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .field("took", &self.took)
            .finish_non_exhaustive()
    }
}

/// The client; clones share connections and the wire log.
#[derive(Clone)]
pub struct Http {
    shared: Arc<Shared>,
}

struct Shared {
    timeout: Duration,
    max_body: usize,
    clients: trust::Clients,
    log: WireLog,
}

impl Http {
    /// Reads `ca_file` and checks the proxy's address; nothing is sent and the system's certificates are not read yet.
    ///
    /// # Errors
    /// The certificate file cannot be read or holds no certificate, or the proxy is no address.
    pub fn new(settings: HttpSettings, log: WireLog) -> Result<Self, Problem> {
        let HttpSettings { ca_file, proxy, timeout, max_body } = settings;
        let clients = trust::Clients::new(ca_file.as_deref(), proxy.as_deref(), timeout)?;
        Ok(Self { shared: Arc::new(Shared { timeout, max_body, clients, log }) })
    }

    /// The log that every request of this client and its clones goes to.
    #[must_use]
    pub fn log(&self) -> &WireLog {
        &self.shared.log
    }

    /// Sends the request once and reads the whole reply.
    ///
    /// # Errors
    /// No reply came, it was too large, or it pointed elsewhere; [`HttpError::sent`] says whether the request may have arrived.
    pub async fn send(&self, request: Request) -> Result<Reply, HttpError> {
        trust::check_address(&request.url)?;
        if let Some(token) = &request.token {
            token.check(&request.url)?;
        }
        let entry = log::Entry::begin(&request, &self.shared.log);
        let result = self.exchange(request).await;
        entry.end(&result);
        result
    }

    async fn exchange(&self, request: Request) -> Result<Reply, HttpError> {
        let started = Instant::now();
        let shared = &self.shared;
        let host = trust::host_of(&request.url);
        let client = shared.clients.for_url(&request.url).await?;
        let sent = build(&client, request)?.send().await;
        let response = sent.map_err(|error| error::from_send(&host, &error, shared.timeout))?;
        if let Some(to) = error::redirect_target(&response) {
            return Err(HttpError::Redirected { host, status: response.status().as_u16(), to });
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = body::read(response, &host, shared.max_body, shared.timeout).await?;
        let date = headers.get("date").and_then(|value| value.to_str().ok()).and_then(date::parse);
        Ok(Reply { status, headers, body, date, took: started.elapsed() })
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("timeout", &self.shared.timeout).finish_non_exhaustive()
    }
}

fn build(client: &reqwest::Client, request: Request) -> Result<reqwest::RequestBuilder, HttpError> {
    let mut headers = request.headers;
    if let Some(token) = &request.token {
        headers.insert("authorization", token.header()?);
    }
    let builder = client.request(request.method, request.url).headers(headers);
    Ok(match request.body {
        Some(body) => builder.body(body),
        None => builder,
    })
}
