//! A tenant on loopback with sign-in and Graph, and one who signs in to it. It behaves until it is told what to answer.

#![allow(dead_code, clippy::allow_attributes, reason = "each test binary uses its own part of it")]

use crate::rude::{Answer, Asked, Rude, json};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::BoxFuture;
use guidepost::base::Secret;
use guidepost::base::clock::{Clock, ManualClock, Timestamp};
use guidepost::base::http::{Http, HttpSettings, Method, WireLog, install_tls_provider};
use guidepost::services::entra::{BrowserSignIn, EntraSettings, Graph, GraphError, GraphGet, GraphReply, GraphWrite, Pause, Session};
use guidepost::services::vault::Vault;
use serde_json::json as value;
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

const TOKEN: &str = "/contoso.example/oauth2/v2.0/token";
pub(crate) const USERS: &str = "/v1.0/users";
pub(crate) const CANARY: &str = "canary5ecret";

/// Counts pauses instead of making them.
#[derive(Clone, Default)]
pub(crate) struct NoPause(Arc<Mutex<Vec<Duration>>>);

impl Pause for NoPause {
    fn pause(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.0.lock().unwrap().push(time);
        Box::pin(std::future::ready(()))
    }
}

/// What the tenant knows, and what it is told to answer before it behaves.
#[derive(Default)]
pub(crate) struct Script {
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

pub(crate) fn tokens(number: u64, lives: u64, oid: &str) -> Answer {
    let claims = value!({"oid": oid, "tid": "22222222-0000-0000-0000-000000000002", "preferred_username": "admin@contoso.example"});
    let id_token = format!("e30.{}.", URL_SAFE_NO_PAD.encode(claims.to_string()));
    json(
        200,
        &value!({"token_type": "Bearer", "expires_in": lives, "access_token": format!("access-{CANARY}-{number}"),
        "refresh_token": format!("refresh-{CANARY}-{number}"), "id_token": id_token}),
    )
}

pub(crate) fn refused(error: &str) -> Answer {
    json(
        400,
        &value!({"error": error, "error_description": "AADSTS50173: \u{1b}[31mThe provided grant has expired.\r\nTrace ID: t\r\nCorrelation ID: c",
        "error_codes": [50173], "trace_id": "trace-1", "timestamp": "2026-11-22 00:00:00Z"}),
    )
}

pub(crate) fn graph_error(status: u16, code: &str, message: &str) -> Answer {
    let inner = value!({"date": "2026-11-22T00:00:00", "request-id": "req-9", "client-request-id": "c-9"});
    json(status, &value!({"error": {"code": code, "message": message, "innerError": inner}})).with("request-id", "req-9")
}

/// A tenant, and one who signs in to it.
pub(crate) struct Lab {
    pub(crate) server: Rude,
    pub(crate) script: Arc<Mutex<Script>>,
    pub(crate) http: Http,
    pub(crate) session: Session,
    pub(crate) graph: Graph,
    pub(crate) vault: Vault,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) pauses: NoPause,
}

#[derive(Default)]
pub(crate) struct Options {
    pub(crate) write_client_id: Option<String>,
    pub(crate) timeout: Option<Duration>,
}

impl Lab {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
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
    pub(crate) async fn remembered() -> Self {
        Self::remembered_with(Options::default()).await
    }

    pub(crate) async fn remembered_with(options: Options) -> Self {
        let lab = Self::with(options).await;
        lab.vault.put("lab", Secret::new("refresh-first")).await.unwrap();
        lab
    }

    pub(crate) fn graph_answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.script.lock().unwrap().graph.extend(answers);
    }

    pub(crate) fn token_answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.script.lock().unwrap().token.extend(answers);
    }

    pub(crate) fn token_requests(&self) -> Vec<Asked> {
        self.server.asked_for(TOKEN)
    }

    pub(crate) fn paused(&self) -> Vec<Duration> {
        self.pauses.0.lock().unwrap().clone()
    }

    pub(crate) async fn users(&self) -> Result<GraphReply, GraphError> {
        self.graph.get(users()).await
    }

    pub(crate) async fn assign(&self) -> Result<GraphReply, GraphError> {
        let body = Some(value!({"principalId": "p"}));
        self.graph.write(GraphWrite { method: Method::POST, path: "/v1.0/roleManagement/directory/roleAssignments".to_owned(), body }).await
    }

    pub(crate) fn posts(&self) -> usize {
        self.server.asked_for("/v1.0/roleManagement/directory/roleAssignments").len()
    }

    /// Plays the sign-in service's page: keeps the challenge and gives a code.
    pub(crate) fn approve(&self, sign_in: &BrowserSignIn) -> String {
        self.approve_at(&sign_in.address)
    }

    pub(crate) fn approve_at(&self, address: &Url) -> String {
        let query = query(address);
        self.script
            .lock()
            .unwrap()
            .codes
            .insert(format!("code-{CANARY}"), (query["code_challenge"].clone(), query["redirect_uri"].clone()));
        format!("/?code=code-{CANARY}&state={}", query["state"])
    }
}

pub(crate) fn users() -> GraphGet {
    GraphGet { path: USERS.to_owned(), query: Vec::new(), eventual: false }
}

pub(crate) fn query(url: &Url) -> HashMap<String, String> {
    url.query_pairs().into_owned().collect()
}

/// A browser that asks once and reads the page.
pub(crate) async fn browse(address: SocketAddr, target: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\naccept: text/html\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    page
}

pub(crate) fn v4(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

pub(crate) fn secrets_in(text: &str) -> bool {
    text.contains(CANARY) || text.contains("refresh-first")
}
