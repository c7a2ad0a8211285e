//! Hand-made views for the tests of both faces: each screen state of the step page, with words as long as the real ones.

pub(crate) mod window;

use crate::{
    base::http::WireLine,
    engine::{
        check::Verdict,
        consent::WriteAsk,
        page::{
            Act, ActionLine, Attested, CheckPane, Connection, LabLine, Meter, NoteLine, Notice, Offer, Overlay, Page, PlanLine, PlanPane,
            RailPhase, RailStep, SignInAsk, SignInPane, StepPage, TaskLine, Way, WizardLine,
        },
        run::View,
    },
    guide::prose::{Block, Span, SpanStyle},
};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};

/// `**label**` and `` `code` `` as spans.
pub(crate) fn spans(text: &str) -> Vec<Span> {
    let mut out = Vec::new();
    for (at, part) in text.split("**").enumerate() {
        for (inner, part) in part.split('`').enumerate() {
            let style = match (at % 2, inner % 2) {
                (1, _) => SpanStyle::Strong,
                (_, 1) => SpanStyle::Code,
                _ => SpanStyle::Plain,
            };
            if !part.is_empty() {
                out.push(Span { text: part.to_owned(), style, link: None });
            }
        }
    }
    out
}

fn paragraph(text: &str) -> Block {
    Block::Paragraph(spans(text))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn rail(current: &str, verdicts: [Option<Verdict>; 10]) -> Vec<RailPhase> {
    let titles = [
        ("subscription", "Subscription with Entra ID P1 or P2"),
        ("machines", "DC1, APP1 and CLIENT1"),
        ("sync", "Password hash synchronization"),
        ("global-administrator", "Make User 1 a Global Administrator"),
        ("delegate-reset-rights", "Delegate the reset rights"),
        ("entra-connect-writeback", "Switch on password writeback"),
        ("self-service-reset", "Self-service password reset"),
        ("writeback-test-user", "A user to test with"),
        ("prove-writeback", "Prove the writeback"),
        ("take-back", "Take back what was granted"),
    ];
    let mut steps = titles.iter().zip(verdicts).map(|((id, title), verdict)| RailStep {
        id: (*id).to_owned(),
        title: (*title).to_owned(),
        verdict,
        drifted: false,
        current: *id == current,
    });
    let first = steps.by_ref().take(3).collect();
    vec![
        RailPhase { title: "Phase 1: the simulated enterprise".to_owned(), steps: first },
        RailPhase { title: "Phase 2: password writeback".to_owned(), steps: steps.collect() },
    ]
}

fn task(id: &str, covers: &str, text: &str) -> TaskLine {
    TaskLine { id: id.to_owned(), covers: Some(covers.to_owned()), text: spans(text), attested: None }
}

fn tasks() -> Vec<TaskLine> {
    vec![
        task(
            "open-admin-center",
            "A1",
            "Sign in to the **Microsoft 365 admin center** at `https://admin.cloud.microsoft` with your Global Administrator account (the guide still names `portal.microsoft.com`).",
        ),
        task("active-users", "A2", "Open **Users**, then **Active users**."),
        task("pick-user", "A3", "Pick **user1** in the list."),
        task("manage-roles", "A4", "In the pane of **user1** choose **Manage roles** (in the guide: **Edit** beside **Roles**)."),
        task(
            "assign-role",
            "A5",
            "Choose **Admin center access**, tick **Global Administrator**, then **Save changes** and close the pane.",
        ),
    ]
}

fn check(id: &str, title: &str, verdict: Option<Verdict>) -> CheckPane {
    CheckPane {
        id: id.to_owned(),
        title: spans(title),
        verdict,
        drifted: false,
        expected: None,
        found: None,
        code: None,
        why: None,
        way_out: Vec::new(),
        looked_at: verdict.map(|_| at("2026-11-22T15:04:05Z")),
        age: verdict.map(|_| Duration::from_secs(12)),
        stale: false,
        took: verdict.map(|_| Duration::from_millis(84)),
        next_look: verdict.map(|_| Duration::from_secs(31)),
        looking: None,
    }
}

fn offers(off: &[(Act, &str)]) -> Vec<Offer> {
    Act::ALL
        .into_iter()
        .filter(|act| *act != Act::Wizard)
        .map(|act| Offer { act, why_not: off.iter().find(|(a, _)| *a == act).map(|(_, why)| (*why).to_owned()) })
        .collect()
}

fn wire(method: &str, target: &str, status: Option<u16>, note: Option<&str>, second: u8) -> WireLine {
    WireLine {
        at: at(&format!("2026-11-22T15:04:{second:02}Z")),
        method: method.to_owned(),
        target: target.to_owned(),
        status,
        note: note.map(str::to_owned),
        took: Duration::from_millis(u64::from(second) * 37 + 9),
        request_id: Some("7b1f9d0e-5a2c-4e8f-9b57-0c5f2d1a3e44".to_owned()),
    }
}

/// The role step: its user is there, the role is not.
pub(crate) fn fail() -> View {
    let mut synced = check("synced", "User 1 is known in Entra ID and can sign in", Some(Verdict::Pass));
    synced.expected = Some("1 entry".to_owned());
    synced.found = Some("1 entry: user1@contoso.example".to_owned());
    let mut role = check("role-active", "User 1 holds the role **Global Administrator** for the whole tenant", Some(Verdict::Fail));
    role.expected = Some("an assignment with directoryScopeId `/`".replace('`', ""));
    role.found = Some("no assignment".to_owned());
    role.code = Some("ROLE_NOT_ACTIVE".to_owned());
    role.why =
        Some("User 1 has no active assignment of the role. An eligible assignment (PIM) does not count until it is activated.".to_owned());
    role.way_out =
        vec!["Let Guidepost assign it: apply".to_owned(), "Or assign it by hand, as the tasks say, and wait a moment".to_owned()];
    let lab = LabLine {
        name: "practice".to_owned(),
        environment: "practice".to_owned(),
        tenant: Some("contoso.onmicrosoft.com".to_owned()),
        account: Some("admin@contoso.onmicrosoft.com".to_owned()),
        meter: None,
        connection: Connection::Ready,
        open_changes: 0,
        clock_ahead: None,
        read_only: None,
    };
    let step = StepPage {
        id: "global-administrator".to_owned(),
        title: "Make User 1 a Global Administrator".to_owned(),
        summary: "The account that delegates rights and runs the wizard later needs the role for a while.".to_owned(),
        position: (4, 10),
        verdict: Some(Verdict::Fail),
        verdict_note: None,
        risk: "High".to_owned(),
        place: "Microsoft 365 admin center".to_owned(),
        why: vec![paragraph(
            "Entra Connect asks for a **Global Administrator** or a **Hybrid Identity Administrator** when its options are changed. The guide uses User 1 for that; the last step takes the role away again.",
        )],
        options: Vec::new(),
        tasks: tasks(),
        trip: None,
        pages: Vec::new(),
        mirror: None,
        notes: vec![
            NoteLine {
                title: "The pane for roles has another name".to_owned(),
                origin: "Seen 2025-06, Microsoft Learn, assign admin roles".to_owned(),
                blocks: vec![paragraph(
                    "The guide of 2019 says **Edit** beside **Roles**. Today the link is **Manage roles**, and the role stands under **Admin center access**.",
                )],
            },
            NoteLine {
                title: "A smaller role is enough".to_owned(),
                origin: "Seen 2025-06, Microsoft Learn, Entra Connect accounts".to_owned(),
                blocks: vec![paragraph("**Hybrid Identity Administrator** may run the wizard. Guidepost tests what the guide says.")],
            },
        ],
        action: Some(ActionLine {
            changes: vec![spans("Assigns the role **Global Administrator** to `User1`, for the whole tenant")],
            state: "not done".to_owned(),
        }),
    };
    let page = Page {
        guide: "Password writeback for your Microsoft 365 test environment".to_owned(),
        lab,
        rail: rail(
            "global-administrator",
            [
                Some(Verdict::Pass),
                Some(Verdict::Unknown),
                Some(Verdict::Pass),
                Some(Verdict::Fail),
                Some(Verdict::Blocked),
                None,
                None,
                None,
                None,
                Some(Verdict::NotApplicable),
            ],
        ),
        step,
        checks: vec![synced, role],
        offers: offers(&[(Act::Undo, "Guidepost changed nothing here"), (Act::SignIn, "signed in already")]),
        activity: Some("15:04:05  GET graph.microsoft.com/v1.0/roleManagement/directory/roleAssignments  200  84 ms".to_owned()),
        notice: None,
        overlay: None,
    };
    let lines = vec![
        wire("GET", "localhost:40123/v1.0/organization?$select=id,onPremisesSyncEnabled", Some(200), None, 1),
        wire(
            "GET",
            "localhost:40123/v1.0/users?$filter=onPremisesSamAccountName eq 'User1'&$select=id,userPrincipalName,accountEnabled",
            Some(200),
            None,
            2,
        ),
        wire("GET", "localhost:40123/v1.0/subscribedSkus", Some(403), Some("Authorization_RequestDenied"), 3),
        wire("GET", "localhost:40123/v1.0/domains", None, Some("no reply within 10 s"), 4),
    ];
    View { page, wire: Arc::from(lines) }
}

/// The first frame: nothing was looked at yet.
pub(crate) fn connecting() -> View {
    let mut view = fail();
    view.page.lab.connection = Connection::Connecting("starting the practice lab".to_owned());
    view.page.lab.account = None;
    view.page.lab.tenant = None;
    view.page.activity = None;
    view.page.rail = rail("global-administrator", [None; 10]);
    view.page.step.verdict = None;
    view.page.checks = vec![
        CheckPane { looking: Some(Duration::ZERO), ..check("synced", "User 1 is known in Entra ID and can sign in", None) },
        check("role-active", "User 1 holds the role **Global Administrator** for the whole tenant", None),
    ];
    view.page.offers = offers(&[
        (Act::Apply, "the lab is not reached yet"),
        (Act::Undo, "the lab is not reached yet"),
        (Act::CheckAgain, "the lab is not reached yet"),
        (Act::SignIn, "the lab is not reached yet"),
    ]);
    view.wire = Arc::from(Vec::new());
    view
}

/// A plan of high risk, to be confirmed by a typed word.
pub(crate) fn plan() -> View {
    let mut view = fail();
    view.page.overlay = Some(Overlay::Plan(PlanPane {
        title: "Apply: make User 1 a Global Administrator".to_owned(),
        id: "3fa2c9d0b1e4f56788990a1b2c3d4e5f60718293a4b5c6d7e8f9011223344556".to_owned(),
        ops: vec![PlanLine {
            title: spans("Assigns the role **Global Administrator** to `User1`, for the whole tenant"),
            request: "POST https://localhost:40123/v1.0/roleManagement/directory/roleAssignments".to_owned(),
            body: "{\n  \"principalId\": \"0f6e1a52-6f0f-4a3e-9a59-1f3a5d1f8c11\",\n  \"roleDefinitionId\": \"62e90394-69f5-4237-9190-012177145e10\",\n  \"directoryScopeId\": \"/\"\n}".to_owned(),
            before: "no assignment".to_owned(),
            undo: "DELETE …/roleAssignments/‹known after assign›".to_owned(),
            needs: Some("RoleManagement.ReadWrite.Directory".to_owned()),
        }],
        typed: Some("global-administrator".to_owned()),
        sign_in: None,
        sending: false,
    }));
    view
}

/// A sign-in that may only read, as the service named it.
fn reads_only() -> Meter {
    let read = ["Domain.Read.All", "Organization.Read.All", "RoleManagement.Read.Directory", "User.Read.All"];
    Meter { read: read.map(str::to_owned).to_vec(), write: Vec::new() }
}

/// The same plan where nobody has consented to what it needs.
pub(crate) fn plan_before_consent() -> View {
    let mut view = plan();
    view.page.lab.meter = Some(reads_only());
    if let Some(Overlay::Plan(plan)) = &mut view.page.overlay {
        let app = "14d82eec-204b-4c2f-b7e8-296a70dab67e".to_owned();
        let (missing, why) = (vec!["RoleManagement.ReadWrite.Directory".to_owned()], "nobody has consented".to_owned());
        let absent = missing.clone();
        plan.sign_in = Some(WriteAsk { app, missing, absent, why }.sentence());
    }
    view
}

/// The sign-in for writing that such a plan leads to.
pub(crate) fn sign_in_to_write() -> View {
    let mut view = plan_before_consent();
    let ask = SignInAsk::Open { address: AUTHORIZE.to_owned() };
    let writing = Some("`RoleManagement.ReadWrite.Directory` for the application `14d82eec-204b-4c2f-b7e8-296a70dab67e`".to_owned());
    view.page.overlay = Some(Overlay::SignIn(SignInPane { way: Way::Browser, ask, wrong: None, writing, azure: false }));
    view
}

/// The same plan on its way.
pub(crate) fn sending() -> View {
    let mut view = plan();
    if let Some(Overlay::Plan(plan)) = &mut view.page.overlay {
        plan.sending = true;
    }
    view
}

/// Applied; the assignment does not show in every reply yet.
pub(crate) fn pending() -> View {
    let mut view = fail();
    let page = &mut view.page;
    page.lab.open_changes = 1;
    page.step.verdict = Some(Verdict::Pending);
    page.step.verdict_note = Some("a change may need up to 2 min to show".to_owned());
    page.rail[1].steps[0].verdict = Some(Verdict::Pending);
    page.checks[1] = CheckPane {
        expected: Some("an assignment with directoryScopeId /, 3 looks in a row".to_owned()),
        found: Some("1 of 3 looks".to_owned()),
        age: Some(Duration::from_secs(2)),
        next_look: Some(Duration::from_millis(2_400)),
        ..check("role-active", "User 1 holds the role **Global Administrator** for the whole tenant", Some(Verdict::Pending))
    };
    if let Some(action) = &mut page.step.action {
        action.state = "done by Guidepost just now".to_owned();
    }
    page.offers = offers(&[(Act::Apply, "done already"), (Act::SignIn, "signed in already")]);
    view
}

/// Applied and proved.
pub(crate) fn pass() -> View {
    let mut view = pending();
    let page = &mut view.page;
    page.lab.open_changes = 2;
    page.step.verdict = Some(Verdict::Pass);
    page.step.verdict_note = None;
    page.rail[1].steps[0].verdict = Some(Verdict::Pass);
    page.checks[1].verdict = Some(Verdict::Pass);
    page.checks[1].expected = Some("an assignment with directoryScopeId /".to_owned());
    page.checks[1].found = Some("1 assignment".to_owned());
    page.checks[1].next_look = Some(Duration::from_secs(50));
    page.step.tasks[0].attested = Some(Attested { by: "admin@contoso.onmicrosoft.com".to_owned(), at: at("2026-11-22T15:03:00Z") });
    view
}

/// A right is missing, so nobody could look.
pub(crate) fn unknown() -> View {
    let mut view = fail();
    let page = &mut view.page;
    page.step.verdict = Some(Verdict::Unknown);
    page.rail[1].steps[0].verdict = Some(Verdict::Unknown);
    page.checks[1].verdict = Some(Verdict::Unknown);
    page.checks[1].found = None;
    page.checks[1].code = Some("READ_CONSENT_MISSING".to_owned());
    page.checks[1].why = Some(
        "cannot read the role assignments: 403 Authorization_RequestDenied, request-id 7b1f9d0e-5a2c-4e8f-9b57-0c5f2d1a3e44".to_owned(),
    );
    page.checks[1].way_out = vec!["Sign in with a role that may read them, for example Global Reader".to_owned()];
    page.checks[1].stale = true;
    page.checks[1].age = Some(Duration::from_secs(400));
    page.notice = Some(Notice {
        text: "no keyring answers here, sign-ins are kept in memory only".to_owned(),
        hint: Some("run `guidepost doctor`".to_owned()),
    });
    view
}

/// Another check must pass first.
pub(crate) fn blocked() -> View {
    let mut view = fail();
    let page = &mut view.page;
    page.step.verdict_note = Some("User 1 was not found".to_owned());
    page.checks[0].verdict = Some(Verdict::Fail);
    page.checks[0].found = Some("no entry".to_owned());
    page.checks[0].code = Some("USER_NOT_SYNCED".to_owned());
    page.checks[0].why = Some("No user in Entra ID has the on-premises name User1.".to_owned());
    page.checks[0].way_out = vec!["Wait for the next synchronization cycle, at most 30 min".to_owned()];
    page.checks[1] = CheckPane {
        why: Some("waits for: User 1 is known in Entra ID".to_owned()),
        ..check("role-active", "User 1 holds the role **Global Administrator** for the whole tenant", Some(Verdict::Blocked))
    };
    page.offers = offers(&[(Act::Apply, "User 1 is not known in Entra ID yet"), (Act::Undo, "Guidepost changed nothing here")]);
    view
}

/// It passed once and fails now.
pub(crate) fn drifted() -> View {
    let mut view = fail();
    view.page.checks[1].drifted = true;
    view.page.rail[1].steps[0].drifted = true;
    view
}

/// Set aside, and not applicable.
pub(crate) fn waived() -> View {
    let mut view = fail();
    let page = &mut view.page;
    page.step.verdict = Some(Verdict::Waived);
    page.rail[1].steps[0].verdict = Some(Verdict::Waived);
    page.checks[0] = CheckPane {
        why: Some("this lab has no Privileged Identity Management".to_owned()),
        ..check("pim", "No eligible assignment is left", Some(Verdict::NotApplicable))
    };
    page.checks[1] = CheckPane {
        why: Some("waived by admin@contoso.onmicrosoft.com until 2026-12-01: shown in class only".to_owned()),
        ..check("role-active", "User 1 holds the role **Global Administrator** for the whole tenant", Some(Verdict::Waived))
    };
    view
}

/// The sign-in page is open.
pub(crate) fn sign_in() -> View {
    let mut view = connecting();
    view.page.lab.connection = Connection::SignedOut;
    let ask = SignInAsk::Open { address: AUTHORIZE.to_owned() };
    view.page.overlay = Some(Overlay::SignIn(SignInPane { way: Way::Browser, ask, wrong: None, writing: None, azure: false }));
    view
}

/// An address is to be pasted, and what came was wrong.
pub(crate) fn pasting() -> View {
    let mut view = sign_in();
    let (ask, wrong) = (SignInAsk::Paste { address: AUTHORIZE.to_owned() }, Some("that is the answer to another sign-in".to_owned()));
    view.page.overlay = Some(Overlay::SignIn(SignInPane { way: Way::Paste, ask, wrong, writing: None, azure: false }));
    view
}

/// A code is to be entered.
pub(crate) fn code() -> View {
    let mut view = sign_in();
    let ask = SignInAsk::Code {
        user_code: "A1B2C3D4E".to_owned(),
        address: "https://microsoft.com/devicelogin".to_owned(),
        expires_at: Timestamp::UNIX_EPOCH,
        left: Duration::from_secs(754),
    };
    view.page.overlay = Some(Overlay::SignIn(SignInPane { way: Way::Device, ask, wrong: None, writing: None, azure: false }));
    view
}

/// A policy refused the sign-in.
pub(crate) fn sign_in_ended() -> View {
    let mut view = sign_in();
    let why = "sign-in was refused: a Conditional Access policy blocks this sign-in (invalid_grant: AADSTS53003: Access has been blocked)";
    let hint = Some("try another way (`browser` or `paste`): many tenants block device codes".to_owned());
    view.page.overlay = Some(Overlay::SignIn(SignInPane {
        way: Way::Device,
        ask: SignInAsk::Ended { why: why.to_owned(), hint },
        wrong: None,
        writing: None,
        azure: false,
    }));
    view
}

const AUTHORIZE: &str = "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/authorize?client_id=14d82eec-204b-4c2f-b7e8-296a70dab67e&response_type=code&redirect_uri=http%3A%2F%2Flocalhost%3A41234&scope=openid%20offline_access";

/// An op whose end nobody saw.
pub(crate) fn doubt() -> View {
    let mut view = fail();
    view.page.overlay =
        Some(Overlay::Doubt { what: "POST https://graph.microsoft.com/v1.0/roleManagement/directory/roleAssignments".to_owned() });
    view
}

/// Another process writes the journal.
pub(crate) fn read_only() -> View {
    let mut view = fail();
    let page = &mut view.page;
    page.lab.read_only = Some("process 4711 writes the journal".to_owned());
    page.notice = Some(Notice {
        text: "the journal is read-only here: process 4711 writes it".to_owned(),
        hint: Some("end the other guidepost, then start again".to_owned()),
    });
    page.offers = offers(&[
        (Act::Apply, "process 4711 writes the journal"),
        (Act::Undo, "process 4711 writes the journal"),
        (Act::Attest, "process 4711 writes the journal"),
    ]);
    view
}

/// No connection to the lab.
pub(crate) fn no_connection() -> View {
    let mut view = connecting();
    view.page.lab.connection = Connection::Failed {
        why: "cannot reach `graph.microsoft.com`: connection refused".to_owned(),
        hint: Some("check the proxy in [net] of the lab's profile".to_owned()),
    };
    view
}

/// A step whose pages a person walks through in a wizard.
pub(crate) fn wizard() -> View {
    let mut view = fail();
    let page = &mut view.page;
    page.rail = rail("entra-connect-writeback", [Some(Verdict::Pass); 10]);
    let step = &mut page.step;
    step.id = "entra-connect-writeback".to_owned();
    step.title = "Switch on password writeback".to_owned();
    step.summary = "Entra Connect on APP1 is told to write passwords back.".to_owned();
    step.position = (6, 10);
    step.place = "APP1, Azure AD Connect".to_owned();
    step.verdict = Some(Verdict::Unknown);
    step.verdict_note = Some("nothing can prove it; 0 of 9 attested".to_owned());
    step.action = None;
    step.tasks = vec![task("run-connect", "C1", "Start **Azure AD Connect** from the desktop of **APP1**.")];
    let lines = |lines: &[(&str, &str)]| lines.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    step.pages = vec![
        WizardLine {
            id: "additional-tasks".to_owned(),
            task: Some(1),
            attested: None,
            title: spans("**Additional tasks**"),
            lines: lines(&[("choose", "Customize synchronization options"), ("press", "Next")]),
        },
        WizardLine {
            id: "optional-features".to_owned(),
            task: None,
            attested: None,
            title: spans("**Optional features**"),
            lines: lines(&[("tick", "Password writeback"), ("keep", "Password hash synchronization"), ("press", "Next")]),
        },
    ];
    page.checks = Vec::new();
    page.offers = offers(&[(Act::Apply, "only a person can do this step"), (Act::Undo, "Guidepost changed nothing here")]);
    page.offers.insert(0, Offer { act: Act::Wizard, why_not: None });
    view
}

/// A step that a person's word alone stands for.
pub(crate) fn attested_only() -> View {
    let mut view = wizard();
    let step = &mut view.page.step;
    step.pages = Vec::new();
    view.page.offers.retain(|offer| offer.act != Act::Wizard);
    let step = &mut view.page.step;
    step.notes = Vec::new();
    step.tasks.push(task("sspr-on", "C2", "Under **Self service password reset enabled** choose **All**, then **Save**."));
    for task in &mut step.tasks {
        task.attested = Some(Attested { by: "admin@contoso.onmicrosoft.com".to_owned(), at: at("2026-11-22T15:03:00Z") });
    }
    step.verdict_note = Some("nothing can prove it; 2 of 2 attested".to_owned());
    view
}

/// Very long words, wide characters, what cleaning leaves of escape sequences.
pub(crate) fn hostile() -> View {
    let mut view = fail();
    let long = "aReallyLongValueWithoutAnySpace".repeat(20);
    let wild = format!("\u{fffd}[31mred\u{fffd}]0;title\u{fffd} 日本語テキスト 🙂🙂 e\u{301}e\u{301} {long}");
    let page = &mut view.page;
    page.guide.clone_from(&wild);
    page.lab.account = Some(wild.clone());
    page.lab.environment.clone_from(&wild);
    page.rail[0].title.clone_from(&wild);
    page.rail[0].steps[0].title.clone_from(&wild);
    page.step.title.clone_from(&wild);
    page.step.summary.clone_from(&wild);
    page.step.place.clone_from(&wild);
    page.step.tasks[0].covers = Some(long.clone());
    page.step.tasks[1].text = spans(&wild);
    if let Some(action) = &mut page.step.action {
        action.state.clone_from(&wild);
    }
    page.checks[1].found = Some(wild.clone());
    page.checks[1].way_out = vec![wild.clone()];
    page.activity = Some(wild.clone());
    page.notice = Some(Notice { text: wild.clone(), hint: Some(wild) });
    view
}
