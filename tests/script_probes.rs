//! Scripts as the engine asks them, by a host that says what it is told to: facts, codes of trouble, and what becomes of a change.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use async_trait::async_trait;
use guidepost::base::Secret;
use guidepost::engine::probe::{Answer, LookError, ScriptCall, SendError};
use guidepost::engine::scripts::{call, look, send};
use guidepost::guide::scripts::SCRIPTS;
use guidepost::guide::step::{ScriptRun, ScriptValue};
use guidepost::services::azure::{ArmRefusal, AzureError};
use guidepost::services::entra::SignInError;
use guidepost::services::host::app1::{App1, NOT_INSTALLED};
use guidepost::services::host::script::{Host, HostError, Script};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TIME: &str = "2026-11-22T20:00:00.1234567Z";

/// Says the same to everybody, and keeps what it was asked.
struct Says(Result<Value, HostError>, Mutex<Vec<(String, Value)>>);

#[async_trait]
impl Host for Says {
    fn name(&self) -> &'static str {
        "APP1"
    }

    fn room(&self) -> usize {
        4000
    }

    async fn run(&self, script: &Script, request: Value, _secret: Option<&Secret>) -> Result<Value, HostError> {
        self.1.lock().unwrap().push((script.name.to_owned(), request["values"].clone()));
        let mut answer = self.0.clone()?;
        answer["format"] = json!(1);
        answer["script"] = json!(script.name);
        Ok(answer)
    }
}

fn host(says: Result<Value, HostError>) -> (Arc<Says>, App1) {
    let host = Arc::new(Says(says, Mutex::default()));
    (host.clone(), App1::new(host))
}

fn result(result: &Value) -> (Arc<Says>, App1) {
    host(Ok(json!({"result": result})))
}

/// What each script that only reads says of a machine.
fn said(run: &str) -> Value {
    match run {
        "connect-service" => json!({"time": TIME, "service": "Running", "version": "2.5.190.0"}),
        "scheduler" => json!({"time": TIME, "enabled": true, "suspended": false, "staging": false, "maintenance": true, "interval": 1800,
            "next": null, "running": false}),
        "connectors" => {
            json!({"time": TIME, "connectors": [{"name": "contoso.onmicrosoft.com - AAD", "id": "b891884f-051e-4a83-95af-2544101c9083"}],
            "accounts": null, "why": "denied"})
        }
        "writeback" => json!({"time": TIME, "connector": "contoso.onmicrosoft.com - AAD", "answered": true, "enabled": null}),
        "hash-sync" => json!({"time": TIME, "answered": true, "sources": [{"connector": "testlab.contoso.example", "enabled": true}]}),
        "connect-events" => json!({"time": TIME, "oldest": null, "absent": [], "more": false, "events": []}),
        "tls" => {
            json!({"time": TIME, "release": 528_040, "framework": [{"key": "k", "systemDefault": 1, "strongCrypto": null}], "schannel": []})
        }
        "clock" => json!({"before": TIME, "host": "dc1", "domain": "20261122200000.0Z", "after": TIME}),
        "memory" => json!({"time": TIME, "bytes": 4_294_967_296_u64}),
        "rsat" => json!({"time": TIME, "answered": false, "installed": null}),
        other => panic!("what does `{other}` say?"),
    }
}

#[tokio::test]
async fn the_facts_of_each_reading_script_are_its_result_with_its_own_time() {
    for script in SCRIPTS.iter().filter(|script| !script.changes) {
        let said = said(script.name);
        let (host, app1) = result(&said);
        let within = script.within.then_some(Duration::from_hours(24));
        let Answer { body, date, .. } = look(&app1, script.name, within).await.unwrap();
        for (name, value) in said.as_object().unwrap() {
            // Times are written again, with the digits that matter.
            let same = match (value.as_str(), body[name].as_str()) {
                (Some(TIME), Some(told)) => told.parse::<jiff::Timestamp>().unwrap() == TIME.parse().unwrap(),
                _ => &body[name] == value,
            };
            assert!(same, "{}/{name}: {} is not {value}", script.name, body[name]);
        }
        assert_eq!(date, Some(TIME.parse().unwrap()), "{}", script.name);
        let asked = host.1.lock().unwrap().clone();
        let values = if script.within { json!({"since": null, "within": 86_400, "limit": 40}) } else { json!({}) };
        assert_eq!(asked, [(script.name.to_owned(), values)], "once");
    }
}

fn refused(status: u16, code: &str) -> HostError {
    let refusal = ArmRefusal {
        what: "run a script on `APP1`".into(),
        status,
        code: code.into(),
        message: "no".into(),
        request_id: None,
        retry_after: None,
    };
    HostError::Azure { script: "scheduler", error: Box::new(AzureError::Refused(Box::new(refusal))) }
}

/// Each way to have no answer, the code by which a guide knows it, and whether a change is then surely not made.
fn troubles() -> Vec<(HostError, &'static str, bool)> {
    let (host, script) = (|| "APP1".to_owned(), "scheduler");
    let says = |said: &str| HostError::Said { host: host(), script, said: said.into() };
    let signed_out = AzureError::SignIn { what: "run".into(), why: SignInError::SignedOut };
    vec![
        (HostError::Off { host: host(), script }, "MACHINE_STOPPED", true),
        (HostError::Busy { host: host(), script }, "RUN_COMMAND_BUSY", true),
        (HostError::Cut { host: host(), script, most: 4096 }, "OUTPUT_CUT", false),
        (HostError::TimedOut { host: host(), script, after: Duration::from_mins(3) }, "HOST_TIMED_OUT", false),
        (says("Access is denied"), "HOST_SAID", false),
        (says(NOT_INSTALLED), "NO_CONNECT", false),
        (HostError::NoAnswer { host: host(), script, why: "its beginning is missing".into() }, "NO_ANSWER", false),
        (HostError::NotStarted { host: host(), script, why: "no".into() }, "NO_ANSWER", true),
        (HostError::NoPowerShell { why: "it runs `linux`".into() }, "NO_POWERSHELL", true),
        (HostError::Azure { script, error: Box::new(signed_out) }, "AZURE_SIGN_IN", true),
        (refused(403, "AuthorizationFailed"), "AuthorizationFailed", true),
        (refused(404, "ResourceNotFound"), "ResourceNotFound", true),
    ]
}

#[tokio::test]
async fn whatever_keeps_a_script_from_answering_has_its_code_and_a_hint() {
    for (error, code, not_run) in troubles() {
        let LookError { what, hint, status, code: told } = look(&host(Err(error.clone())).1, "scheduler", None).await.unwrap_err();
        assert_eq!(told.as_deref(), Some(code), "{what}");
        assert!(hint.is_some_and(|hint| !hint.is_empty()), "{what}");
        assert_eq!(status.is_some(), matches!(code, "AuthorizationFailed" | "ResourceNotFound"), "{what}");
        let sent = send(&host(Err(error)).1, &delta()).await.unwrap_err();
        assert_eq!(matches!(sent, SendError::Refused(_)), not_run, "{sent:?}");
    }
    // A script may say it in its own answer too.
    let (_, app1) = host(Ok(json!({"error": {"code": null, "said": NOT_INSTALLED}})));
    assert_eq!(look(&app1, "scheduler", None).await.unwrap_err().code.as_deref(), Some("NO_CONNECT"));
    // A name from elsewhere runs nothing.
    for name in ["set-writeback", "sync-delta", "read-root", "../x", ""] {
        let (asked, app1) = result(&json!({}));
        assert!(look(&app1, name, None).await.is_err() && asked.1.lock().unwrap().is_empty(), "{name}");
    }
}

fn delta() -> ScriptCall {
    call(&ScriptRun { run: "sync-delta".into(), values: indexmap::IndexMap::new() }).unwrap()
}

fn switch(enable: bool) -> ScriptCall {
    let values = [("enable".to_owned(), ScriptValue::Flag(enable)), ("seconds".to_owned(), ScriptValue::Number(60))];
    call(&ScriptRun { run: "set-writeback".into(), values: values.into_iter().collect() }).unwrap()
}

#[tokio::test]
async fn a_cycle_that_is_held_up_is_refused_with_what_holds_it_up() {
    let said = |started: bool, why: Value| json!({"time": TIME, "started": started, "why": why});
    let (asked, app1) = result(&said(true, Value::Null));
    assert_eq!(send(&app1, &delta()).await.unwrap().body["started"], true);
    assert_eq!(asked.1.lock().unwrap().len(), 1, "a change runs once");
    for (why, words) in [("running", "another one"), ("suspended", "the open wizard"), ("staging", "staging mode")] {
        let Err(SendError::Refused(error)) = send(&result(&said(false, json!(why))).1, &delta()).await else { panic!("{why}") };
        assert!(error.what.contains(words) && error.hint.is_some(), "{error:?}");
    }
}

#[tokio::test]
async fn what_was_read_after_a_switch_decides_what_became_of_it() {
    let said = |ended: bool, enabled: Value| json!({"time": TIME, "ended": ended, "said": "Credential:\u{1b}", "enabled": enabled});
    let became = async |ended, enabled| match send(&result(&said(ended, enabled)).1, &switch(true)).await {
        Ok(_) => "done",
        Err(SendError::Refused(_)) => "refused",
        Err(SendError::InDoubt(error)) => {
            assert!(error.what.ends_with("it said: Credential:\u{fffd}"), "{error:?}");
            "doubt"
        }
    };
    assert_eq!(became(true, json!(true)).await, "done");
    assert_eq!(became(false, json!(true)).await, "done");
    assert_eq!(became(true, json!(false)).await, "refused");
    assert_eq!(became(true, Value::Null).await, "doubt");
    assert_eq!(became(false, json!(false)).await, "doubt");
    assert_eq!(became(false, Value::Null).await, "doubt");
    let (asked, app1) = result(&said(true, json!(true)));
    send(&app1, &switch(true)).await.unwrap();
    assert_eq!(asked.1.lock().unwrap().clone(), [("set-writeback".to_owned(), json!({"enable": true, "seconds": 60}))]);
}

#[tokio::test]
async fn another_text_under_the_same_name_is_not_run() {
    for wrong in [
        ScriptCall { sha256: "0".repeat(64), ..delta() },
        ScriptCall { run: "scheduler".into(), ..delta() },
        ScriptCall { run: "nobody".into(), ..delta() },
    ] {
        let (asked, app1) = result(&json!({"time": TIME, "started": true, "why": null}));
        let Err(SendError::Refused(error)) = send(&app1, &wrong).await else { panic!("{wrong:?}") };
        assert!(error.what.contains("not the one that was confirmed"), "{error:?}");
        assert!(asked.1.lock().unwrap().is_empty());
    }
}

#[test]
fn a_change_by_script_says_its_name_what_it_is_about_and_its_hash() {
    let call = switch(false);
    assert_eq!(call.line(), "run the script set-writeback enable=false seconds=60");
    let carries = call.carries();
    let mut lines = carries.lines();
    assert!(lines.next().unwrap().starts_with("Changing: "), "{carries}");
    assert_eq!(lines.next().unwrap(), format!("script set-writeback.ps1, SHA-256 {}", call.sha256));
    assert!(call.is_known() && call.sha256.len() == 64);
    assert_eq!(ScriptCall { sha256: String::new(), ..call.clone() }.of_this_program(), call);
    // As the journal keeps it, and reads it again.
    let kept = json!({"run": "set-writeback", "sha256": call.sha256, "values": {"enable": false, "seconds": 60}});
    assert_eq!(serde_json::to_value(&call).unwrap(), kept);
    assert_eq!(serde_json::from_value::<ScriptCall>(kept).unwrap(), call);
}
