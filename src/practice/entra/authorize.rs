//! Signing in by page: who asks, account and password, consent, and back to the application with a code or an error.

use super::{
    device::{self, Decision, Devices},
    pages,
    refusal::Refusal,
    scopes::{Asked, Bases},
    token::{client_info, permissions},
};
use crate::practice::{
    chance,
    live::Live,
    tables,
    wire::{Answer, Question, find},
    world::{TENANT, User},
};
use jiff::{SignedDuration, Timestamp};
use std::collections::VecDeque;
use url::{Host, Url};

/// The oldest sign-in is forgotten when there are more.
const MOST: usize = 64;
/// A page may stay open this long.
const PAGE_LIFE: SignedDuration = SignedDuration::from_mins(15);
/// A code lives about a minute (`facts/domain.md` 5.3).
const CODE_LIFE: SignedDuration = SignedDuration::from_mins(1);
/// Wrong passwords per page.
const TRIES: u32 = 10;

/// Sign-ins under way, in memory only.
#[derive(Default)]
pub(in crate::practice) struct Flows {
    open: VecDeque<Flow>,
    codes: VecDeque<Code>,
    /// Devices that wait.
    pub(super) devices: Devices,
}

/// One sign-in between its first page and its end.
#[derive(Clone)]
pub(super) struct Flow {
    /// Names it in the forms.
    pub(super) id: String,
    /// Proves that a form came from our page.
    pub(super) csrf: String,
    /// The tenant as the client wrote it.
    pub(super) tenant: String,
    /// Who asks.
    pub(super) client: &'static tables::Client,
    /// What for.
    pub(super) asked: Asked,
    end: End,
    nonce: Option<String>,
    challenge: String,
    /// What the account field begins with.
    pub(super) hint: String,
    ask_again: bool,
    user: Option<String>,
    tries: u32,
    began: Timestamp,
}

/// Where a sign-in ends.
#[derive(Clone)]
enum End {
    /// Back at the application.
    Redirect {
        to: Url,
        /// As the client wrote it: `Url` adds a slash.
        text: String,
        state: Option<String>,
    },
    /// At the device that shows this user code.
    Device(String),
}

/// A code that may be exchanged once.
#[derive(Clone)]
pub(super) struct Code {
    text: String,
    /// Object id of who signed in.
    pub(super) user: String,
    /// The application.
    pub(super) client: &'static str,
    /// What was asked for.
    pub(super) asked: Asked,
    /// Where the code was sent.
    pub(super) redirect: String,
    /// SHA-256 of the verifier, base64url.
    pub(super) challenge: String,
    /// For the id token.
    pub(super) nonce: Option<String>,
    given: Timestamp,
    redeemed: bool,
}

impl Flows {
    fn take(&mut self, id: &str, csrf: &str, now: Timestamp) -> Option<Flow> {
        let at = self.open.iter().position(|flow| flow.id == id && flow.csrf == csrf)?;
        self.open.remove(at).filter(|flow| now.duration_since(flow.began) < PAGE_LIFE)
    }

    fn put(&mut self, flow: Flow) {
        push(&mut self.open, flow);
    }

    /// Takes a code, once.
    pub(super) fn redeem(&mut self, text: &str, now: Timestamp) -> Result<Code, Refusal> {
        let unknown = || Refusal::new("invalid_grant", 9_002_313, "Invalid request. Request is malformed or invalid.");
        let code = self.codes.iter_mut().find(|code| code.text == text).ok_or_else(unknown)?;
        if code.redeemed {
            let text =
                "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.";
            return Err(Refusal::new("invalid_grant", 54_005, text));
        }
        code.redeemed = true;
        if now.duration_since(code.given) >= CODE_LIFE {
            return Err(Refusal::new(
                "invalid_grant",
                70_008,
                "The provided authorization code or refresh token has expired due to inactivity.",
            ));
        }
        Ok(code.clone())
    }
}

fn push<T>(list: &mut VecDeque<T>, one: T) {
    list.push_back(one);
    if list.len() > MOST {
        list.pop_front();
    }
}

/// The first page, or an error: on a page while the redirect is not to be trusted, on the redirect after that.
pub(super) fn ask(live: &mut Live, question: &Question, tenant: &str) -> Answer {
    let page_error = |live: &Live, refusal: &Refusal| pages::error(&refusal.description(live, question));
    let client = match question.param("client_id") {
        None => return page_error(live, &Refusal::missing("client_id")),
        Some(id) => match tables::client(id) {
            None => return page_error(live, &Refusal::client(id)),
            Some(client) => client,
        },
    };
    let text = question.param("redirect_uri").unwrap_or_default();
    let Some(redirect) = loopback(text) else {
        let why = format!(
            "The redirect URI '{text}' specified in the request does not match the redirect URIs configured for the application '{}'.",
            client.id
        );
        return page_error(live, &Refusal::new("invalid_request", 50_011, why));
    };
    let end = End::Redirect { to: redirect.clone(), text: text.to_owned(), state: question.param("state").map(str::to_owned) };
    match begin(live, question, tenant, client, end) {
        Ok(flow) => {
            let page = pages::log_in(&flow, None);
            live.flows.put(flow);
            page
        }
        Err(refusal) => send_back(&redirect, question.param("state"), &refused(live, question, &refusal)),
    }
}

/// `http://localhost`, 127.0.0.1 or ::1 with any port and path (RFC 8252 7.3), nothing else.
fn loopback(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let here = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback() && ip == std::net::Ipv4Addr::LOCALHOST,
        Host::Ipv6(ip) => ip.is_loopback(),
    };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none() && url.query().is_none();
    (here && plain && url.scheme() == "http").then_some(url)
}

fn begin(live: &Live, question: &Question, tenant: &str, client: &'static tables::Client, end: End) -> Result<Flow, Refusal> {
    let invalid = |code, text: &str| Refusal::new("invalid_request", code, text);
    match question.param("response_type") {
        Some("code") => {}
        Some(_) => return Err(Refusal::new("unsupported_response_type", 700_051, "The response_type is not enabled for the application.")),
        None => return Err(Refusal::missing("response_type")),
    }
    if question.param("response_mode").is_some_and(|mode| mode != "query") {
        return Err(invalid(90_014, "The practice lab answers with response_mode 'query' only."));
    }
    let challenge = question.param("code_challenge").unwrap_or_default();
    if question.param("code_challenge_method") != Some("S256") || challenge.len() != 43 {
        return Err(invalid(9_002_325, "Proof Key for Code Exchange is required: a code_challenge with code_challenge_method S256."));
    }
    let prompt = question.param("prompt").unwrap_or_default();
    match prompt {
        "" | "login" | "select_account" | "consent" => {}
        "none" => return Err(Refusal::new("login_required", 50_058, "A silent sign-in request was sent but no user is signed in.")),
        _ => return Err(invalid(90_023, "Unsupported 'prompt' value.")),
    }
    let scope = question.param("scope").unwrap_or_default();
    let asked = Asked::read(scope, Bases::of(live))?;
    asked.check(client)?;
    Ok(Flow {
        nonce: question.param("nonce").map(str::to_owned),
        challenge: challenge.to_owned(),
        hint: question.param("login_hint").unwrap_or_default().to_owned(),
        ask_again: prompt == "consent",
        ..Flow::new(tenant, client, asked, end, live.now())?
    })
}

impl Flow {
    fn new(tenant: &str, client: &'static tables::Client, asked: Asked, end: End, began: Timestamp) -> Result<Self, Refusal> {
        Ok(Self {
            id: chance::token()?,
            csrf: chance::token()?,
            tenant: tenant.to_owned(),
            client,
            asked,
            end,
            nonce: None,
            challenge: String::new(),
            hint: String::new(),
            ask_again: false,
            user: None,
            tries: 0,
            began,
        })
    }
}

/// The form with the code that a device shows.
pub(super) fn ask_for_device(live: &mut Live, question: &Question, tenant: &str) -> Answer {
    let form = question.form();
    let own = question.header("origin").is_none_or(|origin| origin == "null" || origin_is_ours(origin));
    let user_code = find(&form, "user_code").filter(|_| own).unwrap_or_default();
    let now = live.now();
    let begun = match live.flows.devices.asking(user_code, now) {
        Ok((client, asked)) => Flow::new(tenant, client, asked, End::Device(user_code.to_owned()), now),
        Err(why) => return pages::user_code(tenant, user_code, Some(device::refused(why))),
    };
    match begun {
        Ok(flow) => {
            let page = pages::log_in(&flow, None);
            live.flows.put(flow);
            page
        }
        Err(refusal) => pages::error(&refusal.description(live, question)),
    }
}

/// The end of a session. The pages keep no cookie, so there is nothing to forget; tokens live on, as in Entra.
pub(super) fn log_out(question: &Question) -> Answer {
    let back = question.param("post_logout_redirect_uri").and_then(loopback);
    match back {
        Some(back) => send_back(&back, question.param("state"), &[]),
        None => pages::end("You are signed out", "You may close this window."),
    }
}

/// Where a redirect goes with an error.
fn refused(live: &Live, question: &Question, refusal: &Refusal) -> Vec<(&'static str, String)> {
    vec![("error", refusal.error.to_owned()), ("error_description", refusal.description(live, question))]
}

fn send_back(redirect: &Url, state: Option<&str>, params: &[(&'static str, String)]) -> Answer {
    let mut url = redirect.clone();
    {
        let mut query = url.query_pairs_mut();
        for (name, value) in params {
            query.append_pair(name, value);
        }
        if let Some(state) = state {
            query.append_pair("state", state);
        }
    }
    if url.query() == Some("") {
        url.set_query(None);
    }
    Answer::empty(302).header("location", url.as_str())
}

/// The end of a sign-in that came to nothing.
fn fail(live: &mut Live, question: &Question, flow: &Flow, refusal: &Refusal, subcode: Option<&str>) -> Answer {
    let mut params = refused(live, question, refusal);
    params.extend(subcode.map(|subcode| ("error_subcode", subcode.to_owned())));
    match &flow.end {
        End::Redirect { to, state, .. } => send_back(to, state.as_deref(), &params),
        End::Device(user_code) => {
            let now = live.now();
            live.flows.devices.decline(user_code, now);
            pages::error(&refusal.description(live, question))
        }
    }
}

/// The flow that a form belongs to, if the form is ours.
fn resume(live: &mut Live, question: &Question, form: &[(String, String)]) -> Result<Flow, Answer> {
    let own = question.header("origin").is_none_or(|origin| origin == "null" || origin_is_ours(origin));
    let (id, csrf) = (find(form, "flow").unwrap_or_default(), find(form, "csrf").unwrap_or_default());
    let now = live.now();
    let flow = if own { live.flows.take(id, csrf, now) } else { None };
    flow.ok_or_else(|| pages::error("This sign-in is over or was not begun here. Begin again from the application."))
}

/// Another site may not post our forms. A browser says `null` under `Referrer-Policy: no-referrer`; the token decides then.
fn origin_is_ours(origin: &str) -> bool {
    let host = Url::parse(origin).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host.as_str())) && origin.starts_with("https://")
}

/// The form with account and password.
pub(super) fn log_in(live: &mut Live, question: &Question) -> Answer {
    let form = question.form();
    let mut flow = match resume(live, question, &form) {
        Ok(flow) => flow,
        Err(answer) => return answer,
    };
    if find(&form, "act") == Some("cancel") {
        return declined(live, question, &flow);
    }
    let account = find(&form, "account").unwrap_or_default().trim();
    let user = live.world().directory.user(account).filter(|user| user.enabled).cloned();
    let password = find(&form, "password").unwrap_or_default();
    let Some(user) = user.filter(|user| live.world().is_password(user, password)) else {
        return wrong_password(live, question, flow, account);
    };
    flow.user = Some(user.id.clone());
    let resource = flow.asked.resource;
    let consented = permissions(live, flow.client, resource, &user.id);
    let wanted = flow.asked.wanted();
    let missing: Vec<_> =
        wanted.iter().filter(|scope| !consented.contains(scope)).filter_map(|name| tables::scope_of(resource, name)).collect();
    let first_time = consented.is_empty();
    if missing.is_empty() && !first_time && !flow.ask_again {
        return finish(live, question, &flow, &user);
    }
    let may = live.world().directory.holds(&user.id, &[tables::GLOBAL_ADMINISTRATOR]);
    let page = if may || missing.iter().all(|scope| !scope.admin) {
        pages::consent(&flow, &user.upn)
    } else {
        pages::needs_approval(&flow, &user.upn)
    };
    live.flows.put(flow);
    page
}

fn wrong_password(live: &mut Live, question: &Question, mut flow: Flow, account: &str) -> Answer {
    flow.tries += 1;
    note_wrong_password(live, flow.client.id, account);
    if flow.tries >= TRIES {
        let refusal = Refusal::new("access_denied", 50_053, "The account is locked: there were too many attempts with a wrong password.");
        return fail(live, question, &flow, &refusal, None);
    }
    account.clone_into(&mut flow.hint);
    let page = pages::log_in(&flow, Some("AADSTS50126: the account or the password is wrong."));
    live.flows.put(flow);
    page
}

/// In the log of sign-ins, if there is such an account. A store that refuses does not stop the sign-in.
fn note_wrong_password(live: &mut Live, client: &str, account: &str) {
    let now = live.now();
    let Some(user) = live.world().directory.user(account).cloned() else { return };
    let _ = live.change(|world| {
        world.signed_in(&user, client, now, Some((50_126, "Error validating credentials due to invalid username or password.")));
        Ok::<(), Refusal>(())
    });
}

fn declined(live: &mut Live, question: &Question, flow: &Flow) -> Answer {
    let refusal = Refusal::new("access_denied", 65_004, "User declined to consent to access the app.");
    fail(live, question, flow, &refusal, Some("cancel"))
}

/// The form with approve and deny.
pub(super) fn consent(live: &mut Live, question: &Question) -> Answer {
    let form = question.form();
    let flow = match resume(live, question, &form) {
        Ok(flow) => flow,
        Err(answer) => return answer,
    };
    let user = flow.user.as_deref().and_then(|id| live.world().directory.user(id)).cloned();
    let (Some(user), Some("approve")) = (user, find(&form, "act")) else { return declined(live, question, &flow) };
    let (resource, scopes) = (flow.asked.resource, flow.asked.wanted());
    let wants_admin = scopes.iter().filter_map(|name| tables::scope_of(resource, name)).any(|scope| scope.admin);
    if wants_admin && !live.world().directory.holds(&user.id, &[tables::GLOBAL_ADMINISTRATOR]) {
        let refusal = Refusal::new(
            "access_denied",
            90_094,
            "An administrator of Contoso has set a policy that prevents you from granting the permissions.",
        );
        return fail(live, question, &flow, &refusal, None);
    }
    let now = live.now();
    let recorded = live.change(|world| {
        world.consent(resource, flow.client.id, &user.id, &scopes);
        world.audit_consent(flow.client.id, &user.id, now);
        Ok::<(), Refusal>(())
    });
    match recorded {
        Ok(()) => finish(live, question, &flow, &user),
        Err(refusal) => fail(live, question, &flow, &refusal, None),
    }
}

/// Back to the application with a code, or to the device that waits.
fn finish(live: &mut Live, question: &Question, flow: &Flow, user: &User) -> Answer {
    match &flow.end {
        End::Redirect { to, text, state } => send_code(live, question, flow, user, (to, text, state.as_deref())),
        End::Device(user_code) => {
            let now = live.now();
            match live.flows.devices.approve(user_code, &user.id, now) {
                Decision::Taken => pages::end(
                    "You have signed in",
                    &format!("You have signed in to {} on your device. You may close this window.", flow.client.name),
                ),
                why @ (Decision::Unknown | Decision::Over) => pages::error(device::refused(why)),
            }
        }
    }
}

fn send_code(live: &mut Live, question: &Question, flow: &Flow, user: &User, back: (&Url, &str, Option<&str>)) -> Answer {
    let (redirect, redirect_text, state) = back;
    let Ok(text) = chance::token() else {
        return send_back(redirect, state, &refused(live, question, &Refusal::down()));
    };
    let code = Code {
        text: text.clone(),
        user: user.id.clone(),
        client: flow.client.id,
        asked: flow.asked.clone(),
        redirect: redirect_text.to_owned(),
        challenge: flow.challenge.clone(),
        nonce: flow.nonce.clone(),
        given: live.now(),
        redeemed: false,
    };
    push(&mut live.flows.codes, code);
    let params = [("code", text), ("client_info", client_info(&user.id)), ("session_state", TENANT.to_owned())];
    send_back(redirect, state, &params)
}

#[cfg(test)]
mod tests {
    use super::loopback;

    #[test]
    fn a_code_is_sent_to_this_machine_only() {
        for good in ["http://localhost", "http://localhost:1234", "http://127.0.0.1:1/callback", "http://[::1]:9"] {
            assert!(loopback(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "https://localhost",
            "http://localhost.evil.example",
            "http://evil.example",
            "http://user@localhost",
            "http://localhost/#f",
            "http://10.0.0.1",
            "javascript:alert(1)",
        ] {
            assert!(loopback(bad).is_none(), "{bad}");
        }
    }
}
