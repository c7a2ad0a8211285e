//! What a person does to Entra Connect and to APP1, on which it runs: installs, starts and stops, ticks. Not what a cycle brings.

use super::{Misstep, arg};
use crate::practice::{
    connect::is_person,
    world::{APP1, Feature, Holdup, World},
};
use jiff::Timestamp;

pub(super) fn leave_out(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let name = arg(args, 0);
    let found = world.domain.by_sam(name).filter(|object| is_person(object)).and_then(|object| object.text("sAMAccountName"));
    let sam = found.ok_or_else(|| Misstep::Unknown("account of the domain", name.to_owned()))?.to_owned();
    let left_out = &mut world.directory.sync.left_out;
    if left_out.iter().any(|one| one.eq_ignore_ascii_case(&sam)) {
        return Err(Misstep::State(format!("`{name}` is left out already")));
    }
    left_out.push(sam);
    Ok(())
}

pub(super) fn take_in(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let (name, left_out) = (arg(args, 0), &mut world.directory.sync.left_out);
    let before = left_out.len();
    left_out.retain(|one| !one.eq_ignore_ascii_case(name));
    if left_out.len() < before { Ok(()) } else { Err(Misstep::State(format!("`{name}` is not left out"))) }
}

/// Entra Connect runs on APP1, and nowhere else.
fn needs_app1(world: &World, now: Timestamp) -> Result<(), Misstep> {
    if world.azure.runs(APP1, now) { Ok(()) } else { Err(Misstep::State(format!("`{APP1}` does not run; `start-machine` starts it"))) }
}

pub(super) fn sync(world: &mut World, _args: &[String], now: Timestamp) -> Result<(), Misstep> {
    needs_app1(world, now)?;
    if world.directory.sync.enabled != Some(true) {
        return Err(Misstep::State("synchronisation is not on; `start-sync` turns it on".to_owned()));
    }
    if let Some(why) = world.holdup(now) {
        return Err(Misstep::State(why.to_string()));
    }
    world.cycle(now);
    Ok(())
}

pub(super) fn stop_sync(world: &mut World, _args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    if !world.directory.sync.scheduler {
        return Err(Misstep::State("the scheduler does not run".to_owned()));
    }
    world.directory.sync.scheduler = false;
    Ok(())
}

pub(super) fn start_sync(world: &mut World, _args: &[String], now: Timestamp) -> Result<(), Misstep> {
    needs_app1(world, now)?;
    let held = world.holdup(now).filter(|why| *why != Holdup::NotInstalled);
    let sync = &mut world.directory.sync;
    if sync.enabled == Some(true) && sync.scheduler {
        return Err(Misstep::State("the scheduler runs already".to_owned()));
    }
    if let Some(why) = held {
        return Err(Misstep::State(why.to_string()));
    }
    sync.enabled = Some(true);
    sync.scheduler = true;
    world.domain.make_mut().connect(now);
    world.make_connect();
    world.cycle(now);
    Ok(())
}

fn needs_connect(world: &World, now: Timestamp) -> Result<(), Misstep> {
    needs_app1(world, now)?;
    if world.connect.is_installed() { Ok(()) } else { Err(Misstep::State(Holdup::NotInstalled.to_string())) }
}

fn service(world: &mut World, running: bool, now: Timestamp) -> Result<(), Misstep> {
    needs_connect(world, now)?;
    if world.connect.running == running {
        return Err(Misstep::State(format!("the service of Entra Connect {}", if running { "runs already" } else { "does not run" })));
    }
    world.set_service(running, now);
    Ok(())
}

pub(super) fn stop_service(world: &mut World, _args: &[String], now: Timestamp) -> Result<(), Misstep> {
    service(world, false, now)
}

pub(super) fn start_service(world: &mut World, _args: &[String], now: Timestamp) -> Result<(), Misstep> {
    service(world, true, now)
}

fn staging(world: &mut World, on: bool, now: Timestamp) -> Result<(), Misstep> {
    needs_connect(world, now)?;
    if world.connect.staging == on {
        return Err(Misstep::State(format!("the server is {} staging mode", if on { "already in" } else { "not in" })));
    }
    world.set_staging(on, now);
    Ok(())
}

pub(super) fn stage(world: &mut World, _args: &[String], now: Timestamp) -> Result<(), Misstep> {
    staging(world, true, now)
}

pub(super) fn unstage(world: &mut World, _args: &[String], now: Timestamp) -> Result<(), Misstep> {
    staging(world, false, now)
}

pub(super) fn disable_sync(world: &mut World, _args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    let sync = &mut world.directory.sync;
    if sync.enabled.is_none() {
        return Err(Misstep::State("synchronisation was never on".to_owned()));
    }
    sync.enabled = Some(false);
    sync.scheduler = false;
    Ok(())
}

/// The two features that have a switch of their own, as the wizard labels them.
const WRITEBACK: &str = "Password writeback";
const HASH_SYNC: &str = "Password hash synchronization";

/// One walk through the wizard: it does not open while a cycle runs (MIR how-to-connect-sync-feature-scheduler.md).
fn tick(world: &mut World, label: &str, on: bool, now: Timestamp) -> Result<(), Misstep> {
    needs_connect(world, now)?;
    if let Some(why) = world.holdup(now).filter(|why| *why != Holdup::Staging) {
        return Err(Misstep::State(why.to_string()));
    }
    let is = |known: &str| known.eq_ignore_ascii_case(label);
    let before = world.connect.clone();
    match Feature::ALL.into_iter().find(|feature| is(feature.label())) {
        Some(feature) => world.set_feature(feature, on),
        None if is(WRITEBACK) => world.set_writeback(on, now),
        None if is(HASH_SYNC) => world.set_hash_sync(on, now),
        None => return Err(Misstep::Unknown("optional feature", label.to_owned())),
    }
    if world.connect != before {
        return Ok(());
    }
    Err(Misstep::State(format!("`{label}` is {} already", if on { "ticked" } else { "unticked" })))
}

pub(super) fn tick_feature(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    tick(world, arg(args, 0), true, now)
}

pub(super) fn untick_feature(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    tick(world, arg(args, 0), false, now)
}

fn relay(world: &mut World, reachable: bool, now: Timestamp) -> Result<(), Misstep> {
    if world.connect.bus == reachable {
        return Err(Misstep::State(format!("the relay is {} already", if reachable { "open" } else { "blocked" })));
    }
    world.set_bus(reachable, now);
    Ok(())
}

pub(super) fn block_relay(world: &mut World, _args: &[String], now: Timestamp) -> Result<(), Misstep> {
    relay(world, false, now)
}

pub(super) fn allow_relay(world: &mut World, _args: &[String], now: Timestamp) -> Result<(), Misstep> {
    relay(world, true, now)
}

pub(super) fn set_app1_clock(world: &mut World, args: &[String], now: Timestamp) -> Result<(), Misstep> {
    const MOST: i64 = 86_400;
    needs_app1(world, now)?;
    let seconds = arg(args, 0).parse::<i64>().ok().filter(|seconds| (-MOST..=MOST).contains(seconds));
    world.connect.clock =
        seconds.ok_or_else(|| Misstep::State(format!("`{}` is no number of seconds from -{MOST} to {MOST}", arg(args, 0))))?;
    Ok(())
}

pub(super) fn resize_app1(world: &mut World, args: &[String], _now: Timestamp) -> Result<(), Misstep> {
    const MOST: u64 = 1_024;
    let size = arg(args, 0).parse::<u64>().ok().filter(|size| (1..=MOST).contains(size));
    world.connect.memory = size.ok_or_else(|| Misstep::State(format!("`{}` is no number of GiB from 1 to {MOST}", arg(args, 0))))? << 30;
    Ok(())
}

/// Something on APP1 that is there or not.
fn set_up(world: &mut World, part: fn(&mut World) -> &mut bool, on: bool, now: Timestamp) -> Result<(), Misstep> {
    needs_app1(world, now)?;
    let there = std::mem::replace(part(world), on);
    if there == on { Err(Misstep::State("it is so already".to_owned())) } else { Ok(()) }
}

pub(super) fn install_rsat(world: &mut World, _args: &[String], now: Timestamp) -> Result<(), Misstep> {
    set_up(world, |world| &mut world.connect.rsat, true, now)
}

pub(super) fn remove_rsat(world: &mut World, _args: &[String], now: Timestamp) -> Result<(), Misstep> {
    set_up(world, |world| &mut world.connect.rsat, false, now)
}

pub(super) fn enable_tls(world: &mut World, _args: &[String], now: Timestamp) -> Result<(), Misstep> {
    set_up(world, |world| &mut world.connect.tls, true, now)
}

pub(super) fn disable_tls(world: &mut World, _args: &[String], now: Timestamp) -> Result<(), Misstep> {
    set_up(world, |world| &mut world.connect.tls, false, now)
}
