//! A port that the supervisor holds open: nobody is refused while the program is started anew.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;

use crate::connection::Connection;
use crate::over::Over;
use crate::sidecar::{Sidecar, Start};

fn at(port: &str) -> Start {
    Start::quickstart().with(&["--listen", port])
}

#[test]
fn who_connects_while_it_starts_anew_waits() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let socket = OwnedFd::from(listener);
    let start = || at(&address).with_sockets(&[&socket]).start();
    let mut sidecar = start();
    assert_eq!(sidecar.address, address);
    let (over, address) = (Over::default(), &address);
    std::thread::scope(|scope| {
        let _until = over.until();
        for _ in 0..4 {
            let over = &over;
            scope.spawn(move || {
                while !over.is() {
                    // Each on a connection of its own, and each is answered.
                    Connection::open_at(address).is_served();
                }
            });
        }
        for _ in 0..3 {
            sidecar.stop();
            // Nobody is there, and this one waits.
            let mut waiting = Connection::open_at(address);
            sidecar = start();
            waiting.is_served();
        }
    });
}

#[test]
fn a_socket_of_a_path_stays_when_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("authz.sock");
    let socket = OwnedFd::from(UnixListener::bind(&path).unwrap());
    let address = format!("unix:{}", path.display());
    for _ in 0..2 {
        let mut sidecar: Sidecar = at(&address).with_sockets(&[&socket]).start();
        Connection::open_at(&address).is_served();
        sidecar.stop();
        assert!(path.exists());
    }
}

#[test]
fn several_are_told_apart_by_their_addresses() {
    let bind = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (questions, administration) = (bind(), bind());
    let [asked, administered] =
        [&questions, &administration].map(|it| it.local_addr().unwrap().to_string());
    let sockets = [administration, questions].map(OwnedFd::from);
    let start = at(&asked).variable("PEPPOL_AUTHZ_ADMIN__LISTEN", &administered);
    let _sidecar = start.with_sockets(&[&sockets[0], &sockets[1]]).start();
    Connection::open_at(&asked).is_served();
    assert_eq!(Connection::open_at(&asked).get("/metrics").status, 404);
    assert_eq!(
        Connection::open_at(&administered).get("/metrics").status,
        200
    );
}

/// The settings say who may ask, whoever has opened the port.
#[test]
fn one_that_no_setting_names_is_refused() {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let socket = OwnedFd::from(listener);
    let (code, text) = at("127.0.0.1:0").with_sockets(&[&socket]).fails();
    assert_eq!(code, 1, "{text}");
    let said =
        format!("the supervisor has opened `0.0.0.0:{port}` (LISTEN_FDS), and no setting names");
    assert!(text.contains(&said), "{text}");
    // Nor is anything else than a socket one.
    let file = OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
    let (code, text) = at("127.0.0.1:0").with_sockets(&[&file]).fails();
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("a socket of the supervisor (LISTEN_FDS) cannot be used"),
        "{text}"
    );
}
