//! Whom the LDAP way trusts, by the rule of `base::http`: a certificate file besides the system's, for loopback hosts instead of it.

use crate::base::text;
use crate::services::directory::{DirectoryError, Trust};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{CertificateError, ClientConfig, Error as TlsError, RootCertStore};
use std::io;
use std::path::Path;
use std::sync::Arc;
use url::{Host, Url};

/// The port of LDAP within TLS, and the one where TLS is asked for first.
const PORTS: (u16, u16) = (636, 389);

/// Where a domain controller is.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// TLS from the first byte (`ldaps://`), or asked for first (`ldap://`).
    pub(super) from_start: bool,
    /// The host, as sockets want it.
    pub(super) host: String,
    pub(super) port: u16,
    /// Host and port, for sentences.
    pub(super) shown: String,
    /// Whether it is this machine.
    pub(super) loopback: bool,
    /// What the certificate must be made out to.
    pub(super) name: ServerName<'static>,
}

/// Reads `ldaps://host[:port]` or `ldap://host[:port]`.
pub(super) fn address(text: &str) -> Result<Address, DirectoryError> {
    let wrong = |why: &str| DirectoryError::Setting {
        what: format!("`{}` is no address of a domain controller: {why}", text::short(text, 120)),
        hint: "write it as `ldaps://dc1.testlab.contoso.example`, or `ldap://…` for StartTLS",
    };
    let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("it has no `ldaps://`"))?;
    let from_start = match scheme.to_ascii_lowercase().as_str() {
        "ldaps" => true,
        "ldap" => false,
        _ => return Err(wrong("it begins neither with `ldaps://` nor with `ldap://`")),
    };
    // The parser knows hosts and addresses of web schemes only; and of those it forgets the usual port, which is never one of ours.
    let (known, plain) = (format!("https://{rest}"), format!("ldap://{rest}"));
    let (Ok(known), Ok(plain)) = (Url::parse(&known), Url::parse(&plain)) else { return Err(wrong("it has no host")) };
    if !known.username().is_empty() || known.password().is_some() || known.query().is_some() || known.path() != "/" {
        return Err(wrong("only a host and a port may stand there"));
    }
    let host = match known.host() {
        Some(Host::Domain(name)) => name.trim_end_matches('.').to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => return Err(wrong("it has no host")),
    };
    let port = plain.port().unwrap_or(if from_start { PORTS.0 } else { PORTS.1 });
    let name = ServerName::try_from(host.clone()).map_err(|_| wrong("its host can be on no certificate"))?;
    let shown = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    Ok(Address { from_start, loopback: crate::base::http::is_loopback(&known), shown, host, port, name })
}

/// How TLS is spoken. It may read hundreds of files: not for async threads.
pub(super) fn config(ca_file: Option<&Path>, loopback: bool) -> Result<Arc<ClientConfig>, DirectoryError> {
    let extra = ca_file.map(certificates).transpose()?.unwrap_or_default();
    let not_built = |error: TlsError| DirectoryError::Setting {
        what: format!("TLS could not be set up: {}", text::short(&error.to_string(), 200)),
        hint: "check the certificate file of the lab's profile, and this machine's own certificates",
    };
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = if loopback && !extra.is_empty() {
        let mut roots = RootCertStore::empty();
        for certificate in extra {
            roots.add(certificate).map_err(not_built)?;
        }
        let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
        built.map_err(|error| not_built(TlsError::General(error.to_string())))?
    } else {
        Arc::new(rustls_platform_verifier::Verifier::new_with_extra_roots(extra, Arc::clone(&provider)).map_err(not_built)?)
    };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(not_built)?;
    Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, DirectoryError> {
    let shown = path.display();
    let pem = std::fs::read(path).map_err(|error| DirectoryError::Setting {
        what: format!("cannot read the certificate file `{shown}`: {error}"),
        hint: "check `ca_file` under `[domain]` in the lab's profile",
    })?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    if found.is_empty() {
        return Err(DirectoryError::Setting {
            what: format!("`{shown}` holds no certificate"),
            hint: "a certificate file is text with `-----BEGIN CERTIFICATE-----`; convert other forms with `openssl x509`",
        });
    }
    Ok(found)
}

/// Why no TLS connection came about.
pub(super) fn distrust(error: &io::Error) -> Trust {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) else {
        return Trust::Other(match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => "it ended the connection during the TLS greeting".to_owned(),
            _ => text::short(&error.to_string(), 200),
        });
    };
    match tls {
        TlsError::InvalidCertificate(why) => certificate(why),
        TlsError::InvalidMessage(_) => Trust::Other("it does not speak TLS there".to_owned()),
        TlsError::AlertReceived(alert) => Trust::Other(format!("it refused the TLS greeting ({alert:?})")),
        other => Trust::Other(text::short(&other.to_string(), 200)),
    }
}

fn certificate(why: &CertificateError) -> Trust {
    match why {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Trust::UnknownAuthority,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Trust::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Trust::NotYetValid,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Trust::OtherName,
        CertificateError::Revoked => Trust::Other("its certificate was revoked".to_owned()),
        other => Trust::Other(text::short(&format!("its certificate is not accepted: {other}"), 200)),
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn an_address_is_a_host_and_a_port_and_nothing_else() {
        let read = |text: &str| address(text).map(|address| (address.shown, address.from_start, address.loopback));
        assert_eq!(read("ldaps://dc1.corp.example"), Ok(("dc1.corp.example:636".to_owned(), true, false)));
        assert_eq!(read("LDAP://127.0.0.21/"), Ok(("127.0.0.21:389".to_owned(), false, true)));
        assert_eq!(read("ldaps://127.0.0.21:443"), Ok(("127.0.0.21:443".to_owned(), true, true)));
        assert_eq!(read("ldaps://[::1]:1636"), Ok(("[::1]:1636".to_owned(), true, true)));
        assert_eq!(read("ldap://localhost"), Ok(("localhost:389".to_owned(), false, true)));
        for wrong in
            ["dc1", "https://dc1", "ldaps://", "ldaps://u:p@dc1", "ldaps://dc1/DC=a", "ldaps://dc1?x", "ldaps://dc1:99999", "ldapi://x"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
