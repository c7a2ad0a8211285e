//! Graph: which operations there are, who may call them. One line of a table each; what they do is in the files beside.

mod apps;
mod batch;
mod password;
mod permissions;
mod policies;
mod records;
mod roles;
mod tenant;
mod users;

use super::{
    odata::{Asked, Collection, Fault, Item},
    shapes,
};
use crate::practice::{
    chance,
    faults::{self, RETRY_AFTER},
    live::Live,
    store::StoreError,
    tables::{
        AUTHENTICATION_ADMINISTRATOR, AUTHENTICATION_POLICY_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR, DIRECTORY_READERS,
        DOMAIN_NAME_ADMINISTRATOR, GLOBAL_ADMINISTRATOR, GLOBAL_READER, LICENSE_ADMINISTRATOR, PRIVILEGED_AUTHENTICATION_ADMINISTRATOR,
        PRIVILEGED_ROLE_ADMINISTRATOR, REPORTS_READER, SECURITY_ADMINISTRATOR, SECURITY_READER, USER_ADMINISTRATOR,
    },
    wire::{Answer, Question},
    world::{Audit, Directory, NOBODY, Party, Refused, Resource, User, World},
};
pub(in crate::practice) use apps::itself;
use hyper::Method;
use permissions as may;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What an operation does.
type Run = fn(&mut Call<'_>) -> Result<Answer, Fault>;

/// One operation.
struct Operation {
    method: Method,
    /// `{}` stands for a value, alone or inside a segment.
    path: &'static [&'static str],
    /// Any of these delegated permissions lets it in; none is asked for when there are none.
    scopes: &'static [&'static str],
    who: Who,
    run: Run,
}

/// Whom an operation needs, beside the permission.
#[derive(Clone, Copy)]
enum Who {
    /// Every member.
    Anyone,
    /// Somebody with one of these roles.
    Holder(&'static [&'static str]),
    /// The same, or the account that the path names.
    HolderOrSelf(&'static [&'static str]),
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
    /// Of an application, its service principal, which is no account.
    user: User,
    scopes: Vec<String>,
    /// An application by itself: its permissions let it in, and it has no roles.
    app: bool,
}

const ROLE_READERS: &[&str] = &[GLOBAL_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR, GLOBAL_READER, DIRECTORY_READERS];
const ROLE_WRITERS: &[&str] = &[GLOBAL_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR];
const ADMINISTRATORS: &[&str] = &[GLOBAL_ADMINISTRATOR];
const USER_WRITERS: &[&str] = &[GLOBAL_ADMINISTRATOR, USER_ADMINISTRATOR];
const LICENSE_WRITERS: &[&str] = &[GLOBAL_ADMINISTRATOR, USER_ADMINISTRATOR, LICENSE_ADMINISTRATOR];
const DOMAIN_WRITERS: &[&str] = &[GLOBAL_ADMINISTRATOR, DOMAIN_NAME_ADMINISTRATOR];
const METHOD_WRITERS: &[&str] = &[GLOBAL_ADMINISTRATOR, PRIVILEGED_AUTHENTICATION_ADMINISTRATOR, AUTHENTICATION_ADMINISTRATOR];
const METHOD_READERS: &[&str] =
    &[GLOBAL_ADMINISTRATOR, PRIVILEGED_AUTHENTICATION_ADMINISTRATOR, AUTHENTICATION_ADMINISTRATOR, GLOBAL_READER];
const SESSION_ENDERS: &[&str] =
    &[GLOBAL_ADMINISTRATOR, PRIVILEGED_AUTHENTICATION_ADMINISTRATOR, AUTHENTICATION_ADMINISTRATOR, USER_ADMINISTRATOR];
const REPORT_READERS: &[&str] = &[GLOBAL_ADMINISTRATOR, GLOBAL_READER, REPORTS_READER, SECURITY_READER, SECURITY_ADMINISTRATOR];
const POLICY_READERS: &[&str] = &[
    GLOBAL_ADMINISTRATOR,
    GLOBAL_READER,
    PRIVILEGED_ROLE_ADMINISTRATOR,
    AUTHENTICATION_POLICY_ADMINISTRATOR,
    SECURITY_READER,
    SECURITY_ADMINISTRATOR,
];
const GRANT_ENDERS: &[&str] = &[GLOBAL_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR];

const fn op(method: Method, path: &'static [&'static str], scopes: &'static [&'static str], who: Who, run: Run) -> Operation {
    Operation { method, path, scopes, who, run }
}

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;
const ASSIGNMENTS: &[&str] = &["roleManagement", "directory", "roleAssignments"];
const ONE_ASSIGNMENT: &[&str] = &["roleManagement", "directory", "roleAssignments", "{}"];
const ONE_SYNC: &[&str] = &["directory", "onPremisesSynchronization", "{}"];
const REGISTRATIONS: &[&str] = &["reports", "authenticationMethods", "userRegistrationDetails"];
const ONE_REGISTRATION: &[&str] = &["reports", "authenticationMethods", "userRegistrationDetails", "{}"];
const APP: &str = "servicePrincipals(appId='{}')";

/// `/me/…` is `/users/{the caller}/…` and not listed again.
const OPERATIONS: &[Operation] = &[
    op(GET, &["me"], may::ME, Who::Anyone, users::me),
    op(GET, &["users"], may::USERS_LIST, Who::Anyone, users::list),
    op(POST, &["users"], may::USERS_CREATE, Who::Holder(USER_WRITERS), users::create),
    op(GET, &["users", "{}"], may::USERS_ONE, Who::Anyone, users::one),
    op(PATCH, &["users", "{}"], may::USERS_UPDATE, Who::HolderOrSelf(USER_WRITERS), users::update),
    op(DELETE, &["users", "{}"], may::USERS_DELETE, Who::Holder(USER_WRITERS), users::delete),
    op(GET, &["users", "{}", "licenseDetails"], may::LICENSES, Who::Anyone, users::licenses),
    op(POST, &["users", "{}", "assignLicense"], may::LICENSES_WRITE, Who::Holder(LICENSE_WRITERS), users::assign_license),
    op(POST, &["users", "{}", "revokeSignInSessions"], may::REVOKE, Who::HolderOrSelf(SESSION_ENDERS), users::revoke_sessions),
    op(GET, &["users", "{}", "authentication", "methods"], may::METHODS, Who::HolderOrSelf(METHOD_READERS), password::methods),
    op(
        GET,
        &["users", "{}", "authentication", "passwordMethods"],
        may::PASSWORD_METHODS,
        Who::HolderOrSelf(METHOD_READERS),
        password::password_methods,
    ),
    op(
        POST,
        &["users", "{}", "authentication", "methods", "{}", "resetPassword"],
        may::RESET,
        Who::Holder(METHOD_WRITERS),
        password::reset,
    ),
    op(GET, &["users", "{}", "authentication", "operations", "{}"], may::METHODS, Who::HolderOrSelf(METHOD_READERS), password::operation),
    op(GET, &["organization"], may::ORGANIZATION, Who::Anyone, tenant::organization),
    op(GET, &["organization", "{}"], may::ORGANIZATION, Who::Anyone, tenant::one_organization),
    op(GET, &["subscribedSkus"], may::SKUS, Who::Anyone, tenant::skus),
    op(GET, &["domains"], may::DOMAINS, Who::Anyone, tenant::domains),
    op(POST, &["domains"], may::DOMAINS_WRITE, Who::Holder(DOMAIN_WRITERS), tenant::add_domain),
    op(GET, &["domains", "{}"], may::DOMAINS, Who::Anyone, tenant::one_domain),
    op(DELETE, &["domains", "{}"], may::DOMAINS_WRITE, Who::Holder(DOMAIN_WRITERS), tenant::delete_domain),
    op(POST, &["domains", "{}", "verify"], may::DOMAINS_WRITE, Who::Holder(DOMAIN_WRITERS), tenant::verify_domain),
    op(GET, &["domains", "{}", "verificationDnsRecords"], may::DNS_RECORDS, Who::Anyone, tenant::dns_records),
    op(GET, &["directoryRoles"], may::ACTIVE_ROLES, Who::Anyone, roles::directory_roles),
    op(GET, &["directory", "onPremisesSynchronization"], may::SYNC_LIST, Who::Holder(ADMINISTRATORS), tenant::synchronization),
    op(GET, ONE_SYNC, may::SYNC_ONE, Who::Holder(ADMINISTRATORS), tenant::one_synchronization),
    op(PATCH, ONE_SYNC, may::SYNC_ONE, Who::Holder(ADMINISTRATORS), tenant::update_synchronization),
    op(GET, &["roleManagement", "directory", "roleDefinitions"], may::ROLES_READ, Who::Holder(ROLE_READERS), roles::definitions),
    op(GET, &["roleManagement", "directory", "roleDefinitions", "{}"], may::ROLES_READ, Who::Holder(ROLE_READERS), roles::one_definition),
    op(GET, ASSIGNMENTS, may::ROLES_READ, Who::Holder(ROLE_READERS), roles::assignments),
    op(GET, ONE_ASSIGNMENT, may::ROLES_READ, Who::Holder(ROLE_READERS), roles::one_assignment),
    op(POST, ASSIGNMENTS, may::ROLES_WRITE, Who::Holder(ROLE_WRITERS), roles::assign),
    op(DELETE, ONE_ASSIGNMENT, may::ROLES_WRITE, Who::Holder(ROLE_WRITERS), roles::unassign),
    op(
        GET,
        &["roleManagement", "directory", "roleEligibilityScheduleInstances"],
        may::ELIGIBLE,
        Who::Holder(ROLE_READERS),
        roles::eligible,
    ),
    op(GET, &["policies", "authorizationPolicy"], may::AUTHORIZATION, Who::Holder(POLICY_READERS), policies::authorization),
    op(PATCH, &["policies", "authorizationPolicy"], may::AUTHORIZATION_WRITE, Who::Holder(ROLE_WRITERS), policies::update_authorization),
    op(
        GET,
        &["policies", "identitySecurityDefaultsEnforcementPolicy"],
        may::SECURITY_DEFAULTS,
        Who::Holder(POLICY_READERS),
        policies::security_defaults,
    ),
    op(GET, &["policies", "authenticationMethodsPolicy"], may::METHODS_POLICY, Who::Holder(POLICY_READERS), policies::methods),
    op(GET, REGISTRATIONS, may::REPORTS, Who::Holder(REPORT_READERS), records::registrations),
    op(GET, ONE_REGISTRATION, may::REPORTS, Who::Holder(REPORT_READERS), records::one_registration),
    op(GET, &["auditLogs", "directoryAudits"], may::AUDITS, Who::Holder(REPORT_READERS), records::audits),
    op(GET, &["auditLogs", "signIns"], may::REPORTS, Who::Holder(REPORT_READERS), records::sign_ins),
    op(GET, &["servicePrincipals"], may::APPLICATIONS, Who::Anyone, apps::list),
    op(GET, &["servicePrincipals", "{}"], may::APPLICATIONS, Who::Anyone, apps::one),
    op(GET, &["servicePrincipals", "{}", "appRoleAssignedTo"], may::APPLICATIONS, Who::Anyone, apps::assigned_to),
    op(GET, &[APP], may::APPLICATIONS, Who::Anyone, apps::one),
    op(GET, &[APP, "appRoleAssignedTo"], may::APPLICATIONS, Who::Anyone, apps::assigned_to),
    op(GET, &["oauth2PermissionGrants"], may::GRANTS, Who::Anyone, apps::grants),
    op(GET, &["oauth2PermissionGrants", "{}"], may::GRANTS, Who::Anyone, apps::one_grant),
    op(PATCH, &["oauth2PermissionGrants", "{}"], may::GRANTS_DELETE, Who::Holder(GRANT_ENDERS), apps::update_grant),
    op(DELETE, &["oauth2PermissionGrants", "{}"], may::GRANTS_DELETE, Who::Holder(GRANT_ENDERS), apps::delete_grant),
    op(POST, &["$batch"], &[], Who::Anyone, batch::batch),
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
    if live.is_broken(faults::Fault::Throttled) {
        return Err(Fault::new(429, "TooManyRequests", "Please retry again later."));
    }
    if caller.app && names_caller(path) {
        return Err(Fault::new(400, "BadRequest", "/me request is only valid with delegated authentication flow."));
    }
    let path = of_caller(path, &caller);
    let (operation, values) = find(&question.method, &path)?;
    if caller.app && operation.is_for_persons() {
        return Err(Fault::denied());
    }
    let mut call = Call { live, question, version, values, caller };
    let let_in = operation.scopes.iter().find(|scope| call.lets_in(scope));
    if (let_in.is_none() && !operation.scopes.is_empty()) || !call.is(operation.who) {
        return Err(Fault::denied());
    }
    *permission = let_in.map(|scope| (*scope).to_owned());
    (operation.run)(&mut call)
}

fn names_caller(path: &[String]) -> bool {
    path.first().is_some_and(|first| first.eq_ignore_ascii_case("me")) || path.get(1).is_some_and(|key| key == ME)
}

impl Operation {
    /// What no application permission lets in (`facts/domain.md` 2.2: delegated only).
    fn is_for_persons(&self) -> bool {
        matches!(
            self.path,
            ["directory", "onPremisesSynchronization", ..] | ["users", "{}", "authentication", "operations", "{}"] | [.., "resetPassword"]
        )
    }
}

/// `/me/…` as `/users/{id}/…`.
fn of_caller(path: &[String], caller: &Caller) -> Vec<String> {
    match path {
        [me, rest @ ..] if me.eq_ignore_ascii_case("me") && !rest.is_empty() => {
            ["users", &caller.user.id].map(str::to_owned).into_iter().chain(rest.iter().cloned()).collect()
        }
        _ => path.to_vec(),
    }
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
    if held.resource != Resource::Graph {
        return Err(refused("Access token validation failure. Invalid audience."));
    }
    if held.user == NOBODY {
        return Ok(Caller { user: apps::itself(live.world()), scopes: held.scopes.clone(), app: true });
    }
    let user = live.world().directory.user(&held.user).filter(|user| user.enabled).cloned();
    let user = user.ok_or_else(|| refused("The identity of the calling application could not be established."))?;
    Ok(Caller { user, scopes: held.scopes.clone(), app: false })
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
    if template.len() != path.len() {
        return None;
    }
    let mut values = Vec::new();
    for (wanted, found) in template.iter().zip(path) {
        match wanted.split_once("{}") {
            None if wanted.eq_ignore_ascii_case(found) => {}
            None => return None,
            Some((before, after)) => {
                let rest =
                    found.get(before.len()..).filter(|_| found.get(..before.len()).is_some_and(|start| start.eq_ignore_ascii_case(before)));
                values.push(rest?.strip_suffix(after)?.to_owned());
            }
        }
    }
    Some(values)
}

impl Call<'_> {
    fn shown(&mut self) -> Arc<Directory> {
        self.live.shown()
    }

    /// The first value of the path.
    fn value(&self) -> &str {
        self.values.first().map_or("", String::as_str)
    }

    fn has(&self, scopes: &[&str]) -> bool {
        self.caller.scopes.iter().any(|held| scopes.contains(&held.as_str()))
    }

    fn lets_in(&self, scope: &str) -> bool {
        let beside = may::BESIDE.iter().find(|(name, _)| *name == scope);
        self.has(&[scope]) && beside.is_none_or(|(_, other)| self.has(&[other]))
    }

    /// Whether one of these lets in what is not the caller's own.
    fn has_for_others(&self, scopes: &[&str]) -> bool {
        scopes.iter().any(|scope| !may::OWN.contains(scope) && self.has(&[scope]))
    }

    fn holds(&self, roles: &[&str]) -> bool {
        self.live.world().directory.holds(&self.caller.user.id, roles)
    }

    fn is(&self, who: Who) -> bool {
        match who {
            Who::Holder(_) | Who::HolderOrSelf(_) if self.caller.app => true,
            Who::Anyone => true,
            Who::Holder(roles) => self.holds(roles),
            Who::HolderOrSelf(roles) => self.names_self() || self.holds(roles),
        }
    }

    fn names_self(&self) -> bool {
        let (key, own) = (self.value(), &self.caller.user);
        key == ME || key.eq_ignore_ascii_case(&own.id) || key.eq_ignore_ascii_case(&own.upn)
    }

    fn list(&self, collection: &'static Collection) -> Result<Asked<'_>, Fault> {
        Asked::list(self.live, self.question, self.version, collection)
    }

    fn one(&self, collection: &'static Collection) -> Result<Asked<'_>, Fault> {
        Asked::one(self.live, self.question, self.version, collection)
    }

    /// An account as much as the caller may see of it.
    fn visible(&self, user: &User) -> Result<Item, Fault> {
        let own = user.id == self.caller.user.id && self.has(may::OWN);
        let basic = |scope: &&&str| **scope != "User.ReadBasic.All" && !may::OWN.contains(*scope);
        if own || may::USERS_ONE.iter().filter(basic).any(|scope| self.has(&[scope])) {
            return Ok(shapes::user(user));
        }
        if self.has(&["User.ReadBasic.All"]) { Ok(shapes::basic(shapes::user(user))) } else { Err(Fault::denied()) }
    }

    /// The account that the path names, as reads show it.
    fn named_user(&mut self) -> Result<User, Fault> {
        let key = self.value().to_owned();
        if key == ME {
            return Ok(self.caller.user.clone());
        }
        self.shown().user(&key).cloned().ok_or_else(|| Fault::not_found(&key))
    }

    /// The account that the path names, as it is; these permissions must reach it.
    fn target(&self, scopes: &[&str]) -> Result<User, Fault> {
        if !self.names_self() && !self.has_for_others(scopes) {
            return Err(Fault::denied());
        }
        let key = if self.value() == ME { self.caller.user.id.as_str() } else { self.value() };
        self.live.world().directory.user(key).cloned().ok_or_else(|| Fault::not_found(key))
    }

    /// The body, which must be an object.
    fn body(&self) -> Result<Map<String, Value>, Fault> {
        serde_json::from_slice(&self.question.body).map_err(|_| {
            let message =
                "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.";
            Fault::new(400, "BadRequest", message)
        })
    }

    /// Changes the world and writes who did what to whom.
    fn change<T>(&mut self, done: (&str, &str, Party), change: impl FnOnce(&mut World) -> Result<T, Fault>) -> Result<T, Fault> {
        let (activity, category, to) = done;
        let audit = self.audit(activity, category, vec![to])?;
        self.live.change(|world| {
            let result = change(world)?;
            world.directory.audit(audit);
            Ok(result)
        })
    }

    fn by(&self) -> Party {
        if self.caller.app { Party::thing(&self.caller.user.name, "ServicePrincipal") } else { (&self.caller.user).into() }
    }

    fn audit(&self, activity: &str, category: &str, to: Vec<Party>) -> Result<Audit, Fault> {
        Ok(Audit {
            id: format!(
                "Directory_{}",
                chance::guid().map_err(|_| Fault::new(503, "serviceNotAvailable", "There are no random numbers."))?
            ),
            at: self.live.now(),
            activity: activity.to_owned(),
            category: category.to_owned(),
            service: "Core Directory".to_owned(),
            by: self.by(),
            to,
            failed: None,
            details: Vec::new(),
        })
    }
}

/// What Kiota's clients send for `/me` (`facts/wire.md`, "what real clients need").
const ME: &str = "me-token-to-replace";

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::new(503, "serviceNotAvailable", error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn each_described_operation_takes_exactly_the_published_permissions() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/permissions-subset.json");
        let Ok(text) = std::fs::read(path) else {
            println!("skipped: ../shared/data is not here");
            return;
        };
        let published: Value = serde_json::from_slice(&text).unwrap();
        let operations = published["operations"].as_array().unwrap();
        for one in operations {
            let method = Method::from_bytes(one["method"].as_str().unwrap().as_bytes()).unwrap();
            let segments = one["path"].as_str().unwrap().split('/').filter(|part| !part.is_empty());
            let path: Vec<String> = segments.map(|part| part.replace("{appId}", "x")).collect();
            let (operation, _) = find(&method, &path).unwrap_or_else(|fault| panic!("{one}: {fault:?}"));
            let mut mine = operation.scopes.to_vec();
            let mut theirs: Vec<&str> = one["delegated"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
            mine.sort_unstable();
            theirs.sort_unstable();
            assert_eq!(mine, theirs, "{one}");
        }
        assert_eq!(operations.len(), 47);
    }

    #[test]
    fn what_reaches_only_ones_own_account_is_of_persons_only() {
        assert!(may::OWN.iter().all(|scope| crate::practice::tables::PERSONS_ONLY.contains(scope)));
    }

    #[test]
    fn every_permission_of_the_table_can_be_asked_for() {
        for operation in OPERATIONS {
            for scope in operation.scopes {
                assert!(crate::practice::tables::graph_scope(scope).is_some(), "{scope}");
            }
        }
    }
}
