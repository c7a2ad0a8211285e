//! Policies over Graph: authorization, security defaults, sign-in methods. Who may call is in the table.

use super::{Answer, Call, Fault, Item};
use crate::practice::{
    entra::{odata::Collection, shapes},
    wire::graph_time,
    world::{Party, SIGN_IN_METHODS},
};
use serde_json::{Map, Value, json};

const AUTHORIZATION: Collection = shapes::plain("policies/authorizationPolicy", "authorizationPolicy", &[]);
const SECURITY_DEFAULTS: Collection =
    shapes::plain("policies/identitySecurityDefaultsEnforcementPolicy", "identitySecurityDefaultsEnforcementPolicy", &[]);
const METHODS: Collection = shapes::plain("authenticationMethodsPolicy", "authenticationMethodsPolicy", &[]);
/// The role that a guest gets (Graph docs, resources/authorizationpolicy.md).
const GUEST: &str = "10dae51f-b6af-4016-8d66-8c2a99b929b3";

fn authorization_policy(changed: &Map<String, Value>) -> Item {
    let mut policy = json!({
        "id": "authorizationPolicy",
        "deletedDateTime": null,
        "description": "Used to manage authorization related settings across the company.",
        "displayName": "Authorization Policy",
        "allowedToSignUpEmailBasedSubscriptions": true,
        "allowedToUseSSPR": true,
        "allowEmailVerifiedUsersToJoinOrganization": false,
        "allowInvitesFrom": "everyone",
        "allowUserConsentForRiskyApps": false,
        "blockMsolPowerShell": false,
        "defaultUserRolePermissions": {
            "allowedToCreateApps": true,
            "allowedToCreateSecurityGroups": true,
            "allowedToCreateTenants": true,
            "allowedToReadBitlockerKeysForOwnedDevice": true,
            "allowedToReadOtherUsers": true,
            "permissionGrantPoliciesAssigned": ["ManagePermissionGrantsForSelf.microsoft-user-default-legacy"],
        },
        "guestUserRoleId": GUEST,
    });
    merge(&mut policy, &Value::Object(changed.clone()));
    shapes::item(policy)
}

/// Objects are merged, everything else is replaced.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => into.clone_from(from),
    }
}

pub(super) fn authorization(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    call.one(&AUTHORIZATION)?.entity(200, &authorization_policy(&directory.authorization_policy))
}

/// Each value must be of the kind that stands there now.
fn check(body: &Map<String, Value>, policy: &Map<String, Value>) -> Result<(), Fault> {
    const INVITERS: &[&str] = &["none", "adminsAndGuestInviters", "adminsGuestInvitersAndAllMembers", "everyone"];
    const READ_ONLY: &[&str] = &["id", "deletedDateTime"];
    for (name, value) in body.iter().filter(|(name, _)| !name.starts_with('@')) {
        let wrong = || Fault::bad(format!("Invalid value specified for property '{name}' of resource 'AuthorizationPolicy'."));
        let fits = match (policy.get(name), value) {
            (_, _) if READ_ONLY.contains(&name.as_str()) => false,
            (Some(Value::Bool(_)), Value::Bool(_)) => true,
            (Some(Value::String(_)), Value::String(text)) => match name.as_str() {
                "allowInvitesFrom" => INVITERS.contains(&text.as_str()),
                "guestUserRoleId" => text.len() == 36 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-'),
                _ => text.len() <= 1024,
            },
            (Some(Value::Array(_)), Value::Array(all)) => all.len() <= 64 && all.iter().all(Value::is_string),
            (Some(Value::Object(inner)), Value::Object(wanted)) => return check(wanted, inner),
            (None | Some(Value::Null | Value::Number(_) | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_)), _) => {
                false
            }
        };
        if !fits {
            return Err(wrong());
        }
    }
    Ok(())
}

pub(super) fn update_authorization(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let body = call.body()?;
    let changed = call.live.world().directory.authorization_policy.clone();
    check(&body, &authorization_policy(&changed))?;
    let mut changed = Value::Object(changed);
    let plain: Map<String, Value> = body.into_iter().filter(|(name, _)| !name.starts_with('@')).collect();
    merge(&mut changed, &Value::Object(plain));
    let changed = shapes::item(changed);
    call.change(("Update authorization policy", "Policy", Party::thing("Authorization Policy", "Policy")), |world| {
        world.directory.authorization_policy = changed;
        Ok(())
    })?;
    Ok(Answer::empty(204))
}

/// Off, as it must be where conditional access is used.
pub(super) fn security_defaults(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let policy = json!({
        "id": "00000000-0000-0000-0000-000000000005",
        "deletedDateTime": null,
        "description": "Security defaults is a set of basic identity security mechanisms recommended by Microsoft.",
        "displayName": "Security Defaults",
        "isEnabled": false,
    });
    call.one(&SECURITY_DEFAULTS)?.entity(200, &shapes::item(policy))
}

pub(super) fn methods(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    let method = |(id, kind, _): &(&str, &str, bool)| {
        json!({
            "@odata.type": format!("#microsoft.graph.{kind}AuthenticationMethodConfiguration"),
            "id": id,
            "state": if directory.self_service.is_method_on(id) { "enabled" } else { "disabled" },
            "excludeTargets": [],
        })
    };
    let policy = json!({
        "id": "authenticationMethodsPolicy",
        "description": "The tenant-wide policy that controls which authentication methods are allowed in the tenant.",
        "displayName": "Authentication Methods Policy",
        "lastModifiedDateTime": graph_time(call.live.world().created),
        "policyVersion": "1.5",
        "policyMigrationState": "migrationComplete",
        "reconfirmationInDays": null,
        "registrationEnforcement": {
            "authenticationMethodsRegistrationCampaign": {"snoozeDurationInDays": 1, "state": "default", "excludeTargets": [], "includeTargets": []},
        },
        "authenticationMethodConfigurations": SIGN_IN_METHODS.iter().map(method).collect::<Vec<_>>(),
    });
    call.one(&METHODS)?.entity(200, &shapes::item(policy))
}
