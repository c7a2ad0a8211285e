//! Which users the rights do not reach: told apart by cause, in constant memory.

use crate::memory::{DOMAIN, HEAD, Memory, descriptor, entry, refused};
use async_trait::async_trait;
use guidepost::base::Secret;
use guidepost::rights::delegation::wanted;
use guidepost::rights::{Ace, Right};
use guidepost::services::directory::object::Change;
use guidepost::services::directory::survey::{CAUSES, Cause, Question, SAMPLE, Survey, Unreached, count, survey};
use guidepost::services::directory::{DESCRIPTOR, Directory, DirectoryError, Entry, Root, Search, SignOn};

const FOUR: [Right; 4] = [Right::ChangePassword, Right::ResetPassword, Right::WriteLockoutTime, Right::WritePwdLastSet];
const COPIES: &str =
    "(OA;CIID;CR;Change;User;Delegate)(OA;CIID;CR;Reset;User;Delegate)(OA;CIID;WP;Lockout;User;Delegate)(OA;CIID;WP;PwdLast;User;Delegate)";

fn four() -> Vec<Ace> {
    wanted(&FOUR, DOMAIN.child(1105))
}

/// A unit with a protected list, one without, and users in every state.
fn domain() -> Memory {
    let directory = Memory::with("O:BAD:P(A;;RP;;;AU)");
    let put =
        |dn: &str, text: &str, attributes: &[(&str, &str)]| directory.put(&format!("{dn},{HEAD}"), &descriptor(text).write(), attributes);
    put("OU=Staff", "D:AI(A;;RP;;;AU)", &[]);
    put("OU=Sealed,OU=Staff", "D:PAI(A;;RP;;;AU)", &[]);
    put("CN=u1,OU=Staff", &format!("D:AI{COPIES}"), &[("adminCount", "0")]);
    put("CN=u2,OU=Staff", &format!("D:AI(A;;RP;;;AU){}", COPIES.replace("CIID;WP;Lockout", "CIID;RPWP;Lockout")), &[("adminCount", "1")]);
    put("CN=u3", "D:PAI(A;;RP;;;AU)", &[("adminCount", "1")]);
    put("CN=u4", "D:PAI(A;;RP;;;AU)", &[]);
    put("CN=u5,OU=Sealed,OU=Staff", "D:AI(A;;RP;;;AU)", &[]);
    put("CN=u6\\,OU=Sealed,OU=Staff", &format!("D:AI{COPIES}"), &[]);
    put("CN=u7,CN=Deep,OU=SEALED,OU=Staff", "D:AI(A;;RP;;;AU)", &[]);
    put("CN=u8", &format!("D:AI{}", COPIES.replace("CIID;CR;Reset", "CIIOID;CR;Reset")), &[]);
    put("CN=u9", &format!("D:AI{}", COPIES.replace("CIID;CR;Reset", "CI;CR;Reset")), &[]);
    directory.put_without_descriptor(&format!("CN=uA,{HEAD}"));
    directory.put(&format!("CN=uB,{HEAD}"), &[1, 0, 4], &[]);
    directory
}

async fn run(directory: &dyn Directory, wanted: &[Ace]) -> (Survey, Vec<Unreached>, Vec<u64>) {
    let (mut all, mut steps) = (Vec::new(), Vec::new());
    let question = Question { base: HEAD, wanted };
    let result = survey(directory, question, &mut |so_far| steps.push(so_far), &mut |user| all.push(user.clone())).await.unwrap();
    (result, all, steps)
}

fn names(survey: &Survey, cause: Cause) -> Vec<String> {
    survey.of(cause).sample.iter().map(|dn| dn.replace(&format!(",{HEAD}"), "")).collect()
}

#[tokio::test]
async fn each_user_who_is_not_reached_is_told_with_the_cause() {
    let (found, all, steps) = run(&domain(), &four()).await;
    assert_eq!((found.users, found.reached, steps), (11, 3, vec![11]));
    assert_eq!(names(&found, Cause::AdminSdHolder), ["CN=u3"]);
    assert_eq!(names(&found, Cause::OwnList), ["CN=u4"]);
    assert_eq!(names(&found, Cause::Above), ["CN=u5,OU=Sealed,OU=Staff", "CN=u7,CN=Deep,OU=SEALED,OU=Staff"]);
    assert_eq!(names(&found, Cause::NotThere), ["CN=u8", "CN=u9"]);
    assert_eq!(names(&found, Cause::Unreadable), ["CN=uA", "CN=uB"]);
    assert_eq!(found.users - found.reached, CAUSES.iter().map(|cause| found.of(*cause).count).sum::<u64>());
    let above: Vec<&str> = all.iter().filter_map(|user| user.above.as_deref()).collect();
    assert_eq!(above, [format!("OU=Sealed,OU=Staff,{HEAD}"), format!("OU=SEALED,OU=Staff,{HEAD}")]);
    assert_eq!(all.len(), 8);
}

#[tokio::test]
async fn before_a_grant_only_what_would_keep_it_away_counts() {
    let (found, ..) = run(&domain(), &[]).await;
    assert_eq!((found.users, found.reached), (11, 5));
    assert_eq!(found.of(Cause::NotThere).count, 0);
    // A right on the head itself is not handed down, and not looked for.
    assert_eq!(run(&domain(), &wanted(&[Right::UnexpirePassword], DOMAIN.child(1105))).await.0, found);
}

#[tokio::test]
async fn names_are_cleaned_before_they_are_shown() {
    let directory = Memory::empty();
    directory.put("CN=u\u{1b}[2J\u{202e},DC=x", &descriptor("D:P").write(), &[]);
    let (found, ..) = run(&directory, &four()).await;
    assert_eq!(found.of(Cause::OwnList).sample, ["CN=u\u{fffd}[2J\u{fffd},DC=x"]);
}

/// A directory with very many users, none of them kept.
struct Crowd(u64);

#[async_trait]
impl Directory for Crowd {
    async fn root(&self) -> Result<Root, DirectoryError> {
        Err(refused(1))
    }

    async fn search(&self, _: Search) -> Result<Vec<Entry>, DirectoryError> {
        Err(refused(1))
    }

    async fn walk(&self, search: Search, each: &mut (dyn FnMut(Entry) + Send)) -> Result<u64, DirectoryError> {
        if !search.filter.contains("person") {
            return Ok(0);
        }
        let bytes = descriptor("D:PAI(A;;RP;;;AU)").write();
        for number in 0..self.0 {
            let mut user = entry(&format!("CN=u{number},{HEAD}"), &[]);
            user.attributes.insert(DESCRIPTOR.to_owned(), vec![bytes.clone()]);
            each(user);
        }
        Ok(self.0)
    }

    async fn write_dacl(&self, _: &str, _: &[u8]) -> Result<(), DirectoryError> {
        Err(refused(50))
    }

    async fn change(&self, _: &Change) -> Result<(), DirectoryError> {
        Err(refused(50))
    }

    async fn pending(&self, _: &str) -> Result<Option<bool>, DirectoryError> {
        Ok(None)
    }

    async fn sign_on(&self, _: &str, _: &Secret) -> Result<SignOn, DirectoryError> {
        Err(refused(49))
    }
}

#[tokio::test]
async fn a_crowd_is_counted_told_one_by_one_and_kept_as_a_sample_only() {
    let crowd = Crowd(20_000);
    let (mut told, mut last) = (0_u64, 0);
    let question = Question { base: HEAD, wanted: &four() };
    let found = survey(
        &crowd,
        question,
        &mut |so_far| {
            assert!(so_far >= last);
            last = so_far;
        },
        &mut |_| told += 1,
    )
    .await
    .unwrap();
    assert_eq!((found.users, found.of(Cause::OwnList).count, told, last), (20_000, 20_000, 20_000, 20_000));
    assert_eq!((found.of(Cause::OwnList).sample.len(), found.of(Cause::OwnList).sample[0].clone()), (SAMPLE, format!("CN=u0,{HEAD}")));
    assert_eq!(count(&crowd, HEAD).await, Ok(20_000));
}

#[tokio::test]
async fn a_directory_that_refuses_gives_no_half_survey() {
    let directory = domain();
    directory.fail_read(1, refused(50));
    let question = Question { base: HEAD, wanted: &[] };
    assert_eq!(survey(&directory, question, &mut |_| {}, &mut |_| {}).await, Err(refused(50)));
}

#[tokio::test]
async fn what_came_out_reads_as_sentences_and_as_json() {
    let (found, ..) = run(&domain(), &four()).await;
    let lines = guidepost::cli::survey::lines(&found, HEAD, true);
    let user = |name: &str| format!("  {name},{HEAD}");
    assert_eq!(
        lines,
        [
            format!("11 users below {HEAD}; the rights reach 3"),
            "1 protected by AdminSDHolder, which no right from above reaches".to_owned(),
            user("CN=u3"),
            "1 cut off by their own permissions, which take nothing from above".to_owned(),
            user("CN=u4"),
            "2 below a unit or container that takes nothing from above".to_owned(),
            user("CN=u5,OU=Sealed,OU=Staff"),
            user("CN=u7,CN=Deep,OU=SEALED,OU=Staff"),
            "2 without the rights, though nothing keeps them away: not granted above, or still on their way".to_owned(),
            user("CN=u8"),
            user("CN=u9"),
            "2 unknown: their permissions are not shown to this account".to_owned(),
            user("CN=uA"),
            user("CN=uB"),
        ]
    );
    let json = guidepost::cli::survey::summary(&found, HEAD);
    assert_eq!((&json["users"], &json["reached"], &json["unreached"]["above"]["count"]), (&11.into(), &3.into(), &2.into()));
    assert_eq!(json["unreached"]["own-list"]["sample"], serde_json::json!([format!("CN=u4,{HEAD}")]));
}

#[tokio::test]
async fn a_long_list_ends_in_how_many_are_left_out() {
    let question = Question { base: HEAD, wanted: &[] };
    let found = survey(&Crowd(25), question, &mut |_| {}, &mut |_| {}).await.unwrap();
    let lines = guidepost::cli::survey::lines(&found, HEAD, false);
    assert_eq!(lines[0], format!("25 users below {HEAD}; rights given there would reach 0"));
    assert_eq!((lines.len(), lines[12].as_str()), (13, "  and 15 more; --all names them"));
}
