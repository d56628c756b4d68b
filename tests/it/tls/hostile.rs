//! Clients that do to TLS what no client should: none is answered that should not be, and none keeps others waiting.

use std::io::BufRead;
use std::process::{Command, Stdio};

use super::*;

/// A record of TLS.
fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[kind, 3, 3], &length[..], content].concat()
}

/// The first message of a client, without its record.
fn hello(ours: &Authority) -> Vec<u8> {
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let config = Arc::new(ours.client(None, HTTP1));
    let mut client = ClientConnection::new(config, name).unwrap();
    let mut sent = Vec::new();
    client.write_tls(&mut sent).unwrap();
    sent.split_off(5)
}

/// The kinds of the first record that comes back, or the end.
fn answer(address: &str, sent: &[u8]) -> Option<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // It may have had enough before all is sent.
    let _ = stream.write_all(sent);
    let mut kind = [0];
    match stream.read(&mut kind) {
        Ok(1) => Some(kind[0]),
        Ok(_) => None,
        Err(error) => {
            let hangs = error.kind() == std::io::ErrorKind::WouldBlock;
            assert!(!hangs, "it hangs");
            None
        }
    }
}

const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
const DATA: u8 = 23;

#[test]
fn records_of_any_size_are_refused_or_answered_and_nobody_waits() {
    let ours = Authority::new();
    let sidecar = with_tls(Start::quickstart(), &ours.sign("server", LOCAL))
        .variable("PEPPOL_AUTHZ_SERVER__HEADER_READ_TIMEOUT", "2s")
        .start();
    let mut kept = connect(&sidecar, ours.client(None, HTTP1));
    let hello = hello(&ours);
    let of = |sent: &[u8]| answer(&sidecar.address, sent);
    assert_eq!(of(&record(HANDSHAKE, &hello)), Some(HANDSHAKE));
    // Byte by byte it is the same message.
    let bytes: Vec<u8> = hello
        .iter()
        .flat_map(|byte| record(HANDSHAKE, &[*byte]))
        .collect();
    assert!(matches!(of(&bytes), Some(HANDSHAKE | ALERT) | None));
    let is_refused =
        |sent: &[u8]| assert!(matches!(of(sent), Some(ALERT) | None), "{:?}", &sent[..8]);
    // Records with nothing in them, without end.
    is_refused(&record(HANDSHAKE, &[]).repeat(10_000));
    // Longer than a record may be.
    is_refused(&[&[HANDSHAKE, 3, 3, 0xff, 0xff][..], &[0; 40_000]].concat());
    // A message that says that it is 16 MiB long.
    is_refused(&record(HANDSHAKE, &[1, 0xff, 0xff, 0xff, 3, 3]));
    // Data, or another kind of record, before anything is agreed.
    is_refused(&record(DATA, b"GET /livez HTTP/1.1\r\n\r\n"));
    is_refused(&record(99, b"x"));
    // A version that is not spoken any more: SSL 3 and 2.
    is_refused(&[&[HANDSHAKE, 3, 0, 0, 4][..], &[1, 0, 0, 0]].concat());
    is_refused(&[0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10]);
    kept.is_served();
    connect(&sidecar, ours.client(None, HTTP1)).is_served();
}

/// Of TLS 1.2; there is none in 1.3.
#[test]
fn a_connection_is_not_negotiated_again() {
    let ours = Authority::new();
    let sidecar = with_tls(Start::quickstart(), &ours.sign("server", LOCAL)).start();
    let mut kept = connect(&sidecar, ours.client(None, HTTP1));
    let mut child = Command::new("openssl")
        .args([
            "s_client",
            "-connect",
            &sidecar.address,
            "-tls1_2",
            "-CAfile",
        ])
        .arg(ours.certificate())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    // Agreed once.
    let (mut line, mut agreed) = (String::new(), String::new());
    while !agreed.contains("Verify return code: 0 (ok)") {
        line.clear();
        assert!(stdout.read_line(&mut line).unwrap() > 0, "{agreed}");
        agreed.push_str(&line);
    }
    assert!(agreed.contains("TLSv1.2"), "{agreed}");
    stdin.write_all(b"R\n").unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    let done = child.wait().unwrap();
    assert!(!done.success(), "{rest}");
    assert!(!rest.contains("Verify return code"), "{rest}");
    kept.is_served();
}

/// A client that asks for another name gets the one certificate, which does not vouch for that name; one that does not look is
/// no worse off than with the right name.
#[test]
fn another_name_gets_no_other_certificate() {
    let ours = Authority::new();
    let sidecar = with_tls(
        Start::quickstart(),
        &ours.sign("server", "DNS:authz.example.org,IP:127.0.0.1"),
    )
    .start();
    let shown = |name: &str| {
        let stream = shake(&sidecar.address, ours.client(None, HTTP1), name)?;
        Ok::<_, std::io::Error>(stream.conn.peer_certificates().unwrap()[0].to_vec())
    };
    assert_eq!(
        shown("authz.example.org").unwrap(),
        shown("127.0.0.1").unwrap()
    );
    for name in [
        "other.example.org",
        "authz.example.org.evil.example",
        "localhost",
    ] {
        let error = shown(name).unwrap_err().to_string();
        assert!(error.contains("certificate not valid for name"), "{error}");
    }
}
