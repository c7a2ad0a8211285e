//! Applications over Graph: service principals, who is assigned to them, what was consented to. Who may call is in the table.

use super::{Answer, Call, Fault, Item};
use crate::practice::{
    chance,
    entra::{odata::Collection, shapes},
    tables::{self, Client},
    wire::graph_time,
    world::{Consent, Party, Resource, TENANT, User, World, guid_little_endian},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

const PRINCIPALS: Collection = Collection {
    pages: true,
    counts: true,
    strict: true,
    starts: &["displayName"],
    orders: &["displayName"],
    ..shapes::plain("servicePrincipals", "servicePrincipal", &["id", "appId", "displayName", "servicePrincipalType", "accountEnabled"])
};
const ASSIGNED: Collection = Collection {
    pages: true,
    counts: true,
    ..shapes::plain("appRoleAssignments", "appRoleAssignment", &["principalId", "principalDisplayName"])
};
const GRANTS: Collection = Collection {
    pages: true,
    ..shapes::plain("oauth2PermissionGrants", "oAuth2PermissionGrant", &["id", "clientId", "consentType", "principalId", "resourceId"])
};
/// The tenant of Microsoft's own applications.
const MICROSOFT: &str = "f8cdef31-a31e-4b4a-93e4-5f571e91255a";
/// The role of those who have no role in particular (Graph docs, approleassignment.md).
const DEFAULT_ACCESS: &str = "00000000-0000-0000-0000-000000000000";

/// The object id of an application's service principal.
fn object_id(app: &str) -> String {
    chance::guid_of(&format!("servicePrincipal {}", app.to_ascii_lowercase()))
}

fn principal(app: &str, name: &str, owner: &str, scopes: &Value) -> Item {
    shapes::item(json!({
        "id": object_id(app),
        "deletedDateTime": null,
        "accountEnabled": true,
        "alternativeNames": [],
        "appDisplayName": name,
        "appId": app,
        "appOwnerOrganizationId": owner,
        "appRoleAssignmentRequired": false,
        "appRoles": [],
        "description": null,
        "displayName": name,
        "homepage": null,
        "keyCredentials": [],
        "loginUrl": null,
        "logoutUrl": null,
        "notes": null,
        "notificationEmailAddresses": [],
        "oauth2PermissionScopes": scopes,
        "passwordCredentials": [],
        "preferredSingleSignOnMode": null,
        "replyUrls": if [tables::GRAPH, tables::AZURE, tables::PRACTICE_APP].contains(&app) { json!([]) } else { json!(["http://localhost"]) },
        "servicePrincipalNames": [app],
        "servicePrincipalType": "Application",
        "signInAudience": "AzureADMultipleOrgs",
        "tags": [],
    }))
}

fn principals() -> Vec<Item> {
    let scope = |scope: &tables::Scope| {
        json!({
            "id": chance::guid_of(&format!("scope {}", scope.name)),
            "value": scope.name,
            "isEnabled": true,
            "type": if scope.admin { "Admin" } else { "User" },
            "adminConsentDisplayName": scope.about,
            "adminConsentDescription": scope.about,
            "userConsentDisplayName": scope.about,
            "userConsentDescription": scope.about,
        })
    };
    let graph = principal(tables::GRAPH, "Microsoft Graph", MICROSOFT, &tables::SCOPES.iter().map(scope).collect());
    let client = |client: &Client| {
        let owner = if client.id == tables::PRACTICE_CLIENT { TENANT } else { MICROSOFT };
        principal(client.id, client.name, owner, &json!([]))
    };
    let azure = tables::scope_of(Resource::Azure, tables::IMPERSONATION).map(scope).into_iter().collect();
    let azure = principal(tables::AZURE, "Windows Azure Service Management API", MICROSOFT, &azure);
    let app = principal(tables::PRACTICE_APP, tables::PRACTICE_APP_NAME, TENANT, &json!([]));
    std::iter::once(graph).chain(tables::CLIENTS.iter().map(client)).chain([app, azure]).collect()
}

/// The application that signs in by itself, in an account's place.
pub(in crate::practice) fn itself(world: &World) -> User {
    User {
        id: object_id(tables::PRACTICE_APP),
        upn: String::new(),
        name: tables::PRACTICE_APP_NAME.to_owned(),
        enabled: true,
        created: world.created,
        products: Vec::new(),
        on_premises: None,
        profile: Map::new(),
        password: None,
        password_changed: None,
    }
}

/// By object id or by application id, whichever the path has.
fn named(call: &Call<'_>) -> Result<Item, Fault> {
    let by = if call.question.path.iter().any(|segment| segment.contains('(')) { "appId" } else { "id" };
    let found = principals().into_iter().find(|item| item[by].as_str().is_some_and(|id| id.eq_ignore_ascii_case(call.value())));
    found.ok_or_else(|| Fault::not_found(call.value()))
}

pub(super) fn list(call: &mut Call<'_>) -> Result<Answer, Fault> {
    call.list(&PRINCIPALS)?.page(principals())
}

pub(super) fn one(call: &mut Call<'_>) -> Result<Answer, Fault> {
    call.one(&PRINCIPALS)?.entity(200, &named(call)?)
}

/// Whoever consented is assigned, as in Entra.
pub(super) fn assigned_to(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let application = named(call)?;
    let world = call.live.world();
    let shape = |consent: &Consent| {
        let user = world.directory.user(&consent.user)?;
        Some(shapes::item(json!({
            "id": BASE64_URL_SAFE_NO_PAD.encode([guid_little_endian(&user.id), guid_little_endian(&consent.client)].concat()),
            "deletedDateTime": null,
            "appRoleId": DEFAULT_ACCESS,
            "createdDateTime": graph_time(world.created),
            "principalDisplayName": user.name,
            "principalId": user.id,
            "principalType": "User",
            "resourceDisplayName": application["displayName"],
            "resourceId": application["id"],
        })))
    };
    let mine = |consent: &&Consent| application["appId"].as_str().is_some_and(|app| app.eq_ignore_ascii_case(&consent.client));
    call.list(&ASSIGNED)?.page(world.consents.iter().filter(mine).filter_map(shape).collect())
}

fn resource(consent: &Consent) -> &'static str {
    match consent.resource {
        Resource::Graph => tables::GRAPH,
        Resource::Azure => tables::AZURE,
    }
}

/// Deterministic: who asks, for what, for whom.
fn grant_id(consent: &Consent) -> String {
    let parts = [object_id(&consent.client), object_id(resource(consent)), consent.user.clone()].map(|id| guid_little_endian(&id));
    BASE64_URL_SAFE_NO_PAD.encode(parts.concat())
}

fn grant(consent: &Consent) -> Item {
    shapes::item(json!({
        "id": grant_id(consent),
        "clientId": object_id(&consent.client),
        "consentType": "Principal",
        "principalId": consent.user,
        "resourceId": object_id(resource(consent)),
        "scope": consent.scopes.join(" "),
    }))
}

fn given(world: &World) -> impl Iterator<Item = &Consent> {
    let of = |resource| world.consents.iter().filter(move |consent| consent.resource == resource && !consent.scopes.is_empty());
    of(Resource::Graph).chain(of(Resource::Azure))
}

pub(super) fn grants(call: &mut Call<'_>) -> Result<Answer, Fault> {
    call.list(&GRANTS)?.page(given(call.live.world()).map(grant).collect())
}

fn named_grant(call: &Call<'_>) -> Result<Consent, Fault> {
    let found = given(call.live.world()).find(|consent| grant_id(consent) == call.value()).cloned();
    found.ok_or_else(|| Fault::not_found(call.value()))
}

pub(super) fn one_grant(call: &mut Call<'_>) -> Result<Answer, Fault> {
    call.one(&GRANTS)?.entity(200, &grant(&named_grant(call)?))
}

/// Only `scope` can be changed: what is given from now on (Graph docs, oauth2permissiongrant-update.md).
pub(super) fn update_grant(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let held = named_grant(call)?;
    let body = call.body()?;
    if let Some(other) = body.keys().find(|name| !name.starts_with('@') && *name != "scope") {
        return Err(Fault::bad(format!("Property '{other}' on the entity 'OAuth2PermissionGrant' cannot be updated.")));
    }
    let scope = body.get("scope").and_then(Value::as_str).ok_or_else(|| Fault::bad("Invalid value specified for property 'scope'."))?;
    let mut scopes: Vec<String> = Vec::new();
    for name in scope.split_ascii_whitespace() {
        let known = tables::scope_of(held.resource, name)
            .ok_or_else(|| Fault::bad(format!("Permission entry '{name}' was not found on the resource.")))?;
        if !scopes.iter().any(|one| one == known.name) {
            scopes.push(known.name.to_owned());
        }
    }
    let application = Party::thing(&held.client, "ServicePrincipal");
    call.change(("Update delegated permission grant", "ApplicationManagement", application), |world| {
        world.consents.iter_mut().filter(|consent| **consent == held).for_each(|consent| consent.scopes.clone_from(&scopes));
        Ok(())
    })?;
    Ok(Answer::empty(204))
}

/// Tokens that carry the scopes keep them until they expire.
pub(super) fn delete_grant(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let gone = named_grant(call)?;
    let application = Party::thing(&gone.client, "ServicePrincipal");
    call.change(("Remove delegated permission grant", "ApplicationManagement", application), |world| {
        world.consents.retain(|consent| *consent != gone);
        Ok(())
    })?;
    Ok(Answer::empty(204))
}
