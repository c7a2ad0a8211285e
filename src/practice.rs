//! The built-in practice lab: its own process, reached over the wire only. Knows nothing of guides, engines and screens.

mod azure;
mod chance;
mod connect;
mod control;
mod domain;
mod entra;
mod faults;
mod live;
mod log;
mod process;
mod server;
mod store;
mod tables;
mod tls;
mod wire;
mod world;
mod writeback;

pub use process::{Admin, Domain, Endpoint, Names, Ready, read_endpoint, serve};
pub use world::Preset;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// How a practice lab is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The state directory: `lock`, `endpoint.json`, `ca.pem`, `world.json`.
    pub state: PathBuf,
    /// Ends this long after the last connection; `None` runs until it is told to end.
    pub linger: Option<Duration>,
    /// How a new world begins; a world that is there already stays as it is.
    pub from: Preset,
    /// Whether `listen` may be reached from other machines.
    pub allow_remote: bool,
    /// How long a write takes to show in reads.
    pub consistency: Duration,
    /// Codes of [`fault_codes`] that hold from the start.
    pub broken: Vec<String>,
}

/// What can be broken in the lab: the code, and one line about it.
#[must_use]
pub fn fault_codes() -> Vec<(&'static str, &'static str)> {
    faults::FAULTS.iter().map(|line| (line.code, line.about)).collect()
}

/// What a person can do to the lab: the verb with its arguments, and one line about it.
#[must_use]
pub fn person_verbs() -> Vec<(String, &'static str)> {
    let usage = |verb: &world::Verb| [&[verb.name], verb.args].concat().join(" ");
    world::VERBS.iter().map(|verb| (usage(verb), verb.about)).collect()
}

/// Reads a length of time as typed: `90s`, `+30m`, `1h30m`, `2d`; `None` if it is none or longer than ten years.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    const LONGEST: u64 = 3650 * 86_400;
    let mut rest = text.trim().trim_start_matches('+');
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        let unit = match after.chars().next()? {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = after.get(1..)?;
    }
    (!text.trim().is_empty() && total <= LONGEST).then(|| Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_typed_and_nothing_else() {
        let seconds = |text| parse_duration(text).map(|time| time.as_secs());
        assert_eq!(
            [seconds("90s"), seconds("+30m"), seconds("1h30m"), seconds("2d"), seconds("0s")],
            [Some(90), Some(1800), Some(5400), Some(172_800), Some(0)]
        );
        for wrong in ["", "5", "m", "-5m", "5 m", "5y", "99999999999999999999s", "4000d", "5é"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
