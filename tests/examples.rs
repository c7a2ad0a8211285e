//! Every Graph and sign-in payload that Microsoft documents or somebody recorded goes through our client, status, headers and body as
//! they stand, and each field that the built-in guides read is there. The payloads are other people's: they stay outside the project.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests: helpers outside of test functions fail the test too")]

#[path = "support/rude.rs"]
mod rude;
#[path = "support/tenant.rs"]
mod tenant;

use guidepost::base::http::Method;
use guidepost::guide::{
    load,
    step::{Expectation, Probe, Step},
    variables::{Reference, Template},
};
use guidepost::services::entra::{GraphError, GraphGet, GraphReply, GraphWrite, Prompt, Purpose, SignInError, Way};
use rude::Answer;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};
use tenant::Lab;
use tokio::sync::mpsc;

/// One payload.
#[derive(Clone, Debug, Deserialize)]
struct Example {
    service: String,
    method: String,
    path: String,
    status: u16,
    response_headers: BTreeMap<String, String>,
    response_body: Value,
}

/// All of one service; `None` where they are not.
fn examples(service: &str) -> Option<Vec<Example>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let read = |name: &str| std::fs::read(data.join(name)).ok().map(|text| serde_json::from_slice::<Vec<Example>>(&text).unwrap());
    let Some(all) = read("examples.json").zip(read("examples-ext.json")) else {
        #[expect(clippy::print_stdout, reason = "whoever reads the test's output should know")]
        {
            println!("skipped: ../shared/data is not here");
        }
        return None;
    };
    let mine: Vec<Example> = all.0.into_iter().chain(all.1).filter(|example| example.service == service).collect();
    assert!(!mine.is_empty(), "no payload of `{service}`");
    Some(mine)
}

impl Example {
    /// As it came over the wire. Documentation shortens: a length that is not the body's is left out, and what the service always sends,
    /// its kind, is put in.
    fn answer(&self) -> Answer {
        let body = if self.response_body.is_null() { String::new() } else { self.response_body.to_string() };
        let mut headers: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in &self.response_headers {
            let name = name.to_ascii_lowercase();
            if name != "content-length" {
                headers.push((Box::leak(name.into_boxed_str()), value.clone()));
            }
        }
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            headers.push(("content-type", "application/json".to_owned()));
        }
        Answer::Reply { status: self.status, headers, body }
    }

    /// Documentation writes `{id | userPrincipalName}` and spaces where a value stands.
    fn path(&self) -> String {
        let plain = self.path.split('?').next().unwrap_or_default();
        let fits = |segment: &str| segment.chars().all(|c| c.is_ascii_alphanumeric() || "-_.=$".contains(c));
        let segments = plain.trim_start_matches('/').split('/').map(|segment| if fits(segment) { segment } else { "x" });
        format!("/v1.0/{}", segments.collect::<Vec<_>>().join("/"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.response_headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Through the real client. What a read may ask again is answered again.
    async fn through_our_client(&self) -> Result<GraphReply, GraphError> {
        let lab = Lab::remembered().await;
        lab.graph_answers(std::iter::repeat_n(self.answer(), 8));
        match self.method.as_str() {
            "GET" => lab.graph.get(GraphGet { path: self.path(), query: Vec::new(), eventual: false }).await,
            method => {
                let method: Method = method.parse().unwrap();
                lab.graph.write(GraphWrite { method, path: self.path(), body: Some(json!({})) }).await
            }
        }
    }
}

#[tokio::test]
async fn every_graph_payload_becomes_a_reply_or_a_refusal_with_all_that_it_says() {
    let Some(examples) = examples("graph") else { return };
    let (mut replies, mut refusals, mut elsewhere) = (0, 0, 0);
    for mut example in examples {
        let answered = example.through_our_client().await;
        if let Some(link) = example.response_body.get("@odata.nextLink") {
            // It points to Microsoft, and this client is bound to the loopback.
            assert!(matches!(&answered, Err(GraphError::Elsewhere { host, .. }) if host == "https://graph.microsoft.com"), "{link}");
            elsewhere += 1;
            example.response_body.as_object_mut().unwrap().remove("@odata.nextLink");
            assert_eq!(example.through_our_client().await.unwrap().body, example.response_body);
            continue;
        }
        if example.status < 400 {
            let reply = answered.unwrap_or_else(|error| panic!("{example:?}: {error}"));
            assert_eq!((reply.status, &reply.body), (example.status, &example.response_body));
            assert_eq!(reply.request_id.as_deref(), example.header("request-id"));
            replies += 1;
        } else {
            refused(&example, answered.unwrap_err());
            refusals += 1;
        }
    }
    assert!(replies >= 60 && refusals >= 8 && elsewhere >= 1, "{replies} replies, {refusals} refusals, {elsewhere} with a next page");
}

fn refused(example: &Example, error: GraphError) {
    let said = |pointer: &str| example.response_body.pointer(pointer).and_then(Value::as_str);
    let message = said("/error/message").unwrap();
    let refusal = match error {
        // Both tries were not accepted: the person must sign in.
        GraphError::SignIn { why: SignInError::NotAccepted { message: shown }, .. } => {
            assert_eq!((example.status, shown.as_str()), (401, message));
            return;
        }
        GraphError::Refused(refusal) => *refusal,
        other => panic!("{example:?}: {other}"),
    };
    assert_eq!((refusal.status, refusal.code.as_str(), refusal.message.as_str()), (example.status, said("/error/code").unwrap(), message));
    let id = example.header("request-id").or_else(|| said("/error/innerError/request-id"));
    assert_eq!(refusal.request_id.as_deref(), id, "{example:?}");
    let decimals = example.header("retry-after").map(|text| Duration::from_secs_f64(text.parse().unwrap()));
    assert_eq!(refusal.retry_after, decimals);
    let shown = refusal.to_string();
    assert!(shown.contains(message) && shown.contains(id.unwrap()), "{shown}");
    let there_already = message.contains("conflicting object");
    assert_eq!(GraphError::Refused(Box::new(refusal)).is_conflict(), there_already);
}

/// Where the guides look, by path: pointers with `*` for any item.
type Fields = BTreeMap<String, BTreeSet<String>>;

fn fields() -> Fields {
    let mut fields = Fields::new();
    for id in load::built_in_ids() {
        let guide = load::built_in(&id).unwrap();
        guide.steps.values().for_each(|step| of_step(step, &mut fields));
    }
    fields
}

fn of_step(step: &Step, fields: &mut Fields) {
    let mut read: Vec<(String, String)> = Vec::new();
    let judged = step.checks.values().map(|check| (&check.probe, &check.expect));
    let diagnosed = step.diagnose.iter().filter_map(|diagnosis| Some((diagnosis.when.probe.as_ref()?, &diagnosis.when.expect)));
    for (probe, expected) in judged.chain(diagnosed) {
        for pointer in expected.iter().flat_map(pointers) {
            read.push((probe.clone(), pointer));
        }
    }
    for template in step.probes.values().filter_map(graph).flat_map(|get| std::iter::once(&get.get).chain(&get.filter)) {
        read.extend(references(template));
    }
    for (probe, pointer) in read {
        let Some(get) = graph(&step.probes[&probe]) else { continue };
        let path = get.get.source.strip_prefix("/v1.0").unwrap().to_owned();
        fields.entry(path).or_default().insert(pointer.replace("/0", "/*"));
    }
}

#[allow(unreachable_patterns, clippy::allow_attributes, reason = "other kinds of probes read no payload of Graph")]
fn graph(probe: &Probe) -> Option<&guidepost::guide::step::GraphGet> {
    match probe {
        Probe::Graph(get) => Some(get),
        _ => None,
    }
}

fn references(template: &Template) -> Vec<(String, String)> {
    let of = |reference: &Reference| match reference {
        Reference::Probe { probe, pointer } => Some((probe.clone(), pointer.to_string())),
        Reference::Variable(_) | Reference::Constant(_) | Reference::Captured(_) | Reference::Found { .. } => None,
    };
    template.references().filter_map(of).collect()
}

fn pointers(expectation: &Expectation) -> Vec<String> {
    match expectation {
        Expectation::At { path, .. } => vec![path.to_string()],
        Expectation::Any { list, each } | Expectation::All { list, each } => {
            each.iter().flat_map(pointers).map(|pointer| format!("{list}/*{pointer}")).collect()
        }
    }
}

/// Whether some item has it, be it null.
fn has(body: &Value, pointer: &str) -> bool {
    let Some(rest) = pointer.strip_prefix('/') else { return pointer.is_empty() };
    let (first, rest) = rest.split_once('/').map_or((rest, String::new()), |(first, rest)| (first, format!("/{rest}")));
    match first {
        "*" => body.as_array().is_some_and(|items| items.iter().any(|item| has(item, &rest))),
        name => body.get(name).is_some_and(|value| has(value, &rest)),
    }
}

/// The payloads of a GET. Where only one item of a collection is shown, or only the collection of an item, the one is made of the other.
fn shown_by(examples: &[Example], path: &str) -> Vec<Value> {
    let of = |path: &str| -> Vec<Value> {
        let mine = examples.iter().filter(|one| one.method == "GET" && one.status == 200 && one.path.split('?').next() == Some(path));
        mine.map(|example| example.response_body.clone()).collect()
    };
    let items = |body: Value| body["value"].as_array().cloned().unwrap_or_default();
    let whole = of(path);
    match path.split_once("/{{") {
        _ if !whole.is_empty() => whole,
        Some((collection, _)) => of(collection).into_iter().flat_map(items).collect(),
        None => of(&format!("{path}/{{id}}")).into_iter().map(|item| json!({"value": [item]})).collect(),
    }
}

/// What no documented sample shows, and what the documentation says of it instead.
const NOT_SHOWN: &[(&str, &str, &str)] = &[
    ("/users", "/value/*/onPremisesSamAccountName", "returned only on $select (user resource type)"),
    ("/users", "/value/*/assignedPlans/*/capabilityStatus", "a property of the assignedPlan resource type"),
    ("/users", "/value/*/assignedPlans/*/servicePlanId", "a property of the assignedPlan resource type"),
    ("/users", "/value/*/onPremisesSecurityIdentifier", "returned only on $select (user resource type)"),
    ("/users", "/value/*/usageLocation", "returned only on $select (user resource type)"),
    ("/domains", "/value/*/isVerified", "a property of the domain resource type; the samples leave it out"),
];

#[test]
fn each_field_that_the_guides_read_is_in_a_payload_or_known_to_be_left_out() {
    let Some(examples) = examples("graph") else { return };
    let described =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/graph-subset.openapi.yaml")).unwrap();
    let (mut shown, mut left_out) = (0, BTreeSet::new());
    for (path, pointers) in fields() {
        let bodies = shown_by(&examples, &path);
        assert!(!bodies.is_empty(), "no payload of `{path}`");
        for pointer in pointers {
            if bodies.iter().any(|body| has(body, &pointer)) {
                shown += 1;
                continue;
            }
            let known = NOT_SHOWN.iter().find(|(of, name, _)| (*of, *name) == (path.as_str(), pointer.as_str()));
            let (_, name, _) = known.unwrap_or_else(|| panic!("`{pointer}` of `{path}` is in no payload"));
            let property = name.rsplit('/').next().unwrap();
            assert!(described.contains(&format!("{property}:")), "`{property}` is not described either");
            left_out.insert((path.clone(), pointer));
        }
    }
    assert!(shown >= 8, "{shown}");
    assert_eq!(left_out.len(), NOT_SHOWN.len(), "what is shown by now must not stand in the table: {left_out:?}");
}

#[test]
fn what_a_change_keeps_of_its_reply_is_in_every_payload_of_that_reply() {
    let Some(examples) = examples("graph") else { return };
    let guides: Vec<_> = load::built_in_ids().iter().map(|id| load::built_in(id).unwrap()).collect();
    let ops = guides.iter().flat_map(|guide| guide.steps.values()).filter_map(|step| step.apply.as_ref()).flat_map(|apply| &apply.ops);
    let mut looked = 0;
    for op in ops.filter(|op| !op.capture.is_empty()) {
        let guidepost::guide::step::Change::Graph(write) = &op.change else { continue };
        let path = write.path.source.strip_prefix("/v1.0").unwrap();
        let made = examples.iter().filter(|example| example.method == "POST" && example.path == path && example.status == 201);
        for (example, pointer) in made.flat_map(|example| op.capture.values().map(move |pointer| (example, pointer))) {
            assert!(pointer.find(&example.response_body).is_some(), "`{pointer}` in {example:?}");
            looked += 1;
        }
    }
    assert!(looked >= 2, "{looked}");
}

async fn by_code(lab: &Lab) -> Result<String, SignInError> {
    let (_keep, mut pasted) = mpsc::channel(1);
    let sign_in = lab.session.start(Way::Device, Purpose::Read).await?;
    let account = sign_in.finish(&mut pasted, |why| panic!("{why}")).await?;
    Ok(account.upn.reveal().to_owned())
}

/// The sample's own id token ends in `...`; a whole one of the same place.
fn with_whole_id_token(example: &Example) -> Answer {
    let Answer::Reply { status, headers, body } = tenant::tokens(1, 3600, "o") else { panic!("a reply") };
    let whole: Value = serde_json::from_str(&body).unwrap();
    let mut body = example.response_body.clone();
    body["id_token"] = whole["id_token"].clone();
    Answer::Reply { status, headers, body: body.to_string() }
}

#[tokio::test]
async fn every_sign_in_payload_is_read_as_what_it_is() {
    let Some(examples) = examples("login") else { return };
    let named = |word: &str| examples.iter().find(|example| example.response_body["error"] == word).unwrap();
    let code = examples.iter().find(|example| example.response_body.get("device_code").is_some()).unwrap();
    let tokens = examples.iter().find(|example| example.response_body.get("access_token").is_some()).unwrap();
    let (pending, scope, expired) = (named("authorization_pending"), named("invalid_scope"), named("expired_token"));
    assert_eq!(examples.len(), 5, "a payload that no line below reads");

    let lab = Lab::new().await;
    lab.graph_answers([code.answer()]);
    let prompt = lab.session.start(Way::Device, Purpose::Read).await.unwrap().prompt();
    let Prompt::DeviceCode { user_code, address, expires_at } = prompt else { panic!("{prompt:?}") };
    assert_eq!((user_code.as_str(), address.as_str()), ("YZMYLD4K", "https://www.microsoft.com/link"));
    assert_eq!(expires_at.as_second(), 900);

    lab.graph_answers([code.answer()]);
    lab.token_answers([pending.answer(), with_whole_id_token(tokens)]);
    assert_eq!(by_code(&lab).await.unwrap(), "admin@contoso.example");
    let polls = lab.token_requests();
    assert!(polls.len() == 2 && polls[0].form()["device_code"] == code.response_body["device_code"].as_str().unwrap());
    assert_eq!(lab.paused(), [Duration::from_secs(5); 2]);
    assert_eq!(lab.session.granted(Purpose::Read), ["User.Read", "profile", "openid", "email"]);
    lab.users().await.unwrap();
    let sent = lab.server.asked_for(tenant::USERS)[0].header("authorization").to_owned();
    assert_eq!(sent.strip_prefix("Bearer "), tokens.response_body["access_token"].as_str());
    assert_eq!(lab.vault.get("lab").await.unwrap().expose(), tokens.response_body["refresh_token"].as_str().unwrap());

    lab.graph_answers([code.answer()]);
    lab.token_answers([tokens.answer()]);
    let cut = by_code(&lab).await.unwrap_err();
    assert!(
        matches!(cut, SignInError::NotUnderstood { .. }),
        "the sample's id token is cut, and nobody is signed in by half a token: {cut}"
    );

    let lab = Lab::remembered().await;
    lab.token_answers([scope.answer()]);
    let SignInError::Refused { error, message, codes, .. } = lab.session.token(Purpose::Read).await.unwrap_err() else {
        panic!("no refusal")
    };
    assert_eq!((error.as_str(), &*codes), ("invalid_scope", &[70011][..]));
    let first = "AADSTS70011: The provided value for the input parameter 'scope' isn't valid. The scope https://example.contoso.com/activity.read isn't valid.";
    assert_eq!(message, first, "one line, without the ids after it");

    // Entra's dialect and RFC 8628's.
    for word in ["expired_token", "bad_verification_code", "invalid_grant"] {
        let mut expired = expired.clone();
        expired.response_body["error"] = json!(word);
        let lab = Lab::new().await;
        lab.graph_answers([code.answer()]);
        lab.token_answers([expired.answer()]);
        assert_eq!(by_code(&lab).await.unwrap_err(), SignInError::CodeExpired, "{word}");
    }
    for word in ["authorization_declined", "access_denied"] {
        let mut declined = expired.clone();
        declined.response_body = json!({"error": word, "error_description": "declined"});
        let lab = Lab::new().await;
        lab.graph_answers([code.answer()]);
        lab.token_answers([declined.answer()]);
        let refused = by_code(&lab).await.unwrap_err();
        assert!(matches!(&refused, SignInError::Refused { error, .. } if error == word), "{refused}");
        assert_eq!(refused.hint(), Some("start the sign-in again and accept in the browser"));
    }
}
