//! Whoever connects may send anything: the controller answers, hangs up with a notice, and goes on. And what it writes down holds no password.

use crate::dc::{Dc, PASSWORD, quoted, reset, said};
use crate::lab::LONG;
use ldap3::Scope;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Sends bytes in the clear, ends, and gives back all that was answered until the other side closed.
async fn sent(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    // It may be reset while we still write: that is an end too.
    let _ = timeout(LONG, stream.read_to_end(&mut answer)).await.unwrap();
    answer
}

const NOTICE: &[u8] = b"1.3.6.1.4.1.1466.20036";

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

async fn lives(dc: &Dc) {
    let mut ldap = dc.sealed().await;
    assert_eq!(ldap.search("", Scope::Base, "(objectClass=*)", vec!["dnsHostName"]).await.unwrap().1.rc, 0);
}

#[tokio::test]
async fn each_hostile_frame_is_answered_by_a_notice_of_disconnection() {
    let dc = Dc::practice().await;
    let address = dc.plain_address();
    let nested: Vec<u8> = std::iter::repeat_n([0x30, 0x84, 0x00, 0x00, 0xff, 0x00], 2_000).flatten().collect();
    let mut deep = vec![0x30, 0x84, 0, 0, 0x2e, 0xe0];
    deep.extend(nested.iter().take(12_000));
    for (what, frame) in [
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("a length of four gigabytes", vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
        ("a length of eight bytes", vec![0x30, 0x88, 0, 0, 0, 0, 0, 0, 0, 1]),
        ("no length", vec![0x30, 0x80]),
        ("an empty message", vec![0x30, 0x00]),
        ("a message without an operation", vec![0x30, 0x03, 0x02, 0x01, 0x01]),
        ("an operation that is none", vec![0x30, 0x05, 0x02, 0x01, 0x01, 0x7f, 0x00]),
        ("what only a server says", vec![0x30, 0x0c, 0x02, 0x01, 0x01, 0x61, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00]),
        ("nesting without end", deep),
    ] {
        let answer = sent(&address, &frame).await;
        assert!(holds(&answer, NOTICE), "{what}: {answer:?}");
    }
    lives(&dc).await;
}

#[tokio::test]
async fn random_bytes_never_end_the_controller() {
    let dc = Dc::practice().await;
    let address = dc.plain_address();
    let mut runner = TestRunner::deterministic();
    let noise = prop::collection::vec(any::<u8>(), 0..200);
    // Half of them look like messages from outside.
    let framed = prop::collection::vec(any::<u8>(), 0..120).prop_map(|inner| {
        let mut frame = vec![0x30, u8::try_from(inner.len() + 3).unwrap(), 0x02, 0x01, 0x07];
        frame.extend(inner);
        frame
    });
    // And half of those are a real request with a few bytes turned.
    let bind: Vec<u8> = [&[0x30, 0x1f, 0x02, 0x01, 0x01, 0x60, 0x1a, 0x02, 0x01, 0x03, 0x04, 0x0c][..], b"CN=a,DC=b,DC=c"].concat();
    let turned = (prop::collection::vec((0..26_usize, any::<u8>()), 1..4)).prop_map(move |turns| {
        let mut bytes = bind.clone();
        for (at, byte) in turns {
            if let Some(slot) = bytes.get_mut(at) {
                *slot = byte;
            }
        }
        bytes
    });
    let bytes = prop_oneof![noise, framed, turned];
    for _ in 0..400 {
        let bytes = bytes.new_tree(&mut runner).unwrap().current();
        sent(&address, &bytes).await;
    }
    lives(&dc).await;
}

#[tokio::test]
async fn a_filter_that_is_nested_too_deep_is_refused_and_the_connection_lives() {
    let dc = Dc::practice().await;
    let mut admin = dc.admin().await;
    let nested = |depth: usize| format!("{}(cn=x){}", "(!".repeat(depth), ")".repeat(depth));
    assert_eq!(admin.search(&dc.base, Scope::Base, &nested(30), vec!["1.1"]).await.unwrap().1.rc, 0);
    for filter in [nested(40), nested(60), format!("(|{})", "(cn=x)".repeat(600))] {
        let refused = admin.search(&dc.base, Scope::Base, &filter, vec!["1.1"]).await.unwrap().1;
        assert_eq!(refused.rc, 11, "{refused:?}");
    }
    assert_eq!(admin.search(&dc.base, Scope::Base, "(objectClass=*)", vec!["1.1"]).await.unwrap().1.rc, 0);
}

#[tokio::test]
async fn what_follows_start_tls_in_the_clear_is_never_done() {
    let dc = Dc::practice().await;
    let oid = b"1.3.6.1.4.1.1466.20037";
    let mut bytes = vec![0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16];
    bytes.extend(oid);
    // A bind behind it, as somebody in the middle would slip it in.
    bytes.extend([0x30, 0x0c, 0x02, 0x01, 0x02, 0x60, 0x07, 0x02, 0x01, 0x03, 0x04, 0x00, 0x80, 0x00]);
    let answer = sent(&dc.plain_address(), &bytes).await;
    assert!(holds(&answer, oid), "{answer:?}");
    // No bind response (application 1) follows.
    assert!(!answer.windows(2).any(|pair| pair == [0x61, 0x07]), "{answer:?}");
    lives(&dc).await;
}

#[tokio::test]
async fn requests_are_logged_without_any_value() {
    let dc = Dc::practice().await;
    let lab = dc.lab.as_ref().unwrap();
    let stage = dc.stage("logged").await;
    let mut admin = dc.admin().await;
    assert_eq!(reset(&mut admin, &stage.target, "C4nary-Passw0rd!").await.0, 0);
    assert_eq!(dc.bind_as("logged-target", "C4nary-Wr0ng!").await, "52e");
    assert_eq!(said(admin.delete(&format!("CN=nobody,{}", stage.ou)).await).0, 32);
    let log = lab.requests().await;
    let lines: Vec<(String, String, u64)> = log["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            (line["method"].as_str().unwrap().to_owned(), line["path"].as_str().unwrap().to_owned(), line["status"].as_u64().unwrap())
        })
        .collect();
    for wanted in
        [("MODIFY", stage.target.as_str(), 0), ("BIND", "TESTLAB\\logged-target", 49), ("DELETE", &format!("CN=nobody,{}", stage.ou), 32)]
    {
        assert!(lines.iter().any(|(method, path, status)| (method.as_str(), path.as_str(), *status) == wanted), "{wanted:?} in {lines:?}");
    }
    let stored = std::fs::read_to_string(lab.dir.join("world.json")).unwrap();
    for secret in ["C4nary", PASSWORD, &String::from_utf8_lossy(&quoted("C4nary"))] {
        assert!(!log.to_string().contains(secret) && !stored.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_change_that_was_answered_outlives_a_kill() {
    let dc = Dc::practice().await;
    let stage = dc.stage("kill").await;
    let mut admin = dc.admin().await;
    assert_eq!(reset(&mut admin, &stage.target, "An0ther-Passw0rd!").await.0, 0);
    let Dc { lab, base, .. } = dc;
    let mut lab = lab.unwrap();
    lab.child.kill().await.unwrap();
    let again = crate::lab::Lab::start_in(lab.dir.clone(), &[]).await;
    let world = std::fs::read_to_string(again.dir.join("world.json")).unwrap();
    assert!(world.contains("kill-target"), "{base}");
    assert_eq!(again.ready["domain"]["dn"], base.as_str());
}
