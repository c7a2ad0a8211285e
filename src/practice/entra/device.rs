//! The device code grant (RFC 8628) in Entra's dialect: a code for the device, a code for the person, and what becomes of them.

use super::{
    pages,
    refusal::Refusal,
    scopes::{Asked, Bases},
    token,
};
use crate::practice::{
    chance,
    faults::Fault,
    live::Live,
    tables,
    wire::{Answer, Question, find},
    world::User,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::VecDeque;

/// As Entra documents it (v2-oauth2-device-code.md).
const LIFE: SignedDuration = SignedDuration::from_secs(900);
/// Seconds between two polls.
const INTERVAL: i64 = 5;
/// The oldest is forgotten when there are more.
const MOST: usize = 64;

/// Device codes under way, in memory only.
#[derive(Default)]
pub(super) struct Devices(VecDeque<Device>);

/// One device that waits.
struct Device {
    code: String,
    user_code: String,
    client: &'static tables::Client,
    asked: Asked,
    given: Timestamp,
    polled: Option<Timestamp>,
    state: State,
}

/// How far a device is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Nobody has decided.
    Waiting,
    /// The person said no.
    Declined,
    /// This account approved.
    Approved(String),
    /// Its tokens were given out.
    Redeemed,
}

/// What became of a user code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Decided now.
    Taken,
    /// There is no such code, or it is too old.
    Unknown,
    /// It was decided before.
    Over,
}

impl Devices {
    /// The living device of this user code, typed in any case, with or without its dash.
    fn waiting(&mut self, user_code: &str, now: Timestamp) -> Result<&mut Device, Decision> {
        let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
        let wanted = plain(user_code);
        let device = self.0.iter_mut().find(|one| plain(&one.user_code) == wanted && now.duration_since(one.given) < LIFE);
        let device = device.ok_or(Decision::Unknown)?;
        if device.state == State::Waiting { Ok(device) } else { Err(Decision::Over) }
    }

    /// Who asks for what under this user code.
    pub(super) fn asking(&mut self, user_code: &str, now: Timestamp) -> Result<(&'static tables::Client, Asked), Decision> {
        self.waiting(user_code, now).map(|device| (device.client, device.asked.clone()))
    }

    /// The account approved.
    pub(super) fn approve(&mut self, user_code: &str, user: &str, now: Timestamp) -> Decision {
        self.decide(user_code, State::Approved(user.to_owned()), now)
    }

    /// The person said no.
    pub(super) fn decline(&mut self, user_code: &str, now: Timestamp) -> Decision {
        self.decide(user_code, State::Declined, now)
    }

    fn decide(&mut self, user_code: &str, state: State, now: Timestamp) -> Decision {
        match self.waiting(user_code, now) {
            Ok(device) => {
                device.state = state;
                Decision::Taken
            }
            Err(why) => why,
        }
    }
}

/// Answers a request for a device code.
pub(super) fn begin(live: &mut Live, question: &Question, tenant: &str) -> Answer {
    let form = question.form();
    match give(live, &form, tenant) {
        Ok(body) => Answer::json(200, body),
        Err(refusal) => refusal.answer(live, question),
    }
}

fn give(live: &mut Live, form: &[(String, String)], tenant: &str) -> Result<Value, Refusal> {
    let client = token::client(form)?;
    let asked = Asked::read(find(form, "scope").unwrap_or_default(), Bases::of(live))?;
    asked.check(client)?;
    let device = Device {
        code: chance::token()?,
        user_code: chance::user_code()?,
        client,
        asked,
        given: live.now(),
        polled: None,
        state: State::Waiting,
    };
    let page = format!("{}/{tenant}/devicelogin", live.settings.base);
    // No `verification_uri_complete`: Entra does not send it.
    let reply = json!({
        "user_code": device.user_code,
        "device_code": device.code,
        "verification_uri": page,
        "expires_in": LIFE.as_secs(),
        "interval": INTERVAL,
        "message": format!("To sign in, use a web browser to open the page {page} and enter the code {} to authenticate.", device.user_code),
    });
    let devices = &mut live.flows.devices.0;
    devices.push_back(device);
    if devices.len() > MOST {
        devices.pop_front();
    }
    Ok(reply)
}

/// What a poll gets: who approved and what was asked for, once.
pub(super) fn redeem(live: &mut Live, form: &[(String, String)], client: &tables::Client) -> Result<(User, Asked), Refusal> {
    let code = find(form, "device_code").or_else(|| find(form, "code")).ok_or_else(|| Refusal::missing("device_code"))?;
    let now = live.now();
    let (blocked, watched) = (live.is_broken(Fault::DeviceCodeBlocked), live.is_broken(Fault::SlowDown));
    let unknown = || {
        let text = "The provided value for the input parameter 'device_code' is not valid.";
        Refusal::new("bad_verification_code", 70_018, text)
    };
    let device = live.flows.devices.0.iter_mut().find(|one| one.code == code && one.client.id == client.id).ok_or_else(unknown)?;
    let state = device.state.clone();
    let last = device.polled.replace(now);
    let hasty = last.is_some_and(|last| now.duration_since(last) < SignedDuration::from_secs(INTERVAL));
    if now.duration_since(device.given) >= LIFE {
        let text = "The provided value for the input parameter 'device_code' is not valid. This device code has expired.";
        return Err(Refusal::new("expired_token", 70_020, text));
    }
    match state {
        // Entra evaluates the policy when the person has signed in, not before.
        State::Approved(user) if blocked => {
            let (refusal, user) = (Refusal::conditional_access(), live.world().directory.user(&user).cloned());
            if let Some(user) = user {
                live.change(|world| {
                    world.signed_in(&user, client.id, now, Some((refusal.code, &refusal.text)));
                    Ok::<(), Refusal>(())
                })?;
            }
            Err(refusal)
        }
        State::Waiting if watched && hasty => {
            Err(Refusal::new("slow_down", 70_016, "The request to retrieve tokens came before the interval was over."))
        }
        State::Waiting => {
            let text = "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
            Err(Refusal::new("authorization_pending", 70_016, text))
        }
        State::Declined => Err(Refusal::new("authorization_declined", 65_004, "User declined to consent to access the app.")),
        State::Redeemed => {
            let text =
                "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.";
            Err(Refusal::new("invalid_grant", 54_005, text))
        }
        State::Approved(user) => {
            device.state = State::Redeemed;
            let asked = device.asked.clone();
            let user = live.world().directory.user(&user).filter(|user| user.enabled).cloned();
            user.map(|user| (user, asked)).ok_or_else(token::gone)
        }
    }
}

/// Why a user code is not taken, as the page says it.
pub(super) fn refused(decision: Decision) -> &'static str {
    match decision {
        Decision::Taken => "The code was taken.",
        Decision::Unknown => "AADSTS70018: there is no such code, or it has expired. Check it, or begin again on the device.",
        Decision::Over => "AADSTS90120: this code was approved or declined before. Begin again on the device.",
    }
}

/// The page where a person types the code.
pub(super) fn page(question: &Question, tenant: &str) -> Answer {
    pages::user_code(tenant, question.param("user_code").or_else(|| question.param("otc")).unwrap_or_default(), None)
}

/// `POST {authority}/practice/approve|deny`: a person's decision without a browser, the practice administrator's own.
pub(super) fn decide(live: &mut Live, question: &Question, approve: bool) -> Answer {
    let json: Value = serde_json::from_slice(&question.body).unwrap_or_default();
    let form = question.form();
    let user_code =
        json.get("user_code").and_then(Value::as_str).or_else(|| find(&form, "user_code")).or_else(|| question.param("user_code"));
    let user_code = user_code.unwrap_or_default().to_owned();
    let now = live.now();
    let decision = if approve { approve_as_administrator(live, &user_code, now) } else { Ok(live.flows.devices.decline(&user_code, now)) };
    match decision {
        Ok(Decision::Taken) => Answer::json(200, json!({"user_code": user_code, "state": if approve { "approved" } else { "declined" }})),
        Ok(Decision::Unknown) => Answer::json(404, json!({"error": "there is no such user code, or it has expired"})),
        Ok(Decision::Over) => Answer::json(409, json!({"error": "this user code was decided before"})),
        Err(refusal) => refusal.answer(live, question),
    }
}

fn approve_as_administrator(live: &mut Live, user_code: &str, now: Timestamp) -> Result<Decision, Refusal> {
    let user = live.world().directory.administrator().filter(|user| user.enabled).map(|user| user.id.clone()).ok_or_else(token::gone)?;
    let (client, asked) = match live.flows.devices.asking(user_code, now) {
        Ok(asking) => asking,
        Err(why) => return Ok(why),
    };
    live.change(|world| {
        world.consent(asked.resource, client.id, &user, &asked.wanted());
        world.audit_consent(client.id, &user, now);
        Ok::<(), Refusal>(())
    })?;
    Ok(live.flows.devices.approve(user_code, &user, now))
}
