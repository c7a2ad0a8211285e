//! After the sign-in: servers that hang, lie, cut, flood or point elsewhere.

use crate::rude::{Act, Rude, after_sign_in, done, entry, page_end, result};
use guidepost::base::Secret;
use guidepost::base::http::WireLog;
use guidepost::services::directory::{Directory, DirectoryError, Ldap, LdapSettings, Limits, Search};
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{LdapModifyType, LdapMsg, LdapOp, LdapResult, LdapResultCode, LdapSearchResultReference};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const DOMAIN: &str = "DC=contoso,DC=example";
const USER: &str = "CN=user2,CN=Users,DC=contoso,DC=example";

fn head() -> Search {
    Search::object(DOMAIN, &["objectSid"])
}

fn users() -> Search {
    Search::below(DOMAIN, "(objectClass=user)", &["cn"])
}

/// A whole descriptor with an empty DACL.
fn descriptor() -> Vec<u8> {
    vec![1, 0, 0x04, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 4, 0, 8, 0, 0, 0, 0, 0]
}

fn impatient(server: &Rude) -> Ldap {
    let limits = Limits { read: Duration::from_millis(150), write: Duration::from_millis(150), ..Limits::default() };
    Ldap::new(LdapSettings { limits, ..server.settings("ldaps") }).unwrap()
}

#[tokio::test]
async fn a_server_that_hangs_after_the_sign_in_is_left_within_the_time() {
    let server = Rude::start(after_sign_in(|_, _| Vec::new())).await;
    let client = impatient(&server);
    let error = client.search(head()).await.unwrap_err();
    assert!(matches!(&error, DirectoryError::TimedOut { in_doubt: false, .. }), "{error:?}");
    assert!(error.to_string().contains("did not answer during the look at `DC=contoso,DC=example`"), "{error}");
    // And what it says too late is not taken for an answer to the next question: that one has a connection of its own.
    assert!(client.search(head()).await.is_err());
    assert_eq!(server.heard(), [(0, "bind"), (0, "search"), (1, "bind"), (1, "search")]);
}

#[tokio::test]
async fn an_answer_that_stops_half_way_is_no_answer() {
    let half = b"\x30\x84\x00\x00\x01\x00\x02\x01\x02\x64".to_vec();
    let hanging = Rude::start(after_sign_in({
        let half = half.clone();
        move |_, _| vec![Act::Raw(half.clone())]
    }))
    .await;
    let error = impatient(&hanging).search(head()).await.unwrap_err();
    assert!(matches!(error, DirectoryError::TimedOut { .. }), "{error:?}");
    let ending = Rude::start(after_sign_in(move |_, _| vec![Act::Raw(half.clone()), Act::Close])).await;
    let error = ending.client().search(head()).await.unwrap_err();
    assert!(error.to_string().contains("was cut during the look at `DC=contoso,DC=example`: it ended before the answer did"), "{error}");
}

#[tokio::test]
async fn what_is_too_large_too_deep_or_no_ldap_ends_the_connection_at_once() {
    let deep = vec![0x30; 4000];
    for (bytes, why) in [
        // Announces 2 GiB: refused by its header, before a byte of it is taken.
        (b"\x30\x84\x7f\xff\xff\xff".to_vec(), "one message is larger than 4096 KiB"),
        (b"\x30\x80\x02\x01\x02".to_vec(), "a length is written in a way that LDAP does not allow"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "it is no LDAP"),
        (b"\x30\x00".to_vec(), "it ends in the middle of a value"),
        (b"\x30\x0c\x02\x01\x63\x65\x07\x0a\x01\x00\x04\x00\x04\x00".to_vec(), "it answers another request"),
        (b"\x30\x05\x02\x01\x02\x64\x00".to_vec(), "it ends in the middle of a value"),
        (b"\x30\x0c\x02\x01\x02\x67\x07\x0a\x01\x00\x04\x00\x04\x00".to_vec(), "it answers something else"),
        (deep, "another value was expected there"),
    ] {
        let shown = format!("{bytes:02x?}");
        let server = Rude::start(after_sign_in(move |_, _| vec![Act::Raw(bytes.clone())])).await;
        let error = server.client().search(head()).await.unwrap_err();
        assert!(
            matches!(error, DirectoryError::Malformed { in_doubt: false, .. }) && error.to_string().ends_with(why),
            "{shown:.80}: {error}"
        );
    }
}

#[tokio::test]
async fn more_entries_than_the_limit_are_an_error_and_never_a_silent_cut() {
    let many = |number: usize| (0..number).map(|n| entry(&format!("CN=u{n},{DOMAIN}"), &[])).chain([page_end("")]).collect::<Vec<_>>();
    let server = Rude::start(after_sign_in(move |_, _| many(3))).await;
    let client = server.client();
    assert_eq!(client.search(users().limit(3)).await.unwrap().len(), 3);
    assert_eq!(client.search(users().limit(2)).await, Err(DirectoryError::TooMany { base: DOMAIN.to_owned(), limit: 2 }));
    // A page holds what was asked for, or somebody floods us.
    let flooding = Rude::start(after_sign_in(move |_, _| many(501))).await;
    let error = flooding.client().search(users()).await.unwrap_err();
    assert!(error.to_string().ends_with("it holds more entries than were asked for"), "{error}");
    // And one object is one entry.
    let error = server.client().search(head()).await.unwrap_err();
    assert!(error.to_string().ends_with("it holds more entries than were asked for"), "{error}");
}

#[tokio::test]
async fn what_a_search_keeps_has_a_limit_and_a_walk_keeps_nothing() {
    let large = "x".repeat(1000);
    let server = Rude::start(after_sign_in(move |_, message| {
        let LdapOp::SearchRequest(_) = &message.op else { return vec![Act::Close] };
        (0..20).map(|n| entry(&format!("CN=u{n},{DOMAIN}"), &[("description", &large)])).chain([page_end("")]).collect()
    }))
    .await;
    let limits = Limits { kept: 10_000, ..Limits::default() };
    let client = Ldap::new(LdapSettings { limits, ..server.settings("ldaps") }).unwrap();
    let error = client.search(users()).await.unwrap_err();
    assert!(error.to_string().ends_with("it is larger than 9 KiB"), "{error}");
    let mut names = Vec::new();
    assert_eq!(client.walk(users(), &mut |entry| names.push(entry.dn)).await, Ok(20));
    assert_eq!(names[19], format!("CN=u19,{DOMAIN}"));
}

/// Three pages of two.
fn pages(message: &LdapMsg) -> Vec<Act> {
    let cookie = message.ctrl.iter().find_map(|control| match control {
        LdapControl::SimplePagedResults { cookie, .. } => Some(cookie.clone()),
        _ => None,
    });
    let (first, next) = match cookie.unwrap().as_slice() {
        b"" => (0, "two"),
        b"two" => (2, "three"),
        b"three" => (4, ""),
        other => panic!("{other:?}"),
    };
    vec![entry(&format!("CN=u{first},{DOMAIN}"), &[]), entry(&format!("CN=u{},{DOMAIN}", first + 1), &[]), page_end(next)]
}

#[tokio::test]
async fn every_page_of_a_search_is_fetched() {
    let server = Rude::start(after_sign_in(|_, message| pages(message))).await;
    let found = server.client().search(users()).await.unwrap();
    let names: Vec<_> = found.iter().map(|entry| entry.dn.split(',').next().unwrap()).collect();
    assert_eq!(names, ["CN=u0", "CN=u1", "CN=u2", "CN=u3", "CN=u4", "CN=u5"]);
}

#[tokio::test]
async fn a_walk_that_is_cut_after_entries_were_handed_over_does_not_begin_again() {
    let server = Rude::start(after_sign_in(|_, message| {
        let mut acts = pages(message);
        if acts.iter().any(|act| matches!(act, Act::Say(LdapOp::SearchResultEntry(entry)) if entry.dn.starts_with("CN=u2"))) {
            acts.truncate(1);
            acts.push(Act::Close);
        }
        acts
    }))
    .await;
    let mut count = 0;
    let error = server.client().walk(users(), &mut |_| count += 1).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Cut { in_doubt: false, .. }), "{error:?}");
    assert_eq!((count, server.heard().len()), (3, 3));
}

#[tokio::test]
async fn a_referral_is_named_and_not_followed() {
    let server = Rude::start(after_sign_in(|_, _| {
        let to = "ldap://dc7.fabrikam.example/\u{1b}[2JDC=fabrikam".to_owned();
        let result = LdapResult { referral: vec![to], ..result(LdapResultCode::Referral, "0000202B: RefErr") };
        vec![Act::Say(LdapOp::SearchResultDone(result))]
    }))
    .await;
    let client = server.client();
    let error = client.search(head()).await.unwrap_err();
    assert!(error.to_string().contains("points to `ldap://dc7.fabrikam.example/\u{fffd}[2JDC=fabrikam`"), "{error}");
    assert!(error.to_string().ends_with("which is not followed"), "{error}");
    // The connection is as good as before.
    client.search(head()).await.unwrap_err();
    assert_eq!(server.heard(), [(0, "bind"), (0, "search"), (0, "search")]);
}

#[tokio::test]
async fn a_pointer_to_elsewhere_beside_entries_is_left_aside_but_never_taken_for_nothing() {
    let pointing = |entries: usize| {
        after_sign_in(move |_, _| {
            let to = LdapOp::SearchResultReference(LdapSearchResultReference { uris: vec!["ldap://other/".to_owned()] });
            (0..entries).map(|n| entry(&format!("CN=u{n}"), &[])).chain([Act::Say(to), page_end("")]).collect()
        })
    };
    let with = Rude::start(pointing(1)).await;
    assert_eq!(with.client().search(users()).await.unwrap().len(), 1);
    let without = Rude::start(pointing(0)).await;
    let error = without.client().search(users()).await.unwrap_err();
    assert!(matches!(&error, DirectoryError::Referral { to, .. } if to == "ldap://other/"), "{error:?}");
}

#[tokio::test]
async fn a_part_of_a_long_list_is_not_taken_for_the_whole() {
    let server = Rude::start(after_sign_in(|_, _| vec![entry(DOMAIN, &[("member;range=0-1499", "CN=a")]), done()])).await;
    let error = server.client().search(Search::object(DOMAIN, &["member"])).await.unwrap_err();
    assert!(error.to_string().contains("has more values than fit into one answer"), "{error}");
}

#[tokio::test]
async fn a_read_is_asked_again_when_the_connection_was_dropped_in_between() {
    let server = Rude::start(after_sign_in(|number, _| {
        let answer = vec![entry(DOMAIN, &[]), done()];
        if number == 0 { answer.into_iter().chain([Act::Close]).collect() } else { answer }
    }))
    .await;
    let client = server.client();
    for _ in 0..3 {
        assert_eq!(client.search(head()).await.unwrap()[0].dn, DOMAIN);
    }
    let binds = server.heard().into_iter().filter(|(_, word)| *word == "bind").count();
    assert_eq!(binds, 2);
}

#[tokio::test]
async fn a_read_is_asked_again_once_and_then_given_up() {
    let server = Rude::start(after_sign_in(|_, _| vec![Act::Close])).await;
    let error = server.client().search(head()).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Cut { in_doubt: false, .. }), "{error:?}");
    assert_eq!(server.heard(), [(0, "bind"), (0, "search"), (1, "bind"), (1, "search")]);
}

#[tokio::test]
async fn a_change_whose_answer_is_missing_is_in_doubt_and_never_sent_again() {
    let modified = |act: fn() -> Vec<Act>| Rude::start(after_sign_in(move |_, _| act()));
    let cut = modified(|| vec![Act::Close]).await;
    let error = cut.client().write_dacl(DOMAIN, &descriptor()).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Cut { in_doubt: true, .. }) && !error.outcome_known(), "{error:?}");
    assert_eq!(error.hint(), "the change may have been made; look again before it is repeated");
    assert_eq!(cut.heard(), [(0, "bind"), (0, "modify")]);
    let hanging = modified(Vec::new).await;
    let error = impatient(&hanging).write_dacl(DOMAIN, &descriptor()).await.unwrap_err();
    assert!(matches!(error, DirectoryError::TimedOut { in_doubt: true, .. }), "{error:?}");
    assert_eq!(hanging.heard(), [(0, "bind"), (0, "modify")]);
    let lying = modified(|| vec![Act::Raw(b"\x30\x00".to_vec())]).await;
    let error = lying.client().write_dacl(DOMAIN, &descriptor()).await.unwrap_err();
    assert!(!error.outcome_known(), "{error:?}");
}

#[tokio::test]
async fn the_wire_log_shows_every_operation_and_no_secret() {
    let server = Rude::start(after_sign_in(|_, message| match &message.op {
        LdapOp::SearchRequest(_) => vec![entry(DOMAIN, &[]), done()],
        _ => vec![Act::Say(LdapOp::ModifyResponse(result(LdapResultCode::UnwillingToPerform, "0000052D: SvcErr")))],
    }))
    .await;
    let wire = WireLog::default();
    let client = server.client().with_wire(wire.clone());
    client.search(users()).await.unwrap();
    client.reset_password(USER, &Secret::new("canary-Passw0rd"), false).await.unwrap_err();
    let lines: Vec<_> = wire.recent().iter().map(|line| (line.method.clone(), line.target.clone(), line.status)).collect();
    let at = |rest: &str| format!("{}/{rest}", server.url("ldaps"));
    assert_eq!(
        lines,
        [
            ("BIND".to_owned(), at(" u@contoso.example"), Some(0)),
            ("SEARCH".to_owned(), at(&format!("{DOMAIN}?sub?(objectClass=user)")), Some(0)),
            ("MODIFY".to_owned(), at(USER), Some(53)),
        ]
    );
    assert_eq!(wire.recent()[2].note.as_deref(), Some("the new password breaks the domain's policy: 0000052D: SvcErr"));
    assert!(!format!("{:?}", wire.recent()).contains("assw0rd"));
}

#[tokio::test]
async fn a_change_that_was_refused_surely_was_not_made() {
    let server = Rude::start(after_sign_in(|_, _| {
        let said = "00002098: Object DC=contoso has no write dacl access\n";
        vec![Act::Say(LdapOp::ModifyResponse(result(LdapResultCode::InsufficentAccessRights, said)))]
    }))
    .await;
    let error = server.client().write_dacl(DOMAIN, &descriptor()).await.unwrap_err();
    assert!(error.outcome_known());
    let why = "refused the change of the permissions of `DC=contoso,DC=example`: the account may not change this object's permissions (50, data 2098)";
    assert!(error.to_string().ends_with(why), "{error}");
}

#[tokio::test]
async fn a_change_over_a_connection_that_has_died_meanwhile_goes_over_a_new_one() {
    // Closed while idle: that is seen before the change is sent, so that nothing is in doubt.
    let closed = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&closed);
    let server = Rude::start(after_sign_in(move |number, message| match (&message.op, number) {
        (LdapOp::SearchRequest(_), 0) => {
            seen.fetch_add(1, Ordering::SeqCst);
            vec![entry(DOMAIN, &[]), done(), Act::Close]
        }
        (LdapOp::ModifyRequest(request), _) => {
            assert_eq!(request.changes[0].operation, LdapModifyType::Replace);
            vec![Act::Say(LdapOp::ModifyResponse(result(LdapResultCode::Success, "")))]
        }
        _ => vec![entry(DOMAIN, &[]), done()],
    }))
    .await;
    let client = server.client();
    client.search(head()).await.unwrap();
    // A read notices for sure that it is gone; then the change has its own connection.
    client.search(head()).await.unwrap();
    client.write_dacl(DOMAIN, &descriptor()).await.unwrap();
    assert_eq!(closed.load(Ordering::SeqCst), 1);
    let modifies: Vec<_> = server.heard().into_iter().filter(|(_, word)| *word == "modify").collect();
    assert_eq!(modifies, [(1, "modify")]);
}

#[tokio::test]
async fn what_the_server_says_unasked_ends_the_connection_in_its_words() {
    let notice = b"\x30\x2c\x02\x01\x00\x78\x0f\x0a\x01\x34\x04\x00\x04\x08going\x1b[2\x8a\x161.3.6.1.4.1.1466.20036".to_vec();
    let server = Rude::start(after_sign_in(move |_, _| vec![Act::Raw(notice.clone())])).await;
    let error = server.client().search(head()).await.unwrap_err();
    assert!(error.to_string().ends_with("the server ended it, saying `going\u{fffd}[2`"), "{error}");
}

#[tokio::test]
async fn an_operation_that_is_dropped_half_way_leaves_no_answer_for_the_next() {
    let server =
        Rude::start(after_sign_in(|number, _| if number == 0 { vec![entry("CN=stale", &[])] } else { vec![entry(DOMAIN, &[]), done()] }))
            .await;
    let client = server.client();
    tokio::select! {
        _ = client.search(head()) => panic!("it hangs"),
        () = async { while server.heard().len() < 2 { tokio::task::yield_now().await } } => {}
    }
    assert_eq!(client.search(head()).await.unwrap()[0].dn, DOMAIN);
}

#[tokio::test]
async fn operations_wait_for_their_turn_on_one_connection() {
    let server = Rude::start(after_sign_in(|_, message| {
        let LdapOp::SearchRequest(request) = &message.op else { panic!() };
        vec![entry(&request.base.clone(), &[]), done()]
    }))
    .await;
    let client = server.client();
    let bases: Vec<_> = (0..8).map(|n| format!("CN=u{n},{DOMAIN}")).collect();
    let found = futures_util::future::join_all(bases.iter().map(|base| client.search(Search::object(base.as_str(), &["cn"])))).await;
    let names: Vec<_> = found.into_iter().map(|found| found.unwrap()[0].dn.clone()).collect();
    assert_eq!(names, bases);
    assert!(server.heard().iter().all(|(number, _)| *number == 0));
}

#[tokio::test]
async fn progress_is_asked_for_only_where_the_change_was_made() {
    let server = Rude::start(after_sign_in(|_, message| match &message.op {
        LdapOp::ModifyRequest(_) => vec![Act::Say(LdapOp::ModifyResponse(result(LdapResultCode::Success, "")))],
        LdapOp::SearchRequest(request) if request.attrs.iter().any(|name| name == "pendingPropagations") => {
            vec![entry("", &[("pendingPropagations", "dc=CONTOSO,dc=example")]), done()]
        }
        _ => vec![entry(DOMAIN, &[]), done()],
    }))
    .await;
    let client = server.client();
    assert_eq!(client.pending(DOMAIN).await, Ok(None));
    client.search(head()).await.unwrap();
    assert_eq!(client.pending(DOMAIN).await, Ok(None), "another connection's answer would mean nothing");
    client.write_dacl(DOMAIN, &descriptor()).await.unwrap();
    assert_eq!(client.pending(DOMAIN).await, Ok(Some(true)));
    assert_eq!(client.pending(USER).await, Ok(Some(false)));
}
