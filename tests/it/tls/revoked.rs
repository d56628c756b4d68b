//! Clients whose certificates their authority has revoked.

use std::path::Path;

use super::*;

fn start(ours: &Authority, server: &Signed, list: &Path) -> Start {
    with_tls(Start::quickstart(), server)
        .variable(
            "PEPPOL_AUTHZ_TLS__CLIENT_CA",
            ours.certificate().to_str().unwrap(),
        )
        .variable("PEPPOL_AUTHZ_TLS__CLIENT_CRL", list.to_str().unwrap())
        .variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "20ms")
        .variable("PEPPOL_AUTHZ_RELOAD__SETTLE", "20ms")
}

#[test]
fn a_client_that_is_revoked_is_let_in_no_more() {
    let ours = Authority::new();
    let server = ours.sign("server", LOCAL);
    let [first, second] =
        ["first", "second"].map(|name| ours.sign(name, "URI:spiffe://example.org/gateway"));
    let list = ours.revoke(&[], 24);
    let sidecar = start(&ours, &server, &list).start();
    let is_refused = |client: &Signed| is_refused(&sidecar, ours.client(Some(client), HTTP1));
    assert!(!is_refused(&first) && !is_refused(&second));
    ours.revoke(&[&first], 24);
    until("the first is refused", || is_refused(&first));
    assert!(!is_refused(&second));
    // Nobody knows what is revoked by now.
    ours.revoke(&[&first], -1);
    until("everybody is refused", || is_refused(&second));
    ours.revoke(&[&second], 24);
    until("the first is let in again", || !is_refused(&first));
    assert!(is_refused(&second));
    // A bad list is refused, and the one before it stays.
    std::fs::write(&list, "no list").unwrap();
    sidecar.wait_for_log("a changed certificate is refused, and the one before stays in force");
    assert!(!is_refused(&first) && is_refused(&second));
}

#[test]
fn a_list_has_to_be_one_and_of_known_authorities() {
    let (ours, other) = (Authority::new(), Authority::new());
    let server = ours.sign("server", LOCAL);
    let (code, text) = start(&ours, &server, &server.certificate).fails();
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("`client_crl`: no list in it"), "{text}");
    // One of another authority says nothing of ours: all are refused.
    let sidecar = start(&ours, &server, &other.revoke(&[], 24)).start();
    let client = ours.sign("client", "URI:spiffe://example.org/gateway");
    assert!(is_refused(&sidecar, ours.client(Some(&client), HTTP1)));
    assert!(!is_refused(&sidecar, ours.client(None, HTTP1)));
    let (code, text) = with_tls(Start::new(), &server)
        .variable("PEPPOL_AUTHZ_TLS__CLIENT_CRL", "clients.crl")
        .fails();
    assert_eq!(code, 64, "{text}");
    assert!(
        text.contains("`tls.client_crl`") && text.contains("needs `tls.client_ca`"),
        "{text}"
    );
}
