//! Changes of the domain's objects: planned from what is read, taken back only where it is still ours.

use super::{Refusal, guard::Standing, guard::could_not_look};
use crate::base::{Problem, text};
use crate::engine::{
    known::Known,
    object::{MadeObject, NewObject, ObjectCall, Values},
    probe::{self, Request, Systems, Unwritable},
};
use crate::guide::step::{LdapWrite, Op, SearchScope, Undo};
use indexmap::IndexMap;
use serde_json::Value;

/// What a change of an object would send, or why it need not.
pub(super) enum Wanted {
    /// This, and what is there now.
    Send(ObjectCall, String),
    /// Nothing, and why.
    Nothing(String),
}

/// What taking a change back would send, or what a person must do instead.
pub(super) enum Back {
    /// This, and what is there now.
    Send(ObjectCall, String),
    /// Guidepost leaves it, and why.
    Leave(String),
}

/// The look from which a change of an object is planned.
pub(super) fn look(write: &LdapWrite, known: &Known<'_>, step: &str) -> Result<Request, Unwritable> {
    let attributes = match write {
        LdapWrite::Add(_) => Vec::new(),
        LdapWrite::Set(set) => set.set.keys().cloned().collect(),
    };
    Ok(at(&probe::name(write.dn(), &known.scope(step))?, attributes))
}

fn at(dn: &str, mut attributes: Vec<String>) -> Request {
    attributes.extend(["objectGUID", "objectSid"].map(str::to_owned));
    Request::Object { dn: dn.to_owned(), attributes }
}

/// The looks from which taking a change back is planned.
pub(super) fn looks_back(call: &ObjectCall) -> Vec<Request> {
    match call {
        ObjectCall::Add(_) => Vec::new(),
        ObjectCall::Modify(values) => vec![at(&values.dn, values.set.keys().cloned().collect())],
        ObjectCall::Delete(made) => vec![at(&made.dn, Vec::new()), inside(&made.dn)],
    }
}

fn inside(dn: &str) -> Request {
    let filter = "(objectClass=*)".to_owned();
    Request::Ldap { base: dn.to_owned(), scope: SearchScope::One, filter, attributes: vec!["name".to_owned()] }
}

/// What an op would send, from what is there.
///
/// # Errors
/// The object is not there, an attribute has several values, or a value cannot be written.
pub(super) fn wanted(write: &LdapWrite, known: &Known<'_>, step: &str, facts: &Value, title: &str) -> Result<Wanted, Refusal> {
    let scope = known.scope(step);
    let cannot = |error: &dyn std::fmt::Display| Refusal::Not(Problem::new(format!("cannot plan `{title}`: {error}")));
    let dn = probe::name(write.dn(), &scope).map_err(|error| cannot(&error))?;
    let value = |template| probe::text(template, &scope).map_err(|error| cannot(&error));
    let texts: IndexMap<String, String> =
        write.attributes().iter().map(|(name, template)| Ok((name.clone(), value(template)?))).collect::<Result<_, Refusal>>()?;
    let there = facts.pointer("/value/0");
    match (write, there) {
        (LdapWrite::Add(_), Some(_)) => Ok(Wanted::Nothing(format!("{title}: `{}` is there already", text::short(&dn, 120)))),
        (LdapWrite::Add(add), None) => {
            let password_made = add.password.is_some();
            let new = NewObject { dn, class: add.class.key().to_owned(), attributes: texts, password_made };
            Ok(Wanted::Send(ObjectCall::Add(new), "it is not there".to_owned()))
        }
        (LdapWrite::Set(_), None) => Err(cannot(&format!("`{}` is not in the domain", text::short(&dn, 120)))),
        (LdapWrite::Set(_), Some(there)) => {
            let (mut set, mut from) = (IndexMap::new(), IndexMap::new());
            for (name, to) in texts {
                let found = single(there, &name).map_err(|why| cannot(&why))?;
                if found.as_deref() != Some(to.as_str()) {
                    from.insert(name.clone(), found);
                    set.insert(name, Some(to));
                }
            }
            if set.is_empty() {
                return Ok(Wanted::Nothing(format!("{title}: it is so already")));
            }
            let before = told(&from);
            Ok(Wanted::Send(ObjectCall::Modify(Values { dn, set, from }), before))
        }
    }
}

/// The one value of an attribute; `None` where there is none.
fn single(object: &Value, name: &str) -> Result<Option<String>, String> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(format!("`{}` has more than one value, which Guidepost does not replace", text::short(name, 60)))
        }
    }
}

fn told(values: &IndexMap<String, Option<String>>) -> String {
    let one = |(name, value): (&String, &Option<String>)| match value {
        Some(value) => format!("{name} is {}", text::short(value, 120)),
        None => format!("{name} has no value"),
    };
    values.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// How a change that is planned would be taken back, in words.
pub(super) fn undo_told(op: &Op, call: &ObjectCall, with: impl FnOnce(&str) -> String) -> String {
    match (&op.undo, call) {
        (Undo::None(reason), _) => format!("cannot be taken back: {reason}"),
        (Undo::With(other), _) => with(other),
        (Undo::Delete, ObjectCall::Add(new)) => format!("delete {}, if it is still this object and nothing is in it", new.dn),
        (Undo::Restore, ObjectCall::Modify(values)) => {
            let put = values.from.iter().map(|(name, value)| match value {
                Some(value) => format!("set {name} back to {value}"),
                None => format!("take the value of {name} away"),
            });
            format!("{}, where it is still what was set", put.collect::<Vec<_>>().join(", "))
        }
        (Undo::Graph(_) | Undo::Revoke | Undo::Script(_) | Undo::Delete | Undo::Restore, _) => {
            "cannot be taken back: this undo is for another kind of change".to_owned()
        }
    }
}

/// What takes a change back that was made: `reply` is what the new object's look or answer held.
pub(super) fn taken_back(undo: &Undo, call: &ObjectCall, reply: &Value) -> Option<ObjectCall> {
    match (undo, call) {
        (Undo::Delete, ObjectCall::Add(new)) => {
            let guid = reply.get("objectGUID")?.as_str()?.to_owned();
            Some(ObjectCall::Delete(MadeObject { dn: new.dn.clone(), guid }))
        }
        (Undo::Restore, ObjectCall::Modify(Values { dn, set, from })) => {
            Some(ObjectCall::Modify(Values { dn: dn.clone(), set: from.clone(), from: set.clone() }))
        }
        (
            Undo::Delete | Undo::Restore | Undo::Graph(_) | Undo::Revoke | Undo::Script(_) | Undo::With(_) | Undo::None(_),
            ObjectCall::Add(_) | ObjectCall::Modify(_) | ObjectCall::Delete(_),
        ) => None,
    }
}

/// What taking back would send, from what stands there by now. `read` gives what a look brought.
///
/// # Errors
/// A look brought nothing back.
pub(super) fn back<'k>(call: &ObjectCall, read: impl Fn(&Request) -> Result<&'k Value, Refusal>) -> Result<Back, Refusal> {
    match call {
        ObjectCall::Add(new) => Ok(Back::Leave(format!("`{}` cannot be made again", text::short(&new.dn, 120)))),
        ObjectCall::Delete(made) => {
            let dn = text::short(&made.dn, 120);
            let there = read(&at(&made.dn, Vec::new()))?.pointer("/value/0");
            match there {
                // Gone or moved: that is looked at before anything is sent.
                None => Ok(Back::Send(call.clone(), "nothing of this name is there".to_owned())),
                Some(there) if there["objectGUID"].as_str() != Some(made.guid.as_str()) => {
                    Ok(Back::Leave(format!("`{dn}` is another object by now than the one that Guidepost made")))
                }
                Some(_) => match read(&inside(&made.dn))?.pointer("/value").and_then(Value::as_array).map_or(0, Vec::len) {
                    0 => Ok(Back::Send(call.clone(), "it is there, and nothing is in it".to_owned())),
                    _ => Ok(Back::Leave(format!("something was put into `{dn}`, which would go with it"))),
                },
            }
        }
        ObjectCall::Modify(values) => {
            let there = read(&at(&values.dn, values.set.keys().cloned().collect()))?.pointer("/value/0");
            let Some(there) = there else { return Ok(Back::Leave(format!("`{}` is not there any more", text::short(&values.dn, 120)))) };
            match stand(values, there) {
                Stand::Other(what) => Ok(Back::Leave(format!("{what}, which is neither what Guidepost set nor what was there before"))),
                Stand::Still | Stand::Restored => Ok(Back::Send(call.clone(), told(&now(values, there)))),
            }
        }
    }
}

enum Stand {
    /// What was set stands there.
    Still,
    /// What was there before stands there again.
    Restored,
    /// Something else, in words.
    Other(String),
}

fn now(values: &Values, there: &Value) -> IndexMap<String, Option<String>> {
    values.set.keys().map(|name| (name.clone(), single(there, name).unwrap_or_else(|_| Some("several values".to_owned())))).collect()
}

/// All of it is still ours, all of it is back, or neither.
fn stand(values: &Values, there: &Value) -> Stand {
    let now = now(values, there);
    if now == values.set {
        Stand::Restored
    } else if values.set.keys().all(|name| now.get(name) == values.from.get(name)) {
        Stand::Still
    } else {
        Stand::Other(told(&now))
    }
}

/// Looks at what taking an object's change back would take away.
///
/// # Errors
/// It must not be taken away, or that could not be read.
pub(super) async fn standing(systems: &dyn Systems, call: &ObjectCall) -> Result<Standing, Refusal> {
    let ask = async |request: &Request| systems.look(request).await.map_err(|error| could_not_look(&error.what, error.hint));
    match call {
        ObjectCall::Add(_) => Ok(Standing::There),
        ObjectCall::Modify(values) => {
            let answer = ask(&at(&values.dn, values.set.keys().cloned().collect())).await?;
            let Some(there) = answer.body.pointer("/value/0") else { return Err(other(&values.dn, "it is not there any more")) };
            match stand(values, there) {
                Stand::Still => Ok(Standing::There),
                Stand::Restored => Ok(Standing::Gone),
                Stand::Other(what) => Err(other(&values.dn, &what)),
            }
        }
        ObjectCall::Delete(made) => {
            let answer = ask(&at(&made.dn, Vec::new())).await?;
            match answer.body.pointer("/value/0") {
                Some(there) if there["objectGUID"].as_str() == Some(made.guid.as_str()) => Ok(Standing::There),
                Some(_) => Err(other(&made.dn, "another object of this name stands there")),
                None => match elsewhere(&ask(&by_guid(made)).await?.body) {
                    None => Ok(Standing::Gone),
                    Some(moved) => Err(other(&made.dn, &format!("it was moved to `{}`", text::short(&moved, 120)))),
                },
            }
        }
    }
}

fn other(dn: &str, why: &str) -> Refusal {
    Refusal::Not(
        Problem::new(format!("`{}` is left as it is: {why}", text::short(dn, 120)))
            .hint("take it back by hand, then say so: `guidepost ledger` names the line, `guidepost attest ledger/LINE` closes it"),
    )
}

/// The object by its GUID, wherever it is: each byte is escaped, in the order in which it travels.
fn by_guid(made: &MadeObject) -> Request {
    use std::fmt::Write as _;
    let bytes = made.guid.parse::<crate::rights::Guid>().map(|guid| *guid.bytes()).unwrap_or_default();
    let filter = bytes.iter().fold("(objectGUID=".to_owned(), |mut out, byte| {
        let _ = write!(out, "\\{byte:02x}");
        out
    });
    let mut base = made.dn.as_str();
    while let Some(above) = crate::engine::object::parent(base)
        && !base.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("DC="))
    {
        base = above;
    }
    Request::Ldap {
        base: base.to_owned(),
        scope: SearchScope::Sub,
        filter: format!("{filter})"),
        attributes: vec!["objectGUID".to_owned()],
    }
}

fn elsewhere(body: &Value) -> Option<String> {
    body.pointer("/value/0/dn").and_then(Value::as_str).map(str::to_owned)
}

/// What one look says of a change in doubt: the object as it is now where the change shows, `Ok(None)` where it does not.
///
/// # Errors
/// Nothing could be read.
pub(super) async fn shows(systems: &dyn Systems, call: &ObjectCall) -> Result<Option<Value>, ()> {
    let attributes = match call {
        ObjectCall::Add(new) => new.attributes.keys().cloned().collect(),
        ObjectCall::Modify(values) => values.set.keys().cloned().collect(),
        ObjectCall::Delete(_) => Vec::new(),
    };
    let answer = systems.look(&at(call.dn(), attributes)).await.map_err(|_| ())?;
    let there = answer.body.pointer("/value/0").cloned();
    Ok(there.filter(|there| match call {
        // Of that name, and not as it was sent: somebody else's, and ours was refused.
        ObjectCall::Add(new) => new.attributes.iter().all(|(name, value)| single(there, name).ok().flatten().as_ref() == Some(value)),
        ObjectCall::Modify(values) => now(values, there) == values.set,
        ObjectCall::Delete(made) => there["objectGUID"].as_str() == Some(made.guid.as_str()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const GUID: &str = "0f8e1c5a-1111-2222-3333-444455556666";

    fn values(set: &str, from: Option<&str>) -> ObjectCall {
        ObjectCall::Modify(Values {
            dn: "DC=a".into(),
            set: IndexMap::from([("minPwdAge".to_owned(), Some(set.to_owned()))]),
            from: IndexMap::from([("minPwdAge".to_owned(), from.map(str::to_owned))]),
        })
    }

    fn made() -> ObjectCall {
        ObjectCall::Delete(MadeObject { dn: "CN=t,CN=Users,DC=a".into(), guid: GUID.into() })
    }

    /// What is done when the object and what is in it are these.
    fn decides(call: &ObjectCall, there: &Value, within: &Value) -> Result<String, String> {
        let read = |request: &Request| match request {
            Request::Ldap { .. } => Ok(within),
            Request::Object { .. } => Ok(there),
            other => panic!("{other:?}"),
        };
        match back(call, read) {
            Ok(Back::Send(sent, now)) => {
                assert_eq!(sent, *call);
                Ok(now)
            }
            Ok(Back::Leave(why)) => Err(why),
            Err(refusal) => panic!("{refusal:?}"),
        }
    }

    #[test]
    fn only_the_very_object_with_nothing_in_it_is_deleted() {
        let (none, one) = (json!({"value": []}), json!({"value": [{"dn": "CN=x"}]}));
        let there = |guid: &str| json!({"value": [{"dn": "CN=t,CN=Users,DC=a", "objectGUID": guid}]});
        assert_eq!(decides(&made(), &there(GUID), &none), Ok("it is there, and nothing is in it".into()));
        assert!(decides(&made(), &there(GUID), &one).unwrap_err().contains("something was put into"));
        assert!(decides(&made(), &there("another"), &none).unwrap_err().contains("another object by now"));
        assert_eq!(decides(&made(), &none, &none), Ok("nothing of this name is there".into()));
    }

    #[test]
    fn values_are_given_back_only_where_they_are_still_ours() {
        let none = json!({"value": []});
        let there = |value: Value| json!({"value": [{"dn": "DC=a", "minPwdAge": value}]});
        // Taking back sets -1 from 0.
        let undo = values("-1", Some("0"));
        assert_eq!(decides(&undo, &there(json!("0")), &none), Ok("minPwdAge is 0".into()));
        assert_eq!(decides(&undo, &there(json!("-1")), &none), Ok("minPwdAge is -1".into()), "back already, which carrying out notices");
        for other in [json!("-2"), json!(["0", "1"]), Value::Null] {
            assert!(decides(&undo, &there(other.clone()), &none).unwrap_err().contains("neither what Guidepost set"), "{other}");
        }
        assert!(decides(&undo, &none, &none).unwrap_err().contains("not there any more"));
    }

    #[test]
    fn what_takes_a_change_back_is_its_mirror_and_a_new_object_is_known_by_its_guid() {
        let set = values("0", Some("-1"));
        assert_eq!(taken_back(&Undo::Restore, &set, &Value::Null), Some(values("-1", Some("0"))));
        let new = ObjectCall::Add(NewObject {
            dn: "CN=t,CN=Users,DC=a".into(),
            class: "user".into(),
            attributes: IndexMap::new(),
            password_made: true,
        });
        assert_eq!(taken_back(&Undo::Delete, &new, &json!({"objectGUID": GUID})), Some(made()));
        // Without its GUID nothing could be deleted safely.
        assert_eq!(taken_back(&Undo::Delete, &new, &json!({})), None);
        assert_eq!(taken_back(&Undo::None("no".into()), &set, &Value::Null), None);
    }

    #[test]
    fn an_object_is_looked_for_in_its_domain_by_its_guid_byte_for_byte() {
        let ObjectCall::Delete(made) = made() else { unreachable!() };
        let Request::Ldap { base, filter, .. } = by_guid(&made) else { unreachable!() };
        assert_eq!(base, "DC=a");
        assert!(filter.starts_with("(objectGUID=\\5a\\1c\\8e\\0f\\11\\11") && filter.ends_with("\\66\\66)"), "{filter}");
    }
}
