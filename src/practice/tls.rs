//! The lab's own certificate authority: made at each start, its key never leaves memory, good for this machine's loopback names and the practice domain's only.

use super::world::LAB_DOMAIN;
use jiff::{ToSpan as _, Zoned};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair,
    KeyUsagePurpose, NameConstraints, SanType, date_time_ymd,
};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

/// What the listener needs and what clients trust.
pub(super) struct Identity {
    /// For the listener.
    pub(super) server: Arc<ServerConfig>,
    /// For the domain controller, which speaks no HTTP.
    pub(super) directory: Arc<ServerConfig>,
    /// The authority's certificate, PEM.
    pub(super) ca_pem: String,
}

/// Makes an authority and a certificate for localhost, 127.0.0.1, ::1 and the practice domain controller.
pub(super) fn identity() -> Result<Identity, Box<dyn std::error::Error + Send + Sync>> {
    let authority = CertifiedIssuer::self_signed(authority_params(), KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let leaf = leaf_params()?.signed_by(&key, &authority)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let directory = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)?;
    let mut server = directory.clone();
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity { server: Arc::new(server), directory: Arc::new(directory), ca_pem: authority.pem() })
}

fn authority_params() -> CertificateParams {
    let mut params = dated(CertificateParams::default());
    params.distinguished_name.push(DnType::CommonName, "Guidepost practice lab (this machine only)");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Whoever installs it in a trust store is not at risk: it cannot vouch for any other name (RFC 5280 4.2.1.10).
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            // A name that nobody can own (RFC 2606 2).
            GeneralSubtree::DnsName(LAB_DOMAIN.to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(Ipv4Addr::LOCALHOST.into(), 32)),
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(Ipv6Addr::LOCALHOST.into(), 128)),
        ],
        excluded_subtrees: Vec::new(),
    });
    params
}

fn leaf_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = dated(CertificateParams::default());
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.subject_alt_names = vec![
        SanType::DnsName("localhost".try_into()?),
        SanType::DnsName(format!("dc1.{LAB_DOMAIN}").try_into()?),
        SanType::DnsName(LAB_DOMAIN.try_into()?),
        SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// From yesterday, for clocks that are behind, to a year from now: some systems refuse more than 825 days.
fn dated(mut params: CertificateParams) -> CertificateParams {
    let today = Zoned::now().date();
    let month = |date: jiff::civil::Date| u8::try_from(date.month()).unwrap_or(1);
    let day = |date: jiff::civil::Date| u8::try_from(date.day()).unwrap_or(1);
    let (from, to) = (today.saturating_sub(2.days()), today.saturating_add(1.year()));
    params.not_before = date_time_ymd(i32::from(from.year()), month(from), day(from));
    params.not_after = date_time_ymd(i32::from(to.year()), month(to), day(to));
    params
}
