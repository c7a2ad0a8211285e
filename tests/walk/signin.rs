//! Signing in to a lab by keys alone, in each way; and each end that is none: cancelled, expired, refused. Each is a screen with a way out.

use crate::{
    house::{House, wait_for},
    pty::Pty,
};
use serde_json::{Value, json};
use std::{fs, net::TcpStream, os::unix::fs::PermissionsExt as _, time::Duration};
use tokio::runtime::Runtime;
use url::Url;

/// A configured lab in which nobody is signed in; behind it stands a practice lab. And a person with a browser of their own.
struct Tenant {
    house: House,
    endpoint: Value,
    http: reqwest::Client,
    runtime: Runtime,
}

impl Tenant {
    #[expect(clippy::zombie_processes, reason = "dropping the house ends it")]
    fn new(way: &str) -> Self {
        let house = House::new();
        let world = house.kept().join("world").display().to_string();
        house.command(&["practice", "--state", &world]).stdout(std::process::Stdio::null()).spawn().unwrap();
        wait_for("the lab to be ready", || house.endpoint().is_some());
        let endpoint = house.endpoint().unwrap();
        guidepost::base::http::install_tls_provider();
        let ca = reqwest::Certificate::from_pem(&fs::read(endpoint["ca_file"].as_str().unwrap()).unwrap()).unwrap();
        let http = reqwest::Client::builder().tls_certs_only([ca]).no_proxy().redirect(reqwest::redirect::Policy::none());
        let http = http.timeout(Duration::from_secs(30)).build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let tenant = Self { house, endpoint, http, runtime };
        tenant.configure(way);
        tenant
    }

    fn text(&self, key: &str) -> &str {
        self.endpoint[key].as_str().unwrap()
    }

    fn configure(&self, way: &str) {
        let [authority, tenant, client, ca] = ["authority", "tenant_id", "client_id", "ca_file"].map(|key| self.text(key));
        let labs = self.house.path("config/guidepost/labs");
        fs::create_dir_all(&labs).unwrap();
        let profile = format!(
            "format = 1\nenvironment = \"test\"\n[signin]\nauthority = \"{authority}\"\ntenant = \"{tenant}\"\nclient_id = \"{client}\"\n\
             way = \"{way}\"\n[graph]\nbase = \"{authority}\"\n[net]\nca_file = \"{ca}\"\n[variables]\ndomain = \"contoso.example\"\n"
        );
        fs::write(labs.join("mine.toml"), profile).unwrap();
        // What `open` starts on Linux first; this one only remembers the address.
        let bin = self.house.path("bin");
        fs::create_dir_all(&bin).unwrap();
        let launcher = format!("#!/bin/sh\nprintf '%s\\n' \"$1\" >> '{}'\n", self.opened_path().display());
        fs::write(bin.join("xdg-open"), launcher).unwrap();
        fs::set_permissions(bin.join("xdg-open"), fs::Permissions::from_mode(0o700)).unwrap();
    }

    fn opened_path(&self) -> std::path::PathBuf {
        self.house.path("opened")
    }

    /// Walks, with nobody signed in.
    fn walk(&self, columns: u16, rows: u16) -> Pty {
        let path = format!("{}:{}", self.house.path("bin").display(), std::env::var("PATH").unwrap());
        // The keyring of whoever runs the tests is left alone.
        let env = [("PATH", path.as_str()), ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")];
        let mut pty = self.house.walk_with(columns, rows, &["walk", "--lab", "mine"], &env);
        pty.sees("signed out");
        pty
    }

    fn post(&self, address: &str, body: &Value) {
        let reply = self.runtime.block_on(async { self.http.post(address).json(body).send().await.unwrap() });
        assert_eq!(reply.status(), 200, "{address} {body}");
    }

    fn control(&self, what: &str, body: &Value) {
        self.post(&format!("{}/{what}", self.text("control")), body);
    }

    fn approve(&self, user_code: &str) {
        self.post(&format!("{}/practice/approve", self.text("authority")), &json!({"user_code": user_code}));
    }

    /// Opens the address and signs in as the administrator, who consented before; or cancels. Where the browser is sent at the end.
    fn browses(&self, address: &str, button: &str) -> Url {
        let password = self.endpoint["admin"]["password"].as_str().unwrap();
        let account = self.endpoint["admin"]["upn"].as_str().unwrap();
        self.runtime.block_on(async {
            let page = self.http.get(address).send().await.unwrap().text().await.unwrap();
            let (flow, csrf) = (field(&page, "flow"), field(&page, "csrf"));
            let form = [("account", account), ("password", password), ("act", button), ("flow", &flow), ("csrf", &csrf)];
            let to = format!("{}/{}/login", self.text("authority"), self.text("tenant_id"));
            let reply = self.http.post(to).form(&form).send().await.unwrap();
            reply.headers().get("location").expect("it goes back").to_str().unwrap().parse().unwrap()
        })
    }

    /// The browser goes where it was sent, and shows this.
    fn lands(&self, at: &Url) -> String {
        self.runtime.block_on(async { self.http.get(at.clone()).send().await.unwrap().text().await.unwrap() })
    }
}

fn field(page: &str, name: &str) -> String {
    page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// The lines inside the box.
fn inside(pty: &Pty) -> Vec<String> {
    let text = pty.text();
    let top = text.lines().find(|line| line.contains('┌')).expect("a box");
    let edge = |corner| top.chars().position(|c| c == corner).unwrap();
    let (left, right) = (edge('┌'), edge('┐'));
    let rows = text.lines().skip_while(|line| line.chars().nth(left) != Some('┌')).skip(1);
    let rows = rows.take_while(|line| line.chars().nth(left) == Some('│'));
    rows.map(|line| line.chars().skip(left + 2).take(right - left - 3).collect::<String>().trim_end().to_owned()).collect()
}

/// The address that the box shows over several lines, put together as a person would copy it.
fn address(pty: &Pty) -> String {
    let lines = inside(pty).into_iter();
    lines.skip_while(|line| !line.starts_with("https://")).take_while(|line| !line.is_empty()).collect()
}

fn user_code(pty: &Pty) -> String {
    let lines = inside(pty);
    let at = lines.iter().position(|line| line.contains("Enter this code there")).expect("a code");
    lines[at + 2].split_whitespace().next().unwrap().to_owned()
}

/// The box is gone, and what was asked shows that somebody is signed in.
#[track_caller]
fn is_signed_in(pty: &mut Pty) {
    pty.until("the box to close", |pty| !pty.text().contains('┌'));
    pty.sees("✓ pass");
    pty.types("q");
    assert_eq!(pty.ends(), 0);
    pty.is_given_back();
}

/// The box says why, and which keys work.
#[track_caller]
fn ended(pty: &mut Pty, words: &[&str], keys: &str) {
    pty.sees("The sign-in ended");
    let said = inside(pty).join(" ");
    for word in words {
        assert!(said.contains(word), "no `{word}` in {said}");
    }
    assert!(pty.text().contains(keys), "no `{keys}`:\n{}", pty.text());
}

#[test]
fn a_code_counts_down_beside_its_picture_until_it_is_approved() {
    let tenant = Tenant::new("device");
    let mut pty = tenant.walk(120, 40);
    pty.types("s");
    pty.sees("Enter this code there");
    assert!(pty.text().contains("█▀▀▀▀▀█"), "a QR code's corner:\n{}", pty.text());
    assert!(address(&pty).starts_with(tenant.text("authority")), "{}", address(&pty));
    pty.until("the countdown to move", |pty| pty.text().contains("the code is good for 14:"));
    tenant.approve(&user_code(&pty));
    is_signed_in(&mut pty);
}

#[test]
fn a_browser_is_opened_at_the_address_that_the_box_shows_and_the_box_closes_when_it_came_back() {
    let tenant = Tenant::new("browser");
    let mut pty = tenant.walk(120, 40);
    pty.types("s");
    pty.sees("The sign-in page opens in your browser");
    wait_for("the browser to be opened", || tenant.opened_path().exists());
    let opened = || fs::read_to_string(tenant.opened_path()).unwrap();
    wait_for("the whole address", || opened().ends_with('\n'));
    assert_eq!(opened().trim_end(), address(&pty));
    // Whoever says no hears what that means, and may begin again.
    let back = tenant.browses(&address(&pty), "cancel");
    assert!(tenant.lands(&back).contains("Guidepost"));
    ended(&mut pty, &["sign-in was refused", "access_denied", "accept in the browser"], "enter start again");
    pty.types("\r");
    pty.sees("The sign-in page opens in your browser");
    let back = tenant.browses(&address(&pty), "next");
    assert!(tenant.lands(&back).contains("close this tab"));
    is_signed_in(&mut pty);
}

#[test]
fn what_is_pasted_is_masked_judged_and_can_be_pasted_again() {
    let tenant = Tenant::new("paste");
    let mut pty = tenant.walk(120, 40);
    pty.types("s");
    pty.sees("Paste it here, then Enter");
    assert!(!tenant.opened_path().exists(), "no browser is opened here");
    pty.types("canary");
    pty.sees("••••••");
    pty.types("\r");
    pty.sees("that is no address");
    let back = tenant.browses(&address(&pty), "next");
    let state = back.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let other = back.as_str().replace(&state, "other");
    pty.types(format!("\x1b[200~{other}\x1b[201~"));
    pty.sees("characters");
    pty.types("\r");
    pty.sees("that is the answer to another sign-in");
    pty.types(format!("\x1b[200~{}\x1b[201~\r", &back));
    is_signed_in(&mut pty);
    let written = String::from_utf8_lossy(&pty.written).into_owned();
    assert!(!written.contains("canary") && !written.contains(&code), "what is pasted is never on the screen");
}

#[test]
fn tab_goes_through_the_ways_and_esc_leaves_no_port_open() {
    for (columns, rows) in [(120, 40), (80, 24)] {
        let tenant = Tenant::new("device");
        let mut pty = tenant.walk(columns, rows);
        pty.types("s");
        for (title, next) in [
            ("Sign in by a code", "tab sign in in the browser instead"),
            ("Sign in in the browser", "tab sign in by pasting instead"),
            ("Sign in by pasting", "tab sign in by a code instead"),
        ] {
            pty.sees(title);
            for key in ["esc cancel the sign-in", next] {
                assert!(pty.text().contains(key), "no `{key}`:\n{}", pty.text());
            }
            if title != "Sign in by pasting" {
                pty.types("\t");
            }
        }
        let address: Url = address(&pty).parse().unwrap();
        let port = address.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.rsplit(':').next().unwrap().parse().unwrap();
        let open = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        assert!(open(), "the address leads to a port of ours");
        pty.types("\x1b");
        pty.sees("the sign-in was cancelled");
        assert!(pty.text().contains("signed out") && pty.text().contains("s sign in"), "the way back is on the screen:\n{}", pty.text());
        wait_for("the port to be closed", || !open());
        pty.types("s");
        pty.sees("Sign in by a code");
        pty.types("\x1b");
        pty.sees("the sign-in was cancelled");
        pty.types("q");
        assert_eq!(pty.ends(), 0);
        pty.is_given_back();
    }
}

#[test]
fn a_code_that_expires_while_the_box_is_open_says_so_and_a_new_one_is_one_key_away() {
    let tenant = Tenant::new("device");
    let mut pty = tenant.walk(80, 24);
    pty.types("s");
    pty.sees("Enter this code there");
    let old = user_code(&pty);
    tenant.control("clock", &json!({"advance": "30m"}));
    ended(&mut pty, &["the code was not entered in time", "sign in again with a new code"], "enter start again");
    pty.types("\r");
    pty.sees("Enter this code there");
    let new = user_code(&pty);
    assert_ne!(old, new);
    tenant.approve(&new);
    is_signed_in(&mut pty);
}

#[test]
fn a_policy_against_codes_is_named_with_the_ways_that_are_left() {
    let tenant = Tenant::new("device");
    tenant.control("faults", &json!({"break": "device-code-blocked"}));
    let mut pty = tenant.walk(80, 24);
    pty.types("s");
    pty.sees("Enter this code there");
    tenant.approve(&user_code(&pty));
    let words = ["a Conditional Access policy blocks this sign-in", "AADSTS53003", "`browser` or `paste`"];
    ended(&mut pty, &words, "tab sign in in the browser instead");
    // Away from it.
    pty.types("\x1b");
    pty.sees("nobody is signed in");
    assert!(pty.text().contains("s sign in"), "{}", pty.text());
    // Or on, in another way.
    pty.types("s");
    pty.sees("Enter this code there");
    pty.types("\t");
    pty.sees("The sign-in page opens in your browser");
    let back = tenant.browses(&address(&pty), "next");
    tenant.lands(&back);
    is_signed_in(&mut pty);
}
