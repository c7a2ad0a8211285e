//! Every reviewed script through the real client, Azure's run command and back: what the practice lab answers is what the client takes, and what the
//! domain controller says over LDAP too. No test waits: the client's pauses let time pass in the lab.

use crate::lab::{Lab, client};
use async_trait::async_trait;
use futures_util::future::BoxFuture;
use guidepost::{
    base::{
        Secret,
        clock::SystemClock,
        http::{BoundToken, Http, HttpSettings, WireLog},
    },
    rights::{Acl, Descriptor},
    services::{
        azure::{Azure, MachineId, Tokens},
        directory::{DESCRIPTOR, Dc1, Directory, DirectoryError, Ldap, LdapSettings, Limits, Login, Scope, Search, SignOn, dc1},
        entra::{Pause, SignInError},
        host::{
            app1::{self, App1, Events, Held, Since},
            azure::{AzureHost, AzureHosts},
            script::{Host, HostError, Script},
        },
    },
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use url::Url;

struct Given(BoundToken);

#[async_trait]
impl Tokens for Given {
    async fn token(&self) -> Result<BoundToken, SignInError> {
        Ok(self.0.clone())
    }

    async fn instead_of(&self, _token: &BoundToken) -> Result<BoundToken, SignInError> {
        self.token().await
    }
}

/// A pause lets as much time pass in the lab as it would have taken.
struct LabTime {
    http: reqwest::Client,
    clock: String,
}

impl Pause for LabTime {
    fn pause(&self, time: Duration) -> BoxFuture<'static, ()> {
        let advance = json!({"advance": format!("{}s", time.as_secs().max(1))});
        let request = self.http.post(&self.clock).json(&advance);
        Box::pin(async move {
            request.send().await.unwrap();
        })
    }
}

impl Lab {
    async fn azure(&self) -> Azure {
        let base: Url = self.text("azure").parse().unwrap();
        let settings = HttpSettings { ca_file: Some(self.text("ca_file").into()), ..HttpSettings::default() };
        let http = Http::new(settings, WireLog::default()).unwrap();
        let token = BoundToken::new(Secret::new(self.azure_token().await), &base);
        let pause =
            LabTime { http: client(&std::fs::read(self.text("ca_file")).unwrap()), clock: format!("{}/clock", self.text("control")) };
        Azure::new(http, Arc::new(Given(token)), base, Arc::new(SystemClock)).with_pause(Arc::new(pause))
    }

    async fn host(&self, name: &str) -> Arc<AzureHost> {
        let subscription = self.text("subscription_id").to_owned();
        let machine = MachineId { subscription, group: "TLG-RG".into(), name: name.into() };
        Arc::new(AzureHosts::new(self.azure().await).host(machine, Some("westeurope"), None))
    }

    async fn app1(&self) -> App1 {
        App1::new(self.host("APP1").await)
    }

    fn domain(&self, key: &str) -> String {
        self.ready["domain"][key].as_str().unwrap().to_owned()
    }

    fn ldap(&self) -> Ldap {
        let login = Login::Password { name: self.domain("bind_dn"), password: Secret::new(self.domain("password")) };
        let settings = LdapSettings {
            url: self.text("ldaps").to_owned(),
            login,
            ca_file: Some(self.text("ca_file").into()),
            limits: Limits::default(),
        };
        Ldap::new(settings).unwrap()
    }

    async fn breaks(&self, code: &str) {
        assert_eq!(self.control("faults", &json!({"break": code})).await.0, 200, "{code}");
    }

    async fn heals(&self, code: &str) {
        assert_eq!(self.control("faults", &json!({"heal": code})).await.0, 200, "{code}");
    }
}

fn ids(events: &Events) -> Vec<u32> {
    events.events.iter().map(|event| event.id).collect()
}

fn said(error: &HostError) -> String {
    match error {
        HostError::Said { said, .. } => said.clone(),
        other => panic!("{other}"),
    }
}

/// A script as it is asked, without the client that knows what it means.
async fn raw(host: &AzureHost, script: &Script, values: Value) -> Value {
    let request = json!({"format": 1, "script": script.name, "from": 0, "room": 4000, "values": values});
    host.run(script, request, None).await.unwrap()
}

#[tokio::test]
async fn what_app1s_scripts_answer_is_what_an_express_installation_leaves() {
    let lab = Lab::start(&[]).await;
    let app1 = lab.app1().await;
    let service = app1.service().await.unwrap();
    assert_eq!((service.service.as_deref(), service.version.as_deref()), (Some("Running"), Some("2.6.84.0")));
    let scheduler = app1.scheduler().await.unwrap();
    assert_eq!((scheduler.enabled, scheduler.suspended, scheduler.staging, scheduler.running), (true, false, false, false));
    assert_eq!(scheduler.interval, Some(1_800));
    let ahead = scheduler.next.unwrap().duration_since(scheduler.time);
    assert!(ahead > SignedDuration::ZERO && ahead <= SignedDuration::from_mins(30), "{ahead}");

    let connectors = app1.connectors().await.unwrap();
    let names: Vec<&str> = connectors.connectors.iter().map(|one| one.name.as_str()).collect();
    assert_eq!((names, connectors.why), (vec!["contoso.onmicrosoft.com - AAD", "testlab.contoso.example"], None));
    let account = &connectors.accounts.unwrap()[0];
    let name = account.name.as_deref().unwrap();
    let there = lab.ldap().search(Search::below(lab.domain("dn"), format!("(sAMAccountName={name})"), &["objectSid"])).await.unwrap();
    assert_eq!(there.len(), 1, "the account that it works by is in the domain");

    let writeback = app1.writeback().await.unwrap();
    assert_eq!((writeback.connector.as_str(), writeback.answered, writeback.enabled), ("contoso.onmicrosoft.com - AAD", true, Some(false)));
    let hash_sync = app1.hash_sync().await.unwrap();
    assert_eq!((hash_sync.answered, hash_sync.sources[0].enabled), (true, Some(true)));
    let tls = app1.tls().await.unwrap();
    assert!(tls.framework.iter().all(|one| (one.system_default, one.strong_crypto) == (Some(1), Some(1))));
    assert!(tls.schannel.iter().all(|one| (one.enabled, one.disabled_by_default) == (Some(1), Some(0))));
    assert!(app1.memory().await.unwrap().bytes > 6 << 30);
    assert_eq!(app1.rsat().await.unwrap().installed, Some(true));
    let clock = app1.clock().await.unwrap();
    let root = lab.ldap().root().await.unwrap();
    assert_eq!(Some(clock.host), root.host);
    assert!(root.time.duration_since(clock.before).abs() < SignedDuration::from_mins(2), "{} {}", clock.before, root.time);
}

#[tokio::test]
async fn writeback_is_switched_by_the_script_and_the_log_tells_it_with_heartbeats_since() {
    let lab = Lab::start(&[]).await;
    let app1 = lab.app1().await;
    let before = app1.events(Since::Mark(Timestamp::UNIX_EPOCH), 50).await.unwrap();
    assert_eq!((before.absent.as_slice(), before.events.len()), (&["PasswordResetService".to_owned()][..], 0));
    let switched = app1.set_writeback(true, Duration::from_mins(1)).await.unwrap();
    assert_eq!((switched.ended, switched.enabled), (true, Some(true)));
    assert_eq!(app1.writeback().await.unwrap().enabled, Some(true));
    lab.clock("20m").await;
    let events = app1.events(Since::Mark(before.time), 50).await.unwrap();
    assert_eq!(ids(&events), [31019, 31015, 31005, 31018, 31004], "newest first, and of the heartbeats the newest only");
    assert!(events.events[0].text.contains("ServiceBusHeartBeat"), "{events:?}");
    assert_eq!((events.absent.len(), events.more), (0, false));
    let age = events.time.duration_since(events.events[0].time);
    assert!(age < SignedDuration::from_mins(5), "{age}");
    let (beat, last) = (events.events[0].record, events.events[1].record);
    assert!(beat >= last + 4, "four heartbeats and more in twenty minutes: {beat} {last}");

    // Both ways to say since when, and a limit that cuts.
    let newest = app1.events(Since::Within(Duration::from_mins(6)), 50).await.unwrap();
    assert_eq!(ids(&newest), [31019]);
    let cut = app1.events(Since::Within(Duration::from_hours(24)), 2).await.unwrap();
    assert_eq!((ids(&cut), cut.more), (vec![31019, 31015], true));
}

#[tokio::test]
async fn a_large_answer_comes_part_by_part_through_what_azure_brings_back() {
    let lab = Lab::start(&[]).await;
    lab.person("hire", &["300"]).await;
    let (ldap, scripts) = (lab.ldap(), Dc1::new(lab.host("DC1").await));
    let search = Search::below(format!("OU=Crowd,{}", lab.domain("dn")), "(objectClass=user)", &["objectGUID", "objectSid"]);
    let found = scripts.search(search.clone()).await.unwrap();
    assert_eq!((found.len(), &found), (300, &ldap.search(search).await.unwrap()));
    let requests = lab.requests().await;
    let runs = requests["requests"].as_array().unwrap().iter().filter(|one| one["path"].as_str().unwrap().ends_with("/runCommand"));
    // 300 random identifiers of 16 bytes cannot be packed into one answer of 4 kB.
    assert!(runs.count() > 1);
}

#[tokio::test]
async fn each_fault_of_entra_connect_shows_in_the_scripts_that_look_for_it_and_heals() {
    let lab = Lab::start(&[]).await;
    let app1 = lab.app1().await;
    lab.person("tick-feature", &["Password writeback"]).await;
    let start = app1.service().await.unwrap().time;

    lab.breaks("writeback-off").await;
    assert_eq!(app1.writeback().await.unwrap().enabled, Some(false));
    assert_eq!(ids(&app1.events(Since::Mark(start), 50).await.unwrap())[..3], [31016, 31013, 31012]);
    lab.heals("writeback-off").await;
    assert_eq!(app1.writeback().await.unwrap().enabled, Some(true));

    lab.breaks("hash-sync-off").await;
    assert_eq!(app1.hash_sync().await.unwrap().sources[0].enabled, Some(false));
    lab.heals("hash-sync-off").await;
    assert_eq!(app1.hash_sync().await.unwrap().sources[0].enabled, Some(true));

    for (code, held) in [("wizard-open", Held::Suspended), ("staging-mode", Held::Staging)] {
        lab.breaks(code).await;
        let scheduler = app1.scheduler().await.unwrap();
        assert_eq!((scheduler.suspended, scheduler.staging), (held == Held::Suspended, held == Held::Staging));
        let started = app1.sync_delta().await.unwrap();
        assert_eq!((started.started, started.why), (false, Some(held)));
        lab.heals(code).await;
    }

    lab.breaks("service-stopped").await;
    assert_eq!(app1.service().await.unwrap().service.as_deref(), Some("Stopped"));
    assert!(said(&app1.scheduler().await.unwrap_err()).contains("no endpoint listening"));
    assert!(said(&app1.sync_delta().await.unwrap_err()).contains("no endpoint listening"));
    lab.heals("service-stopped").await;

    lab.breaks("connect-clock").await;
    let clock = app1.clock().await.unwrap();
    let domain = lab.ldap().root().await.unwrap().time;
    let ahead = clock.before.duration_since(domain).as_secs();
    assert!((11 * 60..=13 * 60).contains(&ahead), "{ahead}");
    lab.heals("connect-clock").await;
    let clock = app1.clock().await.unwrap();
    assert!(clock.before.duration_since(lab.ldap().root().await.unwrap().time).as_secs().abs() < 60);

    lab.breaks("vm-stopped").await;
    assert!(matches!(app1.service().await.unwrap_err(), HostError::Off { .. }));
}

#[tokio::test]
async fn a_cycle_that_the_script_starts_brings_a_user_of_the_domain_unless_users_are_not_synchronised() {
    let lab = Lab::start(&[]).await;
    let (app1, token) = (lab.app1().await, lab.admin().await);
    let path = "/v1.0/users?$filter=startswith(userPrincipalName,'crowd')&$count=true";
    let synced = |sam: &str| format!("/v1.0/users?$filter=onPremisesSamAccountName eq '{sam}'&$count=true");
    lab.person("leave-out", &["User1"]).await;
    let started = app1.sync_delta().await.unwrap();
    assert_eq!((started.started, started.why), (true, None));
    lab.clock("10s").await;
    let found = |body: &Value| body["value"].as_array().unwrap().len();
    assert_eq!(found(&lab.eventual(&token, &synced("User1")).await.1), 0);
    lab.person("take-in", &["User1"]).await;
    // Users in OU=Crowd stay where they are.
    lab.person("hire", &["2"]).await;
    lab.breaks("user-not-synced").await;
    assert!(app1.sync_delta().await.unwrap().started);
    lab.clock("10s").await;
    assert_eq!(found(&lab.eventual(&token, &synced("User1")).await.1), 1, "an administrator of the domain is no ordinary user");
    assert_eq!(found(&lab.eventual(&token, path).await.1), 0);
}

#[tokio::test]
async fn the_domain_controllers_scripts_say_what_ldap_says() {
    let lab = Lab::start(&[]).await;
    lab.person("hire", &["40"]).await;
    let (ldap, scripts) = (lab.ldap(), Dc1::new(lab.host("DC1").await));
    let (one, other) = (ldap.root().await.unwrap(), scripts.root().await.unwrap());
    assert_eq!(
        (&one.naming_context, &one.root_domain, &one.host, &one.controls),
        (&other.naming_context, &other.root_domain, &other.host, &other.controls)
    );
    let base = lab.domain("dn");
    for (scope, base, filter, attributes) in [
        (Scope::Base, base.clone(), "(objectClass=*)", vec!["minPwdAge", "objectSid", DESCRIPTOR]),
        (Scope::One, format!("CN=Users,{base}"), "(&(objectClass=user)(!(cn=Guest)))", vec!["objectSid", "sAMAccountName", DESCRIPTOR]),
        (Scope::Sub, base.clone(), "(|(cn=crowd0*)(sAMAccountName=user1))", vec!["objectGUID", "cn", "memberOf"]),
        (Scope::Sub, base.clone(), "(sAMAccountName=nobody)", vec!["cn"]),
    ] {
        let search = Search { scope, ..Search::below(base, filter, &attributes) };
        assert_eq!(ldap.search(search.clone()).await.unwrap(), scripts.search(search).await.unwrap(), "{filter}");
    }
    let missing = Search::object(format!("CN=Nobody,{base}"), &["cn"]);
    let code = |error: DirectoryError| match error {
        DirectoryError::Refused { code, .. } => code,
        other => panic!("{other}"),
    };
    assert_eq!(code(ldap.search(missing.clone()).await.unwrap_err()), code(scripts.search(missing).await.unwrap_err()));
    let broken = Search::below(base, "(broken", &["cn"]);
    assert!(scripts.search(broken).await.unwrap_err().to_string().contains("filter"));
}

#[tokio::test]
async fn a_dacl_is_written_by_script_only_over_the_one_that_the_plan_saw() {
    let lab = Lab::start(&[]).await;
    let (ldap, scripts) = (lab.ldap(), Dc1::new(lab.host("DC1").await));
    let dn = format!("CN=Users,{}", lab.domain("dn"));
    let read = async || ldap.search(Search::object(dn.clone(), &[DESCRIPTOR])).await.unwrap()[0].attributes[DESCRIPTOR][0].clone();
    let before = read().await;
    let mut wanted = Descriptor::read(&before).unwrap();
    let aces = &mut wanted.dacl.get_or_insert_with(Acl::default).aces;
    let first = aces.iter().position(|ace| !ace.is_inherited()).unwrap();
    aces.remove(first);
    let wanted = wanted.write();
    scripts.replace_dacl(&dn, &before, &wanted).await.unwrap();
    assert_eq!(read().await, wanted);
    assert!(matches!(scripts.replace_dacl(&dn, &before, &before).await.unwrap_err(), DirectoryError::Changed { .. }));
    assert_eq!(read().await, wanted);
    scripts.write_dacl(&dn, &before).await.unwrap();
    assert_eq!(read().await, before);
}

#[tokio::test]
async fn a_password_is_tried_by_script_as_over_ldap_and_never_seen_in_azure() {
    let lab = Lab::start(&[]).await;
    let scripts = Dc1::new(lab.host("DC1").await);
    let password = Secret::new(lab.domain("password"));
    assert_eq!(scripts.sign_on("User1@testlab.contoso.example", &password).await.unwrap(), SignOn::Accepted);
    let refused = scripts.sign_on("TESTLAB\\User1", &Secret::new("canary-wrong")).await.unwrap();
    assert!(matches!(refused, SignOn::Refused { data: Some(0x52e), .. }), "{refused:?}");
    lab.person("lock-out", &["User1"]).await;
    let refused = scripts.sign_on("TESTLAB\\User1", &password).await.unwrap();
    assert!(matches!(refused, SignOn::Refused { data: Some(0x775), .. }), "{refused:?}");
    let world = std::fs::read_to_string(lab.dir.join("world.json")).unwrap();
    assert!(!world.contains("canary-wrong") && !world.contains("Y2FuYXJ5LXdyb25n"));
}

#[tokio::test]
async fn a_script_on_the_wrong_machine_fails_as_it_would_there() {
    let lab = Lab::start(&[]).await;
    let (app1, dc1_host) = (lab.host("APP1").await, lab.host("DC1").await);
    let elsewhere = App1::new(dc1_host);
    assert_eq!(said(&elsewhere.scheduler().await.unwrap_err()), "Entra Connect is not installed on this machine");
    assert_eq!(
        said(&elsewhere.set_writeback(true, Duration::from_secs(5)).await.unwrap_err()),
        "Entra Connect is not installed on this machine"
    );
    assert_eq!(elsewhere.service().await.unwrap().service, None);
    let events = elsewhere.events(Since::Mark(Timestamp::UNIX_EPOCH), 50).await.unwrap();
    assert_eq!((events.absent.len(), events.events.len()), (2, 0));
    assert_eq!(elsewhere.rsat().await.unwrap().installed, Some(true));
    let answer = raw(&app1, &dc1::READ_ROOT, json!({})).await;
    assert_eq!(answer["error"], json!({"code": 81, "said": "The LDAP server is unavailable."}));
}

#[tokio::test]
async fn every_script_of_the_guide_is_known_and_answers_under_its_own_name() {
    let lab = Lab::start(&[]).await;
    let (app1, dc1_host) = (lab.host("APP1").await, lab.host("DC1").await);
    let all = app1::SCRIPTS.iter().map(|script| (&app1, script)).chain(dc1::SCRIPTS.iter().map(|script| (&dc1_host, script)));
    // `watch` is answered where the proof is built.
    for (host, script) in all.filter(|(_, script)| script.name != "watch") {
        let answer = raw(host, script, json!({})).await;
        let told = ["result", "error"].iter().filter(|part| answer.get(part).is_some()).count();
        assert_eq!((&answer["script"], told), (&json!(script.name), 1), "{answer}");
    }
}

#[tokio::test]
async fn where_nothing_was_installed_app1s_scripts_say_so() {
    let lab = Lab::start(&["--from", "start"]).await;
    let app1 = lab.app1().await;
    let service = app1.service().await.unwrap();
    assert_eq!((service.service, service.version), (None, None));
    assert_eq!(said(&app1.writeback().await.unwrap_err()), "Entra Connect is not installed on this machine");
    assert_eq!(app1.rsat().await.unwrap().installed, Some(false));
    lab.person("start-sync", &[]).await;
    assert_eq!(app1.writeback().await.unwrap().enabled, Some(false));
}

#[tokio::test]
async fn what_is_ticked_in_the_wizard_shows_in_graph_except_writeback_which_graph_never_shows() {
    let lab = Lab::start(&["--consistency", "0s"]).await;
    let right = "OnPremDirectorySynchronization.Read.All";
    lab.person("grant-consent", &[right]).await;
    let (status, body) = lab.refresh(&lab.seed(), right).await;
    assert_eq!(status, 200, "{body}");
    let token = body["access_token"].as_str().unwrap().to_owned();
    let features = async || {
        let (_, body) = lab.get(&token, "/v1.0/directory/onPremisesSynchronization").await;
        ["deviceWritebackEnabled", "passwordSyncEnabled", "passwordWritebackEnabled"].map(|name| body["value"][0]["features"][name].clone())
    };
    assert_eq!(features().await, [json!(false), json!(true), json!(false)]);
    for (verb, feature) in
        [("tick-feature", "Device writeback"), ("tick-feature", "Password writeback"), ("untick-feature", "Password hash synchronization")]
    {
        lab.person(verb, &[feature]).await;
    }
    assert_eq!(features().await, [json!(true), json!(false), json!(false)]);
}

#[tokio::test]
async fn what_a_person_does_to_app1_shows_in_its_scripts() {
    let lab = Lab::start(&[]).await;
    let app1 = lab.app1().await;
    lab.person("remove-rsat", &[]).await;
    assert_eq!(app1.rsat().await.unwrap().installed, Some(false));
    let connectors = app1.connectors().await.unwrap();
    assert!(connectors.accounts.is_none() && connectors.why.unwrap().contains("ActiveDirectory"));
    lab.person("resize-app1", &["4"]).await;
    assert_eq!(app1.memory().await.unwrap().bytes, 4 << 30);
    lab.person("disable-tls", &[]).await;
    let tls = app1.tls().await.unwrap();
    assert_eq!((tls.framework[0].strong_crypto, tls.schannel[0].enabled), (None, Some(0)));
    lab.person("set-app1-clock", &["-400"]).await;
    let clock = app1.clock().await.unwrap();
    let behind = lab.ldap().root().await.unwrap().time.duration_since(clock.before).as_secs();
    assert!((390..=460).contains(&behind), "{behind}");
    lab.person("stop-service", &[]).await;
    assert_eq!(app1.service().await.unwrap().service.as_deref(), Some("Stopped"));
    for wrong in [("stop-service", ""), ("disable-tls", ""), ("unstage", ""), ("tick-feature", "Flying"), ("resize-app1", "0")] {
        let args: Vec<&str> = Some(wrong.1).filter(|arg| !arg.is_empty()).into_iter().collect();
        assert_eq!(lab.control("person", &json!({"verb": wrong.0, "args": args})).await.0, 409, "{wrong:?}");
    }
}
