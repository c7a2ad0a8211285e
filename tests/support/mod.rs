//! A small guide, a scripted tenant and a clock that runs with tokio's paused time.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::allow_attributes, reason = "expect would fail in the binaries that use all of it")]
#![allow(clippy::unwrap_used, reason = "tests")]

use async_trait::async_trait;
use guidepost::{
    base::clock::Clock,
    engine::{
        action::Confirmed,
        consent::{NewConsent, WriteAsk},
        core::{Engine, LabName},
        journal::{Author, Journal},
        probe::{Answer, LookError, Me, NotReady, Request, SendError, Systems, Write},
    },
    guide::{Guide, Pack, Step, StepProse},
    services::entra::Purpose,
};
use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
/// How long the scripted tenant takes to show a change.
const LAG: Duration = Duration::from_secs(3);
const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
const ASSIGNMENTS: &str = "/v1.0/roleManagement/directory/roleAssignments";

/// A clock that moves with tokio's paused time, from a fixed moment on.
struct PausedClock;

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        let start = *START.get_or_init(std::time::Instant::now);
        let base: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let now = tokio::runtime::Handle::try_current().map_or(start, |_| Instant::now().into_std());
        base + now.saturating_duration_since(start)
    }
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(PausedClock)
}

pub(crate) fn author(command: &str) -> Author {
    Author { run: "r-1".into(), command: command.into(), guide: "small".into() }
}

/// A directory, a scripted tenant, and engines over both.
pub(crate) struct Bench {
    dir: tempfile::TempDir,
    pub(crate) tenant: Arc<Tenant>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        clock().now();
        Self { dir: tempfile::tempdir().unwrap(), tenant: Arc::new(Tenant::default()) }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn engine(&self, command: &str) -> Engine {
        self.over(Journal::open(self.dir(), author(command), clock()).unwrap())
    }

    pub(crate) fn reader(&self) -> Engine {
        self.over(Journal::read(self.dir(), author("check"), clock()).unwrap())
    }

    fn over(&self, journal: Journal) -> Engine {
        let lab = LabName { name: "scripted".into(), environment: "test".into() };
        let engine = Engine::new(Arc::new(guide()), lab, BTreeMap::new(), clock(), journal);
        engine.connect(self.tenant.clone());
        engine
    }
}

pub(crate) fn guide() -> Guide {
    let pack: Pack = serde_json::from_value(json!({
        "format": 1, "id": "small", "version": "1.0.0", "environment": "test",
        "source": {"title": "A small guide", "dated": "2019-11-22"},
        "variables": {"user": {"type": "sam-name", "default": "User1"}},
        "constants": {"global_administrator": GLOBAL_ADMINISTRATOR},
        "phases": [{"id": "one", "title": "One", "steps": ["role", "cloud-only", "manual"]}],
    }))
    .unwrap();
    let user = json!({"graph": {"get": "/v1.0/users", "filter": "onPremisesSamAccountName eq {{ var:user }}", "eventual": true}});
    let role = json!({
        "id": "role", "kind": "action", "risk": "high", "where": "Microsoft 365 admin center",
        "probes": {
            "user": user,
            "assigned": {"graph": {"get": ASSIGNMENTS,
                "filter": "principalId eq {{ user:/value/0/id }} and roleDefinitionId eq {{ const:global_administrator }}"}},
        },
        "checks": {
            "synced": {"probe": "user", "expect": [{"path": "/value", "count": 1}], "fail": "USER_NOT_SYNCED"},
            "role-active": {"needs": ["synced"], "probe": "assigned", "fail": "ROLE_NOT_ACTIVE",
                "expect": [{"any": "/value", "where": [{"path": "/directoryScopeId", "equals": "/"}]}],
                "settle": {"every": "5s", "within": "2m", "hold": 3}},
        },
        "diagnose": [{"when": {"probe": "user", "error": 403}, "code": "READ_CONSENT_MISSING", "verdict": "unknown"}],
        "apply": {"ops": [{
            "id": "assign", "unless": "role-active",
            "graph": {"post": ASSIGNMENTS, "body": {"principalId": "{{ user:/value/0/id }}",
                "roleDefinitionId": "{{ const:global_administrator }}", "directoryScopeId": "/"}},
            "capture": {"assignment": "/id"}, "doubt": "look",
            "undo": {"graph": {"delete": format!("{ASSIGNMENTS}/{{{{ captured:assignment }}}}")}},
        }], "settle": "role-active"},
        "tasks": [{"id": "open", "covers": "A1"}],
    });
    let cloud_only = json!({
        "id": "cloud-only", "kind": "proof", "where": "nowhere",
        "probes": {"user": user},
        "checks": {"none": {"probe": "user", "expect": [{"path": "/value", "count": 0}], "fail": "X"}},
        "diagnose": [{"when": {"probe": "user", "expect": [{"path": "/value/0/id", "present": true}]}, "code": "Y", "verdict": "not-applicable"}],
    });
    let manual = json!({"id": "manual", "kind": "manual", "where": "a portal", "tasks": [{"id": "one"}, {"id": "two"}]});
    let steps: IndexMap<String, Step> = [role, cloud_only, manual]
        .into_iter()
        .map(|step| serde_json::from_value::<Step>(step).unwrap())
        .map(|step| (step.id.clone(), step))
        .collect();
    let prose = steps.keys().map(|id| (id.clone(), StepProse { title: id.clone(), ..StepProse::default() })).collect();
    Guide::new(pack, steps, prose, "0".repeat(64), false)
}

/// What can go wrong with a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Forbidden,
    Cut,
    NoAzure,
}

/// A tenant with one user and at most one assignment, which shows and goes after [`LAG`].
pub(crate) struct TenantState {
    pub(crate) user: bool,
    pub(crate) user_id: String,
    pub(crate) me: String,
    pub(crate) other_admins: usize,
    pub(crate) trouble: Option<Trouble>,
    pub(crate) lose_next_answer: bool,
    pub(crate) cut_after_send: bool,
    pub(crate) unreachable: bool,
    pub(crate) signed_out: bool,
    /// A sign-in for writing is needed first.
    pub(crate) write_missing: bool,
    /// What the replies name.
    pub(crate) granted: Vec<String>,
    /// The scopes of the grant `g-1`; `None` when there is none.
    pub(crate) grant: Option<String>,
    assigned: bool,
    shows: bool,
    turns: Option<Instant>,
    looks: Vec<String>,
    sent: Vec<String>,
}

pub(crate) struct Tenant(Mutex<TenantState>);

impl Default for Tenant {
    fn default() -> Self {
        Self(Mutex::new(TenantState {
            user: true,
            user_id: "u-1".into(),
            me: "admin".into(),
            other_admins: 1,
            trouble: None,
            lose_next_answer: false,
            cut_after_send: false,
            unreachable: false,
            signed_out: false,
            write_missing: false,
            granted: Vec::new(),
            grant: None,
            assigned: false,
            shows: false,
            turns: None,
            looks: Vec::new(),
            sent: Vec::new(),
        }))
    }
}

impl Tenant {
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut TenantState) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    pub(crate) fn looks(&self, part: &str) -> usize {
        self.with(|tenant| tenant.looks.iter().filter(|look| look.contains(part)).count())
    }

    pub(crate) fn sent(&self) -> Vec<String> {
        self.with(|tenant| tenant.sent.clone())
    }

    pub(crate) fn remove_by_hand(tenant: &mut TenantState) {
        tenant.assigned = false;
        tenant.turns = Some(Instant::now());
    }

    pub(crate) fn assign(tenant: &mut TenantState) {
        Self::assign_showing_after(tenant, LAG);
    }

    pub(crate) fn assign_showing_after(tenant: &mut TenantState, lag: Duration) {
        tenant.assigned = true;
        tenant.turns = Some(Instant::now() + lag);
    }
}

impl TenantState {
    /// What a sign-in changes and gives.
    pub(crate) fn sign_in(&mut self, purpose: Purpose) -> Vec<NewConsent> {
        self.signed_out = false;
        if purpose == Purpose::Read || !std::mem::take(&mut self.write_missing) {
            return Vec::new();
        }
        self.granted.push("X.ReadWrite".into());
        self.grant = Some("A.Read X.ReadWrite".into());
        let (app, by) = ("app-1".into(), "admin@contoso.example".into());
        vec![NewConsent { app, by, scopes: vec!["X.ReadWrite".into()], grant: Some("g-1".into()), unproven: false }]
    }

    fn assignments(&mut self) -> Vec<Value> {
        if self.turns.is_some_and(|turns| Instant::now() >= turns) {
            self.shows = self.assigned;
            self.turns = None;
        }
        let item = |id: &str, principal: &str| json!({"id": id, "principalId": principal, "roleDefinitionId": GLOBAL_ADMINISTRATOR, "directoryScopeId": "/"});
        if self.shows { vec![item("a-1", &self.user_id)] } else { Vec::new() }
    }

    fn answer(&mut self, path: &str, filter: &str) -> (u16, Value) {
        let others: Vec<_> = (0..self.other_admins)
            .map(|n| json!({"id": format!("o-{n}"), "principalId": format!("other-{n}"), "directoryScopeId": "/"}))
            .collect();
        match path {
            "/v1.0/oauth2PermissionGrants/g-1" => match &self.grant {
                Some(scope) => (200, json!({"id": "g-1", "scope": scope})),
                None => (404, Value::Null),
            },
            "/v1.0/users" if self.user => (200, json!({"value": [{"id": self.user_id}]})),
            "/v1.0/users" => (200, json!({"value": []})),
            ASSIGNMENTS if filter.contains("principalId") => (200, json!({"value": self.assignments()})),
            ASSIGNMENTS => (200, json!({"value": Value::from([self.assignments(), others].concat())})),
            _ => match self.assignments().pop() {
                Some(assignment) if path.ends_with("/a-1") => (200, assignment),
                _ => (404, Value::Null),
            },
        }
    }
}

fn trouble(trouble: Trouble) -> LookError {
    match trouble {
        Trouble::NoAzure => LookError {
            what: "cannot look at machine `APP1`: you are not signed in".into(),
            hint: None,
            // Not told from a lost connection otherwise, which the walk answers by reaching anew.
            status: Some(401),
            code: Some("AZURE_SIGN_IN".into()),
        },
        Trouble::Forbidden => LookError {
            what: "403 Authorization_RequestDenied".into(),
            hint: None,
            status: Some(403),
            code: Some("Authorization_RequestDenied".into()),
        },
        Trouble::Cut => LookError { what: "the connection was cut".into(), hint: None, status: None, code: None },
    }
}

#[async_trait]
impl Systems for Tenant {
    async fn look(&self, request: &Request) -> Result<Answer, LookError> {
        let Request::Graph { path, query, .. } = request else { panic!("this tenant has no domain") };
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.with(|tenant| {
            tenant.looks.push(path.clone());
            if let Some(kind) = tenant.trouble {
                return Err(trouble(kind));
            }
            let filter = query.iter().find(|(name, _)| name == "$filter").map_or("", |(_, value)| value);
            let (status, body) = tenant.answer(path, filter);
            if status == 404 {
                return Err(LookError { what: "404".into(), hint: None, status: Some(404), code: None });
            }
            Ok(Answer { status, body, date: None, request_id: None, took: Duration::from_millis(50) })
        })
    }

    async fn send(&self, write: &Write, _confirmed: &Confirmed) -> Result<Answer, SendError> {
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.with(|tenant| {
            let Write::Graph(call) = write else { panic!("this tenant has no domain") };
            tenant.sent.push(format!("{} {}", call.method, call.path));
            if call.path.contains("/oauth2PermissionGrants/") {
                tenant.grant = call.body["scope"].as_str().map(str::to_owned);
                if std::mem::take(&mut tenant.lose_next_answer) {
                    return Err(SendError::InDoubt(trouble(Trouble::Cut)));
                }
                return Ok(Answer { status: 204, body: Value::Null, date: None, request_id: None, took: Duration::ZERO });
            }
            tenant.assigned = call.method == "POST";
            tenant.turns = Some(Instant::now() + LAG);
            if tenant.cut_after_send {
                tenant.trouble = Some(Trouble::Cut);
            }
            if std::mem::take(&mut tenant.lose_next_answer) {
                return Err(SendError::InDoubt(trouble(Trouble::Cut)));
            }
            let body = if tenant.assigned { json!({"id": "a-1"}) } else { Value::Null };
            Ok(Answer { status: 201, body, date: None, request_id: Some("req-1".into()), took: Duration::from_millis(50) })
        })
    }

    async fn ready_to_write(&self) -> Result<(), NotReady> {
        let ask = || WriteAsk {
            app: "app-1".into(),
            missing: vec!["X.ReadWrite".into()],
            absent: vec!["X.ReadWrite".into()],
            why: "nobody has consented".into(),
        };
        if self.with(|tenant| tenant.write_missing) { Err(NotReady::SignIn(ask())) } else { Ok(()) }
    }

    fn granted(&self, _purpose: Purpose) -> Vec<String> {
        self.with(|tenant| tenant.granted.clone())
    }

    fn app(&self, _purpose: Purpose) -> Option<String> {
        Some("app-1".into())
    }

    fn me(&self) -> Option<Me> {
        Some(self.with(|tenant| Me { id: tenant.me.clone(), name: "admin@contoso.example".into() }))
    }

    fn address(&self, path: &str) -> String {
        format!("https://graph.example{path}")
    }
}
