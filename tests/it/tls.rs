//! TLS of the listeners, by clients that are real and clients that are not.

mod authority;
mod hostile;
mod http2;
mod mutual;
mod revoked;
mod rotation;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::connection::{ALLOWED, Connection, question};
use crate::eventually::{PATIENCE, until};
use crate::sidecar::{Sidecar, Start};

pub(crate) use authority::{Authority, Signed};

pub(crate) const HTTP1: &str = "http/1.1";
const LOCAL: &str = "IP:127.0.0.1";

type Secured = StreamOwned<ClientConnection, TcpStream>;

/// With a certificate of an authority.
pub(crate) fn with_tls(start: Start, server: &Signed) -> Start {
    start
        .variable(
            "PEPPOL_AUTHZ_TLS__CERTIFICATE",
            server.certificate.to_str().unwrap(),
        )
        .variable("PEPPOL_AUTHZ_TLS__KEY", server.key.to_str().unwrap())
}

/// Shakes hands.
pub(crate) fn shake(address: &str, config: ClientConfig, name: &str) -> std::io::Result<Secured> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(client, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// A connection of a client to a sidecar.
pub(crate) fn connect(sidecar: &Sidecar, config: ClientConfig) -> Connection {
    Connection::over(shake(&sidecar.address, config, "127.0.0.1").unwrap())
}

/// Carries bytes between a stream and an asynchronous one, until either ends.
pub(crate) fn relay(mut stream: Secured, far: tokio::io::DuplexStream) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let short = std::time::Duration::from_millis(5);
    stream.sock.set_read_timeout(Some(short)).unwrap();
    runtime.block_on(async {
        let (mut reader, mut writer) = tokio::io::split(far);
        let mut buffer = [0; 4096];
        loop {
            let sent = tokio::time::timeout(short, reader.read(&mut buffer)).await;
            match sent {
                Ok(Ok(0) | Err(_)) => return,
                Ok(Ok(read)) => stream.write_all(&buffer[..read]).unwrap(),
                Err(_) => {}
            }
            match stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(read) => writer.write_all(&buffer[..read]).await.unwrap(),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    });
}

/// True if a client is refused: by the handshake, or with TLS 1.3 by what follows it.
pub(crate) fn is_refused(sidecar: &Sidecar, config: ClientConfig) -> bool {
    let Ok(mut stream) = shake(&sidecar.address, config, "127.0.0.1") else {
        return true;
    };
    let _ = stream.write_all(question(ALLOWED).as_bytes());
    !matches!(stream.read(&mut [0; 16]), Ok(1..))
}

/// A sample of the metrics.
pub(crate) fn sample(connection: &mut Connection, name: &str) -> Option<i64> {
    let text = connection.get("/metrics").text;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn questions_are_answered_over_tls_and_over_nothing_else() {
    let ours = Authority::new();
    let other = Authority::new();
    let start = with_tls(Start::quickstart(), &ours.sign("server", LOCAL))
        .variable("PEPPOL_AUTHZ_SERVER__HEADER_READ_TIMEOUT", "2s")
        .variable("PEPPOL_AUTHZ_GATEWAY__ENVOY_GRPC_LISTEN", "127.0.0.1:0");
    let sidecar = start.start();
    let mut kept = connect(&sidecar, ours.client(None, HTTP1));
    kept.is_served();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(ours.certificate()).unwrap())
            .unwrap();
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        // Records as small as they can be.
        config.max_fragment_size = Some(33);
        connect(&sidecar, config).is_served();
    }
    // Another protocol is not spoken there.
    assert!(is_refused(&sidecar, ours.client(None, "h3")));
    // The client does not know the authority, or asks for another name.
    assert!(shake(&sidecar.address, other.client(None, HTTP1), "127.0.0.1").is_err());
    assert!(
        shake(
            &sidecar.address,
            ours.client(None, HTTP1),
            "elsewhere.example"
        )
        .is_err()
    );
    for old in ["-tls1", "-tls1_1"] {
        let done = std::process::Command::new("openssl")
            .args([
                "s_client",
                "-connect",
                &sidecar.address,
                old,
                "-cipher",
                "ALL:@SECLEVEL=0",
            ])
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        assert!(!done.status.success(), "{old}");
    }
    // Without TLS nobody is answered.
    let mut plain = TcpStream::connect(&sidecar.address).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    plain.write_all(question(ALLOWED).as_bytes()).unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
    // Half handshakes keep nobody waiting, and end.
    let mut half: Vec<TcpStream> = (0..40_u8)
        .map(|number| {
            let mut stream = TcpStream::connect(&sidecar.address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let hello = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
            stream
                .write_all(&hello[..usize::from(number) % hello.len()])
                .unwrap();
            stream
        })
        .collect();
    kept.is_served();
    connect(&sidecar, ours.client(None, HTTP1)).is_served();
    for stream in &mut half {
        assert!(matches!(stream.read(&mut [0; 16]), Ok(0) | Err(_)));
    }
    kept.is_served();
    until("late handshakes are counted", || {
        sample(
            &mut kept,
            "peppol_authz_tls_handshakes_total{listener=\"questions\",result=\"late\"}",
        ) >= Some(40)
    });
    // gRPC has TLS too, and speaks HTTP/2.
    let address = sidecar.logged("listening for Envoy's gRPC")["address"].clone();
    let address = address.as_str().unwrap();
    let mut grpc = shake(address, ours.client(None, "h2"), "127.0.0.1").unwrap();
    grpc.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .unwrap();
    let mut frame = [0; 9];
    grpc.read_exact(&mut frame).unwrap();
    assert_eq!(frame[3], 4, "SETTINGS");
    assert!(shake(address, ours.client(None, HTTP1), "127.0.0.1").is_err());
}

#[test]
fn certificates_that_cannot_be_used_are_named_at_the_start() {
    let ours = Authority::new();
    let server = ours.sign("server", LOCAL);
    let other = ours.sign("other", LOCAL);
    let expired = ours.sign_expired("expired", LOCAL);
    let text = |signed: &Signed| with_tls(Start::new(), signed).fails();
    let garbage = Signed {
        certificate: server.key.clone(),
        ..server.clone()
    };
    let mixed = Signed {
        key: other.key,
        ..server.clone()
    };
    let missing = Signed {
        key: "/nowhere/tls.key".into(),
        ..server.clone()
    };
    for (signed, said) in [
        (&garbage, "no certificate in it"),
        (&mixed, "`certificate` and `key`"),
        (&missing, "/nowhere/tls.key"),
        (&expired, "it has expired"),
    ] {
        let (code, text) = text(signed);
        assert_eq!(code, 1, "{text}");
        assert!(text.contains("`tls`: ") && text.contains(said), "{text}");
    }
    // The holder of a server's key would be an authority, and vouch for anybody.
    let leaf = server.certificate.to_str().unwrap();
    let start = with_tls(Start::new(), &server).variable("PEPPOL_AUTHZ_TLS__CLIENT_CA", leaf);
    let (code, text) = start.fails();
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("is no authority"), "{text}");
    let (code, text) = Start::new()
        .variable("PEPPOL_AUTHZ_TLS__KEY", "tls.key")
        .variable("PEPPOL_AUTHZ_TLS__CLIENT_CERTIFICATE", "required")
        .fails();
    assert_eq!(code, 64, "{text}");
    for key in ["`tls.certificate`", "`tls.client_certificate`"] {
        assert!(text.contains(key), "{text}");
    }
}
