//! The running lab: the world, its store, the lagging replica that reads see, the request log. One lock guards all of it.

use super::{
    azure,
    entra::{Flows, Signer, Used},
    faults::Fault,
    log::RequestLog,
    store::{Store, StoreError},
    world::{Directory, Preset, World, Writeback},
    writeback,
};
use crate::base::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use std::{collections::VecDeque, sync::Arc};

/// What does not change while the lab runs.
pub(super) struct Settings {
    /// `https://127.0.0.1:port`, under which everything is reached.
    pub(super) base: String,
    /// Address of Resource Manager.
    pub(super) azure: String,
    /// Address of the domain controller.
    pub(super) ldap: String,
    /// The same with TLS from the first byte.
    pub(super) ldaps: String,
    /// Secret segment of the control address.
    pub(super) control_key: String,
    /// How long a write takes to show.
    pub(super) consistency: SignedDuration,
}

impl Settings {
    /// How long a script on a machine takes. In Azure it is 20 s and more; whoever practises has nothing from waiting for ten of them.
    pub(super) fn script_takes(&self) -> SignedDuration {
        self.consistency.min(SignedDuration::from_millis(400))
    }
}

/// The running lab.
pub(super) struct Live {
    world: World,
    store: Store,
    replica: Replica,
    clock: Arc<dyn Clock>,
    /// Addresses and delays.
    pub(super) settings: Settings,
    /// Sign-ins under way.
    pub(super) flows: Flows,
    /// Applications' proofs that were used.
    pub(super) used: Used,
    /// Signs id tokens.
    pub(super) signer: Signer,
    /// What was asked.
    pub(super) log: RequestLog,
    /// How many requests Azure still takes.
    pub(super) throttle: azure::Throttle,
    secrets: azure::Secrets,
}

impl Live {
    /// A running lab on a stored world.
    pub(super) fn new(world: World, store: Store, settings: Settings, signer: Signer, clock: Arc<dyn Clock>) -> Self {
        let replica = Replica::new(&world.directory);
        Self {
            world,
            store,
            replica,
            clock,
            settings,
            flows: Flows::default(),
            used: Used::default(),
            signer,
            log: RequestLog::default(),
            throttle: azure::Throttle::default(),
            secrets: azure::Secrets::new(),
        }
    }

    /// World time.
    pub(super) fn now(&self) -> Timestamp {
        let wall = self.clock.now();
        wall.checked_add(SignedDuration::from_secs(self.world.offset)).unwrap_or(wall)
    }

    /// The time that the lab says it is.
    pub(super) fn said_now(&self) -> Timestamp {
        self.world.said(self.now())
    }

    /// Whether this is broken now.
    pub(super) fn is_broken(&self, fault: Fault) -> bool {
        self.world.is_broken(fault, self.now())
    }

    /// The truth.
    pub(super) fn world(&self) -> &World {
        &self.world
    }

    /// What Graph reads show: the truth of a moment ago.
    pub(super) fn shown(&mut self) -> Arc<Directory> {
        let now = self.now();
        self.replica.at(now, self.settings.consistency.max(self.world.lag()))
    }

    /// Changes the world: stored first, true after. If `change` refuses or the disk does, nothing happened.
    pub(super) fn change<T, E: From<StoreError>>(&mut self, change: impl FnOnce(&mut World) -> Result<T, E>) -> Result<T, E> {
        self.change_at(self.now(), change)
    }

    /// As [`Self::change`], of something that happened at `at`: reads see it as if they had been asked all the time.
    fn change_at<T, E: From<StoreError>>(&mut self, at: Timestamp, change: impl FnOnce(&mut World) -> Result<T, E>) -> Result<T, E> {
        let mut next = self.world.clone();
        next.attend(at);
        let result = change(&mut next)?;
        next.attend(at);
        self.store.save(&next)?;
        if next.directory != self.world.directory {
            self.replica.follow(at, &next.directory);
        }
        self.world = next;
        Ok(result)
    }

    /// Lets happen what was due by now.
    pub(super) fn catch_up(&mut self) -> Result<(), StoreError> {
        let now = self.now();
        // First, because what is written down now was done before now.
        while let Some((id, next)) = self.world.next_of_writeback(now) {
            self.change_at(next.at(), |world| {
                writeback::step(world, &id, next);
                Ok::<(), StoreError>(())
            })?;
        }
        if self.world.is_attention_due(now) {
            // The change itself is what `change_at` does around every one.
            self.change_at(now, |_| Ok::<(), StoreError>(()))?;
        }
        if let Some(at) = self.world.due_cycle(now) {
            self.change_at(at, |world| {
                world.cycle(at);
                Ok::<(), StoreError>(())
            })?;
        }
        if self.world.directory.is_report_due(now) {
            self.change_at(now, |world| {
                world.directory.keep_report(now);
                Ok::<(), StoreError>(())
            })?;
        }
        if self.world.azure.is_due(now) {
            let (secrets, span) = (std::mem::take(&mut self.secrets), self.settings.consistency);
            let settled = self.change_at(now, |world| {
                azure::settle(world, now, span, &secrets);
                Ok::<(), StoreError>(())
            });
            self.secrets = secrets;
            self.secrets.retain(|id, _| self.world.azure.operation(id).is_some_and(|one| one.end.is_none()));
            settled?;
        }
        if self.world.loses_wizard(now) {
            self.change_at(now, |world| world.close_wizard().or(Ok::<(), StoreError>(())))?;
        }
        if self.world.domain.is_protection_due(now) {
            self.change_at(now, |world| {
                world.domain.make_mut().protect(now);
                Ok::<(), StoreError>(())
            })?;
        }
        Ok(())
    }

    /// Keeps what an operation was given that nobody may see again, while it runs; in memory only.
    pub(super) fn keep_secrets(&mut self, operation: &str, secrets: Vec<(String, String)>) {
        self.secrets.insert(operation.to_owned(), secrets);
    }

    /// Begins anew. World time goes on, faults end, tokens and the password stay, so that nobody has to sign in again.
    pub(super) fn reset(&mut self, preset: Preset) -> Result<(), StoreError> {
        let now = self.now();
        self.change(|world| {
            let fresh = World::new(preset, world.password.clone(), now);
            world.directory = fresh.directory;
            world.azure = fresh.azure;
            world.domain = fresh.domain;
            world.connect = fresh.connect;
            world.consents = fresh.consents;
            world.faults.clear();
            world.operations.clear();
            world.writeback = Writeback::default();
            Ok::<(), StoreError>(())
        })?;
        self.replica = Replica::new(&self.world.directory);
        Ok(())
    }
}

/// States of the directory that reads have not all seen yet, oldest first; the first is what they see.
struct Replica(VecDeque<(Timestamp, Arc<Directory>)>);

/// More changes than this within the delay: the oldest show early.
const MOST_PENDING: usize = 256;

impl Replica {
    fn new(directory: &Directory) -> Self {
        Self(VecDeque::from([(Timestamp::MIN, Arc::new(directory.clone()))]))
    }

    fn follow(&mut self, now: Timestamp, directory: &Directory) {
        self.0.push_back((now, Arc::new(directory.clone())));
        if self.0.len() > MOST_PENDING {
            self.0.pop_front();
        }
    }

    fn at(&mut self, now: Timestamp, delay: SignedDuration) -> Arc<Directory> {
        // A wall clock that went back must not hide a change for hours.
        let shows = |written: Timestamp| now < written || now.duration_since(written) >= delay;
        while self.0.get(1).is_some_and(|(written, _)| shows(*written)) {
            self.0.pop_front();
        }
        self.0.front().map_or_else(|| Arc::new(Directory::default()), |(_, directory)| Arc::clone(directory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_sees_a_write_only_after_the_delay_and_in_order() {
        let at = |second: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        let delay = SignedDuration::from_secs(3);
        let with = |product: &str| Directory { products: vec![product.to_owned()], ..Directory::default() };
        let mut replica = Replica::new(&with("a"));
        replica.follow(at(10), &with("b"));
        replica.follow(at(12), &with("c"));
        let mut seen = |second| replica.at(at(second), delay).products.concat();
        assert_eq!([seen(10), seen(12), seen(13), seen(14), seen(15)], ["a", "a", "b", "b", "c"]);
    }
}
