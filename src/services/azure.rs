//! Azure Resource Manager: which machines there are, whether they run, and scripts sent to them by run command. Not for what a script says.

mod error;
mod machines;
mod operation;
mod run;

pub use error::{ArmRefusal, AzureError};
pub use machines::{Instance, Machine, MachineId, Power, Seen, Subscription};
pub use run::{LONGEST as LONGEST_SCRIPT, Managed, Output, RunAs, State, TAIL};

use super::entra::SignInError;
use super::retry::{Again, Limits, Pause, TokioPause, retry_after, retrying};
use crate::base::clock::Clock;
use crate::base::http::{BoundToken, Http, HttpError, Method, Reply, Request};
use crate::base::text;
use async_trait::async_trait;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Where tokens for Resource Manager come from.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// A token that is not about to expire.
    ///
    /// # Errors
    /// Nobody is signed in who may have one.
    async fn token(&self) -> Result<BoundToken, SignInError>;

    /// Another one than this, which was not accepted.
    ///
    /// # Errors
    /// As for [`Tokens::token`].
    async fn instead_of(&self, token: &BoundToken) -> Result<BoundToken, SignInError>;
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// One request with its tries.
    pub request: Limits,
    /// An operation from its acceptance to its end.
    pub operation: Duration,
    /// Between two looks at an operation whose service names no time; the first come sooner.
    pub every: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        // A run command takes 20 s at least (`facts/wire.md` 25); DESIGN section 4 allows 180 s.
        Self { request: Limits::default(), operation: Duration::from_mins(3), every: Duration::from_secs(2) }
    }
}

/// Resource Manager as one account may use it; clones are the same.
#[derive(Clone)]
pub struct Azure {
    http: Http,
    tokens: Arc<dyn Tokens>,
    base: Url,
    clock: Arc<dyn Clock>,
    patience: Patience,
    pause: Arc<dyn Pause>,
}

impl Azure {
    /// The Resource Manager at `base`.
    #[must_use]
    pub fn new(http: Http, tokens: Arc<dyn Tokens>, base: Url, clock: Arc<dyn Clock>) -> Self {
        Self { http, tokens, base, clock, patience: Patience::default(), pause: Arc::new(TokioPause) }
    }

    /// The same with other times.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// The same with another way to wait.
    #[must_use]
    pub fn with_pause(mut self, pause: Arc<dyn Pause>) -> Self {
        self.pause = pause;
        self
    }

    /// Reads, and tries again what is worth it.
    async fn read(&self, what: &str, url: &Url) -> Result<Answer, AzureError> {
        let request = Request::new(Method::GET, url.clone());
        retrying(self.patience.request, &self.pause, again_for_reads, || Box::pin(self.exchange(what, &request))).await
    }

    /// Sends a change; again only where the service said that it did not begin.
    async fn change(&self, what: &str, method: Method, url: Url, body: Option<&Value>) -> Result<Answer, AzureError> {
        let request = Request::new(method, url);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        retrying(self.patience.request, &self.pause, again_for_changes, || Box::pin(self.exchange(what, &request))).await
    }

    /// One exchange; when the token is not accepted, once more with a new one: a 401 did nothing.
    async fn exchange(&self, what: &str, request: &Request) -> Result<Answer, AzureError> {
        let no_token = |why| AzureError::SignIn { what: what.to_owned(), why };
        let token = self.tokens.token().await.map_err(no_token)?;
        match self.once(what, request, token.clone()).await {
            Err(AzureError::Refused(refusal)) if refusal.status == 401 => {}
            other => return other,
        }
        let token = self.tokens.instead_of(&token).await.map_err(no_token)?;
        self.once(what, request, token).await
    }

    async fn once(&self, what: &str, request: &Request, token: BoundToken) -> Result<Answer, AzureError> {
        let request = request.clone().token(token).header("accept", "application/json");
        let reply = self.http.send(request).await.map_err(|why| AzureError::Http { what: what.to_owned(), why })?;
        self.judge(what, reply)
    }

    fn judge(&self, what: &str, reply: Reply) -> Result<Answer, AzureError> {
        let good = (200..300).contains(&reply.status);
        let parsed = if reply.body.is_empty() { Some(Value::Null) } else { serde_json::from_slice(&reply.body).ok() };
        let Some(body) = parsed.filter(|_| reply.body.is_empty() || reply.says_json()) else {
            return Err(AzureError::NotJson { what: what.to_owned(), status: reply.status });
        };
        let after = retry_after(&reply, self.clock.now());
        if good {
            return Ok(Answer { status: reply.status, body, after, reply });
        }
        Err(AzureError::Refused(Box::new(ArmRefusal::read(what, &reply, &body, after))))
    }

    /// An address below the service's; every segment is encoded.
    fn address(&self, segments: &[&str], version: &str) -> Result<Url, AzureError> {
        let mut url = self.base.clone();
        let wrong = |segment: &str| AzureError::BadName { name: text::short(segment, 80) };
        {
            let mut path = url.path_segments_mut().map_err(|()| wrong(self.base.as_str()))?;
            path.pop_if_empty();
            for segment in segments {
                // A name that a URL reads as a way elsewhere is none (RFC 3986 5.2.4).
                if segment.is_empty() || *segment == "." || *segment == ".." {
                    return Err(wrong(segment));
                }
                path.push(segment);
            }
        }
        url.query_pairs_mut().append_pair("api-version", version);
        Ok(url)
    }

    /// An absolute address out of a reply: followed verbatim, however long, but on the service's own host only.
    fn own(&self, what: &str, address: &str) -> Result<Url, AzureError> {
        let url =
            Url::parse(address).map_err(|_| AzureError::NotUnderstood { what: what.to_owned(), why: "an address in it is none".into() })?;
        if url.origin() != self.base.origin() {
            return Err(AzureError::Elsewhere { what: what.to_owned(), host: text::short(&url.origin().ascii_serialization(), 120) });
        }
        Ok(url)
    }
}

impl std::fmt::Debug for Azure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Azure").field("base", &self.base.as_str()).field("patience", &self.patience).finish_non_exhaustive()
    }
}

/// What came back with a 2xx.
struct Answer {
    status: u16,
    /// Null when empty.
    body: Value,
    /// What `Retry-After` says.
    after: Option<Duration>,
    reply: Reply,
}

impl Answer {
    /// An address in a header, whole: they run to several kilobytes (`facts/wire.md` 22).
    fn address(&self, name: &str) -> Option<&str> {
        self.reply.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Reads are harmless twice.
fn again_for_reads(error: &AzureError) -> Again {
    match error {
        AzureError::Refused(refusal) if matches!(refusal.status, 429 | 500 | 502 | 503 | 504) => {
            refusal.retry_after.map_or(Again::Later, Again::After)
        }
        AzureError::NotJson { status: 500 | 502 | 503 | 504, .. } | AzureError::Http { why: HttpError::Cut { .. }, .. } => Again::Later,
        AzureError::Refused(_)
        | AzureError::NotJson { .. }
        | AzureError::Http { .. }
        | AzureError::SignIn { .. }
        | AzureError::NotUnderstood { .. }
        | AzureError::Elsewhere { .. }
        | AzureError::BadName { .. }
        | AzureError::TooMany { .. }
        | AzureError::TooLong { .. }
        | AzureError::Failed { .. }
        | AzureError::Unwatched { .. }
        | AzureError::StillRunning { .. } => Again::Never,
    }
}

/// A change may be sent again only if the service said that it did not begin.
fn again_for_changes(error: &AzureError) -> Again {
    let AzureError::Refused(refusal) = error else { return Again::Never };
    match (refusal.status, refusal.retry_after) {
        (429 | 503, Some(time)) => Again::After(time),
        _ => Again::Never,
    }
}
