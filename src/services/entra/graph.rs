//! Requests to Microsoft Graph: reads that follow pages and wait when told to, writes that are sent once. Not for what they mean.

use super::error::{GraphError, Refusal, SignInError};
use super::{Purpose, Session, claims, pkce};
use crate::base::http::{BoundToken, HeaderValue, Http, HttpError, Method, Reply, Request};
use crate::base::{Secret, encode, text};
use crate::services::retry::{Again, Limits, Pause, TokioPause, retry_after, retrying};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use url::Url;

/// A read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphGet {
    /// The path with its version, segments already encoded: `/v1.0/users`.
    pub path: String,
    /// Name and decoded value of each parameter: `("$filter", "startsWith(displayName,'x')")`.
    pub query: Vec<(String, String)>,
    /// Asks the index that knows advanced queries and lags behind writes (`ConsistencyLevel: eventual`, `$count=true`).
    pub eventual: bool,
}

/// A change.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphWrite {
    /// POST, PATCH, PUT or DELETE.
    pub method: Method,
    /// As in [`GraphGet`].
    pub path: String,
    /// The body; `None` for none.
    pub body: Option<Value>,
}

/// What Graph answered.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphReply {
    /// The status, 2xx.
    pub status: u16,
    /// The body; of a list, all pages with their `value` as one. Null when it is empty. Its texts are hostile.
    pub body: Value,
    /// Graph's clock when the first page was answered.
    pub date: Option<Timestamp>,
    /// Graph's id of the (first) request.
    pub request_id: Option<String>,
    /// Where an operation that was accepted can be watched; `None` where Graph names no place. Only [`Graph::poll`] goes there.
    pub location: Option<Location>,
    /// How long all of it took, waits included.
    pub took: Duration,
}

/// Where an operation can be watched, whole and as Graph wrote it: its query leads to the right data centre (`facts/wire.md` 16).
#[derive(Clone, PartialEq, Eq)]
pub struct Location(String);

impl Location {
    /// As Graph gave it out; where it leads is looked at before it is followed.
    #[must_use]
    pub fn new(whole: impl Into<String>) -> Self {
        Self(whole.into())
    }
}

impl std::fmt::Debug for Location {
    /// Such addresses may be signed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("‹location›")
    }
}

/// The longest address that is followed; Azure's are several kilobytes, Graph's much shorter (`facts/wire.md` 22).
const LONGEST_ADDRESS: usize = 8 * 1024;

/// The Graph of one session; clones are the same.
#[derive(Clone)]
pub struct Graph {
    http: Http,
    session: Session,
    limits: Limits,
    pause: Arc<dyn Pause>,
}

impl Graph {
    /// Graph as this session may use it.
    #[must_use]
    pub fn new(http: Http, session: Session) -> Self {
        Self { http, session, limits: Limits::default(), pause: Arc::new(TokioPause) }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same with another way to wait.
    #[must_use]
    pub fn with_pause(mut self, pause: Arc<dyn Pause>) -> Self {
        self.pause = pause;
        self
    }

    /// Reads an object, or a list with all its pages.
    ///
    /// # Errors
    /// Why it cannot be read; what is worth trying again has been tried, within [`Limits::deadline`].
    pub async fn get(&self, get: GraphGet) -> Result<GraphReply, GraphError> {
        let deed = Deed { what: format!("read `{}`", text::short(&get.path, 160)), purpose: Purpose::Read, eventual: get.eventual };
        let url = address(&self.session.settings().graph, &get)?;
        match tokio::time::timeout(self.limits.deadline, Box::pin(self.read_all(&deed, url))).await {
            Ok(result) => result,
            Err(_) => Err(self.too_slow(deed)),
        }
    }

    /// Sends a change once; again only if Graph said that it did not begin (429 or 503 with `Retry-After`).
    ///
    /// # Errors
    /// Why it failed; [`GraphError::outcome_known`] says whether it is sure that nothing was changed.
    pub async fn write(&self, write: GraphWrite) -> Result<GraphReply, GraphError> {
        let started = Instant::now();
        let what = format!("{} `{}`", verb(&write.method), text::short(&write.path, 160));
        let deed = Deed { what, purpose: Purpose::Write, eventual: false };
        let url = address(&self.session.settings().graph, &GraphGet { path: write.path, query: Vec::new(), eventual: false })?;
        let request = Request::new(write.method, url);
        let request = match &write.body {
            Some(body) => request.json(body),
            None => request,
        };
        let reply = Box::pin(retrying(self.limits, &self.pause, again_for_writes, || Box::pin(self.write_once(&deed, &request)))).await?;
        Ok(GraphReply { took: started.elapsed(), ..reply })
    }

    /// Sets a user's password, in the cloud and by writeback in the domain (`facts/domain.md` 2.8). Sent once, as [`Graph::write`] does; the reply
    /// comes without its body, which may hold a password.
    ///
    /// # Errors
    /// As [`Graph::write`].
    pub async fn reset_password(&self, path: &str, password: &Secret) -> Result<GraphReply, GraphError> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'p> {
            new_password: &'p str,
        }
        let started = Instant::now();
        let deed = Deed { what: format!("post to `{}`", text::short(path, 160)), purpose: Purpose::Write, eventual: false };
        let url = address(&self.session.settings().graph, &GraphGet { path: path.to_owned(), query: Vec::new(), eventual: false })?;
        let body = serde_json::to_vec(&Body { new_password: password.expose() });
        let body = body.map_err(|_| deed.not_understood("its body cannot be written"))?;
        let request = Request { body: Some(body), ..Request::new(Method::POST, url) }.header("content-type", "application/json");
        let reply = Box::pin(retrying(self.limits, &self.pause, again_for_writes, || Box::pin(self.write_once(&deed, &request)))).await?;
        Ok(GraphReply { took: started.elapsed(), body: Value::Null, ..reply })
    }

    /// Looks once how an accepted operation is getting on; with the permission by which it was begun.
    ///
    /// # Errors
    /// [`GraphError::Elsewhere`] for an address on another host, which is never asked; else why it cannot be read.
    pub async fn poll(&self, location: &Location) -> Result<GraphReply, GraphError> {
        let deed = Deed { what: "look at an operation".to_owned(), purpose: Purpose::Write, eventual: false };
        let url = self.on_graph(&deed, &location.0)?;
        match tokio::time::timeout(self.limits.deadline, Box::pin(self.read_page(&deed, &url))).await {
            Ok(result) => result,
            Err(_) => Err(self.too_slow(deed)),
        }
    }

    /// An address that Graph gave out: followed verbatim, but only on Graph's own host.
    fn on_graph(&self, deed: &Deed, given: &str) -> Result<Url, GraphError> {
        let url = Url::parse(given).ok().filter(|_| given.len() <= LONGEST_ADDRESS);
        let url = url.ok_or_else(|| deed.not_understood("an address that it gives has no host"))?;
        if url.origin() != self.session.settings().graph.origin() {
            return Err(GraphError::Elsewhere { what: deed.what.clone(), host: text::short(&url.origin().ascii_serialization(), 120) });
        }
        Ok(url)
    }

    async fn read_all(&self, deed: &Deed, url: Url) -> Result<GraphReply, GraphError> {
        let started = Instant::now();
        let mut first = self.read_page(deed, &url).await?;
        let mut pages = 1;
        let mut next = self.next_page(deed, &mut first.body)?;
        while let Some(url) = next {
            pages += 1;
            let mut page = self.read_page(deed, &url).await?;
            next = self.next_page(deed, &mut page.body)?;
            self.append(deed, &mut first.body, page.body, pages, next.is_some())?;
        }
        Ok(GraphReply { took: started.elapsed(), ..first })
    }

    async fn read_page(&self, deed: &Deed, url: &Url) -> Result<GraphReply, GraphError> {
        retrying(self.limits, &self.pause, again_for_reads, || Box::pin(self.read_once(deed, url))).await
    }

    /// One read; if Graph does not accept the token, once more with a new one (`facts/wire.md` 7).
    async fn read_once(&self, deed: &Deed, url: &Url) -> Result<GraphReply, GraphError> {
        let token = self.token(deed).await?;
        let request = Request::new(Method::GET, url.clone());
        let refused = match self.exchange(deed, &request, token.clone()).await {
            Err(error) if error.status() == Some(401) => error,
            other => return other,
        };
        self.session_challenge(&refused).await;
        let token = self.session.instead_of(&token, deed.purpose).await.map_err(|why| deed.no_token(why))?;
        self.exchange(deed, &request, token).await.map_err(|error| deed.not_accepted(error))
    }

    /// One write. A token that was not accepted is forgotten, so that the next try has a new one, but nothing is sent twice.
    async fn write_once(&self, deed: &Deed, request: &Request) -> Result<GraphReply, GraphError> {
        let token = self.token(deed).await?;
        let result = self.exchange(deed, request, token.clone()).await;
        if let Err(error) = &result
            && error.status() == Some(401)
        {
            self.session_challenge(error).await;
            self.session.forget(&token, deed.purpose).await;
        }
        result.map_err(|error| deed.not_accepted(error))
    }

    /// What Graph wants the next token to say (continuous access evaluation).
    async fn session_challenge(&self, refused: &GraphError) {
        if let GraphError::Refused(refusal) = refused
            && let Some(challenge) = &refusal.challenge
        {
            self.session.challenged(challenge.clone()).await;
        }
    }

    async fn token(&self, deed: &Deed) -> Result<BoundToken, GraphError> {
        self.session.token(deed.purpose).await.map_err(|why| deed.no_token(why))
    }

    async fn exchange(&self, deed: &Deed, request: &Request, token: BoundToken) -> Result<GraphReply, GraphError> {
        let client_request_id = pkce::guid().map_err(|why| deed.no_token(why))?;
        let mut request = request.clone().token(token).header("accept", "application/json").header("return-client-request-id", "true");
        if let Ok(id) = HeaderValue::from_str(&client_request_id) {
            request.headers.insert("client-request-id", id);
        }
        if deed.eventual {
            request = request.header("consistencylevel", "eventual");
        }
        let reply = self.http.send(request).await.map_err(|why| GraphError::Http { what: deed.what.clone(), why })?;
        self.judge(deed, &reply, client_request_id)
    }

    fn judge(&self, deed: &Deed, reply: &Reply, client_request_id: String) -> Result<GraphReply, GraphError> {
        let what = deed.what.clone();
        let good = (200..300).contains(&reply.status);
        let parsed: Option<Value> = if reply.says_json() { serde_json::from_slice(&reply.body).ok() } else { None };
        let body = match parsed {
            Some(body) => body,
            // Deleting answers 204 and nothing. A read that brings nothing is no answer; an error without a body is one.
            None if reply.body.is_empty() && (!good || deed.purpose == Purpose::Write) => Value::Null,
            None => return Err(not_json(what, reply)),
        };
        let request_id = reply.header("request-id");
        if good {
            let location = reply.headers.get("location").and_then(|value| value.to_str().ok()).map(|whole| Location(whole.to_owned()));
            return Ok(GraphReply { status: reply.status, body, date: reply.date, request_id, location, took: reply.took });
        }
        let said = |name: &str, limit| body.pointer(&format!("/error/{name}")).and_then(Value::as_str).map(|said| text::short(said, limit));
        // Spelled `innerError` in practice and `innererror` in OData's text (`facts/wire.md` 19).
        let inner = |name: &str, limit| said(&format!("innerError/{name}"), limit).or_else(|| said(&format!("innererror/{name}"), limit));
        let message = said("message", 400).filter(|message| !message.is_empty());
        Err(GraphError::Refused(Box::new(Refusal {
            what,
            status: reply.status,
            code: said("code", 80).unwrap_or_else(|| "(no code)".to_owned()),
            // Microsoft's sample of a 429 has its text in there (`facts/domain.md` 5.9).
            message: message.or_else(|| inner("message", 400)).unwrap_or_else(|| "(no message)".to_owned()),
            request_id: request_id.or_else(|| inner("request-id", 64)),
            client_request_id,
            retry_after: retry_after(reply, self.session.now()),
            challenge: if reply.status == 401 { claims::challenge(&reply.headers) } else { None },
            needs: if reply.status == 403 { self.session.settings().scopes(deed.purpose).to_vec() } else { Vec::new() },
            app: self.session.is_app(),
        })))
    }

    /// Takes the address of the next page out of a page; it is followed verbatim, but only on Graph's own host.
    fn next_page(&self, deed: &Deed, body: &mut Value) -> Result<Option<Url>, GraphError> {
        let Some(link) = body.as_object_mut().and_then(|object| object.remove("@odata.nextLink")) else { return Ok(None) };
        let link = link.as_str().ok_or_else(|| deed.not_understood("its next page has no address"))?;
        self.on_graph(deed, link).map(Some)
    }

    fn append(&self, deed: &Deed, whole: &mut Value, mut page: Value, pages: usize, more: bool) -> Result<(), GraphError> {
        let items = whole.get_mut("value").and_then(Value::as_array_mut);
        let items = items.ok_or_else(|| deed.not_understood("its first page is no list"))?;
        let Some(Value::Array(new)) = page.get_mut("value").map(Value::take) else {
            return Err(deed.not_understood("one of its pages is no list"));
        };
        items.extend(new);
        let Limits { pages: most_pages, items: most_items, .. } = self.limits;
        if items.len() > most_items || (more && pages >= most_pages) {
            return Err(GraphError::TooMany { what: deed.what.clone(), items: most_items, pages: most_pages });
        }
        Ok(())
    }

    fn too_slow(&self, deed: Deed) -> GraphError {
        let host = self.session.settings().graph.host_str().unwrap_or_default().to_owned();
        GraphError::Http { what: deed.what, why: HttpError::TimedOut { host, after: self.limits.deadline, sent: true } }
    }
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Graph").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What is being done, for the headers and for every error.
struct Deed {
    what: String,
    purpose: Purpose,
    eventual: bool,
}

impl Deed {
    fn no_token(&self, why: SignInError) -> GraphError {
        GraphError::SignIn { what: self.what.clone(), why }
    }

    fn not_understood(&self, why: &str) -> GraphError {
        GraphError::NotUnderstood { what: self.what.clone(), why: why.to_owned() }
    }

    /// A 401 as what it means: the person must sign in.
    fn not_accepted(&self, error: GraphError) -> GraphError {
        match error {
            GraphError::Refused(refusal) if refusal.status == 401 => self.no_token(SignInError::NotAccepted { message: refusal.message }),
            other => other,
        }
    }
}

/// Reads are harmless twice.
fn again_for_reads(error: &GraphError) -> Again {
    match error {
        GraphError::Refused(refusal) if matches!(refusal.status, 429 | 500 | 502 | 503 | 504) => {
            refusal.retry_after.map_or(Again::Later, Again::After)
        }
        GraphError::NotJson { status: 500 | 502 | 503 | 504, .. } | GraphError::Http { why: HttpError::Cut { .. }, .. } => Again::Later,
        GraphError::Refused(_)
        | GraphError::NotJson { .. }
        | GraphError::Http { .. }
        | GraphError::SignIn { .. }
        | GraphError::NotUnderstood { .. }
        | GraphError::TooMany { .. }
        | GraphError::Elsewhere { .. }
        | GraphError::BadPath { .. } => Again::Never,
    }
}

/// A write may be sent again only if the server said that it did not begin.
fn again_for_writes(error: &GraphError) -> Again {
    let GraphError::Refused(refusal) = error else { return Again::Never };
    match (refusal.status, refusal.retry_after) {
        (429 | 503, Some(time)) => Again::After(time),
        _ => Again::Never,
    }
}

fn verb(method: &Method) -> &'static str {
    match method.as_str() {
        "POST" => "post to",
        "DELETE" => "delete",
        _ => "change",
    }
}

fn not_json(what: String, reply: &Reply) -> GraphError {
    let kind = if reply.says_json() { Some("broken JSON".to_owned()) } else { reply.header("content-type") };
    let kind = kind.unwrap_or_else(|| "untyped".to_owned());
    let start = reply.body.get(..reply.body.len().min(400)).unwrap_or_default();
    let excerpt = text::short(&String::from_utf8_lossy(start), 120);
    let excerpt = if excerpt.is_empty() { "(empty)".to_owned() } else { format!("`{excerpt}`") };
    GraphError::NotJson { what, status: reply.status, kind: text::short(&kind, 60), excerpt }
}

/// The address of a request. A path that a URL parser reads as another one (`..`, `//host`, `\`, `?`, `#`) is refused.
fn address(graph: &Url, get: &GraphGet) -> Result<Url, GraphError> {
    let bad = || GraphError::BadPath { path: text::short(&get.path, 160) };
    let version = ["/v1.0/", "/beta/"].iter().any(|version| get.path.starts_with(version));
    if !version || get.path.contains("$batch") || get.path.contains("//") {
        return Err(bad());
    }
    let whole = format!("{}{}", graph.as_str().trim_end_matches('/'), get.path);
    let mut url = Url::parse(&whole).map_err(|_| bad())?;
    if url.as_str() != whole || url.query().is_some() || url.fragment().is_some() || url.origin() != graph.origin() {
        return Err(bad());
    }
    let query = query(get);
    if !query.is_empty() {
        url.set_query(Some(&query));
    }
    Ok(url)
}

/// `$` stays as it is in names: Graph takes it encoded too, but the documentation and every log show it plain.
fn query(get: &GraphGet) -> String {
    let count = ("$count".to_owned(), "true".to_owned());
    let missing = get.eventual && !get.query.iter().any(|(name, _)| name == "$count");
    let pairs = get.query.iter().chain(missing.then_some(&count));
    let written = pairs.map(|(name, value)| format!("{}={}", encode::query_value(name).replace("%24", "$"), encode::query_value(value)));
    written.collect::<Vec<_>>().join("&")
}
