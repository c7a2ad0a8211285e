//! Before anything is asked: the address, the certificate, StartTLS, and the sign-in.

use crate::rude::{Act, Identity, Rude, after_sign_in, bound, done, entry, extended, login, refused};
use guidepost::base::http::{NoWay, install_tls_provider};
use guidepost::base::{Exit, Problem, Secret};
use guidepost::services::directory::{Directory as _, DirectoryError, Ldap, LdapSettings, Limits, Search, SignOn, Trust};
use ldap3_proto::proto::{LdapOp, LdapResultCode};
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpListener;

const DOMAIN: &str = "DC=contoso,DC=example";

fn head() -> Search {
    Search::object(DOMAIN, &["objectSid"])
}

async fn fine(identity: Identity, from_start: bool) -> Rude {
    Rude::begin(identity, from_start, |_, message| match &message.op {
        LdapOp::BindRequest(_) => vec![bound()],
        LdapOp::ExtendedRequest(_) => vec![extended(LdapResultCode::Success, ""), Act::Tls],
        _ => vec![entry(DOMAIN, &[("objectSid", "x")]), done()],
    })
    .await
}

async fn why(settings: LdapSettings) -> DirectoryError {
    install_tls_provider();
    Ldap::new(settings).unwrap().search(head()).await.unwrap_err()
}

#[tokio::test]
async fn a_trusted_server_is_asked_within_tls_from_the_start_or_by_start_tls() {
    let server = fine(Identity::localhost(), true).await;
    assert_eq!(server.client().search(head()).await.unwrap()[0].dn, DOMAIN);
    let server = fine(Identity::localhost(), false).await;
    let found = Ldap::new(server.settings("ldap")).unwrap().search(head()).await;
    assert_eq!(found.unwrap()[0].dn, DOMAIN);
    assert_eq!(server.heard(), [(0, "extended"), (0, "bind"), (0, "search")]);
}

#[tokio::test]
async fn every_reason_not_to_trust_a_server_has_its_own_sentence_and_hint() {
    let (good, other) = (fine(Identity::localhost(), true).await, Identity::localhost());
    let expired = fine(Identity::new("localhost", |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1)), true).await;
    let early = fine(Identity::new("localhost", |params| params.not_before = rcgen::date_time_ymd(4000, 1, 1)), true).await;
    let named = fine(Identity::new("dc9.contoso.example", |_| ()), true).await;
    let wrong = LdapSettings { ca_file: Some(other.ca_file.clone()), ..good.settings("ldaps") };
    let mut told = Vec::new();
    for (settings, trust, end) in [
        (wrong, Trust::UnknownAuthority, "its certificate comes from an authority that is not trusted here"),
        (expired.settings("ldaps"), Trust::Expired, "its certificate has expired"),
        (early.settings("ldaps"), Trust::NotYetValid, "its certificate is not valid yet"),
        (named.settings("ldaps"), Trust::OtherName, "its certificate is made out to other names"),
    ] {
        let error = why(settings).await;
        let DirectoryError::Tls { why, .. } = &error else { panic!("{error:?}") };
        assert_eq!(*why, trust);
        assert!(error.to_string().starts_with("cannot trust `localhost:") && error.to_string().ends_with(end), "{error}");
        assert!(error.outcome_known());
        assert_eq!(Problem::from(error.clone()).exit, Exit::Unknown);
        told.push(error.hint());
    }
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), 4, "{told:?}");
    for server in [&good, &expired, &early, &named] {
        assert_eq!(server.heard(), [], "no name and no password may leave before the server is trusted");
    }
}

#[tokio::test]
async fn hosts_that_cannot_be_reached_are_told_apart() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let identity = Identity::localhost();
    let ca_file = Some(identity.ca_file.clone());
    let settings = |url: String| LdapSettings { url, login: login("u", "p"), ca_file: ca_file.clone(), limits: Limits::default() };
    let closed = why(settings(format!("ldaps://127.0.0.1:{}", free.port()))).await;
    assert_eq!(closed, DirectoryError::NoConnection { host: format!("127.0.0.1:{}", free.port()), why: NoWay::Refused });
    let patient = Limits { connect: Duration::from_secs(30), ..Limits::default() };
    // No DNS server may know a name in `invalid` (RFC 6761 6.4).
    let unknown = why(LdapSettings { limits: patient, ..settings("ldaps://no-such-host.invalid".to_owned()) }).await;
    assert_eq!(unknown, DirectoryError::NoConnection { host: "no-such-host.invalid:636".to_owned(), why: NoWay::NameNotFound });
    assert_ne!(closed.hint(), unknown.hint());

    let web = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ldaps://127.0.0.1:{}", web.local_addr().unwrap().port());
    let answering = tokio::spawn(async move {
        let (mut stream, _) = web.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream
    });
    let error = why(settings(url)).await;
    assert!(error.to_string().ends_with("it does not speak TLS there"), "{error}");
    drop(answering.await);
}

#[tokio::test]
async fn a_server_that_never_greets_is_left_within_the_time() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let identity = Identity::localhost();
    for scheme in ["ldaps", "ldap"] {
        let ca_file = Some(identity.ca_file.clone());
        let limits = Limits { connect: Duration::from_millis(100), ..Limits::default() };
        let error = why(LdapSettings { url: format!("{scheme}://127.0.0.1:{port}"), login: login("u", "p"), ca_file, limits }).await;
        assert!(matches!(&error, DirectoryError::TimedOut { in_doubt: false, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn nothing_is_sent_in_clear_text_when_start_tls_is_refused_or_tampered_with() {
    let refusing =
        Rude::begin(Identity::localhost(), false, |_, _| vec![extended(LdapResultCode::Unavailable, "no certificate here")]).await;
    let error = why(refusing.settings("ldap")).await;
    assert_eq!(
        error,
        DirectoryError::NoProtection { host: format!("localhost:{}", refusing.address.port()), said: "52, no certificate here".to_owned() }
    );
    assert_eq!(refusing.heard(), [(0, "extended")]);

    // An answer that arrives before TLS would later be taken for one that TLS protects.
    let injecting = Rude::begin(Identity::localhost(), false, |_, _| {
        let early = b"\x30\x0c\x02\x01\x02\x61\x07\x0a\x01\x00\x04\x00\x04\x00".to_vec();
        let fine = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00".to_vec();
        vec![Act::Raw([fine, early].concat()), Act::Tls]
    })
    .await;
    let error = why(injecting.settings("ldap")).await;
    assert!(error.to_string().contains("something follows the answer before TLS begins"), "{error}");
    assert_eq!(injecting.heard(), [(0, "extended")]);
}

#[test]
fn empty_passwords_and_unprotected_ways_are_refused_before_anything_is_sent() {
    let settings = |url: &str, name: &str, password: &str| LdapSettings {
        url: url.to_owned(),
        login: login(name, password),
        ca_file: None,
        limits: Limits::default(),
    };
    let error = Ldap::new(settings("ldaps://dc1", "User1", "")).err().unwrap();
    assert_eq!(error, DirectoryError::EmptyPassword { name: "User1".to_owned() });
    for (url, name) in [("http://dc1", "u"), ("ldapi://dc1", "u"), ("dc1", "u"), ("ldaps://dc1/x", "u"), ("ldaps://dc1", "")] {
        let error = Ldap::new(settings(url, name, "p")).err().unwrap();
        assert_eq!(Problem::from(error).exit, Exit::Usage, "{url} {name}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_and_not_with_every_look() {
    let server = Rude::start(|_, _| vec![refused("52e")]).await;
    let client = server.client();
    for _ in 0..3 {
        let error = client.search(head()).await.unwrap_err();
        let sentence = format!(
            "`localhost:{}` refused the sign-in of `u@contoso.example`: the name or the password is wrong (49, data 52e)",
            server.address.port()
        );
        assert_eq!(error.to_string(), sentence);
        assert_eq!(error.code(), Some(49));
    }
    assert_eq!(server.heard(), [(0, "bind")]);
}

#[tokio::test]
async fn a_locked_account_is_tried_again_because_it_may_be_unlocked() {
    let server = Rude::start(|number, message| match (&message.op, number) {
        (LdapOp::BindRequest(_), 0) => vec![refused("775")],
        (LdapOp::BindRequest(_), _) => vec![bound()],
        _ => vec![entry(DOMAIN, &[]), done()],
    })
    .await;
    let client = server.client();
    assert!(client.search(head()).await.unwrap_err().to_string().contains("the account is locked"));
    assert!(client.search(head()).await.is_ok());
}

#[tokio::test]
async fn a_sign_on_is_tried_on_a_connection_of_its_own() {
    let server = Rude::start(|_, message| match &message.op {
        LdapOp::BindRequest(request) if request.dn.starts_with("user2") => vec![refused("773")],
        LdapOp::BindRequest(request) if request.dn.starts_with("user3") => vec![refused("52e")],
        LdapOp::BindRequest(_) => vec![bound()],
        _ => vec![entry(DOMAIN, &[]), done()],
    })
    .await;
    let client = server.client();
    client.search(head()).await.unwrap();
    let password = Secret::new("Passw0rd!");
    assert_eq!(client.sign_on("user1@contoso.example", &password).await, Ok(SignOn::Accepted));
    let must_change = client.sign_on("user2@contoso.example", &password).await.unwrap();
    assert!(matches!(must_change, SignOn::Refused { data: Some(0x773), .. }), "{must_change:?}");
    assert_eq!(must_change.password_right(), Some(true));
    assert_eq!(client.sign_on("user3@contoso.example", &password).await.unwrap().password_right(), Some(false));
    let empty = client.sign_on("user4@contoso.example", &Secret::new("")).await.unwrap_err();
    assert!(matches!(empty, DirectoryError::EmptyPassword { .. }));
    client.search(head()).await.unwrap();
    let on_first: Vec<_> = server.heard().into_iter().filter(|(number, _)| *number == 0).map(|(_, word)| word).collect();
    assert_eq!(on_first, ["bind", "search", "search"]);
}

#[tokio::test]
async fn a_certificate_file_that_is_none_is_told_before_anything_is_sent() {
    let server = Rude::start(after_sign_in(|_, _| vec![done()])).await;
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    for (file, word) in [(PathBuf::from("/nowhere/ca.pem"), "cannot read the certificate file"), (empty, "holds no certificate")] {
        let error = why(LdapSettings { ca_file: Some(file), ..server.settings("ldaps") }).await;
        assert!(error.to_string().contains(word), "{error}");
    }
    assert_eq!(server.heard(), []);
}
