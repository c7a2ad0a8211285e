//! Changes of the domain's objects, as they are sent: a password is made here, used once and forgotten. Judges nothing.

use super::{look_error, object, sentence, shown};
use crate::base::text;
use crate::engine::object::{MadeObject, NewObject, ObjectCall, Values};
use crate::engine::probe::{Answer, LookError, SendError};
use crate::services::directory::{
    Directory, DirectoryError,
    object::{self as directory_object, Change, Swap, make_password},
};
use serde_json::{Value, json};
use tokio::time::Instant;

/// `noSuchAttribute` and `attributeOrValueExists` (RFC 4511 A): the value that was read is not there any more.
const CHANGED: [u32; 2] = [16, 20];
/// What tells one object from every other, and from itself under another name.
const IDENTITY: [&str; 2] = ["objectGUID", "objectSid"];

/// Sends one change. The answer of a new object holds its `dn`, `objectGUID` and `objectSid`.
///
/// # Errors
/// [`SendError`] tells a refusal from doubt.
pub(super) async fn send(directory: &dyn Directory, call: &ObjectCall) -> Result<Answer, SendError> {
    let started = Instant::now();
    let root = directory.root().await.map_err(|error| SendError::Refused(look_error(&error)))?;
    let body = match call {
        ObjectCall::Add(new) => add(directory, new, &root.naming_context).await?,
        ObjectCall::Modify(values) => modify(directory, values).await?,
        ObjectCall::Delete(made) => delete(directory, made).await?,
    };
    Ok(Answer { status: 0, body, date: Some(root.time), request_id: None, took: started.elapsed() })
}

async fn add(directory: &dyn Directory, new: &NewObject, head: &str) -> Result<Value, SendError> {
    let refused = |error: LookError| SendError::Refused(error);
    let password = if new.password_made {
        let policy = object(directory, head, &["minPwdLength"]).await.map_err(refused)?;
        let least = policy.number("minPwdLength").and_then(|least| usize::try_from(least).ok()).unwrap_or(0);
        let names: Vec<&str> = new.attributes.values().map(String::as_str).collect();
        Some(make_password(least, &names).map_err(|error| refused(look_error(&error)))?)
    } else {
        None
    };
    let attributes = new.attributes.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let sent = directory_object::NewObject { dn: new.dn.clone(), class: new.class.clone(), attributes, password };
    change(directory, &Change::Add(sent)).await?;
    // It is made. Without its GUID nobody could tell it from another later: whoever cannot read it now looks again.
    let made = object(directory, &new.dn, &IDENTITY).await.map_err(SendError::InDoubt)?;
    Ok(shown(&made, &IDENTITY.map(str::to_owned)))
}

async fn modify(directory: &dyn Directory, values: &Values) -> Result<Value, SendError> {
    let swap = |(name, to): (&String, &Option<String>)| Swap {
        attribute: name.clone(),
        from: values.from.get(name).cloned().flatten(),
        to: to.clone(),
    };
    let sent = Change::Modify { dn: values.dn.clone(), swaps: values.set.iter().map(swap).collect() };
    match change(directory, &sent).await {
        Ok(()) => Ok(Value::Null),
        Err(SendError::Refused(error)) if error.status.is_some_and(|code| CHANGED.contains(&u32::from(code))) => {
            Err(SendError::Refused(LookError {
                what: format!(
                    "{} of `{}` is not what the plan replaces: something changed in the meantime",
                    names(values),
                    text::short(&values.dn, 120)
                ),
                hint: Some("nothing was written; look at the new plan and confirm that".to_owned()),
                ..error
            }))
        }
        Err(other) => Err(other),
    }
}

fn names(values: &Values) -> String {
    let names: Vec<String> = values.set.keys().map(|name| format!("`{}`", text::short(name, 60))).collect();
    names.join(", ")
}

async fn delete(directory: &dyn Directory, made: &MadeObject) -> Result<Value, SendError> {
    let there = object(directory, &made.dn, &IDENTITY).await.map_err(SendError::Refused)?;
    if shown(&there, &IDENTITY.map(str::to_owned))["objectGUID"] != json!(made.guid) {
        let what = format!("`{}` is another object than the one that Guidepost made; it was not deleted", text::short(&made.dn, 120));
        return Err(SendError::Refused(sentence(what, Some("look at it in the domain"))));
    }
    change(directory, &Change::Delete { dn: made.dn.clone() }).await.map(|()| Value::Null)
}

async fn change(directory: &dyn Directory, change: &Change) -> Result<(), SendError> {
    directory.change(change).await.map_err(|error: DirectoryError| {
        let known = error.outcome_known();
        let error = look_error(&error);
        if known { SendError::Refused(error) } else { SendError::InDoubt(error) }
    })
}
