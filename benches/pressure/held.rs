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
    /// On the listener of HTTP/1.1: a half is silent, or was after its first byte, and a half is slow in its
    /// head or its body.
    pub(crate) fn of_http(address: &str, number: usize) -> Self {
        Self::of(address, number, [b"", b"P", HEAD, BODY], 2)
    }

    /// On that of Envoy's gRPC: HTTP/2 has nothing that could be sent byte by byte.
    pub(crate) fn of_envoy(address: &str, number: usize) -> Self {
        Self::of(address, number, [b"", b"P", &PREFACE[..20], PREFACE], 4)
    }

    /// Of the four kinds in turn, those from `slow` on send a byte now and then.
    fn of(address: &str, number: usize, begun: [&[u8]; 4], slow: usize) -> Self {
        let (mut slow_ones, mut silent) = (Vec::new(), Vec::new());
        for n in 0..number {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(begun[n % 4]).unwrap();
            match n % 4 >= slow {
                true => slow_ones.push(stream),
                false => silent.push(stream),
            }
        }
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        // A thousand bytes a second, each on another connection.
        let drip = move || {
            let mut turns = 0..;
            while !told.load(Ordering::Relaxed) {
                for turn in turns.by_ref().take(10) {
                    if let Some(mut stream) = slow_ones.get(turn % slow_ones.len().max(1)) {
                        let _ = stream.write_all(b" ");
                    }
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            slow_ones
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
