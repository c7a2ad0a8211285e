//! How the wizard stands in the world: who may open it, how it finds Entra Connect, and what Configure makes of it.

use super::{Around, Optional, Outcome, Page, Setup, Touch, Wizard};
use crate::practice::{
    tables,
    world::{APP1, CONNECTOR, Class, Holdup, LAB_DOMAIN, Misstep, NETBIOS, World, head_name, parent_key},
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Its template, which `tables` has by name.
const HYBRID_IDENTITY_ADMINISTRATOR: &str = "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2";
/// Who may configure synchronisation (`facts/domain.md` 3.1).
const ROLES: [&str; 2] = [tables::GLOBAL_ADMINISTRATOR, HYBRID_IDENTITY_ADMINISTRATOR];

impl World {
    /// What the open wizard shows; `None` while none is open.
    pub(in crate::practice) fn wizard_page(&self) -> Option<Page> {
        self.connect.wizard.as_ref().map(|wizard| wizard.page(&self.around()))
    }

    /// Opens the wizard; one that is open comes to the front as it stands.
    ///
    /// # Errors
    /// There is none, APP1 is off, or a cycle runs.
    pub(in crate::practice) fn open_wizard(&mut self, now: Timestamp) -> Result<(), Misstep> {
        match self.holdup(now) {
            Some(why @ (Holdup::NotInstalled | Holdup::MachineOff | Holdup::ServiceStopped)) => {
                return Err(Misstep::State(why.to_string()));
            }
            Some(Holdup::Running) => {
                return Err(Misstep::State("the wizard does not open: synchronization is in progress; it ends by itself".to_owned()));
            }
            Some(Holdup::Suspended) => return Ok(()),
            // A cycle may run behind it.
            Some(Holdup::Staging) if self.connect.is_cycling(now) => return Err(Misstep::State(Holdup::Running.to_string())),
            Some(Holdup::Staging) | None => {}
        }
        self.show_wizard(now);
        Ok(())
    }

    /// The wizard's first page, whatever stood in the way of opening it.
    pub(in crate::practice) fn show_wizard(&mut self, now: Timestamp) {
        self.connect.wizard = Some(Wizard::open(self.setup(), now));
    }

    /// Closes the window by its frame: nothing that was chosen and not configured happens.
    ///
    /// # Errors
    /// None is open.
    pub(in crate::practice) fn close_wizard(&mut self) -> Result<(), Misstep> {
        self.connect.wizard.take().map(drop).ok_or_else(not_open)
    }

    /// Does in the wizard what a person does.
    ///
    /// # Errors
    /// None is open, or its page does not take this.
    pub(in crate::practice) fn touch_wizard(&mut self, touch: &Touch, now: Timestamp) -> Result<(), Misstep> {
        let around = self.around();
        let wizard = self.connect.wizard.as_mut().ok_or_else(not_open)?;
        match wizard.touch(touch, &around)? {
            Outcome::Stays => {}
            Outcome::Configure { found, wanted } => self.configure(&found, &wanted, now),
            Outcome::Left { cycle } => {
                self.connect.wizard = None;
                if cycle {
                    // What holds a cycle up is not the wizard's business any more.
                    let _ = self.start_cycle(now);
                }
            }
        }
        Ok(())
    }

    /// The machine that is off has no windows.
    pub(in crate::practice) fn loses_wizard(&self, now: Timestamp) -> bool {
        self.connect.wizard.is_some() && !self.azure.runs(APP1, now)
    }

    fn configure(&mut self, found: &Setup, wanted: &Setup, now: Timestamp) {
        let changed = found.features.symmetric_difference(&wanted.features);
        for feature in changed.copied().collect::<Vec<_>>() {
            let on = wanted.features.contains(&feature);
            match feature {
                Optional::HashSync => self.set_hash_sync(on, now),
                Optional::Writeback => self.set_writeback(on, now),
                Optional::Other(feature) => self.set_feature(feature, on),
            }
        }
        if found.staging != wanted.staging {
            self.set_staging(wanted.staging, now);
        }
        let holders = self.holders();
        for (name, taken) in wanted.containers.iter().filter(|(name, taken)| found.containers.get(*name) != Some(taken)) {
            let users = holders.get(name).cloned().unwrap_or_default();
            let left_out = &mut self.directory.sync.left_out;
            left_out.retain(|user| !holds(&users, user));
            if !taken {
                left_out.extend(users);
            }
        }
    }

    fn setup(&self) -> Setup {
        let connect = &self.connect;
        let mut features: BTreeSet<Optional> = connect.features.iter().copied().map(Optional::Other).collect();
        features.extend(connect.hash_sync.then_some(Optional::HashSync));
        features.extend(connect.writeback.then_some(Optional::Writeback));
        let left_out = &self.directory.sync.left_out;
        let taken = |users: &BTreeSet<String>| users.iter().any(|user| !left_out.iter().any(|out| out.eq_ignore_ascii_case(user)));
        let containers: BTreeMap<String, bool> = self.holders().into_iter().map(|(name, users)| (name, taken(&users))).collect();
        Setup { staging: connect.staging, features, every_container: containers.values().all(|taken| *taken), containers }
    }

    /// Containers directly below the head that hold users, and who is in them.
    fn holders(&self) -> BTreeMap<String, BTreeSet<String>> {
        let head = head_name().key();
        let mut holders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (key, object) in self.domain.all().filter(|(_, object)| object.class == Class::User) {
            let (Some(container), Some(sam)) = (self.domain.at(parent_key(key)), object.text("sAMAccountName")) else { continue };
            if parent_key(parent_key(key)) == head
                && let Some(rdn) = container.name().0.first()
            {
                holders.entry(rdn.value.clone()).or_default().insert(sam.to_owned());
            }
        }
        holders
    }

    fn around(&self) -> Around {
        let administrator = self.directory.administrator();
        let allowed = administrator.is_some_and(|user| user.enabled && self.directory.holds(&user.id, &ROLES));
        let account = administrator.map(|user| user.upn.clone()).unwrap_or_default();
        let refusal = (!allowed).then(|| {
            format!("Microsoft Entra ID refuses `{account}`: it is neither Global Administrator nor Hybrid Identity Administrator now")
        });
        Around {
            account,
            refusal,
            licensed: [tables::P1.id, tables::P2.id].iter().any(|plan| self.directory.has_plan(plan)),
            directory: LAB_DOMAIN.to_owned(),
            connector: format!("{NETBIOS}\\{CONNECTOR}"),
        }
    }
}

fn holds(users: &BTreeSet<String>, user: &str) -> bool {
    users.iter().any(|one| one.eq_ignore_ascii_case(user))
}

fn not_open() -> Misstep {
    Misstep::State("the wizard is not open; `open-wizard` opens it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::world::{Feature, Preset};
    use jiff::SignedDuration;

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_800_000_000 + second)
    }

    fn world() -> World {
        World::new(Preset::PhaseOne, "practice".to_owned(), at(0))
    }

    /// `verb|label`, by the verbs of persons.
    fn does(world: &mut World, steps: &[&str]) -> Result<(), Misstep> {
        for step in steps {
            let mut words = step.split('|').map(str::to_owned);
            let verb = words.next().unwrap();
            world.person(&verb, &words.collect::<Vec<_>>(), at(60))?;
        }
        Ok(())
    }

    const TO_FILTERING: [&str; 8] = [
        "open-wizard",
        "wizard-press|Configure",
        "wizard-choose|Customize synchronization options",
        "wizard-press|Next",
        "wizard-enter|Username",
        "wizard-enter|Password",
        "wizard-press|Next",
        "wizard-press|Next",
    ];
    const TO_THE_END: [&str; 4] = ["wizard-press|Next", "wizard-press|Next", "wizard-press|Configure", "wizard-press|Exit"];

    /// The whole wizard with these steps on two of its pages.
    fn configured(filtering: &[&str], features: &[&str]) -> World {
        let mut world = world();
        let steps = [&TO_FILTERING, filtering, &["wizard-press|Next"], features, &TO_THE_END].concat();
        does(&mut world, &steps).unwrap();
        assert_eq!(world.connect.wizard, None);
        world
    }

    fn ids(world: &World) -> Vec<u32> {
        world.connect.events.iter().map(|event| event.id).collect()
    }

    #[test]
    fn the_right_box_switches_writeback_on_with_its_events_and_nothing_else() {
        let world = configured(&[], &["wizard-tick|Password writeback"]);
        let connect = &world.connect;
        assert_eq!((connect.writeback, connect.hash_sync, connect.features.len(), connect.staging), (true, true, 0, false));
        assert_eq!(ids(&world), [31004, 31018, 31005, 31015, 31019]);
        assert!(connect.is_cycling(at(61)), "the synchronization starts when configuration completes");
    }

    #[test]
    fn a_wrong_box_is_what_it_says() {
        let world = configured(&[], &["wizard-tick|Password hash synchronization", "wizard-tick|Group writeback"]);
        let connect = &world.connect;
        assert_eq!((connect.writeback, connect.hash_sync), (false, false));
        assert_eq!(connect.features.iter().copied().collect::<Vec<_>>(), [Feature::GroupWriteback]);
        assert_eq!(ids(&world), [0_u32; 0]);
    }

    #[test]
    fn a_container_that_is_left_out_leaves_its_users_out_and_comes_back() {
        let out = ["wizard-choose|Sync selected domains and OUs", "wizard-tick|Users"];
        let mut world = world();
        does(&mut world, &["hire|2"]).unwrap();
        does(&mut world, &[&TO_FILTERING, &out[..], &["wizard-press|Next"], &TO_THE_END].concat()).unwrap();
        assert!(world.directory.sync.left_out.iter().any(|name| name == "User1"), "{:?}", world.directory.sync.left_out);
        let found = world.setup();
        assert_eq!(
            (found.every_container, found.containers.get("Users"), found.containers.get("Crowd")),
            (false, Some(&false), Some(&true))
        );
        world.connect.cycle_until = None;
        let back = ["wizard-choose|Sync all domains and OUs", "wizard-press|Next"];
        does(&mut world, &[&TO_FILTERING, &back[..], &TO_THE_END].concat()).unwrap();
        assert_eq!(world.directory.sync.left_out, Vec::<String>::new());
    }

    #[test]
    fn an_open_wizard_holds_cycles_up_and_a_cycle_holds_the_wizard_up() {
        let mut world = world();
        does(&mut world, &["open-wizard"]).unwrap();
        assert_eq!(world.holdup(at(60)), Some(Holdup::Suspended));
        assert!(does(&mut world, &["sync"]).unwrap_err().to_string().contains("wizard"));
        does(&mut world, &["open-wizard", "close-wizard"]).unwrap();
        world.start_cycle(at(60)).unwrap();
        let why = does(&mut world, &["open-wizard"]).unwrap_err().to_string();
        assert!(why.contains("synchronization is in progress"), "{why}");
        assert_eq!(world.open_wizard(at(120)), Ok(()));
    }
}
