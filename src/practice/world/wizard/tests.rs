//! The wizard by touches alone: the right way, and each wrong choice with what it costs.

use super::{page::PREVIOUS, *};
use crate::practice::world::Feature;

fn around() -> Around {
    Around {
        account: "admin@contoso.onmicrosoft.com".to_owned(),
        refusal: None,
        licensed: true,
        directory: "testlab.contoso.example".to_owned(),
        connector: "TESTLAB\\MSOL_0123456789ab".to_owned(),
    }
}

fn setup() -> Setup {
    Setup {
        staging: false,
        features: BTreeSet::from([Optional::HashSync]),
        every_container: true,
        containers: [("Crowd", true), ("Users", true)].map(|(name, taken)| (name.to_owned(), taken)).into(),
    }
}

/// Touches written as `verb label`, one after the other; the last outcome, or the first refusal.
fn does(wizard: &mut Wizard, around: &Around, touches: &[&str]) -> Result<Outcome, String> {
    let mut last = Outcome::Stays;
    for words in touches {
        let (verb, label) = words.split_once(' ').unwrap();
        let label = label.to_owned();
        let touch = match verb {
            "choose" => Touch::Choose(label),
            "tick" => Touch::Tick(label),
            "enter" => Touch::Enter(label),
            "press" => Touch::Press(label),
            other => panic!("{other}"),
        };
        last = wizard.touch(&touch, around).map_err(|misstep| misstep.to_string())?;
    }
    Ok(last)
}

const TO_FEATURES: [&str; 8] = [
    "press Configure",
    "choose Customize synchronization options",
    "press Next",
    "enter Username",
    "enter Password",
    "press Next",
    "press Next",
    "press Next",
];

fn at_features() -> Wizard {
    let mut wizard = Wizard::open(setup(), Timestamp::UNIX_EPOCH);
    assert_eq!(does(&mut wizard, &around(), &TO_FEATURES), Ok(Outcome::Stays));
    assert_eq!(wizard.page(&around()).id, "optional-features");
    wizard
}

fn features(outcome: &Outcome) -> Vec<Optional> {
    let Outcome::Configure { wanted, .. } = outcome else { panic!("{outcome:?}") };
    wanted.features.iter().copied().collect()
}

#[test]
fn the_right_way_shows_nine_pages_in_the_order_of_the_guide_and_asks_for_writeback_alone() {
    let (mut wizard, around) = (Wizard::open(setup(), Timestamp::UNIX_EPOCH), around());
    let mut seen = vec![wizard.page(&around).id];
    let mut configured = None;
    for touch in TO_FEATURES.iter().chain(&["tick Password writeback", "press Next", "press Next", "press Configure"]) {
        let outcome = does(&mut wizard, &around, &[touch]).unwrap();
        if let Outcome::Configure { .. } = outcome {
            configured = Some(outcome);
        }
        let page = wizard.page(&around).id;
        if seen.last() != Some(&page) {
            seen.push(page);
        }
    }
    let guide = [
        "welcome",
        "additional-tasks",
        "connect-to-entra",
        "connect-directories",
        "domain-ou-filtering",
        "optional-features",
        "directory-extensions",
        "ready-to-configure",
        "configuration-complete",
    ];
    assert_eq!(seen, guide);
    assert_eq!(features(&configured.unwrap()), [Optional::HashSync, Optional::Writeback]);
    assert_eq!(wizard.page(&around).says.as_deref(), Some("Configuration succeeded: Enable Password writeback."));
    assert_eq!(does(&mut wizard, &around, &["press Exit"]), Ok(Outcome::Left { cycle: true }));
}

#[test]
fn a_wrong_box_is_taken_at_its_word() {
    let table: [(&[&str], &[Optional]); 4] = [
        (&["tick Password hash synchronization"], &[]),
        (&["tick Password writeback", "tick Password writeback"], &[Optional::HashSync]),
        (
            &["tick Device writeback", "tick Group writeback"],
            &[Optional::HashSync, Optional::Other(Feature::GroupWriteback), Optional::Other(Feature::DeviceWriteback)],
        ),
        (&["tick password WRITEBACK"], &[Optional::HashSync, Optional::Writeback]),
    ];
    for (touches, wanted) in table {
        let mut wizard = at_features();
        does(&mut wizard, &around(), touches).unwrap();
        let outcome = does(&mut wizard, &around(), &["press Next", "press Next", "press Configure"]).unwrap();
        assert_eq!(features(&outcome), wanted, "{touches:?}");
    }
}

#[test]
fn another_task_has_its_own_way() {
    for task in Task::ALL {
        let (mut wizard, around) = (Wizard::open(setup(), Timestamp::UNIX_EPOCH), around());
        let choose = format!("choose {}", task.label());
        does(&mut wizard, &around, &["press Configure", &choose, "press Next"]).unwrap();
        let page = wizard.page(&around);
        match task {
            Task::Customize | Task::Staging => assert_eq!(page.id, "connect-to-entra"),
            Task::View => {
                let says = page.says.unwrap();
                assert!(says.contains("MSOL_0123456789ab") && says.contains("Password hash synchronization"), "{says}");
                assert_eq!(does(&mut wizard, &around, &["press Exit"]), Ok(Outcome::Left { cycle: false }));
            }
            Task::Schema | Task::SignIn | Task::Application | Task::Certificate | Task::Federation => {
                assert_eq!((page.title, page.buttons.as_slice()), (task.label(), [PREVIOUS].as_slice()));
                does(&mut wizard, &around, &["press Previous"]).unwrap();
                assert_eq!(wizard.page(&around).id, "additional-tasks");
            }
        }
    }
}

#[test]
fn staging_mode_is_configured_by_its_own_pages_and_forgotten_on_the_way_back() {
    let (mut wizard, around) = (Wizard::open(setup(), Timestamp::UNIX_EPOCH), around());
    let way = [
        "press Configure",
        "choose Configure staging mode",
        "press Next",
        "enter Username",
        "enter Password",
        "press Next",
        "tick Enable staging mode",
        "press Next",
        "tick Start the synchronization process when configuration completes",
    ];
    does(&mut wizard, &around, &way).unwrap();
    let mut back = wizard.clone();
    let Ok(Outcome::Configure { found, wanted }) = does(&mut wizard, &around, &["press Configure"]) else { panic!() };
    assert_eq!((found.staging, wanted.staging, wanted.features == found.features), (false, true, true));
    assert_eq!(does(&mut wizard, &around, &["press Exit"]), Ok(Outcome::Left { cycle: false }));

    let retreat = ["press Previous", "press Previous", "press Previous", "choose Customize synchronization options"];
    does(&mut back, &around, &retreat).unwrap();
    let outcome = does(&mut back, &around, &TO_FEATURES[2..])
        .and_then(|_| does(&mut back, &around, &["press Next", "press Next", "press Configure"]));
    assert!(matches!(outcome, Ok(Outcome::Configure { found, wanted }) if found == wanted));
}

#[test]
fn what_a_page_does_not_take_is_said_and_changes_nothing() {
    let table: [(&[&str], &str, &str); 7] = [
        (&[], "press Next", "the page `Welcome to Microsoft Entra Connect` has no button `Next`; there is `Configure`"),
        (&["press Configure"], "press Next", "`Next` is grey: nothing is chosen on the page `Additional tasks`"),
        (&["press Configure"], "tick Password writeback", "the page `Additional tasks` has no box `Password writeback`; there is none"),
        (&TO_FEATURES[..3], "press Next", "`Next` is grey: the field `Username` is empty"),
        (&TO_FEATURES[..4], "press Next", "`Next` is grey: the field `Password` is empty"),
        (&TO_FEATURES[..7], "tick Users", "the box `Users` is grey on the page `Domain/OU filtering`"),
        (
            &TO_FEATURES[..5],
            "enter hunter2",
            "the page `Connect to Microsoft Entra ID` has no field `hunter2`; there is `Username`, `Password`",
        ),
    ];
    for (before, touch, why) in table {
        let mut wizard = Wizard::open(setup(), Timestamp::UNIX_EPOCH);
        does(&mut wizard, &around(), before).unwrap();
        let stood = wizard.clone();
        assert_eq!(does(&mut wizard, &around(), &[touch]), Err(why.to_owned()));
        assert_eq!(wizard, stood, "{touch}");
    }
}

#[test]
fn an_administrator_without_the_role_is_refused_and_types_again() {
    let refused = Around { refusal: Some("no role".to_owned()), ..around() };
    let mut wizard = Wizard::open(setup(), Timestamp::UNIX_EPOCH);
    assert_eq!(does(&mut wizard, &refused, &TO_FEATURES), Err("no role".to_owned()));
    let page = wizard.page(&refused);
    assert_eq!((page.id, page.fields.iter().any(|field| field.filled)), ("connect-to-entra", false));
}

#[test]
fn without_a_licence_configure_says_so_and_asks_for_nothing() {
    let unlicensed = Around { licensed: false, ..around() };
    let mut wizard = at_features();
    let why = does(&mut wizard, &unlicensed, &["tick Password writeback", "press Next", "press Next", "press Configure"]).unwrap_err();
    assert!(why.contains("required license"), "{why}");
    assert_eq!(wizard.page(&unlicensed).id, "ready-to-configure");
    assert!(does(&mut at_features(), &unlicensed, &["press Next", "press Next", "press Configure"]).is_ok());
}

#[test]
fn a_container_can_be_left_out_but_not_all_of_them() {
    let (mut wizard, around) = (Wizard::open(setup(), Timestamp::UNIX_EPOCH), around());
    does(&mut wizard, &around, &TO_FEATURES[..7]).unwrap();
    does(&mut wizard, &around, &["choose Sync selected domains and OUs", "tick Users"]).unwrap();
    let mut none = wizard.clone();
    assert!(does(&mut none, &around, &["tick Crowd", "press Next"]).unwrap_err().contains("no container is ticked"));
    let way = ["press Next", "press Next", "press Next", "press Configure"];
    let Ok(Outcome::Configure { wanted, .. }) = does(&mut wizard, &around, &way) else { panic!() };
    assert_eq!(wanted.containers.get("Users"), Some(&false));
    assert_eq!(wanted.containers.get("Crowd"), Some(&true));
}
