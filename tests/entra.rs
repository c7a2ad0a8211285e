//! Sign-in against a tenant that behaves badly. The promises are the names. No test waits for a retry: pauses are only
//! counted, and the clock stands still until a test moves it.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/rude.rs"]
mod rude;
#[path = "support/tenant.rs"]
mod tenant;

use guidepost::base::clock::SignedDuration;
use guidepost::base::{Exit, Problem};
use guidepost::services::entra::{EntraSettings, GraphError, Purpose, Session, SignInError};
use rude::{Answer, Rude, json};
use serde_json::json as value;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;
use tenant::{CANARY, Lab, Options, browse, graph_error, query, refused, secrets_in, tokens, v4};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn sign_in_proves_its_verifier_and_knows_who_it_is() {
    let lab = Lab::new().await;
    let sign_in = lab.session.begin().await.unwrap();
    let asked = query(&sign_in.address);
    let (target, port) = (lab.approve(&sign_in), sign_in.port());
    assert_eq!(sign_in.address.path(), "/contoso.example/oauth2/v2.0/authorize");
    assert_eq!(asked["redirect_uri"], format!("http://localhost:{port}"));
    let graph = lab.server.url("");
    assert_eq!(asked["scope"], format!("{graph}User.Read.All {graph}Organization.Read.All offline_access openid profile"));
    let expected = [("client_id", "reader"), ("response_type", "code"), ("response_mode", "query"), ("code_challenge_method", "S256")];
    for (name, expected) in expected {
        assert_eq!(asked[name], expected);
    }
    let (account, page) = tokio::join!(sign_in.finish(), browse(v4(port), &target));
    let account = account.unwrap();
    assert_eq!((account.upn.reveal(), account.tenant_id.as_str()), ("admin@contoso.example", "22222222-0000-0000-0000-000000000002"));
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("close this tab") && !page.contains("<script"), "{page}");
    assert!(!secrets_in(&page), "{page}");
    assert_eq!(lab.session.account().await, Some(account));
    assert!(lab.vault.get("lab").await.unwrap().expose().starts_with("refresh-"));
    // The token that came with it is used, without another request.
    lab.users().await.unwrap();
    assert_eq!(lab.token_requests().len(), 1);
}

#[tokio::test]
async fn the_browser_may_come_by_ipv6() {
    if tokio::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.is_err() {
        eprintln!("skipped: no IPv6 on this machine");
        return;
    }
    let lab = Lab::new().await;
    let sign_in = lab.session.begin().await.unwrap();
    let (target, port) = (lab.approve(&sign_in), sign_in.port());
    let (account, page) = tokio::join!(sign_in.finish(), browse((Ipv6Addr::LOCALHOST, port).into(), &target));
    assert!(account.is_ok() && page.starts_with("HTTP/1.1 200"), "{account:?} {page}");
}

#[tokio::test]
async fn stray_requests_and_a_wrong_state_end_nothing_and_bring_no_token() {
    let lab = Lab::new().await;
    let sign_in = lab.session.begin().await.unwrap();
    let (target, port) = (lab.approve(&sign_in), sign_in.port());
    let silent = TcpStream::connect(v4(port)).await.unwrap();
    let visit = async {
        assert!(browse(v4(port), "/favicon.ico").await.starts_with("HTTP/1.1 404"));
        assert!(browse(v4(port), "/").await.starts_with("HTTP/1.1 404"));
        for wrong in ["/?code=stolen&state=wrong", "/?code=stolen", "/?error=access_denied&state=", "/?error=access_denied"] {
            let page = browse(v4(port), wrong).await;
            assert!(page.starts_with("HTTP/1.1 400") && !page.contains("stolen"), "{page}");
        }
        assert!(browse(v4(port), &target.replace("/?", "/other?")).await.starts_with("HTTP/1.1 404"));
        // A request without an end is cut off, whatever is in it.
        let mut endless = TcpStream::connect(v4(port)).await.unwrap();
        let flood = endless.write_all(&vec![b'a'; 4 * 1024 * 1024]).await;
        let closed = endless.read(&mut [0; 1]).await;
        assert!(flood.is_err() || !matches!(closed, Ok(1)));
        assert!(lab.token_requests().is_empty());
        browse(v4(port), &target).await
    };
    let (account, page) = tokio::join!(sign_in.finish(), visit);
    assert!(account.is_ok() && page.starts_with("HTTP/1.1 200"), "{account:?} {page}");
    assert_eq!(lab.token_requests().len(), 1);
    drop(silent);
}

#[tokio::test]
async fn declining_in_the_browser_is_an_error_in_clean_words() {
    let lab = Lab::new().await;
    let sign_in = lab.session.begin().await.unwrap();
    let (state, port) = (query(&sign_in.address)["state"].clone(), sign_in.port());
    let target = format!("/?error=access_denied&error_description=AADSTS65004%3A%1b%5b2Jdeclined%0d%0aTrace%20ID%3a%20x&state={state}");
    let (account, page) = tokio::join!(sign_in.finish(), browse(v4(port), &target));
    let error = account.unwrap_err();
    assert_eq!(
        error.to_string(),
        "sign-in was refused: you declined the permissions that were asked for (access_denied: AADSTS65004:\u{fffd}[2Jdeclined)"
    );
    assert!(error.needs_person() && error.hint().unwrap().contains("accept in the browser"));
    assert!(page.contains("did not succeed") && !page.contains("65004"), "{page}");
    assert!(lab.token_requests().is_empty());
}

#[tokio::test]
async fn dropping_a_sign_in_closes_its_port_and_waiting_has_an_end() {
    let lab = Lab::new().await;
    let sign_in = lab.session.begin().await.unwrap();
    let port = sign_in.port();
    drop(sign_in);
    assert!(TcpStream::connect(v4(port)).await.is_err());
    let patience = Duration::from_millis(50);
    let error = lab.session.begin().await.unwrap().patience(patience).finish().await.unwrap_err();
    assert_eq!(error, SignInError::NoAnswer { after: patience });
}

#[tokio::test]
async fn without_a_refresh_token_one_is_signed_out_and_nothing_is_sent() {
    let lab = Lab::new().await;
    assert_eq!(lab.session.resume().await, Err(SignInError::SignedOut));
    assert_eq!(lab.session.token(Purpose::Read).await.unwrap_err(), SignInError::SignedOut);
    let GraphError::SignIn { why, .. } = lab.users().await.unwrap_err() else { panic!() };
    assert_eq!(why, SignInError::SignedOut);
    assert!(lab.server.asked().is_empty());
}

#[tokio::test]
async fn a_session_resumes_and_keeps_each_new_refresh_token() {
    let lab = Lab::remembered().await;
    assert_eq!(lab.session.resume().await.unwrap().upn.reveal(), "admin@contoso.example");
    assert_eq!(lab.vault.get("lab").await.unwrap().expose(), format!("refresh-{CANARY}-1"));
    lab.clock.advance(SignedDuration::from_hours(2));
    lab.session.token(Purpose::Read).await.unwrap();
    let sent: Vec<_> = lab.token_requests().iter().map(|asked| asked.form()["refresh_token"].clone()).collect();
    assert_eq!(sent, ["refresh-first".to_owned(), format!("refresh-{CANARY}-1")]);
    assert_eq!(lab.vault.get("lab").await.unwrap().expose(), format!("refresh-{CANARY}-2"));
    lab.session.sign_out().await;
    assert!(lab.vault.get("lab").await.is_none());
    assert_eq!(lab.session.token(Purpose::Read).await.unwrap_err(), SignInError::SignedOut);
}

#[tokio::test]
async fn a_token_is_renewed_shortly_before_it_ends_by_the_clock_that_was_passed_in() {
    let lab = Lab::remembered().await;
    let first = lab.session.token(Purpose::Read).await.unwrap();
    lab.clock.advance(SignedDuration::from_secs(3600 - 121));
    assert!(lab.session.token(Purpose::Read).await.unwrap().same_as(&first));
    lab.clock.advance(SignedDuration::from_secs(1));
    assert!(!lab.session.token(Purpose::Read).await.unwrap().same_as(&first));
    assert_eq!(lab.token_requests().len(), 2);
}

#[tokio::test]
async fn many_who_ask_at_once_make_one_request() {
    let lab = Lab::remembered().await;
    let asks = (0..20).map(|_| lab.session.token(Purpose::Read));
    let tokens: Vec<_> = futures_util::future::join_all(asks).await.into_iter().map(Result::unwrap).collect();
    assert!(tokens.iter().all(|token| token.same_as(&tokens[0])));
    assert_eq!(lab.token_requests().len(), 1);
}

#[tokio::test]
async fn a_replaced_refresh_token_is_kept_even_if_nobody_waits_for_it() {
    let gate = Arc::new(tokio::sync::Notify::new());
    let arrived = Arc::new(tokio::sync::Notify::new());
    let (wait, tell) = (gate.clone(), arrived.clone());
    let server = Rude::start_async(move |_| {
        let (wait, tell) = (wait.clone(), tell.clone());
        async move {
            tell.notify_one();
            wait.notified().await;
            tokens(1, 3600, "o")
        }
    })
    .await;
    let mut lab = Lab::remembered().await;
    let settings = EntraSettings { authority: server.url("/"), ..lab.session.settings().clone() };
    lab.session = Session::new(lab.http.clone(), settings, lab.vault.clone(), "lab".to_owned(), lab.clock.clone());
    let session = lab.session.clone();
    let asking = tokio::spawn(async move { session.token(Purpose::Read).await });
    arrived.notified().await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    gate.notify_one();
    lab.session.token(Purpose::Read).await.unwrap();
    assert_eq!(server.asked().len(), 1);
    assert_eq!(lab.vault.get("lab").await.unwrap().expose(), format!("refresh-{CANARY}-1"));
}

#[tokio::test]
async fn a_refusal_is_said_with_its_reason_and_not_asked_for_again_until_a_person_acts() {
    let lab = Lab::remembered().await;
    lab.token_answers([refused("invalid_grant")]);
    let error = lab.session.token(Purpose::Read).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "sign-in was refused: the earlier sign-in has ended, because it was revoked or the password was changed (invalid_grant: AADSTS50173: \u{fffd}[31mThe provided grant has expired.)"
    );
    let problem = Problem::from(error.clone());
    assert_eq!((problem.exit, problem.hint.as_deref()), (Exit::Unknown, Some("sign in again")));
    assert_eq!(lab.session.token(Purpose::Read).await.unwrap_err(), error);
    assert_eq!(lab.token_requests().len(), 1);
    lab.session.resume().await.unwrap();
    assert_eq!(lab.token_requests().len(), 2);
}

#[tokio::test]
async fn a_busy_sign_in_service_is_asked_again_and_its_trouble_is_not_remembered() {
    let lab = Lab::remembered().await;
    lab.token_answers([json(503, &value!({})).with("retry-after", "2.5"), json(500, &value!({}))]);
    lab.session.token(Purpose::Read).await.unwrap();
    assert_eq!((lab.paused()[0], lab.paused().len()), (Duration::from_millis(2500), 2));
    lab.clock.advance(SignedDuration::from_hours(2));
    lab.token_answers((0..4).map(|_| json(500, &value!({}))));
    let error = lab.session.token(Purpose::Read).await.unwrap_err();
    assert!(matches!(error, SignInError::Busy { status: 500, .. }) && !error.needs_person(), "{error}");
    lab.session.token(Purpose::Read).await.unwrap();
}

#[tokio::test]
async fn nonsense_from_the_token_endpoint_is_said_without_repeating_it() {
    let broken = format!("{{\"access_token\": [\"{CANARY}\"]}}");
    let reply =
        |body: &str| Answer::Reply { status: 200, headers: vec![("content-type", "application/json".to_owned())], body: body.to_owned() };
    for answer in
        [reply(&broken), reply("<html>"), reply(""), json(404, &value!("x")), reply("{\"access_token\":\"a\",\"id_token\":\"b\"}")]
    {
        let lab = Lab::remembered().await;
        lab.token_answers([answer]);
        let error = lab.session.resume().await.unwrap_err();
        assert!(matches!(error, SignInError::NotUnderstood { .. }) && !secrets_in(&format!("{error:?}")), "{error}");
    }
}

#[tokio::test]
async fn writing_is_asked_for_only_when_something_is_written() {
    let lab = Lab::remembered().await;
    lab.users().await.unwrap();
    let write = "RoleManagement.ReadWrite.Directory";
    assert!(lab.token_requests().iter().all(|asked| !asked.form()["scope"].contains(write)));
    lab.assign().await.unwrap();
    let scope = lab.token_requests()[1].form()["scope"].clone();
    assert_eq!(scope, format!("{}{write} offline_access openid profile", lab.server.url("")));
}

#[tokio::test]
async fn an_application_of_its_own_for_writing_has_its_own_sign_in() {
    let lab = Lab::remembered_with(Options { write_client_id: Some("writer".to_owned()), ..Options::default() }).await;
    lab.session.resume().await.unwrap();
    let error = lab.assign().await.unwrap_err();
    assert!(matches!(&error, GraphError::SignIn { why: SignInError::SignedOut, .. }) && error.outcome_known(), "{error}");
    let sign_in = lab.session.begin_for(Purpose::Write).await.unwrap();
    let asked = query(&sign_in.address);
    assert_eq!((asked["client_id"].as_str(), asked["login_hint"].as_str()), ("writer", "admin@contoso.example"));
    let (target, port) = (lab.approve(&sign_in), sign_in.port());
    let (account, _) = tokio::join!(sign_in.finish(), browse(v4(port), &target));
    account.unwrap();
    assert!(lab.vault.get("lab/write").await.is_some());
    lab.assign().await.unwrap();
    assert_eq!(lab.posts(), 1);
}

#[tokio::test]
async fn another_account_may_not_write_for_the_one_that_reads() {
    let lab = Lab::remembered().await;
    lab.session.resume().await.unwrap();
    lab.token_answers([tokens(9, 3600, "somebody-else")]);
    let error = lab.assign().await.unwrap_err();
    assert!(matches!(&error, GraphError::SignIn { why: SignInError::OtherAccount, .. }), "{error}");
    assert_eq!(lab.posts(), 0);
}

#[tokio::test]
async fn no_token_code_or_verifier_shows_in_logs_errors_or_debug_output() {
    let lab = Lab::new().await;
    let sign_in = lab.session.begin().await.unwrap();
    let (target, port) = (lab.approve(&sign_in), sign_in.port());
    let debug = format!("{sign_in:?}");
    let (account, _) = tokio::join!(sign_in.finish(), browse(v4(port), &target));
    let account = account.unwrap();
    lab.graph_answers([graph_error(401, "x", "y"), graph_error(403, "x", "y")]);
    let error = lab.users().await.unwrap_err();
    let token = lab.session.token(Purpose::Read).await.unwrap();
    lab.clock.advance(SignedDuration::from_hours(2));
    lab.token_answers([refused("invalid_grant")]);
    let refusal = lab.session.token(Purpose::Read).await.unwrap_err();
    let seen = format!("{:?}", lab.server.asked());
    for secret in ["access-", "refresh-", "code-"] {
        assert!(seen.contains(&format!("{secret}{CANARY}")), "the server was sent no {secret}");
    }
    let verifier = lab.token_requests()[0].form()["code_verifier"].clone();
    let told = format!(
        "{debug} {account:?} {error} {error:?} {refusal} {refusal:?} {token:?} {:?} {:?} {:?} {:?} {:?}",
        lab.http.log().recent(),
        lab.session,
        lab.graph,
        lab.vault,
        lab.http
    );
    assert!(!secrets_in(&told) && !told.contains(&verifier) && !told.contains("admin@"), "{told}");
}
