//! Why no reply came, in words. Not for error replies: a status is the services' business.

use crate::base::{Problem, text};
use reqwest::Response;
use rustls::CertificateError;
use std::error::Error as StdError;
use std::io;
use std::time::Duration;

/// Why a connection could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoWay {
    /// No address is known for the name.
    NameNotFound,
    /// The host answered that nobody listens there.
    Refused,
    /// No route to the host or its network.
    Unreachable,
    /// The proxy did not let it through.
    Proxy,
    /// Something else, in the system's words, cleaned.
    Other(String),
}

impl std::fmt::Display for NoWay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NameNotFound => "the name was not found",
            Self::Refused => "the connection was refused",
            Self::Unreachable => "there is no way to the host",
            Self::Proxy => "the proxy did not let it through",
            Self::Other(why) => why,
        })
    }
}

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The address is neither https nor loopback; nothing was sent.
    #[error("`{host}` may only be asked by https, not by {scheme}")]
    NotSecure {
        /// The host.
        host: String,
        /// The scheme that was asked for.
        scheme: String,
    },
    /// The token belongs to another host; nothing was sent.
    #[error("a token for `{home}` was about to go to `{host}`; it was not sent")]
    ForeignToken {
        /// Where the token belongs.
        home: String,
        /// Where it was about to go.
        host: String,
    },
    /// The request or the client could not be made; nothing was sent.
    #[error("the request could not be made: {why}")]
    NotSendable {
        /// Why.
        why: String,
    },
    /// No connection was made; nothing was sent.
    #[error("cannot connect to `{host}`: {why}")]
    NoConnection {
        /// The host, with its port if that is not the usual one.
        host: String,
        /// Why.
        why: NoWay,
    },
    /// The host's certificate was not accepted, or no TLS connection came about; nothing was sent.
    #[error("cannot trust `{host}`: {why}")]
    Tls {
        /// The host.
        host: String,
        /// Why.
        why: String,
    },
    /// No reply, or not all of it, within the time.
    #[error("`{host}` did not answer within {}", seconds(*after))]
    TimedOut {
        /// The host.
        host: String,
        /// The limit.
        after: Duration,
        /// Whether the request may have arrived: `false` when not even a connection came about.
        sent: bool,
    },
    /// The reply is larger than allowed.
    #[error("the reply of `{host}` is larger than {} KiB", limit / 1024)]
    TooLarge {
        /// The host.
        host: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The connection ended before the reply did.
    #[error("the connection to `{host}` was cut: {why}")]
    Cut {
        /// The host.
        host: String,
        /// In the system's words, cleaned.
        why: String,
    },
    /// The host points elsewhere; that is not followed.
    #[error("`{host}` points to `{to}` ({status}), which is not followed")]
    Redirected {
        /// The host.
        host: String,
        /// The status.
        status: u16,
        /// Scheme and host it points to, cleaned.
        to: String,
    },
}

impl HttpError {
    /// Whether the request may have reached the host; `false` only if it surely did not.
    #[must_use]
    pub fn sent(&self) -> bool {
        match self {
            Self::NotSecure { .. }
            | Self::ForeignToken { .. }
            | Self::NotSendable { .. }
            | Self::NoConnection { .. }
            | Self::Tls { .. } => false,
            Self::TimedOut { sent, .. } => *sent,
            Self::TooLarge { .. } | Self::Cut { .. } | Self::Redirected { .. } => true,
        }
    }

    /// What to do about it; `None` when there is nothing to advise.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotSecure { .. } => Some("write the address in the lab's profile with `https://`"),
            Self::ForeignToken { .. } | Self::NotSendable { .. } => None,
            Self::NoConnection { why, .. } => Some(match why {
                NoWay::NameNotFound => "check the name in the lab's profile, and this machine's DNS",
                NoWay::Refused => "check the port, and whether the service runs",
                NoWay::Unreachable | NoWay::Other(_) => "check this machine's network, VPN and proxy",
                NoWay::Proxy => "check `proxy` in the lab's profile, and whether the proxy allows this host",
            }),
            Self::Tls { .. } => Some("if a proxy inspects TLS here, give its CA as `ca_file`; and check this machine's date"),
            Self::TimedOut { .. } | Self::Cut { .. } => Some("check this machine's network and try again"),
            Self::TooLarge { .. } => Some("something other than the service may have answered, such as a proxy"),
            Self::Redirected { .. } => Some("a sign-in page of the network may stand in between; open the address in a browser"),
        }
    }

    /// The status, if a reply began.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Redirected { status, .. } => Some(*status),
            Self::NotSecure { .. }
            | Self::ForeignToken { .. }
            | Self::NotSendable { .. }
            | Self::NoConnection { .. }
            | Self::Tls { .. }
            | Self::TimedOut { .. }
            | Self::TooLarge { .. }
            | Self::Cut { .. } => None,
        }
    }

    /// A few words for the wire log, which shows the host already.
    pub(super) fn short(&self) -> String {
        match self {
            Self::NotSecure { .. } => "not https".to_owned(),
            Self::ForeignToken { .. } => "token of another host".to_owned(),
            Self::NotSendable { why } | Self::Tls { why, .. } => why.clone(),
            Self::NoConnection { why, .. } => why.to_string(),
            Self::TimedOut { after, .. } => format!("no answer within {}", seconds(*after)),
            Self::TooLarge { limit, .. } => format!("larger than {} KiB", limit / 1024),
            Self::Cut { why, .. } => format!("cut: {why}"),
            Self::Redirected { to, .. } => format!("points to {to}"),
        }
    }
}

impl From<HttpError> for Problem {
    fn from(error: HttpError) -> Self {
        let problem = Self::unknown(error.to_string());
        match error.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

/// Why sending failed.
pub(super) fn from_send(host: &str, error: &reqwest::Error, after: Duration) -> HttpError {
    let host = host.to_owned();
    if error.is_timeout() {
        return HttpError::TimedOut { host, after, sent: !error.is_connect() };
    }
    if error.is_builder() {
        return HttpError::NotSendable { why: deepest(error) };
    }
    if !error.is_connect() {
        return HttpError::Cut { host, why: deepest(error) };
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        return HttpError::Tls { host, why: distrust(tls) };
    }
    HttpError::NoConnection { host, why: no_way(error) }
}

/// Why the body did not come whole.
pub(super) fn from_body(host: &str, error: &reqwest::Error, after: Duration) -> HttpError {
    let host = host.to_owned();
    if error.is_timeout() {
        return HttpError::TimedOut { host, after, sent: true };
    }
    HttpError::Cut { host, why: deepest(error) }
}

/// Scheme and host of a redirect; `None` if the reply is none. 304 answers a conditional request, which we never send.
pub(super) fn redirect_target(response: &Response) -> Option<String> {
    if !response.status().is_redirection() {
        return None;
    }
    let place = response.headers().get("location").and_then(|value| value.to_str().ok());
    let place = place.and_then(|place| response.url().join(place).ok());
    Some(place.map_or_else(|| "nowhere".to_owned(), |url| text::short(&url.origin().ascii_serialization(), 120)))
}

fn no_way(error: &reqwest::Error) -> NoWay {
    if error.is_dns() {
        return NoWay::NameNotFound;
    }
    match find::<io::Error>(error).map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => NoWay::Refused,
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable) => NoWay::Unreachable,
        _ if deepest(error).contains("tunnel") => NoWay::Proxy,
        _ => NoWay::Other(deepest(error)),
    }
}

/// What is wrong with the certificate, in an admin's words.
fn distrust(error: &rustls::Error) -> String {
    use rustls::Error::InvalidCertificate;
    let why = match error {
        InvalidCertificate(CertificateError::UnknownIssuer) => "its certificate is by a CA that is not trusted here",
        InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => "its certificate has expired",
        InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
            "its certificate is not valid yet"
        }
        InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) => {
            "its certificate is for another name"
        }
        // A new CA under the old one's name: the practice lab's after a restart, or a proxy's after its renewal.
        InvalidCertificate(CertificateError::BadSignature) => "its certificate is by another CA than the trusted one of that name",
        InvalidCertificate(CertificateError::Revoked) => "its certificate was revoked",
        other => return text::short(&other.to_string(), 200),
    };
    why.to_owned()
}

/// The first error of a type along the sources; `io::Error` hides what it wraps from `source`, so that is looked into too.
fn find<'e, E: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| find::<E>(inner)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The innermost reason: reqwest's own words hold the address with its query, which may hold codes.
pub(super) fn deepest(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    match last.downcast_ref::<reqwest::Error>() {
        Some(own) if own.is_timeout() => "it took too long".to_owned(),
        Some(_) => "the request failed".to_owned(),
        None => text::short(&last.to_string(), 200),
    }
}

/// `10 s`, `0.3 s`.
pub(super) fn seconds(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        return format!("{} s", duration.as_secs());
    }
    format!("{:.1} s", duration.as_secs_f64())
}
