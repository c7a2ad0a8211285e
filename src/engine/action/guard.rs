//! What is never taken back, whatever a plan says: a role of the signed-in account, the last Global Administrator.

use super::Refusal;
use crate::base::Problem;
use crate::engine::{
    consent::{GRANTS, Grant},
    permissions,
    probe::{Entries, GraphCall, Request, Systems, Write},
};
use serde_json::Value;

/// Template id of Global Administrator (learn.microsoft.com, permissions-reference).
const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
const ASSIGNMENTS: &str = "/v1.0/roleManagement/directory/roleAssignments";

/// What stands behind an undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It may be taken back.
    There,
    /// It is gone already.
    Gone,
}

/// Looks at what an undo would take away.
///
/// # Errors
/// It must not be taken away, or that could not be read.
pub(super) async fn before_undo(systems: &dyn Systems, write: &Write) -> Result<Standing, Refusal> {
    match write {
        Write::Graph(call) if call.path.starts_with(GRANTS) => grant(systems, call).await,
        Write::Graph(call) => before_delete(systems, call).await,
        Write::Permissions { permissions } => before_removal(systems, permissions).await,
        // Nothing that is done to a machine, and no round trip, is an undo, and what a script changed nobody can see.
        Write::Machine { .. } | Write::Script { .. } | Write::Trip { .. } => Ok(Standing::There),
        Write::Object { ldap } => super::object::standing(systems, ldap).await,
    }
}

/// Entries that are gone need no writing; those that are left are removed.
async fn before_removal(systems: &dyn Systems, entries: &Entries) -> Result<Standing, Refusal> {
    let answer = systems.look(&entries.look()).await.map_err(|error| could_not_look(&error.what, error.hint))?;
    let there = permissions::there(&answer.body, &entries.remove).map_err(|why| could_not_look(&why, None))?;
    Ok(if there == 0 { Standing::Gone } else { Standing::There })
}

async fn before_delete(systems: &dyn Systems, write: &GraphCall) -> Result<Standing, Refusal> {
    let Some(id) = write.path.strip_prefix(ASSIGNMENTS).and_then(|rest| rest.strip_prefix('/')) else { return Ok(Standing::There) };
    if write.method != "DELETE" {
        return Ok(Standing::There);
    }
    let assignment = match systems.look(&get(format!("{ASSIGNMENTS}/{id}"), None)).await {
        Ok(answer) => answer.body,
        Err(error) if error.status == Some(404) => return Ok(Standing::Gone),
        Err(error) => return Err(could_not_look(&error.what, error.hint)),
    };
    let principal = text(&assignment, "principalId");
    if systems.me().is_some_and(|me| me.id == principal) {
        return Err(Refusal::Not(
            Problem::new("this would take a role from the account that you are signed in with").hint("sign in as another administrator"),
        ));
    }
    let role = text(&assignment, "roleDefinitionId");
    if role != GLOBAL_ADMINISTRATOR {
        return Ok(Standing::There);
    }
    let filter = format!("roleDefinitionId eq '{GLOBAL_ADMINISTRATOR}'");
    let holders = systems.look(&get(ASSIGNMENTS.into(), Some(filter))).await.map_err(|error| could_not_look(&error.what, error.hint))?;
    let others = holders.body.pointer("/value").and_then(Value::as_array).into_iter().flatten();
    let others = others.filter(|other| text(other, "principalId") != principal && text(other, "directoryScopeId") == "/").count();
    if others == 0 {
        return Err(Refusal::Not(
            Problem::new("this would take the role from the last Global Administrator")
                .hint("make another account Global Administrator first"),
        ));
    }
    Ok(Standing::There)
}

/// Whether a grant still holds what a write would take out of it.
async fn grant(systems: &dyn Systems, write: &GraphCall) -> Result<Standing, Refusal> {
    let found = match systems.look(&get(write.path.clone(), None)).await {
        Ok(answer) => Grant::read(&answer.body),
        Err(error) if error.status == Some(404) => return Ok(Standing::Gone),
        Err(error) => return Err(could_not_look(&error.what, error.hint)),
    };
    let rest = write.body.get("scope").and_then(Value::as_str).unwrap_or_default();
    let left = found.is_some_and(|grant| grant.scopes.iter().any(|scope| !rest.split(' ').any(|kept| kept == scope)));
    // A DELETE is sent to an empty grant too: it is ours, and it is there.
    Ok(if left || write.method == "DELETE" { Standing::There } else { Standing::Gone })
}

fn get(path: String, filter: Option<String>) -> Request {
    Request::Graph { path, query: filter.map(|filter| ("$filter".to_owned(), filter)).into_iter().collect(), eventual: false }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn could_not_look(what: &str, hint: Option<String>) -> Refusal {
    Refusal::Unknown(Problem { hint, ..Problem::unknown(format!("cannot tell what this would take away: {what}")) })
}
