//! The practice domain controller: LDAP and LDAPS on the domain that the world holds. Who may do what is `rights`' judgement; no HTTP.

mod caller;
mod filter;
mod local;
mod modify;
mod password;
mod refusal;
mod schema;
mod search;
mod session;
mod tree;
mod values;
mod wire;
mod write_back;

pub(super) use local::{Local, Refused, Scope};
pub(super) use values::generalized;

use super::live::Live;
use ldap3_proto::proto::LdapMsg;
use session::{Done, Session};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use wire::{Request, Silence};
pub(super) use write_back::{Order, write_back};

/// For the TLS handshake, and for each piece of a reply.
const PATIENCE: Duration = Duration::from_secs(10);
/// Replies go out in pieces of about this size.
const PIECE: usize = 64 * 1024;

/// One connection.
pub(super) struct Guest {
    /// For LDAPS and StartTLS.
    pub(super) acceptor: TlsAcceptor,
    /// The lab.
    pub(super) live: Arc<Mutex<Live>>,
    /// When the lab ends.
    pub(super) ended: CancellationToken,
}

/// How a conversation ended.
enum Ending {
    /// For good.
    Over,
    /// TLS begins.
    Tls,
}

impl Guest {
    /// Serves a connection; errors end it and nothing else. `sealed` begins with TLS.
    pub(super) async fn serve(self, stream: TcpStream, sealed: bool) {
        let _ = stream.set_nodelay(true);
        let ended = self.ended.clone();
        tokio::select! {
            () = self.converse(stream, sealed) => {}
            () = ended.cancelled() => {}
        }
    }

    async fn converse(self, mut stream: TcpStream, sealed: bool) {
        if !sealed {
            match talk(&self.live, &mut stream, false).await {
                Ending::Over => return,
                // Whatever was sent in the clear after the request is part of no TLS handshake: nothing can be slipped in.
                Ending::Tls => {}
            }
        }
        let Ok(Ok(mut stream)) = timeout(PATIENCE, self.acceptor.accept(stream)).await else { return };
        let _ = talk(&self.live, &mut stream, true).await;
        let _ = timeout(PATIENCE, stream.shutdown()).await;
    }
}

/// Answers request after request, until the client goes, does something hostile, or wants TLS.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(live: &Arc<Mutex<Live>>, stream: &mut S, sealed: bool) -> Ending {
    let mut session = Session::new(Arc::clone(live));
    loop {
        let frame = match wire::frame(stream).await {
            Ok(frame) => frame,
            Err(Silence::Over) => return Ending::Over,
            Err(Silence::Hostile) => return hang_up(stream, "this is no LDAP message, or too large a one").await,
        };
        // The world's lock and a long search must not hold up other connections; a panic ends this one only.
        let answered = tokio::task::spawn_blocking(move || {
            let done = answer(&mut session, &frame, sealed);
            (session, done)
        });
        let Ok((back, done)) = answered.await else { return Ending::Over };
        session = back;
        match done {
            Done::Replies(replies) => {
                if send(stream, replies).await.is_none() {
                    return Ending::Over;
                }
            }
            Done::StartTls(reply) => return send(stream, vec![reply]).await.map_or(Ending::Over, |()| Ending::Tls),
            Done::Silent => {}
            Done::Over => return Ending::Over,
            Done::Hostile(why) => return hang_up(stream, why).await,
        }
    }
}

fn answer(session: &mut Session, frame: &[u8], sealed: bool) -> Done {
    match wire::request(frame) {
        Some((id, Request::Search(asked), controls)) => session.search(id, asked, &controls),
        Some((id, Request::Other(op), controls)) => session.answer(id, op, &controls, sealed),
        None => Done::Hostile("this is no LDAP request"),
    }
}

/// The notice of disconnection (RFC 4511 4.4.1).
async fn hang_up<S: AsyncWrite + Unpin>(stream: &mut S, why: &str) -> Ending {
    let _ = send(stream, vec![session::notice(why)]).await;
    Ending::Over
}

/// `None`: the client does not take it.
async fn send<S: AsyncWrite + Unpin>(stream: &mut S, replies: Vec<LdapMsg>) -> Option<()> {
    let mut piece = Vec::new();
    for reply in replies {
        wire::encode(reply, &mut piece);
        if piece.len() >= PIECE {
            timeout(PATIENCE, stream.write_all(&piece)).await.ok()?.ok()?;
            piece.clear();
        }
    }
    timeout(PATIENCE, stream.write_all(&piece)).await.ok()?.ok()?;
    timeout(PATIENCE, stream.flush()).await.ok()?.ok()
}
