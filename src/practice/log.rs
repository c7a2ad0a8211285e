//! The request log that tests read: what was asked and what came of it. Never a token, a password or a code.

use jiff::Timestamp;
use serde::Serialize;
use std::collections::VecDeque;

/// The oldest entries go when there are more.
const MOST: usize = 10_000;
/// Parameters of sign-in, and signatures of Resource Manager's operations, whose values are nobody's business.
const MASKED: &[&str] =
    &["code", "state", "nonce", "code_challenge", "code_verifier", "id_token_hint", "login_hint", "session_state", "p", "c", "s", "h"];

/// One request.
#[derive(Clone, Debug, Serialize)]
pub(super) struct LogLine {
    /// Counts from 1 and goes on when old entries are dropped.
    pub(super) n: u64,
    /// World time.
    pub(super) at: Timestamp,
    /// GET, POST, …
    pub(super) method: String,
    /// The path, decoded.
    pub(super) path: String,
    /// The query, decoded.
    pub(super) query: String,
    /// The status of the reply.
    pub(super) status: u16,
    /// The Graph permission that let it in, or the grant of a token request.
    pub(super) permission: Option<String>,
    /// `request-id` of the reply.
    pub(super) request_id: String,
    /// `client-request-id` of the request.
    pub(super) client_request_id: String,
}

/// The last requests, oldest first.
#[derive(Default)]
pub(super) struct RequestLog {
    lines: VecDeque<LogLine>,
    count: u64,
}

impl RequestLog {
    /// Adds a request; its number is given here.
    pub(super) fn push(&mut self, line: LogLine) {
        self.count += 1;
        self.lines.push_back(LogLine { n: self.count, ..line });
        if self.lines.len() > MOST {
            self.lines.pop_front();
        }
    }

    /// What came after number `since`.
    pub(super) fn after(&self, since: u64) -> impl Iterator<Item = &LogLine> {
        self.lines.iter().filter(move |line| line.n > since)
    }
}

/// A query as the log may show it.
pub(super) fn shown_query(query: &[(String, String)]) -> String {
    let shown = |(name, value): &(String, String)| {
        let hidden = MASKED.contains(&name.as_str()) || name.contains("token") || name.contains("password") || name.contains("secret");
        format!("{name}={}", if hidden { "…" } else { value })
    };
    query.iter().map(shown).collect::<Vec<_>>().join("&")
}
