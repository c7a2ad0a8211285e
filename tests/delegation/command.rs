//! `guidepost survey` as a person runs it, in a practice lab of its own.

use crate::home::Home;

#[test]
fn a_survey_of_the_practice_domain_names_those_whom_no_right_from_above_reaches() {
    let home = Home::new();
    let text = home.run(&["survey"]).exits(0);
    assert_eq!(text.err, "", "no bar where nobody watches");
    assert!(text.out.contains("protected by AdminSDHolder, which no right from above reaches\n"), "{}", text.out);
    assert!(text.out.contains("  CN=User1,CN=Users,DC=testlab,DC=contoso,DC=example\n"), "{}", text.out);

    let json = home.run(&["survey", "--for", "User1", "--format", "json"]).exits(0).json();
    let count = |cause: &str| json["unreached"][cause]["count"].as_u64().unwrap();
    let unreached: u64 = ["admin-sd-holder", "own-list", "above", "not-there", "unreadable"].into_iter().map(count).sum();
    assert_eq!(json["users"].as_u64().unwrap(), json["reached"].as_u64().unwrap() + unreached);
    assert!(count("not-there") > 0 && json["reached"] == 0, "nothing is granted yet: {json}");

    let unknown = home.run(&["survey", "--for", "nobody"]).exits(64);
    assert!(unknown.err.starts_with("error: there is no account `nobody` in the domain\nhint: "), "{}", unknown.err);
}
