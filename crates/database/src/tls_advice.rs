//! Advice about a server whose certificate is refused.

use std::error::Error;
use std::io;

use rustls::CertificateError;

/// The advice for an error that a certificate is the cause of; `None` for any other.
#[must_use]
pub fn tls_advice(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(advice) = of(error) {
            return Some(advice);
        }
        // The source of such an error is that of the one inside.
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if let Some(advice) = inner.and_then(|inner| tls_advice(inner)) {
            return Some(advice);
        }
        next = error.source();
    }
    None
}

fn of(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let Some(rustls::Error::InvalidCertificate(problem)) = error.downcast_ref() else {
        return None;
    };
    Some(match problem {
        CertificateError::UnknownIssuer => {
            "no certificate that is trusted here has signed the server's: name that of its \
             authority in `ca_certificate`"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the server's certificate is for another name: use a name that is in it"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired, or a clock is wrong: renew it"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet, or a clock is wrong"
        }
        // A type of a crate that is not used here otherwise.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "the server shows the certificate of an authority as its own: give it one that the \
             authority has signed, with `CA:FALSE`"
        }
        _ => return None,
    })
}
