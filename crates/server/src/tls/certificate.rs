//! Certificates: the names of a client, and the time for which one is valid.

use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};

use peppol_authz_engine::text::hex;

/// Names of one certificate that are read.
const MOST_NAMES: usize = 100;

/// A client's certificate, which an authority vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its URI, as a SPIFFE id is; `None` where it has none, or several.
    pub uri: Option<String>,
    /// Its DNS names.
    pub dns: Vec<String>,
    /// The SHA-256 of it, in hexadecimal digits.
    pub fingerprint: String,
    /// The time at which it expires, in seconds of the Unix epoch.
    pub until: i64,
}

/// The time for which a certificate is valid, in seconds of the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct ValidTime {
    pub(super) from: i64,
    pub(super) until: i64,
}

// === impl ClientCertificate ===

impl ClientCertificate {
    /// Reads the names of a certificate that was verified.
    ///
    /// # Errors
    /// A certificate, or alternative names, that cannot be read.
    pub(super) fn read(der: &CertificateDer<'_>) -> Result<Self, String> {
        let certificate = parse(der)?;
        let names = certificate.tbs_certificate.get::<SubjectAltName>();
        let names = names.map_err(|error| format!("its names: {error}"))?;
        let names = names.map(|(_, names)| names.0).unwrap_or_default();
        if names.len() > MOST_NAMES {
            return Err(format!("it has more than {MOST_NAMES} names"));
        }
        let (mut uris, mut dns) = (Vec::new(), Vec::new());
        for name in &names {
            match name {
                GeneralName::UniformResourceIdentifier(uri) => uris.push(uri.to_string()),
                GeneralName::DnsName(name) => dns.push(name.to_string().to_ascii_lowercase()),
                _ => {}
            }
        }
        Ok(Self {
            uri: uris.pop().filter(|_| uris.is_empty()),
            dns,
            fingerprint: fingerprint(der),
            until: valid(&certificate).until,
        })
    }
}

// === impl ValidTime ===

impl ValidTime {
    /// The time of an authority.
    ///
    /// # Errors
    /// A certificate of somebody who is no authority: the owner of its key would become one.
    pub(super) fn of_authority(der: &CertificateDer<'_>) -> Result<Self, String> {
        let certificate = parse(der)?;
        let constraints = certificate.tbs_certificate.get::<BasicConstraints>();
        let constraints = constraints.map_err(|error| format!("its constraints: {error}"))?;
        let name = &certificate.tbs_certificate.subject;
        match constraints {
            Some((_, constraints)) if constraints.ca => Ok(valid(&certificate)),
            _ => Err(format!(
                "`{name}` is no authority (`CA:TRUE`), and would become one"
            )),
        }
    }

    /// True if it holds now.
    pub(super) fn holds(&self, now: i64) -> bool {
        (self.from..self.until).contains(&now)
    }

    pub(super) fn of(der: &CertificateDer<'_>) -> Result<Self, String> {
        Ok(valid(&parse(der)?))
    }
}

/// The SHA-256 of a certificate, in hexadecimal digits.
pub(super) fn fingerprint(der: &CertificateDer<'_>) -> String {
    hex(&Sha256::digest(der), 32)
}

fn parse(der: &CertificateDer<'_>) -> Result<Certificate, String> {
    Certificate::from_der(der).map_err(|error| format!("it is no certificate: {error}"))
}

fn valid(certificate: &Certificate) -> ValidTime {
    let validity = &certificate.tbs_certificate.validity;
    let seconds = |time: x509_cert::time::Time| {
        i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
    };
    ValidTime {
        from: seconds(validity.not_before),
        until: seconds(validity.not_after),
    }
}
