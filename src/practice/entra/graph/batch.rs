//! `$batch`: up to twenty requests in one, each with its own status (Graph docs, json-batching.md).

use super::{Answer, Call, Fault};
use crate::practice::{
    log::{LogLine, shown_query},
    wire::{Content, Question},
};
use hyper::{
    Method,
    header::{HeaderName, HeaderValue},
};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const MOST: usize = 20;

#[derive(Deserialize)]
struct Batch {
    requests: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    id: String,
    method: String,
    url: String,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default, rename = "dependsOn")]
    depends_on: Vec<String>,
}

/// Runs in the order in which they are listed; answers from the last to the first, because clients may not rely on an order.
pub(super) fn batch(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let unreadable = |error: serde_json::Error| Fault::new(400, "BadRequest", format!("Invalid batch payload format: {error}."));
    let batch: Batch = serde_json::from_slice(&call.question.body).map_err(unreadable)?;
    check(&batch)?;
    let mut done = BTreeMap::new();
    let mut responses = Vec::new();
    for item in &batch.requests {
        let blocked = item.depends_on.iter().any(|id| done.get(id).is_none_or(|status| *status >= 400));
        let response = if blocked { dependency_failed(item) } else { answer(call, item) };
        done.insert(item.id.clone(), response["status"].as_u64().unwrap_or(500));
        responses.push(response);
    }
    responses.reverse();
    Ok(Answer::json(200, json!({"responses": responses})))
}

fn check(batch: &Batch) -> Result<(), Fault> {
    let bad = |message: String| Err(Fault::new(400, "BadRequest", message));
    if batch.requests.len() > MOST {
        return bad(format!("Number of batch request steps exceeds the maximum value of {MOST}."));
    }
    let mut seen: Vec<&str> = Vec::new();
    for item in &batch.requests {
        if item.id.is_empty() || seen.contains(&item.id.as_str()) {
            return bad(format!("The request id '{}' is empty or stands twice in the batch.", item.id));
        }
        // Also what depends on itself or on a later one: they run in order here.
        if let Some(unknown) = item.depends_on.iter().find(|id| !seen.contains(&id.as_str())) {
            return bad(format!("The request id '{unknown}' in 'dependsOn' of '{}' is no earlier request of the batch.", item.id));
        }
        seen.push(&item.id);
    }
    Ok(())
}

fn refused(item: &Item, status: u16, code: &str, message: &str) -> Value {
    json!({"id": item.id, "status": status, "headers": {"Content-Type": "application/json"}, "body": {"error": {"code": code, "message": message}}})
}

fn dependency_failed(item: &Item) -> Value {
    refused(item, 424, "FailedDependency", "The request depends on one that failed.")
}

fn answer(call: &mut Call<'_>, item: &Item) -> Value {
    let Some(question) = question(call.question, call.version, item) else {
        return refused(item, 400, "BadRequest", "The method or the address of this request cannot be read.");
    };
    if inside(&question).first().is_some_and(|first| first.eq_ignore_ascii_case("$batch")) {
        return refused(item, 400, "BadRequest", "A batch cannot hold a batch.");
    }
    let mut answer = super::graph(call.live, &question, call.version, inside(&question));
    let entry = LogLine {
        n: 0,
        at: call.live.now(),
        method: question.method.to_string(),
        path: format!("/{}", question.path.join("/")),
        query: shown_query(&question.query),
        status: answer.status,
        permission: answer.permission.take(),
        request_id: question.request_id.clone(),
        client_request_id: question.client_request_id.clone(),
    };
    call.live.log.push(entry);
    let mut headers: Map<String, Value> = answer.headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
    let mut response = json!({"id": item.id, "status": answer.status});
    if let Content::Json(body) = answer.content {
        headers.insert("Content-Type".to_owned(), "application/json".into());
        response["body"] = body;
    }
    response["headers"] = headers.into();
    response
}

/// What follows the version.
fn inside(question: &Question) -> &[String] {
    question.path.get(1..).unwrap_or_default()
}

/// A request of the batch as if it had come alone, with the batch's token unless it has its own.
fn question(outer: &Question, version: &str, item: &Item) -> Option<Question> {
    let method = Method::from_bytes(item.method.to_ascii_uppercase().as_bytes()).ok()?;
    let (path, query) = item.url.split_once('?').unwrap_or((&item.url, ""));
    if path.contains("://") {
        return None;
    }
    let segment = |part: &str| percent_decode_str(part).decode_utf8().map(std::borrow::Cow::into_owned).ok();
    let path = path.split('/').filter(|part| !part.is_empty()).map(segment);
    let path = std::iter::once(Some(version.to_owned())).chain(path).collect::<Option<Vec<_>>>()?;
    let mut headers = outer.headers.clone();
    headers.remove("consistencylevel");
    for (name, value) in &item.headers {
        headers.insert(HeaderName::try_from(name).ok()?, HeaderValue::from_str(value.as_str()?).ok()?);
    }
    Some(Question {
        method,
        path,
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        raw_query: query.to_owned(),
        headers,
        body: item.body.as_ref().map(|body| body.to_string().into_bytes()).unwrap_or_default(),
        request_id: crate::practice::chance::guid().ok()?,
        client_request_id: outer.client_request_id.clone(),
    })
}
