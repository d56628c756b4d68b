//! Authorities, and the certificates that they sign, by `openssl`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// An authority in a directory of its own.
pub(crate) struct Authority {
    directory: tempfile::TempDir,
}

/// A certificate and its key, as PEM files.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

fn openssl(directory: &Path, arguments: &str) {
    let done = Command::new("openssl")
        .args(arguments.split('|').map(str::trim))
        .current_dir(directory)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "openssl {arguments}: {said}");
}

impl Authority {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        openssl(
            directory.path(),
            "req|-x509|-newkey|ec|-pkeyopt|ec_paramgen_curve:prime256v1|-nodes|-days|2|-subj|/CN=authority|\
             -keyout|ca.key|-out|ca.crt|-addext|basicConstraints=critical,CA:TRUE",
        );
        Self { directory }
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.path().join("ca.crt")
    }

    /// Revokes certificates by a list, which is valid for that many hours.
    pub(crate) fn revoke(&self, revoked: &[&Signed], hours: i32) -> PathBuf {
        let directory = self.directory.path();
        let text = "[ca]\ndefault_ca = own\n[own]\ndatabase = index\ncrlnumber = number\ndefault_md = sha256\n";
        for (file, text) in [
            ("ca.conf", text),
            ("index", ""),
            ("index.attr", ""),
            ("number", "01\n"),
        ] {
            std::fs::write(directory.join(file), text).unwrap();
        }
        let own = "-config|ca.conf|-cert|ca.crt|-keyfile|ca.key";
        for signed in revoked {
            let certificate = signed.certificate.display();
            openssl(directory, &format!("ca|{own}|-revoke|{certificate}"));
        }
        // `-crlhours` takes no time that is over.
        let until = match hours {
            0.. => format!("-crlhours|{hours}"),
            _ => "-crl_lastupdate|200101000000Z|-crl_nextupdate|200102000000Z".to_owned(),
        };
        openssl(directory, &format!("ca|{own}|-gencrl|{until}|-out|ca.crl"));
        directory.join("ca.crl")
    }

    /// A certificate for names as `IP:127.0.0.1` or `URI:spiffe://a/b`.
    pub(crate) fn sign(&self, file: &str, names: &str) -> Signed {
        self.sign_for(file, names, 2)
    }

    /// One that has expired.
    pub(crate) fn sign_expired(&self, file: &str, names: &str) -> Signed {
        self.sign_for(file, names, -1)
    }

    fn sign_for(&self, file: &str, names: &str, days: i32) -> Signed {
        let directory = self.directory.path();
        std::fs::write(directory.join("names"), format!("subjectAltName={names}\n")).unwrap();
        openssl(
            directory,
            &format!(
                "req|-new|-newkey|ec|-pkeyopt|ec_paramgen_curve:prime256v1|-nodes|-subj|/CN={file}|\
                 -keyout|{file}.key|-out|{file}.csr"
            ),
        );
        openssl(
            directory,
            &format!(
                "x509|-req|-in|{file}.csr|-CA|ca.crt|-CAkey|ca.key|-CAcreateserial|-days|{days}|\
                 -extfile|names|-out|{file}.crt"
            ),
        );
        Signed {
            certificate: directory.join(format!("{file}.crt")),
            key: directory.join(format!("{file}.key")),
        }
    }

    /// The settings of a client that trusts this authority.
    pub(crate) fn client(&self, own: Option<&Signed>, alpn: &str) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(self.certificate()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let certificate = CertificateDer::from_pem_file(&own.certificate).unwrap();
                let key = PrivateKeyDer::from_pem_file(&own.key).unwrap();
                builder
                    .with_client_auth_cert(vec![certificate], key)
                    .unwrap()
            }
        };
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        config
    }
}

impl Signed {
    /// The settings of a server that has it.
    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        let certificate = CertificateDer::from_pem_file(&self.certificate).unwrap();
        let key = PrivateKeyDer::from_pem_file(&self.key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Arc::new(config)
    }

    /// Puts it in a directory as `tls.crt` and `tls.key`.
    pub(crate) fn put(&self, directory: &Path) {
        std::fs::create_dir_all(directory).unwrap();
        std::fs::copy(&self.certificate, directory.join("tls.crt")).unwrap();
        std::fs::copy(&self.key, directory.join("tls.key")).unwrap();
    }
}
