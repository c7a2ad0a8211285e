//! Machines: scripts on APP1 and DC1, through Azure or on this one; opening the browser, asking a command for a secret. Child processes live here.

pub mod app1;
pub mod ask;
pub mod azure;
mod error;
pub mod here;
pub mod script;

use crate::base::{Problem, Secret, http::is_loopback, text};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use url::Url;

/// How long a command may take: long enough for a finger on a key.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The longest secret; a refresh token has up to about 2 kB.
const LONGEST: u64 = 16 * 1024;

/// Asks a person's own command for a secret: runs it with the secret's name as its last argument, and reads what it prints.
///
/// Nothing secret goes in, by no way; what it says on standard error is not shown, because nobody knows what is in it.
/// `None` when it prints nothing. It is ended when it takes longer than `patience`, or when nobody waits any more.
///
/// # Errors
/// It cannot be started, ends with another status than 0, prints too much or no text, or takes too long.
#[expect(clippy::disallowed_methods, reason = "this is the room for child processes")]
pub async fn secret(command: &[String], name: &str, patience: Duration) -> Result<Option<Secret>, Problem> {
    let Some((program, args)) = command.split_first() else {
        return Err(Problem::usage("`[secrets] command` is empty"));
    };
    let failed = |why: &str| {
        let what = format!("`{}`, asked for the secret `{name}`, {why}", text::short(program, 120));
        Problem::new(what).hint("run it yourself: it must print the secret and end with 0")
    };
    let mut child = tokio::process::Command::new(program);
    child.args(args).arg(name).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = child.spawn().map_err(|error| failed(&format!("could not be started: {}", text::short(&error.to_string(), 120))))?;
    let Some(stdout) = child.stdout.take() else { return Err(failed("gave no output")) };
    let talk = async {
        let mut printed = zeroize::Zeroizing::new(Vec::new());
        stdout.take(LONGEST + 1).read_to_end(&mut printed).await.map_err(|error| failed(&format!("could not be read: {error}")))?;
        if printed.len() as u64 > LONGEST {
            return Err(failed("printed too much"));
        }
        let status = child.wait().await.map_err(|error| failed(&format!("could not be waited for: {error}")))?;
        if !status.success() {
            return Err(failed(&format!("ended with {status}")));
        }
        let secret = std::str::from_utf8(&printed).map_err(|_| failed("printed something that is no text"))?.trim_end_matches(['\r', '\n']);
        Ok((!secret.is_empty()).then(|| Secret::new(secret)))
    };
    match tokio::time::timeout(patience, talk).await {
        Ok(secret) => secret,
        Err(_) => Err(failed(&format!("did not end within {} s", patience.as_secs()))),
    }
}

/// Opens the address in the person's browser and does not wait for it.
///
/// # Errors
/// The address is neither https nor on this machine, or no browser could be started.
pub async fn open_in_browser(address: &Url) -> Result<(), Problem> {
    // Whatever else an address may name (`file:`, `ms-settings:`, an app's own scheme) would be run by the desktop.
    if address.scheme() != "https" && !(address.scheme() == "http" && is_loopback(address)) {
        return Err(Problem::new(format!("a `{}` address is not opened in a browser", address.scheme())));
    }
    let address = address.to_string();
    // The launcher is watched for a moment; that blocks.
    let opened = tokio::task::spawn_blocking(move || open::that_detached(address)).await;
    let why = match opened {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(stopped) => stopped.to_string(),
    };
    let why = text::short(&why, 200);
    Err(Problem::new(format!("no browser could be opened: {why}")).hint("copy the address into a browser on this machine"))
}

#[cfg(test)]
mod tests {
    use super::open_in_browser;
    #[cfg(unix)]
    use super::secret;
    #[cfg(unix)]
    use std::time::Duration;
    use url::Url;

    #[cfg(unix)]
    async fn ask(script: &str) -> Result<Option<String>, String> {
        let command = ["sh", "-c", script, "sh"].map(str::to_owned);
        let asked = secret(&command, "refresh-token", Duration::from_secs(20)).await;
        asked.map(|secret| secret.map(|secret| secret.expose().to_owned())).map_err(|problem| problem.to_string())
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_command_gives_a_secret_by_name_and_its_troubles_do_not_repeat_it() {
        assert_eq!(ask("printf '%s\\n' \"secret of $1\"").await, Ok(Some("secret of refresh-token".to_owned())));
        assert_eq!(ask("exit 0").await, Ok(None));
        for (script, why) in [
            ("echo canary; echo canary >&2; exit 3", "ended with exit status: 3"),
            ("head -c 100000 /dev/zero", "printed too much"),
            ("printf '\\377'", "printed something that is no text"),
        ] {
            let said = ask(script).await.unwrap_err();
            assert!(said.contains(why) && !said.contains("canary"), "{script}: {said}");
        }
        let gone = secret(&["/nowhere/at/all".to_owned()], "x", Duration::from_secs(20)).await.err().unwrap();
        assert!(gone.what.contains("could not be started"), "{gone}");
        assert_eq!(secret(&[], "x", Duration::ZERO).await.err().unwrap().exit, crate::base::Exit::Usage);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_command_that_does_not_end_is_ended() {
        let command = ["sh", "-c", "exec sleep 600", "sh"].map(str::to_owned);
        let late = secret(&command, "x", Duration::from_millis(50)).await.err().unwrap();
        assert!(late.what.contains("did not end within"), "{late}");
    }

    #[tokio::test]
    async fn only_web_addresses_reach_the_desktop() {
        for address in ["file:///etc/passwd", "http://login.example/", "ms-settings:network", "javascript:alert(1)", "mailto:a@b.example"] {
            let refused = open_in_browser(&Url::parse(address).unwrap()).await.unwrap_err();
            assert!(refused.what.ends_with("address is not opened in a browser"), "{address}: {refused}");
        }
    }
}
