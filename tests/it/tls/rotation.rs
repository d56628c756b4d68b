//! Certificates that change while requests are answered.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::over::Over;

/// Points a name to another directory at once, as Kubernetes does for a ConfigMap.
fn swap(link: &Path, to: &Path) {
    let next = link.with_extension("next");
    symlink(to, &next).unwrap();
    std::fs::rename(&next, link).unwrap();
}

/// The certificate that a new connection gets.
fn shown(sidecar: &Sidecar, ours: &Authority) -> Vec<u8> {
    let stream = shake(&sidecar.address, ours.client(None, HTTP1), "127.0.0.1").unwrap();
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}

#[test]
fn a_changed_certificate_is_taken_without_a_failed_request_and_a_bad_one_is_not() {
    let ours = Authority::new();
    let start = Start::quickstart();
    let (link, [first, second, third, bad]) = (
        start.path("tls"),
        ["first", "second", "third", "bad"].map(|name| start.path(name)),
    );
    ours.sign("first", LOCAL).put(&first);
    ours.sign("second", LOCAL).put(&second);
    ours.sign("third", LOCAL).put(&third);
    ours.sign_expired("bad", LOCAL).put(&bad);
    symlink(&first, &link).unwrap();
    let server = Signed {
        certificate: link.join("tls.crt"),
        key: link.join("tls.key"),
    };
    let sidecar = with_tls(start, &server)
        .variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "20ms")
        .variable("PEPPOL_AUTHZ_RELOAD__SETTLE", "20ms")
        .start();
    let before = shown(&sidecar, &ours);
    let (over, asked) = (Over::default(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let _until = over.until();
        for keeps in [true, false] {
            let (over, asked, sidecar, ours) = (&over, &asked, &sidecar, &ours);
            scope.spawn(move || {
                let mut connection = connect(sidecar, ours.client(None, HTTP1));
                while !over.is() {
                    if !keeps {
                        connection = connect(sidecar, ours.client(None, HTTP1));
                    }
                    connection.is_served();
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut looking = connect(&sidecar, ours.client(None, HTTP1));
        let mut is = |refused: i64| {
            let name = "peppol_authz_tls_refused{listener=\"questions\"}";
            until("it is taken, or refused", || {
                sample(&mut looking, name) == Some(refused)
            });
        };
        swap(&link, &second);
        sidecar.wait_for_log("a changed certificate is in force");
        let now = shown(&sidecar, &ours);
        assert_ne!(now, before);
        is(0);
        // One that has expired, and a key that is of another certificate.
        for _ in 0..2 {
            swap(&link, &bad);
            sidecar.wait_for_log(
                "a changed certificate is refused, and the one before stays in force",
            );
            is(1);
            assert_eq!(shown(&sidecar, &ours), now);
            std::fs::copy(third.join("tls.crt"), bad.join("tls.crt")).unwrap();
        }
        let ready = connect(&sidecar, ours.client(None, HTTP1)).get("/readyz");
        assert_eq!(ready.status, 200);
        assert!(
            ready
                .text
                .contains("tls: the last change of the certificate"),
            "{}",
            ready.text
        );
        swap(&link, &third);
        is(0);
        assert_ne!(shown(&sidecar, &ours), now);
        let enough = asked.load(Ordering::Relaxed) + 20;
        until("they ask on", || asked.load(Ordering::Relaxed) > enough);
    });
    let mut looking = connect(&sidecar, ours.client(None, HTTP1));
    let left = sample(
        &mut looking,
        "peppol_authz_tls_certificate_expiry_seconds{listener=\"questions\"}",
    );
    assert!((86_400..=172_800).contains(&left.unwrap()), "{left:?}");
}
