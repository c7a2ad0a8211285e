//! Role assignments and who may do what.

use crate::browser::token_with;
use crate::lab::{ASSIGNMENTS, GLOBAL_ADMINISTRATOR, Lab, USER1, wish};
use serde_json::{Value, json};

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
async fn of_many_who_assign_at_once_exactly_one_does() {
    let lab = Lab::start(&["--consistency", "0s"]).await;
    let (token, body) = (lab.admin().await, wish(USER1));
    let all = futures_util::future::join_all((0..16).map(|_| lab.assign(&token, &body))).await;
    let made = all.iter().filter(|(status, _)| *status == 201).count();
    let refused = all.iter().filter(|(status, _)| *status == 400).count();
    assert_eq!((made, refused), (1, 15));
    assert_eq!(lab.administrators(&token).await.len(), 2);
}
