//! Resource Manager of the practice lab: held against Microsoft's description, and what a client of it must be ready for.

use crate::{
    browser::{Browser, redeem},
    lab::{CLI_TOOLS, Lab, VERIFIER},
};
use jsonschema::Validator;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};

const AZURE_CLI: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
const VERSION: &str = "api-version=2023-03-01";

impl Lab {
    /// A token of the practice administrator for Resource Manager.
    pub(crate) async fn azure_token(&self) -> String {
        let (status, body) = self.refresh(&self.seed(), &format!("{}/.default", self.text("azure"))).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    fn group(&self) -> String {
        format!("/subscriptions/{}/resourceGroups/TLG-RG", self.text("subscription_id"))
    }

    fn machine(&self, name: &str) -> String {
        format!("{}/providers/Microsoft.Compute/virtualMachines/{name}", self.group())
    }

    async fn arm(&self, method: Method, token: &str, path: &str, body: Option<&Value>) -> Response {
        let separator = if path.contains('?') { '&' } else { '?' };
        let request = self.http.request(method, format!("{}{path}{separator}{VERSION}", self.text("azure"))).bearer_auth(token);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        request.send().await.unwrap()
    }

    async fn arm_get(&self, token: &str, path: &str) -> (StatusCode, Value) {
        let reply = self.arm(Method::GET, token, path, None).await;
        (reply.status(), reply.json().await.unwrap())
    }

    async fn run_script(&self, token: &str, machine: &str, body: &Value) -> Response {
        self.arm(Method::POST, token, &format!("{}/runCommand", self.machine(machine)), Some(body)).await
    }

    async fn follow(&self, token: &str, address: &str) -> (u16, Value) {
        let reply = self.http.get(address).bearer_auth(token).send().await.unwrap();
        let status = reply.status().as_u16();
        (status, serde_json::from_str(&reply.text().await.unwrap()).unwrap_or_default())
    }
}

fn header(reply: &Response, name: &str) -> String {
    reply.headers()[name].to_str().unwrap().to_owned()
}

async fn refused(reply: Response) -> (u16, String) {
    let status = reply.status().as_u16();
    let body: Value = reply.json().await.unwrap();
    (status, body["error"]["code"].as_str().unwrap().to_owned())
}

fn script(lines: &[&str]) -> Value {
    json!({"commandId": "RunPowerShellScript", "script": lines})
}

#[tokio::test]
async fn a_run_command_is_accepted_runs_and_is_told_by_both_of_its_long_addresses() {
    let lab = Lab::start(&[]).await;
    let token = lab.azure_token().await;
    let reply = lab.run_script(&token, "app1", &json!({"commandId": "RunPowerShellScript"})).await;
    assert_eq!((reply.status().as_u16(), reply.content_length(), reply.headers().get("retry-after")), (202, Some(0), None));
    let (operation, location) = (header(&reply, "azure-asyncoperation"), header(&reply, "location"));
    assert!(operation.len() > 2000 && location.contains("monitor=true"), "{operation}");
    let (status, body) = lab.follow(&token, &operation).await;
    assert_eq!((status, &body["status"], &body["properties"]), (200, &json!("InProgress"), &Value::Null));
    assert_eq!(lab.follow(&token, &location).await, (202, Value::Null));
    // While it runs, the machine takes no other, and another machine does.
    assert_eq!(refused(lab.run_script(&token, "APP1", &script(&["x"])).await).await, (409, "Conflict".into()));
    assert_eq!(lab.run_script(&token, "dc1", &script(&["x"])).await.status(), 202);
    lab.clock("3s").await;
    let (_, body) = lab.follow(&token, &operation).await;
    // Without `script` the sample runs, and that is a success.
    let sample = "This is a sample script with parameters  ";
    assert_eq!((&body["status"], &body["properties"]["output"]["value"][0]["message"]), (&json!("Succeeded"), &json!(sample)));
    let (status, result) = lab.follow(&token, &location).await;
    assert_eq!((status, &result), (200, &body["properties"]["output"]));
    assert_eq!(result["value"][1]["code"], "ComponentStatus/StdErr/succeeded");
    // Written anew, even to the same meaning, the signature does not hold.
    assert_eq!(lab.follow(&token, &operation.replace("%3d", "%3D")).await.0, 404);
    assert_eq!(lab.run_script(&token, "APP1", &script(&["Get-Date"])).await.status(), 202);
}

#[tokio::test]
async fn a_script_that_nobody_taught_the_lab_prints_nothing_and_output_can_be_cut() {
    let lab = Lab::start(&["--consistency", "0s"]).await;
    let token = lab.azure_token().await;
    let out = async |body: Value| {
        let reply = lab.run_script(&token, "APP1", &body).await;
        assert_eq!(reply.status(), 202);
        let (_, result) = lab.follow(&token, &header(&reply, "location")).await;
        result["value"][0]["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(out(script(&["Remove-Item x"])).await, "");
    let parameters = json!([{"name": "arg1", "value": "a"}, {"name": "arg2", "value": "b"}]);
    let sample = json!({"commandId": "runpowershellscript", "parameters": parameters});
    assert_eq!(out(sample.clone()).await, "This is a sample script with parameters a b");
    assert_eq!(lab.control("faults", &json!({"break": "output-cut"})).await.0, 200);
    let cut = out(sample).await;
    assert_eq!((cut.len(), cut.starts_with("This"), cut.contains("parameters a b")), (4096, false, true), "{cut}");
}

#[tokio::test]
async fn a_stopped_machine_takes_no_script_until_it_was_started_and_its_agent_answers() {
    let lab = Lab::start(&[]).await;
    let token = lab.azure_token().await;
    let view = async || lab.arm_get(&token, &format!("{}/instanceView", lab.machine("client1"))).await.1;
    let off = view().await;
    assert_eq!((&off["statuses"][1]["code"], &off["vmAgent"]), (&json!("PowerState/deallocated"), &Value::Null));
    assert_eq!(refused(lab.run_script(&token, "CLIENT1", &script(&["x"])).await).await, (409, "OperationNotAllowed".into()));
    let reply = lab.arm(Method::POST, &token, &format!("{}/start", lab.machine("CLIENT1")), None).await;
    assert_eq!(reply.status(), 202);
    assert_eq!(view().await["statuses"][1]["code"], "PowerState/starting");
    lab.clock("3s").await;
    let (_, body) = lab.follow(&token, &header(&reply, "azure-asyncoperation")).await;
    assert_eq!((&body["status"], &body["properties"]), (&json!("Succeeded"), &Value::Null));
    assert_eq!(lab.follow(&token, &header(&reply, "location")).await, (200, Value::Null));
    assert_eq!(view().await["vmAgent"]["statuses"][0]["displayStatus"], "Not Ready");
    assert_eq!(refused(lab.run_script(&token, "CLIENT1", &script(&["x"])).await).await, (409, "OperationNotAllowed".into()));
    lab.clock("3s").await;
    assert_eq!(view().await["vmAgent"]["statuses"][0]["displayStatus"], "Ready");
    assert_eq!(lab.run_script(&token, "CLIENT1", &script(&["x"])).await.status(), 202);
}

#[tokio::test]
async fn a_script_under_way_fails_when_its_machine_is_stopped() {
    let lab = Lab::start(&[]).await;
    let token = lab.azure_token().await;
    let reply = lab.run_script(&token, "APP1", &script(&["x"])).await;
    assert_eq!(lab.control("faults", &json!({"break": "vm-stopped"})).await.0, 200);
    lab.clock("1m").await;
    let (_, body) = lab.follow(&token, &header(&reply, "azure-asyncoperation")).await;
    assert_eq!((&body["status"], &body["error"]["code"]), (&json!("Failed"), &json!("OperationPreempted")));
    assert_eq!(lab.control("faults", &json!({"heal": null})).await.0, 200);
    assert_eq!(lab.run_script(&token, "APP1", &script(&["x"])).await.status(), 202);
}

#[tokio::test]
async fn a_managed_run_command_shows_its_end_and_never_what_it_was_given_in_secret() {
    let lab = Lab::start(&["--consistency", "0s"]).await;
    let token = lab.azure_token().await;
    let path = format!("{}/runCommands/watch", lab.machine("APP1"));
    let sample = "param(\n    [string]$arg1,\n    [string]$arg2\n)\nWrite-Host This is a sample script with parameters $arg1 $arg2";
    let body = |password: &str| {
        json!({"location": "westeurope", "properties": {"source": {"script": sample}, "asyncExecution": false,
            "parameters": [{"name": "arg1", "value": "open"}], "protectedParameters": [{"name": "arg2", "value": "canary-protected"}],
            "runAsUser": r"TESTLAB\User1", "runAsPassword": password, "timeoutInSeconds": 60}})
    };
    let password = lab.ready["admin"]["password"].as_str().unwrap().to_owned();
    let reply = lab.arm(Method::PUT, &token, &path, Some(&body(&password))).await;
    let (status, operation, made) = (reply.status(), header(&reply, "azure-asyncoperation"), reply.text().await.unwrap());
    assert!(status == 201 && made.contains("Creating") && !made.contains("canary") && !made.contains(&password), "{made}");
    assert_eq!(lab.follow(&token, &operation).await.1["status"], "Succeeded");
    let (_, plain) = lab.arm_get(&token, &path).await;
    assert_eq!((&plain["properties"]["instanceView"], &plain["properties"]["protectedParameters"]), (&Value::Null, &Value::Null));
    let (_, shown) = lab.arm_get(&token, &format!("{path}?$expand=instanceView")).await;
    let view = &shown["properties"]["instanceView"];
    let out = "This is a sample script with parameters open canary-protected";
    assert_eq!((&view["executionState"], &view["exitCode"], &view["output"]), (&json!("Succeeded"), &json!(0), &json!(out)));
    let again = lab.arm(Method::PUT, &token, &path, Some(&body("wrong"))).await;
    assert_eq!(again.status(), 200);
    let (_, shown) = lab.arm_get(&token, &format!("{path}?$expand=instanceView")).await;
    assert_eq!(shown["properties"]["instanceView"]["executionState"], "Failed");
    assert_eq!(lab.arm_get(&token, &format!("{}/runCommands", lab.machine("APP1"))).await.1["value"].as_array().unwrap().len(), 1);
    assert_eq!(lab.arm(Method::DELETE, &token, &path, None).await.status(), 202);
    assert_eq!(lab.arm(Method::DELETE, &token, &path, None).await.status(), 204);
    let world = std::fs::read_to_string(lab.dir.join("world.json")).unwrap();
    assert!(!world.contains("runAsPassword"), "{world}");
}

#[tokio::test]
async fn rights_in_azure_are_their_own_and_a_wrong_group_looks_like_a_missing_right() {
    let lab = Lab::start(&[]).await;
    let token = lab.azure_token().await;
    let (_, body) = lab.arm_get(&token, "/subscriptions").await;
    assert_eq!(body["value"][0]["subscriptionId"], lab.text("subscription_id"));
    let other = lab.group().replace("TLG-RG", "other");
    let wrong = format!("{other}/providers/Microsoft.Compute/virtualMachines/APP1/instanceView");
    let (status, body) = lab.arm_get(&token, &wrong).await;
    let message = body["error"]["message"].as_str().unwrap();
    assert_eq!((status.as_u16(), &body["error"]["code"]), (403, &json!("AuthorizationFailed")));
    assert!(message.contains("virtualMachines/instanceView/read") && message.contains("or the scope is invalid"), "{message}");
    assert_eq!(lab.arm_get(&token, &lab.machine("APP9")).await.1["error"]["code"], "ResourceNotFound");
    let no_subscription = lab.group().replace(lab.text("subscription_id"), "00000000-0000-4000-8000-000000000000");
    assert_eq!(lab.arm_get(&token, &no_subscription).await.1["error"]["code"], "SubscriptionNotFound");
    // Global Administrator is no role in Azure.
    for verb in ["revoke-azure", "grant-azure"] {
        let role = if verb == "revoke-azure" { "Virtual Machine Contributor" } else { "Reader" };
        lab.person(verb, &["admin", role]).await;
        let list = lab.arm_get(&token, "/subscriptions").await.1;
        assert_eq!(list["value"].as_array().unwrap().len(), usize::from(verb == "grant-azure"));
        assert_eq!(refused(lab.run_script(&token, "APP1", &script(&["x"])).await).await, (403, "AuthorizationFailed".into()));
    }
    assert_eq!(lab.arm_get(&token, &lab.machine("APP1")).await.0, 200);
}

#[tokio::test]
async fn names_are_known_in_any_case_and_come_back_in_azures_own_over_pages() {
    let lab = Lab::start(&[]).await;
    let token = lab.azure_token().await;
    let (_, one) = lab.arm_get(&token, &lab.machine("aPp1").to_uppercase().replace("APP1", "app1")).await;
    assert_eq!((&one["name"], &one["id"]), (&json!("APP1"), &json!(lab.machine("APP1"))));
    let (_, first) = lab.arm_get(&token, &format!("{}/providers/Microsoft.Compute/virtualMachines", lab.group())).await;
    let next = first["nextLink"].as_str().unwrap();
    assert!(next.starts_with(lab.text("azure")), "{next}");
    let (_, second) = lab.follow(&token, next).await;
    let names: Vec<&str> =
        [&first, &second].iter().flat_map(|page| page["value"].as_array().unwrap()).map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!((names, &second["nextLink"]), (vec!["DC1", "APP1", "CLIENT1"], &Value::Null));
}

#[tokio::test]
async fn a_subscription_takes_so_many_requests_and_says_when_to_come_again() {
    let lab = Lab::start(&["--break", "throttled"]).await;
    let token = lab.azure_token().await;
    let reply = lab.arm(Method::GET, &token, "/subscriptions", None).await;
    assert_eq!((reply.status().as_u16(), header(&reply, "retry-after").as_str()), (429, "3"));
    let left: i64 = header(&reply, "x-ms-ratelimit-remaining-subscription-reads").parse().unwrap();
    assert!((0..250).contains(&left), "{left}");
    lab.clock("30s").await;
    assert_eq!(lab.arm_get(&token, "/subscriptions").await.0, 200);
}

#[tokio::test]
async fn a_busy_machine_and_a_missing_right_can_be_made_and_mended() {
    let lab = Lab::start(&[]).await;
    let token = lab.azure_token().await;
    for (fault, answer) in [("run-command-busy", (409, "Conflict")), ("azure-forbidden", (403, "AuthorizationFailed"))] {
        assert_eq!(lab.control("faults", &json!({"break": fault})).await.0, 200);
        let (status, code) = refused(lab.run_script(&token, "APP1", &script(&["x"])).await).await;
        assert_eq!((status, code.as_str()), answer);
        assert_eq!(lab.control("faults", &json!({"heal": fault})).await.0, 200);
    }
    assert_eq!(lab.run_script(&token, "APP1", &script(&["x"])).await.status(), 202);
}

#[tokio::test]
async fn one_refresh_token_brings_tokens_for_both_services_and_each_is_good_for_its_own_only() {
    let lab = Lab::start(&[]).await;
    let (graph, azure) = (lab.admin().await, lab.azure_token().await);
    let (status, body) = lab.get(&azure, "/v1.0/me").await;
    assert_eq!((status.as_u16(), &body["error"]["code"]), (401, &json!("InvalidAuthenticationToken")));
    let reply = lab.arm(Method::GET, &graph, "/subscriptions", None).await;
    assert!(header(&reply, "www-authenticate").contains("authorization_uri="), "{:?}", reply.headers());
    assert_eq!(refused(reply).await, (401, "InvalidAuthenticationTokenAudience".into()));
    let both = format!("{}/.default User.Read", lab.text("azure"));
    assert_eq!(lab.refresh(&lab.seed(), &both).await.1["error_codes"], json!([28_000]));
}

#[tokio::test]
async fn microsofts_graph_tools_get_no_token_for_azure_and_azures_own_tools_need_no_consent() {
    let lab = Lab::start(&[]).await;
    let impersonation = format!("{}/user_impersonation offline_access openid", lab.text("azure"));
    let (client, scope) = (CLI_TOOLS.to_owned(), impersonation.as_str());
    let device = lab.http.post(lab.tenant("oauth2/v2.0/devicecode")).form(&[("client_id", client.as_str()), ("scope", scope)]);
    let body: Value = device.send().await.unwrap().json().await.unwrap();
    assert_eq!((&body["error"], &body["error_codes"]), (&json!("invalid_request"), &json!([65_002])), "{body}");
    let mut browser = Browser::open(&lab, AZURE_CLI, &impersonation, &[]).await;
    browser.log_in("admin@contoso.onmicrosoft.com").await;
    let (_, body) = redeem(&lab, AZURE_CLI, &browser.answer("code").unwrap(), VERIFIER).await;
    assert_eq!(lab.arm_get(body["access_token"].as_str().unwrap(), "/subscriptions").await.0, 200, "{body}");
}

#[tokio::test]
async fn consent_to_azure_is_asked_for_and_kept_apart_from_graphs() {
    let lab = Lab::start(&["--break", "consent-missing"]).await;
    let scope = format!("{}/.default", lab.text("azure"));
    assert_eq!(lab.refresh(&lab.seed(), &scope).await.1["error_codes"], json!([65_001]));
    let client = lab.text("client_id").to_owned();
    let mut browser = Browser::open(&lab, &client, &scope, &[]).await;
    browser.log_in("admin@contoso.onmicrosoft.com").await;
    assert!(browser.page.contains("user_impersonation"), "{}", browser.page);
    browser.submit("consent", &[("act", "approve")]).await;
    assert_eq!(lab.refresh(&lab.seed(), &scope).await.0, 200);
    assert_eq!(lab.refresh(&lab.seed(), "User.Read").await.1["error_codes"], json!([65_001]));
}

fn data(name: &str) -> Option<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// The description with every property that it does not name forbidden.
fn strict(mut description: Value) -> Value {
    for schema in description["components"]["schemas"].as_object_mut().unwrap().values_mut() {
        let schema = schema.as_object_mut().unwrap();
        if schema.contains_key("properties") && !schema.contains_key("additionalProperties") {
            schema.insert("additionalProperties".to_owned(), false.into());
        }
    }
    description
}

struct Walk<'a> {
    lab: &'a Lab,
    description: Value,
    validators: BTreeMap<String, Validator>,
    requests: usize,
    bodies: usize,
    successes: BTreeMap<String, usize>,
    disagreements: Vec<String>,
}

/// One operation of the description with its path filled in.
struct Asks<'a> {
    path: &'a str,
    method: &'a str,
    address: String,
    token: Option<&'a str>,
    body: Option<Value>,
}

impl Walk<'_> {
    fn validator(&mut self, pointer: &str) -> &Validator {
        let description = &self.description;
        self.validators.entry(pointer.to_owned()).or_insert_with(|| {
            let mut schema = description.clone();
            schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
            schema["$ref"] = format!("#{pointer}").into();
            jsonschema::options().should_validate_formats(true).build(&schema).unwrap_or_else(|error| panic!("{pointer}: {error}"))
        })
    }

    async fn ask(&mut self, asks: Asks<'_>) -> (u16, Option<String>) {
        let Asks { path, method, address, token, body } = asks;
        let mut request = self.lab.http.request(method.to_uppercase().parse().unwrap(), &address);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let reply = request.send().await.unwrap();
        self.requests += 1;
        let status = reply.status().as_u16();
        let has = |name: &str| reply.headers().contains_key(name);
        let mut wrong: Vec<String> = ["x-ms-request-id", "x-ms-correlation-request-id", "date"]
            .into_iter()
            .filter(|name| !has(name))
            .map(|name| format!("no header {name}"))
            .collect();
        if has("request-id") || (status == 401) != has("www-authenticate") {
            wrong.push("a header of Graph, or www-authenticate missing or too much".to_owned());
        }
        let described = self.description["paths"][path][method]["responses"][status.to_string()].clone();
        if status < 400 && described.is_null() {
            wrong.push(format!("status {status} is not described"));
        }
        // The description marks `Retry-After` as one that may be absent, and a 200 that is done at once watches nothing.
        let watched = described["headers"].as_object().is_some_and(|headers| headers.contains_key("Azure-AsyncOperation"));
        if watched && !(has("azure-asyncoperation") && has("location")) {
            wrong.push("no address to watch".to_owned());
        }
        let watch = reply.headers().get("azure-asyncoperation").map(|value| value.to_str().unwrap().to_owned());
        let text = reply.text().await.unwrap();
        let parsed: Value = serde_json::from_str(&text).unwrap_or_default();
        let schema = if status >= 400 {
            Some("/components/responses/error/content/application~1json/schema".to_owned())
        } else {
            let place = format!("/paths/{}/{method}/responses/{status}/content/application~1json/schema", escape(path));
            described.pointer("/content/application~1json/schema").map(|_| place)
        };
        match schema {
            Some(_) if method == "head" => {}
            Some(_) if text.is_empty() && self.description["paths"][path][method]["responses"]["200"]["x-body-optional"] == true => {}
            Some(pointer) => {
                self.bodies += 1;
                wrong.extend(
                    self.validator(&pointer).iter_errors(&parsed).map(|error| format!("{}: {error}: {text}", error.instance_path())),
                );
            }
            None if !text.is_empty() => wrong.push(format!("an undescribed body: {text}")),
            None => {}
        }
        if status < 300 {
            *self.successes.entry(format!("{method} {path}")).or_default() += 1;
        }
        self.disagreements.extend(wrong.into_iter().map(|wrong| format!("{method} {address}: {status}: {wrong}")));
        (status, watch)
    }

    fn expect(&mut self, what: &str, found: u16, wanted: &[u16]) {
        if !wanted.contains(&found) {
            self.disagreements.push(format!("{what}: {found} instead of {wanted:?}"));
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1").replace('{', "%7B").replace('}', "%7D")
}

fn good_body(path: &str, method: &str) -> Option<Value> {
    match (method, path) {
        ("post", path) if path.ends_with("/runCommand") => Some(script(&["Get-Date"])),
        ("put", path) if path.ends_with("/{runCommandName}") => Some(
            json!({"location": "westeurope", "properties": {"source": {"script": "Get-Date"}, "parameters": [], "asyncExecution": false}}),
        ),
        _ => None,
    }
}

/// Deployments and resource groups that are made and removed come with the guide that builds the lab itself.
fn is_later(method: &str, path: &str) -> bool {
    path.contains("deployments")
        || path.contains("operationresults")
        || (path.ends_with("{resourceGroupName}") && ["put", "delete"].contains(&method))
}

async fn walk_description(lab: &Lab, description: Value) -> (usize, Walk<'_>) {
    let token = lab.azure_token().await;
    let graph = lab.admin().await;
    let mut walk = Walk {
        lab,
        description: strict(description),
        validators: BTreeMap::new(),
        requests: 0,
        bodies: 0,
        successes: BTreeMap::new(),
        disagreements: Vec::new(),
    };
    let mut described: Vec<(String, String)> = Vec::new();
    for (path, methods) in walk.description["paths"].as_object().unwrap() {
        let methods =
            methods.as_object().unwrap().keys().filter(|method| ["get", "head", "post", "put", "delete"].contains(&method.as_str()));
        described.extend(methods.filter(|method| !is_later(method, path)).map(|method| (path.clone(), method.clone())));
    }
    // What makes something comes before what reads it, what removes it after.
    described.sort_by_key(|(_, method)| ["put", "post", "get", "head", "delete"].iter().position(|one| one == method));
    let mut watched: Vec<String> = Vec::new();
    for (path, method) in &described {
        let filled = |group: &str, machine: &str| {
            path.replace("{subscriptionId}", lab.text("subscription_id"))
                .replace("{resourceGroupName}", group)
                .replace("{vmName}", machine)
                .replace("{runCommandName}", "made")
                .replace("{location}", "westeurope")
                .replace("{operationId}", "00000000-0000-4000-8000-000000000000")
        };
        let at = |path: String, query: &str| format!("{}{path}{query}", lab.text("azure"));
        let version = format!("?{VERSION}");
        let body = || good_body(path, method);
        let asks = |address, token, body| Asks { path, method, address, token, body };
        let (good, name) = (at(filled("TLG-RG", "APP1"), &version), format!("{method} {path}"));
        let (status, _) = walk.ask(asks(good.clone(), None, body())).await;
        walk.expect(&format!("{name} without a token"), status, &[401]);
        for wrong in ["nonsense", graph.as_str()] {
            let (status, _) = walk.ask(asks(good.clone(), Some(wrong), body())).await;
            walk.expect(&format!("{name} with a wrong token"), status, &[401]);
        }
        for query in ["", "?api-version=", "?api-version=latest", "?api-version=1999-01-01"] {
            let (status, _) = walk.ask(asks(at(filled("TLG-RG", "APP1"), query), Some(&token), body())).await;
            walk.expect(&format!("{name} with version `{query}`"), status, &[400]);
        }
        for (group, machine) in [("%F0%9F%92%A9'%20or%201", "APP1"), ("TLG-RG", "%F0%9F%92%A9"), ("TLG-RG", "APP9")] {
            if filled(group, machine) != filled("TLG-RG", "APP1") {
                let (status, _) = walk.ask(asks(at(filled(group, machine), &version), Some(&token), body())).await;
                walk.expect(&format!("{name} of nothing"), status, &[403, 404]);
            }
        }
        if good_body(path, method).is_some() {
            for wrong in [
                json!(null),
                json!([]),
                json!("x"),
                json!({"commandId": 1, "script": "x"}),
                json!({"location": [], "properties": {"source": 1}}),
            ] {
                let (status, _) = walk.ask(asks(good.clone(), Some(&token), Some(wrong))).await;
                walk.expect(&format!("{name} with a wrong body"), status, &[400]);
            }
        }
        if path.ends_with("{operationId}") {
            for address in &watched {
                walk.ask(asks(address.clone(), Some(&token), None)).await;
                walk.ask(asks(address.replace("?api-version", "?monitor=true&api-version"), Some(&token), None)).await;
            }
        } else {
            let (status, watch) = walk.ask(asks(good, Some(&token), body())).await;
            walk.expect(&name, status, &[200, 201, 202, 204]);
            watched.extend(watch);
        }
        if method == "get" && ["runCommands/{runCommandName}", "virtualMachines/{vmName}"].iter().any(|end| path.ends_with(end)) {
            walk.ask(asks(at(filled("TLG-RG", "APP1"), &format!("{version}&$expand=instanceView")), Some(&token), None)).await;
        }
        if path.ends_with("/instanceView") {
            for machine in ["DC1", "CLIENT1"] {
                walk.ask(asks(at(filled("TLG-RG", machine), &version), Some(&token), None)).await;
            }
        }
    }
    let unserved: Vec<String> =
        described.iter().map(|(path, method)| format!("{method} {path}")).filter(|name| !walk.successes.contains_key(name)).collect();
    assert_eq!(unserved, Vec::<String>::new(), "described and not served");
    (described.len(), walk)
}

#[tokio::test]
async fn resource_manager_answers_as_microsoft_describes_it() {
    let (Some(compute), Some(resources)) = (data("compute-subset.jsonschema.json"), data("arm-resources-subset.jsonschema.json")) else {
        println!("skipped: the descriptions are not here");
        return;
    };
    for (name, description) in [("compute", compute), ("resources", resources)] {
        let lab = Lab::start(&["--consistency", "0s"]).await;
        let (operations, walk) = walk_description(&lab, description).await;
        let (requests, bodies, wrong) = (walk.requests, walk.bodies, walk.disagreements.len());
        println!("{name}: {operations} operations, {requests} requests, {bodies} bodies held against the schema, {wrong} disagreements");
        assert_eq!(walk.disagreements, Vec::<String>::new());
    }
}
