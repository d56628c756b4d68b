//! Clients that have to show a certificate.

use std::io::ErrorKind;

use super::*;

#[test]
fn only_clients_of_the_authority_are_let_in_where_a_certificate_is_required() {
    let (ours, other) = (Authority::new(), Authority::new());
    let server = ours.sign("server", LOCAL);
    let mut sidecar = with_tls(Start::quickstart(), &server)
        .variable("PEPPOL_AUTHZ_SERVER__HEADER_READ_TIMEOUT", "1h")
        .variable("PEPPOL_AUTHZ_SERVER__DRAIN_TIMEOUT", "1h")
        .variable(
            "PEPPOL_AUTHZ_TLS__CLIENT_CA",
            ours.certificate().to_str().unwrap(),
        )
        .variable("PEPPOL_AUTHZ_TLS__CLIENT_CERTIFICATE", "required")
        .start();
    let known = ours.sign("client", "URI:spiffe://example.org/gateway");
    let mut kept = connect(&sidecar, ours.client(Some(&known), HTTP1));
    kept.is_served();
    let foreign = other.sign("foreign", "URI:spiffe://example.org/gateway");
    let expired = ours.sign_expired("expired", "URI:spiffe://example.org/gateway");
    for own in [None, Some(&foreign), Some(&expired)] {
        assert!(is_refused(&sidecar, ours.client(own, HTTP1)), "{own:?}");
    }
    kept.is_served();
    // A client learns of it before it is counted.
    let failed = "peppol_authz_tls_handshakes_total{listener=\"questions\",result=\"failed\"}";
    until("three are counted", || sample(&mut kept, failed) == Some(3));
    // Silent clients, and those that have begun to shake hands, do not keep it from its end.
    let mut silent = [b"".as_slice(), b"\x16\x03\x01"].map(|begun| {
        let mut stream = TcpStream::connect(&sidecar.address).unwrap();
        stream.write_all(begun).unwrap();
        stream
    });
    connect(&sidecar, ours.client(Some(&known), HTTP1)).is_served();
    sidecar.signal("TERM");
    for stream in &mut silent {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let read = stream.read(&mut [0]);
        let is_reset = |error: &std::io::Error| error.kind() == ErrorKind::ConnectionReset;
        assert!(
            matches!(read, Ok(0)) || read.as_ref().is_err_and(is_reset),
            "{read:?}"
        );
    }
    assert_eq!(sidecar.ended().code(), Some(0));
}
