//! The authority whose certificate workers elsewhere believe, and no other.
//!
//! It is made once and kept in the data folder: its key for the host's user alone, its certificate for ten years. It
//! vouches for one thing, the host's own certificate, which is made anew at each start and whose key is never on a disk.
//! A worker is given the authority's certificate with its order.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quarterdeck_core::ids::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{RootCertStore, ServerConfig};

use super::journal::segment;

/// The authority's key, as PEM.
const KEY_FILE: &str = "workers-ca.key";
/// Its certificate, as PEM.
const CERTIFICATE_FILE: &str = "workers-ca.crt";
/// How far clocks may differ.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// For whoever reads it: the verifiers of workers take the dates of what they are told to believe for nothing.
const AUTHORITY_FOR: Duration = Duration::from_secs(3652 * 24 * 60 * 60);
/// A host is started anew, for an upgrade, more often than this.
const SERVER_FOR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The authority. Nothing prints it.
pub struct Authority {
    key: KeyPair,
    certificate: String,
}

impl Authority {
    /// Reads the authority, and makes it, on disk before it is used, where there is none. Whoever calls this holds the
    /// journal's lock, so that there are not two.
    ///
    /// # Errors
    /// Where its files can't be read or made, or hold something else.
    pub fn open(folder: &Path, now: Timestamp) -> io::Result<Authority> {
        let (key_file, certificate_file) = (folder.join(KEY_FILE), folder.join(CERTIFICATE_FILE));
        let key = match read(&key_file)? {
            Some(text) => KeyPair::from_pem(&text).map_err(|error| odd(&key_file, &error))?,
            None => {
                let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(io::Error::other)?;
                segment::put(&key_file, key.serialize_pem().as_bytes()).map_err(io::Error::other)?;
                key
            }
        };
        if let Some(certificate) = read(&certificate_file)? {
            return Ok(Authority { key, certificate });
        }
        let parameters = authority(now)?;
        let certificate = parameters.self_signed(&key).map_err(io::Error::other)?.pem();
        segment::put(&certificate_file, certificate.as_bytes()).map_err(io::Error::other)?;
        Ok(Authority { key, certificate })
    }

    /// What workers are to believe, as PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// How the host speaks TLS under these names and addresses: with a new certificate, for a year.
    ///
    /// # Errors
    /// Where a name is none, or the certificate on disk does not vouch for what the key on disk signs.
    pub fn server_config(&self, names: &[String], now: Timestamp) -> io::Result<ServerConfig> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(io::Error::other)?;
        let mut parameters = CertificateParams::new(names).map_err(io::Error::other)?;
        parameters.distinguished_name = name("quarterdeck");
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.use_authority_key_identifier_extension = true;
        valid(&mut parameters, now, SERVER_FOR);
        let (authority, provider) = (authority(now)?, Arc::new(rustls::crypto::ring::default_provider()));
        let signed = parameters.signed_by(&key, &Issuer::from_params(&authority, &self.key));
        let certificate = signed.map_err(io::Error::other)?.der().clone();
        self.vouches(&certificate, names, now)?;
        let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = versions.map_err(io::Error::other)?.with_no_client_auth();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let mut config = builder.with_single_cert(vec![certificate], key.into()).map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Looks as a worker will: better the host does not start than that every worker finds it a stranger.
    fn vouches(&self, certificate: &CertificateDer<'_>, names: &[String], now: Timestamp) -> io::Result<()> {
        let text = self.certificate.as_bytes();
        let known = CertificateDer::from_pem_slice(text).map_err(|error| odd(Path::new(CERTIFICATE_FILE), &error))?;
        let mut roots = RootCertStore::empty();
        roots.add(known).map_err(|error| odd(Path::new(CERTIFICATE_FILE), &error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let verifier = verifier.map_err(io::Error::other)?;
        let now = UnixTime::since_unix_epoch(Duration::from_millis(now.0));
        for name in names {
            let server = ServerName::try_from(name.as_str()).map_err(io::Error::other)?;
            verifier.verify_server_cert(certificate, &[], &server, &[], now).map_err(|error| {
                io::Error::other(format!(
                    "{CERTIFICATE_FILE} does not vouch for {name}: {error}; move {KEY_FILE} and {CERTIFICATE_FILE} away \
                     and start again when no worker runs"
                ))
            })?;
        }
        Ok(())
    }
}

/// What an authority's certificate says. The host's own is issued in this name.
fn authority(now: Timestamp) -> io::Result<CertificateParams> {
    let mut parameters = CertificateParams::new(Vec::<String>::new()).map_err(io::Error::other)?;
    parameters.distinguished_name = name("quarterdeck workers");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    valid(&mut parameters, now, AUTHORITY_FOR);
    Ok(parameters)
}

/// Valid from yesterday on, since clocks differ.
fn valid(parameters: &mut CertificateParams, now: Timestamp, how_long: Duration) {
    let now = date_time_ymd(1970, 1, 1) + Duration::from_millis(now.0);
    (parameters.not_before, parameters.not_after) = (now - DAY, now + how_long);
}

fn name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(odd(path, &error)),
        Ok(text) => Ok(Some(text)),
    }
}

fn odd(path: &Path, why: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("read {}: {why}", path.display()))
}
