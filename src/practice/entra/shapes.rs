//! How the world's things look in Graph: every property of the v1.0 types that the packs and their clients read. No decisions.

use super::odata::{Collection, Item};
use crate::practice::{
    chance,
    tables::{self, Plan, Product, Role},
    wire::graph_time,
    world::{Assignment, Directory, Domain, TENANT, User, World},
};
use serde_json::{Value, json};

/// Accounts; what comes without `$select` leaves out everything on premises (Graph docs, resources/user.md).
pub(super) const USERS: Collection = Collection {
    context: "users",
    kind: "user",
    usual: &[
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
    ],
    filters: &[
        "id",
        "userPrincipalName",
        "displayName",
        "mail",
        "accountEnabled",
        "onPremisesSamAccountName",
        "onPremisesSyncEnabled",
        "onPremisesImmutableId",
    ],
    advanced: &["onPremisesSamAccountName"],
    starts: &["userPrincipalName", "displayName", "mail", "givenName", "surname", "mailNickname"],
    strict: true,
    orders: &["displayName", "userPrincipalName"],
    pages: true,
    counts: true,
    ..plain("users", "user", &[])
};
/// Units of each product that was bought.
pub(super) const UNITS: usize = 25;
/// Licences of an account.
pub(super) const LICENSE_DETAILS: Collection = plain("users('{id}')/licenseDetails", "licenseDetails", &[]);
/// Role assignments.
pub(super) const ASSIGNMENTS: Collection = Collection {
    pages: true,
    expands: &["principal", "roleDefinition"],
    counts: true,
    ..plain("roleManagement/directory/roleAssignments", "unifiedRoleAssignment", &["principalId", "roleDefinitionId", "directoryScopeId"])
};
/// Role definitions.
pub(super) const DEFINITIONS: Collection = Collection {
    pages: true,
    starts: &["displayName"],
    counts: true,
    ..plain("roleManagement/directory/roleDefinitions", "unifiedRoleDefinition", &["id", "displayName", "isBuiltIn", "templateId"])
};
/// Activated roles; no paging (`facts/wire.md` 12).
pub(super) const DIRECTORY_ROLES: Collection = plain("directoryRoles", "directoryRole", &["roleTemplateId", "displayName"]);
/// The tenant.
pub(super) const ORGANIZATION: Collection = plain("organization", "organization", &[]);
/// Its domains.
pub(super) const DOMAINS: Collection = plain("domains", "domain", &[]);
/// What was bought; takes only `$select`.
pub(super) const SKUS: Collection = plain("subscribedSkus", "subscribedSku", &[]);
/// Synchronisation.
pub(super) const SYNCHRONIZATION: Collection = plain("directory/onPremisesSynchronization", "onPremisesDirectorySynchronization", &[]);

pub(super) const fn plain(context: &'static str, kind: &'static str, filters: &'static [&'static str]) -> Collection {
    Collection {
        context,
        kind,
        usual: &[],
        filters,
        advanced: &[],
        starts: &[],
        strict: false,
        orders: &[],
        expands: &[],
        pages: false,
        counts: false,
    }
}

/// What `User.ReadBasic.All` shows of others (Graph permissions reference).
const BASIC: &[&str] = &["id", "displayName", "givenName", "surname", "mail", "userPrincipalName"];

/// Whether the basic profile has this property.
pub(super) fn is_basic(property: &str) -> bool {
    BASIC.contains(&property)
}

/// The basic profile: everything else is null.
pub(super) fn basic(mut user: Item) -> Item {
    for (name, value) in &mut user {
        if !is_basic(name) {
            *value = if value.is_array() { json!([]) } else { Value::Null };
        }
    }
    user
}

/// A JSON object as an item.
pub(super) fn item(value: Value) -> Item {
    match value {
        Value::Object(item) => item,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Item::new(),
    }
}

/// An account with all its properties.
pub(super) fn user(user: &User) -> Item {
    let there = user.on_premises.as_ref();
    let assigned: Vec<Value> = products(&user.products).map(|product| json!({"skuId": product.id, "disabledPlans": []})).collect();
    let plans = products(&user.products).flat_map(|product| product.plans);
    let plans: Vec<Value> = plans.map(|plan| assigned_plan(plan, user.created)).collect();
    let mut shown = item(json!({
        "id": user.id,
        "businessPhones": [],
        "displayName": user.name,
        "givenName": null,
        "jobTitle": null,
        "mail": null,
        "mobilePhone": null,
        "officeLocation": null,
        "preferredLanguage": null,
        "surname": null,
        "userPrincipalName": user.upn,
        "accountEnabled": user.enabled,
        "assignedLicenses": assigned,
        "assignedPlans": plans,
        "createdDateTime": graph_time(user.created),
        "lastPasswordChangeDateTime": graph_time(user.password_changed.unwrap_or(user.created)),
        "mailNickname": user.upn.split('@').next(),
        "passwordPolicies": there.map(|_| "DisablePasswordExpiration"),
        "usageLocation": "US",
        "userType": "Member",
        "city": null,
        "companyName": null,
        "country": null,
        "department": null,
        "employeeId": null,
        "faxNumber": null,
        "otherMails": [],
        "postalCode": null,
        "state": null,
        "streetAddress": null,
        "onPremisesDistinguishedName": there.map(|there| there.dn.as_str()),
        "onPremisesDomainName": there.map(|_| crate::practice::world::LAB_DOMAIN),
        "onPremisesImmutableId": there.map(|there| there.immutable_id.as_str()),
        "onPremisesLastSyncDateTime": there.map(|there| graph_time(there.synced)),
        "onPremisesProvisioningErrors": [],
        "onPremisesSamAccountName": there.map(|there| there.sam.as_str()),
        "onPremisesSecurityIdentifier": there.map(|there| there.sid.as_str()),
        "onPremisesSyncEnabled": there.map(|_| true),
        "onPremisesUserPrincipalName": there.map(|_| user.upn.as_str()),
        "licenseAssignmentStates": [],
        "serviceProvisioningErrors": [],
    }));
    shown.extend(user.profile.clone());
    shown
}

fn products(parts: &[String]) -> impl Iterator<Item = &'static Product> {
    parts.iter().filter_map(|part| tables::product(part))
}

fn assigned_plan(plan: &Plan, since: jiff::Timestamp) -> Value {
    json!({"assignedDateTime": graph_time(since), "capabilityStatus": "Enabled", "service": service(plan), "servicePlanId": plan.id})
}

fn service(plan: &Plan) -> &'static str {
    if plan.name.starts_with("AAD_") { "AADPremiumService" } else { "exchange" }
}

fn service_plan(plan: &Plan) -> Value {
    json!({"servicePlanId": plan.id, "servicePlanName": plan.name, "provisioningStatus": "Success", "appliesTo": "User"})
}

/// The licences of an account.
pub(super) fn license_details(user: &User) -> Vec<Item> {
    let detail = |product: &Product| {
        let plans: Vec<Value> = product.plans.iter().map(service_plan).collect();
        item(
            json!({"id": format!("{}_{}", user.id, product.id), "skuId": product.id, "skuPartNumber": product.part, "servicePlans": plans}),
        )
    };
    products(&user.products).map(detail).collect()
}

/// What was bought.
pub(super) fn skus(directory: &Directory) -> Vec<Item> {
    let sku = |product: &Product| {
        let plans: Vec<Value> = product.plans.iter().map(service_plan).collect();
        let used = directory.users.iter().filter(|user| user.products.iter().any(|part| part == product.part)).count();
        item(json!({
            "id": format!("{TENANT}_{}", product.id),
            "accountId": TENANT,
            "accountName": "Contoso",
            "appliesTo": "User",
            "capabilityStatus": "Enabled",
            "consumedUnits": used,
            "prepaidUnits": {"enabled": UNITS, "lockedOut": 0, "suspended": 0, "warning": 0},
            "servicePlans": plans,
            "skuId": product.id,
            "skuPartNumber": product.part,
            "subscriptionIds": ["9b5e2d40-61c7-4f83-a0de-8c14f7b3925a"],
        }))
    };
    products(&directory.products).map(sku).collect()
}

/// An assignment.
pub(super) fn assignment(assignment: &Assignment) -> Item {
    item(json!({
        "id": assignment.id(),
        "principalId": assignment.principal,
        "roleDefinitionId": assignment.role,
        "directoryScopeId": "/",
        "appScopeId": null,
        "principalOrganizationId": TENANT,
        "condition": null,
    }))
}

/// A role definition.
pub(super) fn definition(role: &Role) -> Item {
    item(json!({
        "id": role.id,
        "description": role.about,
        "displayName": role.name,
        "isBuiltIn": true,
        "isEnabled": true,
        "resourceScopes": ["/"],
        "templateId": role.id,
        "version": "1",
        "rolePermissions": [],
    }))
}

/// The roles that somebody holds or held; only Global Administrator is active from the start (`facts/domain.md` 2.3).
pub(super) fn directory_roles(directory: &Directory) -> Vec<Item> {
    let active = |role: &&Role| role.id == tables::GLOBAL_ADMINISTRATOR || directory.assignments.iter().any(|one| one.role == role.id);
    let shape = |role: &Role| {
        // The object id differs from the template id.
        let id = chance::guid_of(&format!("directoryRole {}", role.id));
        item(json!({"id": id, "deletedDateTime": null, "description": role.about, "displayName": role.name, "roleTemplateId": role.id}))
    };
    tables::ROLES.iter().filter(active).map(shape).collect()
}

/// A domain.
pub(super) fn domain(domain: &Domain, all: &[Domain]) -> Item {
    let initial = domain.name == crate::practice::world::INITIAL_DOMAIN;
    let root = !all.iter().any(|other| domain.name.ends_with(&format!(".{}", other.name)));
    item(json!({
        "id": domain.name,
        "authenticationType": "Managed",
        "availabilityStatus": null,
        "isAdminManaged": true,
        "isDefault": initial,
        "isInitial": initial,
        "isRoot": root,
        "isVerified": domain.verified,
        "manufacturer": null,
        "model": null,
        "passwordNotificationWindowInDays": 14,
        "passwordValidityPeriodInDays": 2_147_483_647,
        "state": null,
        "supportedServices": if domain.verified { json!(["Email", "OfficeCommunicationsOnline"]) } else { json!([]) },
    }))
}

/// The tenant.
pub(super) fn organization(world: &World, directory: &Directory) -> Item {
    let verified = directory.domains.iter().filter(|domain| domain.verified).map(|domain| {
        let initial = domain.name == crate::practice::world::INITIAL_DOMAIN;
        json!({"capabilities": "Email, OfficeCommunicationsOnline", "isDefault": initial, "isInitial": initial, "name": domain.name, "type": "Managed"})
    });
    let plans = products(&directory.products).flat_map(|product| product.plans).map(|plan| assigned_plan(plan, world.created));
    item(json!({
        "id": TENANT,
        "deletedDateTime": null,
        "assignedPlans": plans.collect::<Vec<_>>(),
        "businessPhones": [],
        "city": null,
        "country": null,
        "countryLetterCode": "US",
        "createdDateTime": graph_time(world.created),
        "defaultUsageLocation": null,
        "displayName": "Contoso",
        "marketingNotificationEmails": [],
        "onPremisesLastSyncDateTime": directory.sync.last.map(graph_time),
        "onPremisesSyncEnabled": directory.sync.enabled,
        "partnerTenantType": null,
        "postalCode": null,
        "preferredLanguage": "en",
        "provisionedPlans": [],
        "securityComplianceNotificationMails": [],
        "securityComplianceNotificationPhones": [],
        "state": null,
        "street": null,
        "technicalNotificationMails": [],
        "tenantType": "AAD",
        "verifiedDomains": verified.collect::<Vec<_>>(),
    }))
}

/// What `User.Read` alone shows of the tenant: 200 with nulls (`facts/wire.md` 8).
pub(super) fn organization_basics(mut organization: Item) -> Item {
    for (name, value) in &mut organization {
        if !["id", "displayName", "verifiedDomains"].contains(&name.as_str()) {
            *value = if value.is_array() { json!([]) } else { Value::Null };
        }
    }
    organization
}

/// Synchronisation. `passwordWritebackEnabled` is documented as not in use: false, whatever is set up (`facts/wire.md` 17).
pub(super) fn synchronization(directory: &Directory) -> Item {
    let on = directory.sync.enabled == Some(true);
    let mut shown = item(json!({
        "id": TENANT,
        "configuration": {"accidentalDeletionPrevention": {"synchronizationPreventionType": "enabledForCount", "alertThreshold": directory.deletion_threshold.unwrap_or(500)}},
        "features": {
            "blockCloudObjectTakeoverThroughHardMatchEnabled": false,
            "blockSoftMatchEnabled": false,
            "bypassDirSyncOverridesEnabled": false,
            "cloudPasswordPolicyForPasswordSyncedUsersEnabled": false,
            "concurrentCredentialUpdateEnabled": false,
            "concurrentOrgIdProvisioningEnabled": false,
            "deviceWritebackEnabled": false,
            "directoryExtensionsEnabled": false,
            "fopeConflictResolutionEnabled": false,
            "groupWriteBackEnabled": false,
            "passwordSyncEnabled": on,
            "passwordWritebackEnabled": false,
            "quarantineUponProxyAddressesConflictEnabled": true,
            "quarantineUponUpnConflictEnabled": true,
            "softMatchOnUpnEnabled": true,
            "synchronizeUpnForManagedUsersEnabled": true,
            "unifiedGroupWritebackEnabled": false,
            "userForcePasswordChangeOnLogonEnabled": false,
            "userWritebackEnabled": false,
        },
    }));
    if let Some(features) = shown.get_mut("features").and_then(Value::as_object_mut) {
        features.extend(directory.sync_features.clone());
    }
    shown
}
