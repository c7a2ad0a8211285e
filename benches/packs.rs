//! How long a pack of 500 steps takes to load and lint; the goal is 100 ms. Not a test of what it finds.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench")]

use criterion::{Criterion, criterion_group, criterion_main};
use guidepost::guide::{load, source::Files};
use std::{fmt::Write as _, hint::black_box};

const STEPS: usize = 500;

/// A pack whose steps are as long as a real one, each needing a check of the step before.
fn pack() -> Files {
    let mut files = Vec::new();
    let mut names = String::new();
    let mut actions = String::new();
    for number in 0..STEPS {
        let id = format!("step-{number}");
        write!(names, "{id}, ").unwrap();
        write!(actions, "A{number}, ").unwrap();
        files.push((format!("steps/{id}/step.yaml"), step(number).into_bytes()));
        files.push((format!("steps/{id}/en.md"), words(number).into_bytes()));
    }
    let yaml = format!(
        "format: 1\nid: large\nversion: 1.0.0\nsource: {{title: Large, dated: 2019-11-22}}\nenvironment: test\n\
         variables:\n  user1_sam: {{type: sam-name, default: User1}}\n\
         constants:\n  role: 62e90394-69f5-4237-9190-012177145e10\n\
         rights:\n  graph: {{read: [User.Read.All, RoleManagement.Read.Directory], write: [RoleManagement.ReadWrite.Directory]}}\n\
         phases:\n  - {{id: all, title: All, steps: [{names}]}}\nactions: [{actions}]\n"
    );
    files.push(("pack.yaml".to_owned(), yaml.into_bytes()));
    Files::memory("large", files)
}

fn step(number: usize) -> String {
    let needs = if number == 0 { String::new() } else { format!("step-{}/active", number - 1) };
    format!(
        r#"id: step-{number}
kind: action
risk: high
where: Microsoft 365 admin center
probes:
  user: {{graph: {{get: /v1.0/users, filter: "onPremisesSamAccountName eq {{{{ var:user1_sam }}}}", select: [id, displayName], eventual: true}}}}
  assigned: {{graph: {{get: /v1.0/roleManagement/directory/roleAssignments, filter: "principalId eq {{{{ user:/value/0/id }}}} and roleDefinitionId eq {{{{ const:role }}}}"}}}}
checks:
  synced:
    needs: [{needs}]
    probe: user
    expect:
      - {{path: /value, count: 1}}
      - {{path: /value/0/displayName, matches: "^User"}}
    fail: USER_NOT_SYNCED
  active:
    needs: [synced]
    probe: assigned
    expect: [{{any: /value, where: [{{path: /directoryScopeId, equals: /}}]}}]
    fail: ROLE_NOT_ACTIVE
    settle: {{every: 5s, within: 2m, hold: 3}}
diagnose:
  - {{when: {{probe: user, error: 403}}, code: READ_CONSENT_MISSING, verdict: unknown}}
apply:
  ops:
    - id: assign
      unless: active
      graph:
        post: /v1.0/roleManagement/directory/roleAssignments
        body: {{principalId: "{{{{ user:/value/0/id }}}}", roleDefinitionId: "{{{{ const:role }}}}", directoryScopeId: /}}
      capture: {{assignment: /id}}
      doubt: look
      undo: {{graph: {{delete: "/v1.0/roleManagement/directory/roleAssignments/{{{{ captured:assignment }}}}"}}}}
  settle: active
tasks:
  - {{id: open-admin-center, covers: A{number}}}
  - {{id: give-the-role}}
"#
    )
}

fn words(number: usize) -> String {
    let paragraph = "The wizard asks for a **Global Administrator**, found by `onPremisesSamAccountName` and *never* by name. ".repeat(4);
    let message =
        |code: &str| format!("### It is not so {{#{code}}}\n\n{paragraph}\n\n- Look [there](https://contoso.example/).\n- Look again.\n\n");
    format!(
        "---\ntitle: Step {number}\nsummary: The user becomes an administrator.\n---\n\n## Why {{#why}}\n\n{paragraph}\n\n\
         ## By hand {{#by-hand}}\n\n- Open the **admin center** {{#open-admin-center}}\n- Give the role {{#give-the-role}}\n\n\
         ## Checks {{#checks}}\n\n- The user is there {{#synced}}\n- The role is active {{#active}}\n\n\
         ## Changes {{#changes}}\n\n- The user gets the role {{#assign}}\n\n## Messages {{#messages}}\n\n{}{}{}\
         ## Field notes {{#field-notes}}\n\n### The label is another {{#label}}\n\n*2026-05-27, by trying it*\n\n{paragraph}\n",
        message("USER_NOT_SYNCED"),
        message("ROLE_NOT_ACTIVE"),
        message("READ_CONSENT_MISSING"),
    )
}

fn load_and_lint(criterion: &mut Criterion) {
    let files = pack();
    let examined = load::examine(&files);
    if let Some(finding) = examined.findings.first() {
        panic!("the pack of the bench is wrong: {finding}");
    }
    criterion.bench_function("load and lint 500 steps", |bencher| bencher.iter(|| load::examine(black_box(&files)).guide.unwrap()));
}

criterion_group!(benches, load_and_lint);
criterion_main!(benches);
