//! Graph: which operations there are, who may call them, what they do. One line of a table each; shapes and options are elsewhere.

use super::{
    odata::{Asked, Collection, Fault, Item},
    shapes,
};
use crate::practice::{
    faults::RETRY_AFTER,
    live::Live,
    tables::{self, DIRECTORY_READERS, GLOBAL_ADMINISTRATOR, GLOBAL_READER, PRIVILEGED_ROLE_ADMINISTRATOR},
    wire::{Answer, Question},
    world::{Assignment, Directory, Refused, TENANT, User},
};
use hyper::Method;
use serde_json::Value;
use std::sync::Arc;

/// One operation.
struct Operation {
    method: Method,
    /// `{}` stands for a value.
    path: &'static [&'static str],
    /// Any of these delegated permissions lets it in (permissions.json of microsoft-graph-devx-content).
    scopes: &'static [&'static str],
    /// Any of these roles is needed too; empty for what every member may do.
    roles: &'static [&'static str],
    run: fn(&mut Call<'_>) -> Result<Answer, Fault>,
}

/// A call that may run.
struct Call<'a> {
    live: &'a mut Live,
    question: &'a Question,
    version: &'a str,
    /// What stood for `{}`.
    values: Vec<String>,
    caller: Caller,
}

/// Who calls.
#[derive(Clone)]
struct Caller {
    user: User,
    scopes: Vec<String>,
}

const USER_READ: &[&str] = &["User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const USERS_LIST: &[&str] = &["User.ReadBasic.All", "User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const USERS_ONE: &[&str] =
    &["User.Read", "User.ReadBasic.All", "User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const LICENSES: &[&str] =
    &["LicenseAssignment.Read.All", "User.Read", "User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const ROLES_READ: &[&str] = &[
    "RoleManagement.Read.Directory",
    "RoleManagement.Read.All",
    "RoleManagement.ReadWrite.Directory",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
const ROLES_WRITE: &[&str] = &["RoleManagement.ReadWrite.Directory"];
const ACTIVE_ROLES: &[&str] =
    &["RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory", "Directory.Read.All", "Directory.ReadWrite.All"];
const ORGANIZATION_ALL: &[&str] = &["Organization.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const ORGANIZATION: &[&str] = &["Organization.Read.All", "Directory.Read.All", "Directory.ReadWrite.All", "User.Read", "User.Read.All"];
const SKUS: &[&str] = &["LicenseAssignment.Read.All", "Organization.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const DOMAINS: &[&str] = &["Domain.Read.All", "Domain.ReadWrite.All", "Directory.Read.All"];
const SYNC_LIST: &[&str] = &["OnPremDirectorySynchronization.Read.All", "OnPremDirectorySynchronization.ReadWrite.All"];
const SYNC_ONE: &[&str] = &["OnPremDirectorySynchronization.ReadWrite.All"];

const ANYONE: &[&str] = &[];
const ROLE_READERS: &[&str] = &[GLOBAL_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR, GLOBAL_READER, DIRECTORY_READERS];
const ROLE_WRITERS: &[&str] = &[GLOBAL_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR];
const ADMINISTRATORS: &[&str] = &[GLOBAL_ADMINISTRATOR];

const fn get(
    path: &'static [&'static str],
    scopes: &'static [&'static str],
    roles: &'static [&'static str],
    run: fn(&mut Call<'_>) -> Result<Answer, Fault>,
) -> Operation {
    Operation { method: Method::GET, path, scopes, roles, run }
}

const OPERATIONS: &[Operation] = &[
    get(&["me"], USERS_ONE, ANYONE, me),
    get(&["me", "licenseDetails"], LICENSES, ANYONE, my_licenses),
    get(&["users"], USERS_LIST, ANYONE, users),
    get(&["users", "{}"], USERS_ONE, ANYONE, one_user),
    get(&["users", "{}", "licenseDetails"], LICENSES, ANYONE, licenses),
    get(&["organization"], ORGANIZATION, ANYONE, organization),
    get(&["organization", "{}"], ORGANIZATION, ANYONE, one_organization),
    get(&["subscribedSkus"], SKUS, ANYONE, skus),
    get(&["domains"], DOMAINS, ANYONE, domains),
    get(&["domains", "{}"], DOMAINS, ANYONE, one_domain),
    get(&["directoryRoles"], ACTIVE_ROLES, ANYONE, directory_roles),
    get(&["directory", "onPremisesSynchronization"], SYNC_LIST, ADMINISTRATORS, synchronization),
    get(&["directory", "onPremisesSynchronization", "{}"], SYNC_ONE, ADMINISTRATORS, one_synchronization),
    get(&["roleManagement", "directory", "roleDefinitions"], ROLES_READ, ROLE_READERS, definitions),
    get(&["roleManagement", "directory", "roleDefinitions", "{}"], ROLES_READ, ROLE_READERS, one_definition),
    get(&["roleManagement", "directory", "roleAssignments"], ROLES_READ, ROLE_READERS, assignments),
    get(&["roleManagement", "directory", "roleAssignments", "{}"], ROLES_READ, ROLE_READERS, one_assignment),
    Operation {
        method: Method::POST,
        path: &["roleManagement", "directory", "roleAssignments"],
        scopes: ROLES_WRITE,
        roles: ROLE_WRITERS,
        run: assign,
    },
    Operation {
        method: Method::DELETE,
        path: &["roleManagement", "directory", "roleAssignments", "{}"],
        scopes: ROLES_WRITE,
        roles: ROLE_WRITERS,
        run: unassign,
    },
];

/// Answers a Graph request; `path` is what follows the version.
pub(in crate::practice) fn graph(live: &mut Live, question: &Question, version: &str, path: &[String]) -> Answer {
    let mut permission = None;
    let answered = run(live, question, version, path, &mut permission);
    let answer = answered.unwrap_or_else(|fault| {
        let answer = fault.answer(live, question);
        match fault.status {
            401 => answer.header("www-authenticate", challenge(live)),
            429 => answer.header("retry-after", RETRY_AFTER),
            _ => answer,
        }
    });
    let diagnostic = r#"{"ServerInfo":{"DataCenter":"practice","Slice":"E","Ring":"5","ScaleUnit":"000","RoleInstance":"practice"}}"#;
    let answer = answer.header("x-ms-ags-diagnostic", diagnostic).header("odata-version", "4.0");
    match permission {
        Some(permission) => answer.by(permission),
        None => answer,
    }
}

fn challenge(live: &Live) -> String {
    let authority = &live.settings.base;
    format!(r#"Bearer realm="", authorization_uri="{authority}/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000""#)
}

fn run(live: &mut Live, question: &Question, version: &str, path: &[String], permission: &mut Option<String>) -> Result<Answer, Fault> {
    let caller = caller(live, question)?;
    if live.is_broken(crate::practice::faults::Fault::Throttled) {
        return Err(Fault::new(429, "TooManyRequests", "Please retry again later."));
    }
    let (operation, values) = find(&question.method, path)?;
    let let_in = operation.scopes.iter().find(|scope| caller.scopes.iter().any(|held| held == *scope));
    let allowed = operation.roles.is_empty() || live.world().directory.holds(&caller.user.id, operation.roles);
    let Some(let_in) = let_in.filter(|_| allowed) else { return Err(Fault::denied()) };
    *permission = Some((*let_in).to_owned());
    (operation.run)(&mut Call { live, question, version, values, caller })
}

fn caller(live: &Live, question: &Question) -> Result<Caller, Fault> {
    let refused = |message| Fault::new(401, "InvalidAuthenticationToken", message);
    let token =
        question.header("authorization").and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let (_, token) = token.ok_or_else(|| refused("Access token is empty."))?;
    let held = live.world().tokens.access(token.trim(), live.now(), live.world().tokens_dead_before()).map_err(|why| match why {
        Refused::Expired => refused("Access token has expired or is not yet valid."),
        Refused::Unknown | Refused::Revoked => refused("CompactToken validation failed with reason code: 80049228."),
    })?;
    let user = live.world().directory.user(&held.user).filter(|user| user.enabled).cloned();
    let user = user.ok_or_else(|| refused("The identity of the calling application could not be established."))?;
    Ok(Caller { user, scopes: held.scopes.clone() })
}

fn find(method: &Method, path: &[String]) -> Result<(&'static Operation, Vec<String>), Fault> {
    let mut other_method = false;
    for operation in OPERATIONS {
        let Some(values) = fill(operation.path, path) else { continue };
        if operation.method == *method {
            return Ok((operation, values));
        }
        other_method = true;
    }
    if other_method {
        return Err(Fault::new(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target."));
    }
    let segment = path.first().map_or("", String::as_str);
    Err(Fault::new(400, "BadRequest", format!("Resource not found for the segment '{segment}'.")))
}

/// What stands for `{}` if the path fits; names in any case, as Graph takes them.
fn fill(template: &[&str], path: &[String]) -> Option<Vec<String>> {
    let fits = |(wanted, found): (&&str, &String)| *wanted == "{}" || wanted.eq_ignore_ascii_case(found);
    if template.len() != path.len() || !template.iter().zip(path).all(fits) {
        return None;
    }
    Some(template.iter().zip(path).filter(|(wanted, _)| **wanted == "{}").map(|(_, found)| found.clone()).collect())
}

impl Call<'_> {
    fn shown(&mut self) -> Arc<Directory> {
        self.live.shown()
    }

    fn value(&self) -> &str {
        self.values.first().map_or("", String::as_str)
    }

    fn has(&self, scopes: &[&str]) -> bool {
        self.caller.scopes.iter().any(|held| scopes.contains(&held.as_str()))
    }

    fn list(&self, collection: &'static Collection) -> Result<Asked<'_>, Fault> {
        Asked::list(self.live, self.question, self.version, collection)
    }

    fn one(&self, collection: &'static Collection) -> Result<Asked<'_>, Fault> {
        Asked::one(self.live, self.question, self.version, collection)
    }

    /// An account as much as the caller may see of it.
    fn visible(&self, user: &User) -> Result<Item, Fault> {
        let own = user.id == self.caller.user.id && self.has(&["User.Read"]);
        if own || self.has(USER_READ) {
            return Ok(shapes::user(user));
        }
        if self.has(&["User.ReadBasic.All"]) { Ok(shapes::basic(shapes::user(user))) } else { Err(Fault::denied()) }
    }

    /// The account that the path names.
    fn named_user(&mut self) -> Result<User, Fault> {
        let key = self.value().to_owned();
        // What Kiota's clients send for `/me` (`facts/wire.md`, "what real clients need").
        if key == "me-token-to-replace" {
            return Ok(self.caller.user.clone());
        }
        self.shown().user(&key).cloned().ok_or_else(|| Fault::not_found(&key))
    }
}

fn me(call: &mut Call<'_>) -> Result<Answer, Fault> {
    call.one(&shapes::USERS)?.entity(200, &call.visible(&call.caller.user)?)
}

fn one_user(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let user = call.named_user()?;
    call.one(&shapes::USERS)?.entity(200, &call.visible(&user)?)
}

fn users(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    let asked = call.list(&shapes::USERS)?;
    if !call.has(USER_READ) && !asked.filtered().all(shapes::is_basic) {
        return Err(Fault::denied());
    }
    let items = directory.users.iter().map(|user| call.visible(user)).collect::<Result<_, _>>()?;
    asked.page(items)
}

fn license_page(call: &Call<'_>, user: &User) -> Result<Answer, Fault> {
    let others = &LICENSES.iter().copied().filter(|scope| *scope != "User.Read").collect::<Vec<_>>();
    if user.id != call.caller.user.id && !call.has(others) {
        return Err(Fault::denied());
    }
    call.list(&shapes::LICENSE_DETAILS)?.of(&user.id).page(shapes::license_details(user))
}

fn my_licenses(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let id = call.caller.user.id.clone();
    let user = call.shown().user(&id).cloned().ok_or_else(|| Fault::not_found(&id))?;
    license_page(call, &user)
}

fn licenses(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let user = call.named_user()?;
    license_page(call, &user)
}

fn tenant(call: &mut Call<'_>) -> Item {
    let directory = call.shown();
    let whole = shapes::organization(call.live.world(), &directory);
    if call.has(ORGANIZATION_ALL) { whole } else { shapes::organization_basics(whole) }
}

fn organization(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let tenant = tenant(call);
    call.list(&shapes::ORGANIZATION)?.page(vec![tenant])
}

fn one_organization(call: &mut Call<'_>) -> Result<Answer, Fault> {
    if !call.value().eq_ignore_ascii_case(TENANT) {
        return Err(Fault::not_found(call.value()));
    }
    let tenant = tenant(call);
    call.one(&shapes::ORGANIZATION)?.entity(200, &tenant)
}

fn skus(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    call.one(&shapes::SKUS)?.page(shapes::skus(&directory))
}

fn domains(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    let items = directory.domains.iter().map(|domain| shapes::domain(domain, &directory.domains)).collect();
    call.list(&shapes::DOMAINS)?.page(items)
}

fn one_domain(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    let found = directory.domains.iter().find(|domain| domain.name.eq_ignore_ascii_case(call.value()));
    let domain = found.ok_or_else(|| Fault::not_found(call.value()))?;
    call.one(&shapes::DOMAINS)?.entity(200, &shapes::domain(domain, &directory.domains))
}

fn directory_roles(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    call.list(&shapes::DIRECTORY_ROLES)?.page(shapes::directory_roles(&directory))
}

fn synchronization(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    call.list(&shapes::SYNCHRONIZATION)?.page(vec![shapes::synchronization(&directory)])
}

fn one_synchronization(call: &mut Call<'_>) -> Result<Answer, Fault> {
    if !call.value().eq_ignore_ascii_case(TENANT) {
        return Err(Fault::not_found(call.value()));
    }
    let directory = call.shown();
    call.one(&shapes::SYNCHRONIZATION)?.entity(200, &shapes::synchronization(&directory))
}

fn definitions(call: &mut Call<'_>) -> Result<Answer, Fault> {
    call.list(&shapes::DEFINITIONS)?.page(tables::ROLES.iter().map(shapes::definition).collect())
}

fn one_definition(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let role =
        tables::ROLES.iter().find(|role| role.id.eq_ignore_ascii_case(call.value())).ok_or_else(|| Fault::not_found(call.value()))?;
    call.one(&shapes::DEFINITIONS)?.entity(200, &shapes::definition(role))
}

fn assignments(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    call.list(&shapes::ASSIGNMENTS)?.page(directory.assignments.iter().map(shapes::assignment).collect())
}

fn one_assignment(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let directory = call.shown();
    let found = directory.assignments.iter().find(|one| one.id() == call.value());
    let assignment = found.ok_or_else(|| Fault::not_found(call.value()))?;
    call.one(&shapes::ASSIGNMENTS)?.entity(200, &shapes::assignment(assignment))
}

/// What a POST of an assignment says; Graph takes the template id as the id of a definition (`facts/wire.md` 12).
fn wanted(call: &Call<'_>) -> Result<Assignment, Fault> {
    let body: Value = serde_json::from_slice(&call.question.body).map_err(|_| {
        let message = "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.";
        Fault::new(400, "BadRequest", message)
    })?;
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

impl From<crate::practice::store::StoreError> for Fault {
    fn from(error: crate::practice::store::StoreError) -> Self {
        Self::new(503, "serviceNotAvailable", error.to_string())
    }
}

fn assign(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let assignment = wanted(call)?;
    call.live.change(|world| {
        if world.directory.assign(&assignment.principal, &assignment.role) {
            return Ok(());
        }
        Err(Fault::bad("A conflicting object with one or more of the specified property values is present in the directory."))
    })?;
    // What was just written is in the reply, whatever the replica shows.
    let reply = Asked::one(call.live, call.question, call.version, &shapes::ASSIGNMENTS)?.entity(201, &shapes::assignment(&assignment))?;
    Ok(reply)
}

fn unassign(call: &mut Call<'_>) -> Result<Answer, Fault> {
    let id = call.value().to_owned();
    call.live.change(|world| {
        let found = world.directory.assignments.iter().find(|one| one.id() == id).cloned();
        let gone = found.ok_or_else(|| Fault::not_found(&id))?;
        // Entra refuses it too; its words are not documented.
        if world.directory.is_last_administrator(&gone) {
            return Err(Fault::bad("The last Global Administrator of the tenant cannot lose the role."));
        }
        world.directory.assignments.retain(|one| *one != gone);
        Ok(())
    })?;
    Ok(Answer::empty(204))
}
