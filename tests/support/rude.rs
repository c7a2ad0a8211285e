//! A server on loopback that answers as badly as a test wants. One request a connection; remembers what it was asked.

#![allow(dead_code, clippy::allow_attributes, reason = "each test binary uses its own part of it")]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use url::Url;

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn query(&self) -> HashMap<String, String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    pub(crate) fn form(&self) -> HashMap<String, String> {
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

/// What is answered.
#[derive(Clone)]
pub(crate) enum Answer {
    Reply {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// These bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// A 200 with a body of this many bytes, announced or in chunks.
    Flood {
        bytes: u64,
        announced: bool,
    },
    /// Nothing, ever.
    Hang,
}

pub(crate) fn json(status: u16, body: &serde_json::Value) -> Answer {
    Answer::Reply { status, headers: vec![("content-type", "application/json; charset=utf-8".to_owned())], body: body.to_string() }
}

impl Answer {
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Self::Reply { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }
}

type Handler = dyn Fn(Asked) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync;

/// A running server; it ends when this is dropped.
pub(crate) struct Rude {
    pub(crate) address: SocketAddr,
    pub(crate) secure: bool,
    asked: Arc<Mutex<Vec<Asked>>>,
    written: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Rude {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Rude {
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_async(move |asked| {
            let answer = answer(&asked);
            async move { answer }
        })
        .await
    }

    pub(crate) async fn start_async<F: Future<Output = Answer> + Send + 'static>(
        answer: impl Fn(Asked) -> F + Send + Sync + 'static,
    ) -> Self {
        Self::listen(Arc::new(move |asked| Box::pin(answer(asked))), None).await
    }

    pub(crate) async fn start_tls(acceptor: TlsAcceptor, answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let handler: Arc<Handler> = Arc::new(move |asked| {
            let answer = answer(&asked);
            Box::pin(async move { answer })
        });
        Self::listen(handler, Some(acceptor)).await
    }

    async fn listen(handler: Arc<Handler>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, written) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::<AtomicU64>::default());
        let secure = tls.is_some();
        let (log, count) = (asked.clone(), written.clone());
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (handler, log, count, tls) = (handler.clone(), log.clone(), count.clone(), tls.clone());
                open.spawn(async move {
                    match tls {
                        None => serve(stream, &handler, &log, &count).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, &handler, &log, &count).await,
                            Err(_) => Some(()),
                        },
                    }
                });
            }
        });
        Self { address, secure, asked, written, task }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).unwrap()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn asked_for(&self, path: &str) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.path() == path).collect()
    }

    /// How many bytes of floods went out.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::SeqCst)
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    handler: &Arc<Handler>,
    log: &Mutex<Vec<Asked>>,
    written: &AtomicU64,
) -> Option<()> {
    let asked = read(&mut stream).await?;
    log.lock().unwrap().push(asked.clone());
    match handler(asked).await {
        Answer::Reply { status, headers, body } => {
            let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
            if status != 204 {
                write!(head, "content-length: {}\r\n", body.len()).ok()?;
            }
            for (name, value) in headers {
                write!(head, "{name}: {value}\r\n").ok()?;
            }
            stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.ok()?;
        }
        Answer::Raw(bytes) => stream.write_all(&bytes).await.ok()?,
        Answer::Flood { bytes, announced } => {
            let length = if announced { format!("content-length: {bytes}\r\n") } else { String::new() };
            stream
                .write_all(format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{length}content-type: application/json\r\n\r\n").as_bytes())
                .await
                .ok()?;
            let chunk = vec![b' '; 16 * 1024];
            while written.load(Ordering::SeqCst) < bytes {
                stream.write_all(&chunk).await.ok()?;
                written.fetch_add(chunk.len() as u64, Ordering::SeqCst);
            }
        }
        Answer::Hang => std::future::pending().await,
    }
    stream.shutdown().await.ok()
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Asked> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ').map(str::to_owned);
    let headers: HashMap<_, _> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8_lossy(&bytes[end..]).into_owned();
    Some(Asked { method: first.next()?, target: first.next()?, headers, body })
}
