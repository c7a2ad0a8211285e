//! Sign-in and Graph against a tenant that behaves badly. The promises are the names. No test waits for a retry: pauses are
//! only counted, and the clock stands still until a test moves it.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/rude.rs"]
mod rude;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::BoxFuture;
use guidepost::base::clock::{Clock, ManualClock, SignedDuration, Timestamp};
use guidepost::base::http::{Http, HttpError, HttpSettings, Method, WireLog, install_tls_provider};
use guidepost::base::{Exit, Problem, Secret};
use guidepost::services::entra::{
    BrowserSignIn, EntraSettings, Graph, GraphError, GraphGet, GraphReply, GraphWrite, Limits, Pause, Purpose, Session, SignInError,
};
use guidepost::services::vault::Vault;
use rude::{Answer, Asked, Rude, json};
use serde_json::{Value, json as value};
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

const TOKEN: &str = "/contoso.example/oauth2/v2.0/token";
const USERS: &str = "/v1.0/users";
const CANARY: &str = "canary5ecret";

/// Counts pauses instead of making them.
#[derive(Clone, Default)]
struct NoPause(Arc<Mutex<Vec<Duration>>>);

impl Pause for NoPause {
    fn pause(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.0.lock().unwrap().push(time);
        Box::pin(std::future::ready(()))
    }
}

/// What the tenant knows, and what it is told to answer before it behaves.
#[derive(Default)]
struct Script {
    /// Answers of the token endpoint, taken first.
    token: VecDeque<Answer>,
    /// Answers of Graph, taken first.
    graph: VecDeque<Answer>,
    /// Code → (challenge, redirect_uri).
    codes: HashMap<String, (String, String)>,
    issued: u64,
    lives: u64,
}

impl Script {
    fn answer(&mut self, asked: &Asked) -> Answer {
        if asked.path() == TOKEN { self.token(asked) } else { self.graph(asked) }
    }

    fn token(&mut self, asked: &Asked) -> Answer {
        if let Some(answer) = self.token.pop_front() {
            return answer;
        }
        let form = asked.form();
        if form["grant_type"] == "refresh_token" {
            return if form["refresh_token"].starts_with("refresh-") { self.issue() } else { refused("invalid_grant") };
        }
        let Some((challenge, redirect_uri)) = self.codes.remove(&form["code"]) else { return refused("invalid_grant") };
        let proved = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"])) == challenge;
        if proved && form["redirect_uri"] == redirect_uri { self.issue() } else { refused("invalid_grant") }
    }

    fn issue(&mut self) -> Answer {
        self.issued += 1;
        tokens(self.issued, self.lives, "11111111-0000-0000-0000-000000000001")
    }

    fn graph(&mut self, _asked: &Asked) -> Answer {
        self.graph.pop_front().unwrap_or_else(|| json(200, &value!({"value": [{"id": "u1"}]})).with("request-id", "req-1"))
    }
}

fn tokens(number: u64, lives: u64, oid: &str) -> Answer {
    let claims = value!({"oid": oid, "tid": "22222222-0000-0000-0000-000000000002", "preferred_username": "admin@contoso.example"});
    let id_token = format!("e30.{}.", URL_SAFE_NO_PAD.encode(claims.to_string()));
    json(
        200,
        &value!({"token_type": "Bearer", "expires_in": lives, "access_token": format!("access-{CANARY}-{number}"),
        "refresh_token": format!("refresh-{CANARY}-{number}"), "id_token": id_token}),
    )
}

fn refused(error: &str) -> Answer {
    json(
        400,
        &value!({"error": error, "error_description": "AADSTS50173: \u{1b}[31mThe provided grant has expired.\r\nTrace ID: t\r\nCorrelation ID: c",
        "error_codes": [50173], "trace_id": "trace-1", "timestamp": "2026-11-22 00:00:00Z"}),
    )
}

fn graph_error(status: u16, code: &str, message: &str) -> Answer {
    let inner = value!({"date": "2026-11-22T00:00:00", "request-id": "req-9", "client-request-id": "c-9"});
    json(status, &value!({"error": {"code": code, "message": message, "innerError": inner}})).with("request-id", "req-9")
}

/// A tenant, and one who signs in to it.
struct Lab {
    server: Rude,
    script: Arc<Mutex<Script>>,
    http: Http,
    session: Session,
    graph: Graph,
    vault: Vault,
    clock: Arc<ManualClock>,
    pauses: NoPause,
}

#[derive(Default)]
struct Options {
    write_client_id: Option<String>,
    timeout: Option<Duration>,
}

impl Lab {
    async fn new() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        install_tls_provider();
        let script = Arc::new(Mutex::new(Script { lives: 3600, ..Script::default() }));
        let answers = script.clone();
        let server = Rude::start(move |asked| answers.lock().unwrap().answer(asked)).await;
        let timeout = options.timeout.unwrap_or(Duration::from_secs(5));
        let http = Http::new(HttpSettings { timeout, max_body: 256 * 1024, ..HttpSettings::default() }, WireLog::default()).unwrap();
        let settings = EntraSettings {
            authority: server.url("/"),
            tenant: "contoso.example".to_owned(),
            client_id: "reader".to_owned(),
            write_client_id: options.write_client_id,
            graph: server.url("/"),
            read_scopes: vec!["User.Read.All".to_owned(), "Organization.Read.All".to_owned()],
            write_scopes: vec!["RoleManagement.ReadWrite.Directory".to_owned()],
        };
        let (vault, clock, pauses) = (Vault::memory(), Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH)), NoPause::default());
        let session = Session::new(http.clone(), settings, vault.clone(), "lab".to_owned(), Arc::clone(&clock) as Arc<dyn Clock>)
            .with_pause(Arc::new(pauses.clone()));
        let graph = Graph::new(http.clone(), session.clone()).with_pause(Arc::new(pauses.clone()));
        Self { server, script, http, session, graph, vault, clock, pauses }
    }

    /// With a refresh token in the vault.
    async fn remembered() -> Self {
        Self::remembered_with(Options::default()).await
    }

    async fn remembered_with(options: Options) -> Self {
        let lab = Self::with(options).await;
        lab.vault.put("lab", Secret::new("refresh-first")).await.unwrap();
        lab
    }

    fn graph_answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.script.lock().unwrap().graph.extend(answers);
    }

    fn token_answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.script.lock().unwrap().token.extend(answers);
    }

    fn token_requests(&self) -> Vec<Asked> {
        self.server.asked_for(TOKEN)
    }

    fn paused(&self) -> Vec<Duration> {
        self.pauses.0.lock().unwrap().clone()
    }

    async fn users(&self) -> Result<GraphReply, GraphError> {
        self.graph.get(users()).await
    }

    async fn assign(&self) -> Result<GraphReply, GraphError> {
        let body = Some(value!({"principalId": "p"}));
        self.graph.write(GraphWrite { method: Method::POST, path: "/v1.0/roleManagement/directory/roleAssignments".to_owned(), body }).await
    }

    fn posts(&self) -> usize {
        self.server.asked_for("/v1.0/roleManagement/directory/roleAssignments").len()
    }

    /// Plays the sign-in service's page: keeps the challenge and gives a code.
    fn approve(&self, sign_in: &BrowserSignIn) -> String {
        let query = query(&sign_in.address);
        self.script
            .lock()
            .unwrap()
            .codes
            .insert(format!("code-{CANARY}"), (query["code_challenge"].clone(), query["redirect_uri"].clone()));
        format!("/?code=code-{CANARY}&state={}", query["state"])
    }
}

fn users() -> GraphGet {
    GraphGet { path: USERS.to_owned(), query: Vec::new(), eventual: false }
}

fn query(url: &Url) -> HashMap<String, String> {
    url.query_pairs().into_owned().collect()
}

/// A browser that asks once and reads the page.
async fn browse(address: SocketAddr, target: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\naccept: text/html\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    page
}

fn v4(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn secrets_in(text: &str) -> bool {
    text.contains(CANARY) || text.contains("refresh-first")
}

#[tokio::test]
async fn sign_in_proves_its_verifier_and_knows_who_it_is() {
    let lab = Lab::new().await;
    let sign_in = lab.session.begin().await.unwrap();
    let asked = query(&sign_in.address);
    let (target, port) = (lab.approve(&sign_in), sign_in.port());
    assert_eq!(sign_in.address.path(), "/contoso.example/oauth2/v2.0/authorize");
    assert_eq!(asked["redirect_uri"], format!("http://localhost:{port}"));
    let graph = lab.server.url("");
    assert_eq!(asked["scope"], format!("{graph}User.Read.All {graph}Organization.Read.All offline_access openid profile"));
    let expected = [("client_id", "reader"), ("response_type", "code"), ("response_mode", "query"), ("code_challenge_method", "S256")];
    for (name, expected) in expected {
        assert_eq!(asked[name], expected);
    }
    let (account, page) = tokio::join!(sign_in.finish(), browse(v4(port), &target));
    let account = account.unwrap();
    assert_eq!((account.upn.reveal(), account.tenant_id.as_str()), ("admin@contoso.example", "22222222-0000-0000-0000-000000000002"));
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("close this tab") && !page.contains("<script"), "{page}");
    assert!(!secrets_in(&page), "{page}");
    assert_eq!(lab.session.account().await, Some(account));
    assert!(lab.vault.get("lab").await.unwrap().expose().starts_with("refresh-"));
    // The token that came with it is used, without another request.
    lab.users().await.unwrap();
    assert_eq!(lab.token_requests().len(), 1);
}

#[tokio::test]
async fn the_browser_may_come_by_ipv6() {
    if tokio::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.is_err() {
        eprintln!("skipped: no IPv6 on this machine");
        return;
    }
    let lab = Lab::new().await;
    let sign_in = lab.session.begin().await.unwrap();
    let (target, port) = (lab.approve(&sign_in), sign_in.port());
    let (account, page) = tokio::join!(sign_in.finish(), browse((Ipv6Addr::LOCALHOST, port).into(), &target));
    assert!(account.is_ok() && page.starts_with("HTTP/1.1 200"), "{account:?} {page}");
}

#[tokio::test]
async fn stray_requests_and_a_wrong_state_end_nothing_and_bring_no_token() {
    let lab = Lab::new().await;
    let sign_in = lab.session.begin().await.unwrap();
    let (target, port) = (lab.approve(&sign_in), sign_in.port());
    let silent = TcpStream::connect(v4(port)).await.unwrap();
    let visit = async {
        assert!(browse(v4(port), "/favicon.ico").await.starts_with("HTTP/1.1 404"));
        assert!(browse(v4(port), "/").await.starts_with("HTTP/1.1 404"));
        for wrong in ["/?code=stolen&state=wrong", "/?code=stolen", "/?error=access_denied&state=", "/?error=access_denied"] {
            let page = browse(v4(port), wrong).await;
            assert!(page.starts_with("HTTP/1.1 400") && !page.contains("stolen"), "{page}");
        }
        assert!(browse(v4(port), &target.replace("/?", "/other?")).await.starts_with("HTTP/1.1 404"));
        // A request without an end is cut off, whatever is in it.
        let mut endless = TcpStream::connect(v4(port)).await.unwrap();
        let flood = endless.write_all(&vec![b'a'; 4 * 1024 * 1024]).await;
        let closed = endless.read(&mut [0; 1]).await;
        assert!(flood.is_err() || !matches!(closed, Ok(1)));
        assert!(lab.token_requests().is_empty());
        browse(v4(port), &target).await
    };
    let (account, page) = tokio::join!(sign_in.finish(), visit);
    assert!(account.is_ok() && page.starts_with("HTTP/1.1 200"), "{account:?} {page}");
    assert_eq!(lab.token_requests().len(), 1);
    drop(silent);
}

#[tokio::test]
async fn declining_in_the_browser_is_an_error_in_clean_words() {
    let lab = Lab::new().await;
    let sign_in = lab.session.begin().await.unwrap();
    let (state, port) = (query(&sign_in.address)["state"].clone(), sign_in.port());
    let target = format!("/?error=access_denied&error_description=AADSTS65004%3A%1b%5b2Jdeclined%0d%0aTrace%20ID%3a%20x&state={state}");
    let (account, page) = tokio::join!(sign_in.finish(), browse(v4(port), &target));
    let error = account.unwrap_err();
    assert_eq!(error.to_string(), "sign-in was refused: access_denied: AADSTS65004:\u{fffd}[2Jdeclined");
    assert!(error.needs_person() && error.hint().unwrap().contains("accept in the browser"));
    assert!(page.contains("did not succeed") && !page.contains("65004"), "{page}");
    assert!(lab.token_requests().is_empty());
}

#[tokio::test]
async fn dropping_a_sign_in_closes_its_port_and_waiting_has_an_end() {
    let lab = Lab::new().await;
    let sign_in = lab.session.begin().await.unwrap();
    let port = sign_in.port();
    drop(sign_in);
    assert!(TcpStream::connect(v4(port)).await.is_err());
    let patience = Duration::from_millis(50);
    let error = lab.session.begin().await.unwrap().patience(patience).finish().await.unwrap_err();
    assert_eq!(error, SignInError::NoAnswer { after: patience });
}

#[tokio::test]
async fn without_a_refresh_token_one_is_signed_out_and_nothing_is_sent() {
    let lab = Lab::new().await;
    assert_eq!(lab.session.resume().await, Err(SignInError::SignedOut));
    assert_eq!(lab.session.token(Purpose::Read).await.unwrap_err(), SignInError::SignedOut);
    let GraphError::SignIn { why, .. } = lab.users().await.unwrap_err() else { panic!() };
    assert_eq!(why, SignInError::SignedOut);
    assert!(lab.server.asked().is_empty());
}

#[tokio::test]
async fn a_session_resumes_and_keeps_each_new_refresh_token() {
    let lab = Lab::remembered().await;
    assert_eq!(lab.session.resume().await.unwrap().upn.reveal(), "admin@contoso.example");
    assert_eq!(lab.vault.get("lab").await.unwrap().expose(), format!("refresh-{CANARY}-1"));
    lab.clock.advance(SignedDuration::from_hours(2));
    lab.session.token(Purpose::Read).await.unwrap();
    let sent: Vec<_> = lab.token_requests().iter().map(|asked| asked.form()["refresh_token"].clone()).collect();
    assert_eq!(sent, ["refresh-first".to_owned(), format!("refresh-{CANARY}-1")]);
    assert_eq!(lab.vault.get("lab").await.unwrap().expose(), format!("refresh-{CANARY}-2"));
    lab.session.sign_out().await;
    assert!(lab.vault.get("lab").await.is_none());
    assert_eq!(lab.session.token(Purpose::Read).await.unwrap_err(), SignInError::SignedOut);
}

#[tokio::test]
async fn a_token_is_renewed_shortly_before_it_ends_by_the_clock_that_was_passed_in() {
    let lab = Lab::remembered().await;
    let first = lab.session.token(Purpose::Read).await.unwrap();
    lab.clock.advance(SignedDuration::from_secs(3600 - 121));
    assert!(lab.session.token(Purpose::Read).await.unwrap().same_as(&first));
    lab.clock.advance(SignedDuration::from_secs(1));
    assert!(!lab.session.token(Purpose::Read).await.unwrap().same_as(&first));
    assert_eq!(lab.token_requests().len(), 2);
}

#[tokio::test]
async fn many_who_ask_at_once_make_one_request() {
    let lab = Lab::remembered().await;
    let asks = (0..20).map(|_| lab.session.token(Purpose::Read));
    let tokens: Vec<_> = futures_util::future::join_all(asks).await.into_iter().map(Result::unwrap).collect();
    assert!(tokens.iter().all(|token| token.same_as(&tokens[0])));
    assert_eq!(lab.token_requests().len(), 1);
}

#[tokio::test]
async fn a_replaced_refresh_token_is_kept_even_if_nobody_waits_for_it() {
    let gate = Arc::new(tokio::sync::Notify::new());
    let arrived = Arc::new(tokio::sync::Notify::new());
    let (wait, tell) = (gate.clone(), arrived.clone());
    let server = Rude::start_async(move |_| {
        let (wait, tell) = (wait.clone(), tell.clone());
        async move {
            tell.notify_one();
            wait.notified().await;
            tokens(1, 3600, "o")
        }
    })
    .await;
    let mut lab = Lab::remembered().await;
    let settings = EntraSettings { authority: server.url("/"), ..lab.session.settings().clone() };
    lab.session = Session::new(lab.http.clone(), settings, lab.vault.clone(), "lab".to_owned(), lab.clock.clone());
    let session = lab.session.clone();
    let asking = tokio::spawn(async move { session.token(Purpose::Read).await });
    arrived.notified().await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    gate.notify_one();
    lab.session.token(Purpose::Read).await.unwrap();
    assert_eq!(server.asked().len(), 1);
    assert_eq!(lab.vault.get("lab").await.unwrap().expose(), format!("refresh-{CANARY}-1"));
}

#[tokio::test]
async fn a_refusal_is_said_with_its_reason_and_not_asked_for_again_until_a_person_acts() {
    let lab = Lab::remembered().await;
    lab.token_answers([refused("invalid_grant")]);
    let error = lab.session.token(Purpose::Read).await.unwrap_err();
    assert_eq!(error.to_string(), "sign-in was refused: invalid_grant: AADSTS50173: \u{fffd}[31mThe provided grant has expired.");
    let problem = Problem::from(error.clone());
    assert_eq!((problem.exit, problem.hint.as_deref()), (Exit::Unknown, Some("sign in again: the earlier sign-in has ended")));
    assert_eq!(lab.session.token(Purpose::Read).await.unwrap_err(), error);
    assert_eq!(lab.token_requests().len(), 1);
    lab.session.resume().await.unwrap();
    assert_eq!(lab.token_requests().len(), 2);
}

#[tokio::test]
async fn a_busy_sign_in_service_is_asked_again_and_its_trouble_is_not_remembered() {
    let lab = Lab::remembered().await;
    lab.token_answers([json(503, &value!({})).with("retry-after", "2.5"), json(500, &value!({}))]);
    lab.session.token(Purpose::Read).await.unwrap();
    assert_eq!((lab.paused()[0], lab.paused().len()), (Duration::from_millis(2500), 2));
    lab.clock.advance(SignedDuration::from_hours(2));
    lab.token_answers((0..4).map(|_| json(500, &value!({}))));
    let error = lab.session.token(Purpose::Read).await.unwrap_err();
    assert!(matches!(error, SignInError::Busy { status: 500, .. }) && !error.needs_person(), "{error}");
    lab.session.token(Purpose::Read).await.unwrap();
}

#[tokio::test]
async fn nonsense_from_the_token_endpoint_is_said_without_repeating_it() {
    let broken = format!("{{\"access_token\": [\"{CANARY}\"]}}");
    let reply =
        |body: &str| Answer::Reply { status: 200, headers: vec![("content-type", "application/json".to_owned())], body: body.to_owned() };
    for answer in
        [reply(&broken), reply("<html>"), reply(""), json(404, &value!("x")), reply("{\"access_token\":\"a\",\"id_token\":\"b\"}")]
    {
        let lab = Lab::remembered().await;
        lab.token_answers([answer]);
        let error = lab.session.resume().await.unwrap_err();
        assert!(matches!(error, SignInError::NotUnderstood { .. }) && !secrets_in(&format!("{error:?}")), "{error}");
    }
}

#[tokio::test]
async fn writing_is_asked_for_only_when_something_is_written() {
    let lab = Lab::remembered().await;
    lab.users().await.unwrap();
    let write = "RoleManagement.ReadWrite.Directory";
    assert!(lab.token_requests().iter().all(|asked| !asked.form()["scope"].contains(write)));
    lab.assign().await.unwrap();
    let scope = lab.token_requests()[1].form()["scope"].clone();
    assert_eq!(scope, format!("{}{write} offline_access openid profile", lab.server.url("")));
}

#[tokio::test]
async fn an_application_of_its_own_for_writing_has_its_own_sign_in() {
    let lab = Lab::remembered_with(Options { write_client_id: Some("writer".to_owned()), ..Options::default() }).await;
    lab.session.resume().await.unwrap();
    let error = lab.assign().await.unwrap_err();
    assert!(matches!(&error, GraphError::SignIn { why: SignInError::SignedOut, .. }) && error.outcome_known(), "{error}");
    let sign_in = lab.session.begin_for(Purpose::Write).await.unwrap();
    let asked = query(&sign_in.address);
    assert_eq!((asked["client_id"].as_str(), asked["login_hint"].as_str()), ("writer", "admin@contoso.example"));
    let (target, port) = (lab.approve(&sign_in), sign_in.port());
    let (account, _) = tokio::join!(sign_in.finish(), browse(v4(port), &target));
    account.unwrap();
    assert!(lab.vault.get("lab/write").await.is_some());
    lab.assign().await.unwrap();
    assert_eq!(lab.posts(), 1);
}

#[tokio::test]
async fn another_account_may_not_write_for_the_one_that_reads() {
    let lab = Lab::remembered().await;
    lab.session.resume().await.unwrap();
    lab.token_answers([tokens(9, 3600, "somebody-else")]);
    let error = lab.assign().await.unwrap_err();
    assert!(matches!(&error, GraphError::SignIn { why: SignInError::OtherAccount, .. }), "{error}");
    assert_eq!(lab.posts(), 0);
}

#[tokio::test]
async fn a_read_waits_as_long_as_it_is_told_and_then_gets_its_answer() {
    let lab = Lab::remembered().await;
    let storm = || graph_error(429, "TooManyRequests", "Too many requests").with("retry-after", "2.128");
    lab.graph_answers([storm(), storm(), storm()]);
    let reply = lab.users().await.unwrap();
    assert_eq!(reply.body, value!({"value": [{"id": "u1"}]}));
    assert_eq!(lab.paused(), [Duration::from_millis(2128); 3]);
}

#[tokio::test]
async fn a_storm_ends_in_an_error_with_ids_and_bounded_waits() {
    let lab = Lab::remembered().await;
    lab.graph_answers((0..9).map(|_| graph_error(429, "TooManyRequests", "Too many requests").with("retry-after", "20")));
    let error = lab.users().await.unwrap_err();
    assert_eq!(lab.paused(), [Duration::from_secs(20)], "a second wait would end after 30 s");
    let GraphError::Refused(refusal) = &error else { panic!("{error}") };
    assert_eq!((refusal.status, refusal.retry_after), (429, Some(Duration::from_secs(20))));

    let lab = Lab::remembered().await;
    lab.graph_answers((0..9).map(|_| graph_error(500, "generalException", "boom")));
    let error = lab.users().await.unwrap_err();
    assert_eq!((lab.server.asked_for(USERS).len(), lab.paused().len()), (4, 3));
    assert!(lab.paused().iter().all(|wait| *wait >= Duration::from_millis(500)));
    assert_eq!(error.to_string(), "cannot read `/v1.0/users`: 500 generalException: boom (request-id `req-9`)");
}

#[tokio::test]
async fn a_throttle_message_inside_inner_error_is_found() {
    let lab = Lab::remembered().await;
    let sample =
        value!({"error": {"code": "TooManyRequests", "innerError": {"code": "429", "message": "Please retry after", "status": "429"}}});
    lab.graph_answers([json(429, &sample).with("retry-after", "99")]);
    let error = lab.users().await.unwrap_err().to_string();
    assert!(error.contains("429 TooManyRequests: Please retry after (client-request-id `"), "{error}");
}

#[tokio::test]
async fn a_write_is_sent_again_only_if_graph_did_not_begin() {
    let cut = || Answer::Raw(Vec::new());
    let html =
        || Answer::Reply { status: 502, headers: vec![("content-type", "text/html".to_owned())], body: "<h1>Bad Gateway</h1>".to_owned() };
    // answer, requests that are sent, whether it is sure that nothing was changed
    let table: Vec<(Answer, usize, Option<bool>)> = vec![
        (graph_error(429, "TooManyRequests", "").with("retry-after", "1"), 2, None),
        (graph_error(503, "ServiceUnavailable", "").with("retry-after", "1"), 2, None),
        (graph_error(429, "TooManyRequests", ""), 1, Some(true)),
        (graph_error(503, "ServiceUnavailable", ""), 1, Some(false)),
        (graph_error(500, "generalException", "").with("retry-after", "1"), 1, Some(false)),
        (graph_error(504, "gatewayTimeout", ""), 1, Some(false)),
        (graph_error(408, "requestTimeout", ""), 1, Some(false)),
        (graph_error(400, "Request_BadRequest", ""), 1, Some(true)),
        (graph_error(403, "Authorization_RequestDenied", ""), 1, Some(true)),
        (html(), 1, Some(false)),
        (cut(), 1, Some(false)),
        (Answer::Hang, 1, Some(false)),
        (Answer::Flood { bytes: 1 << 20, announced: true }, 1, Some(false)),
        (json(307, &value!({})).with("location", "https://elsewhere.example/"), 1, Some(true)),
    ];
    for (number, (answer, sent, known)) in table.into_iter().enumerate() {
        let lab = Lab::remembered_with(Options { timeout: Some(Duration::from_millis(700)), ..Options::default() }).await;
        lab.graph_answers([answer]);
        let result = lab.assign().await;
        assert_eq!(lab.posts(), sent, "row {number}: {result:?}");
        assert_eq!(result.as_ref().err().map(GraphError::outcome_known), known, "row {number}: {result:?}");
    }
}

#[tokio::test]
async fn a_write_whose_token_is_refused_is_not_sent_twice_but_the_next_one_has_a_new_token() {
    let lab = Lab::remembered().await;
    lab.graph_answers([graph_error(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")]);
    let error = lab.assign().await.unwrap_err();
    assert!(matches!(&error, GraphError::SignIn { why: SignInError::NotAccepted { .. }, .. }) && error.outcome_known(), "{error}");
    assert_eq!(lab.posts(), 1);
    lab.assign().await.unwrap();
    assert_eq!((lab.posts(), lab.token_requests().len()), (2, 2));
}

#[tokio::test]
async fn a_read_whose_token_is_refused_is_asked_once_more_with_a_new_one() {
    let denied = || graph_error(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.");
    let lab = Lab::remembered().await;
    lab.graph_answers([denied()]);
    lab.users().await.unwrap();
    let sent: Vec<_> = lab.server.asked_for(USERS).iter().map(|asked| asked.header("authorization").to_owned()).collect();
    assert_eq!(sent, [format!("Bearer access-{CANARY}-1"), format!("Bearer access-{CANARY}-2")]);
    let lab = Lab::remembered().await;
    lab.graph_answers([denied(), denied()]);
    let error = lab.users().await.unwrap_err();
    let expected = "cannot read `/v1.0/users`: Microsoft Graph does not accept the sign-in: Access token has expired or is not yet valid.";
    assert_eq!((error.to_string().as_str(), lab.server.asked_for(USERS).len(), lab.token_requests().len()), (expected, 2, 2));
    assert_eq!(error.hint().as_deref(), Some("sign in"));
}

#[tokio::test]
async fn a_refusal_names_the_permissions_and_the_ids() {
    let lab = Lab::remembered().await;
    lab.graph_answers([graph_error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")]);
    let problem = Problem::from(lab.users().await.unwrap_err());
    assert_eq!(
        problem.what,
        "cannot read `/v1.0/users`: 403 Authorization_RequestDenied: Insufficient privileges to complete the operation. (request-id `req-9`)"
    );
    assert!(problem.hint.unwrap().ends_with("consent to `User.Read.All`, `Organization.Read.All`"));
}

#[tokio::test]
async fn a_duplicate_is_recognised_in_all_its_shapes() {
    for (status, code, message) in [
        (400, "Request_BadRequest", "A conflicting object with one or more of the specified property values is present in the directory."),
        (409, "Request_MultipleObjectsWithSameKeyValue", "Another object exists"),
        (400, "RoleAssignmentExists", "The Role assignment already exists."),
    ] {
        let lab = Lab::remembered().await;
        lab.graph_answers([graph_error(status, code, message)]);
        assert!(lab.assign().await.unwrap_err().is_conflict(), "{code}");
    }
    let lab = Lab::remembered().await;
    lab.graph_answers([graph_error(400, "Request_BadRequest", "Invalid property")]);
    assert!(!lab.assign().await.unwrap_err().is_conflict());
}

#[tokio::test]
async fn pages_are_followed_verbatim_with_the_same_headers_and_become_one_list() {
    let lab = Lab::remembered().await;
    let page = |ids: &[&str], next: Option<&str>, count: bool| {
        let mut body = value!({"value": ids.iter().map(|id| value!({"id": id})).collect::<Vec<_>>()});
        if let Some(next) = next {
            body["@odata.nextLink"] = Value::from(next);
        }
        if count {
            body["@odata.count"] = Value::from(3);
        }
        json(200, &body).with("request-id", ids.join("-"))
    };
    let next = lab.server.url("/v1.0/users?$count=true&$skiptoken=a%2fB%20c+d").to_string();
    lab.graph_answers([page(&["1", "2"], Some(&next), true), page(&["3"], None, false)]);
    let filter = ("$filter".to_owned(), "startsWith(displayName,'O''Neil & co')".to_owned());
    let reply = lab.graph.get(GraphGet { path: USERS.to_owned(), query: vec![filter], eventual: true }).await.unwrap();
    assert_eq!(reply.body, value!({"@odata.count": 3, "value": [{"id": "1"}, {"id": "2"}, {"id": "3"}]}));
    assert_eq!((reply.status, reply.request_id.as_deref()), (200, Some("1-2")));
    let asked = lab.server.asked_for(USERS);
    assert_eq!(asked[0].query()["$filter"], "startsWith(displayName,'O''Neil & co')");
    assert_eq!(asked[0].query()["$count"], "true");
    assert_eq!(asked[1].target, "/v1.0/users?$count=true&$skiptoken=a%2fB%20c+d");
    for asked in &asked {
        assert_eq!((asked.header("consistencylevel"), asked.header("return-client-request-id")), ("eventual", "true"));
        assert_eq!(asked.header("client-request-id").len(), 36);
    }
    assert_ne!(asked[0].header("client-request-id"), asked[1].header("client-request-id"));
    assert!(!format!("{:?}", lab.http.log().recent()).contains("a%2fB") && !format!("{:?}", lab.http.log().recent()).contains("a/B"));
}

#[tokio::test]
async fn neither_a_page_nor_a_redirect_takes_the_token_to_another_host() {
    let other = Rude::start(|_| json(200, &value!({"value": []}))).await;
    let elsewhere = other.url("/v1.0/users?$skiptoken=x").to_string();
    let lab = Lab::remembered().await;
    lab.graph_answers([json(200, &value!({"value": [], "@odata.nextLink": elsewhere}))]);
    let error = lab.users().await.unwrap_err();
    assert!(matches!(&error, GraphError::Elsewhere { host, .. } if *host == format!("http://{}", other.address)), "{error}");
    lab.graph_answers([json(302, &value!({})).with("location", elsewhere.clone())]);
    let error = lab.users().await.unwrap_err();
    assert!(matches!(&error, GraphError::Http { why: HttpError::Redirected { .. }, .. }), "{error}");
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn a_list_without_end_and_one_that_is_none_are_errors() {
    let lab = Lab::remembered().await;
    let next = |lab: &Lab| lab.server.url("/v1.0/users?$skiptoken=again").to_string();
    let page = |lab: &Lab| json(200, &value!({"value": [1, 2], "@odata.nextLink": next(lab)}));
    lab.graph_answers((0..60).map(|_| page(&lab)));
    let error = lab.users().await.unwrap_err();
    assert!(matches!(error, GraphError::TooMany { .. }), "{error}");
    assert_eq!(lab.server.asked_for(USERS).len(), 50);
    let lab = Lab::remembered().await;
    lab.graph_answers((0..9).map(|_| page(&lab)));
    let few = lab.graph.clone().with_limits(Limits { items: 5, ..Limits::default() });
    assert!(matches!(few.get(users()).await.unwrap_err(), GraphError::TooMany { items: 5, .. }));
    let lab = Lab::remembered().await;
    let no_list = value!({"value": 1, "@odata.nextLink": next(&lab)});
    lab.graph_answers([json(200, &no_list), json(200, &no_list), json(200, &value!({"value": [], "@odata.nextLink": 7}))]);
    for _ in 0..2 {
        let error = lab.users().await.unwrap_err();
        assert!(matches!(error, GraphError::NotUnderstood { .. }), "{error}");
    }
}

#[tokio::test]
async fn hostile_text_of_a_server_comes_out_clean_and_short() {
    let lab = Lab::remembered().await;
    let message = format!("\u{1b}]0;owned\u{7}\u{202e}evil\r\n\u{9b}31m{}", "z".repeat(5000));
    lab.graph_answers([graph_error(400, "\u{1b}[2Jcode", &message)]);
    let error = lab.users().await.unwrap_err();
    let said = format!("{error} {:?}", lab.http.log().recent());
    assert!(!said.chars().any(guidepost::base::text::is_hostile) && error.to_string().chars().count() < 600, "{said}");
    let html = format!("<html>\u{1b}[2J{}</html>", "y".repeat(5000));
    lab.graph_answers([Answer::Reply { status: 200, headers: vec![("content-type", "text/html".to_owned())], body: html }]);
    let error = lab.users().await.unwrap_err();
    let GraphError::NotJson { excerpt, kind, .. } = &error else { panic!("{error}") };
    assert!(kind == "text/html" && excerpt.starts_with("`<html>\u{fffd}[2Jyyy") && excerpt.chars().count() <= 122, "{excerpt}");
}

#[tokio::test]
async fn replies_that_are_no_answer_are_errors_and_never_hang() {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let reply =
        |body: &str| Answer::Reply { status: 200, headers: vec![("content-type", "application/json".to_owned())], body: body.to_owned() };
    for answer in [reply(&deep), reply("{\"value\": [1,"), reply(""), Answer::Reply { status: 204, headers: vec![], body: String::new() }] {
        let lab = Lab::remembered().await;
        lab.graph_answers([answer]);
        let error = lab.users().await.unwrap_err();
        assert!(matches!(error, GraphError::NotJson { .. }), "{error}");
    }
    let half = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"value\":".to_vec();
    let lab = Lab::remembered().await;
    lab.graph_answers((0..4).map(|_| Answer::Raw(half.clone())));
    let error = lab.users().await.unwrap_err();
    assert!(matches!(&error, GraphError::Http { why: HttpError::Cut { .. }, .. }), "{error}");
    let lab = Lab::remembered().await;
    lab.graph_answers([Answer::Flood { bytes: 50 << 20, announced: false }]);
    let error = lab.users().await.unwrap_err();
    assert!(matches!(&error, GraphError::Http { why: HttpError::TooLarge { .. }, .. }), "{error}");
    assert!(lab.server.written() < 25 << 20);
}

#[tokio::test]
async fn a_read_that_takes_too_long_in_sum_is_given_up() {
    let lab = Lab::remembered().await;
    lab.session.resume().await.unwrap();
    lab.graph_answers([Answer::Hang]);
    let deadline = Duration::from_millis(300);
    let hasty = lab.graph.clone().with_limits(Limits { deadline, ..Limits::default() });
    let error = hasty.get(users()).await.unwrap_err();
    assert!(matches!(&error, GraphError::Http { why: HttpError::TimedOut { after, .. }, .. } if *after == deadline), "{error}");
}

#[tokio::test]
async fn only_paths_of_graph_are_asked() {
    let lab = Lab::remembered().await;
    for path in [
        "",
        "/",
        "users",
        "/v2.0/users",
        "/v1.0/../admin",
        "/v1.0/users/..",
        "/v1.0/%2e%2e/admin",
        "/v1.0/users?$top=1",
        "/v1.0/users#x",
        "/v1.0/$batch",
        "/v1.0//evil.example/",
        "/v1.0/a\\b",
        "/v1.0/a b",
        "@evil.example/v1.0/x",
        "/v1.0/\u{1b}",
    ] {
        let error = lab.graph.get(GraphGet { path: path.to_owned(), query: Vec::new(), eventual: false }).await.unwrap_err();
        assert!(matches!(error, GraphError::BadPath { .. }), "{path}: {error}");
    }
    assert!(lab.server.asked().is_empty());
}

#[tokio::test]
async fn an_empty_answer_to_a_deletion_is_fine() {
    let lab = Lab::remembered().await;
    lab.graph_answers([Answer::Reply { status: 204, headers: vec![("request-id", "r".to_owned())], body: String::new() }]);
    let write = GraphWrite { method: Method::DELETE, path: "/v1.0/roleManagement/directory/roleAssignments/x-1".to_owned(), body: None };
    let reply = lab.graph.write(write).await.unwrap();
    assert_eq!((reply.status, reply.body, reply.request_id.as_deref()), (204, Value::Null, Some("r")));
}

#[tokio::test]
async fn no_token_code_or_verifier_shows_in_logs_errors_or_debug_output() {
    let lab = Lab::new().await;
    let sign_in = lab.session.begin().await.unwrap();
    let (target, port) = (lab.approve(&sign_in), sign_in.port());
    let debug = format!("{sign_in:?}");
    let (account, _) = tokio::join!(sign_in.finish(), browse(v4(port), &target));
    let account = account.unwrap();
    lab.graph_answers([graph_error(401, "x", "y"), graph_error(403, "x", "y")]);
    let error = lab.users().await.unwrap_err();
    let token = lab.session.token(Purpose::Read).await.unwrap();
    lab.clock.advance(SignedDuration::from_hours(2));
    lab.token_answers([refused("invalid_grant")]);
    let refusal = lab.session.token(Purpose::Read).await.unwrap_err();
    let seen = format!("{:?}", lab.server.asked());
    for secret in ["access-", "refresh-", "code-"] {
        assert!(seen.contains(&format!("{secret}{CANARY}")), "the server was sent no {secret}");
    }
    let verifier = lab.token_requests()[0].form()["code_verifier"].clone();
    let told = format!(
        "{debug} {account:?} {error} {error:?} {refusal} {refusal:?} {token:?} {:?} {:?} {:?} {:?} {:?}",
        lab.http.log().recent(),
        lab.session,
        lab.graph,
        lab.vault,
        lab.http
    );
    assert!(!secrets_in(&told) && !told.contains(&verifier) && !told.contains("admin@"), "{told}");
}
