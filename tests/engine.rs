//! The engine on tokio's paused clock with a scripted tenant: no sockets, no sleeping.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::allow_attributes, reason = "not every lint fires in every build")]

mod support;

use async_trait::async_trait;
use guidepost::{
    base::{Exit, Problem, Secret, http::WireLine},
    engine::{
        action::{Carried, Confirmed, Direction, How, Refusal},
        check::{Judgement, Verdict},
        core::Engine,
        journal::{Event, Journal},
        ledger::Ledger,
        page::{Act, Connection, Overlay, SignInAsk, SignInPane, Way},
        probe::{Answer, LookError, Me, Request, SendError, Systems, Write},
        run::{Begin, Command, Door, Handle, NotConnected, Pasted, SignedIn, Talk, View, start},
    },
    services::entra::Purpose,
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use support::{Bench, SECOND, Tenant, Trouble};

fn judgement(engine: &Engine, check: &str) -> Judgement {
    engine.checked("role").into_iter().find(|checked| checked.id == check).unwrap().judgement
}

fn body(request: &Write) -> &Value {
    let Write::Graph(call) = request else { panic!("{request:?} is no Graph request") };
    &call.body
}

/// Writes what a process that is killed before it sends leaves behind.
async fn intend(engine: &Engine) {
    let plan = engine.plan("role", Direction::Apply).await.unwrap();
    let op = &plan.ops[0];
    let intended = Event::Intended {
        plan: plan.id.clone(),
        op: op.op.clone(),
        request: op.request.clone(),
        before: op.before.clone(),
        confirmed: "yes".into(),
        option: None,
        undo_of: None,
    };
    engine.record(Some("role"), intended).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_missing_fails_with_expected_found_and_code() {
    let bench = Bench::new();
    let engine = bench.engine("check");
    engine.survey(&["role".into()]).await;
    let judgement = self::judgement(&engine, "role-active");
    assert_eq!(judgement.verdict, Some(Verdict::Fail));
    assert_eq!(judgement.code.as_deref(), Some("ROLE_NOT_ACTIVE"));
    assert_eq!(judgement.expected.as_deref(), Some("an item of value with directoryScopeId = /"));
    assert_eq!(judgement.found.as_deref(), Some("an empty list"));
    assert_eq!(self::judgement(&engine, "synced").verdict, Some(Verdict::Pass));
}

#[tokio::test(start_paused = true)]
async fn a_check_whose_need_fails_is_blocked_and_names_it() {
    let bench = Bench::new();
    bench.tenant.with(|tenant| tenant.user = false);
    let engine = bench.engine("check");
    engine.survey(&["role".into()]).await;
    assert_eq!(judgement(&engine, "synced").verdict, Some(Verdict::Fail));
    assert_eq!(judgement(&engine, "role-active").verdict, Some(Verdict::Blocked));
    assert_eq!(judgement(&engine, "role-active").note.as_deref(), Some("waits for: role/synced"));
    assert_eq!(bench.tenant.looks("roleAssignments"), 0, "a reference that finds nothing leaves its probe unsent");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_could_not_look_is_unknown_and_names_the_right() {
    let bench = Bench::new();
    bench.tenant.with(|tenant| tenant.trouble = Some(Trouble::Forbidden));
    let engine = bench.engine("check");
    engine.survey(&["role".into()]).await;
    let judgement = self::judgement(&engine, "synced");
    assert_eq!(judgement.verdict, Some(Verdict::Unknown));
    assert_eq!(judgement.code.as_deref(), Some("READ_CONSENT_MISSING"));
}

#[tokio::test(start_paused = true)]
async fn a_diagnosis_may_say_that_a_check_does_not_apply() {
    let bench = Bench::new();
    let engine = bench.engine("check");
    engine.survey(&["cloud-only".into()]).await;
    assert_eq!(engine.checked("cloud-only")[0].judgement.verdict, Some(Verdict::NotApplicable));
}

#[tokio::test(start_paused = true)]
async fn a_step_without_checks_is_attested_only() {
    let bench = Bench::new();
    let engine = bench.engine("attest");
    let attested = Event::Attested { task: "one".into(), by: "somebody".into(), withdrawn: false };
    engine.record(Some("manual"), attested).unwrap();
    let (verdict, note) = engine.with_known(|known| guidepost::engine::check::judge_step(known, "manual"));
    assert_eq!(verdict, Some(Verdict::Unknown));
    assert_eq!(note.as_deref(), Some("nothing can prove it; 1 of 2 attested"));
}

#[tokio::test(start_paused = true)]
async fn a_waived_check_is_waived_until_its_day() {
    let bench = Bench::new();
    let engine = bench.engine("waive");
    let until = engine.now() + SECOND * 60;
    let waived = Event::Waived { check: "role-active".into(), reason: "drill".into(), until, by: "somebody".into() };
    engine.record(Some("role"), waived).unwrap();
    engine.survey(&["role".into()]).await;
    assert_eq!(judgement(&engine, "role-active").verdict, Some(Verdict::Waived));
    tokio::time::advance(SECOND * 61).await;
    assert_eq!(judgement(&engine, "role-active").verdict, Some(Verdict::Fail));
}

#[tokio::test(start_paused = true)]
async fn apply_turns_fail_to_pending_to_pass_and_undo_back_to_fail() {
    let bench = Bench::new();
    let engine = bench.engine("apply");
    let plan = engine.plan("role", Direction::Apply).await.unwrap();
    assert_eq!(plan.ops.len(), 1);
    assert_eq!(plan.typed(), Some("apply"));
    assert_eq!(plan.ops[0].undo, "DELETE /v1.0/roleManagement/directory/roleAssignments/‹known after assign›");
    assert_eq!(body(&plan.ops[0].request)["principalId"], "u-1");
    assert_eq!(bench.tenant.sent(), Vec::<String>::new(), "a plan sends nothing");

    assert_eq!(engine.carry_out(&plan, How::Typed).await, Ok(Carried::Done(1)));
    engine.survey(&["role".into()]).await;
    assert_eq!(judgement(&engine, "role-active").verdict, Some(Verdict::Pending));
    assert_eq!(engine.wait_settled("role").await, Some(Verdict::Pass));
    assert_eq!(engine.ledger().open.len(), 1);

    let undo = engine.plan("role", Direction::Undo).await.unwrap();
    assert_eq!(undo.typed(), None);
    assert_eq!(undo.ops[0].request.line(), "DELETE /v1.0/roleManagement/directory/roleAssignments/a-1");
    assert_eq!(engine.carry_out(&undo, How::Key).await, Ok(Carried::Done(1)));
    engine.survey(&["role".into()]).await;
    assert_eq!(judgement(&engine, "role-active").verdict, Some(Verdict::Pending), "still shown, so not yet back to fail");
    assert_eq!(engine.wait_settled("role").await, Some(Verdict::Fail));
    assert!(!judgement(&engine, "role-active").drifted, "what we took back has not drifted");
    assert_eq!(engine.ledger().open, []);
    assert_eq!(
        bench.tenant.sent(),
        ["POST /v1.0/roleManagement/directory/roleAssignments", "DELETE /v1.0/roleManagement/directory/roleAssignments/a-1"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_apply_sends_nothing_even_before_the_first_shows() {
    let bench = Bench::new();
    let engine = bench.engine("apply");
    let plan = engine.plan("role", Direction::Apply).await.unwrap();
    engine.carry_out(&plan, How::Yes).await.unwrap();
    let again = engine.plan("role", Direction::Apply).await.unwrap();
    assert_eq!(again.ops, []);
    engine.wait_settled("role").await;
    let later = engine.plan("role", Direction::Apply).await.unwrap();
    assert_eq!(engine.carry_out(&later, How::Yes).await, Ok(Carried::Nothing));
    assert_eq!(bench.tenant.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_changed_since_it_was_confirmed_is_refused() {
    let bench = Bench::new();
    let engine = bench.engine("apply");
    let plan = engine.plan("role", Direction::Apply).await.unwrap();
    bench.tenant.with(|tenant| tenant.user_id = "u-2".into());
    let refusal = engine.carry_out(&plan, How::Yes).await.unwrap_err();
    assert!(matches!(&refusal, Refusal::Not(problem) if problem.what.contains("not the one that was confirmed")), "{refusal:?}");
    assert_eq!(bench.tenant.sent(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_not_planned() {
    let bench = Bench::new();
    bench.tenant.with(|tenant| tenant.trouble = Some(Trouble::Cut));
    let refusal = bench.engine("apply").plan("role", Direction::Apply).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Unknown(_)), "{refusal:?}");
}

#[tokio::test(start_paused = true)]
async fn undo_never_takes_the_signed_in_account_s_role() {
    let bench = Bench::new();
    let engine = bench.engine("apply");
    let plan = engine.plan("role", Direction::Apply).await.unwrap();
    engine.carry_out(&plan, How::Yes).await.unwrap();
    engine.wait_settled("role").await;
    bench.tenant.with(|tenant| tenant.me = "u-1".into());
    let undo = engine.plan("role", Direction::Undo).await.unwrap();
    let refusal = engine.carry_out(&undo, How::Yes).await.unwrap_err();
    assert!(matches!(&refusal, Refusal::Not(problem) if problem.what.contains("signed in with")), "{refusal:?}");
    assert_eq!(bench.tenant.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn undo_never_takes_the_last_global_administrator() {
    let bench = Bench::new();
    let engine = bench.engine("apply");
    let plan = engine.plan("role", Direction::Apply).await.unwrap();
    engine.carry_out(&plan, How::Yes).await.unwrap();
    engine.wait_settled("role").await;
    bench.tenant.with(|tenant| tenant.other_admins = 0);
    let undo = engine.plan("role", Direction::Undo).await.unwrap();
    let refusal = engine.carry_out(&undo, How::Yes).await.unwrap_err();
    assert!(matches!(&refusal, Refusal::Not(problem) if problem.what.contains("last Global Administrator")), "{refusal:?}");
}

#[tokio::test(start_paused = true)]
async fn undoing_what_is_gone_already_closes_the_ledger_without_a_delete() {
    let bench = Bench::new();
    let engine = bench.engine("apply");
    let plan = engine.plan("role", Direction::Apply).await.unwrap();
    engine.carry_out(&plan, How::Yes).await.unwrap();
    engine.wait_settled("role").await;
    bench.tenant.with(Tenant::remove_by_hand);
    let undo = engine.plan("role", Direction::Undo).await.unwrap();
    assert_eq!(engine.carry_out(&undo, How::Yes).await, Ok(Carried::Done(1)));
    assert_eq!(engine.ledger().open, []);
    assert_eq!(bench.tenant.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_passed_and_fails_later_has_drifted() {
    let bench = Bench::new();
    let engine = bench.engine("walk");
    let plan = engine.plan("role", Direction::Apply).await.unwrap();
    engine.carry_out(&plan, How::Yes).await.unwrap();
    engine.wait_settled("role").await;
    bench.tenant.with(Tenant::remove_by_hand);
    tokio::time::advance(SECOND * 600).await;
    engine.survey(&["role".into()]).await;
    let judgement = self::judgement(&engine, "role-active");
    assert_eq!((judgement.verdict, judgement.drifted), (Some(Verdict::Fail), true));
}

#[tokio::test(start_paused = true)]
async fn pending_is_the_same_for_another_process() {
    let bench = Bench::new();
    let engine = bench.engine("apply");
    let plan = engine.plan("role", Direction::Apply).await.unwrap();
    engine.carry_out(&plan, How::Yes).await.unwrap();
    let other = bench.reader();
    other.survey(&["role".into()]).await;
    assert_eq!(judgement(&other, "role-active").verdict, Some(Verdict::Pending));
    tokio::time::advance(SECOND * 600).await;
    other.survey(&["role".into()]).await;
    assert_eq!(judgement(&other, "role-active").verdict, Some(Verdict::Pass), "after its window it counts as it is");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_saw_is_settled_by_looking_with_one_post() {
    let bench = Bench::new();
    bench.tenant.with(|tenant| tenant.lose_next_answer = true);
    let engine = bench.engine("apply");
    let plan = engine.plan("role", Direction::Apply).await.unwrap();
    assert_eq!(engine.carry_out(&plan, How::Yes).await, Ok(Carried::Done(1)));
    let ledger = engine.ledger();
    assert_eq!((ledger.open.len(), ledger.in_doubt.len()), (1, 0));
    assert_eq!(
        ledger.open[0].undo.as_ref().unwrap().line(),
        "DELETE /v1.0/roleManagement/directory/roleAssignments/a-1",
        "its id was found by looking"
    );
    assert_eq!(bench.tenant.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_intended_and_sent_is_offered_again_after_the_window() {
    let bench = Bench::new();
    {
        let engine = bench.engine("apply");
        intend(&engine).await;
    }
    let engine = bench.engine("apply");
    assert_eq!(engine.ledger().in_doubt.len(), 1);
    assert!(matches!(engine.plan("role", Direction::Apply).await, Err(Refusal::Unknown(_))), "nothing is planned while it is in doubt");
    assert_eq!(engine.settle_doubts().await, Ok(1));
    assert_eq!(engine.ledger().in_doubt, []);
    assert_eq!(engine.ledger().open, []);
    assert_eq!(engine.plan("role", Direction::Apply).await.unwrap().ops.len(), 1, "offered again");
    assert_eq!(bench.tenant.sent(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_sending_is_found_by_looking_and_never_sent_twice() {
    let bench = Bench::new();
    {
        let engine = bench.engine("apply");
        intend(&engine).await;
        bench.tenant.with(Tenant::assign);
    }
    let engine = bench.engine("walk");
    assert_eq!(engine.settle_doubts().await, Ok(1));
    assert_eq!(engine.ledger().open.len(), 1);
    assert_eq!(bench.tenant.sent(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_undo_in_doubt_of_a_change_that_never_showed_is_not_called_gone() {
    let bench = Bench::new();
    {
        let engine = bench.engine("apply");
        let plan = engine.plan("role", Direction::Apply).await.unwrap();
        engine.carry_out(&plan, How::Yes).await.unwrap();
        // It shows only after half a minute; the undo was intended before that and never left this machine.
        bench.tenant.with(|tenant| Tenant::assign_showing_after(tenant, SECOND * 30));
        let entry = engine.ledger().open[0].clone();
        let intended = Event::Intended {
            plan: "p".into(),
            op: entry.op.clone(),
            request: entry.undo.clone().unwrap(),
            before: String::new(),
            confirmed: "yes".into(),
            option: None,
            undo_of: Some(entry.n),
        };
        engine.record(Some("role"), intended).unwrap();
    }
    let engine = bench.engine("walk");
    engine.settle_doubts().await.unwrap();
    assert_eq!(engine.ledger().open.len(), 1, "the privilege is there, so the ledger keeps it");
    assert_eq!(engine.ledger().in_doubt, []);
}

#[tokio::test(start_paused = true)]
async fn a_system_that_cannot_be_read_leaves_the_doubt_for_the_next_start() {
    let bench = Bench::new();
    bench.tenant.with(|tenant| {
        tenant.lose_next_answer = true;
        tenant.cut_after_send = true;
    });
    let engine = bench.engine("apply");
    let plan = engine.plan("role", Direction::Apply).await.unwrap();
    assert!(matches!(engine.carry_out(&plan, How::Yes).await, Err(Refusal::Unknown(_))));
    assert_eq!(engine.ledger().in_doubt.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_one_process_writes_and_the_other_says_who() {
    let bench = Bench::new();
    let _first = bench.engine("walk");
    let second = bench.engine("apply");
    let why = second.read_only().unwrap();
    assert!(why.contains("`walk` (process "), "{why}");
    let plan = second.plan("role", Direction::Apply).await.unwrap();
    assert!(matches!(second.carry_out(&plan, How::Yes).await, Err(Refusal::Not(_))));
    assert_eq!(bench.tenant.sent(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn identical_requests_are_sent_once_in_a_survey() {
    let bench = Bench::new();
    let engine = bench.engine("check");
    engine.survey(&["role".into(), "cloud-only".into()]).await;
    assert_eq!(bench.tenant.looks("/v1.0/users"), 1);
}

// ---- the walk ----

struct ScriptedDoor(Arc<Tenant>);

#[async_trait::async_trait]
impl Door for ScriptedDoor {
    async fn connect(&self) -> Result<Arc<dyn guidepost::engine::probe::Systems>, NotConnected> {
        if self.0.with(|tenant| tenant.unreachable) {
            return Err(NotConnected::Failed(Problem::unknown("no connection to `lab`: refused").hint("start it")));
        }
        if self.0.with(|tenant| tenant.signed_out) {
            return Err(NotConnected::SignedOut(None));
        }
        Ok(self.0.clone())
    }
    fn usual_way(&self) -> Way {
        Way::Paste
    }
    async fn sign_in(&self, way: Way, purpose: Purpose, talk: Talk) -> Result<SignedIn, NotConnected> {
        let Talk { show, mut pasted } = talk;
        let ask = SignInAsk::Paste { address: "https://login.example/".to_owned() };
        let pane = SignInPane { way, ask, wrong: None, writing: None, azure: false };
        let _ = show.send(pane.clone()).await;
        while let Some(text) = pasted.recv().await {
            match text.expose() {
                "right" => {
                    let given = self.0.with(|tenant| tenant.sign_in(purpose));
                    return Ok(SignedIn { systems: self.0.clone(), app: "app-1".to_owned(), given });
                }
                "refused" => return Err(NotConnected::Failed(Problem::unknown("refused by a policy").hint("try another way"))),
                _ => drop(show.try_send(SignInPane { wrong: Some("not that".to_owned()), ..pane.clone() })),
            }
        }
        Err(NotConnected::SignedOut(None))
    }
    fn notice(&self) -> Option<Problem> {
        None
    }
    fn wire(&self) -> Arc<[WireLine]> {
        Arc::new([])
    }
}

fn walk(bench: &Bench, engine: Engine) -> Handle {
    let position = Some(bench.dir().join("position"));
    start(Begin {
        engine,
        door: Arc::new(ScriptedDoor(bench.tenant.clone())),
        step: None,
        options: Vec::new(),
        position,
        jitter: |_| Duration::ZERO,
    })
}

async fn until(handle: &mut Handle, wanted: impl Fn(&View) -> bool) -> Arc<View> {
    let found = tokio::time::timeout(Duration::from_mins(15), handle.views.wait_for(|view| wanted(view))).await;
    let Some(view) = found.ok().map(|view| view.unwrap().clone()) else {
        panic!("never came to it; last: {:#?}", handle.views.borrow().page);
    };
    view
}

async fn send(handle: &Handle, command: Command) {
    handle.commands.send(command).await.unwrap();
}

fn role_verdict(view: &View) -> Option<Verdict> {
    view.page.checks.iter().find(|check| check.id == "role-active").and_then(|check| check.verdict)
}

#[tokio::test(start_paused = true)]
async fn the_first_view_is_there_before_the_lab_is_reached() {
    let bench = Bench::new();
    let handle = walk(&bench, bench.engine("walk"));
    let view = handle.views.borrow().clone();
    assert_eq!(view.page.step.id, "role");
    assert!(matches!(view.page.lab.connection, Connection::Connecting(_)));
}

#[tokio::test(start_paused = true)]
async fn a_walk_by_commands_goes_fail_plan_pending_pass_and_back() {
    let bench = Bench::new();
    let mut handle = walk(&bench, bench.engine("walk"));
    until(&mut handle, |view| role_verdict(view) == Some(Verdict::Fail)).await;
    send(&handle, Command::PlanApply("role".into())).await;
    let view = until(&mut handle, |view| matches!(view.page.overlay, Some(Overlay::Plan(_)))).await;
    let Some(Overlay::Plan(plan)) = &view.page.overlay else { unreachable!() };
    assert_eq!(plan.typed.as_deref(), Some("apply"));
    send(&handle, Command::Confirm(plan.id.clone())).await;
    until(&mut handle, |view| role_verdict(view) == Some(Verdict::Pending)).await;
    let view = until(&mut handle, |view| role_verdict(view) == Some(Verdict::Pass)).await;
    assert_eq!(view.page.lab.open_changes, 1);
    send(&handle, Command::PlanUndo("role".into())).await;
    let view = until(&mut handle, |view| matches!(view.page.overlay, Some(Overlay::Plan(_)))).await;
    let Some(Overlay::Plan(plan)) = &view.page.overlay else { unreachable!() };
    send(&handle, Command::Confirm(plan.id.clone())).await;
    let view = until(&mut handle, |view| role_verdict(view) == Some(Verdict::Fail)).await;
    assert_eq!(view.page.lab.open_changes, 0);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_was_dismissed_cannot_be_confirmed() {
    let bench = Bench::new();
    let mut handle = walk(&bench, bench.engine("walk"));
    until(&mut handle, |view| role_verdict(view) == Some(Verdict::Fail)).await;
    send(&handle, Command::PlanApply("role".into())).await;
    let view = until(&mut handle, |view| view.page.overlay.is_some()).await;
    let Some(Overlay::Plan(plan)) = &view.page.overlay else { unreachable!() };
    send(&handle, Command::Dismiss).await;
    until(&mut handle, |view| view.page.overlay.is_none()).await;
    send(&handle, Command::Confirm(plan.id.clone())).await;
    send(&handle, Command::Attest { step: "manual".into(), task: "one".into() }).await;
    until(&mut handle, |view| view.page.activity.as_deref().is_some_and(|text| text.contains("attested"))).await;
    assert_eq!(bench.tenant.sent(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_walk_resumes_where_it_stood() {
    let bench = Bench::new();
    {
        let mut handle = walk(&bench, bench.engine("walk"));
        send(&handle, Command::View("manual".into())).await;
        until(&mut handle, |view| view.page.step.id == "manual").await;
    }
    // The lock goes with the walk's task, which ends when its handle is dropped.
    let engine = loop {
        tokio::task::yield_now().await;
        let engine = bench.engine("walk");
        if engine.read_only().is_none() {
            break engine;
        }
    };
    let handle = walk(&bench, engine);
    assert_eq!(handle.views.borrow().page.step.id, "manual");
}

#[tokio::test(start_paused = true)]
async fn a_lab_that_cannot_be_reached_says_so_and_check_again_tries_again() {
    let bench = Bench::new();
    bench.tenant.with(|tenant| tenant.unreachable = true);
    let mut handle = walk(&bench, bench.engine("walk"));
    let view = until(&mut handle, |view| matches!(view.page.lab.connection, Connection::Failed { .. })).await;
    assert!(view.page.offers.iter().any(|offer| offer.act == Act::Apply && offer.why_not.is_some()));
    bench.tenant.with(|tenant| tenant.unreachable = false);
    send(&handle, Command::CheckAgain).await;
    until(&mut handle, |view| role_verdict(view) == Some(Verdict::Fail)).await;
}

#[tokio::test(start_paused = true)]
async fn a_still_walk_looks_less_and_less() {
    let bench = Bench::new();
    let mut handle = walk(&bench, bench.engine("walk"));
    until(&mut handle, |view| role_verdict(view) == Some(Verdict::Fail)).await;
    tokio::time::sleep(Duration::from_mins(5)).await;
    let before = bench.tenant.looks("/v1.0/users");
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(bench.tenant.looks("/v1.0/users") - before, 10, "once a minute");
}

#[tokio::test(start_paused = true)]
async fn a_walk_that_finds_a_doubt_settles_it_by_itself() {
    let bench = Bench::new();
    {
        let engine = bench.engine("apply");
        intend(&engine).await;
        bench.tenant.with(Tenant::assign);
    }
    let mut handle = walk(&bench, bench.engine("walk"));
    let view = until(&mut handle, |view| view.page.lab.open_changes == 1).await;
    assert!(view.page.step.action.as_ref().unwrap().state.contains("done by Guidepost"));
}

#[test]
fn a_ledger_of_another_guide_is_not_ours() {
    let bench = Bench::new();
    let journal = Journal::read(bench.dir(), support::author("check"), support::clock()).unwrap();
    assert_eq!(Ledger::of(journal.lines(), "other").open, []);
}

fn ask(view: &View) -> Option<&SignInAsk> {
    match &view.page.overlay {
        Some(Overlay::SignIn(pane)) => Some(&pane.ask),
        _ => None,
    }
}

async fn paste(handle: &Handle, text: &str) {
    send(handle, Command::Paste(Pasted(Secret::new(text)))).await;
}

async fn signed_out() -> (Bench, Handle) {
    let bench = Bench::new();
    bench.tenant.with(|tenant| tenant.signed_out = true);
    let engine = bench.engine("walk");
    let mut handle = walk(&bench, engine);
    until(&mut handle, |view| view.page.lab.connection == Connection::SignedOut).await;
    (bench, handle)
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_shows_what_it_asks_and_what_was_wrong_and_then_looks() {
    let (_bench, mut handle) = signed_out().await;
    send(&handle, Command::SignIn).await;
    let view = until(&mut handle, |view| ask(view).is_some()).await;
    assert_eq!(ask(&view), Some(&SignInAsk::Paste { address: "https://login.example/".to_owned() }), "the lab's usual way");
    paste(&handle, "nonsense").await;
    until(&mut handle, |view| matches!(&view.page.overlay, Some(Overlay::SignIn(pane)) if pane.wrong.as_deref() == Some("not that"))).await;
    paste(&handle, "right").await;
    let view = until(&mut handle, |view| role_verdict(view).is_some()).await;
    assert_eq!((&view.page.overlay, &view.page.lab.connection), (&None, &Connection::Ready));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_sign_in_leaves_no_trace_and_another_can_begin() {
    let (_bench, mut handle) = signed_out().await;
    send(&handle, Command::SignIn).await;
    until(&mut handle, |view| ask(view).is_some()).await;
    send(&handle, Command::Dismiss).await;
    let view = until(&mut handle, |view| view.page.overlay.is_none()).await;
    assert_eq!((view.page.why_not(Act::SignIn), &view.page.lab.connection), (None, &Connection::SignedOut));
    paste(&handle, "right").await;
    send(&handle, Command::SignInBy(Way::Device)).await;
    let view = until(&mut handle, |view| ask(view).is_some()).await;
    assert!(matches!(&view.page.overlay, Some(Overlay::SignIn(pane)) if pane.way == Way::Device), "what came late was for nobody");
    // Another way in place of the one that waits.
    send(&handle, Command::SignInBy(Way::Browser)).await;
    until(&mut handle, |view| matches!(&view.page.overlay, Some(Overlay::SignIn(pane)) if pane.way == Way::Browser)).await;
    paste(&handle, "right").await;
    until(&mut handle, |view| view.page.lab.connection == Connection::Ready).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_sign_in_says_why_and_offers_a_way_out() {
    let (_bench, mut handle) = signed_out().await;
    send(&handle, Command::SignIn).await;
    until(&mut handle, |view| ask(view).is_some()).await;
    paste(&handle, "refused").await;
    let view = until(&mut handle, |view| matches!(ask(view), Some(SignInAsk::Ended { .. }))).await;
    let ended = SignInAsk::Ended { why: "refused by a policy".to_owned(), hint: Some("try another way".to_owned()) };
    assert_eq!((ask(&view), view.page.why_not(Act::SignIn)), (Some(&ended), None));
    send(&handle, Command::SignInBy(Way::Paste)).await;
    until(&mut handle, |view| matches!(ask(view), Some(SignInAsk::Paste { .. }))).await;
    paste(&handle, "right").await;
    until(&mut handle, |view| view.page.lab.connection == Connection::Ready && view.page.overlay.is_none()).await;
}

/// The scripted tenant, asked by an application.
struct ByAnApplication(Arc<Tenant>);

#[async_trait]
impl Systems for ByAnApplication {
    async fn look(&self, request: &Request) -> Result<Answer, LookError> {
        self.0.look(request).await
    }

    async fn send(&self, write: &Write, confirmed: &Confirmed) -> Result<Answer, SendError> {
        self.0.send(write, confirmed).await
    }

    fn me(&self) -> Option<Me> {
        self.0.me()
    }

    fn app_only(&self) -> bool {
        true
    }

    fn address(&self, path: &str) -> String {
        self.0.address(path)
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_looks_and_plans_no_change() {
    let bench = Bench::new();
    let engine = bench.engine("walk");
    engine.connect(Arc::new(ByAnApplication(bench.tenant.clone())));
    for direction in [Direction::Apply, Direction::Undo] {
        let refused = Problem::from(engine.plan("role", direction).await.unwrap_err());
        assert!(refused.what.ends_with("a change is a person's"), "{refused}");
        assert_eq!(refused.exit, Exit::Not);
    }
    engine.survey(&engine.with_needs("role")).await;
    assert!(bench.tenant.looks("/v1.0/users") > 0 && bench.tenant.sent().is_empty());
}

// ---- a sign-in for writing ----

#[tokio::test(start_paused = true)]
async fn a_confirmed_plan_goes_on_after_the_sign_in_for_writing_that_it_needs() {
    let bench = Bench::new();
    bench.tenant.with(|tenant| tenant.write_missing = true);
    let engine = bench.engine("walk");
    let mut handle = walk(&bench, engine.clone());
    until(&mut handle, |view| view.page.why_not(Act::Apply).is_none()).await;
    handle.commands.send(Command::PlanApply("role".into())).await.unwrap();
    let view = until(&mut handle, |view| matches!(view.page.overlay, Some(Overlay::Plan(_)))).await;
    let Some(Overlay::Plan(plan)) = &view.page.overlay else { panic!() };
    assert!(plan.sign_in.as_ref().is_some_and(|ask| ask.contains("`X.ReadWrite`") && ask.contains("stays in the tenant")), "{plan:?}");
    handle.commands.send(Command::Confirm(plan.id.clone())).await.unwrap();
    until(&mut handle, |view| matches!(view.page.overlay, Some(Overlay::SignIn(_)))).await;
    assert_eq!((bench.tenant.sent(), engine.ledger().count_open()), (Vec::new(), 0));
    handle.commands.send(Command::Paste(Pasted(Secret::new("right")))).await.unwrap();
    until(&mut handle, |view| view.page.overlay.is_none() && view.page.lab.open_changes == 2).await;
    assert_eq!(bench.tenant.sent().len(), 1, "sent once, without a second confirmation");
    let kinds: Vec<_> = Journal::read(bench.dir(), support::author("check"), support::clock()).unwrap().lines().to_vec();
    let at = |wanted: fn(&Event) -> bool| kinds.iter().position(|line| wanted(&line.event)).unwrap();
    assert!(at(|event| matches!(event, Event::Consented { .. })) < at(|event| matches!(event, Event::Intended { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_changed_during_the_sign_in_for_writing_is_not_sent() {
    let bench = Bench::new();
    bench.tenant.with(|tenant| tenant.write_missing = true);
    let mut handle = walk(&bench, bench.engine("walk"));
    until(&mut handle, |view| view.page.why_not(Act::Apply).is_none()).await;
    handle.commands.send(Command::PlanApply("role".into())).await.unwrap();
    let view = until(&mut handle, |view| matches!(view.page.overlay, Some(Overlay::Plan(_)))).await;
    let Some(Overlay::Plan(plan)) = &view.page.overlay else { panic!() };
    handle.commands.send(Command::Confirm(plan.id.clone())).await.unwrap();
    until(&mut handle, |view| matches!(view.page.overlay, Some(Overlay::SignIn(_)))).await;
    bench.tenant.with(|tenant| tenant.user_id = "u-2".into());
    handle.commands.send(Command::Paste(Pasted(Secret::new("right")))).await.unwrap();
    let view = until(&mut handle, |view| view.page.notice.is_some()).await;
    assert!(view.page.notice.as_ref().unwrap().text.contains("not the one that was confirmed"), "{:?}", view.page.notice);
    assert_eq!(bench.tenant.sent(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_refused_or_cancelled_sign_in_for_writing_leaves_the_lab_connected_and_nothing_sent() {
    let bench = Bench::new();
    bench.tenant.with(|tenant| tenant.write_missing = true);
    let mut handle = walk(&bench, bench.engine("walk"));
    until(&mut handle, |view| view.page.why_not(Act::Apply).is_none()).await;
    handle.commands.send(Command::PlanApply("role".into())).await.unwrap();
    let view = until(&mut handle, |view| matches!(view.page.overlay, Some(Overlay::Plan(_)))).await;
    let Some(Overlay::Plan(plan)) = &view.page.overlay else { panic!() };
    handle.commands.send(Command::Confirm(plan.id.clone())).await.unwrap();
    let asks = |view: &View| matches!(&view.page.overlay, Some(Overlay::SignIn(pane)) if matches!(pane.ask, SignInAsk::Paste { .. }));
    until(&mut handle, asks).await;
    handle.commands.send(Command::Paste(Pasted(Secret::new("refused")))).await.unwrap();
    let ended = |view: &View| matches!(&view.page.overlay, Some(Overlay::SignIn(pane)) if matches!(pane.ask, SignInAsk::Ended { .. }));
    until(&mut handle, ended).await;
    handle.commands.send(Command::SignInBy(Way::Device)).await.unwrap();
    until(&mut handle, asks).await;
    handle.commands.send(Command::Dismiss).await.unwrap();
    let view = until(&mut handle, |view| view.page.overlay.is_none()).await;
    assert_eq!(view.page.lab.connection, Connection::Ready);
    assert!(view.page.notice.as_ref().is_some_and(|notice| notice.text.contains("nothing was sent")), "{:?}", view.page.notice);
    assert_eq!(bench.tenant.sent(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn where_azure_wants_a_sign_in_of_its_own_the_walk_offers_it_and_looks_again() {
    let bench = Bench::new();
    let mut handle = walk(&bench, bench.engine("walk"));
    let view = until(&mut handle, |view| view.page.step.verdict.is_some()).await;
    assert_eq!(view.page.why_not(Act::SignIn).as_deref(), Some("you are signed in"));
    bench.tenant.with(|tenant| tenant.trouble = Some(Trouble::NoAzure));
    send(&handle, Command::CheckAgain).await;
    let view = until(&mut handle, |view| view.page.why_not(Act::SignIn).is_none()).await;
    assert_eq!(view.page.lab.connection, Connection::Ready);
    send(&handle, Command::SignIn).await;
    // This door knows no Azure: what it says is shown, and the lab stays connected.
    let ended =
        |view: &View| matches!(&view.page.overlay, Some(Overlay::SignIn(SignInPane { ask: SignInAsk::Ended { .. }, azure: true, .. })));
    let view = until(&mut handle, ended).await;
    assert_eq!(view.page.lab.connection, Connection::Ready);
    send(&handle, Command::Dismiss).await;
    let view = until(&mut handle, |view| view.page.overlay.is_none()).await;
    assert_eq!(view.page.activity.as_deref(), Some("nobody is signed in to Azure"));
    bench.tenant.with(|tenant| tenant.trouble = None);
    send(&handle, Command::CheckAgain).await;
    until(&mut handle, |view| view.page.why_not(Act::SignIn).is_some()).await;
}
