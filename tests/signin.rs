//! Sign-in by a device code and by pasting, and claims challenges, against a tenant that says what a test wants. No test waits:
//! pauses are counted or move the clock.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/rude.rs"]
mod rude;
#[path = "support/tenant.rs"]
mod tenant;

use futures_util::future::BoxFuture;
use guidepost::base::Secret;
use guidepost::base::clock::{Clock as _, ManualClock, SignedDuration};
use guidepost::services::entra::{NotTheAddress, Pause, Prompt, Purpose, Session, SignInError, Way};
use rude::{Answer, json};
use serde_json::{Value, json as value};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tenant::{CANARY, Lab, browse, graph_error, query, secrets_in, tokens, v4};
use tokio::sync::mpsc;

/// What Entra sends.
fn offer() -> Value {
    value!({"user_code": "A1B2C3D4E", "device_code": format!("device-{CANARY}"), "verification_uri": "https://microsoft.com/devicelogin",
        "expires_in": 900, "interval": 5, "message": "To sign in, …"})
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name);
    value
}

fn says(error: &str, codes: &[u32]) -> Answer {
    let number = codes.first().map(|code| format!("AADSTS{code}: ")).unwrap_or_default();
    json(400, &value!({"error": error, "error_description": format!("{number}{error}\r\nTrace ID: t"), "error_codes": codes}))
}

fn seconds(numbers: &[u64]) -> Vec<Duration> {
    numbers.iter().copied().map(Duration::from_secs).collect()
}

/// Moves the clock instead of waiting.
struct Moving(Arc<ManualClock>, Mutex<Vec<Duration>>);

impl Pause for Moving {
    fn pause(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.0.advance(SignedDuration::try_from(time).unwrap());
        self.1.lock().unwrap().push(time);
        Box::pin(std::future::ready(()))
    }
}

async fn by_code(session: &Session) -> Result<String, SignInError> {
    let (_keep, mut pasted) = mpsc::channel(1);
    let sign_in = session.start(Way::Device, Purpose::Read).await?;
    let account = sign_in.finish(&mut pasted, |why| panic!("{why}")).await?;
    Ok(account.upn.reveal().to_owned())
}

#[tokio::test]
async fn a_code_is_shown_and_asked_for_until_it_was_entered() {
    let lab = Lab::new().await;
    lab.graph_answers([json(200, &offer())]);
    let sign_in = lab.session.start(Way::Device, Purpose::Read).await.unwrap();
    let expires_at = lab.clock.now() + SignedDuration::from_secs(900);
    let address = "https://microsoft.com/devicelogin".parse().unwrap();
    assert_eq!(sign_in.prompt(), Prompt::DeviceCode { user_code: "A1B2C3D4E".to_owned(), address, expires_at });
    lab.token_answers([says("authorization_pending", &[70016]), says("slow_down", &[]), says("authorization_pending", &[70016])]);
    lab.token_answers([tokens(1, 3600, "o")]);
    let (_keep, mut pasted) = mpsc::channel(1);
    let account = sign_in.finish(&mut pasted, |_| {}).await.unwrap();
    assert_eq!(account.upn.reveal(), "admin@contoso.example");
    assert_eq!(lab.paused(), seconds(&[5, 5, 10, 10]), "slow_down adds 5 s for good");
    let asked = lab.server.asked_for("/contoso.example/oauth2/v2.0/devicecode")[0].form();
    assert!(asked["client_id"] == "reader" && asked["scope"].contains("offline_access"), "{asked:?}");
    let polled = lab.token_requests()[0].form();
    assert_eq!(polled["grant_type"], "urn:ietf:params:oauth:grant-type:device_code");
    assert_eq!(polled["device_code"], format!("device-{CANARY}"));
    lab.users().await.unwrap();
    assert!(lab.vault.get("lab").await.is_some());
}

#[tokio::test]
async fn older_dialects_of_the_code_are_read_too() {
    let mut old = without(without(offer(), "interval"), "verification_uri");
    old["verification_url"] = value!("https://login.example/device");
    old["expires_in"] = value!("60");
    let lab = Lab::new().await;
    lab.graph_answers([json(200, &old)]);
    let sign_in = lab.session.start(Way::Device, Purpose::Read).await.unwrap();
    let Prompt::DeviceCode { address, expires_at, .. } = sign_in.prompt() else { panic!() };
    assert_eq!((address.as_str(), expires_at.as_second()), ("https://login.example/device", 60));
    lab.token_answers([tokens(1, 3600, "o")]);
    sign_in.finish(&mut mpsc::channel(1).1, |_| {}).await.unwrap();
    assert_eq!(lab.paused(), seconds(&[5]), "an absent interval is 5 s (RFC 8628 3.2)");
}

#[tokio::test]
async fn both_dialects_of_the_end_are_understood() {
    let gone = SignInError::CodeExpired;
    for (error, codes, expired) in [
        ("expired_token", &[70020][..], true),
        ("bad_verification_code", &[70018], true),
        ("invalid_grant", &[], true),
        ("invalid_grant", &[70019], true),
        ("invalid_grant", &[53003], false),
        ("access_denied", &[], false),
        ("authorization_declined", &[], false),
        ("unauthorized_client", &[700_016], false),
    ] {
        let lab = Lab::new().await;
        lab.graph_answers([json(200, &offer())]);
        lab.token_answers([says("authorization_pending", &[]), says(error, codes)]);
        let ended = by_code(&lab.session).await.unwrap_err();
        assert_eq!(ended == gone, expired, "{error} {codes:?}: {ended}");
        assert!(ended.needs_person() && ended.hint().is_some(), "{ended}");
        assert_eq!(lab.token_requests().len(), 2, "{error}");
    }
}

#[tokio::test]
async fn a_policy_against_device_codes_is_said_in_plain_words_with_another_way() {
    let lab = Lab::new().await;
    lab.graph_answers([json(200, &offer())]);
    lab.token_answers([says("invalid_grant", &[53003])]);
    let refused = by_code(&lab.session).await.unwrap_err();
    assert!(refused.to_string().contains("a Conditional Access policy blocks this sign-in"), "{refused}");
    assert!(refused.hint().unwrap().contains("`browser` or `paste`"), "{refused}");
}

#[tokio::test]
async fn a_code_ends_by_the_clock_that_was_passed_in_whatever_the_service_says() {
    let lab = Lab::new().await;
    let pause = Arc::new(Moving(lab.clock.clone(), Mutex::default()));
    let session = lab.session.clone().with_pause(pause.clone());
    let mut short = offer();
    short["expires_in"] = value!(12);
    lab.graph_answers([json(200, &short)]);
    lab.token_answers((0..9).map(|_| says("authorization_pending", &[70016])));
    assert_eq!(by_code(&session).await, Err(SignInError::CodeExpired));
    assert_eq!(*pause.1.lock().unwrap(), seconds(&[5, 5, 2]), "and not asked for after its end");
    assert_eq!(lab.token_requests().len(), 2);
}

#[tokio::test]
async fn a_service_that_is_silent_for_a_while_is_asked_less_often_and_not_given_up() {
    let lab = Lab::new().await;
    lab.graph_answers([json(200, &offer())]);
    lab.token_answers([Answer::Raw(Vec::new()), json(503, &value!({})).with("retry-after", "30"), tokens(1, 3600, "o")]);
    by_code(&lab.session).await.unwrap();
    assert_eq!(lab.paused(), seconds(&[5, 10, 30]));
}

#[tokio::test]
async fn nonsense_instead_of_a_code_is_said_and_nothing_is_polled() {
    let with = |name: &str, value: &str| {
        let mut offer = offer();
        offer[name] = value!(value);
        json(200, &offer)
    };
    for answer in [
        json(200, &value!({})),
        json(200, &without(offer(), "device_code")),
        with("verification_uri", "javascript:alert(1)"),
        with("verification_uri", "http://login.example/"),
        with("user_code", " "),
    ] {
        let lab = Lab::new().await;
        lab.graph_answers([answer]);
        let error = by_code(&lab.session).await.unwrap_err();
        assert!(matches!(error, SignInError::NotUnderstood { .. }) && !secrets_in(&format!("{error:?}")), "{error}");
        assert!(lab.token_requests().is_empty());
    }
    let lab = Lab::new().await;
    lab.graph_answers([with("user_code", "\u{1b}[2J")]);
    let sign_in = lab.session.start(Way::Device, Purpose::Read).await.unwrap();
    assert!(matches!(sign_in.prompt(), Prompt::DeviceCode { user_code, .. } if user_code == "\u{fffd}[2J"));
    assert!(!secrets_in(&format!("{sign_in:?}")));
}

#[tokio::test]
async fn a_pasted_address_signs_in_and_a_wrong_one_can_be_pasted_again() {
    let lab = Lab::new().await;
    let sign_in = lab.session.start(Way::Paste, Purpose::Read).await.unwrap();
    let Prompt::PasteAddress { address } = sign_in.prompt() else { panic!() };
    let target = lab.approve_at(&address);
    let (paste, mut pasted) = mpsc::channel(4);
    for text in ["", "http://localhost/?code=stolen&state=other"] {
        paste.send(Secret::new(text)).await.unwrap();
    }
    paste.send(Secret::new(format!("{}{target}", query(&address)["redirect_uri"]))).await.unwrap();
    let mut wrong = Vec::new();
    sign_in.finish(&mut pasted, |why| wrong.push(why)).await.unwrap();
    assert_eq!(wrong, [NotTheAddress::NoAddress, NotTheAddress::OtherSignIn]);
    assert_eq!(lab.token_requests().len(), 1, "only the right one reached the service");
}

#[tokio::test]
async fn whoever_pastes_may_have_the_browser_on_this_machine_after_all() {
    let lab = Lab::new().await;
    let sign_in = lab.session.start(Way::Paste, Purpose::Read).await.unwrap();
    let Prompt::PasteAddress { address } = sign_in.prompt() else { panic!() };
    let port = query(&address)["redirect_uri"].rsplit(':').next().unwrap().parse().unwrap();
    let target = lab.approve_at(&address);
    // Nobody can paste any more; the browser still comes.
    let (_, mut pasted) = mpsc::channel(1);
    let (account, page) = tokio::join!(sign_in.finish(&mut pasted, |_| {}), browse(v4(port), &target));
    assert!(account.is_ok() && page.starts_with("HTTP/1.1 200"), "{account:?}");
}

#[tokio::test]
async fn a_claims_challenge_is_answered_with_a_new_token_that_was_asked_for_with_it() {
    let lab = Lab::remembered().await;
    // {"access_token":{"nbf":{"essential":true, "value":"1604106651"}}}
    let claims = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwgInZhbHVlIjoiMTYwNDEwNjY1MSJ9fX0=";
    let header = format!(r#"Bearer realm="", error="insufficient_claims", claims="{claims}""#);
    lab.graph_answers([graph_error(401, "InvalidAuthenticationToken", "x").with("www-authenticate", &header)]);
    lab.users().await.unwrap();
    let asked: Vec<Value> = lab.token_requests().iter().map(|asked| serde_json::from_str(&asked.form()["claims"]).unwrap()).collect();
    assert_eq!(asked[0], value!({"access_token": {"xms_cc": {"values": ["cp1"]}}}));
    assert_eq!(asked[1].pointer("/access_token/nbf/value"), Some(&value!("1604106651")));
    assert_eq!(asked[1].pointer("/access_token/xms_cc"), asked[0].pointer("/access_token/xms_cc"));
    // Where the service wants the person for it, the browser is asked with the same claims, and then no more.
    let sign_in = lab.session.start(Way::Browser, Purpose::Read).await.unwrap();
    let Prompt::OpenAddress { address } = sign_in.prompt() else { panic!() };
    assert!(query(&address)["claims"].contains("1604106651"));
    let port = query(&address)["redirect_uri"].rsplit(':').next().unwrap().parse().unwrap();
    let target = lab.approve_at(&address);
    let (_, mut pasted) = mpsc::channel(1);
    let (account, _) = tokio::join!(sign_in.finish(&mut pasted, |_| {}), browse(v4(port), &target));
    account.unwrap();
    lab.clock.advance(SignedDuration::from_hours(2));
    lab.users().await.unwrap();
    assert!(!lab.token_requests().last().unwrap().form()["claims"].contains("nbf"));
}

#[tokio::test]
async fn what_the_service_names_is_what_counts_as_granted() {
    let lab = Lab::remembered().await;
    let mut reply: Value =
        value!({"token_type": "Bearer", "expires_in": 3600, "access_token": "a", "scope": "https://graph/User.Read.All \u{1b}[2J"});
    reply["id_token"] = value!("e30.eyJvaWQiOiJvIiwidGlkIjoidCJ9.");
    lab.token_answers([json(200, &reply)]);
    lab.session.resume().await.unwrap();
    assert_eq!(lab.session.granted(Purpose::Read), ["https://graph/User.Read.All", "\u{fffd}[2J"]);
    assert!(lab.session.granted(Purpose::Write).is_empty());
}
