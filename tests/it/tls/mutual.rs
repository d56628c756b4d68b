//! Clients that have to show a certificate.

use super::*;

#[test]
fn only_clients_of_the_authority_are_let_in_where_a_certificate_is_required() {
    let (ours, other) = (Authority::new(), Authority::new());
    let server = ours.sign("server", LOCAL);
    let sidecar = with_tls(Start::quickstart(), &server)
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
    let failed = "peppol_authz_tls_handshakes_total{listener=\"questions\",result=\"failed\"}";
    assert_eq!(sample(&mut kept, failed), Some(3));
}
