//! `signin`, `signout` and `lab` as the real program runs them, against a tenant on loopback.

// Elsewhere a keyring cannot be kept away from the program, and tests leave the person's own alone.
#![cfg(not(any(windows, target_os = "macos")))]
#![expect(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::allow_attributes, reason = "tests start the real program")]

#[path = "support/rude.rs"]
mod rude;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rude::{Answer, Asked, Rude, json};
use serde_json::json as value;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

const CANARY: &str = "canary5ecret";

fn tokens() -> Answer {
    let claims = value!({"oid": "o", "tid": "t", "preferred_username": "admin@contoso.example"});
    let id_token = format!("e30.{}.", URL_SAFE_NO_PAD.encode(claims.to_string()));
    json(
        200,
        &value!({"token_type": "Bearer", "expires_in": 3600, "access_token": format!("access-{CANARY}"),
        "refresh_token": format!("refresh-{CANARY}"), "id_token": id_token, "scope": "User.Read.All"}),
    )
}

/// A tenant that gives a device code, and tokens at the second question.
async fn tenant(refusal: Option<u32>) -> Rude {
    let polls = AtomicUsize::new(0);
    Rude::start(move |asked: &Asked| match asked.path().rsplit('/').next() {
        Some("devicecode") => json(
            200,
            &value!({"user_code": "A1B2C3D4E", "device_code": CANARY, "verification_uri": "https://login.example/device",
                "expires_in": "900", "interval": "1"}),
        ),
        Some("token") => match (refusal, asked.form().contains_key("device_code"), polls.fetch_add(1, Ordering::SeqCst)) {
            (None, true, 0) => json(400, &value!({"error": "authorization_pending", "error_codes": [70016]})),
            (Some(code), ..) => {
                json(400, &value!({"error": "invalid_grant", "error_description": format!("AADSTS{code}: no"), "error_codes": [code]}))
            }
            (None, ..) => tokens(),
        },
        _ => json(200, &value!({"value": [{"id": "t"}]})).with("date", "Sun, 22 Nov 2026 12:00:00 GMT"),
    })
    .await
}

struct Home(TempDir);

impl Home {
    fn new(server: &Rude) -> Self {
        let home = Self(TempDir::new().unwrap());
        let labs = home.0.path().join("config/labs");
        std::fs::create_dir_all(&labs).unwrap();
        let url = server.url("/");
        let profile = format!(
            "format = 1\nenvironment = \"test\"\n[signin]\nauthority = \"{url}\"\ntenant = \"contoso.example\"\nclient_id = \"reader\"\n\
             way = \"device\"\n[graph]\nbase = \"{url}\"\n"
        );
        std::fs::write(labs.join("t.toml"), profile).unwrap();
        home
    }

    fn start(&self, args: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guidepost"));
        command.arg("--config").arg(self.0.path().join("config")).args(args);
        command.env("XDG_STATE_HOME", self.0.path().join("state"));
        // No keyring: what is tested here must not touch the person's own.
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
    }

    async fn run(&self, args: &[&str]) -> (i32, String) {
        let mut child = self.start(args);
        drop(child.stdin.take());
        let output = child.wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!said.contains(CANARY), "{said}");
        (output.status.code().unwrap(), said)
    }
}

#[tokio::test]
async fn a_code_signs_in_and_a_sign_in_that_cannot_be_kept_is_no_success() {
    let server = tenant(None).await;
    let (exit, said) = Home::new(&server).run(&["signin", "--lab", "t"]).await;
    assert!(said.contains("enter this code there: A1B2C3D4E") && said.contains("https://login.example/device"), "{said}");
    assert!(said.contains("signed in as admin@contoso.example"), "{said}");
    assert!(exit == 1 && said.contains("the sign-in ends with this command"), "{exit} {said}");
}

#[tokio::test]
async fn a_refused_sign_in_ends_with_plain_words_and_what_to_do() {
    let server = tenant(Some(53003)).await;
    let (exit, said) = Home::new(&server).run(&["signin", "--lab", "t"]).await;
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("a Conditional Access policy blocks this sign-in") && said.contains("hint: try another way"), "{said}");
}

#[tokio::test]
async fn no_input_begins_no_sign_in() {
    let server = tenant(None).await;
    let home = Home::new(&server);
    for args in [&["--no-input", "signin", "--lab", "t"][..], &["--no-input", "signin", "--lab", "t", "--way", "paste"]] {
        let (exit, said) = home.run(args).await;
        assert!(exit == 1 && said.contains("signing in needs a person"), "{exit} {said}");
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn an_address_that_is_pasted_into_a_pipe_signs_in() {
    let server = tenant(None).await;
    let home = Home::new(&server);
    let mut child = home.start(&["signin", "--lab", "t", "--way", "paste"]);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if line.contains("/authorize?") {
            break url::Url::parse(&line).unwrap();
        }
    };
    let query = |name: &str| address.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    let pasted = format!("{}/?code={CANARY}&state={}\n", query("redirect_uri"), query("state"));
    child.stdin.take().unwrap().write_all(pasted.as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("signed in as admin@contoso.example"), "{said}");
    assert_eq!(server.asked_for("/contoso.example/oauth2/v2.0/token")[0].form()["code"], CANARY);
}

#[tokio::test]
async fn signing_out_of_a_lab_where_nobody_is_signed_in_is_fine_and_sends_nothing() {
    let server = tenant(None).await;
    let (exit, said) = Home::new(&server).run(&["signout", "--lab", "t"]).await;
    assert!(exit == 0 && said.contains("signed out"), "{exit} {said}");
    assert!(server.asked().is_empty());
}

const NEEDED: [&str; 6] = ["lab", "add", "mine", "--environment", "test", "--tenant"];

#[tokio::test]
async fn a_lab_is_added_shown_listed_and_removed() {
    let server = tenant(None).await;
    let home = Home::new(&server);
    let add = [&NEEDED[..], &["contoso.example", "--cloud", "china", "--way", "paste", "--variable", "user1_sam=User \"1\""]].concat();
    let (exit, said) = home.run(&add).await;
    assert!(exit == 0 && said.contains("guidepost signin --lab mine"), "{exit} {said}");
    let (exit, said) = home.run(&add).await;
    assert!(exit == 1 && said.contains("there is a lab `mine` already"), "{exit} {said}");
    let (_, said) = home.run(&["lab", "show", "mine"]).await;
    for shown in ["https://login.partner.microsoftonline.cn/", "a tenant may have disabled it", "paste", "User \"1\""] {
        assert!(said.contains(shown), "{shown}: {said}");
    }
    let (_, said) = home.run(&["lab", "list"]).await;
    assert!(
        said.contains("practice: built in") && said.contains("mine: test, tenant contoso.example") && said.contains("\nt: test"),
        "{said}"
    );
    let (exit, said) = home.run(&["lab", "remove", "mine"]).await;
    assert!(exit == 1 && said.contains("nothing was removed"), "{exit} {said}");
    let (exit, said) = home.run(&["lab", "remove", "mine", "--yes"]).await;
    assert!(exit == 0 && said.contains("its journal stays"), "{exit} {said}");
    let (exit, said) = home.run(&["lab", "show", "mine"]).await;
    assert!(exit == 64 && said.contains("there is no lab `mine`"), "{exit} {said}");
}

#[tokio::test]
async fn what_a_lab_needs_is_named_where_nobody_can_be_asked_and_a_wrong_value_writes_nothing() {
    let server = tenant(None).await;
    let home = Home::new(&server);
    for (args, says) in [
        (vec!["lab", "add", "mine", "--tenant", "x"], "`--environment` is missing"),
        (vec!["--no-input", "lab", "add", "mine", "--environment", "test"], "`--tenant` is missing"),
        (vec!["lab", "add", "../mine", "--tenant", "x", "--environment", "test"], "is no name for a lab"),
        (vec!["lab", "add", "practice", "--tenant", "x", "--environment", "test"], "is no name for a lab"),
        ([&NEEDED[..], &["x", "--variable", "novalue"]].concat(), "is no variable"),
        ([&NEEDED[..], &["x", "--graph", "not an address"]].concat(), "line"),
        (vec!["lab", "remove", "nowhere", "--yes"], "there is no lab `nowhere`"),
    ] {
        let (exit, said) = home.run(&args).await;
        assert!(exit == 64 && said.contains(says), "{args:?}: {exit} {said}");
    }
    assert!(!home.0.path().join("config/labs/mine.toml").exists());
}

#[tokio::test]
async fn a_lab_is_tested_without_a_sign_in_and_its_clock_is_shown() {
    let server = tenant(None).await;
    let (exit, said) = Home::new(&server).run(&["lab", "test", "t"]).await;
    assert!(said.contains("knows the tenant") && said.contains("answers within") && said.contains("nobody is signed in"), "{said}");
    assert!(said.contains("clock") && (said.contains("behind") || said.contains("ahead") || said.contains("agrees")), "{said}");
    assert!(exit != 0, "{said}");
    assert!(server.asked().iter().all(|asked| asked.method == "GET"), "nothing was begun");
}

fn resume_with(home: &Home, command: &str) {
    let path = home.0.path().join("config/labs/t.toml");
    let profile = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{profile}[secrets]\ncommand = [\"sh\", \"-c\", '{command}', \"sh\"]\n")).unwrap();
}

#[tokio::test]
async fn a_refresh_token_from_a_command_signs_in_without_a_person() {
    let server = tenant(None).await;
    let home = Home::new(&server);
    resume_with(&home, &format!("test \"$1\" = refresh-token && echo from-{CANARY}"));
    let (exit, said) = home.run(&["--no-input", "signin", "--lab", "t"]).await;
    assert!(exit == 0 && said.contains("signed in already as admin@contoso.example"), "{exit} {said}");
    assert_eq!(server.asked_for("/contoso.example/oauth2/v2.0/token")[0].form()["refresh_token"], format!("from-{CANARY}"));
}

#[tokio::test]
async fn a_command_that_fails_is_named_and_what_it_printed_is_not() {
    let server = tenant(None).await;
    let home = Home::new(&server);
    resume_with(&home, &format!("echo {CANARY}; echo {CANARY} >&2; exit 4"));
    let (exit, said) = home.run(&["--no-input", "signin", "--lab", "t"]).await;
    assert!(exit == 1 && said.contains("ended with exit status: 4") && said.contains("`refresh-token`"), "{exit} {said}");
}

#[tokio::test]
async fn a_refresh_token_can_be_handed_over_by_an_open_file() {
    let server = tenant(None).await;
    let home = Home::new(&server);
    let mut child = home.start(&["--no-input", "--secrets-fd", "0", "signin", "--lab", "t"]);
    child.stdin.take().unwrap().write_all(format!("{{\"refresh-token\": \"from-{CANARY}\"}}").as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.contains("signed in already as") && !said.contains(CANARY), "{said}");
    let (exit, said) = home.run(&["--secrets-fd", "0", "lab", "test", "t"]).await;
    assert!(exit == 64 && said.contains("is no JSON object"), "{exit} {said}");
}
