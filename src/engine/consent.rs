//! Consent: what a sign-in of ours gave an application in the tenant, seen by comparing before and after. Not for taking it back.
//!
//! Law 4 decides what counts: only what was surely not there before is ours. What nobody could compare is said, never taken back.

use super::probe::{Request, Systems};
use crate::guide::rights;
use crate::services::entra::Purpose;
use serde_json::Value;
use std::collections::BTreeSet;

/// Where delegated permission grants are.
pub const GRANTS: &str = "/v1.0/oauth2PermissionGrants";
/// Words of a reply's `scope` that are no permission of Graph (OpenID Connect Core 5.4 and 11).
const OPENID: [&str; 5] = ["openid", "profile", "email", "offline_access", "address"];

/// Graph's longest permission name has 60 characters; an id of a grant has 43 or 64.
const LONGEST_NAME: usize = 200;

/// What the sign-in service named when it gave the newest tokens, by short name; nothing here is guessed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    /// Permissions that only read.
    pub read: Vec<String>,
    /// Permissions that may change something.
    pub write: Vec<String>,
}

impl Meter {
    /// Sorts what the replies named; `None` when they named nothing.
    #[must_use]
    pub fn of(named: impl IntoIterator<Item = String>) -> Option<Self> {
        let all: BTreeSet<String> = named.into_iter().map(|scope| short(&scope).to_owned()).filter(|scope| is_permission(scope)).collect();
        let (write, read): (Vec<_>, Vec<_>) = all.into_iter().partition(|scope| !only_reads(scope));
        (!read.is_empty() || !write.is_empty()).then_some(Self { read, write })
    }

    /// `may read: …`, and `may write: …`.
    #[must_use]
    pub fn words(&self) -> [String; 2] {
        let list = |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        [format!("may read: {}", list(&self.read)), format!("may write: {}", list(&self.write))]
    }
}

/// A permission without the address of what it is for.
#[must_use]
pub fn short(scope: &str) -> &str {
    scope.rsplit('/').next().unwrap_or(scope)
}

fn is_permission(scope: &str) -> bool {
    !scope.is_empty() && scope != ".default" && !OPENID.contains(&scope)
}

/// By Graph's way of naming: `Resource.Operation.Constraint`. What is not surely a read counts as writing.
fn only_reads(scope: &str) -> bool {
    scope.split('.').any(|part| part == "Read" || part == "ReadBasic")
}

/// A sign-in that a change needs before it can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteAsk {
    /// The application that will be asked for.
    pub app: String,
    /// The permissions that are missing, by short name.
    pub missing: Vec<String>,
    /// Those of them that a reply, by not naming them, showed to be absent.
    pub absent: Vec<String>,
    /// Why a person is needed, in the sign-in service's words.
    pub why: String,
}

impl WriteAsk {
    /// What is asked for, and what stays behind.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!(
            "a sign-in for writing comes first: it asks for {} for the application `{}`; consent to it stays in the tenant until it is \
             taken back, and is written into the ledger",
            quoted(&self.missing),
            self.app
        )
    }
}

/// Names in backticks.
pub(super) fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A consent that a sign-in of ours brought about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewConsent {
    /// The application.
    pub app: String,
    /// Who signed in.
    pub by: String,
    /// What was added, by short name.
    pub scopes: Vec<String>,
    /// The grant's id, if it could be read.
    pub grant: Option<String>,
    /// Nobody could look at what was there before.
    pub unproven: bool,
}

/// A grant as Graph shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) id: String,
    pub(super) scopes: BTreeSet<String>,
}

impl Grant {
    /// `None` for what is no grant, and for one whose names no permission and no id could have: such a grant is not shown and not touched.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let plain = |name: &str| !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(|c| c.is_ascii_graphic());
        let id = text("id").filter(|id| plain(id))?.to_owned();
        let scopes: BTreeSet<String> = text("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        scopes.iter().all(|scope| plain(scope)).then_some(Self { id, scopes })
    }
}

/// What an application had been given at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// The grants that hold for whoever signs in; `None` when they could not be read.
    pub(super) grants: Option<Vec<Grant>>,
    /// What a reply for this application named; `None` when there was none or it did not say.
    pub(super) named: Option<BTreeSet<String>>,
}

impl Standing {
    /// A reply's `scope`, as far as it speaks of permissions.
    pub(super) fn named(scopes: &[String]) -> Option<BTreeSet<String>> {
        let named: BTreeSet<_> = scopes.iter().map(|scope| short(scope).to_owned()).filter(|scope| is_permission(scope)).collect();
        (!named.is_empty()).then_some(named)
    }

    fn all(&self) -> Option<BTreeSet<String>> {
        match &self.grants {
            Some(grants) => Some(grants.iter().flat_map(|grant| grant.scopes.iter().cloned()).collect()),
            None => self.named.clone(),
        }
    }
}

/// What was given between two moments: by the grants where they could be read, else by what the replies named.
pub(super) fn given(app: &str, by: &str, before: &Standing, after: &Standing) -> Vec<NewConsent> {
    let one =
        |scopes: Vec<String>, grant: Option<String>, unproven: bool| NewConsent { app: app.into(), by: by.into(), scopes, grant, unproven };
    if let (Some(old), Some(new)) = (&before.grants, &after.grants) {
        let had = |id: &str| old.iter().find(|grant| grant.id == id).map(|grant| grant.scopes.clone()).unwrap_or_default();
        let changed = new.iter().map(|grant| (grant, grant.scopes.difference(&had(&grant.id)).cloned().collect::<Vec<_>>()));
        let changed: Vec<_> = changed.filter(|(_, added)| !added.is_empty()).collect();
        if !changed.is_empty() {
            return changed.into_iter().map(|(grant, added)| one(added, Some(grant.id.clone()), false)).collect();
        }
        // A replica may not show yet what the reply names.
    }
    let Some(named) = &after.named else { return Vec::new() };
    let (added, unproven) = match before.all() {
        Some(had) => (named.difference(&had).cloned().collect::<Vec<_>>(), false),
        None => (named.iter().cloned().collect(), true),
    };
    if added.is_empty() { Vec::new() } else { vec![one(added, None, unproven)] }
}

/// Whether what the replies named suffices for a request, by the table of rights.
pub(super) fn may(granted: &[String], method: &str, path: &str) -> bool {
    rights::needed(method, path).is_some_and(|any| any.iter().any(|right| granted.iter().any(|scope| short(scope) == right)))
}

/// The grants of an application for whoever is signed in and for everybody; `None` when the token may not read them.
pub(super) async fn grants(systems: &dyn Systems, app: &str) -> Option<Vec<Grant>> {
    let granted = systems.granted(Purpose::Read);
    let principal = format!("/v1.0/servicePrincipals(appId='{app}')");
    let plain = app.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !plain || !may(&granted, "GET", GRANTS) || !may(&granted, "GET", &principal) {
        return None;
    }
    let me = systems.me()?.id;
    let of = match systems.look(&get(principal, Vec::new())).await {
        Ok(answer) => answer.body.get("id").and_then(Value::as_str)?.to_owned(),
        // An application that nobody consented to yet is not in the tenant.
        Err(error) if error.status == Some(404) => return Some(Vec::new()),
        Err(_) => return None,
    };
    let filter = vec![("$filter".to_owned(), format!("clientId eq '{}'", of.replace('\'', "''")))];
    let answer = systems.look(&get(GRANTS.to_owned(), filter)).await.ok()?;
    let all = answer.body.get("value")?.as_array()?;
    let mine = |grant: &&Value| grant["consentType"] == "AllPrincipals" || grant["principalId"].as_str() == Some(me.as_str());
    Some(all.iter().filter(|grant| grant["clientId"].as_str() == Some(of.as_str())).filter(mine).filter_map(Grant::read).collect())
}

/// A read of Graph.
pub(super) fn get(path: String, query: Vec<(String, String)>) -> Request {
    Request::Graph { path, query, eventual: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn grant(id: &str, scopes: &[&str]) -> Grant {
        Grant { id: id.into(), scopes: set(scopes) }
    }

    fn standing(grants: Option<Vec<Grant>>, named: Option<&[&str]>) -> Standing {
        Standing { grants, named: named.map(set) }
    }

    #[test]
    fn the_meter_sorts_by_name_and_takes_what_is_not_surely_a_read_for_writing() {
        let named = ["openid", "https://graph.microsoft.com/User.Read.All", "Organization.Read.All", "RoleManagement.ReadWrite.Directory"];
        let meter = Meter::of(named.map(str::to_owned)).unwrap();
        assert_eq!(meter.words(), ["may read: Organization.Read.All, User.Read.All", "may write: RoleManagement.ReadWrite.Directory"]);
        let meter = Meter::of(["Directory.AccessAsUser.All", "User.ReadBasic.All"].map(str::to_owned)).unwrap();
        assert_eq!(meter.words(), ["may read: User.ReadBasic.All", "may write: Directory.AccessAsUser.All"]);
        assert_eq!(Meter::of(["openid", "offline_access", ""].map(str::to_owned)), None, "nothing was named");
    }

    #[test]
    fn what_a_grant_held_before_is_never_ours() {
        let before = standing(Some(vec![grant("g1", &["User.Read.All"]), grant("g2", &["A.Read"])]), None);
        let after =
            standing(Some(vec![grant("g1", &["User.Read.All", "X.ReadWrite"]), grant("g2", &["A.Read"]), grant("g3", &["B"])]), None);
        let found = given("app", "admin", &before, &after);
        let short: Vec<_> = found.iter().map(|one| (one.grant.as_deref(), one.scopes.join(" "), one.unproven)).collect();
        assert_eq!(short, [(Some("g1"), "X.ReadWrite".to_owned(), false), (Some("g3"), "B".to_owned(), false)]);
        assert_eq!(given("app", "admin", &after, &after), []);
    }

    #[test]
    fn without_the_grants_the_replies_are_compared() {
        let before = standing(None, Some(&["User.Read.All"]));
        let after = standing(None, Some(&["User.Read.All", "X.ReadWrite"]));
        let found = given("app", "admin", &before, &after);
        assert_eq!((found[0].scopes.join(" "), found[0].unproven, found.len()), ("X.ReadWrite".to_owned(), false, 1));
        assert_eq!(given("app", "admin", &after, &before), [], "a narrower reply gave nothing");
        assert_eq!(given("app", "admin", &before, &standing(None, None)), [], "a reply that says nothing proves nothing");
    }

    #[test]
    fn a_consent_that_nobody_could_compare_is_said_and_not_taken_for_ours() {
        let found = given("app", "admin", &standing(None, None), &standing(None, Some(&["X.ReadWrite"])));
        assert!(found[0].unproven, "{found:?}");
    }

    #[test]
    fn a_grant_with_hostile_names_is_neither_shown_nor_touched() {
        let read = |id: &str, scope: &str| Grant::read(&serde_json::json!({"id": id, "scope": scope}));
        assert_eq!(read("g-1", " A.Read  B.Read "), Some(grant("g-1", &["A.Read", "B.Read"])));
        for (id, scope) in [("g\u{1b}[2J", "A"), ("", "A"), ("g-1", "A.Read \u{202e}x"), ("g-1", "A\u{9b}31m")] {
            assert_eq!(read(id, scope), None, "{id:?} {scope:?}");
        }
        assert_eq!(read("g-1", &"x".repeat(300)), None);
    }

    #[test]
    fn grants_that_lag_behind_do_not_hide_what_the_reply_names() {
        let old = || Some(vec![grant("g1", &["User.Read.All"])]);
        let found = given("app", "admin", &standing(old(), None), &standing(old(), Some(&["User.Read.All", "X.ReadWrite"])));
        assert_eq!((found[0].scopes.join(" "), &found[0].grant, found[0].unproven), ("X.ReadWrite".to_owned(), &None, false));
    }
}
