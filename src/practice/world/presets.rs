//! How a world begins: before Phase 1, after it, or with block A done. Not how it changes.

use super::domain::Held;
use super::{
    App, Assignment, Azure, Connect, Consent, Directory, Domain, FORMAT, INITIAL_DOMAIN, LAB_DOMAIN, MACHINE_CONTRIBUTOR, Resource, Sync,
    Tokens, User, World, Writeback,
};
use crate::practice::tables;
use jiff::{SignedDuration, Timestamp};
use serde_json::Map;

/// Where the walk stands when the world is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Nothing done: no trial bought, no synchronisation.
    Start,
    /// Phase 1 of the guide is done: Microsoft 365 E5, User1 synchronised.
    PhaseOne,
    /// Also block A: User1 is Global Administrator.
    Done,
}

/// The names on the command line.
pub(in crate::practice) const PRESETS: &[(&str, Preset)] =
    &[("start", Preset::Start), ("phase-1", Preset::PhaseOne), ("done", Preset::Done)];

impl Preset {
    /// The preset of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        PRESETS.iter().find(|(known, _)| *known == name).map(|(_, preset)| *preset)
    }
}

const ADMIN: &str = "a1c40d6e-7b02-4f35-9e18-60d3f5827bc1";
/// User1's object id.
pub(in crate::practice) const USER1: &str = "b7e25f90-1d4c-4a83-8c6f-92e0a4d13578";
const CLOUD_ONLY: &[(&str, &str, &str)] = &[
    ("c20fa6d4-85b1-4e97-a35d-07c8e19f4b62", "user2", "User 2"),
    ("d95b3e18-40f7-4c6a-b812-e6a07d2c9f45", "user3", "User 3"),
    ("e48c71a3-962d-4b50-9fe4-1b35d8c60a97", "user4", "User 4"),
];

impl World {
    /// A new world as it is at `now`.
    pub(in crate::practice) fn new(preset: Preset, password: String, now: Timestamp) -> Self {
        let directory = Directory {
            users: vec![cloud_only(ADMIN, "admin", "Practice Administrator", now)],
            assignments: vec![Assignment { principal: ADMIN.to_owned(), role: tables::GLOBAL_ADMINISTRATOR.to_owned() }],
            domains: vec![domain(INITIAL_DOMAIN, true), domain("contoso.example", true), domain("fabrikam.example", false)],
            ..Directory::default()
        };
        let given = tables::SCOPES.iter().filter(|scope| scope.given).map(|scope| scope.name.to_owned()).collect();
        let consent =
            Consent { client: tables::PRACTICE_CLIENT.to_owned(), user: ADMIN.to_owned(), scopes: given, resource: Resource::Graph };
        let to_azure = Consent {
            client: tables::PRACTICE_CLIENT.to_owned(),
            user: ADMIN.to_owned(),
            scopes: vec![tables::IMPERSONATION.to_owned()],
            resource: Resource::Azure,
        };
        let mut world = Self {
            format: FORMAT,
            offset: 0,
            created: now,
            password,
            directory,
            domain: Held::default(),
            connect: Connect::default(),
            azure: azure(),
            consents: vec![consent, to_azure],
            tokens: Tokens::default(),
            app: App::default(),
            faults: Vec::new(),
            operations: Vec::new(),
            writeback: Writeback::default(),
        };
        if preset != Preset::Start {
            world.directory.finish_phase_one(now);
        }
        world.make_domain(now);
        world.make_connect();
        if preset != Preset::Start {
            world.bring_user1(now);
        }
        if preset == Preset::Done {
            world.directory.assign(USER1, tables::GLOBAL_ADMINISTRATOR);
        }
        world.directory.keep_report(now);
        world
    }

    /// The first cycle, ten minutes ago: recent, and the next one is not at once.
    fn bring_user1(&mut self, now: Timestamp) {
        self.cycle(now - SignedDuration::from_mins(10));
        if let Some(user) = self.directory.users.iter_mut().find(|user| user.id == USER1) {
            user.products.push("SPE_E5".to_owned());
        }
    }

    /// Entra Connect as it must be where the tenant was ever synchronised; also for a world of an older version, which does not tell.
    pub(in crate::practice) fn make_connect(&mut self) {
        if self.directory.sync.enabled.is_some() && !self.connect.is_installed() {
            self.connect = Connect::express();
        }
    }

    /// The domain that belongs to the state of the tenant; also for a world of an older version, which has none.
    pub(in crate::practice) fn make_domain(&mut self, now: Timestamp) {
        let connected = self.directory.sync.enabled == Some(true);
        self.domain = Held::new(super::domain::Domain::new(&self.password, connected, now));
    }
}

/// The machines, and the one right of the practice administrator: a role in the tenant is none in Azure (`facts/wire.md` 21).
pub(super) fn azure() -> Azure {
    let mut azure = Azure::default();
    azure.grant(ADMIN, MACHINE_CONTRIBUTOR);
    azure
}

impl Directory {
    /// The practice administrator's sign-in name.
    pub(in crate::practice) fn administrator(&self) -> Option<&User> {
        self.user(ADMIN)
    }

    fn finish_phase_one(&mut self, now: Timestamp) {
        self.products = vec!["SPE_E5".to_owned()];
        self.domains.push(domain(LAB_DOMAIN, true));
        for (id, short, name) in CLOUD_ONLY {
            let mut user = cloud_only(id, short, name, now);
            user.products.clone_from(&self.products);
            self.users.push(user);
        }
        self.sync = Sync { enabled: Some(true), last: None, scheduler: true, left_out: Vec::new() };
    }
}

fn domain(name: &str, verified: bool) -> Domain {
    Domain { name: name.to_owned(), verified, dns: verified }
}

fn cloud_only(id: &str, short: &str, name: &str, created: Timestamp) -> User {
    User {
        id: id.to_owned(),
        upn: format!("{short}@{INITIAL_DOMAIN}"),
        name: name.to_owned(),
        enabled: true,
        created,
        products: Vec::new(),
        on_premises: None,
        profile: Map::new(),
        password: None,
        password_changed: None,
    }
}
