//! The systems of a reached lab as the engine asks them: Graph reads and writes become answers and sentences.

use super::{
    action::Confirmed,
    azure::Machines,
    consent::{self, Standing, WriteAsk},
    domain::Domain,
    page::{SignInAsk, SignInPane},
    probe::{Answer, GraphCall, LookError, Me, NotReady, Request, SendError, Systems, Write},
    proof::{
        reset_path,
        road::{Accepted, Road},
    },
    run::{Door, NotConnected, SignedIn, Talk},
    scripts::Scripts,
};
use crate::base::{
    Problem, Secret,
    clock::Clock,
    http::{Method, WireLine, WireLog},
};
use crate::guide::{Guide, rights, step::MachinePart};
use crate::lab::connect::{Lab, Reached, reach, sign_in_problem};
use crate::lab::control::{
    Capability, Control,
    wizard::{Operation, Window},
};
use crate::services::{
    azure::Tokens as _,
    directory::SignOn,
    entra::{
        AS_A_PERSON, Account, Graph, GraphError, GraphGet, GraphReply, GraphWrite, Location, NotTheAddress, Prompt, Purpose, Session,
        SignIn, SignInError, Way,
    },
    host::{
        self,
        app1::{Watch, Watched},
    },
};
use async_trait::async_trait;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A reached lab with somebody signed in.
pub struct LabSystems {
    graph: Graph,
    account: Account,
    base: String,
    domain: Domain,
    machines: Machines,
    scripts: Scripts,
    session: Session,
    /// Keeps a started lab alive, and knows what can be steered in it.
    reached: Reached,
}

impl LabSystems {
    /// Which of the permissions for writing the newest reply of the same application did not name; `None` when there is no such reply.
    fn absent(&self) -> Option<Vec<String>> {
        let settings = self.session.settings();
        let mut named = self.granted(Purpose::Write);
        if settings.client_id(Purpose::Write) == settings.client_id(Purpose::Read) {
            named.extend(self.granted(Purpose::Read));
        }
        let lacks = |scope: &&String| !named.iter().any(|had| consent::short(had) == consent::short(scope));
        let absent = settings.scopes(Purpose::Write).iter().filter(lacks).cloned().collect();
        (!named.is_empty()).then_some(absent)
    }
}

#[async_trait]
impl Systems for LabSystems {
    async fn look(&self, request: &Request) -> Result<Answer, LookError> {
        let (path, query, eventual) = match request.clone() {
            Request::Graph { path, query, eventual } => (path, query, eventual),
            Request::Ldap { .. } | Request::Rights { .. } | Request::Object { .. } => return self.domain.look(request).await,
            Request::Ledger { .. } => return Err(plain("no system is asked what stands in the ledger".to_owned())),
            Request::Machine(_) | Request::Machines => return self.machines.look(request).await,
            Request::Trip(_) => return Err(plain("the journal is asked, no system".to_owned())),
            Request::Script { .. } => return self.scripts.look(request).await,
        };
        if self.app_only() && !rights::apps_may("GET", &path) {
            return Err(denied_to_apps(&path));
        }
        self.graph.get(GraphGet { path, query, eventual }).await.map(answer).map_err(|error| match look_error(&error) {
            // The guide's words on a 403 are for persons: about their consent and their roles.
            refused if self.app_only() && refused.status == Some(403) => LookError { status: None, ..refused },
            other => other,
        })
    }

    async fn send(&self, write: &Write, _confirmed: &Confirmed) -> Result<Answer, SendError> {
        match write {
            Write::Graph(call) => self.send_graph(call).await,
            Write::Permissions { permissions } => self.domain.send(permissions).await,
            Write::Machine { azure } => self.machines.send(azure).await,
            Write::Trip { .. } => Err(SendError::Refused(plain("a round trip is no single request".to_owned()))),
            Write::Object { ldap } => self.domain.send_object(ldap).await,
            Write::Script { script } => self.scripts.send(script).await,
        }
    }

    async fn ready_to_write(&self) -> Result<(), NotReady> {
        match self.session.token(Purpose::Write).await {
            Ok(_) => Ok(()),
            Err(error) if error.needs_person() => {
                let settings = self.session.settings();
                let absent = self.absent().unwrap_or_default();
                // All were named once, and the service refuses all the same: then all are asked for.
                let missing = if absent.is_empty() { settings.scopes(Purpose::Write).to_vec() } else { absent.clone() };
                Err(NotReady::SignIn(WriteAsk {
                    app: settings.client_id(Purpose::Write).to_owned(),
                    missing,
                    absent,
                    why: error.to_string(),
                }))
            }
            Err(error) => {
                let problem = sign_in_problem(&error);
                Err(NotReady::Failed(LookError { hint: problem.hint, ..plain(problem.what) }))
            }
        }
    }

    fn granted(&self, purpose: Purpose) -> Vec<String> {
        self.session.granted(purpose)
    }

    fn app(&self, purpose: Purpose) -> Option<String> {
        Some(self.session.settings().client_id(purpose).to_owned())
    }

    fn me(&self) -> Option<Me> {
        Some(Me { id: self.account.id.reveal().to_owned(), name: self.account.upn.reveal().to_owned() })
    }

    fn app_only(&self) -> bool {
        self.session.is_app()
    }

    fn offers_wizard(&self) -> bool {
        self.control().is_some()
    }

    async fn wizard(&self, operation: Option<&Operation>) -> Result<Window, Problem> {
        let control = self.control().ok_or_else(|| Problem::new("this lab shows no wizard"))?;
        match operation {
            Some(operation) => control.operate(operation).await,
            None => control.wizard().await,
        }
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn machine(&self, part: &str) -> String {
        self.machines.address(part)
    }

    fn host(&self, part: MachinePart) -> String {
        self.scripts.address(part)
    }

    fn road(&self) -> Option<&dyn Road> {
        Some(self)
    }

    fn domain(&self) -> String {
        self.domain.address()
    }
}

#[async_trait]
impl Road for LabSystems {
    async fn reset(&self, user: &str, password: &Secret, _confirmed: &Confirmed) -> Result<Accepted, SendError> {
        match self.graph.reset_password(&reset_path(user), password).await {
            Ok(mut reply) => Ok(Accepted { operation: reply.location.take(), answer: answer(reply) }),
            Err(error) if error.outcome_known() => Err(SendError::Refused(look_error(&error))),
            Err(error) => Err(SendError::InDoubt(look_error(&error))),
        }
    }

    async fn operation(&self, place: &Location) -> Result<Answer, LookError> {
        self.graph.poll(place).await.map(answer).map_err(|error| look_error(&error))
    }

    async fn watch(&self, watch: &Watch) -> Result<Watched, LookError> {
        self.scripts.watch(watch).await
    }

    async fn sign_on(&self, name: &str, password: &Secret) -> Result<SignOn, LookError> {
        self.domain.sign_on(name, password).await
    }

    fn watcher(&self) -> String {
        self.scripts.watcher()
    }
}

impl LabSystems {
    fn control(&self) -> Option<&Control> {
        self.reached.control.as_ref()?.with(Capability::Wizard)
    }

    async fn send_graph(&self, write: &GraphCall) -> Result<Answer, SendError> {
        let method = match write.method.as_str() {
            "POST" => Method::POST,
            "PATCH" => Method::PATCH,
            "DELETE" => Method::DELETE,
            other => {
                return Err(SendError::Refused(plain(format!(
                    "`{}` is no method that changes something",
                    crate::base::text::short(other, 20)
                ))));
            }
        };
        let body = (!write.body.is_null()).then(|| write.body.clone());
        self.graph.write(GraphWrite { method, path: write.path.clone(), body }).await.map(answer).map_err(|error| {
            if error.outcome_known() { SendError::Refused(look_error(&error)) } else { SendError::InDoubt(look_error(&error)) }
        })
    }
}

fn answer(reply: GraphReply) -> Answer {
    let GraphReply { status, body, date, request_id, took, location: _ } = reply;
    Answer { status, body, date, request_id, took }
}

/// Nothing is asked and there is no status: it is neither a missing consent nor a missing role, and no diagnosis takes it for one.
fn denied_to_apps(path: &str) -> LookError {
    let what = format!("cannot read `{}`: Graph denies this to apps", crate::base::text::short(path, 160));
    LookError { what, hint: Some(AS_A_PERSON.to_owned()), status: None, code: Some("DeniedToApps".to_owned()) }
}

fn plain(what: String) -> LookError {
    LookError { what, hint: None, status: None, code: None }
}

fn look_error(error: &GraphError) -> LookError {
    let code = match error {
        GraphError::Refused(refusal) => Some(refusal.code.clone()),
        GraphError::SignIn { .. }
        | GraphError::Http { .. }
        | GraphError::NotJson { .. }
        | GraphError::NotUnderstood { .. }
        | GraphError::TooMany { .. }
        | GraphError::Elsewhere { .. }
        | GraphError::BadPath { .. } => None,
    };
    LookError { what: error.to_string(), hint: error.hint(), status: error.status(), code }
}

/// The way into a lab.
pub struct LabDoor {
    lab: Lab,
    guide: Arc<Guide>,
    wire: WireLog,
    clock: Arc<dyn Clock>,
    /// Kept, so that signing in does not reach the lab a second time.
    reached: Mutex<Option<Reached>>,
}

impl LabDoor {
    /// A door that was not opened yet.
    #[must_use]
    pub fn new(lab: Lab, guide: Arc<Guide>, clock: Arc<dyn Clock>) -> Self {
        Self { lab, guide, wire: WireLog::default(), clock, reached: Mutex::new(None) }
    }

    async fn reach(&self) -> Result<Reached, NotConnected> {
        let reached = reach(&self.lab, &self.guide.pack, &self.wire, self.clock.clone()).await.map_err(NotConnected::Failed)?;
        *self.kept() = Some(reached.clone());
        Ok(reached)
    }

    /// Forgets the sign-in, in memory and in the keyring.
    ///
    /// # Errors
    /// The lab's settings are wrong, or the keyring did not forget it.
    pub async fn sign_out(&self) -> Result<(), Problem> {
        let reached = reach(&self.lab, &self.guide.pack, &self.wire, self.clock.clone()).await?;
        reached.session.sign_out().await;
        reached.azure.session().sign_out().await;
        reached.session.unsaved().await.map_or(Ok(()), Err)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Reached>> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ask(prompt: &Prompt) -> SignInAsk {
    match prompt {
        Prompt::OpenAddress { address } => SignInAsk::Open { address: address.to_string() },
        Prompt::PasteAddress { address } => SignInAsk::Paste { address: address.to_string() },
        Prompt::DeviceCode { user_code, address, expires_at } => {
            SignInAsk::Code { user_code: user_code.clone(), address: address.to_string(), expires_at: *expires_at, left: Duration::ZERO }
        }
    }
}

/// What a sign-in for writing asks for; `None` for reading.
fn writing(reached: &Reached, purpose: Purpose) -> Option<String> {
    let settings = reached.session.settings();
    match purpose {
        Purpose::Read => None,
        Purpose::Write => {
            Some(format!("{} for the application `{}`", consent::quoted(settings.scopes(purpose)), settings.client_id(purpose)))
        }
    }
}

fn systems(reached: Reached, account: Account) -> Arc<dyn Systems> {
    let base = reached.session.settings().graph.as_str().trim_end_matches('/').to_owned();
    let (session, domain) = (reached.session.clone(), Domain::new(reached.domain.clone()));
    let (machines, scripts) = (Machines::new(reached.azure.clone()), Scripts::new(reached.hosts.clone()));
    Arc::new(LabSystems { graph: reached.graph.clone(), account, base, domain, machines, scripts, session, reached })
}

/// What the application for this purpose may do now, as far as anybody can tell.
async fn standing(reached: &Reached, purpose: Purpose) -> Standing {
    standing_of(reached, &reached.session, purpose).await
}

/// The same of another application than that for Graph; only Graph's session can ask the tenant.
async fn standing_of(reached: &Reached, session: &Session, purpose: Purpose) -> Standing {
    let mut named = session.granted(purpose);
    let settings = session.settings();
    if settings.client_id(Purpose::Write) == settings.client_id(Purpose::Read) && named.is_empty() {
        named = session.granted(Purpose::Read);
    }
    let grants = match reached.session.account().await {
        Some(account) => consent::grants(systems(reached.clone(), account).as_ref(), settings.client_id(purpose)).await,
        None => None,
    };
    Standing { grants, named: Standing::named(&named) }
}

/// Shows the person what to do, and waits until it is done.
async fn finish(sign_in: SignIn, way: Way, (writing, azure): (Option<String>, bool), talk: Talk) -> Result<Account, SignInError> {
    let (prompt, Talk { show, mut pasted }) = (sign_in.prompt(), talk);
    let pane = SignInPane { way, ask: ask(&prompt), wrong: None, writing, azure };
    // Whoever shows it may be gone; then the browser still comes back.
    let _ = show.send(pane.clone()).await;
    if let Prompt::OpenAddress { address } = &prompt {
        // Without a browser the address on the screen is the way.
        let _ = host::open_in_browser(address).await;
    }
    // A face that does not keep up misses why, and sees its field empty.
    let wrong = |why: NotTheAddress| drop(show.try_send(SignInPane { wrong: Some(why.to_string()), ..pane.clone() }));
    sign_in.finish(&mut pasted, wrong).await
}

/// The way into a lab's Azure, for somebody who is signed in to its tenant: the same talk with the person.
pub struct AzureDoor<'a>(pub &'a LabDoor);

impl AzureDoor<'_> {
    /// Whether a token for Azure can be had without a person.
    ///
    /// # Errors
    /// Why not.
    pub async fn is_open(&self) -> Result<(), SignInError> {
        let kept = self.0.kept().clone();
        let Some(reached) = kept else { return Err(SignInError::SignedOut) };
        reached.azure.session().token().await.map(drop)
    }
}

#[async_trait]
impl Door for AzureDoor<'_> {
    async fn connect(&self) -> Result<Arc<dyn Systems>, NotConnected> {
        self.0.connect().await
    }

    fn usual_way(&self) -> Way {
        self.0.usual_way()
    }

    async fn sign_in(&self, way: Way, _purpose: Purpose, talk: Talk) -> Result<SignedIn, NotConnected> {
        let kept = self.0.kept().clone();
        let reached = match kept {
            Some(reached) => reached,
            None => self.0.reach().await?,
        };
        let failed = |error: SignInError| NotConnected::Failed(sign_in_problem(&error));
        let account = reached.session.resume().await.map_err(failed)?;
        let azure = reached.azure.session();
        let before = standing_of(&reached, azure.session(), Purpose::Read).await;
        let sign_in = azure.start(way).await.map_err(failed)?;
        let app = azure.session().settings().client_id(Purpose::Read).to_owned();
        let asked = format!("Azure (`user_impersonation`) for the application `{app}`");
        finish(sign_in, way, (Some(asked), true), talk).await.map_err(failed)?;
        if let Err(error) = azure.same_account().await {
            azure.sign_out().await;
            return Err(failed(error));
        }
        let named = Standing::named(&azure.session().granted(Purpose::Read));
        let after = Standing { named, ..standing_of(&reached, azure.session(), Purpose::Read).await };
        let given = consent::given(&app, account.upn.reveal(), &before, &after);
        Ok(SignedIn { systems: systems(reached.clone(), account), app, given })
    }

    fn notice(&self) -> Option<Problem> {
        self.0.notice()
    }

    fn wire(&self) -> Arc<[WireLine]> {
        self.0.wire()
    }
}

#[async_trait]
impl Door for LabDoor {
    async fn connect(&self) -> Result<Arc<dyn Systems>, NotConnected> {
        let reached = self.reach().await?;
        match reached.session.resume().await {
            Ok(account) => Ok(systems(reached, account)),
            // No person can help by signing in.
            Err(error) if reached.session.is_app() => Err(NotConnected::Failed(sign_in_problem(&error))),
            Err(SignInError::SignedOut) => Err(NotConnected::SignedOut(None)),
            Err(error) if error.needs_person() => Err(NotConnected::SignedOut(Some(sign_in_problem(&error)))),
            Err(error) => Err(NotConnected::Failed(sign_in_problem(&error))),
        }
    }

    fn usual_way(&self) -> Way {
        self.lab.way_to_sign_in
    }

    async fn sign_in(&self, way: Way, purpose: Purpose, talk: Talk) -> Result<SignedIn, NotConnected> {
        let kept = self.kept().clone();
        let reached = match kept {
            Some(reached) => reached,
            None => self.reach().await?,
        };
        // Whoever declined by mistake may begin again.
        let failed = |error: SignInError| match sign_in_problem(&error) {
            problem if error.needs_person() && error != SignInError::PersonNeeded => NotConnected::SignedOut(Some(problem)),
            problem => NotConnected::Failed(problem),
        };
        if purpose == Purpose::Write {
            // Whoever writes must be who reads: that is known only after somebody signed in for reading.
            reached.session.resume().await.map_err(failed)?;
        }
        let before = standing(&reached, purpose).await;
        let sign_in = reached.session.start(way, purpose).await.map_err(failed)?;
        let account = finish(sign_in, way, (writing(&reached, purpose), false), talk).await.map_err(failed)?;
        // Azure may have refused what this sign-in gave.
        reached.azure.session().try_again().await;
        let after = Standing { named: Standing::named(&reached.session.granted(purpose)), ..standing(&reached, purpose).await };
        let app = reached.session.settings().client_id(purpose);
        let given = consent::given(app, account.upn.reveal(), &before, &after);
        let app = app.to_owned();
        Ok(SignedIn { systems: systems(reached, account), app, given })
    }

    async fn sign_in_to_azure(&self, way: Way, talk: Talk) -> Result<SignedIn, NotConnected> {
        AzureDoor(self).sign_in(way, Purpose::Read, talk).await
    }

    fn notice(&self) -> Option<Problem> {
        self.kept().as_mut().and_then(|reached| reached.notice.take())
    }

    fn wire(&self) -> Arc<[WireLine]> {
        self.wire.recent()
    }
}
