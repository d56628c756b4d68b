//! 10,000 connections at once.

use std::net::SocketAddr;
use std::process::Command;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::connection::{ALLOWED, Connection, question};
use crate::eventually::until;
use crate::samples::Samples;
use crate::sidecar::Start;

const CROWD: usize = 10_000;

/// One of the many, of one of several peers.
async fn open(address: SocketAddr, number: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let own = format!("127.0.0.{}:0", 2 + number % 4);
    socket.bind(own.parse().unwrap()).unwrap();
    socket.connect(address).await.unwrap()
}

async fn is_allowed(stream: &mut TcpStream) {
    stream
        .write_all(question(ALLOWED).as_bytes())
        .await
        .unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&piece[..read]);
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("\"decision\":\"Allow\""), "{answer}");
}

#[test]
fn are_all_answered_and_leave_nothing_behind() {
    // A descriptor for each, here and, as it inherits the limit, in the sidecar.
    let raised = Command::new("prlimit")
        .args(["--pid", &std::process::id().to_string(), "--nofile=16384:"])
        .status();
    assert!(raised.unwrap().success());
    let patient = ["HEADER_READ", "REQUEST", "IDLE"].iter();
    let start = patient.fold(Start::quickstart(), |start, name| {
        start.variable(&format!("PEPPOL_AUTHZ_SERVER__{name}_TIMEOUT"), "1h")
    });
    let sidecar = start
        .variable("PEPPOL_AUTHZ_SERVER__CONNECTIONS", "12000")
        .start();
    let address: SocketAddr = sidecar.address.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let open_now =
        || Samples::of(&sidecar).value("limit_used", &[("setting", "server.connections")]);
    for _ in 0..2 {
        let mut crowd = runtime.block_on(async {
            let mut crowd = Vec::with_capacity(CROWD);
            for number in 0..CROWD {
                crowd.push(open(address, number).await);
            }
            crowd
        });
        runtime.block_on(async {
            for stream in &mut crowd {
                is_allowed(stream).await;
            }
        });
        assert!(open_now() >= CROWD as f64, "{}", open_now());
        Connection::open(&sidecar).is_served();
        assert_eq!(sidecar.get("/readyz").status, 200);
        drop(crowd);
        until("their places are free", || open_now() < 100.0);
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", sidecar.pid())).unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    eprintln!("{}", peak.unwrap());
}
