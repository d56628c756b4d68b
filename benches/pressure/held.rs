//! Clients that hold connections: silent ones, and slow ones that send a byte now and then.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The first bytes of a client of HTTP/2.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Part of a request's head.
const HEAD: &[u8] = b"POST /v1/is_authorized HTTP/1.1\r\nhost: a\r\nx-slow: ";

/// A request without the end of its body.
const BODY: &[u8] =
    b"POST /v1/is_authorized HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n{ ";

/// Connections that are held open until this is dropped.
pub(crate) struct Crowd {
    over: Arc<AtomicBool>,
    slow: Option<JoinHandle<Vec<TcpStream>>>,
    silent: Vec<TcpStream>,
}

impl Crowd {
    /// As many on each of two listeners: HTTP/1.1, and HTTP/2 of Envoy's gRPC.
    pub(crate) fn at(http: &str, envoy: &str, number: usize) -> Self {
        let (mut slow, mut silent) = (Vec::new(), Vec::new());
        for n in 0..number {
            let mut of_http = TcpStream::connect(http).unwrap();
            let mut of_envoy = TcpStream::connect(envoy).unwrap();
            match n % 4 {
                0 => {}
                1 => {
                    of_http.write_all(b"P").unwrap();
                    of_envoy.write_all(b"P").unwrap();
                }
                2 => {
                    of_http.write_all(HEAD).unwrap();
                    of_envoy.write_all(PREFACE).unwrap();
                }
                _ => {
                    of_http.write_all(BODY).unwrap();
                    of_envoy.write_all(PREFACE).unwrap();
                }
            }
            match n % 4 {
                2 | 3 => slow.push(of_http),
                _ => silent.push(of_http),
            }
            silent.push(of_envoy);
        }
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        // A thousand bytes a second, each on another connection.
        let drip = move || {
            let mut turn = 0;
            while !told.load(Ordering::Relaxed) {
                for _ in 0..10 {
                    let at = turn % slow.len();
                    let _ = slow[at].write_all(b" ");
                    turn += 1;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            slow
        };
        Self {
            over,
            slow: Some(std::thread::spawn(drip)),
            silent,
        }
    }

    /// How many the server has not closed.
    pub(crate) fn open(mut self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        let slow = self.slow.take().unwrap().join().unwrap();
        let all = slow.into_iter().chain(self.silent);
        all.filter(|stream| {
            stream.set_nonblocking(true).unwrap();
            let mut bytes = [0; 1024];
            loop {
                match (&mut &*stream).read(&mut bytes) {
                    Ok(0) => break false,
                    // HTTP/2 begins with a word of the server.
                    Ok(_) => {}
                    Err(error) => break error.kind() == ErrorKind::WouldBlock,
                }
            }
        })
        .count()
    }
}
