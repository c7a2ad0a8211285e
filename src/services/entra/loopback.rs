//! The small server on this machine that the browser brings the code to. It answers one sign-in and knows nothing of tokens.
//!
//! Why not hyper's server? One request line is all that is wanted, and anything longer than a few kilobytes or slower than a
//! few seconds is not the browser's answer.

use super::SignInError;
use super::error::first_line;
use crate::base::{Secret, text};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// The most bytes of a request's head; a code has up to about 2 kB, a browser's headers about as much again.
const LONGEST_HEAD: u64 = 32 * 1024;
/// How long one connection may take; browsers open spare ones and leave them silent.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many connections are served at once; more wait.
const MOST_OPEN: usize = 16;
/// How often another port is tried when the other address family has it taken.
const TRIES: usize = 20;

/// What the browser brought.
pub(super) enum Answer {
    /// The code.
    Code(Secret),
    /// The person declined, or the service refused; clean text.
    Error { error: String, message: String },
}

/// One port on both loopback addresses: `localhost` is ::1 for some browsers and 127.0.0.1 for others.
pub(super) struct Listener {
    v4: TcpListener,
    v6: Option<TcpListener>,
    port: u16,
}

impl Listener {
    pub(super) async fn open() -> Result<Self, SignInError> {
        let refused = |error: io::Error| SignInError::NoLoopback { why: text::short(&error.to_string(), 160) };
        let mut clash = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..TRIES {
            let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(refused)?;
            let port = v4.local_addr().map_err(refused)?.port();
            match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
                Ok(v6) => return Ok(Self { v4, v6: Some(v6), port }),
                // Somebody else has that port there, and would get the browser's code.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => clash = error,
                // No IPv6 on this machine.
                Err(_) => return Ok(Self { v4, v6: None, port }),
            }
        }
        Err(refused(clash))
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Waits for a request with the right `state`; all others are answered and forgotten, so that no page that guesses
    /// the port can end a sign-in.
    pub(super) async fn answer(&self, state: &Secret) -> Answer {
        let mut open = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some(answer) = open.next() => if let Some(answer) = answer { return answer },
                stream = self.accept(), if open.len() < MOST_OPEN => open.push(serve(stream, state)),
            }
        }
    }

    async fn accept(&self) -> TcpStream {
        loop {
            let accepted = match &self.v6 {
                Some(v6) => tokio::select! { stream = self.v4.accept() => stream, stream = v6.accept() => stream },
                None => self.v4.accept().await,
            };
            match accepted {
                Ok((stream, _)) => return stream,
                // Out of descriptors, or the peer is gone already: a moment later it may work.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

async fn serve(mut stream: TcpStream, state: &Secret) -> Option<Answer> {
    let exchange = async {
        let head = read_head(&mut stream).await.ok()?;
        let (page, answer) = judge(&head, state);
        // The answer counts even if the browser does not wait for its page.
        let _ = stream.write_all(page.response().as_bytes()).await;
        let _ = stream.shutdown().await;
        answer
    };
    tokio::time::timeout(PATIENCE, exchange).await.ok().flatten()
}

/// Up to the empty line.
async fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut limited = stream.take(LONGEST_HEAD);
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if limited.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    String::from_utf8(head).map_err(|_| io::ErrorKind::InvalidData.into())
}

fn judge(head: &str, state: &Secret) -> (Page, Option<Answer>) {
    let Some(url) = address(head) else { return (Page::NotHere, None) };
    match bring(&url, state) {
        Brought::Nothing => (Page::NotHere, None),
        Brought::NotOurs => (Page::NotOurs, None),
        Brought::Answer(answer @ Answer::Code(_)) => (Page::Done, Some(answer)),
        Brought::Answer(answer @ Answer::Error { .. }) => (Page::Refused, Some(answer)),
    }
}

/// What an address brings.
pub(super) enum Brought {
    /// Neither a code nor an error.
    Nothing,
    /// The answer to another sign-in.
    NotOurs,
    /// The answer to ours.
    Answer(Answer),
}

/// The answer in the address that the sign-in ends at.
pub(super) fn bring(url: &Url, state: &Secret) -> Brought {
    let value = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let (code, error) = (value("code"), value("error"));
    if code.is_none() && error.is_none() {
        return Brought::Nothing;
    }
    if value("state").map(Secret::new).as_ref() != Some(state) {
        return Brought::NotOurs;
    }
    Brought::Answer(match (error, code) {
        (None, Some(code)) => Answer::Code(Secret::new(code)),
        (error, _) => {
            let message = first_line(&value("error_description").unwrap_or_default());
            Answer::Error { error: text::short(&error.unwrap_or_default(), 80), message }
        }
    })
}

/// The address that is asked for, if the request is `GET /?…`.
fn address(head: &str) -> Option<Url> {
    let line = head.lines().next()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let url = Url::parse(&format!("http://localhost{target}")).ok()?;
    (method == "GET" && target.starts_with('/') && url.path() == "/").then_some(url)
}

/// What the browser shows. Nothing of the request is repeated in it, and there is no script.
#[derive(Clone, Copy)]
enum Page {
    Done,
    Refused,
    NotOurs,
    NotHere,
}

impl Page {
    fn response(self) -> String {
        let (status, text) = match self {
            Self::Done => ("200 OK", "Guidepost has the answer of the sign-in. You can close this tab and go back to the terminal."),
            Self::Refused => ("200 OK", "The sign-in did not succeed. You can close this tab: the terminal says why."),
            Self::NotOurs => {
                ("400 Bad Request", "This is not the answer that Guidepost waits for. Start the sign-in again from the terminal.")
            }
            Self::NotHere => ("404 Not Found", "There is nothing here."),
        };
        let body = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Guidepost</title>\
             <style>body{{font:1.1rem/1.5 sans-serif;margin:4rem auto;max-width:36rem;padding:0 1rem;color-scheme:light dark}}</style>\
             <h1>Guidepost</h1><p>{text}</p></html>\n"
        );
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\
             cache-control: no-store\r\nreferrer-policy: no-referrer\r\nx-content-type-options: nosniff\r\n\
             content-security-policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'\r\n\r\n{body}",
            body.len()
        )
    }
}
