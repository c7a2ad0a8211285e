//! The wire log: the newest requests, clean text, no secrets. Not a file and not for bodies.

use super::{HttpError, Reply, Request, trust};
use crate::base::text;
use jiff::Timestamp;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use url::Url;

/// How many requests are kept.
const KEPT: usize = 500;
/// Stands for a value that must not be seen.
const MASKED: &str = "‹masked›";
/// The longest target that is kept: addresses with page tokens run to several kilobytes.
const LONGEST: usize = 400;

/// One request and what became of it, clean text, no secrets; shown in the wire log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireLine {
    /// When it was sent, by this machine's clock.
    pub at: Timestamp,
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

/// The newest 500 requests; clones are the same log.
#[derive(Clone)]
pub struct WireLog {
    shared: Arc<Shared>,
}

struct Shared {
    ring: Mutex<Ring>,
    version: watch::Sender<u64>,
}

#[derive(Default)]
struct Ring {
    lines: VecDeque<WireLine>,
    /// What [`WireLog::recent`] gave last; screens ask more often than requests are sent.
    shown: Option<Arc<[WireLine]>>,
}

impl Default for WireLog {
    fn default() -> Self {
        Self { shared: Arc::new(Shared { ring: Mutex::default(), version: watch::Sender::new(0) }) }
    }
}

impl WireLog {
    /// Adds a line; the oldest goes when there are more than 500.
    pub fn push(&self, line: WireLine) {
        {
            let mut ring = self.shared.ring.lock().unwrap_or_else(PoisonError::into_inner);
            if ring.lines.len() == KEPT {
                ring.lines.pop_front();
            }
            ring.lines.push_back(line);
            ring.shown = None;
        }
        self.shared.version.send_modify(|version| *version += 1);
    }

    /// The lines, oldest first.
    #[must_use]
    pub fn recent(&self) -> Arc<[WireLine]> {
        let mut ring = self.shared.ring.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shown) = &ring.shown {
            return Arc::clone(shown);
        }
        let shown: Arc<[WireLine]> = ring.lines.iter().cloned().collect();
        ring.shown = Some(Arc::clone(&shown));
        shown
    }

    /// Counts the lines ever pushed; changes after each.
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.shared.version.subscribe()
    }
}

/// A line in the making. It goes to the log even if nobody waits for the reply any more: the host may have got the request.
pub(super) struct Entry {
    line: Option<WireLine>,
    log: WireLog,
    started: Instant,
}

impl Entry {
    pub(super) fn begin(request: &Request, log: &WireLog) -> Self {
        let line = WireLine {
            at: Timestamp::now(),
            method: text::short(request.method.as_str(), 20),
            target: target(&request.url),
            status: None,
            note: Some("given up".to_owned()),
            took: Duration::ZERO,
            request_id: None,
        };
        Self { line: Some(line), log: log.clone(), started: Instant::now() }
    }

    pub(super) fn end(mut self, result: &Result<Reply, HttpError>) {
        let Some(line) = &mut self.line else { return };
        match result {
            Ok(reply) => {
                line.status = Some(reply.status);
                line.request_id = reply.header("request-id").or_else(|| reply.header("x-ms-request-id"));
                line.note = error_code(reply);
            }
            Err(error) => {
                line.status = error.status();
                line.note = Some(error.short());
            }
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(line) = self.line.take() {
            self.log.push(WireLine { took: self.started.elapsed(), ..line });
        }
    }
}

/// The code of an error body: Graph and Resource Manager say `{"error":{"code"}}`, a token endpoint `{"error":"…"}`.
fn error_code(reply: &Reply) -> Option<String> {
    if reply.status < 400 {
        return None;
    }
    let body: serde_json::Value = serde_json::from_slice(&reply.body).ok()?;
    let error = body.get("error")?;
    let code = error.get("code").unwrap_or(error).as_str()?;
    Some(text::short(code, 80))
}

/// Host, path and query as a person reads them, sensitive values masked.
fn target(url: &Url) -> String {
    let mut out = trust::host_of(url) + url.path();
    for (index, (name, value)) in url.query_pairs().enumerate() {
        out.push(if index == 0 { '?' } else { '&' });
        out.push_str(&name);
        out.push('=');
        out.push_str(if is_sensitive(&name) { MASKED } else { &value });
    }
    text::short(&out, LONGEST)
}

/// Names of parameters whose values are codes, tokens or signatures (OAuth, paging, ARM's status addresses).
fn is_sensitive(name: &str) -> bool {
    const EXACT: [&str; 10] = ["code", "state", "nonce", "sig", "p", "t", "c", "s", "h", "assertion"];
    const PARTS: [&str; 6] = ["token", "secret", "password", "verifier", "challenge", "key"];
    let name = name.to_ascii_lowercase();
    EXACT.contains(&name.as_str()) || PARTS.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::{MASKED, WireLine, WireLog, target};
    use url::Url;

    fn line(number: usize) -> WireLine {
        WireLine {
            at: jiff::Timestamp::UNIX_EPOCH,
            method: "GET".to_owned(),
            target: number.to_string(),
            status: Some(200),
            note: None,
            took: std::time::Duration::ZERO,
            request_id: None,
        }
    }

    #[test]
    fn the_log_keeps_the_newest_500_and_counts_all() {
        let log = WireLog::default();
        let changed = log.changed();
        (0..600).for_each(|number| log.push(line(number)));
        let recent = log.recent();
        assert_eq!((recent.len(), recent[0].target.as_str(), recent[499].target.as_str()), (500, "100", "599"));
        assert_eq!(*changed.borrow(), 600);
        assert!(std::sync::Arc::ptr_eq(&recent, &log.recent()), "an unchanged log is not copied again");
        log.push(line(600));
        assert_eq!(log.recent()[499].target, "600");
    }

    #[test]
    fn codes_tokens_and_signatures_are_masked_and_filters_are_readable() {
        let shown = |address: &str| target(&Url::parse(address).unwrap());
        for name in ["code", "state", "access_token", "$skiptoken", "client_secret", "sig", "c", "Password", "code_verifier"] {
            assert_eq!(shown(&format!("https://a.example/x?{name}=canary")), format!("a.example/x?{name}={MASKED}"));
        }
        assert_eq!(
            shown("https://a.example/v1.0/users?$filter=mail%20eq%20%27x%27&$top=5"),
            "a.example/v1.0/users?$filter=mail eq 'x'&$top=5"
        );
        assert_eq!(shown("http://localhost:8080/"), "localhost:8080/");
    }

    #[test]
    fn a_target_holds_no_control_characters_and_stays_short() {
        let shown = target(&Url::parse(&format!("https://a.example/?q=%1b]0;x%07{}", "y".repeat(9000))).unwrap());
        assert!(shown.starts_with("a.example/?q=\u{fffd}]0;x\u{fffd}") && shown.chars().count() == 400, "{shown}");
    }
}
