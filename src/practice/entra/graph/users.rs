//! Accounts over Graph: read, made, changed, deleted, licensed, signed out. Who may call is in the table.

use super::{Answer, Call, Fault, may, password};
use crate::practice::{
    chance,
    entra::shapes,
    tables::{self, GLOBAL_ADMINISTRATOR},
    world::{Directory, Party, User},
};
use serde_json::{Map, Value, json};

/// What a property takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Text,
    Texts,
    Country,
}

/// What may be set and is only shown (Graph docs, resources/user.md).
const PROFILE: &[(&str, Takes)] = &[
    ("businessPhones", Takes::Texts),
    ("city", Takes::Text),
    ("companyName", Takes::Text),
    ("country", Takes::Text),
    ("department", Takes::Text),
    ("employeeId", Takes::Text),
    ("faxNumber", Takes::Text),
    ("givenName", Takes::Text),
    ("jobTitle", Takes::Text),
    ("mail", Takes::Text),
    ("mailNickname", Takes::Text),
    ("mobilePhone", Takes::Text),
    ("officeLocation", Takes::Text),
    ("otherMails", Takes::Texts),
    ("passwordPolicies", Takes::Text),
    ("postalCode", Takes::Text),
    ("preferredLanguage", Takes::Text),
    ("state", Takes::Text),
    ("streetAddress", Takes::Text),
    ("surname", Takes::Text),
    ("usageLocation", Takes::Country),
    ("userType", Takes::Text),
];
/// Of a synchronised account these are still the cloud's.
const CLOUD_MASTERED: &[&str] = &["accountEnabled", "otherMails", "passwordPolicies", "passwordProfile", "usageLocation", "userType"];
/// What a person may change of themselves with `User.ReadWrite`.
const OWN_PROFILE: &[&str] = &["businessPhones", "mobilePhone", "officeLocation", "preferredLanguage", "streetAddress"];

pub(super) fn me(call: &mut Call<'_>) -> Result<Answer, Fault> {
    call.one(&shapes::USERS)?.entity(200, &call.visible(&call.caller.user)?)
}

pub(super) fn one(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let user = call.named_user()?;
    call.one(&shapes::USERS)?.entity(200, &call.visible(&user)?)
}

pub(super) fn list(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    let asked = call.list(&shapes::USERS)?;
    let basic = |scope: &&str| *scope != "User.ReadBasic.All";
    let sees_all = may::USERS_LIST.iter().copied().filter(basic).any(|scope| call.has(&[scope]));
    if !sees_all && !asked.filtered().all(shapes::is_basic) {
        return Err(Fault::denied());
    }
    let items = directory.users.iter().map(|user| call.visible(user)).collect::<Result<_, _>>()?;
    asked.page(items)
}

pub(super) fn licenses(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let user = call.named_user()?;
    if user.id != call.caller.user.id && !call.has_for_others(may::LICENSES) {
        return Err(Fault::denied());
    }
    call.list(&shapes::LICENSE_DETAILS)?.of(&user.id).page(shapes::license_details(&user))
}

fn required(name: &str) -> Fault {
    Fault::bad(format!("A value is required for property '{name}' of resource 'User'."))
}

fn invalid(name: &str) -> Fault {
    Fault::bad(format!("Invalid value specified for property '{name}' of resource 'User'."))
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a str, Fault> {
    let value = body.get(name).filter(|value| !value.is_null()).ok_or_else(|| required(name))?;
    value.as_str().filter(|text| !text.is_empty() && text.len() <= 256).ok_or_else(|| invalid(name))
}

pub(super) fn create(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let body = call.body()?;
    let enabled =
        body.get("accountEnabled").ok_or_else(|| required("accountEnabled"))?.as_bool().ok_or_else(|| invalid("accountEnabled"))?;
    let name = text(&body, "displayName")?.to_owned();
    text(&body, "mailNickname")?;
    let upn = text(&body, "userPrincipalName")?.to_owned();
    let profile = body.get("passwordProfile").and_then(Value::as_object).ok_or_else(|| required("passwordProfile"))?;
    if !profile.get("password").is_some_and(Value::is_string) {
        return Err(required("password"));
    }
    let now = call.live.now();
    let id = chance::guid().map_err(|_| Fault::new(503, "serviceNotAvailable", "There are no random numbers."))?;
    let mut user = User {
        id,
        upn: String::new(),
        name,
        enabled,
        created: now,
        products: Vec::new(),
        on_premises: None,
        profile: Map::from_iter([("usageLocation".to_owned(), Value::Null)]),
        password: None,
        password_changed: None,
    };
    check_upn(&call.live.world().directory, &upn, &user.id)?;
    user.upn = upn;
    set(&mut user, &body, &call.live.world().directory.clone(), now)?;
    let party = Party::from(&user);
    call.change(("Add user", "UserManagement", party), |world| {
        world.directory.users.push(user.clone());
        Ok(())
    })?;
    call.one(&shapes::USERS)?.entity(201, &shapes::user(&user))
}

/// The domain must be a verified one of the tenant, and nobody else may have the name.
fn check_upn(directory: &Directory, upn: &str, id: &str) -> Result<(), Fault> {
    let sign = |c: char| c.is_ascii_alphanumeric() || "'.-_!#^~".contains(c);
    let (local, domain) = upn.split_once('@').ok_or_else(|| Fault::bad("Property userPrincipalName is invalid."))?;
    if local.is_empty() || local.len() > 64 || !local.chars().all(sign) {
        return Err(Fault::bad("Property userPrincipalName is invalid."));
    }
    if !directory.domains.iter().any(|one| one.verified && one.name.eq_ignore_ascii_case(domain)) {
        return Err(Fault::bad(
            "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.",
        ));
    }
    if directory.users.iter().any(|user| user.id != id && user.upn.eq_ignore_ascii_case(upn)) {
        return Err(Fault::bad("Another object with the same value for property userPrincipalName already exists."));
    }
    Ok(())
}

/// Sets what the body says; the first thing that cannot be set refuses all of it.
fn set(user: &mut User, body: &Map<String, Value>, directory: &Directory, now: jiff::Timestamp) -> Result<(), Fault> {
    for (name, value) in body.iter().filter(|(name, _)| !name.starts_with('@')) {
        match name.as_str() {
            "accountEnabled" => user.enabled = value.as_bool().ok_or_else(|| invalid(name))?,
            "displayName" => text(body, name)?.clone_into(&mut user.name),
            "userPrincipalName" => {
                let upn = text(body, name)?;
                check_upn(directory, upn, &user.id)?;
                upn.clone_into(&mut user.upn);
            }
            "passwordProfile" => set_password(user, value, now)?,
            _ => {
                let takes = PROFILE.iter().find(|(known, _)| known == name).map(|(_, takes)| *takes);
                let takes = takes.ok_or_else(|| unknown(user, name))?;
                if !fits(takes, value) {
                    return Err(invalid(name));
                }
                user.profile.insert(name.clone(), value.clone());
            }
        }
    }
    Ok(())
}

fn unknown(user: &User, name: &str) -> Fault {
    if shapes::user(user).contains_key(name) {
        return Fault::bad(format!("Property '{name}' is read-only and cannot be set."));
    }
    Fault::bad(format!("One or more properties are invalid. Property '{name}' does not exist on resource 'User'."))
}

fn fits(takes: Takes, value: &Value) -> bool {
    let short = |value: &Value| value.as_str().is_some_and(|text| text.len() <= 256);
    match takes {
        Takes::Text => value.is_null() || short(value),
        Takes::Texts => value.as_array().is_some_and(|all| all.len() <= 250 && all.iter().all(short)),
        Takes::Country => {
            value.is_null() || value.as_str().is_some_and(|text| text.len() == 2 && text.chars().all(|c| c.is_ascii_uppercase()))
        }
    }
}

fn set_password(user: &mut User, profile: &Value, now: jiff::Timestamp) -> Result<(), Fault> {
    let profile = profile.as_object().ok_or_else(|| invalid("passwordProfile"))?;
    match profile.get("password") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(password)) => {
            password::check(password)?;
            user.set_password(password, now);
            Ok(())
        }
        Some(_) => Err(invalid("password")),
    }
}

/// Permissions of Intune, of agents and of single properties reach only as far as Graph's documentation says.
fn may_set(call: &Call<'_>, body: &Map<String, Value>, own: bool) -> bool {
    let partial = |scope: &&&str| may::PARTIAL.iter().any(|(name, _)| name == *scope) || may::OWN.contains(*scope);
    if may::USERS_UPDATE.iter().filter(|scope| !partial(scope)).any(|scope| call.has(&[scope])) {
        return true;
    }
    let covered = |name: &String| {
        let by_scope = may::PARTIAL.iter().any(|(scope, names)| names.contains(&name.as_str()) && call.has(&[scope]));
        by_scope || (own && call.has(&["User.ReadWrite"]) && OWN_PROFILE.contains(&name.as_str()))
    };
    body.keys().filter(|name| !name.starts_with('@')).all(covered)
}

/// An account with a role is changed by a Global Administrator only (entra-docs privileged-roles-permissions.md).
fn outranks(call: &Call<'_>, target: &User) -> bool {
    let directory = &call.live.world().directory;
    let has_role = directory.assignments.iter().any(|one| one.principal == target.id);
    has_role && target.id != call.caller.user.id && !call.holds(&[GLOBAL_ADMINISTRATOR])
}

pub(super) fn update(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let mut user = call.target(may::USERS_UPDATE)?;
    let body = call.body()?;
    let own = user.id == call.caller.user.id;
    // On their own account, without a role, people change contact data only.
    let roleless = own && !call.holds(super::USER_WRITERS) && !body.keys().all(|name| OWN_PROFILE.contains(&name.as_str()));
    if roleless || !may_set(call, &body, own) || outranks(call, &user) {
        return Err(Fault::denied());
    }
    if user.on_premises.is_some() && body.keys().any(|name| !name.starts_with('@') && !CLOUD_MASTERED.contains(&name.as_str())) {
        let message = "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.";
        return Err(Fault::bad(message));
    }
    let directory = call.live.world().directory.clone();
    set(&mut user, &body, &directory, call.live.now())?;
    call.change(("Update user", "UserManagement", (&user).into()), |world| replace(&mut world.directory, &user))?;
    Ok(Answer::empty(204))
}

fn replace(directory: &mut Directory, user: &User) -> Result<(), Fault> {
    let slot = directory.users.iter_mut().find(|one| one.id == user.id).ok_or_else(|| Fault::not_found(&user.id))?;
    user.clone_into(slot);
    Ok(())
}

pub(super) fn delete(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let user = call.target(may::USERS_DELETE)?;
    // The practice administrator is how everybody gets in: without it the lab is of no use.
    let administrator = call.live.world().directory.administrator().is_some_and(|one| one.id == user.id);
    if administrator || user.id == call.caller.user.id || outranks(call, &user) {
        return Err(Fault::denied());
    }
    if user.on_premises.is_some() && call.live.world().directory.sync.enabled == Some(true) {
        return Err(Fault::bad("Unable to delete objects that are synchronized from an on-premises directory."));
    }
    call.change(("Delete user", "UserManagement", (&user).into()), |world| {
        world.directory.users.retain(|one| one.id != user.id);
        world.directory.assignments.retain(|one| one.principal != user.id);
        world.directory.eligible.retain(|one| one.principal != user.id);
        world.consents.retain(|one| one.user != user.id);
        world.tokens.revoke_user(&user.id);
        Ok(())
    })?;
    Ok(Answer::empty(204))
}

pub(super) fn assign_license(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let mut user = call.target(may::LICENSES_WRITE)?;
    let body = call.body()?;
    let list = |name: &str| {
        let message = format!(
            "One or more parameters of the operation 'assignLicense' are missing from the request payload. The missing parameters are: {name}."
        );
        body.get(name).and_then(Value::as_array).ok_or_else(|| Fault::bad(message))
    };
    let (add, remove) = (list("addLicenses")?, list("removeLicenses")?);
    let sku = |value: &Value| {
        let key = value.as_str().unwrap_or_default();
        let bought = &call.live.world().directory.products;
        let product = tables::product(key).filter(|product| bought.iter().any(|part| part == product.part));
        product.ok_or_else(|| Fault::bad(format!("License {key} does not correspond to a valid company License.")))
    };
    if !add.is_empty() && shapes::user(&user)["usageLocation"].is_null() {
        return Err(Fault::bad("License assignment cannot be done for user with invalid usage location."));
    }
    for one in add {
        let product = sku(&one["skuId"])?;
        let taken = call.live.world().directory.users.iter().filter(|user| user.products.iter().any(|part| part == product.part)).count();
        let held = user.products.iter().any(|part| part == product.part);
        if taken >= shapes::UNITS && !held {
            return Err(Fault::bad(format!("Subscription with SKU {} does not have any available licenses.", product.id)));
        }
        if !held {
            user.products.push(product.part.to_owned());
        }
    }
    for one in remove {
        let product = sku(one)?;
        if !user.products.iter().any(|part| part == product.part) {
            return Err(Fault::bad("User does not have a corresponding license."));
        }
        user.products.retain(|part| part != product.part);
    }
    call.change(("Change user license", "UserManagement", (&user).into()), |world| replace(&mut world.directory, &user))?;
    call.one(&shapes::USERS)?.entity(200, &shapes::user(&user))
}

pub(super) fn revoke_sessions(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let user = call.target(may::REVOKE)?;
    if outranks(call, &user) && !call.holds(&[tables::PRIVILEGED_AUTHENTICATION_ADMINISTRATOR]) {
        return Err(Fault::denied());
    }
    call.change(("Update StsRefreshTokenValidFrom Timestamp", "UserManagement", (&user).into()), |world| {
        world.tokens.revoke_user(&user.id);
        Ok(())
    })?;
    let context = format!("{}/{}/$metadata#Edm.Boolean", call.live.settings.base, call.version);
    Ok(Answer::json(200, json!({"@odata.context": context, "value": true})))
}
