//! A server of keys, or of what is known of tokens, which counts what it is asked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

pub(crate) struct KeyServer {
    address: SocketAddr,
    state: Arc<ServerState>,
}

#[derive(Default)]
struct ServerState {
    inner: Mutex<Answering>,
    changed: Condvar,
}

#[derive(Default)]
struct Answering {
    /// The bytes of every answer; with none the connection is closed.
    answer: Vec<u8>,
    asked: usize,
    /// The last request, head and body.
    request: String,
    is_held: bool,
}

impl ServerState {
    fn lock(&self) -> MutexGuard<'_, Answering> {
        self.inner.lock().unwrap()
    }

    fn serve(&self, stream: &mut (impl Read + Write)) -> std::io::Result<()> {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let mut request = String::from_utf8(head).unwrap();
        let lower = request.to_ascii_lowercase();
        let length = lower.split_once("\r\ncontent-length: ");
        let length = length.map_or(0, |(_, rest)| {
            rest.split_once("\r\n").unwrap().0.parse().unwrap()
        });
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        request += &String::from_utf8(body).unwrap();
        let mut inner = self.lock();
        inner.request = request;
        inner.asked += 1;
        self.changed.notify_all();
        while inner.is_held {
            inner = self.changed.wait(inner).unwrap();
        }
        let answer = inner.answer.clone();
        drop(inner);
        stream.write_all(&answer)?;
        stream.flush()
    }
}

impl KeyServer {
    /// One that closes every connection, until it is told what to answer.
    pub(crate) fn start() -> Self {
        Self::start_with(None)
    }

    /// The same over TLS.
    pub(crate) fn start_with(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(ServerState::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (state, tls) = (Arc::clone(&shared), tls.clone());
                std::thread::spawn(move || serve(&state, stream.unwrap(), tls));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/jwks.json", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn publish(&self, keys: &[Value]) {
        self.answer("200 OK", json!({"keys": keys}).to_string().as_bytes());
    }

    /// Answers with a status, further headers after it, and a body.
    pub(crate) fn answer(&self, head: &str, body: &[u8]) {
        let head = format!(
            "HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.answer_raw(&[head.as_bytes(), body].concat());
    }

    pub(crate) fn answer_raw(&self, answer: &[u8]) {
        self.state.lock().answer = answer.to_vec();
    }

    /// Closes every connection from now on.
    pub(crate) fn fail(&self) {
        self.answer_raw(b"");
    }

    /// The number of requests.
    pub(crate) fn asked(&self) -> usize {
        self.state.lock().asked
    }

    /// The last request, head and body.
    pub(crate) fn request(&self) -> String {
        self.state.lock().request.clone()
    }

    /// Keeps answers back until it is released.
    pub(crate) fn hold(&self) {
        self.state.lock().is_held = true;
    }

    pub(crate) fn release(&self) {
        self.state.lock().is_held = false;
        self.state.changed.notify_all();
    }

    /// Blocks until it was asked so often.
    pub(crate) fn wait_until_asked(&self, times: usize) {
        let inner = self.state.lock();
        let limit = Duration::from_secs(60);
        let waiting = |inner: &mut Answering| inner.asked < times;
        let (inner, _) = self
            .state
            .changed
            .wait_timeout_while(inner, limit, waiting)
            .unwrap();
        assert!(inner.asked >= times, "asked {} times", inner.asked);
    }
}

fn serve(state: &ServerState, mut stream: TcpStream, tls: Option<Arc<ServerConfig>>) {
    // A client may go away, or refuse the certificate.
    let _ = match tls {
        None => state.serve(&mut stream),
        Some(tls) => {
            let connection = ServerConnection::new(tls).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let served = state.serve(&mut stream);
            stream.conn.send_close_notify();
            let _ = stream.flush();
            served
        }
    };
}
