//! `guidepost survey`: which users of a lab's domain rights do not reach. Looks only; what to do about it is for whoever reads it.

use super::{
    Globals,
    context::{DEFAULT_GUIDE, block_on, choose},
    out,
};
use crate::base::{Exit, Problem, clock::SystemClock, encode, text};
use crate::guide::load;
use crate::lab::{connect::reach_domain, profile::Places};
use crate::rights::{Right, Sid, delegation};
use crate::services::directory::survey::{CAUSES, Cause, Question, Survey, Unreached, count, survey};
use crate::services::directory::{Directory, Search};
use clap::ValueEnum;
use serde_json::{Value, json};
use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::Arc,
};

/// The rights whose copies are looked for: those that the guide hands down to users.
const HANDED_DOWN: [Right; 4] = [Right::ChangePassword, Right::ResetPassword, Right::WriteLockoutTime, Right::WritePwdLastSet];

/// Tell which users of a domain the reset rights do not reach, and why.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A configured lab; without it, the practice lab
    #[arg(long, value_name = "LAB")]
    lab: Option<String>,
    /// Start at this unit instead of the domain
    #[arg(long, value_name = "DN")]
    on: Option<String>,
    /// Look for the rights of this account (name, user@domain or SID); without it, only for what would keep rights away
    #[arg(long = "for", value_name = "ACCOUNT")]
    account: Option<String>,
    /// Name every user who is not reached, one a line, as they are found
    #[arg(long)]
    all: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs; with `--all` one object a line, the summary last
    Json,
}

/// Runs it.
///
/// # Errors
/// The lab has no domain, or it cannot be asked.
pub fn run(args: &Args, globals: &Globals) -> Result<Exit, Problem> {
    let places = Places::find(globals.config.as_deref())?;
    let lab = choose(args.lab.as_deref(), &places, globals)?;
    let guide = load::named(DEFAULT_GUIDE)?;
    block_on(async {
        let directory = reach_domain(&lab, &guide.pack, Arc::new(SystemClock)).await?.open().await.map_err(|none| none.problem())?;
        look(&*directory, args, globals).await
    })
}

async fn look(directory: &dyn Directory, args: &Args, globals: &Globals) -> Result<Exit, Problem> {
    let base = match &args.on {
        Some(dn) => dn.clone(),
        None => directory.root().await?.naming_context,
    };
    let wanted = match &args.account {
        Some(account) => delegation::wanted(&HANDED_DOWN, find(directory, account).await?),
        None => Vec::new(),
    };
    // Counting costs half a survey: only where somebody watches.
    let watched = io::stderr().is_terminal();
    let total = if watched { Some(count(directory, &base).await?) } else { None };
    let mut bar = Bar { total, ascii: globals.ascii, shown: None };
    let mut progress = |so_far| {
        if watched {
            bar.show(so_far);
        }
    };
    let mut each = |user: &Unreached| {
        if args.all {
            out::say(&line(user, args.format));
        }
    };
    let found = survey(directory, Question { base: &base, wanted: &wanted }, &mut progress, &mut each).await;
    bar.clear();
    let found = found?;
    match args.format {
        Format::Text => lines(&found, &base, !wanted.is_empty()).iter().for_each(|line| out::say(line)),
        Format::Json => out::say(&summary(&found, &base).to_string()),
    }
    Ok(if found.of(Cause::Unreadable).count == 0 { Exit::Fine } else { Exit::Unknown })
}

/// The account's SID: as given, or by one of its names.
async fn find(directory: &dyn Directory, account: &str) -> Result<Sid, Problem> {
    if let Ok(sid) = account.parse() {
        return Ok(sid);
    }
    let base = directory.root().await?.naming_context;
    let name = encode::ldap_filter(account);
    let filter = format!("(&(objectSid=*)(|(sAMAccountName={name})(userPrincipalName={name})))");
    let found = directory.search(Search::below(base, filter, &["objectSid"]).limit(1)).await?;
    let sid = found.first().and_then(|entry| entry.bytes("objectSid")).and_then(Sid::read);
    sid.ok_or_else(|| {
        Problem::usage(format!("there is no account `{}` in the domain", text::short(account, 80)))
            .hint("give its name as it signs in to Windows, `user@domain`, or its SID")
    })
}

/// Why, as the end of "… users are".
#[must_use]
pub fn words(cause: Cause) -> &'static str {
    match cause {
        Cause::AdminSdHolder => "protected by AdminSDHolder, which no right from above reaches",
        Cause::OwnList => "cut off by their own permissions, which take nothing from above",
        Cause::Above => "below a unit or container that takes nothing from above",
        Cause::NotThere => "without the rights, though nothing keeps them away: not granted above, or still on their way",
        Cause::Unreadable => "unknown: their permissions are not shown to this account",
    }
}

/// The cause as programs know it.
#[must_use]
pub fn code(cause: Cause) -> &'static str {
    match cause {
        Cause::AdminSdHolder => "admin-sd-holder",
        Cause::OwnList => "own-list",
        Cause::Above => "above",
        Cause::NotThere => "not-there",
        Cause::Unreadable => "unreadable",
    }
}

/// What came out, for people. `granted` says whether rights were looked for, or only what would keep them away.
#[must_use]
pub fn lines(found: &Survey, base: &str, granted: bool) -> Vec<String> {
    let reach = if granted { "the rights reach" } else { "rights given there would reach" };
    let users = if found.users == 1 { "user" } else { "users" };
    let mut lines = vec![format!("{} {users} below {}; {reach} {}", found.users, text::line(base), found.reached)];
    for cause in CAUSES {
        let tally = found.of(cause);
        if tally.count == 0 {
            continue;
        }
        lines.push(format!("{} {}", tally.count, words(cause)));
        lines.extend(tally.sample.iter().map(|dn| format!("  {dn}")));
        let more = tally.count - u64::try_from(tally.sample.len()).unwrap_or(tally.count);
        if more > 0 {
            lines.push(format!("  and {more} more; --all names them"));
        }
    }
    lines
}

fn line(user: &Unreached, format: Format) -> String {
    match format {
        Format::Text => format!("{}\t{}", code(user.cause), user.dn),
        Format::Json => json!({"dn": user.dn, "cause": code(user.cause), "above": user.above}).to_string(),
    }
}

/// What came out, for programs.
#[must_use]
pub fn summary(found: &Survey, base: &str) -> Value {
    let causes = CAUSES.iter().map(|cause| {
        let tally = found.of(*cause);
        (code(*cause).to_owned(), json!({"count": tally.count, "sample": tally.sample}))
    });
    let causes: serde_json::Map<String, Value> = causes.collect();
    json!({"format": 1, "on": text::line(base), "users": found.users, "reached": found.reached, "unreached": causes})
}

/// How far it is, on standard error.
struct Bar {
    total: Option<u64>,
    ascii: bool,
    /// What stands there, so that it is written when it changes only.
    shown: Option<String>,
}

impl Bar {
    fn show(&mut self, so_far: u64) {
        let text = bar(so_far, self.total, self.ascii);
        if self.shown.as_ref() != Some(&text) {
            let _ = write!(io::stderr().lock(), "\r{text}");
            self.shown = Some(text);
        }
    }

    fn clear(&mut self) {
        if let Some(text) = self.shown.take() {
            let _ = write!(io::stderr().lock(), "\r{}\r", " ".repeat(text.chars().count()));
        }
    }
}

/// In steps of a percent where the total is known, so that it is drawn a hundred times at most.
fn bar(so_far: u64, total: Option<u64>, ascii: bool) -> String {
    const CELLS: usize = 25;
    let Some(total) = total.filter(|total| *total > 0) else { return format!("{so_far} users looked at") };
    let percent = so_far.saturating_mul(100).checked_div(total).unwrap_or(100).min(100);
    let filled = usize::try_from(percent).unwrap_or(100) * CELLS / 100;
    let (full, empty) = if ascii { ("#", "-") } else { ("█", "░") };
    format!("{}{} {percent:>3} % of {total} users", full.repeat(filled), empty.repeat(CELLS - filled))
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn the_bar_is_as_long_whatever_it_shows() {
        assert_eq!(bar(0, Some(200), true), "-------------------------   0 % of 200 users");
        assert_eq!(bar(101, Some(200), true), "############-------------  50 % of 200 users");
        // Users who came while it counted.
        assert_eq!(bar(300, Some(200), true), "######################### 100 % of 200 users");
        assert_eq!(bar(100, Some(200), false).chars().count(), bar(0, Some(200), true).chars().count());
        assert_eq!((bar(64, None, true).as_str(), bar(64, Some(0), true).as_str()), ("64 users looked at", "64 users looked at"));
    }
}
