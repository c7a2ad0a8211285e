//! Consents in the ledger and how they are taken back, on the scripted tenant and tokio's paused clock.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::allow_attributes, reason = "not every lint fires in every build")]

mod support;

use guidepost::{
    base::Problem,
    engine::{
        action::{Carried, Direction, How, Refusal},
        consent::{NewConsent, WriteAsk},
        core::Engine,
        journal::Event,
        probe::Write,
    },
};
use serde_json::json;
use support::Bench;

/// The last step of the small guide: there consents are taken back.
const LAST: &str = "manual";
const MAY: &str = "DelegatedPermissionGrant.ReadWrite.All";

fn given(grant: Option<&str>, unproven: bool) -> NewConsent {
    NewConsent {
        app: "app-1".into(),
        by: "admin@contoso.example".into(),
        scopes: vec!["X.ReadWrite".into()],
        grant: grant.map(str::to_owned),
        unproven,
    }
}

/// An engine with one consent of ours in the grant `g-1`, which holds `scope`; Graph may take it back.
fn consented(bench: &Bench, scope: &str) -> Engine {
    let engine = bench.engine("undo");
    bench.tenant.with(|tenant| {
        tenant.grant = Some(scope.into());
        tenant.granted = vec![format!("https://graph.example/{MAY}")];
    });
    engine.record_consents(&[given(Some("g-1"), false)]).unwrap();
    engine
}

async fn undo(engine: &Engine) -> Result<Carried, Refusal> {
    let plan = engine.plan(LAST, Direction::Undo).await?;
    engine.carry_out(&plan, How::Yes).await
}

#[tokio::test(start_paused = true)]
async fn without_the_permission_nothing_is_intended() {
    let bench = Bench::new();
    bench.tenant.with(|tenant| tenant.write_missing = true);
    let engine = bench.engine("apply");
    let plan = engine.plan("role", Direction::Apply).await.unwrap();
    let Err(Refusal::SignIn(ask)) = engine.carry_out(&plan, How::Yes).await else { panic!() };
    assert_eq!((ask.app.as_str(), ask.missing.as_slice()), ("app-1", &["X.ReadWrite".to_owned()][..]));
    assert!(engine.ledger().in_doubt.is_empty() && engine.ledger().open.is_empty());
    assert_eq!(bench.tenant.sent(), Vec::<String>::new());
    let problem = Problem::from(Refusal::SignIn(ask));
    assert!(problem.what.contains("`X.ReadWrite`") && problem.hint.unwrap().contains("signin --write"), "{}", problem.what);
}

#[tokio::test(start_paused = true)]
async fn what_others_put_into_the_grant_stays_in_it() {
    let bench = Bench::new();
    let engine = consented(&bench, "A.Read X.ReadWrite B.Read");
    let plan = engine.plan(LAST, Direction::Undo).await.unwrap();
    let op = &plan.ops[0];
    let Write::Graph(call) = &op.request else { panic!("{op:?} is no Graph request") };
    assert_eq!((call.method.as_str(), &call.body), ("PATCH", &json!({"scope": "A.Read B.Read"})));
    assert!(op.before.contains("A.Read B.Read X.ReadWrite") && op.needs.as_ref().unwrap().contains(MAY), "{op:?}");
    assert_eq!(engine.carry_out(&plan, How::Yes).await, Ok(Carried::Done(1)));
    assert_eq!(bench.tenant.with(|tenant| tenant.grant.clone()).as_deref(), Some("A.Read B.Read"));
    assert_eq!(engine.ledger().count_open(), 0);
    assert_eq!(bench.engine("ledger").ledger().consents, [], "and so the next process reads it");
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_holds_only_ours_is_deleted() {
    let bench = Bench::new();
    let engine = consented(&bench, "X.ReadWrite");
    assert_eq!(undo(&engine).await, Ok(Carried::Done(1)));
    assert_eq!(bench.tenant.sent(), ["DELETE /v1.0/oauth2PermissionGrants/g-1"]);
    assert_eq!((bench.tenant.with(|tenant| tenant.grant.clone()), engine.ledger().count_open()), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_changed_after_the_plan_is_not_overwritten() {
    let bench = Bench::new();
    let engine = consented(&bench, "A.Read X.ReadWrite");
    let plan = engine.plan(LAST, Direction::Undo).await.unwrap();
    bench.tenant.with(|tenant| tenant.grant = Some("A.Read C.Read X.ReadWrite".into()));
    let refusal = engine.carry_out(&plan, How::Yes).await.unwrap_err();
    assert!(matches!(&refusal, Refusal::Not(problem) if problem.what.contains("not the one that was confirmed")), "{refusal:?}");
    assert_eq!(bench.tenant.sent(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_consent_that_somebody_took_back_already_is_closed_without_a_request() {
    let bench = Bench::new();
    let engine = consented(&bench, "X.ReadWrite");
    bench.tenant.with(|tenant| tenant.grant = None);
    assert_eq!(undo(&engine).await, Ok(Carried::Done(1)));
    assert_eq!((bench.tenant.sent(), engine.ledger().count_open()), (Vec::new(), 0));
}

#[tokio::test(start_paused = true)]
async fn the_consent_stays_while_a_change_is_open_whose_undo_needs_it() {
    let bench = Bench::new();
    let engine = consented(&bench, "X.ReadWrite");
    let plan = engine.plan("role", Direction::Apply).await.unwrap();
    engine.carry_out(&plan, How::Yes).await.unwrap();
    let refusal = engine.plan(LAST, Direction::Undo).await.unwrap_err();
    assert!(matches!(&refusal, Refusal::Not(problem) if problem.what.contains("taking back `role` needs it")), "{refusal:?}");
}

#[tokio::test(start_paused = true)]
async fn without_the_right_to_it_a_person_is_told_the_place_and_closes_the_entry_by_word() {
    let bench = Bench::new();
    let engine = consented(&bench, "X.ReadWrite");
    bench.tenant.with(|tenant| tenant.granted = vec!["User.Read.All".into()]);
    let plan = engine.plan(LAST, Direction::Undo).await.unwrap();
    assert!(plan.ops.is_empty(), "{plan:?}");
    let n = engine.ledger().consents[0].n;
    for part in ["`X.ReadWrite`", "`app-1`", "> Permissions", MAY, &format!("guidepost attest consent/{n}")] {
        assert!(plan.by_hand[0].contains(part), "no {part} in {:?}", plan.by_hand);
    }
    let say = |withdrawn| Event::Attested { task: format!("consent/{n}"), by: "me".into(), withdrawn };
    engine.record(Some(LAST), say(false)).unwrap();
    assert_eq!((engine.ledger().count_open(), engine.plan(LAST, Direction::Undo).await.unwrap().by_hand), (0, Vec::new()));
    engine.record(Some(LAST), say(true)).unwrap();
    assert_eq!(engine.ledger().count_open(), 1);
    assert_eq!(bench.tenant.sent(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_consent_that_may_be_older_is_said_once_and_never_taken_back_by_us() {
    let bench = Bench::new();
    let engine = bench.engine("undo");
    bench.tenant.with(|tenant| {
        tenant.grant = Some("X.ReadWrite".into());
        tenant.granted = vec![MAY.into()];
    });
    engine.record_consents(&[given(Some("g-1"), true)]).unwrap();
    engine.record_consents(&[given(Some("g-1"), true)]).unwrap();
    assert_eq!((engine.ledger().consents.len(), engine.ledger().count_open()), (1, 0));
    let plan = engine.plan(LAST, Direction::Undo).await.unwrap();
    assert!(plan.ops.is_empty() && plan.by_hand.is_empty() && plan.skipped[0].contains("could not be read"), "{plan:?}");
}

#[tokio::test(start_paused = true)]
async fn a_removal_whose_answer_was_lost_is_settled_by_looking() {
    let bench = Bench::new();
    let engine = consented(&bench, "A.Read X.ReadWrite");
    bench.tenant.with(|tenant| tenant.lose_next_answer = true);
    assert_eq!(undo(&engine).await, Ok(Carried::Done(1)));
    assert_eq!((engine.ledger().in_doubt.len(), engine.ledger().count_open(), bench.tenant.sent().len()), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_never_left_is_offered_again_after_a_crash() {
    let bench = Bench::new();
    let engine = consented(&bench, "A.Read X.ReadWrite");
    let plan = engine.plan(LAST, Direction::Undo).await.unwrap();
    let op = plan.ops[0].clone();
    let intended = Event::Intended {
        plan: plan.id,
        op: op.op,
        request: op.request,
        before: op.before,
        confirmed: "yes".into(),
        option: None,
        undo_of: op.undo_of,
    };
    engine.record(Some(LAST), intended).unwrap();
    drop(engine);
    let next = bench.engine("undo");
    assert_eq!(next.settle_doubts().await, Ok(1));
    assert_eq!((next.ledger().in_doubt.len(), next.ledger().count_open()), (0, 1));
    assert_eq!(undo(&next).await, Ok(Carried::Done(1)));
    assert_eq!(bench.tenant.with(|tenant| tenant.grant.clone()).as_deref(), Some("A.Read"));
}

#[tokio::test(start_paused = true)]
async fn a_consent_survives_the_process_that_saw_it() {
    let bench = Bench::new();
    drop(consented(&bench, "X.ReadWrite"));
    let ledger = bench.reader().ledger();
    assert_eq!((ledger.consents.len(), ledger.count_open(), ledger.consents[0].grant.as_deref()), (1, 1, Some("g-1")));
    assert_eq!(ledger.consents[0].scopes, ["X.ReadWrite"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_for_is_settled_by_the_next_reply() {
    let ask = WriteAsk { app: "app-1".into(), missing: vec!["X.ReadWrite".into()], absent: vec!["X.ReadWrite".into()], why: String::new() };
    for (named, ours) in [("https://graph.example/X.ReadWrite", 1), ("User.Read.All", 0)] {
        let bench = Bench::new();
        let engine = bench.engine("walk");
        engine.record_asked(&ask).unwrap();
        engine.record_asked(&ask).unwrap();
        assert_eq!((engine.ledger().consents.len(), engine.ledger().count_open()), (1, 0), "said once, and not ours yet");
        drop(engine);
        let next = bench.engine("walk");
        next.settle_asked().unwrap();
        assert_eq!(next.ledger().consents.len(), 1, "a reply that says nothing settles nothing");
        bench.tenant.with(|tenant| tenant.granted = vec![named.into()]);
        next.settle_asked().unwrap();
        assert_eq!((next.ledger().consents.len(), next.ledger().count_open()), (ours, ours), "{named}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_surely_absent_is_not_asked_for_in_writing() {
    let bench = Bench::new();
    let engine = bench.engine("walk");
    let ask = WriteAsk { app: "app-1".into(), missing: vec!["X.ReadWrite".into()], absent: Vec::new(), why: String::new() };
    engine.record_asked(&ask).unwrap();
    assert_eq!(engine.ledger().consents, []);
}
