//! Graph reads: shapes, options, errors, headers.

use crate::lab::{ASSIGNMENTS, Lab, USER1};
use serde_json::{Value, json};
use std::path::Path;

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
        ("/v1.0/users?$filter=endswith(displayName,'a')", 400, "Request_UnsupportedQuery"),
        ("/v1.0/users?$filter=startswith(id,'a')", 400, "Request_UnsupportedQuery"),
        ("/v1.0/users?$filter=not startswith(displayName,'a')", 400, "Request_UnsupportedQuery"),
        ("/v1.0/users?$expand=manager", 400, "Request_UnsupportedQuery"),
        ("/v1.0/roleManagement/directory/roleAssignments?$expand=principal,roleDefinition", 400, "Request_UnsupportedQuery"),
        ("/v1.0/roleManagement/directory/roleAssignments?$expand=owner", 400, "BadRequest"),
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
    let patched = lab.http.patch(format!("{}/v1.0/users", lab.text("graph"))).bearer_auth(&token).send().await.unwrap();
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
