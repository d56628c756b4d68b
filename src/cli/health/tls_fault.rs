//! A server that does not prove itself, in words that say what to do.

use std::io::Error;

use rustls::CertificateError;

/// The name that `webpki` gives to the certificate of an authority that a server shows. `rustls` has none for it.
const OF_AUTHORITY: &str = "CaUsedAsEndEntity";

/// The text of an error; `has_ca` is true if `--ca` names authorities.
pub(super) fn fault_text(error: &Error, has_ca: bool) -> String {
    let inner = error.get_ref();
    let inner = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(fault)) = inner else {
        return error.to_string();
    };
    match fault {
        CertificateError::Other(other) if other.0.to_string() == OF_AUTHORITY => {
            "the server's certificate is that of an authority (CA:TRUE), which is no server's: make one without, or have \
             the authority sign one"
                .to_owned()
        }
        // With an authority of the same name a signature is tried, and does not fit.
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => match has_ca {
            true => "no authority that `--ca` names has signed the server's certificate".to_owned(),
            false => "no authority that is known here has signed the server's certificate; `--ca` names one".to_owned(),
        },
        _ => error.to_string(),
    }
}
