//! Roles over Graph: definitions, assignments, who is only eligible. Who may call is in the table.

use super::{Answer, Call, Fault, Item};
use crate::practice::{
    entra::{odata::Collection, shapes},
    tables,
    wire::graph_time,
    world::{Assignment, Directory, Party, User},
};
use serde_json::{Value, json};

/// Assignments that somebody may activate.
const ELIGIBLE: Collection = Collection {
    pages: true,
    counts: true,
    expands: &["principal", "roleDefinition"],
    ..shapes::plain(
        "roleManagement/directory/roleEligibilityScheduleInstances",
        "unifiedRoleEligibilityScheduleInstance",
        &["principalId", "roleDefinitionId"],
    )
};

pub(super) fn definitions(call: &mut Call<'_>) -> Result<Answer, Fault> {
    call.list(&shapes::DEFINITIONS)?.page(tables::ROLES.iter().map(shapes::definition).collect())
}

pub(super) fn one_definition(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let role =
        tables::ROLES.iter().find(|role| role.id.eq_ignore_ascii_case(call.value())).ok_or_else(|| Fault::not_found(call.value()))?;
    call.one(&shapes::DEFINITIONS)?.entity(200, &shapes::definition(role))
}

pub(super) fn directory_roles(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    call.list(&shapes::DIRECTORY_ROLES)?.page(shapes::directory_roles(&directory))
}

pub(super) fn assignments(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    let asked = call.list(&shapes::ASSIGNMENTS)?;
    let expands = ["principal", "roleDefinition"].map(|relation| asked.expands(relation));
    asked.page(directory.assignments.iter().map(|one| expanded(&directory, one, shapes::assignment(one), expands)).collect())
}

pub(super) fn one_assignment(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    let found = directory.assignments.iter().find(|one| one.id() == call.value());
    let assignment = found.ok_or_else(|| Fault::not_found(call.value()))?;
    let asked = call.one(&shapes::ASSIGNMENTS)?;
    let expands = ["principal", "roleDefinition"].map(|relation| asked.expands(relation));
    asked.entity(200, &expanded(&directory, assignment, shapes::assignment(assignment), expands))
}

/// What a POST of an assignment says; Graph takes the template id as the id of a definition (`facts/wire.md` 12).
fn wanted(call: &Call<'_>) -> Result<Assignment, Fault> {
    let body = call.body()?;
    let field = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let missing = |name: &str| Fault::bad(format!("A value is required for property '{name}' of resource 'RoleAssignment'."));
    let role = field("roleDefinitionId").ok_or_else(|| missing("roleDefinitionId"))?;
    let principal = field("principalId").ok_or_else(|| missing("principalId"))?;
    let scope = field("directoryScopeId").ok_or_else(|| missing("directoryScopeId"))?;
    // The lab has no administrative units.
    if scope != "/" {
        return Err(Fault::not_found(scope));
    }
    let role = tables::ROLES.iter().find(|one| one.id.eq_ignore_ascii_case(role)).ok_or_else(|| Fault::not_found(role))?;
    let user = call.live.world().directory.users.iter().find(|user| user.id.eq_ignore_ascii_case(principal));
    let user = user.ok_or_else(|| Fault::not_found(principal))?;
    Ok(Assignment { principal: user.id.clone(), role: role.id.to_owned() })
}

pub(super) fn assign(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let assignment = wanted(call)?;
    let user = call.live.world().directory.user(&assignment.principal).map(Party::from).unwrap_or_default();
    call.change(("Add member to role", "RoleManagement", user), |world| {
        if world.directory.assign(&assignment.principal, &assignment.role) {
            return Ok(());
        }
        Err(Fault::bad("A conflicting object with one or more of the specified property values is present in the directory."))
    })?;
    // What was just written is in the reply, whatever the replica shows.
    call.one(&shapes::ASSIGNMENTS)?.entity(201, &shapes::assignment(&assignment))
}

pub(super) fn unassign(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let id = call.value().to_owned();
    let directory = &call.live.world().directory;
    let found = directory.assignments.iter().find(|one| one.id() == id).cloned();
    let gone = found.ok_or_else(|| Fault::not_found(&id))?;
    let user = directory.user(&gone.principal).map(Party::from).unwrap_or_default();
    call.change(("Remove member from role", "RoleManagement", user), |world| {
        // Entra refuses it too; its words are not documented.
        if world.directory.is_last_administrator(&gone) {
            return Err(Fault::bad("The last Global Administrator of the tenant cannot lose the role."));
        }
        world.directory.assignments.retain(|one| *one != gone);
        Ok(())
    })?;
    Ok(Answer::empty(204))
}

/// With the relations that were asked for.
fn expanded(directory: &Directory, assignment: &Assignment, mut item: Item, expands: [bool; 2]) -> Item {
    let [principal, role] = expands;
    if principal {
        let shown = directory.user(&assignment.principal).map_or(Value::Null, |user| principal_of(user).into());
        item.insert("principal".to_owned(), shown);
    }
    if role {
        let shown = tables::role(&assignment.role).map_or(Value::Null, |role| shapes::definition(role).into());
        item.insert("roleDefinition".to_owned(), shown);
    }
    item
}

/// A `directoryObject`, which says of what type it is.
fn principal_of(user: &User) -> Item {
    shapes::item(json!({"@odata.type": "#microsoft.graph.user", "id": user.id}))
}

/// Privileged Identity Management comes with Entra ID P2.
pub(super) fn eligible(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    if !directory.has_plan(tables::P2.id) {
        let message = "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.";
        return Err(Fault::new(400, "AadPremiumLicenseRequired", message));
    }
    let since = graph_time(call.live.world().created);
    let asked = call.list(&ELIGIBLE)?;
    let expands = ["principal", "roleDefinition"].map(|relation| asked.expands(relation));
    let shape = |one: &Assignment| {
        let item = json!({
            "id": format!("{}-1-e", one.id()),
            "principalId": one.principal,
            "roleDefinitionId": one.role,
            "directoryScopeId": "/",
            "appScopeId": null,
            "startDateTime": since,
            "endDateTime": null,
            "memberType": "Direct",
            "roleEligibilityScheduleId": crate::practice::chance::guid_of(&format!("eligibility {}", one.id())),
        });
        expanded(&directory, one, shapes::item(item), expands)
    };
    asked.page(directory.eligible.iter().map(shape).collect())
}
