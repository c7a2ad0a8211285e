//! Graph against a tenant that behaves badly. The promises are the names. No test waits for a retry: pauses are only counted.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/rude.rs"]
mod rude;
#[path = "support/tenant.rs"]
mod tenant;

use guidepost::base::http::{HttpError, Method};
use guidepost::base::{Problem, Secret};
use guidepost::services::entra::{GraphError, GraphGet, GraphWrite, Limits, SignInError};
use rude::{Answer, Rude, json};
use serde_json::{Value, json as value};
use std::time::Duration;
use tenant::{CANARY, Lab, Options, USERS, graph_error, users};

#[tokio::test]
async fn a_read_waits_as_long_as_it_is_told_and_then_gets_its_answer() {
    let lab = Lab::remembered().await;
    let storm = || graph_error(429, "TooManyRequests", "Too many requests").with("retry-after", "2.128");
    lab.graph_answers([storm(), storm(), storm()]);
    let reply = lab.users().await.unwrap();
    assert_eq!(reply.body, value!({"value": [{"id": "u1"}]}));
    assert_eq!(lab.paused(), [Duration::from_millis(2128); 3]);
}

#[tokio::test]
async fn a_storm_ends_in_an_error_with_ids_and_bounded_waits() {
    let lab = Lab::remembered().await;
    lab.graph_answers((0..9).map(|_| graph_error(429, "TooManyRequests", "Too many requests").with("retry-after", "20")));
    let error = lab.users().await.unwrap_err();
    assert_eq!(lab.paused(), [Duration::from_secs(20)], "a second wait would end after 30 s");
    let GraphError::Refused(refusal) = &error else { panic!("{error}") };
    assert_eq!((refusal.status, refusal.retry_after), (429, Some(Duration::from_secs(20))));

    let lab = Lab::remembered().await;
    lab.graph_answers((0..9).map(|_| graph_error(500, "generalException", "boom")));
    let error = lab.users().await.unwrap_err();
    assert_eq!((lab.server.asked_for(USERS).len(), lab.paused().len()), (4, 3));
    assert!(lab.paused().iter().all(|wait| *wait >= Duration::from_millis(500)));
    assert_eq!(error.to_string(), "cannot read `/v1.0/users`: 500 generalException: boom (request-id `req-9`)");
}

#[tokio::test]
async fn a_throttle_message_inside_inner_error_is_found_in_either_spelling() {
    for name in ["innerError", "innererror"] {
        let lab = Lab::remembered().await;
        let inner = value!({"code": "429", "message": "Please retry after", "status": "429", "request-id": "req-1"});
        let sample = value!({"error": {"code": "TooManyRequests", name: inner}});
        lab.graph_answers([json(429, &sample).with("retry-after", "99")]);
        let error = lab.users().await.unwrap_err().to_string();
        assert!(error.contains("429 TooManyRequests: Please retry after (request-id `req-1`)"), "{error}");
    }
}

#[tokio::test]
async fn a_write_is_sent_again_only_if_graph_did_not_begin() {
    let cut = || Answer::Raw(Vec::new());
    let html =
        || Answer::Reply { status: 502, headers: vec![("content-type", "text/html".to_owned())], body: "<h1>Bad Gateway</h1>".to_owned() };
    // answer, requests that are sent, whether it is sure that nothing was changed
    let table: Vec<(Answer, usize, Option<bool>)> = vec![
        (graph_error(429, "TooManyRequests", "").with("retry-after", "1"), 2, None),
        (graph_error(503, "ServiceUnavailable", "").with("retry-after", "1"), 2, None),
        (graph_error(429, "TooManyRequests", ""), 1, Some(true)),
        (graph_error(503, "ServiceUnavailable", ""), 1, Some(false)),
        (graph_error(500, "generalException", "").with("retry-after", "1"), 1, Some(false)),
        (graph_error(504, "gatewayTimeout", ""), 1, Some(false)),
        (graph_error(408, "requestTimeout", ""), 1, Some(false)),
        (graph_error(400, "Request_BadRequest", ""), 1, Some(true)),
        (graph_error(403, "Authorization_RequestDenied", ""), 1, Some(true)),
        (html(), 1, Some(false)),
        (cut(), 1, Some(false)),
        (Answer::Hang, 1, Some(false)),
        (Answer::Flood { bytes: 1 << 20, announced: true }, 1, Some(false)),
        (json(307, &value!({})).with("location", "https://elsewhere.example/"), 1, Some(true)),
    ];
    for (number, (answer, sent, known)) in table.into_iter().enumerate() {
        let lab = Lab::remembered_with(Options { timeout: Some(Duration::from_millis(700)), ..Options::default() }).await;
        lab.graph_answers([answer]);
        let result = lab.assign().await;
        assert_eq!(lab.posts(), sent, "row {number}: {result:?}");
        assert_eq!(result.as_ref().err().map(GraphError::outcome_known), known, "row {number}: {result:?}");
    }
}

#[tokio::test]
async fn a_write_whose_token_is_refused_is_not_sent_twice_but_the_next_one_has_a_new_token() {
    let lab = Lab::remembered().await;
    lab.graph_answers([graph_error(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")]);
    let error = lab.assign().await.unwrap_err();
    assert!(matches!(&error, GraphError::SignIn { why: SignInError::NotAccepted { .. }, .. }) && error.outcome_known(), "{error}");
    assert_eq!(lab.posts(), 1);
    lab.assign().await.unwrap();
    assert_eq!((lab.posts(), lab.token_requests().len()), (2, 2));
}

#[tokio::test]
async fn a_read_whose_token_is_refused_is_asked_once_more_with_a_new_one() {
    let denied = || graph_error(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.");
    let lab = Lab::remembered().await;
    lab.graph_answers([denied()]);
    lab.users().await.unwrap();
    let sent: Vec<_> = lab.server.asked_for(USERS).iter().map(|asked| asked.header("authorization").to_owned()).collect();
    assert_eq!(sent, [format!("Bearer access-{CANARY}-1"), format!("Bearer access-{CANARY}-2")]);
    let lab = Lab::remembered().await;
    lab.graph_answers([denied(), denied()]);
    let error = lab.users().await.unwrap_err();
    let expected = "cannot read `/v1.0/users`: Microsoft Graph does not accept the sign-in: Access token has expired or is not yet valid.";
    assert_eq!((error.to_string().as_str(), lab.server.asked_for(USERS).len(), lab.token_requests().len()), (expected, 2, 2));
    assert_eq!(error.hint().as_deref(), Some("sign in"));
}

#[tokio::test]
async fn a_refusal_names_the_permissions_and_the_ids() {
    let lab = Lab::remembered().await;
    lab.graph_answers([graph_error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")]);
    let problem = Problem::from(lab.users().await.unwrap_err());
    assert_eq!(
        problem.what,
        "cannot read `/v1.0/users`: 403 Authorization_RequestDenied: Insufficient privileges to complete the operation. (request-id `req-9`)"
    );
    assert!(problem.hint.unwrap().ends_with("consent to `User.Read.All`, `Organization.Read.All`"));
}

#[tokio::test]
async fn a_duplicate_is_recognised_in_all_its_shapes() {
    for (status, code, message) in [
        (400, "Request_BadRequest", "A conflicting object with one or more of the specified property values is present in the directory."),
        (409, "Request_MultipleObjectsWithSameKeyValue", "Another object exists"),
        (400, "RoleAssignmentExists", "The Role assignment already exists."),
    ] {
        let lab = Lab::remembered().await;
        lab.graph_answers([graph_error(status, code, message)]);
        assert!(lab.assign().await.unwrap_err().is_conflict(), "{code}");
    }
    let lab = Lab::remembered().await;
    lab.graph_answers([graph_error(400, "Request_BadRequest", "Invalid property")]);
    assert!(!lab.assign().await.unwrap_err().is_conflict());
}

#[tokio::test]
async fn pages_are_followed_verbatim_with_the_same_headers_and_become_one_list() {
    let lab = Lab::remembered().await;
    let page = |ids: &[&str], next: Option<&str>, count: bool| {
        let mut body = value!({"value": ids.iter().map(|id| value!({"id": id})).collect::<Vec<_>>()});
        if let Some(next) = next {
            body["@odata.nextLink"] = Value::from(next);
        }
        if count {
            body["@odata.count"] = Value::from(3);
        }
        json(200, &body).with("request-id", ids.join("-"))
    };
    let next = lab.server.url("/v1.0/users?$count=true&$skiptoken=a%2fB%20c+d").to_string();
    lab.graph_answers([page(&["1", "2"], Some(&next), true), page(&["3"], None, false)]);
    let filter = ("$filter".to_owned(), "startsWith(displayName,'O''Neil & co')".to_owned());
    let reply = lab.graph.get(GraphGet { path: USERS.to_owned(), query: vec![filter], eventual: true }).await.unwrap();
    assert_eq!(reply.body, value!({"@odata.count": 3, "value": [{"id": "1"}, {"id": "2"}, {"id": "3"}]}));
    assert_eq!((reply.status, reply.request_id.as_deref()), (200, Some("1-2")));
    let asked = lab.server.asked_for(USERS);
    assert_eq!(asked[0].query()["$filter"], "startsWith(displayName,'O''Neil & co')");
    assert_eq!(asked[0].query()["$count"], "true");
    assert_eq!(asked[1].target, "/v1.0/users?$count=true&$skiptoken=a%2fB%20c+d");
    for asked in &asked {
        assert_eq!((asked.header("consistencylevel"), asked.header("return-client-request-id")), ("eventual", "true"));
        assert_eq!(asked.header("client-request-id").len(), 36);
    }
    assert_ne!(asked[0].header("client-request-id"), asked[1].header("client-request-id"));
    assert!(!format!("{:?}", lab.http.log().recent()).contains("a%2fB") && !format!("{:?}", lab.http.log().recent()).contains("a/B"));
}

#[tokio::test]
async fn neither_a_page_nor_a_redirect_takes_the_token_to_another_host() {
    let other = Rude::start(|_| json(200, &value!({"value": []}))).await;
    let elsewhere = other.url("/v1.0/users?$skiptoken=x").to_string();
    let lab = Lab::remembered().await;
    lab.graph_answers([json(200, &value!({"value": [], "@odata.nextLink": elsewhere}))]);
    let error = lab.users().await.unwrap_err();
    assert!(matches!(&error, GraphError::Elsewhere { host, .. } if *host == format!("http://{}", other.address)), "{error}");
    lab.graph_answers([json(302, &value!({})).with("location", elsewhere.clone())]);
    let error = lab.users().await.unwrap_err();
    assert!(matches!(&error, GraphError::Http { why: HttpError::Redirected { .. }, .. }), "{error}");
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn a_list_without_end_and_one_that_is_none_are_errors() {
    let lab = Lab::remembered().await;
    let next = |lab: &Lab| lab.server.url("/v1.0/users?$skiptoken=again").to_string();
    let page = |lab: &Lab| json(200, &value!({"value": [1, 2], "@odata.nextLink": next(lab)}));
    lab.graph_answers((0..60).map(|_| page(&lab)));
    let error = lab.users().await.unwrap_err();
    assert!(matches!(error, GraphError::TooMany { .. }), "{error}");
    assert_eq!(lab.server.asked_for(USERS).len(), 50);
    let lab = Lab::remembered().await;
    lab.graph_answers((0..9).map(|_| page(&lab)));
    let few = lab.graph.clone().with_limits(Limits { items: 5, ..Limits::default() });
    assert!(matches!(few.get(users()).await.unwrap_err(), GraphError::TooMany { items: 5, .. }));
    let lab = Lab::remembered().await;
    let no_list = value!({"value": 1, "@odata.nextLink": next(&lab)});
    lab.graph_answers([json(200, &no_list), json(200, &no_list), json(200, &value!({"value": [], "@odata.nextLink": 7}))]);
    for _ in 0..2 {
        let error = lab.users().await.unwrap_err();
        assert!(matches!(error, GraphError::NotUnderstood { .. }), "{error}");
    }
}

#[tokio::test]
async fn hostile_text_of_a_server_comes_out_clean_and_short() {
    let lab = Lab::remembered().await;
    let message = format!("\u{1b}]0;owned\u{7}\u{202e}evil\r\n\u{9b}31m{}", "z".repeat(5000));
    lab.graph_answers([graph_error(400, "\u{1b}[2Jcode", &message)]);
    let error = lab.users().await.unwrap_err();
    let said = format!("{error} {:?}", lab.http.log().recent());
    assert!(!said.chars().any(guidepost::base::text::is_hostile) && error.to_string().chars().count() < 600, "{said}");
    let html = format!("<html>\u{1b}[2J{}</html>", "y".repeat(5000));
    lab.graph_answers([Answer::Reply { status: 200, headers: vec![("content-type", "text/html".to_owned())], body: html }]);
    let error = lab.users().await.unwrap_err();
    let GraphError::NotJson { excerpt, kind, .. } = &error else { panic!("{error}") };
    assert!(kind == "text/html" && excerpt.starts_with("`<html>\u{fffd}[2Jyyy") && excerpt.chars().count() <= 122, "{excerpt}");
}

#[tokio::test]
async fn replies_that_are_no_answer_are_errors_and_never_hang() {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let reply =
        |body: &str| Answer::Reply { status: 200, headers: vec![("content-type", "application/json".to_owned())], body: body.to_owned() };
    for answer in [reply(&deep), reply("{\"value\": [1,"), reply(""), Answer::Reply { status: 204, headers: vec![], body: String::new() }] {
        let lab = Lab::remembered().await;
        lab.graph_answers([answer]);
        let error = lab.users().await.unwrap_err();
        assert!(matches!(error, GraphError::NotJson { .. }), "{error}");
    }
    let half = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"value\":".to_vec();
    let lab = Lab::remembered().await;
    lab.graph_answers((0..4).map(|_| Answer::Raw(half.clone())));
    let error = lab.users().await.unwrap_err();
    assert!(matches!(&error, GraphError::Http { why: HttpError::Cut { .. }, .. }), "{error}");
    let lab = Lab::remembered().await;
    lab.graph_answers([Answer::Flood { bytes: 50 << 20, announced: false }]);
    let error = lab.users().await.unwrap_err();
    assert!(matches!(&error, GraphError::Http { why: HttpError::TooLarge { .. }, .. }), "{error}");
    assert!(lab.server.written() < 25 << 20);
}

#[tokio::test]
async fn a_read_that_takes_too_long_in_sum_is_given_up() {
    let lab = Lab::remembered().await;
    lab.session.resume().await.unwrap();
    lab.graph_answers([Answer::Hang]);
    let deadline = Duration::from_millis(300);
    let hasty = lab.graph.clone().with_limits(Limits { deadline, ..Limits::default() });
    let error = hasty.get(users()).await.unwrap_err();
    assert!(matches!(&error, GraphError::Http { why: HttpError::TimedOut { after, .. }, .. } if *after == deadline), "{error}");
}

#[tokio::test]
async fn only_paths_of_graph_are_asked() {
    let lab = Lab::remembered().await;
    for path in [
        "",
        "/",
        "users",
        "/v2.0/users",
        "/v1.0/../admin",
        "/v1.0/users/..",
        "/v1.0/%2e%2e/admin",
        "/v1.0/users?$top=1",
        "/v1.0/users#x",
        "/v1.0/$batch",
        "/v1.0//evil.example/",
        "/v1.0/a\\b",
        "/v1.0/a b",
        "@evil.example/v1.0/x",
        "/v1.0/\u{1b}",
    ] {
        let error = lab.graph.get(GraphGet { path: path.to_owned(), query: Vec::new(), eventual: false }).await.unwrap_err();
        assert!(matches!(error, GraphError::BadPath { .. }), "{path}: {error}");
    }
    assert!(lab.server.asked().is_empty());
}

#[tokio::test]
async fn an_empty_answer_to_a_deletion_is_fine() {
    let lab = Lab::remembered().await;
    lab.graph_answers([Answer::Reply { status: 204, headers: vec![("request-id", "r".to_owned())], body: String::new() }]);
    let write = GraphWrite { method: Method::DELETE, path: "/v1.0/roleManagement/directory/roleAssignments/x-1".to_owned(), body: None };
    let reply = lab.graph.write(write).await.unwrap();
    assert_eq!((reply.status, reply.body, reply.request_id.as_deref()), (204, Value::Null, Some("r")));
}

const RESET: &str = "/v1.0/users/u1/authentication/methods/28c10230-6103-485e-b985-444c60001490/resetPassword";

#[tokio::test]
async fn a_reset_is_watched_at_the_whole_address_that_graph_gave_and_its_reply_keeps_no_password() {
    let lab = Lab::remembered().await;
    let place = lab.server.url("/v1.0/users/u1/authentication/operations/o1?aadgdc=PRAC01P&aadgsu=ssprprod-a").to_string();
    lab.graph_answers([json(202, &value!({"newPassword": CANARY})).with("location", &place), json(200, &value!({"status": "succeeded"}))]);
    let reply = lab.graph.reset_password(RESET, &Secret::new(CANARY)).await.unwrap();
    assert_eq!((reply.status, &reply.body), (202, &Value::Null));
    let location = reply.location.unwrap();
    assert!(!format!("{location:?}").contains("o1"));
    assert_eq!(lab.graph.poll(&location).await.unwrap().body["status"], "succeeded");
    let asked = lab.server.asked();
    let sent = asked.iter().find(|asked| asked.path() == RESET).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&sent.body).unwrap(), value!({"newPassword": CANARY}));
    assert!(asked.iter().any(|asked| asked.target.ends_with("/o1?aadgdc=PRAC01P&aadgsu=ssprprod-a")), "with its query");
    assert!(!format!("{:?}", lab.http.log().recent()).contains(CANARY));
}

#[tokio::test]
async fn an_operation_on_another_host_is_never_asked() {
    let lab = Lab::remembered().await;
    lab.graph_answers([json(202, &value!({})).with("location", "https://evil.example/v1.0/users/u1/authentication/operations/o1")]);
    let location = lab.graph.reset_password(RESET, &Secret::new(CANARY)).await.unwrap().location.unwrap();
    let before = lab.server.asked().len();
    let error = lab.graph.poll(&location).await.unwrap_err();
    assert!(matches!(error, GraphError::Elsewhere { .. }), "{error}");
    assert_eq!(lab.server.asked().len(), before);
}
