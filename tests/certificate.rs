//! App-only sign-in as the real program does it: against the practice tenant, and against a tenant that notes what it was sent.

// Elsewhere a keyring cannot be kept away from the program, and tests leave the person's own alone.
#![cfg(not(any(windows, target_os = "macos")))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests: helpers outside of test functions fail the test too")]
#![allow(clippy::disallowed_methods, clippy::allow_attributes, reason = "tests start the real program")]

#[path = "practice/lab.rs"]
mod lab;
#[path = "support/rude.rs"]
mod rude;

use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use lab::{LONG, Lab};
use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use rude::{Rude, json as reply};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    collections::HashMap,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, process::Command, time::timeout};
use x509_parser::prelude::{FromDer as _, X509Certificate};

const PASSWORD: &str = "canary-password-5";
const TOKEN: &str = "canary-app-token";
/// What the built-in guide reads.
const READS: [&str; 4] = ["Organization.Read.All", "Domain.Read.All", "User.Read.All", "RoleManagement.Read.Directory"];

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/certificates").join(name)).unwrap()
}

/// The certificate alone, as an administrator uploads it.
fn certificate(name: &str) -> pem::Pem {
    pem::parse_many(fixture(name)).unwrap().into_iter().find(|block| block.tag() == "CERTIFICATE").unwrap()
}

/// Guidepost's places, with a lab `t` that signs in by a certificate.
struct Home(TempDir);

/// What was printed, and the exit code.
struct Ran {
    code: i32,
    out: String,
    said: String,
}

impl Ran {
    #[track_caller]
    fn exits(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}", self.said);
        for word in words {
            assert!(self.said.contains(word), "no `{word}` in {}", self.said);
        }
        self
    }

    fn checks(&self) -> HashMap<String, Value> {
        let report: Value = serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.said));
        let steps = report["steps"].as_array().unwrap().iter();
        let checks = steps.flat_map(|step| step["checks"].as_array().unwrap());
        checks.map(|check| (check["id"].as_str().unwrap().to_owned(), check.clone())).collect()
    }
}

impl Home {
    fn new(file: &str, authority: &str, more: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        let labs = home.path("config/labs");
        std::fs::create_dir_all(&labs).unwrap();
        let own = labs.join(file);
        std::fs::write(&own, fixture(file)).unwrap();
        std::fs::set_permissions(&own, PermissionsExt::from_mode(0o600)).unwrap();
        let profile = format!(
            "format = 1\nenvironment = \"test\"\n[signin]\nauthority = \"{authority}\"\ntenant = \"contoso.onmicrosoft.com\"\n\
             client_id = \"9d47c2e5-6a83-4f10-b5d9-31e8a7f0c264\"\nway = \"certificate\"\ncertificate = \"{file}\"\n\
             [graph]\nbase = \"{authority}\"\n[variables]\ndomain = \"contoso.example\"\n{more}"
        );
        std::fs::write(labs.join("t.toml"), profile).unwrap();
        home
    }

    fn of(file: &str, lab: &Lab, more: &str) -> Self {
        Self::new(file, lab.text("authority"), &format!("[net]\nca_file = '{}'\n{more}", lab.text("ca_file")))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    async fn run_with(&self, args: &[&str], input: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guidepost"));
        command.arg("--config").arg(self.path("config")).args(args).env("XDG_STATE_HOME", self.path("state"));
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        // It may end without reading.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
        let output = timeout(LONG, child.wait_with_output()).await.unwrap().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        Ran { code: output.status.code().unwrap(), said: format!("{out}{err}"), out }
    }

    async fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "").await
    }

    async fn check(&self) -> Ran {
        self.run(&["check", "--lab", "t", "--format", "json"]).await
    }
}

/// A practice tenant whose application has this certificate and may read what the guide reads.
async fn tenant(registered: &str) -> Lab {
    let lab = Lab::start(&[]).await;
    lab.person("register-certificate", &[&pem::encode(&certificate(registered))]).await;
    for permission in READS {
        lab.person("grant-app", &[permission]).await;
    }
    lab
}

#[track_caller]
fn verdicts(checks: &HashMap<String, Value>, wanted: &[(&str, &str)]) {
    for (check, verdict) in wanted {
        assert_eq!(checks[*check]["verdict"], *verdict, "{check}: {}", checks[*check]);
    }
}

#[tokio::test]
async fn an_application_proves_the_guide_by_its_certificate_and_writes_nothing() {
    let lab = tenant("plain.pem").await;
    let home = Home::of("plain.pem", &lab, "");
    let ran = home.check().await.exits(1, &[]);
    let wanted =
        [("plan", "pass"), ("domain", "pass"), ("enabled", "pass"), ("recent", "pass"), ("user1", "pass"), ("role-active", "fail")];
    verdicts(&ran.checks(), &wanted);
    assert!(!home.path("state").exists(), "`check` writes nothing");
    home.run(&["lab", "test", "t"]).await.exits(0, &["signed in as the application 9d47c2e5", "certificate", "good until 20"]);
    home.run(&["signin", "--lab", "t"]).await.exits(0, &["signed in as the application 9d47c2e5", "by its certificate"]);
    home.run(&["doctor", "--lab", "t"]).await.exits(2, &["signed in as the application 9d47c2e5"]);
}

#[tokio::test]
async fn the_password_of_the_key_comes_from_a_command_or_an_open_file() {
    let lab = tenant("plain.pem").await;
    let given = format!("{{\"certificate-password\": \"{PASSWORD}\"}}");
    let home = Home::of("encrypted.pem", &lab, "");
    let ran = home.run_with(&["--secrets-fd", "0", "check", "--lab", "t", "--format", "json"], &given).await;
    verdicts(&ran.exits(1, &[]).checks(), &[("plan", "pass"), ("role-active", "fail")]);
    let command = format!("[secrets]\ncommand = [\"sh\", \"-c\", 'test \"$1\" = certificate-password && echo {PASSWORD}', \"sh\"]\n");
    let ran = Home::of("encrypted.pem", &lab, &command).check().await;
    verdicts(&ran.exits(1, &[]).checks(), &[("plan", "pass"), ("role-active", "fail")]);
}

#[tokio::test]
async fn a_key_that_cannot_be_opened_is_named_before_anything_is_sent() {
    let server = Rude::start(|_| reply(500, &json!({}))).await;
    let address = format!("http://{}", server.address);
    let wrong = "{\"certificate-password\": \"canary-wrong\"}";
    for (file, input, says, hint) in [
        ("encrypted.pem", wrong, "the password does not open its key", "certificate-password"),
        ("encrypted.pem", "{}", "its key is encrypted, and nobody gives its password", "guidepost signin"),
        ("mixed.pem", "{}", "its private key does not belong to its certificate", "from the same place"),
        ("elliptic.pem", "{}", "its key is no RSA key", "rsa:2048"),
        ("old.pem", "{}", "its key is encrypted in an old way", "openssl pkcs8 -topk8"),
        ("README.md", "{}", "there is no certificate in it", "openssl pkcs12"),
        ("ended.pem", "{}", "the certificate is good from 2020-01-01", "make a new certificate"),
    ] {
        let home = Home::new(file, &address, "");
        let ran = home.run_with(&["--secrets-fd", "0", "lab", "test", "t"], input).await;
        assert!(ran.code != 0 && ran.said.contains(says) && ran.said.contains(hint), "{file}: {} {}", ran.code, ran.said);
        assert!(!ran.said.contains("canary"), "{file}: {}", ran.said);
        let home = Home::new(file, &address, "");
        let ran = home.run_with(&["--secrets-fd", "0", "check", "--lab", "t", "--format", "json"], input).await.exits(2, &[]);
        let found = &ran.checks()["plan"];
        assert!(found["verdict"] == "unknown" && found["why"].as_str().unwrap().contains(says), "{file}: {found}");
    }
    assert!(server.asked().iter().all(|asked| asked.method == "GET"), "no proof was sent");
}

#[tokio::test]
async fn a_key_that_others_may_read_is_refused_unless_it_is_encrypted() {
    let server = Rude::start(|_| reply(500, &json!({}))).await;
    let address = format!("http://{}", server.address);
    for (file, refused) in [("plain.pem", true), ("encrypted.pem", false)] {
        let home = Home::new(file, &address, "");
        std::fs::set_permissions(home.path("config/labs").join(file), PermissionsExt::from_mode(0o644)).unwrap();
        let ran = home.run(&["lab", "test", "t"]).await;
        assert_eq!(ran.said.contains("other accounts of this machine may read it"), refused, "{}", ran.said);
        assert_eq!(ran.said.contains("chmod 600"), refused, "{}", ran.said);
    }
}

#[tokio::test]
async fn each_refusal_of_the_tenant_has_its_sentence_and_what_to_do() {
    let lab = Lab::start(&[]).await;
    let home = Home::of("plain.pem", &lab, "");
    let refused = async |says: &str, hint: &str| {
        let ran = home.check().await.exits(2, &[]);
        let found = &ran.checks()["plan"];
        assert_eq!(found["verdict"], "unknown", "{found}");
        assert!(found["why"].as_str().unwrap().contains(says) && found["hint"].as_str().unwrap().contains(hint), "{found}");
    };
    refused("the certificate is not registered at this application", "Certificates & secrets").await;
    lab.person("register-certificate", &[&pem::encode(&certificate("other.pem"))]).await;
    refused("the certificate is not registered at this application", "Certificates & secrets").await;
    lab.person("register-certificate", &[&pem::encode(&certificate("plain.pem"))]).await;
    lab.control("faults", &json!({"break": "clock-skewed"})).await;
    refused("the proof is not good at the sign-in service's time", "set this machine's clock").await;
    lab.control("faults", &json!({"heal": null})).await;
    let profile = home.path("config/labs/t.toml");
    let text = std::fs::read_to_string(&profile).unwrap();
    std::fs::write(&profile, text.replace("9d47c2e5", "00000000")).unwrap();
    refused("the tenant does not know this application", "check `client_id`").await;
    std::fs::write(&profile, text.replace("9d47c2e5-6a83-4f10-b5d9-31e8a7f0c264", lab.text("client_id"))).unwrap();
    refused("registered as one without a secret", "Certificates & secrets").await;
}

#[tokio::test]
async fn a_missing_application_permission_is_unknown_and_no_consent_of_a_person_is_asked_for() {
    let lab = tenant("plain.pem").await;
    lab.person("revoke-app", &["User.Read.All"]).await;
    let checks = Home::of("plain.pem", &lab, "").check().await.exits(1, &[]).checks();
    verdicts(&checks, &[("plan", "pass"), ("synced", "unknown"), ("role-active", "blocked")]);
    let (why, hint) = (checks["synced"]["why"].as_str().unwrap(), checks["synced"]["hint"].as_str().unwrap());
    assert!(why.contains("403") && hint.contains("application permission") && checks["synced"]["code"].is_null(), "{why} {hint}");
}

/// A guide with one check that Graph answers to persons only.
fn persons_guide(into: &Path) {
    let step = into.join("steps/read-sync");
    std::fs::create_dir_all(&step).unwrap();
    let pack = "format: 1\nid: persons\nversion: 1.0.0\nsource: {title: \"A guide\", dated: 2019-11-22}\nenvironment: test\nrights:\n  \
                graph: {read: [OnPremDirectorySynchronization.Read.All]}\nphases:\n  - {id: phase-1, title: \"One\", steps: [read-sync]}\n";
    std::fs::write(into.join("pack.yaml"), pack).unwrap();
    let logic = "id: read-sync\nkind: proof\nwhere: nowhere\nprobes:\n  sync: {graph: {get: /v1.0/directory/onPremisesSynchronization}}\nchecks:\n  \
                 threshold:\n    probe: sync\n    expect: [{path: /value, count: 1}]\n    fail: NO_SYNC\ndiagnose:\n  \
                 - {when: {probe: sync, error: 403}, code: READ_CONSENT_MISSING, verdict: unknown}\n";
    std::fs::write(step.join("step.yaml"), logic).unwrap();
    let words = "---\ntitle: Read it\nsummary: It is read.\n---\n\n## Why this step exists {#why}\n\nTo see.\n\n## What is checked {#checks}\n\n\
                 - It is there {#threshold}\n\n## Messages {#messages}\n\n### It is not there {#NO_SYNC}\n\nNo.\n\n- Look again.\n\n\
                 ### Nobody consented {#READ_CONSENT_MISSING}\n\nNo consent.\n\n- Consent.\n";
    std::fs::write(step.join("en.md"), words).unwrap();
}

#[tokio::test]
async fn what_graph_gives_to_persons_only_is_unknown_and_says_so_and_is_no_missing_consent() {
    let lab = tenant("plain.pem").await;
    let home = Home::of("plain.pem", &lab, "");
    let guide = home.path("persons");
    persons_guide(&guide);
    let check = ["check", guide.to_str().unwrap(), "--lab", "t", "--format", "json"];
    let found = home.run(&check).await.exits(2, &[]).checks()["threshold"].clone();
    assert_eq!((&found["verdict"], &found["code"]), (&json!("unknown"), &Value::Null), "{found}");
    assert!(found["why"].as_str().unwrap().ends_with("Graph denies this to apps"), "{found}");
    assert!(found["hint"].as_str().unwrap().starts_with("sign in as a person"), "{found}");
    let asked = lab.requests().await;
    assert!(!asked.to_string().contains("onPremisesSynchronization"), "what is denied is not even asked");
}

#[tokio::test]
async fn a_change_is_a_persons_and_no_person_can_sign_in_for_an_application() {
    let lab = tenant("plain.pem").await;
    let home = Home::of("plain.pem", &lab, "");
    let step = ["--lab", "t", "--step", "global-administrator"];
    for args in [&["plan"][..], &["apply", "--yes"], &["undo", "--yes"]] {
        let ran = home.run(&[args, &step].concat()).await;
        ran.exits(1, &["this lab signs in as an application, and a change is a person's", "sign in as a person"]);
    }
    home.run(&["signin", "--lab", "t", "--way", "paste"]).await.exits(1, &["sign in as a person"]);
    assert!(!home.path("state").exists(), "nothing was written");
    let asked = lab.requests().await;
    assert!(!asked.to_string().contains("oauth2"), "and nobody was signed in for it: {asked}");
}

#[tokio::test]
async fn a_lab_with_a_certificate_is_added_and_shown() {
    let server = Rude::start(|_| reply(500, &json!({}))).await;
    let home = Home::new("plain.pem", &format!("http://{}", server.address), "");
    let file = home.path("config/labs/plain.pem");
    let add = ["lab", "add", "mine", "--environment", "test", "--tenant", "contoso.example", "--way", "certificate"];
    home.run(&add).await.exits(64, &["`--certificate` is missing"]);
    let add = [&add[..], &["--certificate", file.to_str().unwrap()]].concat();
    home.run(&add).await.exits(64, &["`--client-id` is missing"]);
    home.run(&[&add[..], &["--client-id", "app"]].concat()).await.exits(0, &["wrote"]);
    home.run(&["lab", "show", "mine"]).await.exits(0, &["certificate", file.to_str().unwrap(), "reads and changes nothing"]);
    let add = ["lab", "add", "other", "--environment", "test", "--tenant", "x", "--client-id", "app", "--certificate", "x.pem"];
    home.run(&add).await.exits(64, &["`way` is not `certificate`"]);
}

/// Everything that is in the directory, and what was printed.
fn written(below: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(below) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { written(&path) } else { vec![(path.clone(), std::fs::read(&path).unwrap())] }).collect()
}

#[tokio::test]
async fn the_proof_is_what_entra_wants_and_key_password_proof_and_token_are_written_nowhere() {
    let tokens = json!({"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN, "refresh_token": "canary-refresh"});
    let server = Rude::start(move |asked| {
        let empty = json!({"value": []});
        if asked.path().ends_with("/token") {
            reply(200, &tokens)
        } else {
            reply(200, &empty).with("date", "Sun, 22 Nov 2026 12:00:00 GMT")
        }
    })
    .await;
    let address = format!("http://{}", server.address);
    let home = Home::new("encrypted.pem", &address, "");
    let given = format!("{{\"certificate-password\": \"{PASSWORD}\"}}");
    let mut said = String::new();
    for args in [&["check"][..], &["lab", "test", "t"], &["doctor"], &["signin"], &["apply", "--step", "sync"]] {
        let named: &[&str] = if args[0] == "lab" { &[] } else { &["--lab", "t"] };
        said.push_str(&home.run_with(&[&["-vv", "--secrets-fd", "0"], args, named].concat(), &given).await.said);
    }
    let sent: Vec<_> = server.asked().into_iter().filter(|asked| asked.path().ends_with("/token")).collect();
    assert!(sent.len() >= 4, "each command signs in for itself: {}", sent.len());
    assert!(server.asked().iter().any(|asked| asked.header("authorization") == format!("Bearer {TOKEN}")));
    let proofs: Vec<String> = sent.iter().map(|asked| asked.form()["client_assertion"].clone()).collect();
    let form = sent[0].form();
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    assert_eq!((field("grant_type"), field("scope")), ("client_credentials", format!("{address}/.default").as_str()));
    assert_eq!(field("client_assertion_type"), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let mut ids: Vec<String> =
        proofs.iter().map(|proof| proved(proof, &format!("{address}/contoso.onmicrosoft.com/oauth2/v2.0/token"))).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), proofs.len(), "no proof is used twice");

    let (key, plain) = (pem::parse_many(fixture("encrypted.pem")).unwrap(), pem::parse_many(fixture("plain.pem")).unwrap());
    let mut canaries = vec![TOKEN.to_owned(), PASSWORD.to_owned(), "canary-refresh".to_owned()];
    canaries.extend(proofs.iter().map(|proof| proof.rsplit('.').next().unwrap().to_owned()));
    canaries.extend([key, plain].iter().map(|blocks| STANDARD.encode(&blocks[1].contents()[96..141])));
    let mut all = written(&home.path("state"));
    all.extend(written(&home.path("config")).into_iter().filter(|(path, _)| path.extension().is_none_or(|kind| kind != "pem")));
    assert!(!all.is_empty() && said.len() > 1000, "there is something to look through");
    all.push(("what was printed".into(), said.into_bytes()));
    for (path, bytes) in &all {
        let text = String::from_utf8_lossy(bytes);
        for canary in &canaries {
            assert!(!text.contains(canary.as_str()), "{canary} in {}: {text}", path.display());
        }
    }
}

/// Checks a proof as Entra's page on certificate credentials describes it; its `jti`.
fn proved(proof: &str, audience: &str) -> String {
    let (text, signature) = proof.rsplit_once('.').unwrap();
    let (header, claims) = text.split_once('.').unwrap();
    let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let value = |part: &str| serde_json::from_slice::<Value>(&bytes(part)).unwrap();
    let (header, claims) = (value(header), value(claims));
    let der = certificate("plain.pem").into_contents();
    assert_eq!(header, json!({"alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode(Sha256::digest(&der))}));
    let (_, parsed) = X509Certificate::from_der(&der).unwrap();
    let key = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, &*parsed.public_key().subject_public_key.data);
    key.verify(text.as_bytes(), &bytes(signature)).unwrap();
    let app = json!("9d47c2e5-6a83-4f10-b5d9-31e8a7f0c264");
    assert_eq!((&claims["iss"], &claims["sub"], &claims["aud"]), (&app, &app, &json!(audience)));
    let at = |name: &str| claims[name].as_i64().unwrap();
    assert!(at("exp") - at("nbf") <= 600 && at("nbf") < at("iat") && at("iat") < at("exp"), "{claims}");
    claims["jti"].as_str().unwrap().to_owned()
}
