//! Scripts on this machine, by a shell that stands in for Windows PowerShell: what goes in, what stays out, and that nothing is left running.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use guidepost::base::Secret;
use guidepost::services::host::app1::SCHEDULER;
use guidepost::services::host::here::Here;
use guidepost::services::host::script::{Host, HostError};
use serde_json::{Value, json};
use std::path::Path;

const CANARY: &str = "canary-Passw0rd!";
const ANSWER: &str = r#"printf '%s\n' noise GUIDEPOST-BEGIN '{"result":1}' 'GUIDEPOST-END 0'"#;

/// A host whose program is `sh`, with a script that finds its folder in `$0`.
fn stand_in(folder: &Path, script: &str) -> Here {
    let before = ["-c".to_owned(), script.to_owned(), folder.to_str().unwrap().to_owned()];
    Here::by("/bin/sh".into(), before.map(Into::into).to_vec())
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[tokio::test]
async fn script_values_and_secret_go_in_as_one_document_and_by_no_other_way() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("cat > \"$0/document\"; printf '%s\\n' \"$@\" > \"$0/arguments\"; env > \"$0/environment\"; {ANSWER}");
    let here = stand_in(folder.path(), &script);
    let rows = (0..128u8).map(|one| (0..128u8).map(|two| String::from_utf8(vec![one, two]).unwrap()).collect::<Vec<_>>());
    let mut values: Vec<Value> = rows.map(|row| json!(row)).collect();
    values.extend(["'; Remove-Item x; '", "$(x) ^ & % < >", "\"'`\n\r\n\u{2019}"].map(|text| json!(text)));
    values.push(json!("y".repeat(10 * 1024)));
    let request = json!({"format": 1, "values": values});
    assert_eq!(here.run(&SCHEDULER, request.clone(), Some(&Secret::new(CANARY))).await.unwrap(), json!({"result": 1}));

    let document: Value = serde_json::from_str(&read(folder.path(), "document")).unwrap();
    let part = |name: &str| STANDARD.decode(document[name].as_str().unwrap()).unwrap();
    assert_eq!(document.as_object().unwrap().len(), 3);
    assert_eq!(part("script"), SCHEDULER.whole().into_bytes());
    assert_eq!(serde_json::from_slice::<Value>(&part("request")).unwrap(), request);
    assert_eq!(part("secret"), CANARY.as_bytes());

    let arguments = read(folder.path(), "arguments");
    let (fixed, encoded) = arguments.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(fixed, "-NoLogo\n-NoProfile\n-NonInteractive\n-InputFormat\nText\n-OutputFormat\nText\n-EncodedCommand");
    let units: Vec<u16> = STANDARD.decode(encoded).unwrap().chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    assert_eq!(String::from_utf16(&units).unwrap(), include_str!("../assets/scripts/bootstrap.ps1"));
    // CreateProcess takes 32,767 characters.
    assert!(arguments.len() < 16_000);

    let environment = read(folder.path(), "environment");
    // The shell sets some of its own.
    let ours = ["CARGO", "HOME=", "RUST", "XDG", CANARY];
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some() && !ours.iter().any(|name| environment.contains(name)), "{environment}");
}

#[tokio::test]
async fn without_a_secret_there_is_none_and_what_is_too_long_is_not_started() {
    let folder = tempfile::tempdir().unwrap();
    let here = stand_in(folder.path(), &format!("cat > \"$0/document\"; {ANSWER}"));
    here.run(&SCHEDULER, json!({}), None).await.unwrap();
    assert!(read(folder.path(), "document").ends_with(r#""secret":""}"#));
    std::fs::remove_file(folder.path().join("document")).unwrap();
    let long = here.run(&SCHEDULER, json!("x".repeat(1024 * 1024)), None).await.unwrap_err();
    assert!(matches!(long, HostError::TooLong { .. }) && long.not_run(), "{long}");
    assert!(!folder.path().join("document").exists());
}

#[tokio::test]
async fn what_goes_wrong_is_told_with_what_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (
            "cat > /dev/null; echo 'no\u{1b}[2J right' >&2; exit 5",
            "it ended with exit status: 5, and said on standard error: no\u{fffd}[2J right",
        ),
        ("exit 5", "it ended with exit status: 5"),
        ("cat > /dev/null; echo careful >&2", "it printed no answer, and said on standard error: careful"),
        ("cat > /dev/null", "its beginning is missing"),
        ("cat > /dev/null; printf 'GUIDEPOST-BEGIN\\n{}\\nGUIDEPOST-END 1\\n'", "its exit code 1 does not fit what it says"),
        ("cat > /dev/null; head -c 3000000 /dev/zero", "it printed more than 2048 KiB"),
        ("cat > /dev/null; head -c 3000000 /dev/zero >&2", "it printed more than 2048 KiB"),
    ];
    for (script, why) in cases {
        let error = stand_in(folder.path(), script).run(&SCHEDULER, json!({}), None).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the script `scheduler` on `this machine` gave no answer that can be read: {why}"),
            "{script}"
        );
        assert!(!error.not_run());
    }
    let gone = Here::by("/nowhere/powershell".into(), Vec::new()).run(&SCHEDULER, json!({}), None).await.unwrap_err();
    assert!(matches!(&gone, HostError::NotStarted { .. }) && gone.not_run(), "{gone}");
}

#[cfg(target_os = "linux")]
/// Waits until a process is gone, or is dead and not buried yet.
async fn ended(pid: &str) {
    let stat = format!("/proc/{pid}/stat");
    loop {
        match std::fs::read_to_string(&stat) {
            Ok(said) if !said.contains(") Z ") => tokio::task::yield_now().await,
            _ => return,
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_does_not_end_in_time_is_ended_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    // The grandchild holds the pipes open, as a job of PowerShell would.
    let script = "sleep 1000 & echo $! > \"$0/pids\"; echo $$ >> \"$0/pids\"; wait";
    let late = stand_in(folder.path(), script)
        .with_time(std::time::Duration::from_millis(500))
        .run(&SCHEDULER, json!({}), None)
        .await
        .unwrap_err();
    assert!(matches!(late, HostError::TimedOut { .. }) && !late.not_run(), "{late}");
    let pids = read(folder.path(), "pids");
    assert_eq!(pids.lines().count(), 2);
    for pid in pids.lines() {
        ended(pid).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn nothing_is_left_running_when_nobody_waits_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_owned();
    let here = stand_in(&place, "sleep 1000 & echo $! > \"$0/new\"; mv \"$0/new\" \"$0/pid\"; wait");
    let asking = tokio::spawn(async move { here.run(&SCHEDULER, json!({}), None).await });
    while !place.join("pid").exists() {
        tokio::task::yield_now().await;
    }
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    ended(read(&place, "pid").trim()).await;
}

#[cfg(not(windows))]
#[test]
fn where_there_is_no_windows_powershell_that_is_said() {
    let none = Here::new().err().unwrap();
    assert_eq!(none.to_string(), format!("there is no Windows PowerShell on this machine: it runs `{}`", std::env::consts::OS));
    assert!(none.not_run());
}
