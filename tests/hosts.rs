//! Scripts on their way to a machine and back: through Azure, told by a server that says what it was told to say, and on this machine, by a
//! program that stands in for Windows PowerShell. No test waits for time to pass.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/rude.rs"]
mod rude;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use guidepost::base::Secret;
use guidepost::base::clock::SystemClock;
use guidepost::base::http::{BoundToken, Http, HttpSettings, WireLog, install_tls_provider};
use guidepost::services::azure::{Azure, MachineId, RunAs, Tokens};
use guidepost::services::entra::{Pause, SignInError};
use guidepost::services::host::app1::{self, App1, Held, Scheduler, Since, Started};
use guidepost::services::host::azure::{AzureHost, AzureHosts};
use guidepost::services::host::script::{Host, HostError, Script};
use rude::{Answer, Rude, json};
use serde_json::{Value, json as value};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use url::Url;

const CANARY: &str = "canary-Passw0rd!";
const PROBE: Script = app1::SCHEDULER;

struct Given(Url);

#[async_trait]
impl Tokens for Given {
    async fn token(&self) -> Result<BoundToken, SignInError> {
        Ok(BoundToken::new(Secret::new("canary-token"), &self.0))
    }

    async fn instead_of(&self, _token: &BoundToken) -> Result<BoundToken, SignInError> {
        self.token().await
    }
}

struct NoPause;

impl Pause for NoPause {
    fn pause(&self, _time: std::time::Duration) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

struct Cloud {
    server: Rude,
    hosts: AzureHosts,
    wire: WireLog,
}

impl Cloud {
    async fn answering(answer: impl Fn(&rude::Asked) -> Answer + Send + Sync + 'static) -> Self {
        install_tls_provider();
        let server = Rude::start(move |asked| answer(asked)).await;
        let base = Url::parse(&format!("http://{}", server.address)).unwrap();
        let wire = WireLog::default();
        let http = Http::new(HttpSettings::default(), wire.clone()).unwrap();
        let azure = Azure::new(http, Arc::new(Given(base.clone())), base, Arc::new(SystemClock)).with_pause(Arc::new(NoPause));
        Self { server, hosts: AzureHosts::new(azure), wire }
    }

    fn app1(&self) -> AzureHost {
        self.hosts.host(app1(), Some("westeurope"), None)
    }
}

fn app1() -> MachineId {
    MachineId { subscription: "sub".into(), group: "TLG-RG".into(), name: "APP1".into() }
}

/// What the plain form brings back.
fn printed(out: &str, err: &str) -> Answer {
    let entry = |part: &str, said: &str| value!({"code": format!("ComponentStatus/{part}/succeeded"), "message": said});
    json(200, &value!({"value": [entry("StdOut", out), entry("StdErr", err)]}))
}

fn between(line: &str, code: u8) -> String {
    format!("\nGUIDEPOST-BEGIN\n{line}\nGUIDEPOST-END {code}\n")
}

fn result(script: &str, result: &Value) -> String {
    value!({"format": 1, "script": script, "result": result}).to_string()
}

/// The text of a script as it was sent.
fn sent(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap();
    match body.get("script") {
        Some(lines) => lines.as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect::<Vec<_>>().join("\n"),
        None => body["properties"]["source"]["script"].as_str().unwrap().to_owned(),
    }
}

/// The request out of a text, read as Windows PowerShell reads it: a single-quoted literal ends at a quote that is not doubled, and PowerShell
/// takes four other characters for that quote too (about_Quoting_Rules); then base64 and UTF-8, by hand.
fn request_in(text: &str) -> Value {
    let start = text.find("$Request = '").unwrap() + "$Request = '".len();
    let mut literal = String::new();
    let mut rest = text.get(start..).unwrap().chars().peekable();
    while let Some(c) = rest.next() {
        if matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}') {
            if rest.peek() != Some(&'\'') {
                break;
            }
            rest.next();
        }
        literal.push(c);
    }
    assert_eq!(rest.next(), Some('\n'), "nothing stands behind the literal");
    serde_json::from_slice(&base64_by_hand(&literal)).unwrap()
}

fn base64_by_hand(text: &str) -> Vec<u8> {
    let (mut out, mut held, mut bits) = (Vec::new(), 0u32, 0);
    for c in text.trim_end_matches('=').bytes() {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            other => panic!("{other}"),
        };
        held = ((held << 6) | u32::from(six)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from((held >> bits) & 0xff).unwrap());
        }
    }
    out
}

/// Every pair of ASCII characters, in rows, and what the issue names.
fn nasty() -> Vec<Value> {
    let mut all: Vec<Value> = (0..128u8)
        .map(|one| (0..128u8).map(|two| String::from_utf8(vec![one, two]).unwrap()).collect::<Vec<_>>())
        .map(|row| value!(row))
        .collect();
    let texts = [
        "'; Remove-Item x; '",
        "$(Remove-Item x)",
        "^ & % < > | %PATH% !x!",
        "\"double\" 'single' `tick` \u{2018}curly\u{2019} \u{201c}curly\u{201d}",
        "one\ntwo\r\nthree\u{2028}four\u{0}five",
        "'@\n'@ | iex #> <# --% @(",
        "GUIDEPOST-BEGIN\n{}\nGUIDEPOST-END 0",
        "\u{feff}\u{10ffff}\u{e9}\u{1b}[2J",
    ];
    all.extend(texts.map(|text| value!(text)));
    all.push(value!("x'\"$`\n".repeat(10 * 1024 / 6)));
    all
}

#[tokio::test]
async fn whatever_a_value_holds_arrives_as_that_value_or_is_refused_by_its_type() {
    let cloud = Cloud::answering(|_| printed(&between(&result("scheduler", &value!({})), 0), "")).await;
    let host = cloud.app1();
    let plain = PROBE.whole();
    for (index, value) in nasty().into_iter().enumerate() {
        let request = value!({"format": 1, "values": {"value": value}});
        host.run(&PROBE, request.clone(), None).await.unwrap();
        let asked = cloud.server.asked();
        let body: Value = serde_json::from_str(&asked[index].body).unwrap();
        assert!(body.get("parameters").is_none(), "they pass through a shell");
        let text = sent(&asked[index].body);
        assert_eq!(request_in(&text), request);
        let rest: Vec<&str> = text.lines().filter(|line| !line.starts_with("$Request = '")).collect();
        assert_eq!(rest, plain.lines().collect::<Vec<_>>(), "the script is the same for every request");
    }
    let before = cloud.server.asked().len();
    let long = host.run(&PROBE, value!({"values": "x".repeat(64 * 1024)}), None).await.unwrap_err();
    assert!(matches!(long, HostError::TooLong { most: 65536, .. }) && long.not_run(), "{long}");
    assert_eq!(cloud.server.asked().len(), before, "nothing was sent");
}

#[tokio::test]
async fn a_secret_goes_as_a_protected_parameter_of_a_run_command_that_is_removed() {
    let done = value!({"properties": {"instanceView": {"executionState": "Succeeded", "exitCode": 0,
        "output": between(&result("scheduler", &value!({"yes": 1})), 0), "error": ""}}});
    let cloud = Cloud::answering(move |asked| match asked.method.as_str() {
        "PUT" => json(201, &value!({})),
        "DELETE" => Answer::Reply { status: 204, headers: vec![], body: String::new() },
        _ => json(200, &done),
    })
    .await;
    let answer = cloud.app1().run(&PROBE, value!({"values": {}}), Some(&Secret::new(CANARY))).await.unwrap();
    assert_eq!(answer["result"], value!({"yes": 1}));
    let asked = cloud.server.asked();
    assert_eq!(asked.iter().map(|one| one.method.as_str()).collect::<Vec<_>>(), ["PUT", "GET", "DELETE"]);
    let name = asked[0].path().rsplit('/').next().unwrap();
    assert!(name.starts_with("guidepost-") && name.len() == 26 && asked[2].path() == asked[0].path(), "{name}");
    let body: Value = serde_json::from_str(&asked[0].body).unwrap();
    let [parameter] = body["properties"]["protectedParameters"].as_array().unwrap().as_slice() else { panic!("{body}") };
    assert_eq!(parameter["name"], "Secret");
    assert_eq!(base64_by_hand(parameter["value"].as_str().unwrap()), CANARY.as_bytes());
    assert!(body["properties"].get("parameters").is_none() && !asked[0].body.contains(CANARY));
    assert_eq!(request_in(&sent(&asked[0].body)), value!({"values": {}}));
    assert!(!format!("{:?}", cloud.wire.recent()).contains("canary"));

    // Another account needs the managed form too, and no parameter.
    let run_as = RunAs { user: r"TESTLAB\User1".into(), password: Secret::new(CANARY) };
    cloud.hosts.host(app1(), Some("westeurope"), Some(run_as)).run(&PROBE, value!({}), None).await.unwrap();
    let body: Value = serde_json::from_str(&cloud.server.asked()[3].body).unwrap();
    assert_eq!((&body["properties"]["runAsUser"], &body["properties"]["protectedParameters"]), (&value!(r"TESTLAB\User1"), &value!([])));
    assert_ne!(cloud.server.asked()[3].path(), asked[0].path(), "each has a name of its own");
}

#[tokio::test]
async fn what_azure_says_instead_of_an_answer_has_a_sentence_of_its_own() {
    let refusal = |status, code: &str, message: &str| json(status, &value!({"error": {"code": code, "message": message}}));
    let busy = "Run command extension execution is in progress. Please wait for completion before invoking a run command.";
    let off = "Cannot modify extensions in the VM when the VM is not running.";
    let cut = format!("{}\nGUIDEPOST-END 0\n", "x".repeat(4096 - 17));
    let cases = [
        (refusal(409, "Conflict", busy), "the script `scheduler` could not be started on `APP1`: another script is running there", true),
        (
            refusal(409, "OperationNotAllowed", off),
            "the script `scheduler` could not be started on `APP1`: the machine is not running",
            true,
        ),
        (printed(&cut, ""), "the front of what the script `scheduler` printed on `APP1` was cut off: 4096 bytes come back", false),
        (printed("hello", ""), "the script `scheduler` on `APP1` gave no answer that can be read: its beginning is missing", false),
        (
            printed("", &format!("At line:1\u{1b}[31m char:1\r\n+ oops {}", "y".repeat(5000))),
            "the script `scheduler` on `APP1` gave no answer that can be read: it printed no answer, and said on standard error: At line:1\u{fffd}[31m char:1 + oops yy",
            false,
        ),
        // The plain form calls every exit code a success: the script's own tells.
        (
            printed(&between(&result("scheduler", &value!({})), 1), ""),
            "the script `scheduler` on `APP1` gave no answer that can be read: its exit code 1 does not fit what it says",
            false,
        ),
    ];
    for (answer, sentence, not_run) in cases {
        let cloud = Cloud::answering(move |_| answer.clone()).await;
        let error = cloud.app1().run(&PROBE, value!({}), None).await.unwrap_err();
        assert!(error.to_string().starts_with(sentence), "{error}");
        assert!(error.to_string().len() < sentence.len() + 400, "{error}");
        assert_eq!(error.not_run(), not_run, "{error}");
    }
    let forbidden = Cloud::answering(move |_| refusal(403, "AuthorizationFailed", "no")).await;
    let error = forbidden.app1().run(&PROBE, value!({}), None).await.unwrap_err();
    assert!(error.not_run() && error.hint().contains("Virtual Machine Contributor"), "{error}");

    // A 403 for looking at what was accepted is none for the script.
    let blind = Cloud::answering(move |asked| match asked.method.as_str() {
        "POST" => {
            Answer::Reply { status: 202, headers: vec![("location", format!("http://{}/op", asked.header("host")))], body: String::new() }
        }
        _ => json(403, &value!({"error": {"code": "AuthorizationFailed", "message": "no"}})),
    })
    .await;
    let error = blind.app1().run(&PROBE, value!({}), None).await.unwrap_err();
    assert!(!error.not_run() && error.to_string().ends_with("(Azure had accepted it)"), "{error}");
}

#[tokio::test]
async fn one_script_at_a_time_runs_on_a_machine_whoever_asks() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = most.clone();
    let cloud = Cloud::answering(move |asked| {
        // From the acceptance to the end of the operation is one script's time.
        if asked.method == "POST" {
            seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            return Answer::Reply {
                status: 202,
                headers: vec![("location", format!("http://{}/op", asked.header("host")))],
                body: String::new(),
            };
        }
        now.fetch_sub(1, Ordering::SeqCst);
        printed(&between(&result("scheduler", &value!({})), 0), "")
    })
    .await;
    let other = MachineId { group: "tlg-rg".into(), name: "app1".into(), ..app1() };
    let hosts = [cloud.app1(), cloud.app1(), cloud.hosts.host(other, Some("westeurope"), None)];
    let runs = hosts.iter().chain(&hosts).map(|host| host.run(&PROBE, value!({}), None));
    for run in futures_util::future::join_all(runs).await {
        run.unwrap();
    }
    assert_eq!((cloud.server.asked().len(), most.load(Ordering::SeqCst)), (12, 1));
}

/// A host that says one thing and remembers what it was asked.
struct Says(Value, Mutex<Vec<(Script, Value)>>);

#[async_trait]
impl Host for Says {
    fn name(&self) -> &'static str {
        "APP1"
    }

    fn room(&self) -> usize {
        4000
    }

    async fn run(&self, script: &Script, request: Value, _secret: Option<&Secret>) -> Result<Value, HostError> {
        self.1.lock().unwrap().push((*script, request));
        let mut answer = self.0.clone();
        answer["format"] = value!(1);
        answer["script"] = value!(script.name);
        Ok(answer)
    }
}

fn says(answer: Value) -> (Arc<Says>, App1) {
    let host = Arc::new(Says(answer, Mutex::default()));
    (host.clone(), App1::new(host))
}

#[tokio::test]
async fn answers_of_app1_are_read_by_their_contract() {
    let time = "2026-11-22T20:00:00.1234567Z";
    let (_, machine) = says(value!({"result": {"time": time, "enabled": true, "suspended": false, "staging": false, "maintenance": true,
        "interval": 1800, "next": "2026-11-22T20:30:00.0000000Z", "running": false}}));
    let expected = Scheduler {
        time: time.parse().unwrap(),
        enabled: true,
        suspended: false,
        staging: false,
        maintenance: true,
        interval: Some(1800),
        next: Some("2026-11-22T20:30:00Z".parse().unwrap()),
        running: false,
    };
    assert_eq!(machine.scheduler().await.unwrap(), expected);
    // What is in no contract is refused, and so is another's answer.
    for wrong in
        [value!({"result": {"time": time}}), value!({"result": {"time": time, "service": null, "version": null, "more": 1}}), value!({})]
    {
        let error = says(wrong).1.service().await.unwrap_err();
        assert!(matches!(error, HostError::NoAnswer { .. }), "{error}");
    }

    let (host, machine) =
        says(value!({"result": {"time": time, "oldest": null, "absent": ["PasswordResetService"], "more": false, "events": [
        {"record": 7, "provider": "ADSync", "id": 904, "level": 4, "time": time, "text": "Scheduler"}]}}));
    assert_eq!(machine.events(Since::Within(std::time::Duration::from_hours(1)), 40).await.unwrap().events[0].id, 904);
    let asked = host.1.lock().unwrap().clone();
    assert_eq!(asked[0].1["values"], value!({"since": null, "within": 3600, "limit": 40}));
    assert_eq!(asked[0].1["room"], 4000);
    // A mark came from the machine; without one it reckons by its own clock.
    let mark = "2026-11-22T19:00:00Z".parse().unwrap();
    machine.events(Since::Mark(mark), 1000).await.unwrap();
    let asked = host.1.lock().unwrap().clone();
    assert_eq!(asked[1].1["values"], value!({"since": "2026-11-22T19:00:00Z", "within": null, "limit": 200}));
}

#[tokio::test]
async fn a_change_on_app1_runs_once_and_says_what_held_it_up() {
    let time = "2026-11-22T20:00:00Z";
    let (_, machine) = says(value!({"result": {"time": time, "started": false, "why": "suspended"}}));
    assert_eq!(machine.sync_delta().await.unwrap(), Started { time: time.parse().unwrap(), started: false, why: Some(Held::Suspended) });
    let (_, machine) = says(value!({"error": {"code": null, "said": "Access\u{1b} is denied"}}));
    let error = machine.sync_delta().await.unwrap_err();
    assert_eq!(error.to_string(), "the script `sync-delta` on `APP1` says: Access\u{fffd} is denied");
    assert!(!error.not_run() && error.hint().contains("ADSyncAdmins"));
    // A part would have to be asked for again, and that would be the change again.
    let (host, machine) = says(value!({"part": {"from": 0, "length": 9, "hash": "x", "text": "{"}}));
    machine.set_writeback(true, std::time::Duration::from_hours(1)).await.unwrap_err();
    let asked = host.1.lock().unwrap().clone();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].1["values"], value!({"enable": true, "seconds": 120}));
}
