//! SASL GSSAPI (RFC 4752): signing in by a Kerberos ticket, and sealing every message with it. SSPI on Windows, the system's GSSAPI elsewhere.
//! Never without sealing, and never NTLM: only the Kerberos mechanism is asked for.

use super::connection::{Connection, Fault};
use super::message::{self, BOUND, Outcome};
use crate::base::text;
use cross_krb5::{ClientCtx, InitiateFlags, K5Ctx as _, PendingClientCtx, Step};
use std::io;

/// The layer that encrypts, in the first of the four bytes that say what is offered and chosen (RFC 4752 3.3).
const PRIVACY: u32 = 4 << 24;
/// The most bytes of one sealed packet that we take: all that the other three bytes can say.
const MOST: u32 = 0x00ff_ffff;
/// What every server takes.
const CHUNK: usize = 4096;
/// SASL's "go on".
const IN_PROGRESS: u32 = 14;

/// Seals what goes out and opens what comes in.
pub(super) struct Seal {
    context: ClientCtx,
    /// The most that the server takes at once.
    most: usize,
    /// What came and is no whole packet yet.
    waiting: Vec<u8>,
}

impl Seal {
    /// One message as packets.
    pub(super) fn close(&mut self, message: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::with_capacity(message.len() + 128);
        // A packet grows by its header and padding; 1 KiB is far more than any cipher adds.
        for piece in message.chunks(self.most.saturating_sub(1024).max(1024)) {
            let sealed = self.context.wrap(true, piece).map_err(io::Error::other)?;
            let length = u32::try_from(sealed.len()).map_err(io::Error::other)?;
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(&sealed);
        }
        Ok(out)
    }

    /// Takes bytes as they come, and adds what whole packets hold to `plain`.
    pub(super) fn open(&mut self, bytes: &[u8], plain: &mut Vec<u8>) -> io::Result<()> {
        self.waiting.extend_from_slice(bytes);
        let mut start = 0;
        while let Some(&[a, b, c, d]) = self.waiting.get(start..start + 4) {
            let length = u32::from_be_bytes([a, b, c, d]);
            if length > MOST {
                return Err(io::Error::other("a sealed packet is too large"));
            }
            let length = usize::try_from(length).map_err(io::Error::other)?;
            let Some(packet) = self.waiting.get(start + 4..start + 4 + length) else { break };
            plain.extend_from_slice(&self.context.unwrap(packet).map_err(io::Error::other)?);
            start += 4 + length;
        }
        self.waiting.drain(..start);
        Ok(())
    }
}

/// The whole exchange; from its end on, the connection is sealed.
pub(super) async fn sign_in(connection: &mut Connection, host: &str) -> Result<Outcome, Fault> {
    let (pending, token) = start(format!("ldap/{host}")).await?;
    let answer = round(connection, Some(&token)).await?;
    let Some(token) = go_on(&answer)? else { return Ok(answer) };
    let mut context = match pending.step(&token).map_err(|error| failed(&error.to_string()))? {
        Step::Finished((context, None)) => context,
        Step::Finished((_, Some(_))) | Step::Continue(_) => return Err(failed("it wants more rounds than Kerberos has")),
    };
    let answer = round(connection, None).await?;
    let Some(offer) = go_on(&answer)? else { return Ok(answer) };
    let offer = context.unwrap(&offer).map_err(|error| failed(&error.to_string()))?;
    let offer =
        offer.first_chunk().map(|four| u32::from_be_bytes(*four)).ok_or_else(|| failed("its offer of protection cannot be read"))?;
    if offer & PRIVACY == 0 {
        return Err(failed("it does not offer to seal the connection"));
    }
    let chosen = context.wrap(true, &(PRIVACY | MOST).to_be_bytes()).map_err(|error| failed(&error.to_string()))?;
    let answer = round(connection, Some(&chosen)).await?;
    if answer.code == 0 {
        // 0 stands for no limit of the server's.
        let most = if offer & MOST == 0 { MOST } else { offer & MOST };
        let most = usize::try_from(most).unwrap_or(CHUNK);
        connection.seal(Seal { context, most, waiting: Vec::new() });
    }
    Ok(answer)
}

/// The ticket may have to be fetched over the network, by code that blocks.
async fn start(service: String) -> Result<(PendingClientCtx, Vec<u8>), Fault> {
    let started = tokio::task::spawn_blocking(move || {
        ClientCtx::new(InitiateFlags::empty(), None, &service, None).map(|(pending, token)| (pending, token.to_vec()))
    });
    match started.await {
        Ok(Ok(started)) => Ok(started),
        Ok(Err(error)) => Err(failed(&format!("no ticket: {error}"))),
        Err(stopped) => Err(failed(&stopped.to_string())),
    }
}

async fn round(connection: &mut Connection, token: Option<&[u8]>) -> Result<Outcome, Fault> {
    let id = connection.next_id();
    connection.ask(&message::bind_sasl(id, "GSSAPI", token), id, BOUND).await
}

/// The server's token; `None` when it ended the exchange.
fn go_on(answer: &Outcome) -> Result<Option<Vec<u8>>, Fault> {
    if answer.code == 0 {
        return Err(failed("it ended the exchange before the connection was sealed"));
    }
    if answer.code != IN_PROGRESS {
        return Ok(None);
    }
    answer.credentials.clone().map(Some).ok_or_else(|| failed("it sent no token"))
}

fn failed(why: &str) -> Fault {
    Fault::Bad(format!("Kerberos: {}", text::short(why, 200)))
}
