//! An application's session: when it asks for a token, with which proof, and what it never does. Scripted tenant, clock by hand.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/rude.rs"]
mod rude;
#[path = "support/tenant.rs"]
mod tenant;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use guidepost::base::{Secret, clock::SignedDuration};
use guidepost::services::entra::{Certificate, Graph, GraphError, Purpose, Session, SignInError, Way};
use rude::json;
use serde_json::{Value, json as value};
use std::{collections::BTreeSet, path::Path, sync::Arc};
use tenant::{CANARY, Lab, users};

fn certificate(name: &str) -> Certificate {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/certificates").join(name);
    Certificate::read(&std::fs::read(path).unwrap(), None).unwrap()
}

/// In 2030, when the certificates of the fixtures are good.
async fn app(name: &str) -> (Lab, Session, Graph) {
    let lab = Lab::new().await;
    lab.clock.advance(SignedDuration::from_hours(24 * 365 * 60));
    let session = lab.session.clone().by_certificate(certificate(name));
    let graph = Graph::new(lab.http.clone(), session.clone()).with_pause(Arc::new(lab.pauses.clone()));
    (lab, session, graph)
}

fn token(number: u32) -> rude::Answer {
    let refresh = format!("refresh-{CANARY}");
    json(200, &value!({"token_type": "Bearer", "expires_in": 3600, "access_token": format!("app-{number}"), "refresh_token": refresh}))
}

/// The ids of the proofs that were sent.
fn proofs(lab: &Lab) -> Vec<String> {
    let claims = |proof: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(proof.split('.').nth(1).unwrap()).unwrap()).unwrap();
    lab.token_requests().iter().map(|asked| claims(&asked.form()["client_assertion"])["jti"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_token_is_kept_until_shortly_before_its_end_and_then_a_new_proof_is_sent() {
    let (lab, session, graph) = app("plain.pem").await;
    lab.token_answers([token(1), token(2)]);
    for _ in 0..3 {
        graph.get(users()).await.unwrap();
    }
    lab.clock.advance(SignedDuration::from_secs(3600 - 121));
    graph.get(users()).await.unwrap();
    assert_eq!(lab.token_requests().len(), 1);
    lab.clock.advance(SignedDuration::from_secs(2));
    graph.get(users()).await.unwrap();
    let used: BTreeSet<String> = lab.server.asked_for("/v1.0/users").iter().map(|asked| asked.header("authorization").to_owned()).collect();
    assert_eq!(used, BTreeSet::from(["Bearer app-1".to_owned(), "Bearer app-2".to_owned()]));
    assert_eq!(proofs(&lab).into_iter().collect::<BTreeSet<_>>().len(), 2);
    assert!(lab.vault.get("lab").await.is_none(), "a refresh token is not kept, should one come");
    assert_eq!(session.account().await.unwrap().upn.reveal(), "the application reader");
}

#[tokio::test]
async fn a_busy_service_is_asked_again_with_another_proof_and_a_401_brings_a_new_token_once() {
    let (lab, _, graph) = app("plain.pem").await;
    lab.token_answers([json(429, &value!({})).with("retry-after", "2.128"), json(503, &value!({})), token(1), token(2)]);
    lab.graph_answers([tenant::graph_error(401, "InvalidAuthenticationToken", "CompactToken validation failed.")]);
    graph.get(users()).await.unwrap();
    let proofs = proofs(&lab);
    assert_eq!((proofs.len(), proofs.iter().collect::<BTreeSet<_>>().len()), (4, 4));
}

#[tokio::test]
async fn a_certificate_that_is_not_good_now_sends_nothing() {
    let (lab, _, graph) = app("ended.pem").await;
    let error = graph.get(users()).await.unwrap_err();
    assert!(matches!(error, GraphError::SignIn { why: SignInError::CertificateNotGood { .. }, .. }), "{error}");
    assert!(error.hint().unwrap().contains("make a new certificate"), "{error}");
    assert!(lab.server.asked().is_empty());
}

#[tokio::test]
async fn nothing_is_written_and_no_person_signs_in() {
    let (lab, session, _) = app("plain.pem").await;
    lab.vault.put("lab", Secret::new("refresh-first")).await.unwrap();
    assert_eq!(session.token(Purpose::Write).await.unwrap_err(), SignInError::PersonNeeded);
    for way in Way::ALL {
        assert_eq!(session.start(way, Purpose::Read).await.err().unwrap(), SignInError::PersonNeeded);
    }
    assert_eq!(session.begin().await.err().unwrap(), SignInError::PersonNeeded);
    assert!(lab.server.asked().is_empty());
}

#[tokio::test]
async fn a_refusal_by_graph_asks_for_an_application_permission_and_for_no_role() {
    let (lab, _, graph) = app("plain.pem").await;
    lab.token_answers([token(1)]);
    lab.graph_answers([tenant::graph_error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")]);
    let hint = graph.get(users()).await.unwrap_err().hint().unwrap();
    assert!(hint.contains("application permission") && hint.contains("`User.Read.All`") && !hint.contains("Global Reader"), "{hint}");
}
