//! The process around the lab: one per state directory, announced by a file, ended by a signal or by nobody being there.

use super::{
    Options, chance,
    entra::Signer,
    faults,
    live::{Live, Settings},
    server::{self, Directory, Server},
    store::{self, Store},
    tables, tls,
    world::{APP1, CLIENT1, DC1, GROUP, NETBIOS, SUBSCRIPTION, TENANT, World, head_name},
};
use crate::base::{Problem, clock::Clock, clock::SystemClock};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, TryLockError},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What a practice lab says when it is ready; the one place where its passwords are printed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Ready {
    /// Version of this shape.
    pub format: u32,
    /// Process id.
    pub pid: u32,
    /// Where to sign in, without a tenant.
    pub authority: String,
    /// Base address of Graph.
    pub graph: String,
    /// Base address of Azure Resource Manager.
    pub azure: String,
    /// Address of `control`, with its key.
    pub control: String,
    /// The certificate to trust, PEM.
    pub ca_file: String,
    /// The tenant.
    pub tenant_id: String,
    /// The Azure subscription that holds the machines.
    pub subscription_id: String,
    /// The application that Guidepost signs in as.
    pub client_id: String,
    /// The application that signs in by itself, once a certificate is registered.
    #[serde(default)]
    pub app_client_id: String,
    /// The practice administrator.
    pub admin: Admin,
    /// Address of the domain controller; StartTLS begins there.
    pub ldap: String,
    /// The same with TLS from the first byte.
    pub ldaps: String,
    /// The domain on premises.
    pub domain: Domain,
    /// Names of what is in the lab.
    pub names: Names,
}

/// The practice administrator.
#[derive(Clone, Serialize, Deserialize)]
pub struct Admin {
    /// Sign-in name.
    pub upn: String,
    /// The password of all practice accounts; worth nothing outside this lab.
    pub password: String,
}

/// The domain on premises, and who may change it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Domain {
    /// Distinguished name of its head.
    pub dn: String,
    /// NetBIOS name.
    pub netbios: String,
    /// The domain's administrator.
    pub bind_dn: String,
    /// Its password; worth nothing outside this lab.
    pub password: String,
}

/// Names of what is in the lab.
#[derive(Clone, Serialize, Deserialize)]
pub struct Names {
    /// `sAMAccountName` of User1.
    pub user1: String,
    /// The Azure resource group that holds the machines.
    pub resource_group: String,
    /// The machine that Entra Connect runs on.
    pub app1: String,
    /// The domain controller.
    pub dc1: String,
    /// The machine for trying things out.
    pub client1: String,
}

/// `endpoint.json`: the ready line and a refresh token of the practice administrator.
#[derive(Clone, Serialize, Deserialize)]
pub struct Endpoint {
    /// The ready line.
    #[serde(flatten)]
    pub ready: Ready,
    /// Signs in without a browser; may be used by several processes at once.
    pub refresh_token: String,
}

/// Reads the announcement of the lab that serves this state directory; `None` when there is none.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn read_endpoint(state: &Path) -> Result<Option<Endpoint>, Problem> {
    let path = state.join("endpoint.json");
    let unreadable = |why: &dyn std::fmt::Display| Problem::new(format!("cannot read `{}`: {why}", path.display()));
    match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|why| unreadable(&why)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(&error)),
    }
}

/// Serves the lab of a state directory until it is told to end or nobody has been there for the linger time. If
/// another process serves it already, announces that one and returns.
///
/// # Errors
/// When the state cannot be read or written, or the address cannot be had.
pub async fn serve(options: Options, announce: impl FnOnce(&Ready) + Send) -> Result<(), Problem> {
    refuse_remote(&options)?;
    make_private_dir(&options.state)?;
    let lock = match lock_or_running(&options.state).await? {
        Holder::Us(lock) => lock,
        Holder::Other(ready) => {
            announce(&ready);
            return Ok(());
        }
    };
    remove_announcement(&options.state)?;
    let (server, endpoint) = open(&options).await?;
    let text = serde_json::to_vec_pretty(&endpoint).map_err(|error| Problem::new(format!("cannot write the announcement: {error}")))?;
    store::write_private(&options.state.join("endpoint.json"), &text).map_err(Problem::from)?;
    announce(&endpoint.ready);
    let ended = CancellationToken::new();
    let told = tokio::spawn(end_when_told(ended.clone()));
    server.run(ended).await;
    told.abort();
    let removed = remove_announcement(&options.state);
    drop(lock);
    removed
}

impl From<store::StoreError> for Problem {
    fn from(error: store::StoreError) -> Self {
        let hint = match &error {
            store::StoreError::File { .. } => "the practice lab needs a directory that it can write; choose one with `--state`",
            store::StoreError::Format { .. } | store::StoreError::Broken { .. } => {
                "choose another directory with `--state`, or delete this one: it holds nothing but the practice lab"
            }
        };
        Self::new(error.to_string()).hint(hint)
    }
}

fn refuse_remote(options: &Options) -> Result<(), Problem> {
    if options.listen.ip().is_loopback() || options.allow_remote {
        return Ok(());
    }
    Err(Problem::usage(format!("`{}` can be reached from other machines", options.listen))
        .hint("listen on 127.0.0.1, or add `--allow-remote`; its certificate holds for localhost only all the same"))
}

/// The directory holds practice passwords and tokens: nobody else reads it.
fn make_private_dir(dir: &Path) -> Result<(), Problem> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let failed = |error: io::Error| {
        Problem::new(format!("cannot make the state directory `{}`: {error}", dir.display())).hint("choose another one with `--state`")
    };
    builder.create(dir).map_err(failed)
}

/// The lock, held until the process ends however it ends; `None` when another process holds it.
fn take_lock(dir: &Path) -> Result<Option<File>, Problem> {
    let path = dir.join("lock");
    let failed = |error: io::Error| Problem::new(format!("cannot lock `{}`: {error}", path.display()));
    let file = File::options().create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Who serves a state directory.
enum Holder {
    /// This process, as long as it keeps the file.
    Us(File),
    /// Another one, which answers.
    Other(Box<Ready>),
}

/// Takes the lock or finds who holds it; the holder may still be starting, or ending, and then the lock comes free.
async fn lock_or_running(dir: &Path) -> Result<Holder, Problem> {
    for _ in 0..200 {
        if let Some(lock) = take_lock(dir)? {
            return Ok(Holder::Us(lock));
        }
        if let Some(ready) = reachable(dir).await {
            return Ok(Holder::Other(Box::new(ready)));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(Problem::new(format!("another process holds `{}` but does not answer", dir.join("lock").display()))
        .hint("end that process, or choose another directory with `--state`"))
}

async fn reachable(dir: &Path) -> Option<Ready> {
    let ready = read_endpoint(dir).ok()??.ready;
    let address = ready.authority.strip_prefix("https://")?.to_owned();
    tokio::net::TcpStream::connect(address).await.ok()?;
    Some(ready)
}

fn remove_announcement(dir: &Path) -> Result<(), Problem> {
    let path = dir.join("endpoint.json");
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Problem::new(format!("cannot remove `{}`: {error}", path.display()))),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Opens the socket, wakes the world, signs the administrator in.
async fn open(options: &Options) -> Result<(Server, Endpoint), Problem> {
    let no_socket = |error: io::Error| {
        Problem::new(format!("cannot listen on `{}`: {error}", options.listen)).hint("choose another address with `--listen`, or port 0")
    };
    let listener = TcpListener::bind(options.listen).await.map_err(no_socket)?;
    let address = listener.local_addr().map_err(no_socket)?;
    // The controller's own ports need rights that nobody should have for a practice lab.
    let free = SocketAddr::new(options.listen.ip(), 0);
    let azure = TcpListener::bind(free).await.map_err(no_socket)?;
    let azure_address = azure.local_addr().map_err(no_socket)?;
    let plain = TcpListener::bind(free).await.map_err(no_socket)?;
    let sealed = TcpListener::bind(free).await.map_err(no_socket)?;
    let at = |listener: &TcpListener| listener.local_addr().map(reached_at).map_err(no_socket);
    let (ldap, ldaps) = (format!("ldap://{}", at(&plain)?), format!("ldaps://{}", at(&sealed)?));
    let identity = tls::identity().map_err(|error| Problem::new(format!("cannot make a certificate: {error}")))?;
    let ca_file = options.state.join("ca.pem");
    store::write_private(&ca_file, identity.ca_pem.as_bytes())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Store::in_dir(&options.state);
    let world = wake(&store, options, &clock)?;
    let no_chance = |error: chance::NoChance| Problem::new(error.to_string());
    let settings = Settings {
        base: format!("https://{}", reached_at(address)),
        azure: format!("https://{}", reached_at(azure_address)),
        control_key: chance::token().map_err(no_chance)?,
        ldap,
        ldaps,
        consistency: SignedDuration::try_from(options.consistency).unwrap_or(SignedDuration::ZERO),
    };
    let signer = Signer::new().map_err(|error| Problem::new(format!("cannot make a signing key: {error}")))?;
    let mut live = Live::new(world, store, settings, signer, clock);
    live.catch_up()?;
    break_from_the_start(&mut live, &options.broken)?;
    let refresh_token = chance::token().map_err(no_chance)?;
    let endpoint = endpoint(&mut live, refresh_token, &ca_file)?;
    let directory = Directory { plain, sealed, tls: identity.directory };
    Ok((Server::new((listener, azure), identity.server, directory, live, options.linger), endpoint))
}

fn break_from_the_start(live: &mut Live, codes: &[String]) -> Result<(), Problem> {
    let now = live.now();
    for code in codes {
        let fault = faults::named(code).ok_or_else(|| {
            Problem::usage(format!("there is no fault `{code}`")).hint("`guidepost practice break --list` shows what can be broken")
        })?;
        live.change(|world| {
            world.break_it(fault, None, now);
            Ok::<(), store::StoreError>(())
        })?;
    }
    Ok(())
}

fn wake(store: &Store, options: &Options, clock: &Arc<dyn Clock>) -> Result<World, Problem> {
    if let Some(mut world) = store.load()? {
        if world.domain.is_empty() {
            world.make_domain(clock.now());
            store.save(&world)?;
        }
        world.make_connect();
        return Ok(world);
    }
    let password = chance::password().map_err(|error| Problem::new(error.to_string()))?;
    let world = World::new(options.from, password, clock.now());
    store.save(&world)?;
    Ok(world)
}

/// As a client on this machine writes the address: a wildcard is reached by loopback.
fn reached_at(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    SocketAddr::new(ip, address.port())
}

fn endpoint(live: &mut Live, refresh_token: String, ca_file: &Path) -> Result<Endpoint, Problem> {
    let now = live.now();
    let admin = live.world().directory.administrator().cloned();
    let admin = admin.ok_or_else(|| Problem::new("the practice world has no administrator").hint("delete the state directory"))?;
    live.change(|world| {
        world.tokens.add_refresh(&refresh_token, &admin.id, tables::PRACTICE_CLIENT, now);
        Ok::<(), store::StoreError>(())
    })?;
    let ca_file = std::path::absolute(ca_file).unwrap_or_else(|_| ca_file.to_owned());
    let ready = Ready {
        format: 1,
        pid: std::process::id(),
        authority: live.settings.base.clone(),
        graph: live.settings.base.clone(),
        azure: live.settings.azure.clone(),
        control: format!("{}/{}/{}", live.settings.base, server::CONTROL, live.settings.control_key),
        ca_file: ca_file.display().to_string(),
        tenant_id: TENANT.to_owned(),
        subscription_id: SUBSCRIPTION.to_owned(),
        client_id: tables::PRACTICE_CLIENT.to_owned(),
        app_client_id: tables::PRACTICE_APP.to_owned(),
        admin: Admin { upn: admin.upn, password: live.world().password.clone() },
        ldap: live.settings.ldap.clone(),
        ldaps: live.settings.ldaps.clone(),
        domain: Domain {
            dn: head_name().written(),
            netbios: NETBIOS.to_owned(),
            bind_dn: live.world().domain.by_sam("Administrator").map(|admin| admin.dn.clone()).unwrap_or_default(),
            password: live.world().password.clone(),
        },
        names: Names {
            user1: "User1".to_owned(),
            resource_group: GROUP.to_owned(),
            app1: APP1.to_owned(),
            dc1: DC1.to_owned(),
            client1: CLIENT1.to_owned(),
        },
    };
    Ok(Endpoint { ready, refresh_token })
}

/// Ctrl-C, SIGTERM, a closed terminal.
async fn end_when_told(ended: CancellationToken) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut term), Ok(mut hangup)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else { return };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = term.recv() => {}
            _ = hangup.recv() => {}
        }
    }
    #[cfg(windows)]
    {
        use tokio::signal::windows;
        let (Ok(mut close), Ok(mut shutdown)) = (windows::ctrl_close(), windows::ctrl_shutdown()) else { return };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = close.recv() => {}
            _ = shutdown.recv() => {}
        }
    }
    ended.cancel();
}
