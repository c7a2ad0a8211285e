//! Steering the lab, and what its request log says.

use crate::browser::{Browser, redeem};
use crate::lab::{ASSIGNMENTS, Lab, USER1, VERIFIER, run, wish};
use serde_json::{Value, json};

#[tokio::test]
async fn time_and_persons_move_the_world_by_commands() {
    let lab = Lab::start(&["--from", "start", "--consistency", "0s"]).await;
    let token = lab.admin().await;
    let organization = async || lab.get(&token, "/v1.0/organization").await.1["value"][0].clone();
    assert_eq!(organization().await["onPremisesSyncEnabled"], Value::Null);
    assert_eq!(lab.get(&token, "/v1.0/subscribedSkus").await.1["value"], json!([]));
    for words in
        [vec!["person", "buy-license", "SPE_E5"], vec!["person", "add-domain", "testlab.contoso.example"], vec!["person", "start-sync"]]
    {
        let done = run(&words, &lab.dir).await;
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let before = organization().await;
    assert_eq!(before["onPremisesSyncEnabled"], true);
    let (_, user1) = lab.get(&token, &format!("/v1.0/users/{USER1}?$select=userPrincipalName")).await;
    assert_eq!(user1["userPrincipalName"], "User1@testlab.contoso.example");
    let clock = run(&["clock", "+35m"], &lab.dir).await;
    assert!(clock.status.success());
    let after = organization().await;
    let synced = |organization: &Value| organization["onPremisesLastSyncDateTime"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(synced(&after).duration_since(synced(&before)).as_mins(), 30);
    let wrong = run(&["person", "assign-role", "Nobody", "Global Reader"], &lab.dir).await;
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("there is no account `Nobody`"));
    let list = String::from_utf8(run(&["person", "--list"], &lab.dir).await.stdout).unwrap();
    assert!(list.lines().count() > 10 && list.contains("assign-role USER ROLE"), "{list}");
    assert!(run(&["reset", "--from", "done"], &lab.dir).await.status.success());
    assert!(lab.administrators(&token).await.contains(&USER1.to_owned()));
}

#[tokio::test]
async fn control_needs_its_key_and_says_what_it_can() {
    let lab = Lab::start(&[]).await;
    let body: Value = lab.http.get(format!("{}/", lab.text("control"))).send().await.unwrap().json().await.unwrap();
    assert_eq!(body, json!({"capabilities": ["clock", "person", "faults", "wizard"]}));
    let guess = format!("{}/practice-control/guess/requests", lab.text("authority"));
    assert_eq!(lab.http.get(guess).send().await.unwrap().status(), 404);
    for (path, body) in
        [("clock", json!({"advance": "-1h"})), ("clock", json!({})), ("reset", json!({"from": "never"})), ("nothing", json!({}))]
    {
        let (status, reply) = lab.control(path, &body).await;
        assert!(status.is_client_error() && reply["error"].is_string(), "{path} {body}: {status} {reply}");
    }
}

#[tokio::test]
async fn the_request_log_counts_writes_and_holds_no_secret() {
    let lab = Lab::start(&[]).await;
    let client = lab.text("client_id").to_owned();
    let mut browser = Browser::open(&lab, &client, "openid offline_access User.Read", &[("nonce", "canary-nonce")]).await;
    browser.log_in("admin@contoso.onmicrosoft.com").await;
    let code = browser.answer("code").unwrap();
    let (_, tokens) = redeem(&lab, &client, &code, VERIFIER).await;
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(lab.assign(access, &wish(USER1)).await.0, 201);
    // A careless client that puts its token where it does not belong.
    assert_eq!(lab.get(access, &format!("/v1.0/me?access_token={access}")).await.0, 200);
    let log = lab.requests().await;
    let text = log.to_string();
    let password = lab.ready["admin"]["password"].as_str().unwrap();
    let control = lab.text("control").rsplit('/').next().unwrap();
    let secrets = [password, &code, access, tokens["refresh_token"].as_str().unwrap(), VERIFIER, "canary-nonce", &lab.seed(), control];
    for (n, secret) in secrets.iter().enumerate() {
        assert!(!text.contains(secret), "secret {n} is in the log");
    }
    let writes: Vec<&Value> =
        log["requests"].as_array().unwrap().iter().filter(|line| line["method"] == "POST" && line["path"] == ASSIGNMENTS).collect();
    assert_eq!(writes.len(), 1);
    assert_eq!((&writes[0]["status"], &writes[0]["permission"]), (&json!(201), &json!("RoleManagement.ReadWrite.Directory")));
    let world = std::fs::read_to_string(lab.dir.join("world.json")).unwrap();
    assert!(!world.contains(access) && !world.contains(&lab.seed()), "the world holds a token");
}
