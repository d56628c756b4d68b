//! A server on real sockets, and clients that write bytes.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::{Duration, Instant as StdInstant};

use axum::http::StatusCode;
use axum::routing::{get, post};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use super::*;
use crate::config::{Config, Listen};

/// Longer than anything here takes, and shorter than a developer's patience.
const LONG: Duration = Duration::from_secs(20);

/// A server that runs in a runtime of its own. `/slow` says through `entered` that it is asked, and
/// answers once `release`d.
struct Fixture {
    address: Listen,
    stop: Option<oneshot::Sender<()>>,
    entered: mpsc::Receiver<()>,
    release: Arc<Notify>,
    served: JoinHandle<usize>,
    runtime: Runtime,
}

fn limits() -> Server {
    Server {
        header_read_timeout: LONG,
        idle_timeout: LONG,
        drain_timeout: LONG,
        ..Config::defaults().unwrap().server
    }
}

fn start(limits: Server) -> Fixture {
    start_at(&"127.0.0.1:0".parse().unwrap(), limits)
}

fn start_at(address: &Listen, limits: Server) -> Fixture {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(Listener::bind(address)).unwrap();
    let address = listener.local_addr().clone();
    let (stop, stopped) = oneshot::channel();
    let (entering, entered) = mpsc::channel();
    let release = Arc::new(Notify::new());
    let (entering, held) = (Arc::new(Mutex::new(entering)), Arc::clone(&release));
    let router = Router::new()
        .route("/", get(async || "hello"))
        .route("/echo", post(async |body: String| body))
        .route("/large", get(async || "x".repeat(32 << 20)))
        .route(
            "/slow",
            get(move || {
                entering.lock().unwrap().send(()).unwrap();
                let held = Arc::clone(&held);
                async move {
                    held.notified().await;
                    (StatusCode::OK, "done")
                }
            }),
        );
    let served = runtime.spawn(async move {
        serve(listener, router, None, &limits, async {
            drop(stopped.await)
        })
        .await
    });
    Fixture {
        address,
        stop: Some(stop),
        entered,
        release,
        served,
        runtime,
    }
}

impl Fixture {
    fn connect(&self) -> TcpStream {
        let Listen::Tcp(address) = &self.address else {
            panic!("{}", self.address)
        };
        let client = TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(LONG)).unwrap();
        client
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Stops, and returns how many connections were cut.
    fn finish(mut self) -> usize {
        if self.stop.is_some() {
            self.stop();
        }
        self.runtime.block_on(self.served).unwrap()
    }
}

fn ask(client: &mut impl Write, path: &str) {
    client
        .write_all(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes())
        .unwrap();
}

/// The head of an answer and its body.
fn answer(client: &mut impl Read) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    client.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

fn is_served(client: &mut (impl Read + Write)) {
    ask(client, "/");
    let (head, body) = answer(client);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert_eq!(body, "hello");
}

/// False where the server has no place for it, yet.
fn has_a_place(client: &mut (impl Read + Write)) -> bool {
    let mut status = *b"HTTP/1.1 200 OK";
    let asked = client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    asked.is_ok() && client.read_exact(&mut status).is_ok() && status == *b"HTTP/1.1 200 OK"
}

/// Waits until the server has closed the connection, sending nothing.
fn is_closed(client: &mut impl Read) {
    match client.read(&mut [0]) {
        Ok(0) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn requests_are_answered_over_a_kept_connection() {
    let server = start(limits());
    let mut client = server.connect();
    for _ in 0..100 {
        is_served(&mut client);
    }
    // Two at once, the second in pieces.
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\nPOST /echo HTTP/1.1\r\nho")
        .unwrap();
    assert_eq!(answer(&mut client).1, "hello");
    client
        .write_all(b"st: a\r\ncontent-length: 4\r\n\r\nab")
        .unwrap();
    std::thread::sleep(Duration::from_millis(50));
    client.write_all(b"cd").unwrap();
    assert_eq!(answer(&mut client).1, "abcd");
    drop(client);
    assert_eq!(server.finish(), 0);
}

#[test]
fn a_unix_socket_is_served_and_removed_at_shutdown() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("authz.sock");
    let mut server = start_at(&Listen::Unix(path.clone()), limits());
    let mut client = UnixStream::connect(&path).unwrap();
    client.set_read_timeout(Some(LONG)).unwrap();
    is_served(&mut client);
    ask(&mut client, "/slow");
    server.entered.recv_timeout(LONG).unwrap();
    server.stop();
    // Before the drain ends: another server may take the place by then.
    wait_until(|| !Path::exists(&path));
    server.release.notify_one();
    assert_eq!(answer(&mut client).1, "done");
    assert_eq!(server.finish(), 0);
}

fn wait_until(condition: impl Fn() -> bool) {
    let start = StdInstant::now();
    while !condition() {
        assert!(start.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_client_that_is_slow_to_send_the_head_is_cut_while_others_are_served() {
    let server = start(Server {
        header_read_timeout: Duration::from_millis(300),
        ..limits()
    });
    let mut silent = server.connect();
    let mut slow = server.connect();
    let mut drip = server.connect();
    let mut kept = server.connect();
    is_served(&mut kept);
    slow.write_all(b"GET / HTTP/1.1\r\nhost:").unwrap();
    let dripping = std::thread::spawn(move || {
        // Bytes that come do not begin the time anew.
        while drip.write_all(b"a").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    is_closed(&mut slow);
    is_closed(&mut silent);
    dripping.join().unwrap();
    // Idle for longer than a head may take, and then slow itself.
    is_served(&mut kept);
    kept.write_all(b"GET").unwrap();
    is_closed(&mut kept);
    assert_eq!(server.finish(), 0);
}

#[test]
fn an_idle_connection_is_closed_after_its_own_time() {
    let server = start(Server {
        idle_timeout: Duration::from_millis(300),
        ..limits()
    });
    let mut client = server.connect();
    for _ in 0..4 {
        // Longer in sum than once idle.
        is_served(&mut client);
        std::thread::sleep(Duration::from_millis(100));
    }
    is_served(&mut client);
    let start = StdInstant::now();
    is_closed(&mut client);
    assert!(
        start.elapsed() >= Duration::from_millis(200),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_client_that_does_not_take_its_answer_is_cut() {
    let server = start(Server {
        connections: 1,
        idle_timeout: Duration::from_millis(300),
        ..limits()
    });
    let mut client = server.connect();
    ask(&mut client, "/large");
    // Its slot is free again. Others wait for it only so long, and are refused.
    let start = StdInstant::now();
    while !has_a_place(&mut server.connect()) {
        assert!(start.elapsed() < LONG);
    }
}

#[test]
fn an_answer_may_take_longer_than_head_and_idleness() {
    let short = Duration::from_millis(50);
    let server = start(Server {
        header_read_timeout: short,
        idle_timeout: short,
        ..limits()
    });
    let mut client = server.connect();
    ask(&mut client, "/slow");
    std::thread::sleep(8 * short);
    server.release.notify_one();
    assert_eq!(answer(&mut client).1, "done");
    is_closed(&mut client);
}

#[test]
fn connections_beyond_the_limit_wait() {
    let server = start(Server {
        connections: 2,
        ..limits()
    });
    let (mut first, mut second) = (server.connect(), server.connect());
    is_served(&mut first);
    is_served(&mut second);
    let mut third = server.connect();
    ask(&mut third, "/");
    third
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let waiting = third.read(&mut [0]).unwrap_err();
    assert!(
        matches!(waiting.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{waiting}"
    );
    drop(first);
    third.set_read_timeout(Some(LONG)).unwrap();
    assert_eq!(answer(&mut third).1, "hello");
    is_served(&mut second);
}

#[test]
fn shutdown_closes_idle_connections_finishes_requests_and_refuses_new_connections() {
    let mut server = start(limits());
    let (mut idle, mut fresh, mut busy) = (server.connect(), server.connect(), server.connect());
    is_served(&mut idle);
    ask(&mut busy, "/slow");
    server.entered.recv_timeout(LONG).unwrap();
    server.stop();
    is_closed(&mut idle);
    is_closed(&mut fresh);
    let Listen::Tcp(address) = server.address else {
        panic!()
    };
    wait_until(|| TcpStream::connect(address).is_err());
    assert!(!server.served.is_finished());
    server.release.notify_one();
    let (head, body) = answer(&mut busy);
    assert_eq!(body, "done");
    assert!(head.contains("connection: close\r\n"), "{head}");
    is_closed(&mut busy);
    assert_eq!(server.finish(), 0);
}

#[test]
fn what_does_not_finish_in_time_is_cut() {
    let mut server = start(Server {
        drain_timeout: Duration::from_millis(200),
        ..limits()
    });
    let mut stuck = server.connect();
    ask(&mut stuck, "/slow");
    server.entered.recv_timeout(LONG).unwrap();
    server.stop();
    is_closed(&mut stuck);
    assert_eq!(server.finish(), 1);
}

#[test]
fn a_server_that_is_dropped_takes_its_connections_along() {
    let server = start(limits());
    let mut client = server.connect();
    is_served(&mut client);
    server.served.abort();
    is_closed(&mut client);
}

#[test]
fn a_handler_that_panics_costs_its_connection_only() {
    let server = start(Server {
        connections: 1,
        ..limits()
    });
    // `/slow` panics as no one hears that it is asked.
    let Fixture {
        address,
        entered,
        stop: _stop,
        runtime: _runtime,
        ..
    } = server;
    drop(entered);
    let Listen::Tcp(address) = address else {
        panic!()
    };
    let mut client = TcpStream::connect(address).unwrap();
    ask(&mut client, "/slow");
    is_closed(&mut client);
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(LONG)).unwrap();
    is_served(&mut client);
}

#[test]
fn a_head_that_is_too_long_is_answered_431() {
    let server = start(limits());
    let mut client = server.connect();
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nx: ")
        .unwrap();
    // The last bytes may meet a connection that is closed already.
    drop(client.write_all(&vec![b'x'; BUFFER_BYTES]));
    let mut status = [0; 12];
    client.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 431");
}
