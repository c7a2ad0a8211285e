//! Whom a client trusts and how it gets there: one client for loopback hosts, one for all others, each built when first needed.
//!
//! Why two? Loading the system's certificates costs what a walk in the practice lab never needs: first use of a client that
//! has 144 of them took 35 to 79 ms and 4.4 MiB, of one that has a CA file only 4 to 9 ms and 2.5 MiB (debug build, Debian 12,
//! busy machine). And a proxy must never see loopback traffic.

use super::error::HttpError;
use crate::base::Problem;
use reqwest::{Certificate, Client, ClientBuilder, NoProxy, Proxy, redirect};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use tokio::sync::OnceCell;
use url::{Host, Url};

/// Whether the host is this machine: `localhost`, 127.0.0.0/8 or ::1.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Host, with the port if it is not the scheme's own; for sentences.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// https everywhere, plain http for loopback only, and no user name or password in the address.
pub(super) fn check_address(url: &Url) -> Result<(), HttpError> {
    let plain = url.scheme() == "http" && is_loopback(url);
    if url.scheme() != "https" && !plain {
        return Err(HttpError::NotSecure { host: host_of(url), scheme: url.scheme().to_owned() });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(HttpError::NotSendable { why: format!("the address of `{}` holds a user name or password", host_of(url)) });
    }
    Ok(())
}

/// The clients.
pub(super) struct Clients {
    loopback: OnceCell<Client>,
    outside: OnceCell<Client>,
    extra: Vec<Certificate>,
    proxy: Option<Proxy>,
    timeout: Duration,
}

impl Clients {
    pub(super) fn new(ca_file: Option<&Path>, proxy: Option<&str>, timeout: Duration) -> Result<Self, Problem> {
        Ok(Self {
            loopback: OnceCell::new(),
            outside: OnceCell::new(),
            extra: ca_file.map(read_certificates).transpose()?.unwrap_or_default(),
            proxy: proxy.map(read_proxy).transpose()?,
            timeout,
        })
    }

    /// The client for this address.
    pub(super) async fn for_url(&self, url: &Url) -> Result<Client, HttpError> {
        let client = if is_loopback(url) {
            self.loopback.get_or_try_init(|| build(self.for_loopback())).await?
        } else {
            self.outside.get_or_try_init(|| build(self.for_outside())).await?
        };
        Ok(client.clone())
    }

    fn base(&self) -> ClientBuilder {
        Client::builder()
            .user_agent(concat!("guidepost/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(self.timeout)
            .timeout(self.timeout)
    }

    /// `localhost` is answered here and not by the resolver, so that no hosts file or DNS server can send plain http away.
    fn for_loopback(&self) -> ClientBuilder {
        let here = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
        let builder = self.base().no_proxy().resolve_to_addrs("localhost", &here);
        if self.extra.is_empty() { builder } else { builder.tls_certs_only(self.extra.clone()) }
    }

    fn for_outside(&self) -> ClientBuilder {
        let builder = self.base().https_only(true).tls_certs_merge(self.extra.clone());
        match &self.proxy {
            Some(proxy) => builder.proxy(proxy.clone()),
            None => builder,
        }
    }
}

/// Off the async threads: it may read a few hundred certificates from the disk.
async fn build(builder: ClientBuilder) -> Result<Client, HttpError> {
    let not_built = |why: String| HttpError::NotSendable { why: format!("the HTTPS client could not be set up: {why}") };
    match tokio::task::spawn_blocking(move || builder.build()).await {
        Ok(built) => built.map_err(|error| not_built(super::error::deepest(&error))),
        Err(stopped) => Err(not_built(stopped.to_string())),
    }
}

fn read_certificates(path: &Path) -> Result<Vec<Certificate>, Problem> {
    let shown = path.display();
    let pem = std::fs::read(path).map_err(|error| {
        Problem::usage(format!("cannot read the certificate file `{shown}`: {error}")).hint("check `ca_file` in the lab's profile")
    })?;
    let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if certificates.is_empty() {
        return Err(Problem::usage(format!("`{shown}` holds no certificate"))
            .hint("a certificate file is text with `-----BEGIN CERTIFICATE-----`; convert other forms with `openssl x509`"));
    }
    Ok(certificates)
}

/// The address is not repeated in the error: it may hold a password.
fn read_proxy(address: &str) -> Result<Proxy, Problem> {
    let proxy = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https")).and_then(|url| Proxy::all(url).ok());
    let proxy = proxy.ok_or_else(|| {
        Problem::usage("the proxy in the settings is no http or https address").hint("write it as `http://proxy.example:8080`")
    })?;
    Ok(proxy.no_proxy(NoProxy::from_env()))
}
