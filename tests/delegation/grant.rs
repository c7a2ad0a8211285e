//! Granting and taking back: what is planned is what is sent, what others did stays, and nothing is said that was not read.

use crate::memory::{DOMAIN, HEAD, Memory, OnWrite, descriptor, refused};
use base64::Engine as _;
use guidepost::base::{Exit, Problem};
use guidepost::rights::delegation::wanted;
use guidepost::rights::{Ace, Descriptor, Right};
use guidepost::services::directory::DirectoryError;
use guidepost::services::directory::grant::{GrantError, Granted, absent, carry, plan, plan_back};
use std::time::Duration;

const FOUR: [Right; 4] = [Right::ChangePassword, Right::ResetPassword, Right::WriteLockoutTime, Right::WritePwdLastSet];
const BEFORE: &str = "O:BAG:SYD:AI(D;;SD;;;WD)(A;CI;RP;;;AU)(OA;;RP;Lockout;;AU)(A;CIID;LC;;;SY)";
const AFTER: &str = "O:BAG:SYD:AI(D;;SD;;;WD)(A;CI;RP;;;AU)(OA;;RP;Lockout;;AU)(OA;CIIO;CR;Change;User;Delegate)(OA;CIIO;CR;Reset;User;Delegate)\
    (OA;CIIO;WP;Lockout;User;Delegate)(OA;CIIO;WP;PwdLast;User;Delegate)(A;CIID;LC;;;SY)";

fn four() -> Vec<Ace> {
    wanted(&FOUR, DOMAIN.child(1105))
}

async fn grant(directory: &Memory) -> Result<Granted, GrantError> {
    carry(directory, &plan(directory, HEAD, &four()).await?).await
}

async fn take_back(directory: &Memory, added: &[Ace]) -> Result<Granted, GrantError> {
    carry(directory, &plan_back(directory, HEAD, added).await?).await
}

#[tokio::test]
async fn a_plan_shows_the_difference_and_changes_nothing() {
    let directory = Memory::with(BEFORE);
    let plan = plan(&directory, HEAD, &four()[..2]).await.unwrap();
    let user = "bf967aba-0de6-11d0-a285-00aa003049e2;S-1-5-21-1111111111-2222222222-3333333333-1105";
    let (change, reset) = ("ab721a53-1e2f-11d0-9819-00aa0040529b", "00299570-246d-11d0-a768-00aa006e0529");
    assert_eq!(plan.difference(), format!("+ (OA;CIIO;CR;{change};{user})\n+ (OA;CIIO;CR;{reset};{user})\n"));
    assert_eq!((directory.writes(), directory.head()), (0, descriptor(BEFORE).write()));
}

#[tokio::test]
async fn the_ldif_holds_what_would_be_sent_and_says_in_words_what_it_is() {
    let directory = Memory::with("D:(A;;RP;;;AU)");
    let plan = plan(&directory, HEAD, &four()[1..2]).await.unwrap();
    let ldif = plan.ldif();
    let (comments, rest): (Vec<&str>, Vec<&str>) = ldif.lines().partition(|line| line.starts_with('#'));
    let ace = "(OA;CIIO;CR;00299570-246d-11d0-a768-00aa006e0529;bf967aba-0de6-11d0-a285-00aa003049e2;S-1-5-21-1111111111-2222222222-3333333333-1105)";
    assert_eq!(
        comments,
        [
            "# puts in: allow Reset password on descendant user objects, for S-1-5-21-1111111111-2222222222-3333333333-1105".to_owned(),
            format!("# puts in: {ace}"),
            format!("# made against a list with SHA-256 {}", plan.before),
        ]
    );
    assert!(rest.iter().all(|line| line.len() <= 76), "{ldif}");
    let unfolded = rest.join("\n").replace("\n ", "");
    let sent = base64::engine::general_purpose::STANDARD.encode(plan.descriptor());
    assert_eq!(
        unfolded,
        format!(
            "version: 1\ndn: {HEAD}\ncontrol: 1.2.840.113556.1.4.801 true:: MAMCAQQ=\nchangetype: modify\nreplace: nTSecurityDescriptor\n\
            nTSecurityDescriptor:: {sent}\n-"
        )
    );
    assert_eq!(plan.before.len(), 64);
}

#[tokio::test]
async fn a_name_that_ldif_cannot_hold_bare_is_written_as_base64() {
    for (dn, written) in [
        ("OU=\u{fc}ber,DC=x", "dn:: T1U9w7xiZXIsREM9eA=="),
        ("OU=a\nchangetype: delete,DC=x", "dn:: T1U9YQpjaGFuZ2V0eXBlOiBkZWxldGUsREM9eA=="),
        ("OU=a,DC=x ", "dn:: T1U9YSxEQz14IA=="),
    ] {
        let directory = Memory::empty();
        directory.put(dn, &descriptor(BEFORE).write(), &[]);
        let ldif = plan(&directory, dn, &four()).await.unwrap().ldif();
        assert!(ldif.lines().any(|line| line == written), "{ldif}");
    }
}

#[tokio::test]
async fn a_grant_puts_in_what_is_missing_where_it_belongs_and_touches_nothing_else() {
    let directory = Memory::with(BEFORE);
    let granted = grant(&directory).await.unwrap();
    assert_eq!((granted.added, granted.removed), (four(), vec![]));
    assert_eq!((directory.text(), directory.writes()), (descriptor(AFTER).to_string(), 1));
    let half = Memory::with("D:(OA;CIIO;CR;Reset;User;Delegate)(OA;CI;RPWP;Lockout;User;Delegate)");
    assert_eq!(grant(&half).await.unwrap().added, [four()[0].clone(), four()[3].clone()]);
}

#[tokio::test]
async fn granting_twice_is_granting_once() {
    let directory = Memory::with(BEFORE);
    grant(&directory).await.unwrap();
    let again = plan(&directory, HEAD, &four()).await.unwrap();
    assert!(again.is_empty());
    assert_eq!((again.difference().as_str(), again.ldif().as_str()), ("", "version: 1\n# nothing to change\n"));
    assert_eq!(carry(&directory, &again).await.unwrap().added, []);
    assert_eq!((directory.text(), directory.writes()), (descriptor(AFTER).to_string(), 1));
}

#[tokio::test]
async fn a_plan_is_carried_out_once_only() {
    let directory = Memory::with(BEFORE);
    let plan = plan(&directory, HEAD, &four()).await.unwrap();
    carry(&directory, &plan).await.unwrap();
    assert!(matches!(carry(&directory, &plan).await, Err(GrantError::Changed { .. })));
    assert_eq!((directory.text(), directory.writes()), (descriptor(AFTER).to_string(), 1));
}

#[tokio::test]
async fn grant_and_take_back_give_the_same_bytes() {
    for dc in [OnWrite::Store, OnWrite::StoreInCanonicalOrder] {
        let directory = Memory::with(BEFORE);
        directory.on_write(dc);
        let granted = grant(&directory).await.unwrap();
        let back = take_back(&directory, &granted.added).await.unwrap();
        assert_eq!((back.added, back.removed), (vec![], four()));
        assert_eq!(directory.head(), descriptor(BEFORE).write());
    }
}

#[tokio::test]
async fn a_list_out_of_order_comes_back_as_a_set_where_the_controller_sorts() {
    let directory = Memory::with("O:BAG:SYD:PAI(A;;RP;;;AU)(D;;SD;;;WD)(A;;WP;;;SY)");
    directory.on_write(OnWrite::StoreInCanonicalOrder);
    let granted = grant(&directory).await.unwrap();
    take_back(&directory, &granted.added).await.unwrap();
    assert_eq!(directory.text(), "O:BAG:SYD:PAI(D;;SD;;;WD)(A;;RP;;;AU)(A;;WP;;;SY)");
}

#[tokio::test]
async fn a_change_by_somebody_else_between_plan_and_write_is_refused_and_not_lost() {
    let foreign = "O:BAG:SYD:AI(D;;SD;;;WD)(A;CI;RP;;;AU)(OA;;RP;Lockout;;AU)(A;;WP;;;Other)(A;CIID;LC;;;SY)";
    let directory = Memory::with(BEFORE);
    directory.before_read(1, foreign);
    let problem = Problem::from(grant(&directory).await.unwrap_err());
    assert_eq!(
        problem.to_string(),
        format!(
            "the access list of `{HEAD}` has changed since the plan was made; nothing was written. What changed:\n\
            + (A;;WP;;;S-1-5-21-1111111111-2222222222-3333333333-1106)\nhint: make the plan again and look at it"
        )
    );
    assert_eq!((directory.writes(), directory.head()), (0, descriptor(foreign).write()));
    // A new plan keeps it.
    grant(&directory).await.unwrap();
    assert!(directory.text().contains("(A;;WP;;;S-1-5-21-1111111111-2222222222-3333333333-1106)"));
}

#[tokio::test]
async fn a_change_of_flags_or_order_alone_is_a_change_and_one_of_the_owner_is_none() {
    for (foreign, refused) in [
        ("O:BAG:SYD:PAI(D;;SD;;;WD)(A;CI;RP;;;AU)(OA;;RP;Lockout;;AU)(A;CIID;LC;;;SY)", true),
        ("O:BAG:SYD:AI(A;CI;RP;;;AU)(D;;SD;;;WD)(OA;;RP;Lockout;;AU)(A;CIID;LC;;;SY)", true),
        ("O:DAG:DAD:AI(D;;SD;;;WD)(A;CI;RP;;;AU)(OA;;RP;Lockout;;AU)(A;CIID;LC;;;SY)", false),
    ] {
        let directory = Memory::with(BEFORE);
        directory.before_read(1, foreign);
        let outcome = grant(&directory).await;
        assert_eq!(outcome.is_err(), refused, "{foreign}");
        if let Err(error) = outcome {
            assert!(error.to_string().ends_with("What changed:\nthe same entries in another order, or other flags"));
        }
    }
}

#[tokio::test]
async fn taking_back_is_refused_too_when_the_list_changed_meanwhile() {
    let directory = Memory::with(BEFORE);
    let granted = grant(&directory).await.unwrap();
    directory.before_read(4, BEFORE);
    assert!(matches!(take_back(&directory, &granted.added).await, Err(GrantError::Changed { .. })));
    assert_eq!((directory.writes(), directory.head()), (1, descriptor(BEFORE).write()));
}

#[tokio::test]
async fn taking_back_leaves_what_was_there_before_what_was_changed_and_a_twin_of_somebody_else() {
    let directory = Memory::with("D:(OA;CIIO;CR;Change;User;Delegate)");
    let granted = grant(&directory).await.unwrap();
    assert_eq!(granted.added, four()[1..]);
    // Somebody gave the reset right a twin, and changed the one for lockoutTime.
    let meanwhile = "D:(OA;CIIO;CR;Change;User;Delegate)(OA;CIIO;CR;Reset;User;Delegate)(OA;CIIO;CR;Reset;User;Delegate)\
        (OA;CIIO;RPWP;Lockout;User;Delegate)(OA;CIIO;WP;PwdLast;User;Delegate)";
    directory.before_read(3, meanwhile);
    let plan = plan_back(&directory, HEAD, &granted.added).await.unwrap();
    assert_eq!((plan.remove.as_slice(), plan.gone.as_slice()), ([four()[1].clone(), four()[3].clone()].as_slice(), &four()[2..3]));
    carry(&directory, &plan).await.unwrap();
    let left = "D:(OA;CIIO;CR;Change;User;Delegate)(OA;CIIO;CR;Reset;User;Delegate)(OA;CIIO;RPWP;Lockout;User;Delegate)";
    assert_eq!(directory.text(), descriptor(left).to_string());
}

#[tokio::test]
async fn taking_back_twice_is_taking_back_once() {
    let directory = Memory::with(BEFORE);
    let granted = grant(&directory).await.unwrap();
    take_back(&directory, &granted.added).await.unwrap();
    let again = plan_back(&directory, HEAD, &granted.added).await.unwrap();
    assert!(again.is_empty());
    assert_eq!(again.gone, four());
    carry(&directory, &again).await.unwrap();
    assert_eq!((directory.writes(), directory.head()), (2, descriptor(BEFORE).write()));
}

#[tokio::test]
async fn a_controller_that_keeps_nothing_is_found_out() {
    let directory = Memory::with(BEFORE);
    directory.on_write(OnWrite::Forget);
    let error = grant(&directory).await.unwrap_err();
    assert!(matches!(&error, GrantError::NotKept { entries, .. } if entries.len() == 4), "{error}");
    assert!(!error.outcome_known());
    directory.on_write(OnWrite::Store);
    let granted = grant(&directory).await.unwrap();
    directory.on_write(OnWrite::Forget);
    assert!(matches!(take_back(&directory, &granted.added).await, Err(GrantError::NotKept { .. })));
}

#[tokio::test]
async fn a_refused_write_changed_nothing_and_says_so() {
    let directory = Memory::with(BEFORE);
    directory.on_write(OnWrite::Fail(refused(50)));
    let error = grant(&directory).await.unwrap_err();
    assert_eq!((error.clone(), error.outcome_known()), (GrantError::Directory(refused(50)), true));
    assert_eq!(directory.head(), descriptor(BEFORE).write());
}

#[tokio::test]
async fn a_write_without_an_answer_is_in_doubt_until_somebody_looks() {
    let lost =
        DirectoryError::TimedOut { host: "dc1".to_owned(), doing: "the change".to_owned(), after: Duration::from_mins(2), in_doubt: true };
    for (dc, missing) in [(OnWrite::StoreThenFail(lost.clone()), vec![]), (OnWrite::Fail(lost), four())] {
        let directory = Memory::with(BEFORE);
        directory.on_write(dc);
        let plan = plan(&directory, HEAD, &four()).await.unwrap();
        assert!(!carry(&directory, &plan).await.unwrap_err().outcome_known());
        assert_eq!(absent(&directory, HEAD, &plan.add).await, Ok(missing));
    }
}

#[tokio::test]
async fn a_write_that_could_not_be_read_back_is_no_success_and_no_failure() {
    let directory = Memory::with(BEFORE);
    directory.fail_read(2, refused(51));
    let error = grant(&directory).await.unwrap_err();
    assert!(matches!(error, GrantError::Unverified { .. }) && !error.outcome_known(), "{error}");
    assert_eq!(Problem::from(error).exit, Exit::Unknown);
    assert_eq!(absent(&directory, HEAD, &four()).await, Ok(vec![]));
}

#[tokio::test]
async fn what_cannot_be_granted_on_says_why() {
    let directory = Memory::with("O:BAD:NO_ACCESS_CONTROL");
    directory.put("OU=none,DC=x", &descriptor("O:BA").write(), &[]);
    directory.put("OU=torn,DC=x", &[1, 0, 4], &[]);
    directory.put_without_descriptor("OU=dark,DC=x");
    for (dn, said) in [
        (HEAD, "has no access list: everybody may do everything with it, and a list with new entries would take all that away"),
        ("OU=none,DC=x", "has no access list: everybody may do everything with it, and a list with new entries would take all that away"),
        ("OU=torn,DC=x", "cannot be read: the security descriptor is cut off"),
        ("OU=dark,DC=x", "is not shown to this account"),
        ("OU=lost,DC=x", "there is no object `OU=lost,DC=x`"),
    ] {
        let error = plan(&directory, dn, &four()).await.unwrap_err();
        assert!(error.to_string().ends_with(said) && error.outcome_known(), "{error}");
    }
    assert_eq!(plan_back(&directory, HEAD, &four()).await.unwrap_err(), GrantError::NoList { dn: HEAD.to_owned() });
}

#[tokio::test]
async fn a_list_without_room_is_left_alone() {
    let directory = Memory::with(BEFORE);
    let mut large = descriptor(BEFORE);
    let tail = vec![0; 65_000];
    large.dacl.as_mut().unwrap().aces.push(Ace { tail, ..four()[0].clone() });
    directory.put(HEAD, &large.write(), &[]);
    let thirty: Vec<Ace> = (0..30).flat_map(|rid| wanted(&FOUR, DOMAIN.child(2000 + rid))).collect();
    assert!(matches!(plan(&directory, HEAD, &thirty).await, Err(GrantError::Full { .. })));
}

#[tokio::test]
async fn what_is_not_understood_survives_a_grant() {
    let directory = Memory::with("O:BAD:(0xa;CI;0x00010203)(A;;RP;;;AU;0xfeed)(0x14;;0x)");
    let granted = grant(&directory).await.unwrap();
    let with = Descriptor::read(&directory.head()).unwrap().dacl.unwrap().aces.len();
    take_back(&directory, &granted.added).await.unwrap();
    assert_eq!((with, directory.text().as_str()), (7, "O:BAD:(0xa;CI;0x00010203)(A;;RP;;;AU;0xfeed)(0x14;;0x)"));
}
