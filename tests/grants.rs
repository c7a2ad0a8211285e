//! Grants in a domain, on tokio's paused clock with a scripted directory: no sockets, no sleeping. The rights themselves are judged elsewhere.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::allow_attributes, reason = "not every lint fires in every build")]

mod support;

use async_trait::async_trait;
use guidepost::{
    base::Secret,
    engine::{
        action::{Carried, Confirmed, Direction, How, Plan, Refusal},
        check::{Judgement, Verdict},
        core::{Engine, LabName},
        domain,
        journal::{Author, Event, Journal},
        probe::{Answer, LookError, Me, Request, SendError, Systems, Write},
    },
    guide::{load, step::SearchScope},
    rights::{
        Acl, Descriptor, Sid,
        delegation::known,
        inherit::{Child, merged},
        sddl,
    },
    services::directory::{Directory, DirectoryError, Entry, Root, Scope, Search, SignOn, object::Change as ObjectChange},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

const STEP: &str = "delegate-reset-rights";
const HEAD: &str = "DC=lab,DC=example";
const USERS: &str = "CN=Users,DC=lab,DC=example";
const GUEST: &str = "CN=Guest,CN=Users,DC=lab,DC=example";
const DOMAIN: &str = "S-1-5-21-1-2-3";
/// What a domain's head and a user begin with, as far as it matters here: administrators, and everybody's own Change Password.
const BEFORE: &str = "D:(A;;GA;;;S-1-5-21-1-2-3-512)(A;CI;LCRPRC;;;AU)(OA;;CR;ccc2dc7d-a6ad-4a7a-8846-c04e3cc53501;;AU)";
const OF_A_USER: &str = "D:AI(A;;LCRPRC;;;AU)";
const GRANTED: [&str; 4] = [
    "(OA;CIIO;CR;ab721a53-1e2f-11d0-9819-00aa0040529b;bf967aba-0de6-11d0-a285-00aa003049e2;S-1-5-21-1-2-3-1104)",
    "(OA;CIIO;CR;00299570-246d-11d0-a768-00aa006e0529;bf967aba-0de6-11d0-a285-00aa003049e2;S-1-5-21-1-2-3-1104)",
    "(OA;CIIO;WP;28630ebf-41d5-11d1-a9c1-0000f80367c1;bf967aba-0de6-11d0-a285-00aa003049e2;S-1-5-21-1-2-3-1104)",
    "(OA;CIIO;WP;bf967a0a-0de6-11d0-a285-00aa003049e2;bf967aba-0de6-11d0-a285-00aa003049e2;S-1-5-21-1-2-3-1104)",
];

struct Object {
    classes: Vec<&'static str>,
    sam: &'static str,
    rid: Option<u32>,
    admin: bool,
    descriptor: Descriptor,
}

type Change = fn(&Lab);

/// What happens to the next write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Written,
    /// Nobody sees the answer.
    WrittenUnseen,
    /// It never arrives, and nobody can tell.
    Lost,
}

/// A domain with User1, the connector account and Guest.
struct Lab {
    objects: Mutex<BTreeMap<&'static str, Object>>,
    next: Mutex<Next>,
    writes: Mutex<usize>,
    pending: Mutex<Option<bool>>,
    configured: Mutex<bool>,
}

fn descriptor(text: &str) -> Descriptor {
    sddl::parse(text, &sddl::Home::default()).unwrap()
}

fn object(classes: &[&'static str], sam: &'static str, rid: Option<u32>, text: &str) -> Object {
    Object { classes: classes.to_vec(), sam, rid, admin: false, descriptor: descriptor(text) }
}

impl Lab {
    fn new() -> Arc<Self> {
        let user = ["top", "person", "organizationalPerson", "user"];
        let objects = BTreeMap::from([
            (HEAD, object(&["top", "domain", "domainDNS"], "", None, BEFORE)),
            (USERS, object(&["top", "container"], "Users", None, "D:AI")),
            ("CN=User1,CN=Users,DC=lab,DC=example", object(&user, "User1", Some(1104), OF_A_USER)),
            ("CN=MSOL_1,CN=Users,DC=lab,DC=example", object(&user, "MSOL_1", Some(1107), OF_A_USER)),
            (GUEST, object(&user, "Guest", Some(501), OF_A_USER)),
        ]);
        let lab = Self {
            objects: Mutex::new(objects),
            next: Mutex::new(Next::Written),
            writes: Mutex::new(0),
            pending: Mutex::new(None),
            configured: Mutex::new(true),
        };
        lab.inherit();
        Arc::new(lab)
    }

    fn change(&self, dn: &'static str, text: &str) {
        self.objects.lock().unwrap().get_mut(dn).unwrap().descriptor = descriptor(text);
        self.inherit();
    }

    /// What stands above comes down, as a domain controller does it.
    fn inherit(&self) {
        let mut objects = self.objects.lock().unwrap();
        let head = objects[HEAD].descriptor.dacl.clone().unwrap();
        let hand = |object: &mut Object, above: &Acl, class| {
            let own = object.descriptor.dacl.clone().unwrap();
            let child = Child { classes: vec![class], ..Child::default() };
            object.descriptor.dacl = Some(merged(above, &own, object.descriptor.is_protected(), &child));
        };
        hand(objects.get_mut(USERS).unwrap(), &head, known::CONTAINER);
        let above = objects[USERS].descriptor.dacl.clone().unwrap();
        for (_, object) in objects.iter_mut().filter(|(_, object)| object.rid.is_some()) {
            hand(object, &above, known::USER);
        }
    }

    fn head(&self) -> String {
        sddl::print(&self.objects.lock().unwrap()[HEAD].descriptor)
    }

    fn writes(&self) -> usize {
        *self.writes.lock().unwrap()
    }

    fn next(&self, next: Next) {
        *self.next.lock().unwrap() = next;
    }

    fn put(&self, bytes: &[u8]) {
        self.objects.lock().unwrap().get_mut(HEAD).unwrap().descriptor = Descriptor::read(bytes).unwrap();
        self.inherit();
        *self.writes.lock().unwrap() += 1;
    }
}

fn sid(rid: u32) -> Sid {
    format!("{DOMAIN}-{rid}").parse().unwrap()
}

fn entry(dn: &str, object: &Object) -> Entry {
    let mut attributes: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    attributes.insert("objectClass", object.classes.iter().map(|class| class.as_bytes().to_vec()).collect());
    attributes.insert("nTSecurityDescriptor", vec![object.descriptor.write()]);
    attributes.insert("sAMAccountName", vec![object.sam.as_bytes().to_vec()]);
    if let Some(rid) = object.rid {
        attributes.insert("objectSid", vec![sid(rid).write()]);
        attributes.insert("primaryGroupID", vec![b"513".to_vec()]);
    }
    if object.admin {
        attributes.insert("adminCount", vec![b"1".to_vec()]);
    }
    Entry { dn: dn.to_owned(), attributes: attributes.into_iter().map(|(name, values)| (name.to_owned(), values)).collect() }
}

fn fits(filter: &str, object: &Object) -> bool {
    let value = |name: &str| filter.split(&format!("({name}=")).nth(1).map(|rest| rest.split(')').next().unwrap().to_owned());
    let sam = value("sAMAccountName").is_none_or(|wanted| match wanted.strip_suffix('*') {
        Some(start) => object.sam.starts_with(start),
        None => object.sam == wanted,
    });
    let hex = |rid: u32| sid(rid).write().iter().fold(String::new(), |out, byte| format!("{out}\\{byte:02x}"));
    sam && value("objectSid").is_none_or(|wanted| object.rid.is_some_and(|rid| hex(rid) == wanted))
}

#[async_trait]
impl Directory for Lab {
    async fn root(&self) -> Result<Root, DirectoryError> {
        let time = support::clock().now();
        let host = Some("dc1.lab.example".to_owned());
        Ok(Root { naming_context: HEAD.into(), root_domain: HEAD.into(), host, time, controls: std::collections::BTreeSet::new() })
    }

    async fn search(&self, search: Search) -> Result<Vec<Entry>, DirectoryError> {
        let objects = self.objects.lock().unwrap();
        if search.base.is_empty() {
            let attributes = [("defaultNamingContext".to_owned(), vec![HEAD.as_bytes().to_vec()])].into_iter().collect();
            return Ok(vec![Entry { dn: String::new(), attributes }]);
        }
        let found = objects.iter().filter(|(dn, object)| match search.scope {
            Scope::Base => dn.eq_ignore_ascii_case(&search.base),
            Scope::One | Scope::Sub => dn.ends_with(&search.base) && object.rid.is_some() && fits(&search.filter, object),
        });
        Ok(found.map(|(dn, object)| entry(dn, object)).collect())
    }

    async fn walk(&self, _: Search, _: &mut (dyn FnMut(Entry) + Send)) -> Result<u64, DirectoryError> {
        Ok(0)
    }

    async fn write_dacl(&self, dn: &str, descriptor: &[u8]) -> Result<(), DirectoryError> {
        assert_eq!(dn, HEAD);
        let next = *self.next.lock().unwrap();
        if next != Next::Lost {
            self.put(descriptor);
        }
        if next == Next::Written {
            return Ok(());
        }
        let host = "dc1.lab.example:636".to_owned();
        Err(DirectoryError::Cut { host, doing: "during the change".into(), why: "the line is dead".into(), in_doubt: true })
    }

    async fn change(&self, _: &ObjectChange) -> Result<(), DirectoryError> {
        panic!("a grant changes no object");
    }

    async fn pending(&self, _: &str) -> Result<Option<bool>, DirectoryError> {
        Ok(*self.pending.lock().unwrap())
    }

    async fn sign_on(&self, _: &str, _: &Secret) -> Result<SignOn, DirectoryError> {
        Ok(SignOn::Accepted)
    }
}

/// The lab's systems: no tenant, and the domain.
struct Scripted(Arc<Lab>);

#[async_trait]
impl Systems for Scripted {
    async fn look(&self, request: &Request) -> Result<Answer, LookError> {
        let sentence = |what: &str, code: &str| LookError { what: what.into(), hint: None, status: None, code: Some(code.into()) };
        if matches!(request, Request::Graph { .. }) {
            return Err(sentence("there is no tenant", "NO_TENANT"));
        }
        if !*self.0.configured.lock().unwrap() {
            return Err(sentence("no domain is configured", "DOMAIN_NOT_CONFIGURED"));
        }
        domain::look(self.0.as_ref(), request, Some(HEAD)).await.map(|(answer, _)| answer)
    }

    async fn send(&self, write: &Write, _: &Confirmed) -> Result<Answer, SendError> {
        let Write::Permissions { permissions } = write else { panic!("{write:?} is not for the domain") };
        domain::write(self.0.as_ref(), permissions).await
    }

    fn me(&self) -> Option<Me> {
        None
    }

    fn address(&self, path: &str) -> String {
        path.to_owned()
    }

    fn domain(&self) -> String {
        "ldaps://dc1.lab.example".into()
    }
}

struct Bench {
    dir: tempfile::TempDir,
    lab: Arc<Lab>,
}

impl Bench {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), lab: Lab::new() }
    }

    fn engine(&self) -> Engine {
        self.engine_with(&[], None)
    }

    /// One process after another: each opens the journal anew.
    fn engine_with(&self, variables: &[(&str, &str)], option: Option<&str>) -> Engine {
        let mut guide = load::built_in("password-writeback").unwrap();
        if let Some(option) = option {
            guide.choose(STEP, option).unwrap();
        }
        let author = Author { run: "r-1".into(), command: "apply".into(), guide: guide.pack.id.clone() };
        let journal = Journal::open(self.dir.path(), author, support::clock()).unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let name = LabName { name: "lab".into(), environment: "test".into() };
        let engine = Engine::new(Arc::new(guide), name, variables, support::clock(), journal);
        engine.connect(Arc::new(Scripted(self.lab.clone())));
        engine
    }
}

async fn judged(engine: &Engine, check: &str) -> Judgement {
    engine.survey(&[STEP.to_owned()]).await;
    engine.checked(STEP).into_iter().find(|checked| checked.id == check).unwrap().judgement
}

async fn verdict(engine: &Engine, check: &str) -> (Option<Verdict>, Option<String>) {
    let judgement = judged(engine, check).await;
    (judgement.verdict, judgement.code)
}

fn fails(code: &str) -> (Option<Verdict>, Option<String>) {
    (Some(Verdict::Fail), Some(code.into()))
}

const PASSES: (Option<Verdict>, Option<String>) = (Some(Verdict::Pass), None);

fn added(plan: &Plan) -> Vec<String> {
    plan.ops.iter().flat_map(|op| op.difference.as_ref().unwrap().added.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_grant_is_planned_given_proved_not_given_twice_and_taken_back() {
    let bench = Bench::new();
    let engine = bench.engine();
    assert_eq!(verdict(&engine, "granted").await, fails("RIGHTS_NOT_GRANTED"));
    let before = bench.lab.head();

    let plan = engine.plan(STEP, Direction::Apply).await.unwrap();
    assert_eq!(added(&plan), GRANTED);
    let op = &plan.ops[0];
    assert_eq!(op.sends(), format!("modify ldaps://dc1.lab.example/{HEAD}"));
    assert!(op.before.starts_with("3 entries, sha256 "), "{}", op.before);
    assert!(op.difference.as_ref().unwrap().ldif.contains("\ncontrol: 1.2.840.113556.1.4.801 true:: MAMCAQQ=\nchangetype: modify\n"));
    assert_eq!((plan.typed(), bench.lab.writes()), (Some("apply"), 0));

    assert_eq!(engine.carry_out(&plan, How::Yes).await, Ok(Carried::Done(1)));
    assert_eq!(verdict(&engine, "granted").await, PASSES);
    let effective = judged(&engine, "effective").await;
    assert_eq!(effective.verdict, Some(Verdict::Pass));
    assert!(
        effective.found.as_ref().unwrap().contains("reset-password = allowed by entry")
            && effective.found.unwrap().contains("User1, inherited")
    );

    let again = engine.plan(STEP, Direction::Apply).await.unwrap();
    assert!(again.ops.is_empty() && again.skipped.len() == 1, "{again:?}");

    let undo = engine.plan(STEP, Direction::Undo).await.unwrap();
    assert_eq!(undo.ops[0].difference.as_ref().unwrap().removed, GRANTED);
    assert_eq!(engine.carry_out(&undo, How::Yes).await, Ok(Carried::Done(1)));
    assert_eq!((bench.lab.head(), bench.lab.writes()), (before, 2));
    assert_eq!(verdict(&engine, "granted").await, fails("RIGHTS_NOT_GRANTED"));
    assert!(engine.ledger().open.is_empty());
}

#[tokio::test(start_paused = true)]
async fn only_what_is_missing_is_added_and_only_that_is_taken_back() {
    let bench = Bench::new();
    let half = format!("{BEFORE}{}{}", GRANTED[1], GRANTED[3]);
    bench.lab.change(HEAD, &half);
    let engine = bench.engine();
    assert_eq!(judged(&engine, "granted").await.found.as_deref(), Some("granted = 2 of 4, without Change password and Write lockoutTime"));
    let plan = engine.plan(STEP, Direction::Apply).await.unwrap();
    assert_eq!(added(&plan), [GRANTED[0], GRANTED[2]]);
    engine.carry_out(&plan, How::Yes).await.unwrap();
    // Somebody else adds something, and takes one of ours away.
    let foreign = "(A;;RP;;;S-1-5-21-1-2-3-2000)";
    bench.lab.change(HEAD, &format!("{half}{}{foreign}", GRANTED[0]));
    let undo = engine.plan(STEP, Direction::Undo).await.unwrap();
    assert_eq!(undo.ops[0].difference.as_ref().unwrap().removed, [GRANTED[0]]);
    engine.carry_out(&undo, How::Yes).await.unwrap();
    assert_eq!(bench.lab.head(), format!("{half}{foreign}"));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_removed_is_taken_back_without_a_write() {
    let bench = Bench::new();
    let engine = bench.engine();
    let plan = engine.plan(STEP, Direction::Apply).await.unwrap();
    engine.carry_out(&plan, How::Yes).await.unwrap();
    judged(&engine, "effective").await;
    bench.lab.change(HEAD, BEFORE);
    let undo = engine.plan(STEP, Direction::Undo).await.unwrap();
    engine.carry_out(&undo, How::Yes).await.unwrap();
    assert_eq!((bench.lab.writes(), engine.ledger().open.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_foreign_change_in_between_refuses_the_plan_and_loses_nothing() {
    let bench = Bench::new();
    let engine = bench.engine();
    let plan = engine.plan(STEP, Direction::Apply).await.unwrap();
    let foreign = format!("{BEFORE}(A;;RP;;;S-1-5-21-1-2-3-2000)");
    bench.lab.change(HEAD, &foreign);
    let Err(Refusal::Not(problem)) = engine.carry_out(&plan, How::Yes).await else { panic!("it was carried out") };
    assert!(problem.what.contains("something changed in the meantime"), "{problem}");
    // And between the last plan and the write.
    let Write::Permissions { permissions } = &plan.ops[0].request else { panic!("no grant") };
    let Err(SendError::Refused(error)) = domain::write(bench.lab.as_ref(), permissions).await else { panic!("it was written") };
    assert!(error.what.contains("are not those of the plan"), "{error:?}");
    assert_eq!((bench.lab.head(), bench.lab.writes()), (foreign, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_saw_is_settled_by_the_entries_themselves() {
    for (next, open, writes) in [(Next::WrittenUnseen, 1, 1), (Next::Lost, 0, 0)] {
        let bench = Bench::new();
        let engine = bench.engine();
        let plan = engine.plan(STEP, Direction::Apply).await.unwrap();
        bench.lab.next(next);
        assert_eq!(engine.carry_out(&plan, How::Yes).await.is_ok(), open == 1, "{next:?}");
        let ledger = engine.ledger();
        assert_eq!((ledger.open.len(), ledger.in_doubt.len(), bench.lab.writes()), (open, 0, writes), "{next:?}");
        bench.lab.next(Next::Written);
        assert_eq!(engine.plan(STEP, Direction::Apply).await.unwrap().ops.len(), 1 - open, "what did not happen is offered again");
    }
}

/// Writes what a process leaves behind that is killed before it sends.
fn intend(engine: &Engine, plan: &Plan) {
    let op = &plan.ops[0];
    let event = Event::Intended {
        plan: plan.id.clone(),
        op: op.op.clone(),
        request: op.request.clone(),
        before: op.before.clone(),
        confirmed: "yes".into(),
        option: plan.option.clone(),
        undo_of: op.undo_of,
    };
    engine.record(Some(STEP), event).unwrap();
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_moment_the_next_start_knows_what_happened_whichever_option_it_walks() {
    for arrived in [false, true] {
        let bench = Bench::new();
        let before = bench.lab.head();
        {
            let engine = bench.engine_with(&[], Some("connector"));
            let plan = engine.plan(STEP, Direction::Apply).await.unwrap();
            intend(&engine, &plan);
            if arrived {
                let Write::Permissions { permissions } = &plan.ops[0].request else { panic!("no grant") };
                domain::write(bench.lab.as_ref(), permissions).await.unwrap();
            }
        }
        let engine = bench.engine_with(&[], Some("guide"));
        assert_eq!(engine.ledger().options[STEP], "connector");
        engine.settle_doubts().await.unwrap();
        let ledger = engine.ledger();
        assert_eq!((ledger.in_doubt.len(), ledger.open.len()), (0, usize::from(arrived)));
        if arrived {
            let undo = engine.plan(STEP, Direction::Undo).await.unwrap();
            assert_eq!(undo.ops[0].difference.as_ref().unwrap().removed.len(), 5);
            intend(&engine, &undo);
            drop(engine);
            // Killed again, while taking it back.
            let engine = bench.engine();
            engine.settle_doubts().await.unwrap();
            assert_eq!(engine.ledger().open.len(), 1, "it is still there, so it is still ours");
            let undo = engine.plan(STEP, Direction::Undo).await.unwrap();
            engine.carry_out(&undo, How::Yes).await.unwrap();
        }
        assert_eq!(bench.lab.head(), before, "{arrived}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_near_miss_has_its_own_code() {
    let reset = |flags: &str, class: &str, who: &str| format!("(OA;{flags};CR;00299570-246d-11d0-a768-00aa006e0529;{class};{who})");
    let (user, group) = ("bf967aba-0de6-11d0-a285-00aa003049e2", "bf967a9c-0de6-11d0-a285-00aa003049e2");
    let user1 = "S-1-5-21-1-2-3-1104";
    let table = [
        (reset("", "", user1), "THIS_OBJECT_ONLY"),
        (reset("CINP", "", user1), "THIS_OBJECT_ONLY"),
        (reset("CI", "", user1), "ALL_OBJECTS"),
        (reset("CIIO", group, user1), "OTHER_CLASS"),
        (format!("(OA;CIIO;CR;;{user};{user1})"), "WIDER_ENTRY"),
        (reset("CIIO", user, "S-1-5-21-9-9-9-1104"), "OTHER_DOMAIN"),
        (reset("CIIO", user, "S-1-5-21-1-2-3-1107"), "RIGHTS_NOT_GRANTED"),
        (reset("CIIO", user, user1).replace("(OA;", "(OD;"), "RIGHTS_DENIED"),
    ];
    for (entry, code) in table {
        let bench = Bench::new();
        bench.lab.change(HEAD, &format!("{BEFORE}{entry}"));
        assert_eq!(verdict(&bench.engine(), "granted").await, fails(code), "{entry}");
    }
}

#[tokio::test(start_paused = true)]
async fn user1_has_the_rights_but_the_connector_account_has_not() {
    let bench = Bench::new();
    bench.lab.change(HEAD, &format!("{BEFORE}{}", GRANTED.concat()));
    assert_eq!(verdict(&bench.engine(), "granted").await, PASSES);
    let engine = bench.engine_with(&[], Some("connector"));
    assert_eq!(verdict(&engine, "granted").await, fails("WRONG_TRUSTEE"));
    let plan = engine.plan(STEP, Direction::Apply).await.unwrap();
    assert_eq!((plan.option.as_deref(), added(&plan).len()), (Some("connector"), 5));
    engine.carry_out(&plan, How::Yes).await.unwrap();
    for check in ["granted", "effective", "unexpire"] {
        assert_eq!(verdict(&engine, check).await, PASSES, "{check}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_stands_between_the_head_and_a_user_is_named() {
    let granted = format!("{BEFORE}{}", GRANTED.concat());
    let protect: Change = |lab| lab.objects.lock().unwrap().get_mut(GUEST).unwrap().admin = true;
    let table: [(Change, &str); 4] = [
        (|lab| lab.change(GUEST, "D:P(A;;LCRPRC;;;AU)"), "INHERITANCE_OFF"),
        (|lab| lab.change(USERS, "D:P(A;CI;LCRPRC;;;AU)"), "INHERITANCE_OFF"),
        (|lab| lab.change(GUEST, "D:(OD;;CR;00299570-246d-11d0-a768-00aa006e0529;;AU)(A;;LCRPRC;;;AU)"), "RIGHTS_DENIED"),
        (|lab| lab.change(GUEST, "D:P(A;;LCRPRC;;;AU)"), "USER_PROTECTED"),
    ];
    for (change, code) in table {
        let bench = Bench::new();
        bench.lab.change(HEAD, &granted);
        if code == "USER_PROTECTED" {
            protect(&bench.lab);
        }
        change(&bench.lab);
        assert_eq!(verdict(&bench.engine(), "effective").await, fails(code));
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_entries_are_on_their_way_the_users_are_pending_and_not_failed() {
    let bench = Bench::new();
    bench.lab.change(HEAD, &format!("{BEFORE}{}", GRANTED.concat()));
    bench.lab.change(GUEST, "D:P(A;;LCRPRC;;;AU)");
    *bench.lab.pending.lock().unwrap() = Some(true);
    let pending = (Some(Verdict::Pending), Some("STILL_PROPAGATING".to_owned()));
    assert_eq!(verdict(&bench.engine(), "effective").await, pending);
    *bench.lab.pending.lock().unwrap() = Some(false);
    assert_eq!(verdict(&bench.engine(), "effective").await, fails("INHERITANCE_OFF"));
}

#[tokio::test(start_paused = true)]
async fn a_lab_without_a_domain_is_unknown_and_says_what_to_configure() {
    let bench = Bench::new();
    *bench.lab.configured.lock().unwrap() = false;
    let engine = bench.engine();
    let unknown = (Some(Verdict::Unknown), Some("DOMAIN_NOT_CONFIGURED".to_owned()));
    assert_eq!(verdict(&engine, "trustee-found").await, unknown);
    assert_eq!(verdict(&engine, "target-found").await, unknown);
    assert_eq!(verdict(&engine, "granted").await.0, Some(Verdict::Blocked));
    let Err(Refusal::Unknown(_)) = engine.plan(STEP, Direction::Apply).await else { panic!("a plan without having looked") };
}

#[tokio::test(start_paused = true)]
async fn who_is_not_there_is_said_and_a_name_that_fits_twice_is_not_guessed() {
    let bench = Bench::new();
    assert_eq!(verdict(&bench.engine_with(&[("user1_sam", "Nobody")], None), "trustee-found").await, fails("TRUSTEE_NOT_FOUND"));
    let missing = bench.engine_with(&[("ordinary_user_sam", "Nobody")], None);
    assert_eq!(verdict(&missing, "target-found").await, fails("ORDINARY_USER_NOT_FOUND"));
    let none = bench.engine_with(&[("connector_sam", "svc_")], Some("connector"));
    assert_eq!(verdict(&none, "trustee-found").await, fails("CONNECTOR_NOT_FOUND"));
    let two = bench.engine_with(&[("connector_sam", "U")], Some("connector"));
    bench.lab.objects.lock().unwrap().get_mut(GUEST).unwrap().sam = "Uther";
    assert_eq!(verdict(&two, "trustee-found").await, fails("CONNECTOR_AMBIGUOUS"));
}

#[tokio::test(start_paused = true)]
async fn the_time_of_facts_is_the_domain_controllers() {
    let bench = Bench::new();
    let request = Request::Ldap { base: String::new(), scope: SearchScope::Base, filter: "(objectClass=*)".into(), attributes: Vec::new() };
    tokio::time::advance(Duration::from_secs(90)).await;
    let (answer, still) = domain::look(bench.lab.as_ref(), &request, None).await.unwrap();
    assert_eq!((answer.date, still), (Some(support::clock().now()), false));
}

#[test]
fn a_journal_line_of_a_graph_request_reads_and_writes_as_before_there_were_grants() {
    let line = r#"{"method":"POST","path":"/v1.0/x","body":{"a":1}}"#;
    let write: Write = serde_json::from_str(line).unwrap();
    assert!(matches!(&write, Write::Graph(call) if call.method == "POST" && call.body["a"] == 1));
    assert_eq!(serde_json::to_string(&write).unwrap(), line);
    let grant = r#"{"permissions":{"on":"DC=a","trustee":"S-1-5-18","remove":["(A;;RP;;;SY)"]}}"#;
    let write: Write = serde_json::from_str(grant).unwrap();
    assert_eq!(
        (write.line(), serde_json::to_string(&write).unwrap()),
        ("remove 1 entry for S-1-5-18 from the permissions of DC=a".into(), grant.into())
    );
}
