//! Making a trip: the watch first, then the reset, then the operation, the domain and a sign-on; and what stopped it, if something did. What it
//! all means is `seen`'s business.

use super::{
    CAPTURED, HopName, Trip,
    live::Travelling,
    look::{self, Span},
    password,
    road::Road,
    seen::{Account, Asked, Causes, Clocks, Operation, Seen, Usable},
};
use crate::base::{Problem, Secret};
use crate::engine::{
    action::{Confirmed, Refusal},
    check::Verdict,
    core::Engine,
    journal::Event,
    probe::{LookError, SendError, Systems, TripCall},
};
use crate::guide::step::TripBy;
use crate::services::{
    entra::Location,
    host::app1::{Watch, Watched},
};
use jiff::Timestamp;
use serde_json::Map;
use std::time::Duration;
use tokio::{sync::watch, time::Instant};

/// How long APP1 is watched after an administrator's reset.
pub const PATIENCE: Duration = Duration::from_mins(2);
/// How long one script waits: a reset that failed in the cloud need not be waited for to the end, and no script on Azure can be called back.
const ROUND: Duration = Duration::from_mins(1);
/// How long a person may take at `aka.ms/sspr`.
pub const PERSON: Duration = Duration::from_mins(10);
/// Between two looks at the operation and at the domain.
const EVERY: Duration = Duration::from_secs(2);
/// How long another domain controller may take to show what was written, once APP1 has confirmed it.
const REPLICATION: Duration = Duration::from_secs(20);
/// How much longer than the watch the operation is waited for.
const SLACK: Duration = Duration::from_secs(30);

/// What a trip carries from hop to hop.
struct Journey<'j> {
    engine: &'j Engine,
    systems: &'j dyn Systems,
    road: &'j dyn Road,
    call: &'j TripCall,
    began: Timestamp,
}

impl Engine {
    /// Makes the trip of line `n` and writes down what was seen of it.
    ///
    /// # Errors
    /// It did not arrive, or that could not be told; the journal cannot be written.
    pub(in crate::engine) async fn travel(
        &self,
        systems: &dyn Systems,
        step: &str,
        n: u64,
        call: &TripCall,
        permit: &Confirmed,
    ) -> Result<(), Refusal> {
        let Some(road) = systems.road() else {
            let why = "these systems have no way for a round trip".to_owned();
            self.record(Some(step), Event::Failed { intended: n, why: why.clone(), status: None, captured: Map::new() })
                .map_err(Refusal::Not)?;
            return Err(Refusal::Unknown(Problem::unknown(why)));
        };
        let journey = Journey { engine: self, systems, road, call, began: self.now() };
        let seen = match call.by {
            TripBy::Administrator => journey.reset(permit).await,
            TripBy::Person => journey.watch_person().await,
        };
        self.set_travelling(None);
        self.arrive(step, n, &seen)
    }

    fn arrive(&self, step: &str, n: u64, seen: &Seen) -> Result<(), Refusal> {
        let (trip, changed) = (seen.trip(), seen.changed());
        let captured = Map::from_iter([(CAPTURED.to_owned(), serde_json::to_value(&trip).unwrap_or_default())]);
        let problem = outcome(&trip, &seen.call.upn);
        let event = match (&problem, changed) {
            (Some(problem), false) => Event::Failed { intended: n, why: problem.what.clone(), status: seen.status(), captured },
            (Some(_), true) | (None, _) => Event::Done {
                intended: n,
                status: seen.status(),
                request_id: None,
                captured,
                undo: None,
                no_undo: Some("nobody knows the old password".into()),
                with: None,
                by_looking: matches!(seen.asked, Asked::InDoubt(_)),
            },
        };
        self.record(Some(step), event).map_err(Refusal::Not)?;
        match (problem, trip.verdict) {
            (None, _) => Ok(()),
            (Some(problem), Verdict::Fail) => Err(Refusal::Not(problem)),
            (
                Some(problem),
                Verdict::Unknown | Verdict::Pass | Verdict::Pending | Verdict::Blocked | Verdict::NotApplicable | Verdict::Waived,
            ) => Err(Refusal::Unknown(problem)),
        }
    }
}

/// What to say of a trip that did not arrive; `None` for one that did.
fn outcome(trip: &Trip, upn: &str) -> Option<Problem> {
    let hop = trip.hops.iter().find(|hop| Some(hop.name) == trip.stopped_at)?;
    let code = trip.code.map_or_else(String::new, |code| format!(" ({})", code.word()));
    let what = match trip.verdict {
        Verdict::Fail => format!("the password of {upn} stopped at `{}`: {}{code}", hop.name.word(), hop.says),
        Verdict::Unknown | Verdict::Pass | Verdict::Pending | Verdict::Blocked | Verdict::NotApplicable | Verdict::Waived => {
            format!("whether the password of {upn} arrived cannot be told at `{}`: {}{code}", hop.name.word(), hop.says)
        }
    };
    Some(Problem::new(what).hint("`guidepost check --step prove-writeback` shows every hop and the way out"))
}

impl Seen {
    /// Whether anything was changed, as far as anybody knows.
    fn changed(&self) -> bool {
        matches!(self.asked, Asked::Accepted(_))
            && (self.moved() || self.hops().iter().any(|hop| hop.name > HopName::Received && hop.verdict == Verdict::Pass))
            || self.asked == Asked::ByPerson && self.moved()
    }

    fn status(&self) -> Option<u16> {
        match &self.asked {
            Asked::Accepted(_) => Some(202),
            Asked::NotSent(_) | Asked::ByPerson => None,
            Asked::Refused(error) | Asked::InDoubt(error) => error.status,
        }
    }
}

impl Journey<'_> {
    fn now(&self) -> Timestamp {
        self.engine.now()
    }

    /// Says what is being done.
    fn say(&self, seen: Option<&Seen>, doing: &str, waiting: Option<HopName>, patience: Option<Duration>) {
        let since = self.now();
        let known = |seen: &Seen| seen.hops().into_iter().filter(|hop| hop.at.is_some()).collect();
        self.engine.set_travelling(Some(Travelling {
            call: self.call.clone(),
            began: self.began,
            hops: seen.map_or_else(Vec::new, known),
            doing: doing.to_owned(),
            waiting,
            since,
            until: patience.and_then(|patience| since.checked_add(patience).ok()),
        }));
    }

    fn nothing_seen(&self, asked: Asked) -> Seen {
        let usable = if self.call.by == TripBy::Person { Usable::OnlyThePerson } else { Usable::NotTried };
        Seen {
            call: self.call.clone(),
            began: self.began,
            asked,
            watched: Err(look::plain("the watch was not started".to_owned())),
            before: Account::default(),
            after: Account::default(),
            operation: None,
            usable,
            clocks: Clocks::default(),
            causes: Causes::default(),
        }
    }

    /// The first look: it proves that somebody can watch, and gives the mark by APP1's own clock.
    async fn mark(&self, seen: &mut Seen) -> Result<Timestamp, LookError> {
        let sent = self.now();
        let watch = Watch { since: None, dn: self.call.dn.clone(), before: None, patience: Duration::ZERO };
        let mark = self.road.watch(&watch).await?;
        let span = Span { from: sent, to: self.now() };
        let (before, asked) = look::account(self.systems, &self.call.dn, || self.now()).await;
        seen.clocks = look::clocks(&mark, span, before.at.zip(Some(asked)));
        seen.causes.skew = look::skew(&mark);
        seen.before = before.or(&mark);
        seen.after = seen.before.clone();
        let since = mark.time;
        seen.watched = Ok(mark);
        Ok(since)
    }

    async fn reset(&self, permit: &Confirmed) -> Seen {
        let mut seen = self.nothing_seen(Asked::ByPerson);
        self.say(None, "asking APP1 and the domain for their clocks", None, None);
        let since = match self.mark(&mut seen).await {
            Ok(since) => since,
            Err(why) => return Seen { asked: Asked::NotSent(why), ..seen },
        };
        let password = match password::made() {
            Ok(password) => password,
            Err(error) => return Seen { asked: Asked::NotSent(look::plain(format!("no random numbers: {error}"))), ..seen },
        };
        self.say(Some(&seen), "the watch on APP1 is started; the reset is sent", Some(HopName::Asked), Some(PATIENCE));
        let (stop, stopped) = watch::channel(false);
        let set = seen.before.set.clone();
        let (watched, went) = {
            let mut watched = std::pin::pin!(self.watch_rounds(since, set, (ROUND, PATIENCE), stopped));
            let mut going = std::pin::pin!(self.send(&mut seen, &password, permit, &stop));
            // The watch is polled first: its script is on its way before the reset is.
            tokio::select! {
                biased;
                watched = &mut watched => (watched, going.await),
                // What Graph refused will not arrive: nobody waits for the script, which cannot be called back.
                went = &mut going => if went { (watched.await, true) } else { (Err(look::plain("nothing was on its way".to_owned())), false) },
            }
        };
        seen.watched = watched;
        if went {
            self.finish(&mut seen, &password).await;
        }
        scrubbed(seen, &password)
    }

    /// Sends the reset, and follows operation and domain to their end; whether anything is on its way.
    async fn send(&self, seen: &mut Seen, password: &Secret, permit: &Confirmed, stop: &watch::Sender<bool>) -> bool {
        // One moment for the watch to be on its way.
        tokio::task::yield_now().await;
        let from = self.now();
        let place = match self.road.reset(&self.call.user, password, permit).await {
            Ok(accepted) => {
                let span = Span { from, to: self.now() };
                seen.clocks.graph = accepted.answer.date.map(|date| span.ahead(date));
                seen.asked = Asked::Accepted(accepted.answer.date);
                accepted.operation
            }
            Err(SendError::Refused(error)) => {
                seen.asked = Asked::Refused(error);
                return false;
            }
            Err(SendError::InDoubt(error)) => {
                seen.asked = Asked::InDoubt(error);
                None
            }
        };
        self.follow(seen, place.as_ref()).await;
        // What failed in the cloud is not waited for on APP1 for longer than the round that runs. Who watches no more has stopped already.
        let failed = seen.operation.as_ref().and_then(|operation| operation.ended) == Some(false);
        let _ = stop.send(failed);
        true
    }

    async fn follow(&self, seen: &mut Seen, place: Option<&Location>) {
        let started = Instant::now();
        self.say(Some(seen), "waiting for APP1 and the domain", Some(HopName::Received), Some(PATIENCE));
        while started.elapsed() < PATIENCE + SLACK {
            let moved = seen.moved();
            seen.after = look::account(self.systems, &self.call.dn, || self.now()).await.0.or_account(&seen.after);
            if let Some(place) = place {
                seen.operation = Some(self.operation(seen.operation.take(), place).await);
            }
            let ended = place.is_none() || seen.operation.as_ref().is_some_and(|operation| operation.ended.is_some());
            if moved != seen.moved() || ended {
                let waiting = if seen.moved() { HopName::Confirmed } else { HopName::Received };
                let left = (PATIENCE + SLACK).saturating_sub(started.elapsed());
                self.say(Some(seen), "waiting for APP1", Some(waiting), Some(left));
            }
            if ended {
                return;
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// One look at the operation; one that fails says nothing new.
    async fn operation(&self, last: Option<Operation>, place: &Location) -> Operation {
        match self.road.operation(place).await {
            Ok(answer) => look::operation(&answer),
            Err(error) => Operation { detail: Some(error.what), ..last.unwrap_or(Operation { ended: None, detail: None, at: None }) },
        }
    }

    /// The watch, round by round, all from the same mark.
    async fn watch_rounds(
        &self,
        since: Timestamp,
        before: Option<String>,
        (round, patience): (Duration, Duration),
        stopped: watch::Receiver<bool>,
    ) -> Result<Watched, LookError> {
        let mut left = patience;
        loop {
            let watch = Watch { since: Some(since), dn: self.call.dn.clone(), before: before.clone(), patience: round.min(left) };
            let watched = self.road.watch(&watch).await?;
            // By APP1's own clock: getting there and back takes 20 s and more on Azure, and nobody watches meanwhile.
            left = patience.saturating_sub(watched.until.duration_since(since).unsigned_abs());
            if watched.ended || *stopped.borrow() || left < EVERY {
                // From the mark on: that is how long somebody has looked.
                return Ok(Watched { time: since, ..watched });
            }
        }
    }

    /// What is left once APP1 has said its word: the domain, a sign-on, and the cause if it stopped.
    async fn finish(&self, seen: &mut Seen, password: &Secret) {
        self.look_at_domain(seen).await;
        let confirmed = seen.hops().iter().any(|hop| hop.name == HopName::Confirmed && hop.verdict == Verdict::Pass);
        if seen.moved() || (confirmed && seen.after.set.is_none()) {
            self.say(Some(seen), "signing on with the new password", Some(HopName::Usable), None);
            seen.usable = match self.road.sign_on(&self.call.upn, password).await {
                Ok(answer) => {
                    let (account, _) = look::account(self.systems, &self.call.dn, || self.now()).await;
                    Usable::Answered(answer, account.at)
                }
                Err(error) => Usable::NoWay(error),
            };
        }
        self.look_for_causes(seen).await;
    }

    /// The domain once more; another domain controller may have been written.
    async fn look_at_domain(&self, seen: &mut Seen) {
        let watched = seen.watched.as_ref().ok().cloned();
        let good = watched.as_ref().is_some_and(|watched| watched.ended) && !seen.turned_down();
        let started = Instant::now();
        loop {
            let (after, _) = look::account(self.systems, &self.call.dn, || self.now()).await;
            let told = watched.as_ref().map_or_else(Account::default, look::told);
            seen.after = after.or_account(&told).or_account(&seen.after);
            if seen.moved() || !good || started.elapsed() >= REPLICATION {
                return;
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn watch_person(&self) -> Seen {
        let mut seen = self.nothing_seen(Asked::ByPerson);
        self.say(None, "asking APP1 and the domain for their clocks", None, None);
        let cloud = look::cloud(self.systems, &self.call.user).await;
        let since = match self.mark(&mut seen).await {
            Ok(since) => since,
            Err(why) => return Seen { watched: Err(why), ..seen },
        };
        self.say(Some(&seen), "waiting for the person to set a password at aka.ms/sspr", Some(HopName::Received), Some(PERSON));
        let (_stop, stopped) = watch::channel(false);
        let set = seen.before.set.clone();
        seen.watched = self.watch_rounds(since, set, (PATIENCE, PERSON), stopped).await;
        self.look_at_domain(&mut seen).await;
        seen.causes.cloud = look::changed(cloud.as_ref(), look::cloud(self.systems, &self.call.user).await.as_ref());
        self.look_for_causes(&mut seen).await;
        seen
    }

    /// Looks at one possible cause after the other, the nearest first, until one is found. Each script takes its time.
    async fn look_for_causes(&self, seen: &mut Seen) {
        if seen.trip().verdict != Verdict::Fail {
            return;
        }
        self.say(Some(seen), "it stopped; looking for the cause", None, None);
        look::policy(self.systems, &self.call.dn, seen).await;
        for part in look::PARTS {
            if super::cause::of(seen).is_some() {
                return;
            }
            look::part(self.systems, part, &mut seen.causes).await;
        }
    }
}

/// The same without the password, should a system have sent it back.
fn scrubbed(mut seen: Seen, password: &Secret) -> Seen {
    let clean = |text: &mut String| *text = password::without(text, password);
    if let Some(detail) = seen.operation.as_mut().and_then(|operation| operation.detail.as_mut()) {
        clean(detail);
    }
    match &mut seen.asked {
        Asked::NotSent(error) | Asked::Refused(error) | Asked::InDoubt(error) => clean(&mut error.what),
        Asked::ByPerson | Asked::Accepted(_) => {}
    }
    match &mut seen.watched {
        Ok(watched) => watched.events.iter_mut().for_each(|event| clean(&mut event.text)),
        Err(error) => clean(&mut error.what),
    }
    if let Usable::NoWay(error) = &mut seen.usable {
        clean(&mut error.what);
    }
    seen
}
