//! A syslog server for tests, by each way to one.

use std::io::{BufReader, Read};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

/// A server, which keeps all messages.
#[derive(Clone, Default)]
pub(super) struct SyslogReceiver {
    messages: Arc<Mutex<Vec<String>>>,
    is_over: Arc<AtomicBool>,
}

/// How often a server looks if it is over.
const LOOK: Duration = Duration::from_millis(20);

impl SyslogReceiver {
    pub(super) fn datagrams(&self, path: &Path) {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(LOOK)).unwrap();
        self.receive(move |buffer| socket.recv(buffer));
    }

    pub(super) fn udp(&self) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(LOOK)).unwrap();
        let address = socket.local_addr().unwrap();
        self.receive(move |buffer| socket.recv(buffer));
        address
    }

    fn receive(&self, receive: impl Fn(&mut [u8]) -> std::io::Result<usize> + Send + 'static) {
        let this = self.clone();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 128 << 10];
            while !this.is_over.load(Ordering::Relaxed) {
                if let Ok(length) = receive(&mut buffer) {
                    let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
                    this.messages.lock().unwrap().push(message);
                }
            }
        });
    }

    pub(super) fn unix_stream(&self, path: &Path) {
        let listener = UnixListener::bind(path).unwrap();
        let this = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                this.of_stream(stream);
            }
        });
    }

    /// Over TCP; the connections end with it.
    pub(super) fn tcp(&self, at: SocketAddr, tls: Option<Arc<ServerConfig>>) -> SocketAddr {
        let listener = TcpListener::bind(at).unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let this = self.clone();
        std::thread::spawn(move || {
            while !this.is_over.load(Ordering::Relaxed) {
                let Ok((stream, _)) = listener.accept() else {
                    std::thread::sleep(LOOK);
                    continue;
                };
                stream.set_nonblocking(false).unwrap();
                let (whole, is_over) = (stream.try_clone().unwrap(), Arc::clone(&this.is_over));
                std::thread::spawn(move || {
                    while !is_over.load(Ordering::Relaxed) {
                        std::thread::sleep(LOOK);
                    }
                    let _ = whole.shutdown(std::net::Shutdown::Both);
                });
                match &tls {
                    None => this.of_stream(stream),
                    Some(config) => {
                        let tls = ServerConnection::new(Arc::clone(config)).unwrap();
                        this.of_stream(StreamOwned::new(tls, stream));
                    }
                }
            }
        });
        address
    }

    /// Messages, each behind its length.
    fn of_stream(&self, stream: impl Read + Send + 'static) {
        let this = self.clone();
        std::thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            loop {
                let (mut length, mut byte) = (0, [0]);
                loop {
                    if stream.read_exact(&mut byte).is_err() {
                        return;
                    }
                    match byte[0] {
                        b' ' => break,
                        digit => length = length * 10 + usize::from(digit - b'0'),
                    }
                }
                let mut message = vec![0; length];
                if stream.read_exact(&mut message).is_err() {
                    return;
                }
                let message = String::from_utf8(message).unwrap();
                this.messages.lock().unwrap().push(message);
            }
        });
    }

    /// Ends it: nobody listens any more.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// The lines so far. Each message has the form of RFC 5424.
    #[track_caller]
    pub(super) fn lines(&self) -> Vec<Value> {
        let messages = self.messages.lock().unwrap();
        let line = |message: &String| {
            let parts: Vec<&str> = message.splitn(8, ' ').collect();
            let [head, time, host, program, process, kind, data, line] = parts.as_slice() else {
                panic!("{message}");
            };
            // Facility 16 (local0), severity 6.
            assert_eq!(
                (*head, *program, *kind, *data),
                ("<134>1", "peppol-authz", "decision", "-")
            );
            assert!(time.ends_with('Z') && !host.is_empty() && process.parse::<u32>().is_ok());
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {message}"))
        };
        messages.iter().map(line).collect()
    }
}
