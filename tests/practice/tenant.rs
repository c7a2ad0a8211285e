//! What Graph does to the tenant: accounts, licences, passwords, domains, policies, consents, batches, and what it writes down.

use crate::{
    browser::token_with,
    lab::{Lab, USER1},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const ADMIN: &str = "admin@contoso.onmicrosoft.com";
const USER2: &str = "user2@contoso.onmicrosoft.com";
const E5: &str = "06ebc4ee-1bb5-47dd-8120-11324bc54e06";
const SCOPES: &str = "User.ReadWrite.All Directory.ReadWrite.All LicenseAssignment.ReadWrite.All Domain.ReadWrite.All AuditLog.Read.All \
    UserAuthenticationMethod.ReadWrite.All Policy.ReadWrite.Authorization Policy.Read.All Application.Read.All \
    DelegatedPermissionGrant.ReadWrite.All RoleManagement.ReadWrite.Directory OnPremDirectorySynchronization.ReadWrite.All User.RevokeSessions.All";

async fn lab() -> (Lab, String) {
    let lab = Lab::start(&["--consistency", "0s"]).await;
    let token = token_with(&lab, ADMIN, SCOPES).await;
    (lab, token)
}

async fn send(lab: &Lab, token: &str, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    let request = lab.http.request(method, format!("{}/v1.0{path}", lab.text("graph"))).bearer_auth(token);
    let reply = if body.is_null() { request } else { request.json(&body) }.send().await.unwrap();
    let status = reply.status();
    (status, serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap_or_default())
}

fn person(name: &str) -> Value {
    json!({
        "accountEnabled": true, "displayName": name, "mailNickname": name, "userPrincipalName": format!("{name}@contoso.onmicrosoft.com"),
        "passwordProfile": {"password": "Canary-1234"},
    })
}

#[tokio::test]
async fn an_account_is_made_changed_licensed_and_deleted() {
    let (lab, token) = lab().await;
    let (status, made) = send(&lab, &token, Method::POST, "/users", person("eve")).await;
    assert_eq!((status.as_u16(), &made["userPrincipalName"]), (201, &json!("eve@contoso.onmicrosoft.com")), "{made}");
    let path = format!("/users/{}", made["id"].as_str().unwrap());
    let license = json!({"addLicenses": [{"skuId": E5}], "removeLicenses": []});
    let (status, body) = send(&lab, &token, Method::POST, &format!("{path}/assignLicense"), license.clone()).await;
    assert_eq!(status, 400);
    assert_eq!(body["error"]["message"], "License assignment cannot be done for user with invalid usage location.");
    assert_eq!(send(&lab, &token, Method::PATCH, &path, json!({"usageLocation": "US", "jobTitle": "Tester"})).await.0, 204);
    assert_eq!(send(&lab, &token, Method::POST, &format!("{path}/assignLicense"), license).await.0, 200);
    let (_, shown) = lab.get(&token, &format!("/v1.0{path}?$select=jobTitle,usageLocation,assignedLicenses")).await;
    assert_eq!(
        (&shown["jobTitle"], &shown["usageLocation"], &shown["assignedLicenses"][0]["skuId"]),
        (&json!("Tester"), &json!("US"), &json!(E5))
    );
    let mut browser = crate::browser::Browser::open(&lab, lab.text("client_id"), "User.Read", &[]).await;
    browser.submit("login", &[("account", "eve@contoso.onmicrosoft.com"), ("password", "Canary-1234"), ("act", "next")]).await;
    assert!(browser.page.contains("Permissions requested"), "{}", browser.page);
    assert_eq!(send(&lab, &token, Method::DELETE, &path, Value::Null).await.0, 204);
    assert_eq!(lab.get(&token, &format!("/v1.0{path}")).await.0, 404);
    let (_, audits) =
        lab.get(&token, "/v1.0/auditLogs/directoryAudits?$filter=category eq 'UserManagement'&$orderby=activityDateTime").await;
    let done: Vec<&str> = audits["value"].as_array().unwrap().iter().map(|one| one["activityDisplayName"].as_str().unwrap()).collect();
    assert_eq!(done.len(), 4, "{done:?}");
    for activity in ["Add user", "Update user", "Change user license", "Delete user"] {
        assert!(done.contains(&activity), "{done:?}");
    }
    assert_eq!(audits["value"][0]["initiatedBy"]["user"]["userPrincipalName"], ADMIN);
}

#[tokio::test]
async fn what_an_account_cannot_become_is_refused_and_changes_nothing() {
    let (lab, token) = lab().await;
    let with = |name: &str, value: Value| {
        let mut body = person("mallory");
        body[name] = value;
        body
    };
    for body in [
        with("displayName", Value::Null),
        with("userPrincipalName", json!("mallory@elsewhere.example")),
        with("userPrincipalName", json!("mallory@fabrikam.example")),
        with("userPrincipalName", json!(ADMIN)),
        with("userPrincipalName", json!("no name")),
        with("passwordProfile", json!({"password": "short"})),
        with("passwordProfile", json!("Canary-1234")),
        with("nothing", json!(1)),
        with("id", json!("x")),
        with("usageLocation", json!("Germany")),
        with("accountEnabled", json!("yes")),
    ] {
        let (status, reply) = send(&lab, &token, Method::POST, "/users", body.clone()).await;
        assert_eq!((status.as_u16(), &reply["error"]["code"]), (400, &json!("Request_BadRequest")), "{body}: {reply}");
    }
    let (status, _) = send(&lab, &token, Method::PATCH, &format!("/users/{USER1}"), json!({"jobTitle": "x"})).await;
    assert_eq!(status, 400, "a synchronised account is changed on premises");
    assert_eq!(send(&lab, &token, Method::PATCH, &format!("/users/{USER1}"), json!({"usageLocation": "DE"})).await.0, 204);
    assert_eq!(send(&lab, &token, Method::DELETE, "/users/admin@contoso.onmicrosoft.com", Value::Null).await.0, 403);
    assert_eq!(lab.get(&token, "/v1.0/users").await.1["value"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn nobody_fills_the_tenant_without_end() {
    let (lab, token) = lab().await;
    let mut refused = Value::Null;
    for n in 0..60 {
        let (status, body) = send(&lab, &token, Method::POST, "/domains", json!({"id": format!("d{n}.example")})).await;
        if status != 201 {
            refused = body;
            break;
        }
    }
    assert_eq!(refused["error"]["code"], "Directory_QuotaExceeded");
    assert_eq!(lab.get(&token, "/v1.0/me").await.0, 200);
}

#[tokio::test]
async fn a_reset_is_an_operation_to_poll_and_the_new_password_works() {
    let (lab, token) = lab().await;
    let reset = async |user: &str, body: Value| {
        let path =
            format!("{}/v1.0/users/{user}/authentication/methods/28c10230-6103-485e-b985-444c60001490/resetPassword", lab.text("graph"));
        let reply = lab.http.post(path).bearer_auth(&token).json(&body).send().await.unwrap();
        let location = reply.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        (reply.status().as_u16(), location.unwrap_or_default(), reply.json::<Value>().await.unwrap())
    };
    let (status, location, body) = reset(USER2, json!({})).await;
    assert_eq!(status, 202, "{body}");
    assert!(
        location.contains("/authentication/operations/") && location.contains("?aadgdc=") && location.contains("&aadgsu="),
        "{location}"
    );
    let poll = async |address: &str| lab.http.get(address).bearer_auth(&token).send().await.unwrap().json::<Value>().await.unwrap();
    lab.clock("1s").await;
    lab.clock("3s").await;
    let done = poll(&location).await;
    assert_eq!((&done["status"], &done["statusDetail"]), (&json!("succeeded"), &Value::Null), "{done}");
    let made = body["newPassword"].as_str().unwrap().to_owned();
    let mut browser = crate::browser::Browser::open(&lab, lab.text("client_id"), "User.Read", &[]).await;
    browser.submit("login", &[("account", USER2), ("password", &made), ("act", "next")]).await;
    assert!(browser.page.contains("Permissions requested"), "{}", browser.page);
    let world = std::fs::read_to_string(lab.dir.join("world.json")).unwrap();
    assert!(!world.contains(&made), "the world holds a password");
    // A synchronised account needs a password, and without writeback nobody on premises takes it.
    assert_eq!(reset(USER1, json!({})).await.0, 400);
    let (status, location, _) = reset(USER1, json!({"newPassword": "Canary-5678"})).await;
    assert_eq!(status, 202);
    lab.clock("4s").await;
    let failed = poll(&location).await;
    assert_eq!(failed["status"], "failed");
    assert!(failed["statusDetail"].as_str().unwrap().starts_with("WritebackNotEnabled (SSPR_0010)"), "{failed}");
    let (_, audits) =
        lab.get(&token, "/v1.0/auditLogs/directoryAudits?$filter=loggedByService eq 'Self-service Password Management'").await;
    let results: Vec<&Value> = audits["value"].as_array().unwrap().iter().map(|one| &one["result"]).collect();
    assert_eq!(results, ["failure", "success"]);
    assert_eq!(reset(ADMIN, json!({"newPassword": "Canary-5678"})).await.0, 403, "not on oneself");
    assert_eq!(reset(USER2, json!({"newPassword": "short"})).await.0, 400);
}

#[tokio::test]
async fn a_domain_is_verified_only_when_its_record_is_published() {
    let (lab, token) = lab().await;
    let (status, body) = send(&lab, &token, Method::POST, "/domains", json!({"id": "Northwind.Example"})).await;
    assert_eq!((status.as_u16(), &body["id"], &body["isVerified"]), (201, &json!("northwind.example"), &json!(false)));
    assert_eq!(send(&lab, &token, Method::POST, "/domains", json!({"id": "northwind.example"})).await.0, 400);
    let (_, records) = lab.get(&token, "/v1.0/domains/northwind.example/verificationDnsRecords").await;
    assert_eq!(records["value"][0]["@odata.type"], "#microsoft.graph.domainDnsTxtRecord");
    assert!(records["value"][0]["text"].as_str().unwrap().starts_with("MS=ms"), "{records}");
    assert_eq!(send(&lab, &token, Method::POST, "/domains/northwind.example/verify", json!({})).await.0, 400);
    lab.person("publish-dns", &["northwind.example"]).await;
    let (status, body) = send(&lab, &token, Method::POST, "/domains/northwind.example/verify", Value::Null).await;
    assert_eq!((status.as_u16(), &body["isVerified"]), (200, &json!(true)));
    assert_eq!(send(&lab, &token, Method::POST, "/domains", json!({"id": "sub.northwind.example"})).await.1["isVerified"], true);
    assert_eq!(send(&lab, &token, Method::DELETE, "/domains/testlab.contoso.example", Value::Null).await.0, 400, "User1 is in it");
    assert_eq!(send(&lab, &token, Method::DELETE, "/domains/sub.northwind.example", Value::Null).await.0, 204);
}

#[tokio::test]
async fn a_batch_answers_each_request_by_itself() {
    let (lab, token) = lab().await;
    let requests = json!({"requests": [
        {"id": "a", "method": "GET", "url": "/users?$top=1"},
        {"id": "b", "method": "GET", "url": "/users/nobody@contoso.example"},
        {"id": "c", "method": "PATCH", "url": format!("/users/{USER2}"), "dependsOn": ["b"], "body": {"jobTitle": "x"}},
        {"id": "d", "method": "PATCH", "url": format!("/users/{USER2}"), "dependsOn": ["a"], "headers": {"Content-Type": "application/json"}, "body": {"jobTitle": "y"}},
        {"id": "e", "method": "POST", "url": "/$batch", "body": {"requests": []}},
        {"id": "f", "method": "GET", "url": "https://elsewhere.example/v1.0/me"},
    ]});
    let (status, body) = send(&lab, &token, Method::POST, "/$batch", requests).await;
    assert_eq!(status, 200);
    let of = |id: &str| body["responses"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap().clone();
    let statuses = ["a", "b", "c", "d", "e", "f"].map(|id| of(id)["status"].as_u64().unwrap());
    assert_eq!(statuses, [200, 404, 424, 204, 400, 400]);
    let next = of("a")["body"]["@odata.nextLink"].as_str().unwrap().to_owned();
    assert_eq!(lab.http.get(next).bearer_auth(&token).send().await.unwrap().status(), 200);
    assert_eq!(lab.get(&token, &format!("/v1.0/users/{USER2}?$select=jobTitle")).await.1["jobTitle"], "y");
    let many: Vec<Value> = (0..21).map(|n| json!({"id": n.to_string(), "method": "GET", "url": "/me"})).collect();
    assert_eq!(send(&lab, &token, Method::POST, "/$batch", json!({"requests": many})).await.0, 400);
    let twice = json!({"requests": [{"id": "1", "method": "GET", "url": "/me"}, {"id": "1", "method": "GET", "url": "/me"}]});
    assert_eq!(send(&lab, &token, Method::POST, "/$batch", twice).await.0, 400);
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_expanded_as_documented() {
    let (lab, token) = lab().await;
    let names = async |query: &str| {
        let (status, body) = lab.eventual(&token, &format!("/v1.0/users?$count=true&$select=displayName&{query}")).await;
        assert_eq!(status, 200, "{query}: {body}");
        let names = body["value"].as_array().unwrap().iter().map(|one| one["displayName"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>().join(",")
    };
    assert_eq!(names("$filter=startswith(displayName,'user 2') or displayName eq 'User1'").await, "User 2,User1");
    assert_eq!(names("$filter=displayName in ('User 3','User 4') and accountEnabled eq true").await, "User 3,User 4");
    assert_eq!(names("$filter=not startswith(displayName,'User')").await, "Practice Administrator");
    assert_eq!(names("$orderby=displayName desc&$top=2").await, "User1,User 4");
    let (_, body) = lab.get(&token, "/v1.0/roleManagement/directory/roleAssignments?$expand=principal").await;
    assert_eq!(body["value"][0]["principal"]["@odata.type"], "#microsoft.graph.user");
    let graph = "/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')";
    assert_eq!(lab.get(&token, graph).await.1["displayName"], "Microsoft Graph");
    assert_eq!(lab.get(&token, "/v1.0/me/authentication/methods").await.1["value"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_grant_taken_back_is_a_consent_to_ask_for_again() {
    let (lab, token) = lab().await;
    let practice = format!("/v1.0/servicePrincipals(appId='{}')?$select=id", lab.text("client_id"));
    let client = lab.get(&token, &practice).await.1["id"].as_str().unwrap().to_owned();
    let (_, grants) = lab.get(&token, &format!("/v1.0/oauth2PermissionGrants?$filter=clientId eq '{client}'")).await;
    assert_eq!((grants["value"].as_array().unwrap().len(), &grants["value"][0]["consentType"]), (2, &json!("Principal")), "{grants}");
    let path = format!("/oauth2PermissionGrants/{}", grants["value"][0]["id"].as_str().unwrap());
    assert_eq!(send(&lab, &token, Method::DELETE, &path, Value::Null).await.0, 204);
    assert_eq!(lab.refresh(&lab.seed(), "User.Read").await.1["error_codes"], json!([65_001]));
    assert_eq!(send(&lab, &token, Method::DELETE, &path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_grant_is_made_smaller_by_its_scopes_and_by_nothing_else() {
    let (lab, token) = lab().await;
    let practice = format!("/v1.0/servicePrincipals(appId='{}')?$select=id", lab.text("client_id"));
    let client = lab.get(&token, &practice).await.1["id"].as_str().unwrap().to_owned();
    let (_, grants) = lab.get(&token, &format!("/v1.0/oauth2PermissionGrants?$filter=clientId eq '{client}'")).await;
    let path = format!("/oauth2PermissionGrants/{}", grants["value"][0]["id"].as_str().unwrap());
    for body in [json!({}), json!({"scope": 1}), json!({"scope": "Fly.All"}), json!({"clientId": "x", "scope": "User.Read"})] {
        assert_eq!(send(&lab, &token, Method::PATCH, &path, body).await.0, 400);
    }
    assert_eq!(send(&lab, &token, Method::PATCH, &path, json!({"scope": "User.Read.All  user.read User.Read"})).await.0, 204);
    assert_eq!(lab.get(&token, &format!("/v1.0{path}")).await.1["scope"], "User.Read.All User.Read");
    assert_eq!(lab.refresh(&lab.seed(), "User.Read").await.0, 200);
    assert_eq!(lab.refresh(&lab.seed(), "Domain.Read.All").await.1["error_codes"], json!([65_001]));
    let narrow = lab.refresh(&lab.seed(), "User.Read").await.1["access_token"].as_str().unwrap().to_owned();
    assert_eq!(send(&lab, &narrow, Method::PATCH, &path, json!({"scope": "User.Read"})).await.0, 403);
}

#[tokio::test]
async fn policies_and_features_are_merged_and_what_is_not_in_use_is_refused() {
    let (lab, token) = lab().await;
    let policy = "/policies/authorizationPolicy";
    let change = json!({"defaultUserRolePermissions": {"allowedToCreateApps": false}});
    assert_eq!(send(&lab, &token, Method::PATCH, policy, change).await.0, 204);
    let (_, shown) = lab.get(&token, &format!("/v1.0{policy}")).await;
    let permissions = &shown["defaultUserRolePermissions"];
    assert_eq!((&permissions["allowedToCreateApps"], &permissions["allowedToReadOtherUsers"]), (&json!(false), &json!(true)));
    let sync = format!("/directory/onPremisesSynchronization/{}", lab.text("tenant_id"));
    assert_eq!(send(&lab, &token, Method::PATCH, &sync, json!({"features": {"groupWriteBackEnabled": true}})).await.0, 204);
    assert_eq!(send(&lab, &token, Method::PATCH, &sync, json!({"features": {"passwordWritebackEnabled": true}})).await.0, 400);
    let features = lab.get(&token, &format!("/v1.0{sync}")).await.1["features"].clone();
    assert_eq!(
        (&features["groupWriteBackEnabled"], &features["passwordWritebackEnabled"], &features["passwordSyncEnabled"]),
        (&json!(true), &json!(false), &json!(true))
    );
    for body in [json!({"allowedToUseSSPR": 1}), json!({"nothing": true}), json!({"allowInvitesFrom": "martians"}), json!({"id": "x"})] {
        assert_eq!(send(&lab, &token, Method::PATCH, policy, body).await.0, 400);
    }
}

#[tokio::test]
async fn sign_ins_are_written_down_with_their_failures_and_need_a_premium_tenant() {
    let (lab, token) = lab().await;
    let mut browser = crate::browser::Browser::open(&lab, lab.text("client_id"), "User.Read", &[]).await;
    browser.submit("login", &[("account", USER2), ("password", "wrong"), ("act", "next")]).await;
    let (_, body) = lab.get(&token, "/v1.0/auditLogs/signIns?$filter=status/errorCode eq 50126").await;
    assert_eq!(body["value"][0]["userPrincipalName"], USER2, "{body}");
    let (_, body) = lab.get(&token, "/v1.0/auditLogs/signIns?$filter=startswith(userPrincipalName,'admin')&$top=1").await;
    assert_eq!(body["value"][0]["status"]["errorCode"], 0, "{body}");
    lab.person("drop-license", &["SPE_E5"]).await;
    let (status, body) = lab.get(&token, "/v1.0/auditLogs/signIns").await;
    assert_eq!((status.as_u16(), &body["error"]["code"]), (403, &json!("Authentication_RequestFromNonPremiumTenantOrB2CTenant")));
}

#[tokio::test]
async fn revoked_sessions_end_refreshing_but_not_the_token_in_hand() {
    let (lab, token) = lab().await;
    let (status, body) = send(&lab, &token, Method::POST, "/me/revokeSignInSessions", Value::Null).await;
    assert_eq!((status.as_u16(), &body["value"]), (200, &json!(true)));
    assert_eq!(lab.get(&token, "/v1.0/me").await.0, 200);
    assert_eq!(lab.refresh(&lab.seed(), "User.Read").await.1["error_codes"], json!([50_173]));
}

#[tokio::test]
async fn each_change_needs_its_role_beside_its_permission() {
    let (lab, token) = lab().await;
    lab.person("assign-role", &["User1", "Global Administrator"]).await;
    lab.person("remove-role", &["admin", "Global Administrator"]).await;
    let changes = [
        (Method::POST, "/users".to_owned(), person("eve")),
        (Method::PATCH, format!("/users/{USER2}"), json!({"jobTitle": "x"})),
        (Method::DELETE, format!("/users/{USER2}"), Value::Null),
        (Method::POST, format!("/users/{USER2}/assignLicense"), json!({"addLicenses": [], "removeLicenses": []})),
        (Method::POST, "/domains".to_owned(), json!({"id": "x.example"})),
        (Method::PATCH, "/policies/authorizationPolicy".to_owned(), json!({"allowedToUseSSPR": true})),
    ];
    for (method, path, body) in &changes {
        assert_eq!(send(&lab, &token, method.clone(), path, body.clone()).await.0, 403, "{path}");
    }
    for path in ["/v1.0/auditLogs/signIns", "/v1.0/policies/authorizationPolicy", &format!("/v1.0/users/{USER2}/authentication/methods")] {
        assert_eq!(lab.get(&token, path).await.0, 403, "{path}");
    }
    lab.person("assign-role", &["admin", "User Administrator"]).await;
    assert_eq!(send(&lab, &token, Method::PATCH, &format!("/users/{USER2}"), json!({"jobTitle": "x"})).await.0, 204);
    assert_eq!(
        send(&lab, &token, Method::PATCH, &format!("/users/{USER1}"), json!({"usageLocation": "DE"})).await.0,
        403,
        "User1 outranks"
    );
    assert_eq!(send(&lab, &token, Method::POST, "/domains", json!({"id": "x.example"})).await.0, 403);
}
