//! One peer that opens connections and says nothing: it has places, and others have theirs.

use std::net::SocketAddr;
use std::process::Command;

use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;

use super::patient;
use crate::connection::{ALLOWED, Connection, question};
use crate::sidecar::Sidecar;

/// More than there may be connections at all.
const CROWD: usize = 1100;

/// Connections of another peer than all other clients of the tests.
pub(crate) struct Crowd {
    #[expect(dead_code, reason = "held open")]
    connections: Vec<TcpStream>,
    runtime: Runtime,
}

impl Crowd {
    pub(crate) fn at(address: &str) -> Self {
        // Each has a file descriptor.
        let raised = Command::new("prlimit")
            .args(["--pid", &std::process::id().to_string(), "--nofile=8192:"])
            .status();
        assert!(raised.unwrap().success());
        let address: SocketAddr = address.parse().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let open = || async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
            socket.connect(address).await.unwrap()
        };
        let connections = runtime.block_on(async {
            let mut connections = Vec::new();
            for _ in 0..CROWD {
                connections.push(open().await);
            }
            connections
        });
        Self {
            connections,
            runtime,
        }
    }

    /// Reads what another connection of the same peer is answered, at once and however many are silent.
    pub(crate) fn is_answered(&self, address: &str, path: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let address: SocketAddr = address.parse().unwrap();
        self.runtime.block_on(async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
            let mut stream = socket.connect(address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        })
    }
}

/// Another peer is answered, and at once.
pub(crate) fn others_are_served(sidecar: &Sidecar) {
    for path in ["/healthz", "/readyz"] {
        let mut looking = Connection::open(sidecar);
        let reply = looking.get(path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        // On a place of its own, and not on one beyond the limit.
        assert_eq!(reply.header("connection"), None, "{path}");
    }
    let mut asking: Vec<Connection> = (0..100).map(|_| Connection::open(sidecar)).collect();
    for connection in &mut asking {
        connection.is_served();
    }
}

#[test]
fn one_peer_does_not_take_the_places_of_all_others() {
    let sidecar = patient().start();
    let crowd = Crowd::at(&sidecar.address);
    let record = sidecar
        .wait_for_log("a peer has as many connections as it may have: further ones are closed");
    assert!(
        record["peer"].as_str().unwrap().contains("127.0.0.2"),
        "{record}"
    );
    // The peer itself can still look at the program, also before any of its silent connections is closed.
    for path in ["/livez", "/healthz", "/readyz", "/version", "/metrics"] {
        let answer = crowd.is_answered(&sidecar.address, path);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    others_are_served(&sidecar);
    drop(crowd);
    others_are_served(&sidecar);
}

#[test]
fn the_limit_of_a_peer_is_a_setting() {
    let sidecar = patient()
        .variable("PEPPOL_AUTHZ_SERVER__CONNECTIONS_PER_PEER", "2")
        .start();
    let (mut first, mut second) = (Connection::open(&sidecar), Connection::open(&sidecar));
    first.is_served();
    second.is_served();
    let mut third = Connection::open(&sidecar);
    third.write(question(ALLOWED));
    let reply = third.reply();
    assert_eq!(
        (reply.status, &reply.json()["code"]),
        (503, &"CONNECTIONS_IN_USE".into())
    );
    drop(second);
    Connection::open(&sidecar).is_served();
    first.is_served();
    // Over a Unix socket everybody is trusted.
    let directory = tempfile::tempdir().unwrap();
    let unix = format!("unix:{}", directory.path().join("authz.sock").display());
    let sidecar = patient()
        .variable("PEPPOL_AUTHZ_SERVER__CONNECTIONS_PER_PEER", "2")
        .with(&["--listen", &unix])
        .start();
    let mut all: Vec<Connection> = (0..50).map(|_| Connection::open(&sidecar)).collect();
    all.iter_mut().for_each(Connection::is_served);
}
