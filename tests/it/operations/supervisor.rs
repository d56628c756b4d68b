//! A supervisor, as systemd is one, is told when the sidecar answers, that it works, and that it ends.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::sidecar::Start;

/// The next message of another kind than `passed`.
fn next(socket: &UnixDatagram, passed: &str) -> String {
    let mut buffer = [0; 256];
    loop {
        let length = socket.recv(&mut buffer).unwrap();
        let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if message != passed {
            return message;
        }
    }
}

fn is_told(socket: &UnixDatagram, name: &str, start: Start) {
    // One that is silent fails the test instead of holding it.
    let patience = Duration::from_secs(60);
    socket.set_read_timeout(Some(patience)).unwrap();
    let mut sidecar = start
        .variable("NOTIFY_SOCKET", name)
        .variable("WATCHDOG_USEC", "200000")
        .start();
    assert_eq!(next(socket, "WATCHDOG=1"), "READY=1");
    assert_eq!(next(socket, "READY=1"), "WATCHDOG=1");
    sidecar.signal("TERM");
    assert_eq!(next(socket, "WATCHDOG=1"), "STOPPING=1");
    sidecar.ended();
}

#[test]
fn over_a_socket_of_a_file_and_over_one_without() {
    let start = Start::quickstart();
    let path = start.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    is_told(&socket, path.to_str().unwrap(), start);
    let start = Start::quickstart();
    let name = start.path("notify").display().to_string();
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    is_told(&socket, &format!("@{name}"), start);
}

/// A watchdog of another process is not this one's, and a supervisor that is gone keeps nobody from work.
#[test]
fn who_has_no_supervisor_answers_as_well() {
    let start = Start::quickstart();
    let path = start.path("gone").display().to_string();
    let sidecar = start
        .variable("NOTIFY_SOCKET", &path)
        .variable("WATCHDOG_USEC", "1000000")
        .variable("WATCHDOG_PID", "1")
        .start();
    assert_eq!(sidecar.get("/healthz").status, 200);
    sidecar.wait_for_log("the supervisor was not told");
}
