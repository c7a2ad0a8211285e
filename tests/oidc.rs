//! Sign-in against a certified OAuth server (npm `oidc-provider`, see `tests/oidc/server.mjs`): another's understanding of the RFCs than ours.
//!
//! `GUIDEPOST_OIDC` names the directory where it is installed, as `scripts/test` does; without it these tests say that they were left out.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::allow_attributes, reason = "tests start the server and the real program")]

#[path = "oidc/person.rs"]
mod person;

use futures_util::future::BoxFuture;
use guidepost::base::clock::{Clock, ManualClock, SignedDuration, Timestamp};
use guidepost::base::http::{Http, HttpSettings, WireLog, install_tls_provider};
use guidepost::services::entra::{EntraSettings, Pause, Prompt, Purpose, Session, SignIn, SignInError, Way};
use guidepost::services::vault::Vault;
use person::{Answer, Person};
use serde_json::Value;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use url::Url;

/// Nothing listens there: access tokens are for it, and none is sent in these tests.
const GRAPH: &str = "http://127.0.0.1:9/";
const LONG: Duration = Duration::from_secs(30);

/// The server, and one who signs in to it. Dropped, the server ends.
struct Peer {
    _server: Child,
    authority: Url,
    vault: Vault,
    clock: Arc<ManualClock>,
    pauses: Brief,
}

/// Remembers how long it should have waited, and waits a moment, so that the server is not asked without end.
#[derive(Clone, Default)]
struct Brief(Arc<Mutex<Vec<Duration>>>);

impl Pause for Brief {
    fn pause(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.0.lock().unwrap().push(time);
        Box::pin(tokio::time::sleep(Duration::from_millis(20)))
    }
}

impl Peer {
    /// `None`, with a word, where the server is not installed.
    async fn start() -> Option<Self> {
        let Some(installed) = std::env::var_os("GUIDEPOST_OIDC") else {
            eprintln!("left out: `GUIDEPOST_OIDC` does not say where oidc-provider is installed; scripts/test installs it");
            return None;
        };
        install_tls_provider();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oidc/server.mjs");
        let mut command = Command::new("node");
        command.arg(script).arg(installed).arg(GRAPH).kill_on_drop(true);
        let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(server.stdout.take().unwrap());
        tokio::time::timeout(LONG, out.read_line(&mut line)).await.unwrap().unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("the server did not start: run `node {script}` by hand"));
        let authority = ready["authority"].as_str().unwrap().parse().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::now()));
        Some(Self { _server: server, authority, vault: Vault::memory(), clock, pauses: Brief::default() })
    }

    fn session(&self, client_id: &str) -> Session {
        let http = Http::new(HttpSettings::default(), WireLog::default()).unwrap();
        let settings = EntraSettings {
            authority: self.authority.clone(),
            tenant: "contoso.example".to_owned(),
            client_id: client_id.to_owned(),
            write_client_id: None,
            graph: GRAPH.parse().unwrap(),
            read_scopes: vec!["User.Read.All".to_owned(), "Organization.Read.All".to_owned()],
            write_scopes: Vec::new(),
        };
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Session::new(http, settings, self.vault.clone(), "lab".to_owned(), clock).with_pause(Arc::new(self.pauses.clone()))
    }

    fn paused(&self) -> Vec<u64> {
        self.pauses.0.lock().unwrap().iter().map(Duration::as_secs).collect()
    }

    /// What is kept for the next start.
    async fn kept(&self) -> Option<String> {
        self.vault.get("lab").await.map(|secret| secret.expose().to_owned())
    }

    fn endpoint(&self, name: &str) -> Url {
        self.authority.join(&format!("contoso.example/oauth2/v2.0/{name}")).unwrap()
    }
}

/// Waits for the person; says who signed in, or the sentence and the hint.
async fn finish(sign_in: SignIn) -> Result<String, String> {
    let (_keep, mut pasted) = mpsc::channel(1);
    let ended = tokio::time::timeout(LONG, sign_in.finish(&mut pasted, |why| panic!("{why}"))).await.expect("it never ends");
    ended.map(|account| account.upn.reveal().to_owned()).map_err(|error| said(&error))
}

fn said(error: &SignInError) -> String {
    format!("{error} | {}", error.hint().unwrap_or_default())
}

async fn code(session: &Session) -> (SignIn, Url, String) {
    let sign_in = session.start(Way::Device, Purpose::Read).await.unwrap();
    let Prompt::DeviceCode { user_code, address, .. } = sign_in.prompt() else { panic!("no code") };
    (sign_in, address, user_code)
}

/// By a code, with this answer of the person.
async fn by_code(session: &Session, answer: Answer) -> Result<String, String> {
    let (sign_in, address, user_code) = code(session).await;
    let mut person = Person::default();
    let (ended, page) = tokio::join!(finish(sign_in), person.enters(&address, &user_code, answer));
    assert!(!page.is_empty(), "the person sees something");
    ended
}

async fn in_browser(session: &Session) -> (SignIn, Url) {
    let sign_in = session.start(Way::Browser, Purpose::Read).await.unwrap();
    let Prompt::OpenAddress { address } = sign_in.prompt() else { panic!("no address") };
    (sign_in, address)
}

const ADMIN: &str = "admin@contoso.example";
const DENIED: &str = "| start the sign-in again and accept in the browser";

#[tokio::test]
async fn a_code_that_is_accepted_signs_in_with_what_was_consented() {
    let Some(peer) = Peer::start().await else { return };
    let session = peer.session("reader");
    assert_eq!(by_code(&session, Answer::Accept).await.as_deref(), Ok(ADMIN));
    assert!(peer.paused().iter().all(|pause| *pause == 5), "it names no `interval`, which is 5 s (RFC 8628 3.2): {:?}", peer.paused());
    let granted = session.granted(Purpose::Read);
    for scope in ["User.Read.All", "Organization.Read.All"] {
        assert!(granted.contains(&format!("{GRAPH}{scope}")), "{granted:?}");
    }
    assert!(session.token(Purpose::Read).await.is_ok() && peer.kept().await.is_some());
}

#[tokio::test]
async fn a_code_that_is_denied_says_so_wherever_the_person_denies_it() {
    let Some(peer) = Peer::start().await else { return };
    for (answer, words) in [(Answer::Abort, "End-User aborted interaction"), (Answer::Deny, "the person said no")] {
        let ended = by_code(&peer.session("reader"), answer).await.unwrap_err();
        assert_eq!(ended, format!("sign-in was refused: access_denied: {words} {DENIED}"));
    }
    assert_eq!(peer.kept().await, None);
}

#[tokio::test]
async fn a_code_that_is_not_entered_expires_by_the_servers_word_and_by_our_clock() {
    let Some(peer) = Peer::start().await else { return };
    let expired = "the code was not entered in time, or is not valid any more | sign in again with a new code; \
                   if that one ends at once too, sign in by `browser` or `paste`";
    // It lives one second there; our clock stands still, so only the server can end it.
    let (sign_in, ..) = code(&peer.session("brief")).await;
    assert_eq!(finish(sign_in).await.unwrap_err(), expired);
    assert!(!peer.paused().is_empty(), "the server was asked");
    // It lives ten minutes there; our clock says that they are over.
    let asked = peer.paused().len();
    let (sign_in, ..) = code(&peer.session("reader")).await;
    peer.clock.advance(SignedDuration::from_mins(11));
    assert_eq!(finish(sign_in).await.unwrap_err(), expired);
    assert_eq!(peer.paused().len(), asked);
}

#[tokio::test]
async fn slow_down_adds_five_seconds_and_the_sign_in_goes_on() {
    let Some(peer) = Peer::start().await else { return };
    let (sign_in, address, user_code) = code(&peer.session("hasty")).await;
    let mut person = Person::default();
    // The code is entered after the third question at the earliest.
    let entering = async {
        while peer.paused().len() < 3 {
            tokio::task::yield_now().await;
        }
        person.enters(&address, &user_code, Answer::Accept).await
    };
    let (ended, _) = tokio::join!(finish(sign_in), entering);
    assert_eq!(ended.as_deref(), Ok(ADMIN));
    let paused = peer.paused();
    assert_eq!(paused[..3], [5, 10, 10], "{paused:?}");
    assert!(paused[3..].iter().all(|pause| *pause == 10), "for good: {paused:?}");
}

#[tokio::test]
async fn an_unknown_application_is_named_as_the_trouble_before_anybody_enters_anything() {
    let Some(peer) = Peer::start().await else { return };
    let refused = peer.session("nobody").start(Way::Device, Purpose::Read).await.unwrap_err();
    let words = "sign-in was refused: invalid_client: client authentication failed | check `client_id` and `tenant` in the lab's profile";
    assert_eq!(said(&refused), words);
    // In the browser the server says so itself: RFC 6749 4.1.2.1 forbids it to send anybody back.
    let sign_in = peer.session("nobody").begin().await.unwrap();
    let page = Person::default().visits(&sign_in.address, Answer::Accept).await;
    assert!(page.contains("invalid_client"), "{page}");
    let waited = sign_in.patience(Duration::ZERO).finish().await.unwrap_err();
    assert_eq!(said(&waited), "the browser did not come back within 0 minutes | sign in");
}

#[tokio::test]
async fn a_browser_signs_in_with_a_proof_that_the_server_checks() {
    let Some(peer) = Peer::start().await else { return };
    let session = peer.session("reader");
    let (sign_in, address) = in_browser(&session).await;
    let mut person = Person::default();
    let (ended, page) = tokio::join!(finish(sign_in), person.visits(&address, Answer::Accept));
    assert_eq!(ended.as_deref(), Ok(ADMIN));
    assert!(page.contains("Guidepost has the answer of the sign-in"), "{page}");
    assert!(session.token(Purpose::Read).await.is_ok() && peer.kept().await.is_some());
}

#[tokio::test]
async fn a_person_who_says_no_in_the_browser_ends_the_sign_in() {
    let Some(peer) = Peer::start().await else { return };
    let (sign_in, address) = in_browser(&peer.session("reader")).await;
    let mut person = Person::default();
    let (ended, _) = tokio::join!(finish(sign_in), person.visits(&address, Answer::Deny));
    assert_eq!(ended.unwrap_err(), format!("sign-in was refused: access_denied: the person said no {DENIED}"));
    assert_eq!(peer.kept().await, None);
}

/// RFC 9700 4.5: somebody else's code is put into the answer to our sign-in. The server does not give tokens for it, because our
/// verifier does not fit that code's challenge.
#[tokio::test]
async fn a_code_of_another_sign_in_does_not_fit_our_verifier_and_is_refused() {
    let Some(peer) = Peer::start().await else { return };
    let (theirs, their_address) = in_browser(&peer.session("reader")).await;
    let (ours, our_address) = in_browser(&peer.session("reader")).await;
    let query = |url: &Url, name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    let mut swapped = their_address.clone();
    // The code comes to our port with our state, for their challenge.
    let pairs: Vec<_> = their_address
        .query_pairs()
        .map(|(name, value)| match &*name {
            "state" | "redirect_uri" => (name.clone().into_owned(), query(&our_address, &name)),
            _ => (name.into_owned(), value.into_owned()),
        })
        .collect();
    swapped.query_pairs_mut().clear().extend_pairs(pairs);
    let mut person = Person::default();
    let (ended, _) = tokio::join!(finish(ours), person.visits(&swapped, Answer::Accept));
    assert_eq!(ended.unwrap_err(), "sign-in was refused: invalid_grant: grant request is invalid | sign in again");
    assert_eq!(peer.kept().await, None);
    drop(theirs);
}

#[tokio::test]
async fn each_renewal_replaces_the_refresh_token_and_an_old_one_is_worth_nothing() {
    let Some(peer) = Peer::start().await else { return };
    let session = peer.session("reader");
    by_code(&session, Answer::Accept).await.unwrap();
    let first = peer.kept().await.unwrap();
    let before = session.token(Purpose::Read).await.unwrap();
    peer.clock.advance(SignedDuration::from_hours(2));
    let after = session.token(Purpose::Read).await.unwrap();
    assert!(!before.same_as(&after), "the token was renewed");
    let second = peer.kept().await.unwrap();
    assert_ne!(first, second, "the newest refresh token is what is kept");
    // Another Guidepost goes on with what is kept.
    assert_eq!(peer.session("reader").resume().await.unwrap().upn.reveal(), ADMIN);
    let third = peer.kept().await.unwrap();
    assert_ne!(second, third);
    // The first one is worth nothing to a thief; and because it was tried, the server ends the whole sign-in (RFC 9700 4.14.2).
    let form = [("grant_type", "refresh_token"), ("client_id", "reader"), ("refresh_token", &first)];
    let stolen = reqwest::Client::builder().no_proxy().build().unwrap().post(peer.endpoint("token")).form(&form).send().await.unwrap();
    assert_eq!(stolen.status(), 400);
    assert_eq!(stolen.json::<Value>().await.unwrap()["error"], "invalid_grant");
    let refused = peer.session("reader").resume().await.unwrap_err();
    assert_eq!(said(&refused), "sign-in was refused: invalid_grant: grant request is invalid | sign in again");
    assert!(refused.needs_person());
}

// Elsewhere a keyring cannot be kept away from the program, and tests leave the person's own alone.
#[cfg(not(any(windows, target_os = "macos")))]
#[tokio::test]
async fn the_program_itself_signs_in_by_a_code_and_says_why_it_did_not() {
    let Some(peer) = Peer::start().await else { return };
    for (answer, words) in [(Answer::Accept, "signed in as admin@contoso.example"), (Answer::Deny, "access_denied: the person said no")] {
        let home = tempfile::tempdir().unwrap();
        let labs = home.path().join("config/labs");
        std::fs::create_dir_all(&labs).unwrap();
        let profile = format!(
            "format = 1\nenvironment = \"test\"\n[signin]\nauthority = \"{}\"\ntenant = \"contoso.example\"\nclient_id = \"reader\"\n\
             way = \"device\"\n[graph]\nbase = \"{GRAPH}\"\n",
            peer.authority
        );
        std::fs::write(labs.join("t.toml"), profile).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_guidepost"));
        command.arg("--config").arg(home.path().join("config")).args(["signin", "--lab", "t"]);
        command.env("XDG_STATE_HOME", home.path().join("state")).env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let user_code = loop {
            let line = lines.next_line().await.unwrap().expect("it shows a code");
            if let Some((_, code)) = line.split_once("enter this code there: ") {
                break code.trim().to_owned();
            }
        };
        Person::default().enters(&peer.authority.join("device").unwrap(), &user_code, answer).await;
        let mut said = String::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            said.push_str(&line);
        }
        let output = tokio::time::timeout(LONG, child.wait_with_output()).await.unwrap().unwrap();
        said.push_str(&String::from_utf8_lossy(&output.stdout));
        assert!(said.contains(words), "{said}");
        // Without a keyring a sign-in ends with the command, which is said and is no success.
        assert_eq!(
            (output.status.code(), said.contains("the sign-in ends with this command")),
            (Some(1), matches!(answer, Answer::Accept))
        );
    }
}
