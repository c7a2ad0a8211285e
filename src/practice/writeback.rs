//! What moves a password from the cloud to the domain and the answer back: one hop at a time, each at its own moment. Not who may ask for one.

use super::domain::{Order, write_back};
use super::{
    faults::Fault,
    world::{DC1, Letter, Message, Next, Provider, Setback, Stage, World, event_name, later},
};
use jiff::{SignedDuration, Timestamp};

/// Between two events of one moment.
const BETWEEN_EVENTS: SignedDuration = SignedDuration::from_millis(10);

/// What Kerberos bears, in seconds (RFC 4120 5.5.1; the default of a Windows domain).
const MOST_SKEW: i64 = 300;

/// Does what was due at a moment for one message.
pub(super) fn step(world: &mut World, id: &str, next: Next) {
    let Some(message) = world.writeback.messages.iter().find(|one| one.id == id).cloned() else { return };
    match (next, message.stage) {
        (Next::Expiry(at), _) => finish(world, &message, Some(Setback::Unreachable), at),
        (Next::Hop(at), Stage::Sent) => receive(world, &message, at),
        (Next::Hop(at), Stage::Received(_)) => write(world, &message, at),
        (Next::Hop(at), Stage::Written(_, setback)) => confirm(world, &message, setback, at),
        (Next::Hop(at), Stage::Confirmed(_, setback)) => finish(world, &message, setback, at),
    }
}

fn receive(world: &mut World, message: &Message, at: Timestamp) {
    let [start, ..] = message.trip.events();
    tell(world, message, start, None, at);
    world.writeback.move_on(&message.id, Stage::Received(at));
}

fn write(world: &mut World, message: &Message, at: Timestamp) {
    let setback = ask_domain(world, message, at).err();
    if let Some(engine) = setback.and_then(Setback::engine) {
        world.attend(at);
        world.connect.log(Provider::ADSync, 6_329, engine, at);
    }
    world.writeback.move_on(&message.id, Stage::Written(at, setback));
}

/// The domain's own judgement of what the connector account wants.
fn ask_domain(world: &mut World, message: &Message, at: Timestamp) -> Result<(), Setback> {
    let user = world.directory.user(&message.to.id).and_then(|user| user.on_premises.as_ref());
    let sid = user.map(|there| there.sid.clone()).ok_or(Setback::NotFound)?;
    let Letter { new, old } = world.writeback.letter(&message.id).cloned().ok_or(Setback::Unreachable)?;
    if !world.azure.runs(DC1, at) {
        return Err(Setback::Unknown);
    }
    if world.connect.clock.abs() > MOST_SKEW {
        return Err(Setback::Clock);
    }
    let remembered = world.is_broken(Fault::History, at);
    let order = Order { trip: message.trip, sid: &sid, new: new.expose(), old: old.as_deref(), remembered };
    write_back(world.domain.make_mut(), &order, at)
}

fn confirm(world: &mut World, message: &Message, setback: Option<Setback>, at: Timestamp) {
    let [_, success, failure] = message.trip.events();
    match setback {
        None => tell(world, message, success, None, at),
        Some(setback) => {
            tell(world, message, failure, Some(setback), at);
            if let Some(event) = setback.event() {
                // The newest, because it says most: a log is sorted by time.
                tell(world, message, event, Some(setback), later(at, BETWEEN_EVENTS));
            }
        }
    }
    world.writeback.move_on(&message.id, Stage::Confirmed(at, setback));
}

/// An event of this message on APP1.
fn tell(world: &mut World, message: &Message, id: u32, setback: Option<Setback>, at: Timestamp) {
    world.attend(at);
    let name = message.to.upn.as_deref().unwrap_or_default();
    let reason = setback.and_then(Setback::engine).map(|engine| format!(", Reason: Synchronization Engine returned an error {engine}"));
    let what = event_name(id).map_or("", |event| event.name);
    let text = format!("TrackingId: {}, {what}{}, UserPrincipalName: {name}", message.id, reason.unwrap_or_default());
    world.connect.log(Provider::PasswordResetService, id, text, at);
}

/// The cloud learns what came of it, or that nothing will: its own password changes only after the domain's.
fn finish(world: &mut World, message: &Message, setback: Option<Setback>, at: Timestamp) {
    let Some((message, letter)) = world.writeback.end(&message.id) else { return };
    let setback = match (setback, letter) {
        (None, Some(letter)) if world.set_cloud_password(&message.to.id, letter.new.expose(), at) => None,
        (None, _) => Some(Setback::CloudFailure),
        (Some(setback), _) => Some(setback),
    };
    let agent = !matches!(setback, Some(Setback::Unreachable));
    if let Some(operation) = world.operations.iter_mut().find(|one| one.id == message.id) {
        operation.end(at, setback.map(|setback| setback.to_string()));
    }
    world.directory.audit(message.audit(setback, agent, at));
}

#[cfg(test)]
mod tests;
