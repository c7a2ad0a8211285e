//! A server that speaks just enough LDAP to misbehave, message by message, as a test says.

use bytes::BytesMut;
use guidepost::base::Secret;
use guidepost::base::http::install_tls_provider;
use guidepost::services::directory::{Ldap, LdapSettings, Limits, Login};
use ldap3_proto::LdapCodec;
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapBindResponse, LdapExtendedResponse, LdapMsg, LdapOp, LdapPartialAttribute, LdapResult, LdapResultCode, LdapSearchResultEntry,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::codec::{Decoder as _, Encoder as _};

/// What the server does next.
pub(crate) enum Act {
    /// Answers, to the number that was asked with.
    Say(LdapOp),
    /// Answers with controls.
    SayWith(LdapOp, Vec<LdapControl>),
    /// Sends bytes as they are.
    Raw(Vec<u8>),
    /// Ends the connection.
    Close,
    /// Begins TLS; more is read within it.
    Tls,
}

type Talk = dyn Fn(usize, &LdapMsg) -> Vec<Act> + Send + Sync;

/// Certificates and a key of a server's own.
pub(crate) struct Identity {
    _folder: TempDir,
    pub(crate) ca_file: PathBuf,
    acceptor: TlsAcceptor,
}

impl Identity {
    pub(crate) fn new(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        install_tls_provider();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &ca).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, ca.pem()).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
        Self { _folder: folder, ca_file, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    pub(crate) fn localhost() -> Self {
        Self::new("localhost", |_| ())
    }
}

/// The server; it ends with the value.
pub(crate) struct Rude {
    pub(crate) address: SocketAddr,
    pub(crate) identity: Identity,
    /// Every message that came, with the number of its connection.
    heard: Arc<Mutex<Vec<(usize, LdapMsg)>>>,
    serving: JoinHandle<()>,
}

impl Drop for Rude {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Rude {
    /// Speaks TLS from the first byte.
    pub(crate) async fn start(talk: impl Fn(usize, &LdapMsg) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self::begin(Identity::localhost(), true, talk).await
    }

    /// Speaks TLS from the first byte, or when asked.
    pub(crate) async fn begin(
        identity: Identity,
        from_start: bool,
        talk: impl Fn(usize, &LdapMsg) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<Mutex<Vec<(usize, LdapMsg)>>>::default();
        let house = House { talk: Arc::new(talk), heard: Arc::clone(&heard), acceptor: identity.acceptor.clone(), from_start };
        let serving = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            for number in 0.. {
                let Ok((tcp, _)) = listener.accept().await else { return };
                connections.spawn(house.clone().welcome(number, tcp));
            }
        });
        Self { address, identity, heard, serving }
    }

    /// What it heard, each as the connection's number and a word.
    pub(crate) fn heard(&self) -> Vec<(usize, &'static str)> {
        let word = |op: &LdapOp| match op {
            LdapOp::BindRequest(_) => "bind",
            LdapOp::SearchRequest(_) => "search",
            LdapOp::ModifyRequest(_) => "modify",
            LdapOp::ExtendedRequest(_) => "extended",
            LdapOp::UnbindRequest => "unbind",
            _ => "other",
        };
        self.heard.lock().unwrap().iter().map(|(number, message)| (*number, word(&message.op))).collect()
    }

    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://localhost:{}", self.address.port())
    }

    /// A client that trusts it and is impatient.
    pub(crate) fn client(&self) -> Ldap {
        Ldap::new(self.settings("ldaps")).unwrap()
    }

    pub(crate) fn settings(&self, scheme: &str) -> LdapSettings {
        LdapSettings {
            url: self.url(scheme),
            login: login("u@contoso.example", "Passw0rd!"),
            ca_file: Some(self.identity.ca_file.clone()),
            limits: Limits { read: Duration::from_secs(20), write: Duration::from_secs(20), ..Limits::default() },
        }
    }
}

pub(crate) fn login(name: &str, password: &str) -> Login {
    Login::Password { name: name.to_owned(), password: Secret::new(password) }
}

#[derive(Clone)]
struct House {
    talk: Arc<Talk>,
    heard: Arc<Mutex<Vec<(usize, LdapMsg)>>>,
    acceptor: TlsAcceptor,
    from_start: bool,
}

impl House {
    async fn welcome(self, number: usize, tcp: TcpStream) {
        if self.from_start {
            if let Ok(stream) = self.acceptor.accept(tcp).await {
                self.serve(number, stream).await;
            }
            return;
        }
        if let Some(tcp) = self.serve(number, tcp).await
            && let Ok(stream) = self.acceptor.accept(tcp).await
        {
            self.serve(number, stream).await;
        }
    }

    /// Gives the stream back when TLS is to begin on it.
    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&self, number: usize, mut stream: S) -> Option<S> {
        let (mut buffer, mut codec) = (BytesMut::new(), LdapCodec::default());
        loop {
            while let Some(message) = codec.decode(&mut buffer).ok()? {
                self.heard.lock().unwrap().push((number, message.clone()));
                for act in (self.talk)(number, &message) {
                    let (op, ctrl) = match act {
                        Act::Say(op) => (op, Vec::new()),
                        Act::SayWith(op, ctrl) => (op, ctrl),
                        Act::Raw(bytes) => {
                            stream.write_all(&bytes).await.ok()?;
                            stream.flush().await.ok()?;
                            continue;
                        }
                        Act::Close => {
                            let _ = stream.shutdown().await;
                            return None;
                        }
                        Act::Tls => return Some(stream),
                    };
                    let mut out = BytesMut::new();
                    codec.encode(LdapMsg { msgid: message.msgid, op, ctrl }, &mut out).unwrap();
                    stream.write_all(&out).await.ok()?;
                    stream.flush().await.ok()?;
                }
            }
            if stream.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        }
    }
}

pub(crate) fn result(code: LdapResultCode, said: &str) -> LdapResult {
    LdapResult { code, matcheddn: String::new(), message: said.to_owned(), referral: Vec::new() }
}

/// A sign-in that succeeds.
pub(crate) fn bound() -> Act {
    Act::Say(LdapOp::BindResponse(LdapBindResponse { res: result(LdapResultCode::Success, ""), saslcreds: None }))
}

/// A sign-in that fails, for a Windows reason.
pub(crate) fn refused(data: &str) -> Act {
    let said = format!("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v1db1");
    Act::Say(LdapOp::BindResponse(LdapBindResponse { res: result(LdapResultCode::InvalidCredentials, &said), saslcreds: None }))
}

pub(crate) fn extended(code: LdapResultCode, said: &str) -> Act {
    Act::Say(LdapOp::ExtendedResponse(LdapExtendedResponse { res: result(code, said), name: None, value: None }))
}

pub(crate) fn entry(dn: &str, attributes: &[(&str, &str)]) -> Act {
    let attribute =
        |(name, value): &(&str, &str)| LdapPartialAttribute { atype: (*name).to_owned(), vals: vec![value.as_bytes().to_vec()] };
    let attributes = attributes.iter().map(attribute).collect();
    Act::Say(LdapOp::SearchResultEntry(LdapSearchResultEntry { dn: dn.to_owned(), attributes }))
}

pub(crate) fn done() -> Act {
    Act::Say(LdapOp::SearchResultDone(result(LdapResultCode::Success, "")))
}

/// The end of a page; there are more behind the cookie.
pub(crate) fn page_end(cookie: &str) -> Act {
    let control = LdapControl::SimplePagedResults { size: 0, cookie: cookie.as_bytes().to_vec() };
    Act::SayWith(LdapOp::SearchResultDone(result(LdapResultCode::Success, "")), vec![control])
}

/// Answers every sign-in well, and everything else as the test says.
pub(crate) fn after_sign_in(
    talk: impl Fn(usize, &LdapMsg) -> Vec<Act> + Send + Sync,
) -> impl Fn(usize, &LdapMsg) -> Vec<Act> + Send + Sync {
    move |number, message| match &message.op {
        LdapOp::BindRequest(_) => vec![bound()],
        _ => talk(number, message),
    }
}
