//! A running lab for the tests, and what is asked of it again and again. No promises.
#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests; each binary uses its own part of it"
)]

use reqwest::{Client, StatusCode, redirect::Policy};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

pub(crate) const USER1: &str = "b7e25f90-1d4c-4a83-8c6f-92e0a4d13578";
pub(crate) const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
pub(crate) const CLI_TOOLS: &str = "14d82eec-204b-4c2f-b7e8-296a70dab67e";
pub(crate) const VERIFIER: &str = "canary-verifier-0123456789-0123456789-0123456789";
pub(crate) const REDIRECT: &str = "http://localhost:1/done";
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A running lab; dropped, it is killed.
pub(crate) struct Lab {
    pub(crate) child: Child,
    pub(crate) dir: PathBuf,
    pub(crate) ready: Value,
    pub(crate) http: Client,
    pub(crate) temp: Option<TempDir>,
}

pub(crate) fn guidepost(args: &[&str], dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guidepost"));
    command.arg("practice").args(args).arg("--state").arg(dir).stdin(Stdio::null()).kill_on_drop(true);
    command
}

pub(crate) async fn run(args: &[&str], dir: &Path) -> Output {
    timeout(LONG, guidepost(args, dir).output()).await.unwrap().unwrap()
}

impl Lab {
    pub(crate) async fn start(args: &[&str]) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("state");
        Self { temp: Some(temp), ..Self::start_in(dir, args).await }
    }

    pub(crate) async fn start_in(dir: PathBuf, args: &[&str]) -> Self {
        guidepost::base::http::install_tls_provider();
        let mut child = guidepost(args, &dir).args(["--format", "json"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        timeout(LONG, out.read_line(&mut line)).await.unwrap().unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let http = client(&std::fs::read(ready["ca_file"].as_str().unwrap()).unwrap());
        Self { child, dir, ready, http, temp: None }
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.ready[key].as_str().unwrap()
    }

    pub(crate) fn endpoint(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.dir.join("endpoint.json")).unwrap()).unwrap()
    }

    pub(crate) fn seed(&self) -> String {
        self.endpoint()["refresh_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn tenant(&self, path: &str) -> String {
        format!("{}/{}/{path}", self.text("authority"), self.text("tenant_id"))
    }

    pub(crate) fn address(&self) -> &str {
        self.text("authority").strip_prefix("https://").unwrap()
    }

    pub(crate) async fn token_request(&self, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let reply = self.http.post(self.tenant("oauth2/v2.0/token")).form(form).send().await.unwrap();
        (reply.status(), reply.json().await.unwrap())
    }

    pub(crate) async fn refresh(&self, token: &str, scope: &str) -> (StatusCode, Value) {
        let client = self.text("client_id").to_owned();
        self.token_request(&[("grant_type", "refresh_token"), ("client_id", &client), ("refresh_token", token), ("scope", scope)]).await
    }

    /// An access token of the practice administrator.
    pub(crate) async fn admin(&self) -> String {
        let (status, body) = self.refresh(&self.seed(), "openid offline_access User.Read.All").await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> (StatusCode, Value) {
        let reply = self.http.get(format!("{}{path}", self.text("graph"))).bearer_auth(token).send().await.unwrap();
        (reply.status(), reply.json().await.unwrap())
    }

    pub(crate) async fn eventual(&self, token: &str, path: &str) -> (StatusCode, Value) {
        let request = self.http.get(format!("{}{path}", self.text("graph"))).bearer_auth(token).header("ConsistencyLevel", "eventual");
        let reply = request.send().await.unwrap();
        (reply.status(), reply.json().await.unwrap())
    }

    pub(crate) async fn assign(&self, token: &str, body: &Value) -> (StatusCode, Value) {
        let address = format!("{}{ASSIGNMENTS}", self.text("graph"));
        let reply = self.http.post(address).bearer_auth(token).json(body).send().await.unwrap();
        (reply.status(), reply.json().await.unwrap())
    }

    pub(crate) async fn unassign(&self, token: &str, id: &str) -> StatusCode {
        let address = format!("{}{ASSIGNMENTS}/{id}", self.text("graph"));
        self.http.delete(address).bearer_auth(token).send().await.unwrap().status()
    }

    pub(crate) async fn control(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let reply = self.http.post(format!("{}/{path}", self.text("control"))).json(body).send().await.unwrap();
        (reply.status(), reply.json().await.unwrap())
    }

    pub(crate) async fn clock(&self, by: &str) {
        let (status, body) = self.control("clock", &json!({"advance": by})).await;
        assert_eq!(status, 200, "{body}");
    }

    pub(crate) async fn person(&self, verb: &str, args: &[&str]) {
        let (status, body) = self.control("person", &json!({"verb": verb, "args": args})).await;
        assert_eq!(status, 200, "{body}");
    }

    pub(crate) async fn requests(&self) -> Value {
        let reply = self.http.get(format!("{}/requests", self.text("control"))).send().await.unwrap();
        reply.json().await.unwrap()
    }

    /// Who holds Global Administrator, as reads show it.
    pub(crate) async fn administrators(&self, token: &str) -> Vec<String> {
        let (status, body) = self.get(token, &format!("{ASSIGNMENTS}?$filter=roleDefinitionId eq '{GLOBAL_ADMINISTRATOR}'")).await;
        assert_eq!(status, 200, "{body}");
        body["value"].as_array().unwrap().iter().map(|one| one["principalId"].as_str().unwrap().to_owned()).collect()
    }
}

pub(crate) const ASSIGNMENTS: &str = "/v1.0/roleManagement/directory/roleAssignments";

pub(crate) fn client(ca: &[u8]) -> Client {
    let ca = reqwest::Certificate::from_pem(ca).unwrap();
    Client::builder().tls_certs_only([ca]).no_proxy().redirect(Policy::none()).timeout(LONG).build().unwrap()
}

pub(crate) fn wish(principal: &str) -> Value {
    json!({"roleDefinitionId": GLOBAL_ADMINISTRATOR, "principalId": principal, "directoryScopeId": "/"})
}
