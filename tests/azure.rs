//! Resource Manager as it really answers (`facts/wire.md` 20–27), told by a server that says what it was told to say. No test waits: pauses are only counted.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/rude.rs"]
mod rude;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use guidepost::base::Secret;
use guidepost::base::clock::SystemClock;
use guidepost::base::http::{BoundToken, Http, HttpSettings, WireLog, install_tls_provider};
use guidepost::services::azure::{Azure, AzureError, Instance, MachineId, Managed, Output, Power, RunAs, State, Tokens};
use guidepost::services::entra::{Pause, SignInError};
use rude::{Answer, Asked, Rude, json};
use serde_json::{Value, json as value};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use url::Url;

const CANARY: &str = "canary-azure-token";
const PASSWORD: &str = "canary-run-as-password";

struct Given {
    home: Url,
    given: Mutex<u32>,
}

#[async_trait]
impl Tokens for Given {
    async fn token(&self) -> Result<BoundToken, SignInError> {
        let given = *self.given.lock().unwrap();
        Ok(BoundToken::new(Secret::new(format!("{CANARY}-{given}")), &self.home))
    }

    async fn instead_of(&self, _token: &BoundToken) -> Result<BoundToken, SignInError> {
        *self.given.lock().unwrap() += 1;
        self.token().await
    }
}

#[derive(Default)]
struct Counting(Mutex<Vec<Duration>>);

impl Pause for Counting {
    fn pause(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.0.lock().unwrap().push(time);
        Box::pin(async {})
    }
}

struct Arm {
    server: Rude,
    azure: Azure,
    pauses: Arc<Counting>,
    wire: WireLog,
}

impl Arm {
    /// Answers one request after the other; what is asked beyond them is a 500.
    async fn answering(answers: impl Fn(&str) -> Vec<Answer>) -> Self {
        install_tls_provider();
        let queue = Arc::new(Mutex::new(Vec::new()));
        let left = queue.clone();
        let server = Rude::start(move |_| {
            let mut left: std::sync::MutexGuard<'_, Vec<Answer>> = left.lock().unwrap();
            if left.is_empty() { json(500, &value!({"error": {"code": "NothingLeft", "message": "in the test"}})) } else { left.remove(0) }
        })
        .await;
        let base = format!("http://{}", server.address);
        *queue.lock().unwrap() = answers(&base);
        let (wire, pauses) = (WireLog::default(), Arc::new(Counting::default()));
        let http = Http::new(HttpSettings::default(), wire.clone()).unwrap();
        let tokens = Arc::new(Given { home: Url::parse(&base).unwrap(), given: Mutex::new(1) });
        let azure = Azure::new(http, tokens, Url::parse(&base).unwrap(), Arc::new(SystemClock)).with_pause(pauses.clone());
        Self { server, azure, pauses, wire }
    }

    fn asked(&self) -> Vec<String> {
        self.server.asked().iter().map(|asked: &Asked| format!("{} {}", asked.method, asked.target)).collect()
    }

    fn paused(&self) -> Vec<Duration> {
        self.pauses.0.lock().unwrap().clone()
    }
}

fn app1() -> MachineId {
    MachineId { subscription: "sub".into(), group: "TLG-RG".into(), name: "APP1".into() }
}

fn arm_error(status: u16, code: &str, message: &str) -> Answer {
    json(status, &value!({"error": {"code": code, "message": message}}))
}

fn accepted() -> Answer {
    Answer::Reply { status: 202, headers: Vec::new(), body: String::new() }
}

const OUTPUT: &str =
    r#"[{"code":"ComponentStatus/StdOut/succeeded","message":"hello"},{"code":"ComponentStatus/StdErr/succeeded","message":"careful"}]"#;

fn output() -> Value {
    value!({"value": serde_json::from_str::<Value>(OUTPUT).unwrap()})
}

#[tokio::test]
async fn a_run_command_is_followed_to_its_end_by_the_address_it_names_verbatim() {
    // Both addresses, with signatures of several kilobytes; no Retry-After, as recorded.
    let long = "c".repeat(3000);
    let arm = Arm::answering(|base| {
        let operation = format!("{base}/operations/1?p=1&c={long}&s=%2B%2f");
        vec![
            accepted().with("azure-asyncoperation", operation).with("location", format!("{base}/operations/1?monitor=true")),
            json(200, &value!({"status": "InProgress"})),
            json(200, &value!({"status": "SomethingNew"})).with("retry-after", "7"),
            json(200, &value!({"status": "Succeeded", "properties": {"output": output()}})),
        ]
    })
    .await;
    let output = arm.azure.run(&app1(), "line 1\nline 2").await.unwrap();
    assert_eq!(output, Output { out: "hello".into(), err: "careful".into(), state: State::Ran });
    let asked = arm.asked();
    assert_eq!(
        asked[0],
        "POST /subscriptions/sub/resourceGroups/TLG-RG/providers/Microsoft.Compute/virtualMachines/APP1/runCommand?api-version=2023-03-01"
    );
    assert_eq!(asked[1..], vec![format!("GET /operations/1?p=1&c={long}&s=%2B%2f"); 3]);
    assert_eq!(arm.paused(), [500, 1000, 7000].map(Duration::from_millis));
    let sent: Value = serde_json::from_str(&arm.server.asked()[0].body).unwrap();
    assert_eq!(sent, value!({"commandId": "RunPowerShellScript", "script": ["line 1", "line 2"]}));
    let wire = format!("{:?}", arm.wire.recent());
    assert!(!wire.contains("cccc") && !wire.contains(CANARY), "{wire}");
}

#[tokio::test]
async fn an_operation_with_only_one_of_the_two_addresses_is_followed_too() {
    let by_location = Arm::answering(|base| {
        vec![accepted().with("location", format!("{base}/result")), accepted().with("retry-after", "1"), json(200, &output())]
    })
    .await;
    assert_eq!(by_location.azure.run(&app1(), "x").await.unwrap().out, "hello");
    let then_result = Arm::answering(|base| {
        vec![
            accepted().with("azure-asyncoperation", format!("{base}/op")).with("location", format!("{base}/result")),
            json(200, &value!({"status": "Succeeded"})),
            json(200, &output()),
        ]
    })
    .await;
    assert_eq!(then_result.azure.run(&app1(), "x").await.unwrap().err, "careful");
    let at_once = Arm::answering(|_| vec![json(200, &output())]).await;
    assert_eq!(at_once.azure.run(&app1(), "x").await.unwrap().out, "hello");
    let ends_empty = Arm::answering(|base| {
        vec![accepted().with("location", format!("{base}/r")), Answer::Reply { status: 204, headers: vec![], body: String::new() }]
    })
    .await;
    ends_empty.azure.start(&app1()).await.unwrap();
}

#[tokio::test]
async fn errors_say_in_plain_words_what_is_wrong_and_what_to_do() {
    let table = [
        (
            403,
            "AuthorizationFailed",
            "The client 'x' does not have authorization",
            "this account has no right to it in Azure, or the name is wrong",
            "Virtual Machine Contributor",
        ),
        (
            409,
            "Conflict",
            "Run command extension execution is in progress. Please wait for completion before invoking a run command.",
            "another script is running on the machine",
            "wait until it has ended",
        ),
        (
            409,
            "OperationNotAllowed",
            "Cannot modify extensions in the VM when the VM is not running.",
            "the machine is not running",
            "start it",
        ),
        (404, "ResourceGroupNotFound", "no", "there is no such resource group", "resource_group"),
        (404, "ResourceNotFound", "no", "there is no such machine", "machines"),
    ];
    for (status, code, message, means, todo) in table {
        let arm = Arm::answering(|_| vec![arm_error(status, code, message).with("x-ms-request-id", "req-1")]).await;
        let error = arm.azure.run(&app1(), "x").await.unwrap_err();
        assert_eq!(error.to_string(), format!("cannot run a script on `APP1`: {means} ({status} {code}: {message}) (request-id `req-1`)"));
        assert!(error.hint().unwrap().contains(todo), "{code}: {:?}", error.hint());
        assert_eq!((error.status(), error.code(), error.outcome_known()), (Some(status), Some(code), true));
        assert_eq!(arm.asked().len(), 1, "{code}: a change is sent once");
    }
    // The same code with another message is not explained away.
    let arm = Arm::answering(|_| vec![arm_error(409, "Conflict", "something else")]).await;
    let error = arm.azure.run(&app1(), "x").await.unwrap_err();
    assert_eq!((error.to_string().as_str(), error.hint()), ("cannot run a script on `APP1`: 409 Conflict: something else", None));
}

#[tokio::test]
async fn an_operation_that_fails_or_does_not_end_is_told_and_its_outcome_is_not_called_known() {
    let failing = Arm::answering(|base| {
        vec![
            accepted().with("azure-asyncoperation", format!("{base}/op")),
            json(
                200,
                &value!({"status": "Failed", "error": {"code": "VMExtensionProvisioningError", "message": "VM has reported a failure"}}),
            ),
        ]
    })
    .await;
    let error = failing.azure.run(&app1(), "x").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot run a script on `APP1`: it ended as Failed: VMExtensionProvisioningError: VM has reported a failure"
    );
    assert!(!error.outcome_known());

    let endless = Arm::answering(|base| {
        let running = (0..200).map(|_| json(200, &value!({"status": "InProgress"})).with("retry-after", "30"));
        [accepted().with("azure-asyncoperation", format!("{base}/op"))].into_iter().chain(running).collect()
    })
    .await;
    let error = endless.azure.run(&app1(), "x").await.unwrap_err();
    assert_eq!(error.to_string(), "cannot run a script on `APP1`: it was still running after 180 s");
    assert!(!error.outcome_known());
}

#[tokio::test]
async fn no_token_leaves_for_another_host_and_nothing_points_there() {
    let other = Rude::start(|_| json(200, &value!({"value": []}))).await;
    let elsewhere = format!("http://{}/op", other.address);
    for header in ["azure-asyncoperation", "location"] {
        let arm = Arm::answering(|_| vec![accepted().with(header, &elsewhere)]).await;
        let error = arm.azure.run(&app1(), "x").await.unwrap_err();
        assert!(matches!(&error, AzureError::Elsewhere { .. }) && !error.outcome_known(), "{error}");
    }
    let arm = Arm::answering(|_| vec![json(200, &value!({"value": [], "nextLink": elsewhere}))]).await;
    assert!(matches!(arm.azure.machines("sub", "rg").await.unwrap_err(), AzureError::Elsewhere { .. }));
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_changed_once() {
    let arm = Arm::answering(|_| vec![arm_error(401, "ExpiredAuthenticationToken", "expired"), json(200, &value!({"value": []}))]).await;
    assert_eq!(arm.azure.subscriptions().await.unwrap(), []);
    let tokens: Vec<_> = arm.server.asked().iter().map(|asked| asked.header("authorization").to_owned()).collect();
    assert_eq!(tokens, [format!("Bearer {CANARY}-1"), format!("Bearer {CANARY}-2")]);
    let arm =
        Arm::answering(|_| vec![arm_error(401, "ExpiredAuthenticationToken", "no"), arm_error(401, "ExpiredAuthenticationToken", "no")])
            .await;
    assert_eq!(arm.azure.subscriptions().await.unwrap_err().hint(), Some("sign in again"));
}

#[tokio::test]
async fn machines_are_listed_over_pages_and_looked_at() {
    let arm = Arm::answering(|base| {
        vec![
            json(200, &value!({"value": [{"name": "DC1", "location": "westeurope", "properties": {"hardwareProfile": {"vmSize": "Standard_A2_v2"}}}],
                "nextLink": format!("{base}/next?$skiptoken=abc")})),
            json(200, &value!({"value": [{"name": "APP1\u{1b}[2J", "location": "westeurope"}]})),
            json(200, &value!({"osName": "Windows Server 2016 Datacenter", "vmAgent": {"statuses": [{"displayStatus": "Ready"}]},
                "statuses": [{"code": "ProvisioningState/succeeded"}, {"code": "PowerState/running"}]})),
            json(200, &value!({"statuses": [{"code": "PowerState/hibernated"}]})),
        ]
    })
    .await;
    let machines = arm.azure.machines("sub", "TLG-RG").await.unwrap();
    assert_eq!(
        machines.iter().map(|one| (one.name.as_str(), one.size.as_str())).collect::<Vec<_>>(),
        [("DC1", "Standard_A2_v2"), ("APP1\u{fffd}[2J", "")]
    );
    let os = Some("Windows Server 2016 Datacenter".to_owned());
    assert_eq!(arm.azure.instance(&app1()).await.unwrap(), Instance { power: Power::Running, agent_ready: Some(true), os });
    let unknown = Instance { power: Power::Other("hibernated".into()), agent_ready: None, os: None };
    assert_eq!(arm.azure.instance(&app1()).await.unwrap(), unknown);
}

#[tokio::test]
async fn a_managed_run_command_is_removed_whatever_becomes_of_it_and_shows_no_secret() {
    let view = |state: &str, code: Value| {
        json(200, &value!({"properties": {"instanceView": {"executionState": state, "exitCode": code, "output": "out", "error": ""}}}))
    };
    let arm = Arm::answering(|_| {
        vec![
            json(201, &value!({"name": "guidepost"})),
            json(200, &value!({"properties": {}})),
            view("Running", Value::Null),
            view("Failed", value!(3)),
            Answer::Reply { status: 204, headers: vec![], body: String::new() },
        ]
    })
    .await;
    let secret = Secret::new("canary-parameter");
    let run_as = RunAs { user: r"TESTLAB\User1".into(), password: Secret::new(PASSWORD) };
    let secrets = [("value", &secret)];
    let managed = Managed {
        name: "guidepost",
        location: "westeurope",
        script: "x",
        secrets: &secrets,
        run_as: Some(&run_as),
        time: Duration::from_secs(90),
    };
    let output = arm.azure.run_managed(&app1(), &managed).await.unwrap();
    assert_eq!(output, Output { out: "out".into(), err: String::new(), state: State::Exited(3) });
    let asked = arm.asked();
    assert!(asked[0].starts_with("PUT ") && asked[4].starts_with("DELETE ") && asked[1].ends_with("&%24expand=instanceView"), "{asked:?}");
    let sent: Value = serde_json::from_str(&arm.server.asked()[0].body).unwrap();
    assert_eq!(sent["properties"]["protectedParameters"], value!([{"name": "value", "value": "canary-parameter"}]));
    assert_eq!(sent["properties"]["runAsPassword"], PASSWORD);
    assert!(sent["properties"].get("parameters").is_none(), "they pass through a shell");
    let wire = format!("{:?}", arm.wire.recent());
    assert!(!wire.contains("canary"), "{wire}");

    let refused =
        Arm::answering(|_| vec![arm_error(409, "Conflict", "busy"), Answer::Reply { status: 404, headers: vec![], body: String::new() }])
            .await;
    let error = refused.azure.run_managed(&app1(), &managed).await.unwrap_err();
    assert_eq!(error.code(), Some("Conflict"));
    assert!(refused.asked()[1].starts_with("DELETE "), "what was refused may be half there");
}

#[tokio::test]
async fn names_and_scripts_that_cannot_be_sent_are_refused_before_anything_is() {
    let arm = Arm::answering(|_| Vec::new()).await;
    for name in ["", ".", ".."] {
        let machine = MachineId { name: name.into(), ..app1() };
        assert!(matches!(arm.azure.instance(&machine).await.unwrap_err(), AzureError::BadName { .. }));
    }
    let long = arm.azure.run(&app1(), &"x".repeat(64 * 1024 + 1)).await.unwrap_err();
    assert_eq!(long.to_string(), "the script is 65537 bytes long, and 65536 is the most that can be sent");
    assert!(arm.asked().is_empty());
    // What stands in a name stays in its segment.
    let machine = MachineId { name: "A/../B?x=1#y".into(), ..app1() };
    let _ = arm.azure.instance(&machine).await;
    assert!(arm.asked()[0].contains("/virtualMachines/A%2F..%2FB%3Fx=1%23y/instanceView?"), "{:?}", arm.asked());
}

#[tokio::test]
async fn output_of_linux_comes_as_one_entry_and_a_full_tail_counts_as_cut() {
    let both =
        value!({"value": [{"code": "ProvisioningState/succeeded", "message": "Enable succeeded: \n[stdout]\none\n\n[stderr]\ntwo\n"}]});
    let arm = Arm::answering(|_| vec![json(200, &both), json(200, &value!({"value": []}))]).await;
    let output = arm.azure.run(&app1(), "x").await.unwrap();
    assert_eq!((output.out.as_str(), output.err.as_str(), output.may_be_cut()), ("one\n", "two\n", false));
    assert!(Output { out: "x".repeat(4095), ..output }.may_be_cut());
    assert!(arm.azure.run(&app1(), "x").await.unwrap_err().to_string().ends_with("it holds no output"));
}
