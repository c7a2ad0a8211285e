//! Sign-in methods over Graph, and the reset of a password as an operation to poll. Who may call is in the table.

use super::{Answer, Call, Fault, Item, may};
use crate::base::Secret;
use crate::practice::{
    chance,
    entra::{odata::Collection, shapes},
    tables::{self, DIRECTORY_READERS},
    wire::graph_time,
    world::{Letter, Message, PasswordOperation, Setback, Stage, Trip, User, is_cloud_password},
};
use serde_json::{Value, json};

/// The same for every account (Graph docs, authenticationmethod-resetpassword.md).
const PASSWORD: &str = "28c10230-6103-485e-b985-444c60001490";
const METHODS: Collection = shapes::plain("users('{id}')/authentication/methods", "authenticationMethod", &[]);
const PASSWORD_METHODS: Collection = shapes::plain("users('{id}')/authentication/passwordMethods", "passwordAuthenticationMethod", &[]);
const OPERATIONS: Collection = shapes::plain("users('{id}')/authentication/operations", "longRunningOperation", &[]);
fn password_method(user: &User) -> Item {
    let changed = user.password_changed.unwrap_or(user.created);
    shapes::item(json!({"id": PASSWORD, "createdDateTime": graph_time(changed), "password": null}))
}

/// The account, if these permissions reach it.
fn reached(call: &mut Call<'_>, scopes: &[&str]) -> Result<User, Fault> {
    if !call.names_self() && !call.has_for_others(scopes) {
        return Err(Fault::denied());
    }
    call.named_user()
}

pub(super) fn methods(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let user = reached(call, may::METHODS)?;
    let mut method = shapes::item(json!({"@odata.type": "#microsoft.graph.passwordAuthenticationMethod"}));
    method.extend(password_method(&user));
    call.list(&METHODS)?.of(&user.id).page(vec![method])
}

pub(super) fn password_methods(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let user = reached(call, may::PASSWORD_METHODS)?;
    call.list(&PASSWORD_METHODS)?.of(&user.id).page(vec![password_method(&user)])
}

/// Entra's rule for passwords of the cloud.
pub(super) fn check(password: &str) -> Result<(), Fault> {
    if is_cloud_password(password) {
        return Ok(());
    }
    Err(Fault::bad("The specified password does not comply with password complexity requirements. Please provide a different password."))
}

pub(super) fn reset(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let user = call.target(may::RESET)?;
    let method = call.values.get(1).map_or("", String::as_str);
    if method != PASSWORD {
        return Err(Fault::not_found(method));
    }
    // Not on oneself, and not upwards.
    if user.id == call.caller.user.id || is_above(call, &user) {
        return Err(Fault::denied());
    }
    let (password, made) = wanted(call, &user)?;
    let id = accept(call, &user, &password)?;
    let (base, version) = (&call.live.settings.base, call.version);
    // The query routes to where the operation runs; clients keep it (`facts/wire.md` 16).
    let location = format!("{base}/{version}/users/{}/authentication/operations/{id}?aadgdc=PRAC01P&aadgsu=ssprprod-a", user.id);
    let mut body = json!({"@odata.context": format!("{base}/{version}/$metadata#microsoft.graph.passwordResetResponse")});
    if made {
        body["newPassword"] = password.into();
    }
    Ok(Answer::json(202, body).header("location", location))
}

/// Begins a reset and gives the operation's id. That of a synchronised account travels, and that of the cloud is done at once.
fn accept(call: &mut Call<'_>, user: &User, password: &str) -> Result<String, Fault> {
    let (id, now) = (chance::guid().map_err(|_| Fault::new(503, "serviceNotAvailable", "There are no random numbers."))?, call.live.now());
    let message = Message { id: id.clone(), trip: Trip::Admin, to: user.into(), by: call.by(), asked: now, stage: Stage::Sent };
    let mut operation = PasswordOperation::new(id.clone(), user.id.clone(), now);
    let world = call.live.world();
    let synchronised = user.on_premises.is_some();
    // That there is no agent is known here; that it does not listen shows only when nobody takes the message.
    let refused = (synchronised && !world.is_writeback_on()).then_some(Setback::NotEnabled);
    operation.failure = refused.map(|setback| setback.to_string());
    operation.travels = synchronised && refused.is_none();
    if operation.travels && !world.writeback.has_room() {
        return Err(Fault::new(503, "serviceNotAvailable", "The relay takes no more messages."));
    }
    call.live.change(|world| {
        if operation.travels {
            world.writeback.send(message, Letter { new: Secret::new(password), old: None });
        } else {
            world.directory.audit(message.audit(refused, false, now));
            if refused.is_none() && !world.set_cloud_password(&user.id, password, now) {
                return Err(Fault::not_found(&user.id));
            }
        }
        world.add_operation(operation);
        Ok(())
    })?;
    Ok(id)
}

/// Only a Global or a Privileged Authentication Administrator resets an account with a role.
fn is_above(call: &Call<'_>, target: &User) -> bool {
    let above = |role: &str| role != DIRECTORY_READERS;
    let privileged = call.live.world().directory.assignments.iter().any(|one| one.principal == target.id && above(&one.role));
    privileged && !call.holds(&[tables::GLOBAL_ADMINISTRATOR, tables::PRIVILEGED_AUTHENTICATION_ADMINISTRATOR])
}

/// The new password, and whether the service made it, which it does for accounts of the cloud only.
fn wanted(call: &Call<'_>, user: &User) -> Result<(String, bool), Fault> {
    let body = if call.question.body.is_empty() { serde_json::Map::new() } else { call.body()? };
    match body.get("newPassword") {
        Some(Value::String(password)) => {
            check(password)?;
            Ok((password.clone(), false))
        }
        None | Some(Value::Null) if user.on_premises.is_some() => {
            Err(Fault::bad("A new password is required for accounts that are synchronized from an on-premises directory."))
        }
        None | Some(Value::Null) => {
            let made = chance::password().map_err(|_| Fault::new(503, "serviceNotAvailable", "There are no random numbers."))?;
            // Three kinds of characters, whatever chance drew.
            Ok((format!("Aa1{made}"), true))
        }
        Some(_) => Err(Fault::bad("Invalid value specified for parameter 'newPassword'.")),
    }
}

pub(super) fn operation(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let user = reached(call, may::METHODS)?;
    let id = call.values.get(1).cloned().unwrap_or_default();
    let found = call.live.world().operations.iter().find(|one| one.id == id && one.user == user.id).cloned();
    let operation = found.ok_or_else(|| Fault::not_found(&id))?;
    let (status, since) = operation.status(call.live.now());
    let base = &call.live.settings.base;
    let detail = operation.failure.as_deref().filter(|_| status == "failed");
    let shown = json!({
        "id": operation.id,
        "createdDateTime": graph_time(operation.asked),
        "lastActionDateTime": graph_time(since),
        "resourceLocation": (status == "succeeded").then(|| format!("{base}/{}/users/{}/authentication/methods/{PASSWORD}", call.version, user.id)),
        "status": status,
        "statusDetail": detail,
    });
    call.one(&OPERATIONS)?.of(&user.id).entity(200, &shapes::item(shown))
}
