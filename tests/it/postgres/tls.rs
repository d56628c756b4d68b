//! TLS to the server: its certificate has to be vouched for.

use std::path::{Path, PathBuf};

use super::client::{until_missing, until_ready};
use super::server::{Database, Server, command, succeed};
use crate::sidecar::{Sidecar, Start};

/// Authorities, and what they vouch for. The server's own user writes them, since it
/// takes no key of another's.
struct Certificates {
    directory: tempfile::TempDir,
}

impl Certificates {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let open = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(directory.path(), open).unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn openssl(&self, arguments: &str) {
        let arguments = arguments.split('|').map(str::trim);
        succeed(
            command("openssl")
                .current_dir(self.directory.path())
                .args(arguments),
        );
    }

    fn authority(&self, name: &str) -> PathBuf {
        self.openssl(&format!(
            "req|-x509|-newkey|ec|-pkeyopt|ec_paramgen_curve:prime256v1|-nodes|-days|2|-subj|/CN={name}|\
             -keyout|{name}.key|-out|{name}.crt|-addext|basicConstraints=critical,CA:TRUE"
        ));
        self.path(&format!("{name}.crt"))
    }

    /// A key and a certificate by an authority, for a name as `IP:127.0.0.1`.
    fn server(&self, authority: &str, name: &str) -> Vec<String> {
        std::fs::write(self.path("names"), format!("subjectAltName={name}\n")).unwrap();
        self.openssl(
            "req|-new|-newkey|ec|-pkeyopt|ec_paramgen_curve:prime256v1|-nodes|-subj|/CN=server|\
             -keyout|server.key|-out|server.csr",
        );
        self.openssl(&format!(
            "x509|-req|-in|server.csr|-CA|{authority}.crt|-CAkey|{authority}.key|-CAcreateserial|-days|2|\
             -extfile|names|-out|server.crt"
        ));
        vec![
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", self.path("server.crt").display()),
            format!("ssl_key_file={}", self.path("server.key").display()),
        ]
    }
}

fn server(settings: &[String]) -> Server {
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    Server::start(&settings)
}

fn over(database: &Database, mode: &str, authority: &Path) -> Start {
    let url = format!("{}?sslmode={mode}", database.url());
    Start::new().with(&["--tenancy", &url]).variable(
        "PEPPOL_AUTHZ_STORE__CA_CERTIFICATE",
        authority.to_str().unwrap(),
    )
}

/// `t` if all connections of the sidecar are encrypted.
fn is_encrypted(database: &Database) -> String {
    database.sql(
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
         WHERE application_name = 'peppol-authz'",
    )
}

/// Why it could not be read is in the log, and is not for everyone.
fn is_refused(sidecar: &Sidecar, words: &str) {
    let record = sidecar.wait_for_log("the tenancy store cannot be read");
    let cause = record["cause"].as_str().unwrap();
    assert!(cause.contains(words), "{words}: {cause}");
    until_missing(sidecar, &["the tenancy store cannot be read"]);
}

#[test]
fn a_server_that_is_vouched_for_is_read_and_no_other() {
    let certificates = Certificates::new();
    let ours = certificates.authority("ours");
    let other = certificates.authority("other");
    let server = server(&certificates.server("ours", "IP:127.0.0.1"));
    let database = server.database();
    for mode in ["require", "verify-full"] {
        let sidecar = over(&database, mode, &ours).start();
        assert_eq!(sidecar.get("/readyz").status, 200);
        assert_eq!(is_encrypted(&database), "t", "{mode}");
    }
    for mode in ["require", "verify-full"] {
        is_refused(
            &over(&database, mode, &other).start_listening(),
            "no certificate that is trusted here has signed the server's",
        );
    }
    // On the machine itself nothing is encrypted unless it is asked for.
    let sidecar = Start::new().with(&["--tenancy", &database.url()]).start();
    assert_eq!(is_encrypted(&database), "f");
    drop(sidecar);
}

/// The remedy is said in words.
#[test]
fn an_authority_that_serves_for_itself_is_refused_in_words() {
    let certificates = Certificates::new();
    let ours = certificates.authority("ours");
    let settings = [
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", ours.display()),
        format!("ssl_key_file={}", certificates.path("ours.key").display()),
    ];
    let server = server(&settings);
    let database = server.database();
    is_refused(
        &over(&database, "require", &ours).start_listening(),
        "the server shows the certificate of an authority as its own",
    );
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let certificates = Certificates::new();
    let ours = certificates.authority("ours");
    let server = server(&certificates.server("ours", "DNS:elsewhere.example"));
    let database = server.database();
    is_refused(
        &over(&database, "require", &ours).start_listening(),
        "not valid for name",
    );
}

#[test]
fn a_server_without_tls_is_refused_where_it_is_required() {
    let certificates = Certificates::new();
    let ours = certificates.authority("ours");
    let server = Server::start(&[]);
    let database = server.database();
    is_refused(&over(&database, "require", &ours).start_listening(), "TLS");
    until_ready(&over(&database, "disable", &ours).start_listening());
}

#[test]
fn certificates_that_are_none_end_it_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("empty.pem");
    std::fs::write(&file, "").unwrap();
    let url = "postgres://postgres@127.0.0.1:1/x?sslmode=require";
    let (code, said) = Start::new()
        .with(&["--tenancy", url])
        .variable("PEPPOL_AUTHZ_STORE__CA_CERTIFICATE", file.to_str().unwrap())
        .fails();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("no certificate"), "{said}");
}
