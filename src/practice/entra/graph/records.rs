//! What the tenant wrote down, over Graph: audits, sign-ins, registrations. Who may call is in the table.

use super::{Answer, Call, Fault, Item};
use crate::practice::{
    chance,
    entra::{odata::Collection, shapes},
    tables,
    wire::graph_time,
    world::{Audit, Directory, Party, Report, SignIn, TENANT},
};
use serde_json::{Value, json};

const AUDITS: Collection = Collection {
    pages: true,
    starts: &["activityDisplayName", "initiatedBy/user/userPrincipalName"],
    orders: &["activityDateTime"],
    ..shapes::plain(
        "auditLogs/directoryAudits",
        "directoryAudit",
        &[
            "id",
            "activityDateTime",
            "activityDisplayName",
            "category",
            "correlationId",
            "loggedByService",
            "result",
            "initiatedBy/user/id",
            "initiatedBy/user/displayName",
            "initiatedBy/user/userPrincipalName",
        ],
    )
};
const SIGN_INS: Collection = Collection {
    pages: true,
    starts: &["appDisplayName", "userPrincipalName", "userDisplayName"],
    orders: &["createdDateTime"],
    ..shapes::plain(
        "auditLogs/signIns",
        "signIn",
        &[
            "id",
            "createdDateTime",
            "appId",
            "appDisplayName",
            "userId",
            "userPrincipalName",
            "userDisplayName",
            "correlationId",
            "status/errorCode",
        ],
    )
};
const REGISTRATIONS: Collection = Collection {
    pages: true,
    counts: true,
    starts: &["userDisplayName", "userPrincipalName"],
    orders: &["userDisplayName", "userPrincipalName"],
    ..shapes::plain(
        "reports/authenticationMethods/userRegistrationDetails",
        "userRegistrationDetails",
        &["id", "userPrincipalName", "isAdmin", "isMfaCapable", "isSsprCapable", "isSsprEnabled", "isSsprRegistered", "userType"],
    )
};

/// What a person registers here: a phone that can be called and another address.
const METHODS: &[&str] = &["mobilePhone", "email"];

/// Newest first, as the service lists them.
pub(super) fn audits(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    call.list(&AUDITS)?.page(directory.audits.iter().rev().map(audit).collect())
}

fn audit(audit: &Audit) -> Item {
    let details: Vec<Value> = audit.details.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    shapes::item(json!({
        "id": audit.id,
        "activityDateTime": graph_time(audit.at),
        "activityDisplayName": audit.activity,
        "additionalDetails": details,
        "category": audit.category,
        "correlationId": chance::guid_of(&audit.id),
        "initiatedBy": {"app": null, "user": {"id": audit.by.id, "displayName": audit.by.name, "userPrincipalName": audit.by.upn, "ipAddress": null}},
        "loggedByService": audit.service,
        "operationType": audit.activity.split(' ').next(),
        "result": if audit.failed.is_none() { "success" } else { "failure" },
        "resultReason": audit.failed.as_deref().unwrap_or_default(),
        "targetResources": audit.to.iter().map(target).collect::<Vec<_>>(),
    }))
}

fn target(party: &Party) -> Value {
    json!({
        "displayName": party.name,
        "groupType": null,
        "id": party.id,
        "modifiedProperties": [],
        "type": party.kind,
        "userPrincipalName": party.upn,
    })
}

/// The log of sign-ins comes with Entra ID P1.
pub(super) fn sign_ins(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    if !directory.has_plan(tables::P1.id) {
        let message = "Neither tenant is B2C or tenant doesn't have premium license";
        return Err(Fault::new(403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", message));
    }
    call.list(&SIGN_INS)?.page(directory.sign_ins.iter().rev().map(sign_in).collect())
}

fn sign_in(one: &SignIn) -> Item {
    shapes::item(json!({
        "id": one.id,
        "appDisplayName": tables::client(&one.client).map(|client| client.name),
        "appId": one.client,
        "appliedConditionalAccessPolicies": [],
        "clientAppUsed": "Browser",
        "conditionalAccessStatus": if one.error == 53_003 { "failure" } else { "notApplied" },
        "correlationId": chance::guid_of(&one.id),
        "createdDateTime": graph_time(one.at),
        "deviceDetail": {"browser": "", "deviceId": "", "displayName": "", "isCompliant": false, "isManaged": false, "operatingSystem": "", "trustType": ""},
        "ipAddress": "127.0.0.1",
        "isInteractive": true,
        "location": {"city": null, "countryOrRegion": null, "geoCoordinates": null, "state": null},
        "resourceDisplayName": "Microsoft Graph",
        "resourceId": tables::GRAPH,
        "resourceTenantId": TENANT,
        "homeTenantId": TENANT,
        "riskDetail": "none",
        "riskEventTypes": [],
        "riskEventTypes_v2": [],
        "riskLevelAggregated": "none",
        "riskLevelDuringSignIn": "none",
        "riskState": "none",
        "status": {"additionalDetails": null, "errorCode": one.error, "failureReason": if one.error == 0 { "Other." } else { one.reason.as_str() }},
        "userDisplayName": one.user.name,
        "userId": one.user.id,
        "userPrincipalName": one.user.upn,
    }))
}

/// Who is in the report: accounts that were there when it was made, and still are.
fn rows(directory: &Directory) -> Vec<Item> {
    let Some(report) = &directory.report else { return Vec::new() };
    report.users.iter().filter_map(|(id, admin)| registration(directory, report, id, *admin)).collect()
}

/// As it was when the report was made.
fn registration(directory: &Directory, report: &Report, id: &str, admin: bool) -> Option<Item> {
    let user = directory.user(id)?;
    let (enabled, registered) = (report.enabled.contains(id), report.registered.contains(id));
    let methods: &[&str] = if registered { METHODS } else { &[] };
    Some(shapes::item(json!({
        "id": user.id,
        "isAdmin": admin,
        "isMfaCapable": registered,
        "isMfaRegistered": registered,
        "isPasswordlessCapable": false,
        "isSsprCapable": enabled && registered,
        "isSsprEnabled": enabled,
        "isSsprRegistered": registered,
        "isSystemPreferredAuthenticationMethodEnabled": true,
        "lastUpdatedDateTime": graph_time(report.at),
        "methodsRegistered": methods,
        "systemPreferredAuthenticationMethods": [],
        "userDisplayName": user.name,
        "userPreferredMethodForSecondaryAuthentication": "none",
        "userPrincipalName": user.upn,
        "userType": "member",
    })))
}

pub(super) fn registrations(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    call.list(&REGISTRATIONS)?.page(rows(&directory))
}

pub(super) fn one_registration(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    let found = rows(&directory).into_iter().find(|row| row["id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(call.value())));
    let row = found.ok_or_else(|| Fault::not_found(call.value()))?;
    call.one(&REGISTRATIONS)?.entity(200, &row)
}
