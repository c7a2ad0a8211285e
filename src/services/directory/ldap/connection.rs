//! One connection to a domain controller: TLS, whole messages within limits, and their time. Not for what the messages mean.

use super::ber::{self, BadBer};
use super::message::{self, BOUND, EXTENDED, Incoming, Outcome};
use super::tls::{self, Address};
use super::{Limits, Login};
use crate::base::http::NoWay;
use crate::base::text;
use crate::services::directory::DirectoryError;
use futures_util::FutureExt as _;
use rustls::ClientConfig;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How much is read at once.
const CHUNK: usize = 32 * 1024;

/// Why a message did not come or could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection ended, in these words.
    Cut(String),
    /// It took too long.
    Late(Duration),
    /// It cannot be read, for this reason.
    Bad(String),
}

impl Fault {
    /// As an error: during what, and whether a change was sent before.
    pub(super) fn during(self, host: &str, doing: &str, in_doubt: bool) -> DirectoryError {
        let (host, doing) = (host.to_owned(), doing.to_owned());
        match self {
            Self::Cut(why) => DirectoryError::Cut { host, doing, why, in_doubt },
            Self::Late(after) => DirectoryError::TimedOut { host, doing, after, in_doubt },
            Self::Bad(why) => DirectoryError::Malformed { host, doing, why, in_doubt },
        }
    }
}

impl From<BadBer> for Fault {
    fn from(bad: BadBer) -> Self {
        Self::Bad(bad.to_string())
    }
}

fn cut(error: &io::Error) -> Fault {
    Fault::Cut(match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ended before the answer did".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "it was reset".to_owned(),
        _ => text::short(&error.to_string(), 160),
    })
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    #[cfg(any(windows, feature = "kerberos"))]
    Sealed(TcpStream, Box<super::kerberos::Seal>),
    /// Between two of the others.
    Gone,
}

impl Stream {
    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.write_all(bytes).await,
            Self::Tls(tls) => {
                tls.write_all(bytes).await?;
                tls.flush().await
            }
            #[cfg(any(windows, feature = "kerberos"))]
            Self::Sealed(tcp, seal) => tcp.write_all(&seal.close(bytes)?).await,
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Some bytes, sealed or not; `Ok(0)` at the end.
    async fn receive(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(chunk).await,
            Self::Tls(tls) => tls.read(chunk).await,
            #[cfg(any(windows, feature = "kerberos"))]
            Self::Sealed(tcp, _) => tcp.read(chunk).await,
            Self::Gone => Ok(0),
        }
    }
}

/// A connection on which nobody else waits for an answer.
pub(super) struct Connection {
    stream: Stream,
    /// What came and was not read yet, from `start` on.
    buffer: Vec<u8>,
    start: usize,
    chunk: Box<[u8]>,
    id: u32,
    largest: usize,
    /// Whether a change was sent over it; its progress can be asked for only here.
    pub(super) changed: bool,
}

impl Connection {
    /// Connected, protected, not signed in. Within the time-out for connecting.
    pub(super) async fn open(address: &Address, config: Option<Arc<ClientConfig>>, limits: &Limits) -> Result<Self, DirectoryError> {
        let until = Instant::now() + limits.connect;
        let host = &address.shown;
        let late = |what: &str| Fault::Late(limits.connect).during(host, what, false);
        let connecting = timeout_at(until, dial(address)).await;
        let tcp = connecting.map_err(|_| late("the connection attempt"))?;
        let tcp = tcp.map_err(|why| DirectoryError::NoConnection { host: host.clone(), why })?;
        let _ = tcp.set_nodelay(true);
        let chunk = vec![0; CHUNK].into_boxed_slice();
        let mut connection =
            Self { stream: Stream::Plain(tcp), buffer: Vec::new(), start: 0, chunk, id: 0, largest: limits.message, changed: false };
        let Some(config) = config else { return Ok(connection) };
        if !address.from_start {
            connection.ask_for_tls(address, until, limits).await?;
        }
        let greeting = timeout_at(until, connection.greet(address, config)).await;
        greeting.map_err(|_| late("the TLS greeting"))??;
        Ok(connection)
    }

    async fn ask_for_tls(&mut self, address: &Address, until: Instant, limits: &Limits) -> Result<(), DirectoryError> {
        let (host, doing) = (&address.shown, "the request for protection (StartTLS)");
        let id = self.next_id();
        let asked = timeout_at(until, self.ask(&message::start_tls(id), id, EXTENDED)).await;
        let asked = asked.unwrap_or(Err(Fault::Late(limits.connect))).map_err(|fault| fault.during(host, doing, false))?;
        if asked.code != 0 {
            let said = format!("{}, {}", asked.code, text::short(&asked.said, 120));
            return Err(DirectoryError::NoProtection { host: host.clone(), said: said.trim_end_matches(", ").to_owned() });
        }
        // Whoever stands in between could put answers here that would then look protected (CVE-2011-0411 in another protocol).
        if self.start != self.buffer.len() {
            return Err(Fault::Bad("something follows the answer before TLS begins".to_owned()).during(host, doing, false));
        }
        Ok(())
    }

    async fn greet(&mut self, address: &Address, config: Arc<ClientConfig>) -> Result<(), DirectoryError> {
        let Stream::Plain(tcp) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(Fault::Cut("it is gone".to_owned()).during(&address.shown, "the TLS greeting", false));
        };
        let greeted = TlsConnector::from(config).connect(address.name.clone(), tcp).await;
        let stream = greeted.map_err(|error| DirectoryError::Tls { host: address.shown.clone(), why: tls::distrust(&error) })?;
        self.stream = Stream::Tls(Box::new(stream));
        Ok(())
    }

    /// Signs in; what the server said to it.
    pub(super) async fn sign_in(
        &mut self,
        #[cfg_attr(not(any(windows, feature = "kerberos")), expect(unused_variables, reason = "a ticket is for a host"))] address: &Address,
        login: &Login,
        limits: &Limits,
    ) -> Result<Outcome, Fault> {
        let until = Instant::now() + limits.bind;
        let signing = timeout_at(until, async {
            match login {
                Login::Password { name, password } => {
                    let id = self.next_id();
                    self.ask(&message::bind(id, name, password.expose()), id, BOUND).await
                }
                #[cfg(any(windows, feature = "kerberos"))]
                Login::Kerberos => super::kerberos::sign_in(self, &address.host).await,
            }
        });
        signing.await.unwrap_or(Err(Fault::Late(limits.bind)))
    }

    /// From now on everything is sealed.
    #[cfg(any(windows, feature = "kerberos"))]
    pub(super) fn seal(&mut self, seal: super::kerberos::Seal) {
        self.stream = match std::mem::replace(&mut self.stream, Stream::Gone) {
            Stream::Plain(tcp) => Stream::Sealed(tcp, Box::new(seal)),
            other => other,
        };
    }

    /// Whether it is still there and silent; what the server says unasked ends a connection (RFC 4511 4.4.1).
    pub(super) fn is_alive(&mut self) -> bool {
        if self.start != self.buffer.len() {
            return false;
        }
        let Self { stream, chunk, .. } = self;
        stream.receive(chunk).now_or_never().is_none()
    }

    pub(super) fn next_id(&mut self) -> u32 {
        self.id = if self.id >= 0x7fff_fffe { 1 } else { self.id + 1 };
        self.id
    }

    /// Sends a request that has one answer.
    pub(super) async fn ask(&mut self, request: &[u8], id: u32, tag: u8) -> Result<Outcome, Fault> {
        self.send(request).await?;
        let answer = self.next(id).await?;
        let same = answer.tag == tag;
        // Samba refuses a control that it does not know by an extended response, whatever was asked (4.17, measured).
        let refusal = answer.tag == EXTENDED;
        if !same && !refusal {
            return Err(Fault::Bad("it answers something else".to_owned()));
        }
        let outcome = answer.outcome()?;
        if !same && outcome.code == 0 {
            return Err(Fault::Bad("it answers something else".to_owned()));
        }
        Ok(outcome)
    }

    pub(super) async fn send(&mut self, request: &[u8]) -> Result<(), Fault> {
        self.stream.send(request).await.map_err(|error| cut(&error))
    }

    /// The next message that answers request `id`.
    pub(super) async fn next(&mut self, id: u32) -> Result<Incoming<'_>, Fault> {
        let frame = self.frame().await?;
        let incoming = Incoming::read(self.buffer.get(frame).unwrap_or_default())?;
        if incoming.id == 0 {
            let said = incoming.outcome().map(|outcome| text::short(&outcome.said, 160)).unwrap_or_default();
            return Err(Fault::Cut(format!("the server ended it, saying `{said}`")));
        }
        if incoming.id != id {
            return Err(Fault::Bad("it answers another request".to_owned()));
        }
        Ok(incoming)
    }

    /// The place of the next whole message; no more than one message and one chunk is kept.
    async fn frame(&mut self) -> Result<Range<usize>, Fault> {
        loop {
            if let Some(length) = self.whole()? {
                let frame = self.start..self.start + length;
                self.start = frame.end;
                return Ok(frame);
            }
            self.make_room();
            self.fill().await?;
        }
    }

    /// The next message's length, if it is all there.
    fn whole(&self) -> Result<Option<usize>, Fault> {
        let bytes = self.buffer.get(self.start..).unwrap_or_default();
        let Some((tag, head, length)) = ber::header(bytes)? else { return Ok(None) };
        if tag != ber::SEQUENCE {
            return Err(Fault::Bad("it is no LDAP".to_owned()));
        }
        if length > self.largest {
            return Err(Fault::Bad(format!("one message is larger than {} KiB", self.largest / 1024)));
        }
        Ok((bytes.len() >= head + length).then_some(head + length))
    }

    fn make_room(&mut self) {
        self.buffer.drain(..self.start);
        self.start = 0;
        // One large message must not keep its memory for the rest of a long walk.
        if self.buffer.capacity() > 16 * CHUNK && self.buffer.len() < CHUNK {
            self.buffer.shrink_to(2 * CHUNK);
        }
    }

    async fn fill(&mut self) -> Result<(), Fault> {
        let count = self.stream.receive(&mut self.chunk).await.map_err(|error| cut(&error))?;
        if count == 0 {
            return Err(Fault::Cut("it ended before the answer did".to_owned()));
        }
        let bytes = self.chunk.get(..count).unwrap_or_default();
        #[cfg(any(windows, feature = "kerberos"))]
        if let Stream::Sealed(_, seal) = &mut self.stream {
            return seal.open(bytes, &mut self.buffer).map_err(|error| Fault::Bad(text::short(&error.to_string(), 160)));
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Says that nothing more comes; nobody answers.
    pub(super) async fn close(mut self) {
        let id = self.next_id();
        let goodbye = message::unbind(id);
        let _ = tokio::time::timeout(Duration::from_secs(1), self.send(&goodbye)).await;
    }
}

/// Tries each of the host's addresses; `localhost` is answered here, so that no hosts file or DNS server can send it away.
async fn dial(address: &Address) -> Result<TcpStream, NoWay> {
    let local = address.host.eq_ignore_ascii_case("localhost");
    let tried = if local {
        TcpStream::connect(&[([127, 0, 0, 1], address.port).into(), (std::net::Ipv6Addr::LOCALHOST, address.port).into()][..]).await
    } else {
        let found = tokio::net::lookup_host((address.host.as_str(), address.port)).await;
        let found: Vec<_> = found.map_err(|_| NoWay::NameNotFound)?.collect();
        if found.is_empty() {
            return Err(NoWay::NameNotFound);
        }
        TcpStream::connect(&found[..]).await
    };
    tried.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => NoWay::Refused,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable => NoWay::Unreachable,
        _ => NoWay::Other(text::short(&error.to_string(), 160)),
    })
}
