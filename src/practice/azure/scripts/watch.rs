//! What `watch.ps1` answers: it waits for a password on its way. What moves the password is `practice/writeback.rs`.

use super::Job;
use super::answer::Trouble;
use super::app1::{iso, told};
use crate::practice::{
    domain::{Local, Scope, generalized},
    world::{DC1, LogEvent, Provider, later},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The longest wait, whatever is asked for.
const LONGEST: i64 = 120;
/// The script looks every second.
const EVERY: SignedDuration = SignedDuration::from_secs(1);
/// The most events that it brings, and the longest text of one.
const MOST: usize = 20;
const LONGEST_TEXT: usize = 200;
const WRITTEN: [u32; 3] = [31_002, 31_007, 31_010];
const NOT_WRITTEN: [u32; 3] = [31_003, 31_008, 31_011];

/// The user as the machine's account reads it.
#[derive(Default)]
struct User {
    set: Option<String>,
    changed: Option<String>,
    why: Option<String>,
}

pub(super) fn watch(job: &mut Job<'_>) -> Result<Result<Value, Trouble>, Timestamp> {
    let began = job.clock_at(job.began);
    let since = match job.values["since"].as_str().map(str::parse::<Timestamp>) {
        Some(Ok(since)) => since,
        Some(Err(_)) => return Ok(Err(Trouble::thrown("String was not recognized as a valid DateTime."))),
        None => began,
    };
    let patience = SignedDuration::from_secs(job.values["seconds"].as_i64().unwrap_or(0).clamp(0, LONGEST));
    let before = job.values["before"].as_str().map(str::to_owned);
    let user = user(job);
    let mut events: Vec<Value> = Vec::new();
    let (mut written, mut not_written) = (false, false);
    for event in log(job).filter(|event| event.at >= since) {
        written |= WRITTEN.contains(&event.id);
        not_written |= NOT_WRITTEN.contains(&event.id);
        events.push(told(event, LONGEST_TEXT));
    }
    let moved = before.is_some() && user.set.is_some() && user.set != before;
    let ended = not_written || (written && (moved || user.why.is_some()));
    if !ended && job.now < later(job.began, patience) {
        return Err(later(job.now, EVERY).min(later(job.began, patience)));
    }
    let events = events.split_off(events.len().saturating_sub(MOST));
    let domain = job.world.azure.runs(DC1, job.began).then(|| generalized(job.world.said(job.began)));
    Ok(Ok(json!({
        "time": iso(began), "domain": domain, "set": user.set, "changed": user.changed, "moved": moved.then(|| iso(job.clock())),
        "why": user.why, "known": log(job).next().is_some(), "ended": written || not_written, "until": iso(job.clock()), "events": events,
    })))
}

fn log<'j>(job: &'j Job<'_>) -> impl Iterator<Item = &'j LogEvent> {
    let events = job.installed().into_iter().flat_map(|connect| &connect.events);
    events.filter(|event| event.provider == Provider::PasswordResetService)
}

/// Every account of the domain may read these two.
fn user(job: &mut Job<'_>) -> User {
    if !job.world.azure.runs(DC1, job.now) {
        return User { why: Some(Trouble::unavailable().said), ..User::default() };
    }
    let dn = job.values["dn"].as_str().unwrap_or_default().to_owned();
    let names = ["pwdLastSet", "whenChanged"].map(str::to_owned).to_vec();
    let (now, lag) = (job.now, job.lag);
    let found = Local::open(job.world, None, now, lag).and_then(|domain| domain.search(&dn, Scope::Base, "(objectClass=*)", names, 1));
    match found {
        Ok(found) => {
            let text = |name: &str| {
                let values = found.iter().flat_map(|(_, attributes)| attributes).find(|(own, _)| own == name)?;
                values.1.first().map(|value| String::from_utf8_lossy(value).into_owned())
            };
            User { set: text("pwdLastSet"), changed: text("whenChanged"), why: None }
        }
        Err(refused) => User { why: Some(refused.said), ..User::default() },
    }
}
