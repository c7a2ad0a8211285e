//! The wizard of Entra Connect over the control: what its pages take, what they refuse, and what follows.

use crate::lab::{Lab, run};
use serde_json::{Value, json};

async fn window(lab: &Lab) -> Value {
    lab.http.get(format!("{}/wizard", lab.text("control"))).send().await.unwrap().json().await.unwrap()
}

/// Does all of it, and gives the last window.
async fn does(lab: &Lab, steps: &[(&str, &str)]) -> Value {
    let mut last = Value::Null;
    for (verb, label) in steps {
        let (status, reply) = lab.control("wizard", &json!({*verb: label})).await;
        assert_eq!(status, 200, "{verb} {label}: {reply}");
        last = reply;
    }
    last
}

const TO_FEATURES: [(&str, &str); 8] = [
    ("press", "Configure"),
    ("choose", "Customize synchronization options"),
    ("press", "Next"),
    ("enter", "Username"),
    ("enter", "Password"),
    ("press", "Next"),
    ("press", "Next"),
    ("press", "Next"),
];

async fn opens(lab: &Lab) {
    let (status, reply) = lab.control("wizard", &json!({"open": true})).await;
    assert_eq!((status.as_u16(), &reply["page"]["id"]), (200, &json!("welcome")), "{reply}");
}

/// The box's state, as the page shows it.
fn ticked(window: &Value, label: &str) -> bool {
    window["page"]["boxes"].as_array().unwrap().iter().find(|one| one["label"] == label).unwrap()["ticked"] == true
}

#[tokio::test]
async fn the_wizard_goes_from_page_to_page_and_configure_changes_what_the_next_opening_finds() {
    let lab = Lab::start(&[]).await;
    assert_eq!(window(&lab).await, json!({"open": false, "page": null}));
    opens(&lab).await;
    let features = does(&lab, &TO_FEATURES).await;
    assert_eq!(features["page"]["title"], "Optional features");
    assert_eq!((ticked(&features, "Password hash synchronization"), ticked(&features, "Password writeback")), (true, false));
    assert_eq!(window(&lab).await, features, "looking changes nothing");
    does(&lab, &[("tick", "Password writeback"), ("tick", "Password hash synchronization"), ("tick", "Device writeback")]).await;
    let ready = does(&lab, &[("press", "Next"), ("press", "Next")]).await;
    let says = ready["page"]["says"].as_str().unwrap();
    assert_eq!(
        says,
        "Once you press Configure: Disable Password hash synchronization. Enable Password writeback. Enable Device writeback."
    );
    let start = "Start the synchronization process when configuration completes";
    let gone = does(&lab, &[("tick", start), ("press", "Configure"), ("press", "Exit")]).await;
    assert_eq!(gone, json!({"open": false, "page": null}));

    opens(&lab).await;
    let features = does(&lab, &TO_FEATURES).await;
    let now = ["Password hash synchronization", "Password writeback", "Device writeback"].map(|label| ticked(&features, label));
    assert_eq!(now, [false, true, true]);
}

#[tokio::test]
async fn a_window_that_is_closed_before_configure_leaves_everything_as_it_was() {
    let lab = Lab::start(&[]).await;
    opens(&lab).await;
    does(&lab, &TO_FEATURES).await;
    does(&lab, &[("tick", "Password hash synchronization"), ("press", "Next"), ("press", "Next")]).await;
    assert_eq!(lab.control("wizard", &json!({"open": false})).await.1, json!({"open": false, "page": null}));
    opens(&lab).await;
    assert!(ticked(&does(&lab, &TO_FEATURES).await, "Password hash synchronization"));
}

#[tokio::test]
async fn what_the_wizard_does_not_take_is_409_with_its_reason_and_no_secret_has_a_place() {
    let lab = Lab::start(&[]).await;
    let (status, reply) = lab.control("wizard", &json!({"press": "Next"})).await;
    assert_eq!((status.as_u16(), reply["error"].as_str()), (409, Some("the wizard is not open; `open-wizard` opens it")));
    opens(&lab).await;
    for (body, status, why) in [
        (json!({"press": "Install"}), 409, "has no button `Install`; there is `Configure`"),
        (json!({"enter": "hunter2"}), 409, "has no field `hunter2`; there is none"),
        (json!({"enter": {"Password": "hunter2"}}), 400, "not what this control takes"),
        (json!({"press": "Configure", "tick": "x"}), 400, "not what this control takes"),
        (json!({}), 400, "not what this control takes"),
    ] {
        let (found, reply) = lab.control("wizard", &body).await;
        assert!(found.as_u16() == status && reply["error"].as_str().unwrap().contains(why), "{body}: {found} {reply}");
    }
    assert_eq!(window(&lab).await["page"]["id"], "welcome");
    does(&lab, &TO_FEATURES[..5]).await;
    assert!(lab.control("faults", &json!({"break": "role-missing"})).await.0.is_success());
    let (status, reply) = lab.control("wizard", &json!({"press": "Next"})).await;
    assert!(status == 409 && reply["error"].as_str().unwrap().contains("neither Global Administrator nor"), "{reply}");
}

#[tokio::test]
async fn persons_walk_it_by_commands_and_a_machine_that_goes_off_takes_its_window_with_it() {
    let lab = Lab::start(&[]).await;
    let person = async |words: &[&str]| {
        let words: Vec<&str> = ["person"].iter().chain(words).copied().collect();
        let done = run(&words, &lab.dir).await;
        (done.status.success(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    for words in [
        &["open-wizard"][..],
        &["wizard-press", "Configure"],
        &["wizard-choose", "Configure staging mode"],
        &["wizard-press", "next"],
        &["wizard-enter", "Username"],
        &["wizard-enter", "Password"],
        &["wizard-press", "Next"],
        &["wizard-tick", "Enable staging mode"],
    ] {
        let (done, why) = person(words).await;
        assert!(done, "{words:?}: {why}");
    }
    assert_eq!(window(&lab).await["page"]["id"], "staging-mode");
    assert!(person(&["shut-down", "APP1"]).await.0);
    assert_eq!(window(&lab).await["open"], false);
    let (done, why) = person(&["open-wizard"]).await;
    assert!(!done && why.contains("`APP1` does not run"), "{why}");
    assert!(person(&["start-machine", "APP1"]).await.0);
    assert!(person(&["open-wizard"]).await.0);
    assert!(person(&["close-wizard"]).await.0);
    assert!(person(&["close-wizard"]).await.1.contains("not open"));
    // Nothing is installed before Phase 1.
    let lab = Lab::start(&["--from", "start"]).await;
    let (status, reply) = lab.control("wizard", &json!({"open": true})).await;
    assert!(status == 409 && reply["error"].as_str().unwrap().contains("not installed"), "{reply}");
}
