//! A token that knows where it may go. Not for how tokens are got: that is `services/entra`.

use super::error::HttpError;
use super::trust::host_of;
use crate::base::Secret;
use reqwest::header::HeaderValue;
use std::fmt;
use url::Url;

/// A bearer token bound to one scheme, host and port; it refuses to be sent elsewhere.
#[derive(Clone)]
pub struct BoundToken {
    secret: Secret,
    home: String,
}

impl BoundToken {
    /// Binds the token to the origin of `home`; path and query do not matter.
    #[must_use]
    pub fn new(secret: Secret, home: &Url) -> Self {
        Self { secret, home: origin(home) }
    }

    /// Whether a request to `url` may carry it.
    #[must_use]
    pub fn allows(&self, url: &Url) -> bool {
        self.home == origin(url)
    }

    /// Whether both are the same token for the same host.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.secret == other.secret && self.home == other.home
    }

    pub(super) fn check(&self, url: &Url) -> Result<(), HttpError> {
        if self.allows(url) {
            return Ok(());
        }
        Err(HttpError::ForeignToken { home: self.home.clone(), host: host_of(url) })
    }

    pub(super) fn header(&self) -> Result<HeaderValue, HttpError> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.secret.expose()))
            .map_err(|_| HttpError::NotSendable { why: "the token holds characters that no header may hold".to_owned() })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for BoundToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BoundToken(‹secret› for {})", self.home)
    }
}

/// Scheme, host and port; the port is always written, so that `https://a` and `https://a:443` are one.
fn origin(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or(0);
    format!("{}://{}:{port}", url.scheme(), url.host_str().unwrap_or_default())
}
