//! Keys over `https`: their server has to be vouched for.

use peppol_authz_server::config::{Introspection, ServerUrl};
use peppol_authz_server::identity::{Credential, Credentials};

use super::signer::openssl;
use super::*;
use crate::tls::Signed;

/// An authority in this directory.
fn authority(directory: &std::path::Path, name: &str) -> std::path::PathBuf {
    let at = |ending: &str| directory.join(format!("{name}.{ending}"));
    openssl(&format!(
        "req|-x509|-newkey|ec|-pkeyopt|ec_paramgen_curve:prime256v1|-nodes|-days|2|-subj|/CN={name}|\
         -keyout|{}|-out|{}|-addext|basicConstraints=critical,CA:TRUE",
        at("key").display(),
        at("crt").display()
    ));
    at("crt")
}

/// A server whose certificate is by the authority `ours`, for a name as `IP:127.0.0.1`.
fn server(directory: &std::path::Path, name: &str) -> KeyServer {
    let at = |name: &str| directory.join(name).display().to_string();
    std::fs::write(at("names"), format!("subjectAltName={name}\n")).unwrap();
    openssl(&format!(
        "req|-new|-newkey|ec|-pkeyopt|ec_paramgen_curve:prime256v1|-nodes|-subj|/CN=server|-keyout|{}|-out|{}",
        at("server.key"),
        at("server.csr")
    ));
    openssl(&format!(
        "x509|-req|-in|{}|-CA|{}|-CAkey|{}|-CAcreateserial|-days|2|-extfile|{}|-out|{}",
        at("server.csr"),
        at("ours.crt"),
        at("ours.key"),
        at("names"),
        at("server.crt")
    ));
    serving(directory, "server")
}

/// A server that shows the certificate of that name.
fn serving(directory: &std::path::Path, name: &str) -> KeyServer {
    let at = |ending: &str| directory.join(format!("{name}.{ending}"));
    let signed = Signed {
        certificate: at("crt"),
        key: at("key"),
    };
    let server = KeyServer::start_with(Some(signed.server()));
    server.publish(&SIGNERS.published());
    server
}

/// `health` asks over TLS as well, and believes nobody whom nobody vouches for.
#[test]
fn the_health_of_a_server_that_is_vouched_for_is_told_and_of_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let ours = authority(directory.path(), "ours");
    let other = authority(directory.path(), "other");
    let health = |server: &KeyServer, authority: &std::path::Path| {
        let url = format!("https://127.0.0.1:{}", server.port());
        let asked = crate::sidecar::program()
            .args(["health", "--url", &url, "--timeout", "30s", "--ca"])
            .arg(authority)
            .output()
            .unwrap();
        let said = String::from_utf8(asked.stderr).unwrap();
        (asked.status.code(), said)
    };
    let named = server(directory.path(), "IP:127.0.0.1");
    assert_eq!(health(&named, &ours), (Some(0), String::new()));
    let (code, said) = health(&named, &other);
    assert_eq!(code, Some(1), "{said}");
    let unknown = "no authority that `--ca` names has signed the server's certificate";
    assert!(said.contains(unknown), "{said}");
    // One of the same name is another one.
    let elsewhere = directory.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let (code, said) = health(&named, &authority(&elsewhere, "ours"));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(unknown), "{said}");
    // An authority is no server.
    let (code, said) = health(&serving(directory.path(), "ours"), &ours);
    assert_eq!(code, Some(1), "{said}");
    let of_authority = "the server's certificate is that of an authority (CA:TRUE)";
    assert!(said.contains(of_authority), "{said}");
    let misnamed = server(directory.path(), "DNS:elsewhere.example");
    let (code, said) = health(&misnamed, &ours);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("certificate"), "{said}");
    assert_eq!((named.asked(), misnamed.asked()), (1, 0));
}

#[tokio::test]
async fn a_server_that_is_vouched_for_is_asked_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let ours = authority(directory.path(), "ours");
    let other = authority(directory.path(), "other");
    let token = SIGNERS.ed.token("EdDSA", &claims());
    let verify = async |server: &KeyServer, authority: Option<&std::path::Path>| {
        let url = format!("https://127.0.0.1:{}/jwks.json", server.port());
        let settings = Jwt {
            ca_certificate: authority.map(Into::into),
            ..settings(&url)
        };
        Tokens::new(&settings).unwrap().verify(&token).await
    };
    let named = server(directory.path(), "IP:127.0.0.1");
    verify(&named, Some(&ours)).await.unwrap();
    assert_eq!(named.asked(), 1);
    assert!(is_unavailable(&verify(&named, Some(&other)).await));
    assert!(is_unavailable(&verify(&named, None).await));
    let misnamed = server(directory.path(), "DNS:elsewhere.example");
    assert!(is_unavailable(&verify(&misnamed, Some(&ours)).await));
    assert_eq!((named.asked(), misnamed.asked()), (1, 0));
}

#[tokio::test]
async fn an_endpoint_that_is_vouched_for_is_told_tokens_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let ours = authority(directory.path(), "ours");
    let other = authority(directory.path(), "other");
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    let verify = async |server: &KeyServer, authority: Option<&std::path::Path>| {
        let answer = json!({"active": true, "sub": "anna", "aud": AUDIENCE});
        server.answer("200 OK", answer.to_string().as_bytes());
        let url = format!("https://127.0.0.1:{}/introspect", server.port());
        let defaults = Config::defaults().unwrap();
        let config = Config {
            introspection: Introspection {
                endpoint: Some(ServerUrl::try_from(url).unwrap()),
                client_secret_file: Some(secret.clone()),
                audience: vec![AUDIENCE.to_owned()],
                ca_certificate: authority.map(Into::into),
                timeout: Duration::from_secs(10),
                ..defaults.introspection
            },
            ..defaults
        };
        let credentials = Credentials::new(&config).unwrap();
        credentials.verify(Credential::Bearer("opaque")).await
    };
    let refused = |result| matches!(result, Err(TokenError::NotIntrospected(_)));
    let named = server(directory.path(), "IP:127.0.0.1");
    let found = verify(&named, Some(&ours)).await.unwrap();
    assert_eq!(found.designation.value, "anna");
    assert!(
        named
            .request()
            .ends_with("token=opaque&token_type_hint=access_token")
    );
    assert!(refused(verify(&named, Some(&other)).await));
    assert!(refused(verify(&named, None).await));
    let misnamed = server(directory.path(), "DNS:elsewhere.example");
    assert!(refused(verify(&misnamed, Some(&ours)).await));
    assert_eq!((named.asked(), misnamed.asked()), (1, 0));
}

#[test]
fn certificates_that_are_none_are_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for text in [None, Some(""), Some(garbage)] {
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        let settings = Jwt {
            ca_certificate: Some(path.clone()),
            ..settings("https://127.0.0.1:1/jwks.json")
        };
        let error = Tokens::new(&settings).unwrap_err().to_string();
        assert!(error.contains("ca.pem"), "{error}");
    }
}
