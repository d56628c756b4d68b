//! Root certificates that vouch for a server: those of a PEM file, or the system's.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use peppol_authz_engine::file::read_once;

/// A PEM file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`{path}`: {problem}")]
pub struct RootsError {
    /// The file.
    pub path: PathBuf,
    /// The problem, for people.
    pub problem: String,
}

/// The certificates in the PEM file at `path`; without a path, the system's. A system may have
/// none, and need none.
///
/// # Errors
/// The file cannot be read, holds something that is no root certificate, or holds none.
pub fn root_certificates(path: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let Some(path) = path else {
        return Ok(rustls_native_certs::load_native_certs().certs);
    };
    read(path).map_err(|problem| RootsError {
        path: path.to_owned(),
        problem,
    })
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut all = Vec::new();
    // Says if a certificate can be a root.
    let mut store = RootCertStore::empty();
    let text = read_once(path).map_err(|error| error.to_string())?;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        store
            .add(certificate.clone())
            .map_err(|error| error.to_string())?;
        all.push(certificate);
    }
    if all.is_empty() {
        return Err("no certificate in it".to_owned());
    }
    Ok(all)
}
