//! One process per state directory: start, second start, kill, linger, end.

use crate::lab::{LONG, Lab, USER1, client, run, wish};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test]
async fn the_announcement_is_the_ready_line_with_a_refresh_token_and_private() {
    let lab = Lab::start(&[]).await;
    let mut endpoint = lab.endpoint();
    assert!(endpoint.as_object_mut().unwrap().remove("refresh_token").unwrap().as_str().unwrap().len() > 40);
    assert_eq!(endpoint, lab.ready);
    assert_eq!(lab.ready["names"]["user1"], "User1");
    assert_eq!(lab.ready["pid"], lab.child.id().unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let files = ["endpoint.json", "world.json"].map(|name| mode(&lab.dir.join(name)));
        assert_eq!((mode(&lab.dir), files), (0o700, [0o600, 0o600]));
    }
}

#[tokio::test]
async fn a_second_start_shows_the_running_lab_and_leaves_it_alone() {
    let lab = Lab::start(&[]).await;
    let second = run(&["--format", "json"], &lab.dir).await;
    assert!(second.status.success());
    assert_eq!(serde_json::from_slice::<Value>(&second.stdout).unwrap(), lab.ready);
    assert_eq!(lab.get(&lab.admin().await, "/v1.0/me").await.0, 200);
}

#[tokio::test]
async fn kill_9_loses_no_change_that_was_answered() {
    let mut lab = Lab::start(&[]).await;
    let (token, seed) = (lab.admin().await, lab.seed());
    assert_eq!(lab.assign(&token, &wish(USER1)).await.0, 201);
    lab.child.kill().await.unwrap();
    let (dir, temp) = (lab.dir.clone(), lab.temp.take());
    assert!(dir.join("endpoint.json").exists(), "a killed lab cannot tidy up");
    let again = Lab { temp, ..Lab::start_in(dir, &[]).await };
    assert_ne!(again.ready["pid"], lab.ready["pid"]);
    // Tokens outlive it too: a client that was signed in goes on.
    assert!(again.administrators(&token).await.contains(&USER1.to_owned()));
    assert_eq!(again.refresh(&seed, "User.Read").await.0, 200);
}

#[tokio::test]
async fn a_lab_ends_when_nobody_has_been_there_for_the_linger_time_and_not_before() {
    let mut lab = Lab::start(&["--linger", "1s"]).await;
    let mut held = lab.http.get(format!("{}/hold", lab.text("control"))).timeout(Duration::from_mins(1)).send().await.unwrap();
    assert_eq!(held.chunk().await.unwrap().unwrap(), "held\n");
    assert!(timeout(Duration::from_millis(2_500), lab.child.wait()).await.is_err(), "it ended while it was held");
    drop(held);
    lab.http = client(&std::fs::read(lab.text("ca_file")).unwrap());
    assert!(timeout(LONG, lab.child.wait()).await.unwrap().unwrap().success());
    assert!(!lab.dir.join("endpoint.json").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn sigterm_ends_it_cleanly_even_while_it_is_held() {
    let mut lab = Lab::start(&[]).await;
    let mut held = lab.http.get(format!("{}/hold", lab.text("control"))).send().await.unwrap();
    assert_eq!(held.chunk().await.unwrap().unwrap(), "held\n");
    let pid = rustix::process::Pid::from_raw(i32::try_from(lab.child.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(timeout(LONG, lab.child.wait()).await.unwrap().unwrap().success());
    assert!(!lab.dir.join("endpoint.json").exists());
    assert_eq!(held.chunk().await.unwrap(), None, "a held reply ends whole");
}

#[tokio::test]
async fn what_cannot_be_served_is_refused_with_its_reason() {
    let temp = tempfile::tempdir().unwrap();
    let remote = run(&["--listen", "0.0.0.0:0"], temp.path()).await;
    assert_eq!(remote.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&remote.stderr).contains("hint: listen on 127.0.0.1"));
    std::fs::write(temp.path().join("world.json"), r#"{"format": 99}"#).unwrap();
    let newer = run(&[], temp.path()).await;
    assert_eq!(newer.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&newer.stderr).contains("has format 99, this version reads 1"));
    let none = run(&["clock", "+30m"], temp.path()).await;
    assert_eq!(none.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&none.stderr).contains("the practice lab could not be started"), "a steered lab is started first");
}

#[tokio::test]
async fn kill_9_amid_a_write_leaves_the_world_before_it_or_after_it() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("state");
    let name = |n: u64| format!("d{n}.example");
    let mut answered = 0;
    for round in 0..8 {
        let mut lab = Lab::start_in(dir.clone(), &["--consistency", "0s"]).await;
        for _ in 0..round {
            lab.person("add-domain", &[&name(answered)]).await;
            answered += 1;
        }
        let body = json!({"verb": "add-domain", "args": [name(answered)]});
        let in_flight = lab.http.post(format!("{}/person", lab.text("control"))).json(&body).send();
        let _ = timeout(Duration::from_millis(round), in_flight).await;
        lab.child.kill().await.unwrap();
        let mut again = Lab::start_in(dir.clone(), &["--consistency", "0s"]).await;
        let (_, list) = again.get(&again.admin().await, "/v1.0/domains?$select=id").await;
        let there = |n: u64| list["value"].as_array().unwrap().contains(&json!({"id": name(n)}));
        assert!((0..answered).all(there), "an answered change is gone: {list}");
        assert!(!there(answered + 1));
        answered += u64::from(there(answered));
        // Dropping would not wait until it is dead, and the next start would meet it.
        again.child.kill().await.unwrap();
    }
}

#[tokio::test]
async fn a_start_waits_for_a_lab_that_is_ending_and_takes_its_place() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("state");
    std::fs::create_dir(&dir).unwrap();
    let ending = std::fs::File::create(dir.join("lock")).unwrap();
    ending.lock().unwrap();
    let mut starting = std::pin::pin!(Lab::start_in(dir, &[]));
    assert!(timeout(Duration::from_millis(500), starting.as_mut()).await.is_err(), "two labs on one state");
    drop(ending);
    let lab = timeout(LONG, starting).await.unwrap();
    assert_eq!(lab.get(&lab.admin().await, "/v1.0/me").await.0, 200);
}
