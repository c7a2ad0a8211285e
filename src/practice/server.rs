//! HTTPS with limits in front of the lab: whoever connects can be slow, huge or hostile, and the lab goes on. No contents.

use super::{
    azure, control, domain, entra,
    faults::Fault,
    live::Live,
    log::{LogLine, shown_query},
    wire::{Answer, Content, Question, http_date},
    world::DC1,
};
use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt, Full, Limited, StreamBody, combinators::BoxBody};
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Bytes, Frame, Incoming},
    header::{HOST, HeaderName, HeaderValue},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use percent_encoding::percent_decode_str;
use rustls::ServerConfig;
use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// First segment of the control address.
pub(super) const CONTROL: &str = "practice-control";
/// The largest body: a form or a small JSON document.
const BODY: usize = 64 * 1024;
/// Head of a request in bytes.
const HEAD: usize = 32 * 1024;
/// Whoever comes when this many are there waits until one goes.
const CONNECTIONS: usize = 128;
/// For the TLS handshake, for the head, for the body.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is under way when the lab ends may take this long.
const FAREWELL: Duration = Duration::from_secs(2);

type Body = BoxBody<Bytes, std::io::Error>;

/// What speaks behind a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mouth {
    /// Sign-in, Graph and the control address.
    Entra,
    /// Resource Manager.
    Azure,
}

/// The listening lab.
pub(super) struct Server {
    entra: TcpListener,
    azure: TcpListener,
    acceptor: TlsAcceptor,
    directory: Directory,
    live: Arc<Mutex<Live>>,
    linger: Option<Duration>,
}

/// The sockets of the domain controller.
pub(super) struct Directory {
    /// LDAP, where StartTLS begins.
    pub(super) plain: TcpListener,
    /// LDAPS.
    pub(super) sealed: TcpListener,
    /// Its certificate.
    pub(super) tls: Arc<ServerConfig>,
}

impl Server {
    /// A lab behind open sockets.
    pub(super) fn new(
        (entra, azure): (TcpListener, TcpListener),
        tls: Arc<ServerConfig>,
        directory: Directory,
        live: Live,
        linger: Option<Duration>,
    ) -> Self {
        Self { entra, azure, acceptor: TlsAcceptor::from(tls), directory, live: Arc::new(Mutex::new(live)), linger }
    }

    /// Lets somebody in who speaks HTTPS.
    fn invite(
        &self,
        mouth: Mouth,
        arrived: Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)>,
        guests: &mut JoinSet<()>,
        ended: &CancellationToken,
    ) {
        let Some((stream, place)) = arrived else { return };
        let guest = Guest { mouth, acceptor: self.acceptor.clone(), live: Arc::clone(&self.live), ended: ended.clone() };
        guests.spawn(async move {
            guest.serve(stream).await;
            drop(place);
        });
    }

    /// Whoever comes while DC1 is off is not served: the connection closes.
    fn is_dc1_on(&self) -> bool {
        let live = lock(&self.live);
        live.world().azure.runs(DC1, live.now())
    }

    fn directory_guest(&self, ended: &CancellationToken) -> domain::Guest {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.directory.tls));
        domain::Guest { acceptor, live: Arc::clone(&self.live), ended: ended.clone() }
    }

    /// Serves until `ended`, or until nobody has been connected for the linger time.
    pub(super) async fn run(self, ended: CancellationToken) {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let directory_room = Arc::new(Semaphore::new(CONNECTIONS));
        let mut guests = JoinSet::new();
        let mut empty_since = Instant::now();
        loop {
            let deadline = self.linger.filter(|_| guests.is_empty()).map(|linger| empty_since + linger);
            tokio::select! {
                biased;
                () = ended.cancelled() => break,
                Some(_) = guests.join_next() => empty_since = Instant::now(),
                arrived = accept(&self.entra, &room) => self.invite(Mouth::Entra, arrived, &mut guests, &ended),
                arrived = accept(&self.azure, &room) => self.invite(Mouth::Azure, arrived, &mut guests, &ended),
                arrived = accept(&self.directory.sealed, &directory_room) => {
                    if let Some((stream, place)) = arrived.filter(|_| self.is_dc1_on()) {
                        let guest = self.directory_guest(&ended);
                        guests.spawn(async move {
                            guest.serve(stream, true).await;
                            drop(place);
                        });
                    }
                }
                arrived = accept(&self.directory.plain, &directory_room) => {
                    if let Some((stream, place)) = arrived.filter(|_| self.is_dc1_on()) {
                        let guest = self.directory_guest(&ended);
                        guests.spawn(async move {
                            guest.serve(stream, false).await;
                            drop(place);
                        });
                    }
                }
                () = reached(deadline) => break,
            }
        }
        drop((self.entra, self.azure, self.directory));
        ended.cancel();
        // Whoever takes longer is cut off: the world is stored before each reply, so nothing is lost.
        let _ = timeout(FAREWELL, async { while guests.join_next().await.is_some() {} }).await;
    }
}

/// Never, if there is no deadline.
async fn reached(deadline: Option<Instant>) {
    match deadline {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.ok()?;
    if let Ok((stream, _)) = listener.accept().await {
        return Some((stream, place));
    }
    // Out of file handles, most likely: an error at once would make this loop spin.
    tokio::time::sleep(Duration::from_millis(100)).await;
    None
}

/// One connection.
struct Guest {
    mouth: Mouth,
    acceptor: TlsAcceptor,
    live: Arc<Mutex<Live>>,
    ended: CancellationToken,
}

impl Guest {
    /// Errors end the connection and nothing else: they are the client's own.
    async fn serve(self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let Ok(Ok(stream)) = timeout(PATIENCE, self.acceptor.accept(stream)).await else { return };
        let (mouth, live, ended) = (self.mouth, self.live, self.ended.clone());
        let service = service_fn(move |request| answer(mouth, Arc::clone(&live), ended.clone(), request));
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_headers(64).max_header_size(HEAD);
        let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            _ = connection.as_mut() => return,
            () = self.ended.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }
}

pub(super) fn lock(live: &Mutex<Live>) -> MutexGuard<'_, Live> {
    // `Live::change` replaces the world as one value, so a panic elsewhere leaves nothing half done.
    live.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(
    mouth: Mouth,
    live: Arc<Mutex<Live>>,
    ended: CancellationToken,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let answered = match read(request).await {
        Ok(question) => {
            sleep(lateness(&live, &question)).await;
            tokio::task::spawn_blocking(move || reply(mouth, &live, &question)).await.ok()
        }
        Err(status) => Some((Answer::empty(status), HeaderMap::new())),
    };
    let (answer, headers) = answered.unwrap_or_else(|| (Answer::empty(500), HeaderMap::new()));
    Ok(response(answer, headers, ended))
}

/// How late the reply to this comes on purpose; steering the lab stays quick.
fn lateness(live: &Mutex<Live>, question: &Question) -> Duration {
    if question.path.first().is_some_and(|first| first == CONTROL) {
        return Duration::ZERO;
    }
    Duration::from_secs(lock(live).world().delay())
}

/// Reads a request within the limits; else the status that says which one it broke.
async fn read(request: Request<Incoming>) -> Result<Question, u16> {
    let (head, body) = request.into_parts();
    if !is_ours(&head.headers, &head.uri) {
        return Err(421);
    }
    let body = match timeout(PATIENCE, Limited::new(body, BODY).collect()).await {
        Err(_) => return Err(408),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return Err(413),
        Ok(Err(_)) => return Err(400),
        Ok(Ok(body)) => body.to_bytes().to_vec(),
    };
    let segment = |segment: &str| percent_decode_str(segment).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| 400_u16);
    let path = head.uri.path().split('/').filter(|part| !part.is_empty()).map(segment).collect::<Result<Vec<_>, _>>()?;
    let raw_query = head.uri.query().unwrap_or_default().to_owned();
    let query = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let request_id = super::chance::guid().map_err(|_| 503_u16)?;
    let given = head.headers.get("client-request-id").and_then(|id| id.to_str().ok()).filter(|id| id.len() <= 64);
    let client_request_id = given.map_or_else(|| request_id.clone(), str::to_owned);
    Ok(Question { method: head.method, path, query, raw_query, headers: head.headers, body, request_id, client_request_id })
}

/// Another name for this address is somebody else's page talking to us (DNS rebinding).
fn is_ours(headers: &HeaderMap, uri: &hyper::Uri) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let ours = |host: &str| {
        let name = host
            .rsplit_once(':')
            .filter(|(_, port)| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit()))
            .map_or(host, |(name, _)| name);
        ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| name.eq_ignore_ascii_case(own))
    };
    host.to_str().is_ok_and(ours) && uri.authority().is_none_or(|authority| ours(authority.as_str()))
}

fn reply(mouth: Mouth, live: &Mutex<Live>, question: &Question) -> (Answer, HeaderMap) {
    let mut live = lock(live);
    let (mut answer, shown_path) = match live.catch_up() {
        Ok(()) => match mouth {
            Mouth::Entra => route(&mut live, question),
            Mouth::Azure => (azure::answer(&mut live, question), shown(&question.path)),
        },
        Err(error) => (Answer::from(error), shown(&question.path)),
    };
    let entry = LogLine {
        n: 0,
        at: live.now(),
        method: question.method.to_string(),
        path: shown_path,
        query: shown_query(&question.query),
        status: answer.status,
        permission: answer.permission.take(),
        request_id: question.request_id.clone(),
        client_request_id: question.client_request_id.clone(),
    };
    live.log.push(entry);
    answer.cut = mouth == Mouth::Entra && is_graph(question) && live.is_broken(Fault::Cut);
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("date", &http_date(live.said_now()));
    if mouth == Mouth::Entra {
        set("request-id", &question.request_id);
        set("client-request-id", &question.client_request_id);
    }
    set("cache-control", "no-store");
    set("x-content-type-options", "nosniff");
    (answer, headers)
}

fn shown(path: &[String]) -> String {
    format!("/{}", path.join("/"))
}

fn is_graph(question: &Question) -> bool {
    question.path.first().is_some_and(|first| first == "v1.0" || first == "beta")
}

fn route(live: &mut Live, question: &Question) -> (Answer, String) {
    match question.path.split_first() {
        Some((first, rest)) if first == CONTROL => match rest.split_first() {
            Some((key, rest)) if *key == live.settings.control_key => {
                (control::answer(live, question, rest), format!("/control{}", shown(rest)))
            }
            Some(_) | None => (Answer::empty(404), "/control/…".to_owned()),
        },
        Some((first, rest)) if is_graph(question) => (entra::graph(live, question, first, rest), shown(&question.path)),
        Some((tenant, rest)) => (entra::sign_in(live, question, tenant, rest), shown(&question.path)),
        None => (Answer::empty(404), "/".to_owned()),
    }
}

fn response(answer: Answer, headers: HeaderMap, ended: CancellationToken) -> Response<Body> {
    let whole = |text: String| if answer.cut { cut(&text) } else { BodyExt::boxed(Full::from(text).map_err(|never| match never {})) };
    let (kind, body): (_, Body) = match answer.content {
        Content::Empty => ("", whole(String::new())),
        Content::Json(value) => ("application/json; charset=utf-8", whole(value.to_string())),
        Content::Html(page) => ("text/html; charset=utf-8", whole(page)),
        Content::Hold => ("text/plain", held(ended)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    let own = answer.headers.into_iter().chain((!kind.is_empty()).then(|| ("content-type", kind.to_owned())));
    for (name, value) in own {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// The first half, and then the connection closes.
fn cut(text: &str) -> Body {
    let half = text.as_bytes().get(..text.len() / 2).unwrap_or_default().to_vec();
    let broken = Err(std::io::Error::new(std::io::ErrorKind::ConnectionAborted, "cut on purpose"));
    // The half goes out first: an error in the same write would swallow it.
    let end = stream::once(async move {
        tokio::task::yield_now().await;
        broken
    });
    BodyExt::boxed(StreamBody::new(stream::once(async move { Ok(Frame::data(Bytes::from(half))) }).chain(end)))
}

/// A line, then silence until the lab ends or the client goes.
fn held(ended: CancellationToken) -> Body {
    let first = stream::once(async { Ok(Frame::data(Bytes::from_static(b"held\n"))) });
    let end = stream::once(async move { ended.cancelled().await }).filter_map(|()| async { None });
    BodyExt::boxed(StreamBody::new(first.chain(end)))
}
