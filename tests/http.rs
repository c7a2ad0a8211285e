//! `base::http` against a server that behaves badly. The promises are the names.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/rude.rs"]
mod rude;

use guidepost::base::Secret;
use guidepost::base::http::{BoundToken, Http, HttpError, HttpSettings, Method, NoWay, Request, WireLog, install_tls_provider};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rude::{Answer, Rude, json};
use serde_json::json as value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_rustls::TlsAcceptor;
use url::Url;

const CANARY: &str = "canary-5ecret-0f-http";

fn settings() -> HttpSettings {
    HttpSettings { timeout: Duration::from_secs(5), ..HttpSettings::default() }
}

fn client(settings: HttpSettings) -> Http {
    install_tls_provider();
    Http::new(settings, WireLog::default()).unwrap()
}

fn get(url: Url) -> Request {
    Request::new(Method::GET, url)
}

fn fine() -> Answer {
    json(200, &value!({"ok": true})).with("date", "Sun, 06 Nov 1994 08:49:37 GMT").with("request-id", "r-1")
}

#[tokio::test]
async fn a_reply_has_status_body_and_the_servers_clock() {
    let server = Rude::start(|_| fine()).await;
    let http = client(settings());
    let reply = http.send(get(server.url("/v1.0/x?$filter=a%20eq%20%27b%27&code=zzz"))).await.unwrap();
    assert_eq!((reply.status, reply.body.as_slice(), reply.says_json()), (200, br#"{"ok":true}"#.as_slice(), true));
    assert_eq!(reply.date.unwrap().to_string(), "1994-11-06T08:49:37Z");
    let asked = &server.asked()[0];
    assert_eq!(asked.header("user-agent"), concat!("guidepost/", env!("CARGO_PKG_VERSION")));
    assert_eq!(asked.header("authorization"), "");
    let lines = http.log().recent();
    assert_eq!((lines.len(), lines[0].status, lines[0].request_id.as_deref()), (1, Some(200), Some("r-1")));
    assert_eq!(lines[0].target, format!("{}/v1.0/x?$filter=a eq 'b'&code=‹masked›", server.address));
}

#[tokio::test]
async fn a_token_goes_to_its_own_host_only() {
    let (home, other) = (Rude::start(|_| fine()).await, Rude::start(|_| fine()).await);
    let http = client(settings());
    let token = BoundToken::new(Secret::new(CANARY), &home.url("/any"));
    http.send(get(home.url("/a")).token(token.clone())).await.unwrap();
    assert_eq!(home.asked()[0].header("authorization"), format!("Bearer {CANARY}"));
    let error = http.send(get(other.url("/a")).token(token.clone())).await.unwrap_err();
    assert!(matches!(error, HttpError::ForeignToken { .. }), "{error}");
    assert!(!error.sent());
    assert!(other.asked().is_empty());
    // Another name for the same machine is another host, and https is not http.
    let port = home.address.port();
    for address in [format!("http://localhost:{port}/"), format!("https://127.0.0.1:{port}/")] {
        let error = http.send(get(Url::parse(&address).unwrap()).token(token.clone())).await.unwrap_err();
        assert!(matches!(error, HttpError::ForeignToken { .. }), "{address}: {error}");
    }
    assert!(!format!("{token:?} {error} {error:?} {:?} {http:?}", http.log().recent()).contains(CANARY));
}

#[tokio::test]
async fn a_redirect_is_an_error_that_names_the_target_and_is_not_followed() {
    let other = Rude::start(|_| fine()).await;
    let target = other.url("/steal?code=secret").to_string();
    for status in [301, 302, 303, 307, 308] {
        let target = target.clone();
        let server = Rude::start(move |_| json(status, &value!({})).with("location", target.clone())).await;
        let http = client(settings());
        let token = BoundToken::new(Secret::new(CANARY), &server.url("/"));
        let error = http.send(get(server.url("/")).token(token)).await.unwrap_err();
        let HttpError::Redirected { status: said, to, .. } = &error else { panic!("{error}") };
        assert_eq!((*said, to.as_str()), (status, format!("http://{}", other.address).as_str()));
        assert_eq!(http.log().recent()[0].status, Some(status));
    }
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn plain_http_is_for_loopback_only_and_nothing_else_has_a_scheme() {
    let http = client(settings());
    for address in ["http://graph.example/", "http://127.0.0.1.nip.example/", "ftp://localhost/", "file:///etc/passwd", "ws://localhost/"] {
        let error = http.send(get(Url::parse(address).unwrap())).await.unwrap_err();
        assert!(matches!(error, HttpError::NotSecure { .. }), "{address}: {error}");
    }
    let error = http.send(get(Url::parse("https://user:canary@graph.example/").unwrap())).await.unwrap_err();
    assert!(matches!(error, HttpError::NotSendable { .. }) && !error.to_string().contains("canary"), "{error}");
}

#[tokio::test]
async fn localhost_is_this_machine_whatever_the_resolver_says() {
    let server = Rude::start(|_| fine()).await;
    let http = client(settings());
    let url = Url::parse(&format!("http://LOCALHOST:{}/x", server.address.port())).unwrap();
    assert_eq!(http.send(get(url)).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_flood_is_cut_off_at_the_limit_announced_or_not() {
    const FLOOD: u64 = 50 * 1024 * 1024;
    for announced in [true, false] {
        let server = Rude::start(move |_| Answer::Flood { bytes: FLOOD, announced }).await;
        let http = client(HttpSettings { max_body: 64 * 1024, ..settings() });
        let error = http.send(get(server.url("/"))).await.unwrap_err();
        assert!(matches!(error, HttpError::TooLarge { limit: 65_536, .. }), "{error}");
        drop(http);
        assert!(server.written() < FLOOD / 2, "the server could write {} bytes", server.written());
    }
}

#[tokio::test]
async fn a_body_of_just_the_limit_is_taken() {
    let server = Rude::start(|_| json(200, &value!("x".repeat(98)))).await;
    let http = client(HttpSettings { max_body: 100, ..settings() });
    assert_eq!(http.send(get(server.url("/"))).await.unwrap().body.len(), 100);
    let http = client(HttpSettings { max_body: 99, ..settings() });
    assert!(matches!(http.send(get(server.url("/"))).await.unwrap_err(), HttpError::TooLarge { .. }));
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_in_time() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec();
    for answer in [Answer::Hang, Answer::Raw(half)] {
        let hang = matches!(answer, Answer::Hang);
        let server = Rude::start(move |_| answer.clone()).await;
        let http = client(HttpSettings { timeout: Duration::from_millis(300), ..settings() });
        let started = Instant::now();
        let error = http.send(get(server.url("/"))).await.unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
        let expected = if hang { matches!(error, HttpError::TimedOut { sent: true, .. }) } else { matches!(error, HttpError::Cut { .. }) };
        assert!(expected, "{error}");
        assert!(error.sent());
        assert_eq!(http.log().recent()[0].status, None);
    }
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_any_more_is_still_in_the_log() {
    let server = Rude::start(|_| Answer::Hang).await;
    let http = client(settings());
    let mut changed = http.log().changed();
    assert!(tokio::time::timeout(Duration::from_millis(100), http.send(get(server.url("/x")))).await.is_err());
    changed.changed().await.unwrap();
    let lines = http.log().recent();
    assert_eq!((lines.len(), lines[0].status, lines[0].note.as_deref()), (1, None, Some("given up")));
    assert!(lines[0].took >= Duration::from_millis(90));
}

#[tokio::test]
async fn a_cut_and_nonsense_are_told_apart_from_no_connection() {
    for raw in
        ["", "HTTP/1.1 200 OK\r\ncontent-le", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"]
    {
        let server = Rude::start(move |_| Answer::Raw(raw.as_bytes().to_vec())).await;
        let error = client(settings()).send(get(server.url("/"))).await.unwrap_err();
        assert!(matches!(error, HttpError::Cut { .. }) && error.sent(), "{raw:?}: {error:?}");
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = client(settings()).send(get(Url::parse(&format!("http://{closed}/")).unwrap())).await.unwrap_err();
    assert_eq!(error, HttpError::NoConnection { host: closed.to_string(), why: NoWay::Refused });
    assert_eq!(error.to_string(), format!("cannot connect to `{closed}`: the connection was refused"));
    assert!(!error.sent());
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_said_to_be_unknown() {
    if std::env::vars().any(|(name, _)| name.to_ascii_lowercase().ends_with("_proxy")) {
        eprintln!("skipped: a proxy would look the name up");
        return;
    }
    // No DNS server may know a name in `invalid` (RFC 6761 6.4).
    let url = Url::parse("https://guidepost.invalid/").unwrap();
    let error = client(HttpSettings { timeout: Duration::from_secs(30), ..settings() }).send(get(url)).await.unwrap_err();
    assert!(matches!(error, HttpError::NoConnection { why: NoWay::NameNotFound, .. }), "{error:?}");
}

#[tokio::test]
async fn a_proxy_is_asked_for_other_hosts_and_never_for_loopback() {
    let proxy = Rude::start(|_| json(403, &value!({}))).await;
    let server = Rude::start(|_| fine()).await;
    let http = client(HttpSettings { proxy: Some(format!("http://{}", proxy.address)), ..settings() });
    http.send(get(server.url("/"))).await.unwrap();
    assert!(proxy.asked().is_empty());
    let error = http.send(get(Url::parse("https://graph.example/x").unwrap())).await.unwrap_err();
    assert!(matches!(error, HttpError::NoConnection { why: NoWay::Proxy, .. }), "{error:?}");
    let asked = proxy.asked();
    assert_eq!((asked[0].method.as_str(), asked[0].target.as_str()), ("CONNECT", "graph.example:443"));
}

#[test]
fn wrong_settings_are_said_at_once_without_repeating_a_password() {
    install_tls_provider();
    let refused = |settings: HttpSettings| Http::new(settings, WireLog::default()).unwrap_err();
    let problem = refused(HttpSettings { proxy: Some("socks9://user:canary@x".to_owned()), ..settings() });
    assert!(!problem.to_string().contains("canary"), "{problem}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    assert!(refused(HttpSettings { ca_file: Some(file.clone()), ..settings() }).what.starts_with("cannot read the certificate file"));
    std::fs::write(&file, "no certificate").unwrap();
    assert!(refused(HttpSettings { ca_file: Some(file), ..settings() }).what.ends_with("holds no certificate"));
}

/// A CA, and a server with a certificate by it.
struct Tls {
    _folder: tempfile::TempDir,
    ca_file: std::path::PathBuf,
    server: Rude,
}

async fn tls(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Tls {
    install_tls_provider();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &ca).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, ca.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let server = Rude::start_tls(TlsAcceptor::from(Arc::new(config)), |_| fine()).await;
    Tls { _folder: folder, ca_file, server }
}

async fn ask(tls: &Tls, ca_file: Option<&Tls>) -> Result<u16, HttpError> {
    let http = client(HttpSettings { ca_file: ca_file.map(|tls| tls.ca_file.clone()), ..settings() });
    let url = Url::parse(&format!("https://localhost:{}/", tls.server.address.port())).unwrap();
    http.send(get(url)).await.map(|reply| reply.status)
}

#[tokio::test]
async fn a_ca_file_is_trusted_and_nothing_else_of_this_kind_is() {
    let (ours, theirs) = (tls("localhost", |_| {}).await, tls("localhost", |_| {}).await);
    assert_eq!(ask(&ours, Some(&ours)).await, Ok(200));
    // Both CAs have the same name, as the practice lab's have from start to start.
    let whys =
        ["its certificate is by a CA that is not trusted here", "its certificate is by another CA than the trusted one of that name"];
    for (ca_file, expected) in [None, Some(&ours)].into_iter().zip(whys) {
        let error = ask(&theirs, ca_file).await.unwrap_err();
        let HttpError::Tls { why, .. } = &error else { panic!("{error:?}") };
        assert_eq!(why, expected);
        assert!(!error.sent());
    }
    assert!(theirs.server.asked().is_empty());
}

#[tokio::test]
async fn a_certificate_of_another_name_or_time_is_told_apart() {
    let other = tls("graph.example", |_| {}).await;
    let error = ask(&other, Some(&other)).await.unwrap_err();
    assert!(error.to_string().ends_with("its certificate is for another name"), "{error:?}");
    let expired = tls("localhost", |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1)).await;
    let error = ask(&expired, Some(&expired)).await.unwrap_err();
    assert!(error.to_string().ends_with("its certificate has expired"), "{error:?}");
    let early = tls("localhost", |params| params.not_before = rcgen::date_time_ymd(4000, 1, 1)).await;
    let error = ask(&early, Some(&early)).await.unwrap_err();
    assert!(error.to_string().ends_with("its certificate is not valid yet"), "{error:?}");
}
