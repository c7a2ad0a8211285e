//! The practice tenant held against Microsoft's description: every operation, generated requests, status, headers and body.

use crate::{browser::token_with, lab::Lab};
use jsonschema::Validator;
use reqwest::{Method, Response};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, path::Path};

const ADMIN: &str = "admin@contoso.onmicrosoft.com";
const PASSWORD: &str = "28c10230-6103-485e-b985-444c60001490";
const E5: &str = "06ebc4ee-1bb5-47dd-8120-11324bc54e06";
const ORDER: &[&str] = &["get", "post", "patch", "delete"];

fn data(name: &str) -> Option<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// The description with every property that it does not name forbidden, annotations of OData excepted.
fn strict(mut description: Value) -> Value {
    for schema in description["components"]["schemas"].as_object_mut().unwrap().values_mut() {
        let schema = schema.as_object_mut().unwrap();
        let plain = schema.contains_key("properties") && !schema.contains_key("additionalProperties") && !schema.contains_key("allOf");
        if plain {
            schema.insert("additionalProperties".to_owned(), false.into());
            schema.insert("patternProperties".to_owned(), json!({"@": {}}));
        }
    }
    description
}

fn escape(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1").replace('{', "%7B").replace('}', "%7D").replace('$', "%24").replace('\'', "%27")
}

/// One operation of the description.
struct Described<'a> {
    path: &'a str,
    method: &'a str,
    operation: &'a Value,
}

/// What is asked, what came, what is wrong with it.
struct Walk<'a> {
    lab: &'a Lab,
    description: &'a Value,
    validators: BTreeMap<String, Validator>,
    requests: usize,
    bodies: usize,
    successes: BTreeMap<String, usize>,
    disagreements: Vec<String>,
}

/// What stands for which name in a path.
type Names<'a> = &'a [(&'a str, &'a str)];

/// How one request is made.
#[derive(Clone, Default)]
struct Asks<'a> {
    token: Option<&'a str>,
    query: Vec<(&'a str, String)>,
    body: Option<Vec<u8>>,
    eventual: bool,
}

impl Walk<'_> {
    fn validator(&mut self, pointer: &str) -> &Validator {
        let description = self.description;
        self.validators.entry(pointer.to_owned()).or_insert_with(|| {
            let mut schema = description.clone();
            schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
            schema["$ref"] = format!("#{pointer}").into();
            jsonschema::options().should_validate_formats(true).build(&schema).unwrap_or_else(|error| panic!("{pointer}: {error}"))
        })
    }

    async fn ask(&mut self, what: &Described<'_>, path: &str, asks: Asks<'_>) -> (u16, Value) {
        let address = url::Url::parse_with_params(&format!("{}/v1.0{path}", self.lab.text("graph")), &asks.query).unwrap();
        let mut request = self.lab.http.request(Method::from_bytes(what.method.to_uppercase().as_bytes()).unwrap(), address.clone());
        if let Some(token) = asks.token {
            request = request.bearer_auth(token);
        }
        if asks.eventual {
            request = request.header("ConsistencyLevel", "eventual");
        }
        if let Some(body) = asks.body {
            request = request.header("content-type", "application/json").body(body);
        }
        let reply = request.send().await.unwrap();
        self.requests += 1;
        self.judge(what, &format!("{} {}", what.method, address.as_str()), reply).await
    }

    async fn judge(&mut self, what: &Described<'_>, asked: &str, reply: Response) -> (u16, Value) {
        let status = reply.status().as_u16();
        let mut wrong = Vec::new();
        let header = |name: &str| reply.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        for name in ["request-id", "client-request-id", "date"] {
            if header(name).is_none() {
                wrong.push(format!("no header {name}"));
            }
        }
        if status == 401 && header("www-authenticate").is_none() {
            wrong.push("401 without www-authenticate".to_owned());
        }
        let responses = &what.operation["responses"];
        let key = [status.to_string(), format!("{}XX", status / 100)].into_iter().find(|key| responses.get(key).is_some());
        let described = key.as_ref().map(|key| responses[key].clone()).unwrap_or_default();
        if key.is_none() {
            wrong.push(format!("status {status} is not described"));
        }
        for name in described["headers"].as_object().into_iter().flat_map(Map::keys) {
            if header(name).is_none() {
                wrong.push(format!("no header {name}"));
            }
        }
        let kind = header("content-type");
        let text = reply.text().await.unwrap();
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        let pointer = if status >= 400 {
            Some("/components/responses/error/content/application~1json/schema".to_owned())
        } else {
            let has = described.pointer("/content/application~1json/schema").is_some();
            has.then(|| format!("/paths/{}/{}/responses/{status}/content/application~1json/schema", escape(what.path), what.method))
        };
        match pointer {
            Some(pointer) => {
                self.bodies += 1;
                if kind.as_deref().is_none_or(|kind| !kind.starts_with("application/json")) {
                    wrong.push(format!("content-type {kind:?}"));
                }
                wrong.extend(self.validator(&pointer).iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())));
            }
            None if !text.is_empty() => wrong.push(format!("an undescribed body: {text}")),
            None => {}
        }
        if status < 300 {
            *self.successes.entry(format!("{} {}", what.method, what.path)).or_default() += 1;
        }
        self.disagreements.extend(wrong.into_iter().map(|wrong| format!("{asked}: {status}: {wrong}")));
        (status, body)
    }

    fn expect(&mut self, asked: &str, found: u16, wanted: &[u16]) {
        if !wanted.contains(&found) {
            self.disagreements.push(format!("{asked}: {found} instead of {wanted:?}"));
        }
    }
}

/// What stands for a name in a path.
fn filled(path: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(path.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value))
}

fn valid_body(what: &Described<'_>, lab: &Lab) -> Option<Value> {
    let user = json!({
        "accountEnabled": true, "displayName": "Made by test", "mailNickname": "made", "usageLocation": "DE",
        "userPrincipalName": "made@contoso.onmicrosoft.com", "passwordProfile": {"password": "Canary-1234", "forceChangePasswordNextSignIn": false},
    });
    let body = match (what.method, what.path) {
        ("post", "/users") => user,
        ("patch", "/users/{user-id}") => json!({"jobTitle": "Tester", "usageLocation": "FR", "businessPhones": ["+49 1"]}),
        ("post", path) if path.ends_with("resetPassword") => json!({"newPassword": "Canary-5678"}),
        ("post", path) if path.ends_with("assignLicense") => {
            json!({"addLicenses": [{"skuId": E5, "disabledPlans": []}], "removeLicenses": []})
        }
        ("post", "/roleManagement/directory/roleAssignments") => {
            json!({"roleDefinitionId": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b", "principalId": "c20fa6d4-85b1-4e97-a35d-07c8e19f4b62", "directoryScopeId": "/"})
        }
        ("post", "/domains") => json!({"id": "made.example"}),
        ("patch", path) if path.contains("onPremisesSynchronization") => {
            json!({"features": {"groupWriteBackEnabled": true}, "configuration": {"accidentalDeletionPrevention": {"synchronizationPreventionType": "enabledForCount", "alertThreshold": 100}}})
        }
        ("patch", "/policies/authorizationPolicy") => {
            json!({"allowedToUseSSPR": false, "defaultUserRolePermissions": {"allowedToCreateApps": false}})
        }
        ("post", "/$batch") => json!({"requests": [
            {"id": "1", "method": "GET", "url": "/me"},
            {"id": "2", "method": "GET", "url": "/users?$top=1", "dependsOn": ["1"]},
            {"id": "3", "method": "DELETE", "url": format!("/users/{}", lab.text("tenant_id"))},
        ]}),
        _ => return None,
    };
    Some(body)
}

/// Bodies that nobody should send.
fn hostile_bodies() -> Vec<Vec<u8>> {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    ["", "{", "[]", "null", "\"text\"", "{\"id\": 7}", "{\"requests\": [{\"id\": 1}]}", "{\"displayName\": {\"a\": []}}", &deep]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}

/// Query options: those that the description names for the operation, well and badly filled.
fn queries(operation: &Value) -> Vec<(Vec<(&'static str, String)>, bool)> {
    let takes = |name: &str| {
        let wanted = format!("#/components/parameters/{name}");
        operation["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["$ref"] == wanted.as_str()))
    };
    let mut queries = Vec::new();
    let table: &[(&str, &'static str, &[&str])] = &[
        ("select", "$select", &["id", "id,displayName", "nonsense", ",", "*"]),
        ("top", "$top", &["1", "0", "-1", "1000000", "x"]),
        ("skiptoken", "$skiptoken", &["x", "cGFnZTox"]),
        (
            "filter",
            "$filter",
            &["id eq 'x'", "startswith(displayName,'a')", "id in ('a','b') or id eq null", "id eq '", "nonsense", "((((("],
        ),
        ("orderby", "$orderby", &["id", "displayName desc", "displayName up", ""]),
        ("expand", "$expand", &["principal", "manager", "x,y"]),
        ("count", "$count", &["true", "maybe"]),
        ("search", "$search", &["\"displayName:a\""]),
    ];
    for (_, option, values) in table.iter().filter(|(name, ..)| takes(name)) {
        for value in *values {
            queries.push((vec![(*option, (*value).to_owned())], false));
            queries.push((vec![(*option, (*value).to_owned()), ("$count", "true".to_owned())], true));
        }
    }
    queries
}

#[tokio::test]
async fn every_described_operation_answers_as_described() {
    let (Some(description), Some(permissions)) = (data("graph-subset.jsonschema.json"), data("permissions-subset.json")) else {
        println!("skipped: ../shared/data is not here");
        return;
    };
    let description = strict(description);
    let lab = Lab::start(&["--from", "done", "--consistency", "0s"]).await;
    // Something for each operation to show.
    lab.person("make-eligible", &["user3", "Global Reader"]).await;
    lab.person("publish-dns", &["fabrikam.example"]).await;
    lab.person("add-domain", &["gone.example"]).await;
    let few = token_with(&lab, ADMIN, "User.Read").await;
    let mut names: Vec<&str> = permissions["operations"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|one| one["delegated"].as_array().unwrap())
        .map(|name| name.as_str().unwrap())
        .collect();
    names.sort_unstable();
    names.dedup();
    let all = token_with(&lab, ADMIN, &names.join(" ")).await;
    let operation_id = reset_and_find_operation(&lab, &all).await;
    let (_, grants) = lab.get(&all, "/v1.0/oauth2PermissionGrants").await;
    let grant = grants["value"][1]["id"].as_str().unwrap().to_owned();
    let (_, assigned) = lab.get(&all, crate::lab::ASSIGNMENTS).await;
    let assignment = assigned["value"].as_array().unwrap().iter().find(|one| one["principalId"] == crate::lab::USER1).unwrap();
    let (_, apps) = lab.get(&all, "/v1.0/servicePrincipals").await;
    let values: Vec<(&str, &str)> = vec![
        ("user-id", "user2@contoso.onmicrosoft.com"),
        ("authenticationMethod-id", PASSWORD),
        ("longRunningOperation-id", &operation_id),
        ("unifiedRoleAssignment-id", assignment["id"].as_str().unwrap()),
        ("domain-id", "fabrikam.example"),
        ("onPremisesDirectorySynchronization-id", lab.text("tenant_id")),
        ("userRegistrationDetails-id", crate::lab::USER1),
        ("appId", "00000003-0000-0000-c000-000000000000"),
        ("servicePrincipal-id", apps["value"][2]["id"].as_str().unwrap()),
        ("oAuth2PermissionGrant-id", &grant),
    ];
    let wrong: Vec<(&str, &str)> = values.iter().map(|(name, _)| (*name, "00000000-0000-4000-8000-000000000000")).collect();
    let mut walk = Walk {
        lab: &lab,
        description: &description,
        validators: BTreeMap::new(),
        requests: 0,
        bodies: 0,
        successes: BTreeMap::new(),
        disagreements: Vec::new(),
    };
    let mut described: Vec<Described<'_>> = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap().iter().filter(|(method, _)| ORDER.contains(&method.as_str())) {
            described.push(Described { path, method, operation });
        }
    }
    // What takes something away comes last.
    described.sort_by_key(|one| ORDER.iter().position(|method| *method == one.method));
    for what in &described {
        walk_operation(&mut walk, what, (&few, &all), (&values, &wrong), &permissions).await;
    }
    let (requests, bodies) = (walk.requests, walk.bodies);
    let unserved: Vec<String> =
        described.iter().map(|one| format!("{} {}", one.method, one.path)).filter(|name| !walk.successes.contains_key(name)).collect();
    println!(
        "{} operations, {requests} requests, {bodies} bodies held against the schema, {} disagreements",
        described.len(),
        walk.disagreements.len()
    );
    assert_eq!(walk.disagreements, Vec::<String>::new());
    assert_eq!(unserved, Vec::<String>::new(), "described and not served");
    assert_eq!(lab.get(&all, "/v1.0/me").await.0, 200, "the lab is hurt");
}

async fn reset_and_find_operation(lab: &Lab, token: &str) -> String {
    let address = format!("{}/v1.0/users/user2@contoso.onmicrosoft.com/authentication/methods/{PASSWORD}/resetPassword", lab.text("graph"));
    let reply = lab.http.post(address).bearer_auth(token).json(&json!({"newPassword": "Canary-1234"})).send().await.unwrap();
    let location: url::Url = reply.headers()["location"].to_str().unwrap().parse().unwrap();
    location.path_segments().unwrap().next_back().unwrap().to_owned()
}

async fn walk_operation(
    walk: &mut Walk<'_>,
    what: &Described<'_>,
    (few, all): (&str, &str),
    (values, wrong): (Names<'_>, Names<'_>),
    permissions: &Value,
) {
    let name = format!("{} {}", what.method, what.path);
    let (good, bad) = (filled(what.path, values), filled(what.path, wrong));
    let with = |token| Asks { token: Some(token), ..Asks::default() };
    let (status, _) = walk.ask(what, &good, Asks::default()).await;
    walk.expect(&format!("{name} without a token"), status, &[401]);
    let (status, _) = walk.ask(what, &good, with("nonsense")).await;
    walk.expect(&format!("{name} with a wrong token"), status, &[401]);
    let scopes = permissions["operations"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["path"] == what.path && one["method"].as_str().unwrap().eq_ignore_ascii_case(what.method));
    let scopes = scopes.unwrap()["delegated"].as_array().unwrap();
    if !scopes.is_empty() && !scopes.contains(&json!("User.Read")) {
        let (status, body) = walk.ask(what, &good, with(few)).await;
        walk.expect(&format!("{name} without permission"), status, &[403]);
        if body["error"]["code"] != "Authorization_RequestDenied" {
            walk.disagreements.push(format!("{name} without permission: {body}"));
        }
    }
    if good != bad {
        let body = valid_body(what, walk.lab).map(|body| body.to_string().into_bytes());
        let (status, _) = walk.ask(what, &bad, Asks { body, ..with(all) }).await;
        walk.expect(&format!("{name} of nothing"), status, &[404]);
        walk.ask(
            what,
            &filled(what.path, &values.iter().map(|(name, _)| (*name, "%F0%9F%92%A9'%20or%201")).collect::<Vec<_>>()),
            with(all),
        )
        .await;
    }
    if what.method == "get" {
        for (query, eventual) in queries(what.operation) {
            walk.ask(what, &good, Asks { query, eventual, ..with(all) }).await;
        }
    }
    if ["post", "patch"].contains(&what.method) && valid_body(what, walk.lab).is_some() {
        for body in hostile_bodies() {
            walk.ask(what, &good, Asks { body: Some(body), ..with(all) }).await;
        }
    }
    // The deletions need something that may go.
    let target = match (what.method, what.path) {
        ("delete", "/users/{user-id}") => filled(what.path, &[("user-id", "user4@contoso.onmicrosoft.com")]),
        ("delete", "/domains/{domain-id}") => filled(what.path, &[("domain-id", "gone.example")]),
        _ => good,
    };
    let body = valid_body(what, walk.lab).map(|body| body.to_string().into_bytes());
    let (status, found) = walk.ask(what, &target, Asks { body, ..with(all) }).await;
    if status >= 300 {
        walk.disagreements.push(format!("{name} does not do what it is for: {status} {found}"));
    }
}
