//! The truth of the practice lab: one value, changed only through its methods. No sockets, no clock, no files.

mod app;
mod azure;
mod connect;
mod domain;
mod person;
mod presets;
mod records;
mod self_service;
mod tokens;
mod wizard;
mod writeback;

pub(super) use app::App;
pub(super) use azure::{
    APP1, Azure, CLIENT1, Command, CommandEnd, DC1, Deed, End, GROUP, Grant, LOCATION, MACHINE_CONTRIBUTOR, Machine, Operation, Power,
    Printed, SUBSCRIPTION, azure_role, later,
};
pub(super) use connect::{CYCLE_TAKES, Connect, Feature, Holdup, LogEvent, MOST_EVENTS, Provider, event_name};
pub(super) use domain::{
    Account, Bytes, CONNECTOR, Class, Dn, Domain as OnPremisesDomain, Entry, Held, Lineage, NETBIOS, New, Object, Policy, Slip, USER1_GUID,
    crowd_name, domain_sid, filetime, guid_of, hash, head_name, parent_key, time_of, uac,
};
pub(super) use domain::{Kept, Spoil};
pub(super) use person::{Misstep, VERBS, Verb};
pub use presets::Preset;
pub(super) use presets::USER1;
pub(super) use records::{Audit, Party, PasswordOperation, Report, SignIn};
pub(super) use self_service::{SIGN_IN_METHODS, SelfService, is_cloud_password};
pub(super) use tokens::{ACCESS_MINUTES, NOBODY, Refused, Resource, Tokens};
pub(super) use wizard::Touch;
pub(super) use writeback::{Letter, Message, Next, Setback, Stage, Trip, Writeback};

use super::{faults::Broken, tables};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// The shape of the stored world; another one is refused, not guessed at.
pub(super) const FORMAT: u32 = 1;
/// The tenant's id.
pub(super) const TENANT: &str = "3f0c9a17-58d2-4b6e-8a41-d07c5e92b364";
/// The tenant's first domain.
pub(super) const INITIAL_DOMAIN: &str = "contoso.onmicrosoft.com";
/// The domain on premises, which is also a domain of the tenant.
pub(super) const LAB_DOMAIN: &str = "testlab.contoso.example";

/// Everything that is true in the lab.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct World {
    /// [`FORMAT`].
    pub(super) format: u32,
    /// World time minus wall time, in seconds.
    pub(super) offset: i64,
    /// When the tenant was made.
    pub(super) created: Timestamp,
    /// The password of every practice account: made with the world, worth nothing outside.
    pub(super) password: String,
    /// What Graph shows, with a delay.
    pub(super) directory: Directory,
    /// Azure: machines and rights; a world of an older version gets them as they begin.
    #[serde(default = "presets::azure")]
    pub(super) azure: Azure,
    /// The domain on premises.
    #[serde(default)]
    pub(super) domain: Held<domain::Domain>,
    /// Entra Connect on APP1; see [`World::make_connect`] for a world of an older version.
    #[serde(default)]
    pub(super) connect: Connect,
    /// What was consented to.
    pub(super) consents: Vec<Consent>,
    /// Who is signed in.
    pub(super) tokens: Tokens,
    /// The application that signs in by certificate.
    #[serde(default)]
    pub(super) app: App,
    /// What is broken on purpose.
    #[serde(default)]
    pub(super) faults: Vec<Broken>,
    /// Password operations that may be polled.
    #[serde(default)]
    pub(super) operations: Vec<PasswordOperation>,
    /// Passwords on their way to the domain.
    #[serde(default)]
    pub(super) writeback: Writeback,
}

/// What Graph shows of the tenant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Directory {
    /// In the order in which they were made.
    pub(super) users: Vec<User>,
    /// Active role assignments.
    pub(super) assignments: Vec<Assignment>,
    /// Role assignments that somebody may activate, and has not (PIM).
    #[serde(default)]
    pub(super) eligible: Vec<Assignment>,
    /// Domains of the tenant.
    pub(super) domains: Vec<Domain>,
    /// Part numbers of what was bought.
    pub(super) products: Vec<String>,
    /// Synchronisation with the domain on premises.
    pub(super) sync: Sync,
    /// What was changed of the features of synchronisation.
    #[serde(default)]
    pub(super) sync_features: Map<String, Value>,
    /// `alertThreshold`, when it was changed.
    #[serde(default)]
    pub(super) deletion_threshold: Option<i64>,
    /// What was changed of the authorization policy.
    #[serde(default)]
    pub(super) authorization_policy: Map<String, Value>,
    /// The audit log, oldest first.
    #[serde(default)]
    pub(super) audits: Vec<Audit>,
    /// Interactive sign-ins, oldest first.
    #[serde(default)]
    pub(super) sign_ins: Vec<SignIn>,
    /// Who has registered what, as of some hours ago.
    #[serde(default)]
    pub(super) report: Option<Report>,
    /// Self-service password reset: what the portal has, and who has registered.
    #[serde(default)]
    pub(super) self_service: SelfService,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct User {
    /// Object id.
    pub(super) id: String,
    /// Sign-in name.
    pub(super) upn: String,
    /// Display name.
    pub(super) name: String,
    /// Whether it may sign in.
    pub(super) enabled: bool,
    /// When it was made.
    pub(super) created: Timestamp,
    /// Part numbers of its licences.
    pub(super) products: Vec<String>,
    /// `None` for a cloud-only account.
    pub(super) on_premises: Option<OnPremises>,
    /// Properties that were set, as Graph shows them.
    #[serde(default)]
    pub(super) profile: Map<String, Value>,
    /// SHA-256 of its own password; `None` while it has the one of all practice accounts.
    #[serde(default)]
    pub(super) password: Option<String>,
    /// When the password changed last.
    #[serde(default)]
    pub(super) password_changed: Option<Timestamp>,
}

/// What Entra Connect wrote to a synchronised account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct OnPremises {
    /// `sAMAccountName`.
    pub(super) sam: String,
    /// Distinguished name.
    pub(super) dn: String,
    /// `objectSid`.
    pub(super) sid: String,
    /// `objectGUID` in base64.
    pub(super) immutable_id: String,
    /// When the account was last synchronised.
    pub(super) synced: Timestamp,
    /// `pwdLastSet` of the password whose hash was synchronised last; 0 for none.
    #[serde(default)]
    pub(super) password_set: i64,
}

/// An active role assignment at tenant scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Assignment {
    /// Who.
    pub(super) principal: String,
    /// Which role.
    pub(super) role: String,
}

impl Assignment {
    /// Deterministic: base64url(role GUID little-endian ‖ principal GUID little-endian) and `-1` (`facts/wire.md` 11).
    pub(super) fn id(&self) -> String {
        let mut bytes = [0_u8; 32];
        for (slot, guid) in bytes.chunks_exact_mut(16).zip([&self.role, &self.principal]) {
            slot.copy_from_slice(&guid_little_endian(guid));
        }
        format!("{}-1", BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// The 16 bytes of a GUID as Windows stores them: the first three groups reversed. Anything that is no digit is left out.
pub(super) fn guid_little_endian(guid: &str) -> [u8; 16] {
    let digits: Vec<u8> = guid.chars().filter_map(|c| c.to_digit(16)).filter_map(|digit| u8::try_from(digit).ok()).collect();
    let mut bytes = [0_u8; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    bytes[0..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}

/// A domain of the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Domain {
    /// Its name.
    pub(super) name: String,
    /// Whether its ownership was proved.
    pub(super) verified: bool,
    /// Whether the DNS record that proves it is published.
    #[serde(default)]
    pub(super) dns: bool,
}

/// Synchronisation with the domain on premises.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sync {
    /// Three states: `None` never, `Some(true)` on, `Some(false)` was on (`facts/wire.md` 18).
    pub(super) enabled: Option<bool>,
    /// End of the last cycle.
    pub(super) last: Option<Timestamp>,
    /// Whether the scheduler on APP1 starts cycles by itself.
    pub(super) scheduler: bool,
    /// `sAMAccountName`s of what lies outside the synchronised containers.
    #[serde(default)]
    pub(super) left_out: Vec<String>,
}

/// Scopes that a person gave to an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Consent {
    /// The application.
    pub(super) client: String,
    /// Who gave it, for whom it holds.
    pub(super) user: String,
    /// Names of permissions.
    pub(super) scopes: Vec<String>,
    /// Whose permissions they are; Graph's in worlds of an older version.
    #[serde(default)]
    pub(super) resource: Resource,
}

/// Whether a text is a domain name: labels of letters, digits and dashes, at least two.
pub(super) fn is_domain_name(name: &str) -> bool {
    let label = |label: &str| !label.is_empty() && label.len() < 64 && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    name.contains('.') && name.len() <= 253 && name.split('.').all(label)
}

impl Directory {
    /// Adds a domain; `None` if it is there. A subdomain of a verified domain needs no proof of its own (Graph docs, domain-post-domains.md).
    pub(super) fn add_domain(&mut self, name: &str) -> Option<Domain> {
        let name = name.to_ascii_lowercase();
        if self.domains.iter().any(|domain| domain.name == name) {
            return None;
        }
        let verified = self.domains.iter().any(|domain| domain.verified && name.ends_with(&format!(".{}", domain.name)));
        let domain = Domain { name, verified, dns: false };
        self.domains.push(domain.clone());
        Some(domain)
    }

    /// Whether a sign-in name ends in this domain.
    pub(super) fn is_used(&self, domain: &str) -> bool {
        let suffix = format!("@{}", domain.to_ascii_lowercase());
        self.users.iter().any(|user| user.upn.to_ascii_lowercase().ends_with(&suffix))
    }

    /// The account with this object id or sign-in name; names in any case.
    pub(super) fn user(&self, key: &str) -> Option<&User> {
        self.users.iter().find(|user| user.id.eq_ignore_ascii_case(key) || user.upn.eq_ignore_ascii_case(key))
    }

    /// As a person names an account: also by the short name or `sAMAccountName`.
    pub(super) fn user_by_any_name(&self, key: &str) -> Option<&User> {
        let short = |user: &&User| {
            user.upn.split('@').next().is_some_and(|name| name.eq_ignore_ascii_case(key))
                || user.on_premises.as_ref().is_some_and(|there| there.sam.eq_ignore_ascii_case(key))
        };
        self.user(key).or_else(|| self.users.iter().find(short))
    }

    /// Whether a product with this service plan was bought.
    pub(super) fn has_plan(&self, plan: &str) -> bool {
        let products = self.products.iter().filter_map(|part| tables::product(part));
        products.flat_map(|product| product.plans).any(|one| one.id == plan)
    }

    /// Whether the account holds one of the roles.
    pub(super) fn holds(&self, user: &str, roles: &[&str]) -> bool {
        self.assignments.iter().any(|assignment| assignment.principal == user && roles.contains(&assignment.role.as_str()))
    }

    /// Assigns a role; false if it was assigned already.
    pub(super) fn assign(&mut self, principal: &str, role: &str) -> bool {
        let assignment = Assignment { principal: principal.to_owned(), role: role.to_owned() };
        let new = !self.assignments.contains(&assignment);
        if new {
            self.assignments.push(assignment);
        }
        new
    }

    /// Whether this is the only assignment of Global Administrator.
    pub(super) fn is_last_administrator(&self, assignment: &Assignment) -> bool {
        let administrators = self.assignments.iter().filter(|one| one.role == tables::GLOBAL_ADMINISTRATOR).count();
        assignment.role == tables::GLOBAL_ADMINISTRATOR && administrators == 1
    }
}

impl User {
    /// Gives it a password of its own.
    pub(super) fn set_password(&mut self, password: &str, now: Timestamp) {
        self.password = Some(BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(password)));
        self.password_changed = Some(now);
    }
}

impl World {
    /// Whether this is the account's password.
    pub(super) fn is_password(&self, user: &User, password: &str) -> bool {
        match &user.password {
            Some(own) => *own == BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(password)),
            None => password == self.password,
        }
    }

    /// Gives an account another password in the cloud and ends its sessions; false when there is no such account.
    pub(super) fn set_cloud_password(&mut self, id: &str, password: &str, now: Timestamp) -> bool {
        let Some(user) = self.directory.users.iter_mut().find(|one| one.id == id) else { return false };
        user.set_password(password, now);
        self.tokens.revoke_user(id);
        true
    }

    /// What the application may do for this account.
    pub(super) fn consented(&self, resource: Resource, client: &str, user: &str) -> Vec<String> {
        let mine = |consent: &&Consent| consent.resource == resource && consent.client.eq_ignore_ascii_case(client) && consent.user == user;
        self.consents.iter().filter(mine).flat_map(|consent| consent.scopes.iter().cloned()).collect()
    }

    /// Records consent; what was given before stays.
    pub(super) fn consent(&mut self, resource: Resource, client: &str, user: &str, scopes: &[String]) {
        let mine = |one: &Consent| one.resource == resource && one.client.eq_ignore_ascii_case(client) && one.user == user;
        let at = self.consents.iter().position(mine);
        let at = at.unwrap_or_else(|| {
            self.consents.push(Consent { client: client.to_ascii_lowercase(), user: user.to_owned(), scopes: Vec::new(), resource });
            self.consents.len() - 1
        });
        let Some(consent) = self.consents.get_mut(at) else { return };
        for scope in scopes {
            if !consent.scopes.contains(scope) {
                consent.scopes.push(scope.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignment_ids_are_those_that_microsoft_documents() {
        let documented = [
            (
                "62e90394-69f5-4237-9190-012177145e10",
                "4ab0b690-479b-47ff-af8f-2576cf521872",
                "lAPpYvVpN0KRkAEhdxReEJC2sEqbR_9Hr48lds9SGHI-1",
            ),
            (
                "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
                "f1847572-48aa-47aa-96a3-2ec61904f41f",
                "LJnv8vs6uUa3z6Em7nTEUXJ1hPGqSKpHlqMuxhkE9B8-1",
            ),
        ];
        for (role, principal, id) in documented {
            assert_eq!(Assignment { principal: principal.to_owned(), role: role.to_owned() }.id(), id);
        }
    }
}
