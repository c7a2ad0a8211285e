//! The practice lab from outside: the real binary, real sockets and TLS, as an administrator, a browser and an attacker meet it.
#![expect(clippy::unwrap_used, clippy::panic, clippy::duration_suboptimal_units, reason = "tests")]

#[path = "support/lab.rs"]
mod lab;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use lab::*;
use serde_json::{Value, json};
use std::{path::Path, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

// The process.

#[tokio::test]
async fn the_announcement_is_the_ready_line_with_a_refresh_token_and_private() {
    let lab = Lab::start(&[]).await;
    let mut endpoint = lab.endpoint();
    assert!(endpoint.as_object_mut().unwrap().remove("refresh_token").unwrap().as_str().unwrap().len() > 40);
    assert_eq!(endpoint, lab.ready);
    assert_eq!(lab.ready["names"]["user1"], "User1");
    assert_eq!(lab.ready["pid"], lab.child.id().unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let files = ["endpoint.json", "world.json"].map(|name| mode(&lab.dir.join(name)));
        assert_eq!((mode(&lab.dir), files), (0o700, [0o600, 0o600]));
    }
}

#[tokio::test]
async fn a_second_start_shows_the_running_lab_and_leaves_it_alone() {
    let lab = Lab::start(&[]).await;
    let second = run(&["--format", "json"], &lab.dir).await;
    assert!(second.status.success());
    assert_eq!(serde_json::from_slice::<Value>(&second.stdout).unwrap(), lab.ready);
    assert_eq!(lab.get(&lab.admin().await, "/v1.0/me").await.0, 200);
}

#[tokio::test]
async fn kill_9_loses_no_change_that_was_answered() {
    let mut lab = Lab::start(&[]).await;
    let (token, seed) = (lab.admin().await, lab.seed());
    assert_eq!(lab.assign(&token, &wish(USER1)).await.0, 201);
    lab.child.kill().await.unwrap();
    let (dir, temp) = (lab.dir.clone(), lab.temp.take());
    assert!(dir.join("endpoint.json").exists(), "a killed lab cannot tidy up");
    let again = Lab { temp, ..Lab::start_in(dir, &[]).await };
    assert_ne!(again.ready["pid"], lab.ready["pid"]);
    // Tokens outlive it too: a client that was signed in goes on.
    assert!(again.administrators(&token).await.contains(&USER1.to_owned()));
    assert_eq!(again.refresh(&seed, "User.Read").await.0, 200);
}

#[tokio::test]
async fn a_lab_ends_when_nobody_has_been_there_for_the_linger_time_and_not_before() {
    let mut lab = Lab::start(&["--linger", "1s"]).await;
    let mut held = lab.http.get(format!("{}/hold", lab.text("control"))).timeout(Duration::from_secs(60)).send().await.unwrap();
    assert_eq!(held.chunk().await.unwrap().unwrap(), "held\n");
    assert!(timeout(Duration::from_millis(2_500), lab.child.wait()).await.is_err(), "it ended while it was held");
    drop(held);
    lab.http = client(&std::fs::read(lab.text("ca_file")).unwrap());
    assert!(timeout(LONG, lab.child.wait()).await.unwrap().unwrap().success());
    assert!(!lab.dir.join("endpoint.json").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn sigterm_ends_it_cleanly_even_while_it_is_held() {
    let mut lab = Lab::start(&[]).await;
    let mut held = lab.http.get(format!("{}/hold", lab.text("control"))).send().await.unwrap();
    assert_eq!(held.chunk().await.unwrap().unwrap(), "held\n");
    let pid = rustix::process::Pid::from_raw(i32::try_from(lab.child.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(timeout(LONG, lab.child.wait()).await.unwrap().unwrap().success());
    assert!(!lab.dir.join("endpoint.json").exists());
    assert_eq!(held.chunk().await.unwrap(), None, "a held reply ends whole");
}

#[tokio::test]
async fn what_cannot_be_served_is_refused_with_its_reason() {
    let temp = tempfile::tempdir().unwrap();
    let remote = run(&["--listen", "0.0.0.0:0"], temp.path()).await;
    assert_eq!(remote.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&remote.stderr).contains("hint: listen on 127.0.0.1"));
    std::fs::write(temp.path().join("world.json"), r#"{"format": 99}"#).unwrap();
    let newer = run(&[], temp.path()).await;
    assert_eq!(newer.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&newer.stderr).contains("has format 99, this version reads 1"));
    let none = run(&["clock", "+30m"], temp.path()).await;
    assert_eq!(none.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&none.stderr).contains("no practice lab runs"));
}

// TLS.

async fn handshake(lab: &Lab, name: &str) -> Result<(), std::io::Error> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(lab.text("ca_file")).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(lab.address()).await?;
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    connector.connect(name.to_owned().try_into().unwrap(), stream).await.map(drop)
}

#[tokio::test]
async fn its_certificate_is_for_this_machine_only_and_no_key_is_on_disk() {
    let lab = Lab::start(&[]).await;
    for name in ["localhost", "127.0.0.1", "::1"] {
        handshake(&lab, name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for name in ["graph.microsoft.com", "login.microsoftonline.com", "127.0.0.2", "sub.example"] {
        assert!(handshake(&lab, name).await.unwrap_err().to_string().contains("not valid for"), "{name}");
    }
    for file in std::fs::read_dir(&lab.dir).unwrap() {
        let path = file.unwrap().path();
        assert!(!String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains("PRIVATE KEY"), "{}", path.display());
    }
    let pem = std::fs::read_to_string(lab.text("ca_file")).unwrap();
    let der = base64::prelude::BASE64_STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap();
    // id-ce-nameConstraints is 2.5.29.30 (RFC 5280 4.2.1.10).
    assert!(der.windows(5).any(|bytes| bytes == [0x06, 0x03, 0x55, 0x1d, 0x1e]), "the authority is not constrained");
}

// Sign-in.

#[tokio::test]
async fn discovery_names_endpoints_under_the_authority() {
    let lab = Lab::start(&[]).await;
    for tenant in [lab.text("tenant_id"), "contoso.onmicrosoft.com", "common"] {
        let address = format!("{}/{tenant}/v2.0/.well-known/openid-configuration", lab.text("authority"));
        let body: Value = lab.http.get(address).send().await.unwrap().json().await.unwrap();
        assert_eq!(body["token_endpoint"], format!("{}/{tenant}/oauth2/v2.0/token", lab.text("authority")));
        let keys: Value = lab.http.get(body["jwks_uri"].as_str().unwrap()).send().await.unwrap().json().await.unwrap();
        assert_eq!(keys["keys"][0]["crv"], "P-256");
    }
    let unknown =
        lab.http.get(format!("{}/nobody.example/v2.0/.well-known/openid-configuration", lab.text("authority"))).send().await.unwrap();
    assert_eq!(unknown.status(), 400);
    assert_eq!(unknown.json::<Value>().await.unwrap()["error_codes"], json!([90_002]));
}

#[tokio::test]
async fn a_refresh_gives_a_new_token_and_the_old_one_stays_good_for_others() {
    let lab = Lab::start(&[]).await;
    let seed = lab.seed();
    let (_, first) = lab.refresh(&seed, "openid offline_access User.Read.All").await;
    let fresh = first["refresh_token"].as_str().unwrap();
    assert_ne!(fresh, seed);
    let life = first["expires_in"].as_i64().unwrap();
    assert!((3_600..=5_400).contains(&life), "{life}");
    assert!(first["scope"].as_str().unwrap().starts_with("openid User.Read.All "), "{first}");
    let info: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(first["client_info"].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(info["utid"], lab.ready["tenant_id"]);
    let parts: Vec<&str> = first["id_token"].as_str().unwrap().split('.').collect();
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    assert_eq!((&claims["oid"], &claims["tid"], &claims["aud"]), (&info["uid"], &lab.ready["tenant_id"], &lab.ready["client_id"]));
    assert_eq!(claims["preferred_username"], lab.ready["admin"]["upn"]);
    for token in [&seed, fresh] {
        assert_eq!(lab.refresh(token, "User.Read").await.0, 200);
    }
}

#[tokio::test]
async fn each_refusal_of_the_token_endpoint_has_entras_body() {
    let lab = Lab::start(&[]).await;
    let (seed, client) = (lab.seed(), lab.text("client_id").to_owned());
    let unknown = "00000000-0000-4000-8000-000000000000";
    let refresh = |client: &str, token: &str, more: (&str, &str)| {
        [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token), more]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let cases = [
        (refresh(unknown, &seed, ("scope", "User.Read")), "unauthorized_client", 700_016),
        (refresh(&client, "wrong", ("scope", "User.Read")), "invalid_grant", 9_002_313),
        (refresh(CLI_TOOLS, &seed, ("scope", "User.Read")), "invalid_grant", 700_005),
        (refresh(&client, &seed, ("scope", "Fly.All")), "invalid_scope", 70_011),
        (refresh(&client, &seed, ("scope", "https://management.azure.com/.default")), "invalid_resource", 500_011),
        (refresh(&client, &seed, ("scope", "User.ReadWrite.All")), "invalid_grant", 65_001),
        (refresh(&client, &seed, ("client_secret", "x")), "invalid_client", 700_025),
        (refresh(&client, "", ("scope", "User.Read")), "invalid_request", 900_144),
    ];
    for (form, error, code) in cases {
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (status, body) = lab.token_request(&form).await;
        assert!(status == 400 || status == 401, "{status}");
        assert_eq!((&body["error"], &body["error_codes"]), (&json!(error), &json!([code])), "{body}");
        let (trace, correlation) = (body["trace_id"].as_str().unwrap(), body["correlation_id"].as_str().unwrap());
        let text = body["error_description"].as_str().unwrap();
        assert!(text.starts_with(&format!("AADSTS{code}: ")), "{text}");
        let end = format!("\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {}", body["timestamp"].as_str().unwrap());
        assert!(text.ends_with(&end), "{text}");
    }
    let (status, body) = lab.token_request(&[("grant_type", "password")]).await;
    assert_eq!((status.as_u16(), &body["error"]), (400, &json!("unsupported_grant_type")));
}

#[tokio::test]
async fn a_person_approves_by_page_and_the_consent_is_kept() {
    let lab = Lab::start(&[]).await;
    let admin = lab.ready["admin"]["upn"].as_str().unwrap().to_owned();
    let mut browser = Browser::open(&lab, CLI_TOOLS, "openid offline_access User.Read Domain.Read.All", &[("login_hint", &admin)]).await;
    assert_eq!(browser.field("account"), admin);
    assert!(browser.page.contains("Microsoft Graph Command Line Tools") && browser.page.contains("Domain.Read.All"), "{}", browser.page);
    browser.submit("login", &[("account", &admin), ("password", "wrong"), ("act", "next")]).await;
    assert!(browser.page.contains("AADSTS50126"), "{}", browser.page);
    browser.log_in(&admin).await;
    assert!(browser.page.contains("Permissions requested"), "{}", browser.page);
    browser.submit("consent", &[("act", "approve")]).await;
    assert_eq!(browser.answer("state").unwrap(), "s&t=1");
    let code = browser.answer("code").unwrap();
    let (status, body) = redeem(&lab, CLI_TOOLS, &code, VERIFIER).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["scope"], "openid User.Read Domain.Read.All");
    assert!(body["refresh_token"].is_string());
    let (status, again) = redeem(&lab, CLI_TOOLS, &code, VERIFIER).await;
    assert_eq!((status.as_u16(), &again["error_codes"]), (400, &json!([54_005])));
    // The second time nobody is asked, and the token carries the older consent.
    let mut second = Browser::open(&lab, CLI_TOOLS, "User.Read", &[]).await;
    second.log_in(&admin).await;
    let (_, body) = redeem(&lab, CLI_TOOLS, &second.answer("code").unwrap(), VERIFIER).await;
    assert_eq!(body["scope"], "User.Read Domain.Read.All");
    assert_eq!(body.get("refresh_token"), None, "nobody asked for offline access");
}

#[tokio::test]
async fn a_person_denies_or_cancels_and_the_application_hears_it() {
    let lab = Lab::start(&[]).await;
    let mut denied = Browser::open(&lab, CLI_TOOLS, "User.Read", &[]).await;
    denied.log_in("admin@contoso.onmicrosoft.com").await;
    denied.submit("consent", &[("act", "deny")]).await;
    let mut cancelled = Browser::open(&lab, CLI_TOOLS, "User.Read", &[]).await;
    cancelled.submit("login", &[("act", "cancel")]).await;
    for browser in [denied, cancelled] {
        assert_eq!(browser.answer("error").unwrap(), "access_denied");
        assert!(browser.answer("error_description").unwrap().starts_with("AADSTS65004"));
        assert_eq!((browser.answer("state").unwrap().as_str(), browser.answer("code")), ("s&t=1", None));
    }
}

#[tokio::test]
async fn only_an_administrator_gives_what_needs_an_administrator() {
    let lab = Lab::start(&[]).await;
    let mut browser = Browser::open(&lab, CLI_TOOLS, "RoleManagement.ReadWrite.Directory", &[]).await;
    browser.log_in("user2@contoso.onmicrosoft.com").await;
    assert!(browser.page.contains("AADSTS90094"), "{}", browser.page);
    browser.submit("consent", &[("act", "approve")]).await;
    assert_eq!((browser.answer("error").unwrap().as_str(), browser.answer("code")), ("access_denied", None));
}

#[tokio::test]
async fn a_stolen_code_or_form_is_worth_nothing() {
    let lab = Lab::start(&[]).await;
    let admin = "admin@contoso.onmicrosoft.com";
    let client = lab.text("client_id").to_owned();
    let mut browser = Browser::open(&lab, &client, "User.Read", &[]).await;
    browser.log_in(admin).await;
    let (status, body) = redeem(&lab, &client, &browser.answer("code").unwrap(), "another-verifier-0123456789-0123456789-0123456789").await;
    assert_eq!((status.as_u16(), &body["error"], &body["error_codes"]), (400, &json!("invalid_grant"), &json!([501_481])));
    let mut forged = Browser::open(&lab, &client, "User.Read", &[]).await;
    forged.submit("login", &[("csrf", "guess"), ("account", admin), ("password", "x"), ("act", "next")]).await;
    assert!(forged.sent_to.is_none() && forged.page.contains("This sign-in is over"), "{}", forged.page);
    let mut late = Browser::open(&lab, &client, "User.Read", &[]).await;
    late.log_in(admin).await;
    lab.clock("2m").await;
    let (_, body) = redeem(&lab, &client, &late.answer("code").unwrap(), VERIFIER).await;
    assert_eq!(body["error_codes"], json!([70_008]));
}

#[tokio::test]
async fn what_is_wrong_with_a_sign_in_is_said_on_the_page_until_the_redirect_is_trusted() {
    let lab = Lab::start(&[]).await;
    let client = lab.text("client_id").to_owned();
    for more in [("redirect_uri", "https://evil.example/"), ("redirect_uri", "http://localhost.evil.example/"), ("client_id", "<script>")] {
        let browser = Browser::open(&lab, &client, "User.Read", &[more]).await;
        assert!(browser.sent_to.is_none() && browser.page.contains("AADSTS"), "{more:?}: {}", browser.page);
        assert!(!browser.page.contains("<script>"), "{}", browser.page);
    }
    for (more, code) in [
        (("code_challenge_method", "plain"), "AADSTS9002325"),
        (("code_challenge", "short"), "AADSTS9002325"),
        (("response_type", "token"), "AADSTS700051"),
        (("prompt", "none"), "AADSTS50058"),
        (("scope", "Fly.All"), "AADSTS70011"),
        (("response_mode", "form_post"), "AADSTS90014"),
    ] {
        let browser = Browser::open(&lab, &client, "User.Read", &[more]).await;
        assert!(browser.answer("error_description").unwrap().starts_with(code), "{more:?}");
        assert_eq!(browser.answer("state").unwrap(), "s&t=1");
    }
}

#[tokio::test]
async fn tokens_die_by_the_labs_clock_and_by_revocation() {
    let lab = Lab::start(&[]).await;
    let token = lab.admin().await;
    assert_eq!(lab.get(&token, "/v1.0/me").await.0, 200);
    lab.clock("+2h").await;
    let reply = lab.http.get(format!("{}/v1.0/me", lab.text("graph"))).bearer_auth(&token).send().await.unwrap();
    assert_eq!(reply.status(), 401);
    assert!(reply.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer realm=\"\", authorization_uri="));
    let body: Value = reply.json().await.unwrap();
    assert_eq!(body["error"]["code"], "InvalidAuthenticationToken");
    assert_eq!(body["error"]["message"], "Access token has expired or is not yet valid.");
    let fresh = lab.admin().await;
    lab.person("revoke-tokens", &[]).await;
    assert_eq!(lab.get(&fresh, "/v1.0/me").await.0, 401);
    assert_eq!(lab.refresh(&lab.seed(), "User.Read").await.1["error_codes"], json!([50_173]));
}

#[tokio::test]
async fn a_consent_taken_back_is_missed_at_the_next_refresh() {
    let lab = Lab::start(&[]).await;
    lab.person("revoke-consent", &["Domain.Read.All"]).await;
    let (status, body) = lab.refresh(&lab.seed(), "User.Read Domain.Read.All").await;
    assert_eq!((status.as_u16(), &body["error"], &body["suberror"]), (400, &json!("invalid_grant"), &json!("consent_required")));
    let (_, body) = lab.refresh(&lab.seed(), "User.Read").await;
    assert_eq!(lab.get(body["access_token"].as_str().unwrap(), "/v1.0/domains").await.0, 403);
    lab.person("grant-consent", &["domain.read.all"]).await;
    assert_eq!(lab.get(&lab.admin().await, "/v1.0/domains").await.0, 200);
}

// Graph.

#[tokio::test]
async fn user1_is_found_by_sam_name_only_where_graph_can_look() {
    let lab = Lab::start(&[]).await;
    let token = lab.admin().await;
    let path = "/v1.0/users?$filter=onPremisesSamAccountName eq 'user1'&$select=id,userPrincipalName,onPremisesSyncEnabled";
    for refused in [lab.get(&token, &format!("{path}&$count=true")).await, lab.eventual(&token, path).await] {
        assert_eq!((refused.0.as_u16(), &refused.1["error"]["code"]), (400, &json!("Request_UnsupportedQuery")), "{}", refused.1);
    }
    let (status, body) = lab.eventual(&token, &format!("{path}&$count=true")).await;
    assert_eq!(status, 200, "{body}");
    let context = format!("{}/v1.0/$metadata#users(id,userPrincipalName,onPremisesSyncEnabled)", lab.text("graph"));
    let user = json!({"id": USER1, "userPrincipalName": "User1@testlab.contoso.example", "onPremisesSyncEnabled": true});
    assert_eq!(body, json!({"@odata.context": context, "@odata.count": 1, "value": [user]}));
}

#[tokio::test]
async fn users_come_in_pages_with_their_usual_properties() {
    let lab = Lab::start(&[]).await;
    let token = lab.admin().await;
    let (_, all) = lab.get(&token, "/v1.0/users").await;
    let first = all["value"][0].as_object().unwrap();
    let mut usual = [
        "businessPhones",
        "displayName",
        "givenName",
        "id",
        "jobTitle",
        "mail",
        "mobilePhone",
        "officeLocation",
        "preferredLanguage",
        "surname",
        "userPrincipalName",
    ];
    usual.sort_unstable();
    let mut found: Vec<&str> = first.keys().map(String::as_str).collect();
    found.sort_unstable();
    assert_eq!(found, usual);
    let mut seen = Vec::new();
    let mut next = Some(format!("{}/v1.0/users?$top=2&$select=id", lab.text("graph")));
    while let Some(address) = next.take() {
        let page: Value = lab.http.get(&address).bearer_auth(&token).send().await.unwrap().json().await.unwrap();
        let values = page["value"].as_array().unwrap();
        assert!(values.len() <= 2);
        seen.extend(values.iter().map(|user| user["id"].clone()));
        next = page.get("@odata.nextLink").map(|link| link.as_str().unwrap().to_owned());
        assert!(next.as_ref().is_none_or(|link| link.starts_with(lab.text("graph")) && link.contains("skiptoken")), "{next:?}");
    }
    assert_eq!(Value::from(seen), all["value"].as_array().unwrap().iter().map(|user| user["id"].clone()).collect::<Value>());
}

#[tokio::test]
async fn what_graph_does_not_understand_it_refuses_in_its_own_words() {
    let lab = Lab::start(&[]).await;
    let token = lab.admin().await;
    for (path, status, code) in [
        ("/v1.0/users?$select=nothing", 400, "BadRequest"),
        ("/v1.0/users?$filter=id eq 'a", 400, "BadRequest"),
        ("/v1.0/users?$filter=id eq 'a' or id eq 'b'", 400, "Request_UnsupportedQuery"),
        ("/v1.0/users?$filter=startswith(displayName,'a')", 400, "Request_UnsupportedQuery"),
        ("/v1.0/users?$filter=jobTitle eq 'a'", 400, "Request_UnsupportedQuery"),
        ("/v1.0/users?$filter=accountEnabled ne true", 400, "Request_UnsupportedQuery"),
        ("/v1.0/users?$top=1000", 400, "Request_UnsupportedQuery"),
        ("/v1.0/users?$skiptoken=x", 400, "Directory_ExpiredPageToken"),
        ("/v1.0/users?$orderby=id", 400, "Request_UnsupportedQuery"),
        ("/v1.0/subscribedSkus?$filter=skuId eq 'x'", 400, "Request_UnsupportedQuery"),
        ("/v1.0/users/nobody@contoso.example", 404, "Request_ResourceNotFound"),
        ("/v1.0/domains/nowhere.example", 404, "Request_ResourceNotFound"),
        ("/v1.0/nothing", 400, "BadRequest"),
    ] {
        let (found, body) = lab.get(&token, path).await;
        assert_eq!((found.as_u16(), &body["error"]["code"]), (status, &json!(code)), "{path}: {body}");
        let inner = &body["error"]["innerError"];
        assert!(inner["request-id"].is_string() && inner["client-request-id"].is_string() && inner["date"].is_string(), "{body}");
    }
    let patched = lab.http.patch(format!("{}/v1.0/users/{USER1}", lab.text("graph"))).bearer_auth(&token).send().await.unwrap();
    assert_eq!(patched.status(), 405);
}

#[tokio::test]
async fn each_reply_names_its_request_and_the_labs_time() {
    let lab = Lab::start(&[]).await;
    lab.clock("5d").await;
    let asked =
        lab.http.get(format!("{}/v1.0/me", lab.text("graph"))).bearer_auth(lab.admin().await).header("client-request-id", "my-own-id");
    let reply = asked.send().await.unwrap();
    assert_eq!(reply.headers()["client-request-id"], "my-own-id");
    assert_eq!(reply.headers()["request-id"].len(), 36);
    assert!(reply.headers().contains_key("x-ms-ags-diagnostic"));
    let date = guidepost::base::http::parse_date(reply.headers()["date"].to_str().unwrap()).unwrap();
    let ahead = date.duration_since(jiff::Timestamp::now()).as_secs();
    assert!((5 * 86_400 - 60..=5 * 86_400 + 60).contains(&ahead), "{ahead}");
}

#[tokio::test]
async fn a_role_is_assigned_once_shows_late_and_goes_late() {
    let lab = Lab::start(&["--consistency", "1h"]).await;
    let token = lab.admin().await;
    let (status, made) = lab.assign(&token, &wish(USER1)).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap();
    assert_eq!(id, "lAPpYvVpN0KRkAEhdxReEJBf4rdMHYNKjG-S4KTRNXg-1");
    let context = format!("{}/v1.0/$metadata#roleManagement/directory/roleAssignments/$entity", lab.text("graph"));
    assert_eq!(made["@odata.context"], context);
    let (status, twice) = lab.assign(&token, &wish(USER1)).await;
    assert_eq!((status.as_u16(), &twice["error"]["code"]), (400, &json!("Request_BadRequest")));
    let conflict = "A conflicting object with one or more of the specified property values is present in the directory.";
    assert_eq!(twice["error"]["message"], conflict);
    assert_eq!(lab.get(&token, &format!("{ASSIGNMENTS}/{id}")).await.0, 404, "a read saw the write at once");
    assert_eq!(lab.administrators(&token).await.len(), 1);
    lab.clock("1h").await;
    let token = lab.admin().await;
    assert_eq!(lab.get(&token, &format!("{ASSIGNMENTS}/{id}")).await.0, 200);
    assert_eq!(lab.administrators(&token).await.len(), 2);
    assert_eq!(lab.unassign(&token, id).await, 204);
    assert_eq!(lab.unassign(&token, id).await, 404);
    assert_eq!(lab.administrators(&token).await.len(), 2, "a read saw the end at once");
    lab.clock("1h").await;
    assert_eq!(lab.administrators(&lab.admin().await).await.len(), 1);
}

#[tokio::test]
async fn an_assignment_that_makes_no_sense_is_refused_and_changes_nothing() {
    let lab = Lab::start(&["--consistency", "0s"]).await;
    let token = lab.admin().await;
    let without = |key: &str| {
        let mut body = wish(USER1);
        body.as_object_mut().unwrap().remove(key);
        body
    };
    let with = |key: &str, value: Value| {
        let mut body = wish(USER1);
        body[key] = value;
        body
    };
    for (body, status) in [
        (without("directoryScopeId"), 400),
        (without("principalId"), 400),
        (without("roleDefinitionId"), 400),
        (with("principalId", json!(7)), 400),
        (with("principalId", json!(GLOBAL_ADMINISTRATOR)), 404),
        (with("roleDefinitionId", json!(USER1)), 404),
        (with("directoryScopeId", json!("/administrativeUnits/x")), 404),
        (json!([]), 400),
        (json!(null), 400),
    ] {
        assert_eq!(lab.assign(&token, &body).await.0, status, "{body}");
    }
    let before = lab.administrators(&token).await;
    assert_eq!(before.len(), 1);
    let (_, list) = lab.get(&token, ASSIGNMENTS).await;
    let only = list["value"][0]["id"].as_str().unwrap();
    assert_eq!(lab.unassign(&token, only).await, 400, "the last administrator went");
    assert_eq!(lab.administrators(&token).await, before);
}

#[tokio::test]
async fn permissions_are_enforced_for_each_operation() {
    let lab = Lab::start(&["--consistency", "0s"]).await;
    let admin = "admin@contoso.onmicrosoft.com";
    let paths = [
        "/v1.0/me",
        "/v1.0/users",
        "/v1.0/organization",
        "/v1.0/subscribedSkus",
        "/v1.0/domains",
        "/v1.0/directoryRoles",
        ASSIGNMENTS,
        "/v1.0/roleManagement/directory/roleDefinitions",
        "/v1.0/directory/onPremisesSynchronization",
    ];
    // One more scope each time: the token carries what was consented to before.
    let steps: [(&str, &[&str]); 6] = [
        ("User.Read", &["/v1.0/me", "/v1.0/organization"]),
        ("User.ReadBasic.All", &["/v1.0/users"]),
        ("LicenseAssignment.Read.All", &["/v1.0/subscribedSkus"]),
        ("Domain.Read.All", &["/v1.0/domains"]),
        ("RoleManagement.Read.Directory", &["/v1.0/directoryRoles", ASSIGNMENTS, "/v1.0/roleManagement/directory/roleDefinitions"]),
        ("OnPremDirectorySynchronization.Read.All", &["/v1.0/directory/onPremisesSynchronization"]),
    ];
    let mut open: Vec<&str> = Vec::new();
    for (scope, opened) in steps {
        open.extend(opened);
        let token = token_with(&lab, admin, scope).await;
        for path in paths {
            let (status, body) = lab.get(&token, path).await;
            if open.contains(&path) {
                assert_eq!(status, 200, "{scope} {path}: {body}");
            } else {
                assert_eq!((status.as_u16(), &body["error"]["code"]), (403, &json!("Authorization_RequestDenied")), "{scope} {path}");
            }
        }
        assert_eq!(lab.assign(&token, &wish(USER1)).await.0, 403, "{scope} let a write in");
    }
}

#[tokio::test]
async fn little_permission_shows_little() {
    let lab = Lab::start(&[]).await;
    let token = token_with(&lab, "admin@contoso.onmicrosoft.com", "User.Read").await;
    let (status, body) = lab.get(&token, "/v1.0/organization").await;
    assert_eq!((status.as_u16(), &body["value"][0]["onPremisesSyncEnabled"]), (200, &Value::Null));
    assert_eq!(lab.get(&token, &format!("/v1.0/users/{USER1}")).await.0, 403);
    let token = token_with(&lab, "admin@contoso.onmicrosoft.com", "User.ReadBasic.All").await;
    let (status, body) = lab.get(&token, &format!("/v1.0/users/{USER1}?$select=displayName,onPremisesSamAccountName")).await;
    assert_eq!((status.as_u16(), &body["displayName"], &body["onPremisesSamAccountName"]), (200, &json!("User1"), &Value::Null));
    let (status, _) = lab.eventual(&token, "/v1.0/users?$filter=onPremisesSamAccountName eq 'User1'&$count=true").await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_permission_without_the_role_is_not_enough() {
    let lab = Lab::start(&["--from", "done", "--consistency", "0s"]).await;
    let token = lab.admin().await;
    assert_eq!(lab.get(&token, "/v1.0/directory/onPremisesSynchronization").await.0, 200);
    lab.person("remove-role", &["admin", "Global Administrator"]).await;
    for path in ["/v1.0/directory/onPremisesSynchronization", ASSIGNMENTS] {
        let (status, body) = lab.get(&token, path).await;
        assert_eq!((status.as_u16(), &body["error"]["code"]), (403, &json!("Authorization_RequestDenied")), "{path}");
    }
    lab.person("assign-role", &["admin", "Global Reader"]).await;
    assert_eq!(lab.get(&token, ASSIGNMENTS).await.0, 200);
    assert_eq!(lab.assign(&token, &wish("c20fa6d4-85b1-4e97-a35d-07c8e19f4b62")).await.0, 403);
}

#[tokio::test]
async fn what_is_shown_has_only_properties_of_the_official_types() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/graph-subset.jsonschema.json");
    let Ok(text) = std::fs::read(schema) else {
        println!("skipped: ../shared/data is not here");
        return;
    };
    let schemas = serde_json::from_slice::<Value>(&text).unwrap()["components"]["schemas"].clone();
    let lab = Lab::start(&["--from", "done"]).await;
    let token = lab.admin().await;
    let every_user = "/v1.0/users?$select=id,businessPhones,displayName,userPrincipalName,accountEnabled,assignedLicenses,assignedPlans,createdDateTime,\
        lastPasswordChangeDateTime,passwordPolicies,usageLocation,onPremisesDistinguishedName,onPremisesDomainName,onPremisesImmutableId,\
        onPremisesLastSyncDateTime,onPremisesProvisioningErrors,onPremisesSamAccountName,onPremisesSecurityIdentifier,onPremisesSyncEnabled,\
        onPremisesUserPrincipalName,licenseAssignmentStates,serviceProvisioningErrors";
    for (path, kind) in [
        (every_user, "user"),
        ("/v1.0/organization", "organization"),
        ("/v1.0/subscribedSkus", "subscribedSku"),
        ("/v1.0/domains", "domain"),
        ("/v1.0/directoryRoles", "directoryRole"),
        ("/v1.0/users/user2@contoso.onmicrosoft.com/licenseDetails", "licenseDetails"),
        (ASSIGNMENTS, "unifiedRoleAssignment"),
        ("/v1.0/roleManagement/directory/roleDefinitions", "unifiedRoleDefinition"),
        ("/v1.0/directory/onPremisesSynchronization", "onPremisesDirectorySynchronization"),
    ] {
        let (status, body) = lab.get(&token, path).await;
        assert_eq!(status, 200, "{path}: {body}");
        let items = body["value"].as_array().unwrap();
        assert!(!items.is_empty(), "{path}");
        for item in items {
            fits(&schemas, &json!({"$ref": format!("#/components/schemas/microsoft.graph.{kind}")}), item, path);
        }
    }
}

/// The part of JSON Schema that the data uses for its types: `$ref`, `anyOf`, `allOf`, `type`, `properties`, `items`.
fn fits(schemas: &Value, schema: &Value, value: &Value, at: &str) {
    if let Err(why) = try_fit(schemas, schema, value, at) {
        panic!("{why}");
    }
}

fn try_fit(schemas: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/components/schemas/").ok_or_else(|| format!("{at}: {name}"))?;
        return try_fit(schemas, &schemas[name], value, at);
    }
    if let Some(all) = schema["allOf"].as_array() {
        return all.iter().try_for_each(|one| try_fit(schemas, one, value, at));
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let one_fits = any.iter().any(|one| try_fit(schemas, one, value, at).is_ok());
        return if one_fits { Ok(()) } else { Err(format!("{at}: {value} fits none of {schema}")) };
    }
    let kinds: Vec<&str> = schema["type"]
        .as_array()
        .map_or_else(|| schema["type"].as_str().into_iter().collect(), |kinds| kinds.iter().filter_map(Value::as_str).collect());
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !kinds.is_empty() && !kinds.contains(&kind) {
        return Err(format!("{at}: {value} is no {kinds:?}"));
    }
    if let Some(list) = value.as_array() {
        return list.iter().try_for_each(|one| try_fit(schemas, &schema["items"], one, at));
    }
    for (name, one) in value.as_object().into_iter().flatten().filter(|(name, _)| !name.starts_with('@')) {
        let known = schema["properties"].get(name).ok_or_else(|| format!("{at}: `{name}` is no property of {}", schema["title"]))?;
        try_fit(schemas, known, one, &format!("{at}/{name}"))?;
    }
    Ok(())
}

// Steering.

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
    assert_eq!(body, json!({"capabilities": ["clock", "person"]}));
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

// Attackers.

async fn tls(lab: &Lab) -> tokio_rustls::client::TlsStream<TcpStream> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(lab.text("ca_file")).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(lab.address()).await.unwrap();
    tokio_rustls::TlsConnector::from(std::sync::Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await.unwrap()
}

/// Sends bytes and reads until the lab closes.
async fn raw(lab: &Lab, bytes: &[u8]) -> String {
    let mut stream = tls(lab).await;
    let _ = stream.write_all(bytes).await;
    let mut reply = Vec::new();
    let _ = timeout(LONG, stream.read_to_end(&mut reply)).await.expect("the lab keeps the connection for ever");
    String::from_utf8_lossy(&reply).into_owned()
}

#[tokio::test]
async fn hostile_requests_are_refused_and_the_lab_goes_on() {
    let lab = Lab::start(&[]).await;
    let token = lab.admin().await;
    let huge = "x".repeat(2 * 1024 * 1024);
    let sent = lab.http.post(lab.tenant("oauth2/v2.0/token")).body(huge).send().await;
    assert!(sent.is_err() || sent.unwrap().status() == 413);
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let reply = lab.http.post(format!("{}{ASSIGNMENTS}", lab.text("graph"))).bearer_auth(&token).body(deep).send().await.unwrap();
    assert_eq!(reply.status(), 400);
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:1", ""] {
        let reply = raw(&lab, format!("GET /v1.0/me HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).await;
        assert!(reply.starts_with("HTTP/1.1 421 ") || reply.starts_with("HTTP/1.1 400 "), "{host}: {reply}");
    }
    let headers = (0..500).map(|n| format!("x-{n}: y\r\n")).collect::<Vec<_>>().concat();
    let reply = raw(&lab, format!("GET / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").as_bytes()).await;
    assert!(reply.starts_with("HTTP/1.1 431 "), "{reply}");
    for bytes in
        [b"GET /%ff%fe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".as_slice(), b"\0\0\0\0\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"]
    {
        let reply = raw(&lab, bytes).await;
        assert!(reply.starts_with("HTTP/1.1 400 ") || reply.is_empty(), "{reply}");
    }
    let mut plain = TcpStream::connect(lab.address()).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut reply = Vec::new();
    let _ = timeout(LONG, plain.read_to_end(&mut reply)).await.expect("plain HTTP is kept waiting");
    assert!(!reply.starts_with(b"HTTP/1.1 2"));
    assert_eq!(lab.get(&token, "/v1.0/me").await.0, 200, "the lab is hurt");
}

#[tokio::test]
async fn slow_clients_are_let_go_and_nobody_waits_for_them() {
    let lab = Lab::start(&[]).await;
    let token = lab.admin().await;
    let head = format!("POST {ASSIGNMENTS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{{");
    let slow = async { tokio::join!(raw(&lab, b"GET / HTTP/1.1\r\nHost: localhost\r\nx-slow: "), raw(&lab, head.as_bytes())) };
    let (slow, mine) = tokio::join!(slow, lab.get(&token, "/v1.0/me"));
    assert_eq!(mine.0, 200);
    assert!(slow.0.is_empty() || slow.0.starts_with("HTTP/1.1 408 "), "{}", slow.0);
    assert!(slow.1.is_empty() || slow.1.starts_with("HTTP/1.1 408 "), "{}", slow.1);
    let mut silent = TcpStream::connect(lab.address()).await.unwrap();
    let mut byte = [0];
    assert_eq!(timeout(LONG, silent.read(&mut byte)).await.expect("a silent client is kept for ever").unwrap_or(0), 0);
}
