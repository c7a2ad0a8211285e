//! HTTP with limits: time-outs, a largest body, no redirects, a token bound to its host, and a log of what went over the wire.

use std::time::Duration;

/// One request and what became of it, clean text, no secrets; shown in the wire log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireLine {
    /// When it was sent, by this machine's clock.
    pub at: jiff::Timestamp,
    /// GET, POST, …
    pub method: String,
    /// Host, path and query; values of sensitive parameters are masked.
    pub target: String,
    /// The status; `None` when no reply came.
    pub status: Option<u16>,
    /// The error's code or why no reply came.
    pub note: Option<String>,
    /// How long it took.
    pub took: Duration,
    /// The server's `request-id`.
    pub request_id: Option<String>,
}

/// Installs the one TLS provider (`ring`) for everything; call it first in `main` and in tests. Twice is harmless.
pub fn install_tls_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
