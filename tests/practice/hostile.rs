//! TLS, and clients that are huge, deep, slow or somebody else.

use crate::lab::{ASSIGNMENTS, LONG, Lab};
use base64::Engine as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

async fn handshake(lab: &Lab, name: &str) -> Result<(), std::io::Error> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(lab.text("ca_file")).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(lab.address()).await?;
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    connector.connect(name.to_owned().try_into().unwrap(), stream).await.map(drop)
}

#[tokio::test]
async fn its_certificate_is_for_this_machine_only_and_no_key_is_on_disk() {
    let lab = Lab::start(&[]).await;
    for name in ["localhost", "127.0.0.1", "::1"] {
        handshake(&lab, name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for name in ["graph.microsoft.com", "login.microsoftonline.com", "127.0.0.2", "sub.example"] {
        assert!(handshake(&lab, name).await.unwrap_err().to_string().contains("not valid for"), "{name}");
    }
    for file in std::fs::read_dir(&lab.dir).unwrap() {
        let path = file.unwrap().path();
        assert!(!String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains("PRIVATE KEY"), "{}", path.display());
    }
    let pem = std::fs::read_to_string(lab.text("ca_file")).unwrap();
    let der = base64::prelude::BASE64_STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap();
    // id-ce-nameConstraints is 2.5.29.30 (RFC 5280 4.2.1.10).
    assert!(der.windows(5).any(|bytes| bytes == [0x06, 0x03, 0x55, 0x1d, 0x1e]), "the authority is not constrained");
}

async fn tls(lab: &Lab) -> tokio_rustls::client::TlsStream<TcpStream> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(lab.text("ca_file")).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(lab.address()).await.unwrap();
    tokio_rustls::TlsConnector::from(std::sync::Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await.unwrap()
}

/// Sends bytes and reads until the lab closes.
async fn raw(lab: &Lab, bytes: &[u8]) -> String {
    let mut stream = tls(lab).await;
    let _ = stream.write_all(bytes).await;
    let mut reply = Vec::new();
    let _ = timeout(LONG, stream.read_to_end(&mut reply)).await.expect("the lab keeps the connection for ever");
    String::from_utf8_lossy(&reply).into_owned()
}

#[tokio::test]
async fn hostile_requests_are_refused_and_the_lab_goes_on() {
    let lab = Lab::start(&[]).await;
    let token = lab.admin().await;
    let huge = "x".repeat(2 * 1024 * 1024);
    let sent = lab.http.post(lab.tenant("oauth2/v2.0/token")).body(huge).send().await;
    assert!(sent.is_err() || sent.unwrap().status() == 413);
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    // The connection of the refused body is on its way out; a POST on it may be cut, so this one comes by another.
    let fresh = crate::lab::client(&std::fs::read(lab.text("ca_file")).unwrap());
    let reply = fresh.post(format!("{}{ASSIGNMENTS}", lab.text("graph"))).bearer_auth(&token).body(deep).send().await.unwrap();
    assert_eq!(reply.status(), 400);
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:1", ""] {
        let reply = raw(&lab, format!("GET /v1.0/me HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).await;
        assert!(reply.starts_with("HTTP/1.1 421 ") || reply.starts_with("HTTP/1.1 400 "), "{host}: {reply}");
    }
    let headers = "x: y\r\n".repeat(500);
    let reply = raw(&lab, format!("GET / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").as_bytes()).await;
    assert!(reply.starts_with("HTTP/1.1 431 "), "{reply}");
    for bytes in
        [b"GET /%ff%fe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".as_slice(), b"\0\0\0\0\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"]
    {
        let reply = raw(&lab, bytes).await;
        assert!(reply.starts_with("HTTP/1.1 400 ") || reply.is_empty(), "{reply}");
    }
    let mut plain = TcpStream::connect(lab.address()).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut reply = Vec::new();
    let _ = timeout(LONG, plain.read_to_end(&mut reply)).await.expect("plain HTTP is kept waiting");
    assert!(!reply.starts_with(b"HTTP/1.1 2"));
    assert_eq!(lab.get(&token, "/v1.0/me").await.0, 200, "the lab is hurt");
}

#[tokio::test]
async fn slow_clients_are_let_go_and_nobody_waits_for_them() {
    let lab = Lab::start(&[]).await;
    let token = lab.admin().await;
    let head = format!("POST {ASSIGNMENTS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{{");
    let slow = async { tokio::join!(raw(&lab, b"GET / HTTP/1.1\r\nHost: localhost\r\nx-slow: "), raw(&lab, head.as_bytes())) };
    let (slow, mine) = tokio::join!(slow, lab.get(&token, "/v1.0/me"));
    assert_eq!(mine.0, 200);
    assert!(slow.0.is_empty() || slow.0.starts_with("HTTP/1.1 408 "), "{}", slow.0);
    assert!(slow.1.is_empty() || slow.1.starts_with("HTTP/1.1 408 "), "{}", slow.1);
    let mut silent = TcpStream::connect(lab.address()).await.unwrap();
    let mut byte = [0];
    assert_eq!(timeout(LONG, silent.read(&mut byte)).await.expect("a silent client is kept for ever").unwrap_or(0), 0);
}

#[tokio::test]
async fn a_crowd_of_idle_connections_delays_others_but_not_for_ever() {
    let lab = Lab::start(&[]).await;
    let token = lab.admin().await;
    let mut crowd = Vec::new();
    for _ in 0..300 {
        crowd.push(TcpStream::connect(lab.address()).await.unwrap());
    }
    let fresh = crate::lab::client(&std::fs::read(lab.text("ca_file")).unwrap());
    let asked = fresh.get(format!("{}/v1.0/me", lab.text("graph"))).bearer_auth(&token).timeout(LONG * 2).send();
    assert_eq!(asked.await.unwrap().status(), 200);
}
