//! A network between a sidecar and its database that fails in every way there is.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The beginning of a read. The client sends it in one piece with its first query.
const BEGIN: &[u8] = b"BEGIN ISOLATION LEVEL";

/// Between two looks at what changes without a sound.
const TICK: Duration = Duration::from_millis(2);

/// The treatment of bytes and of new connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Forward,
    /// Nobody listens; connections that are open stay so.
    Refuse,
    /// New connections are closed at once; open ones stay open.
    HangUp,
    /// Each piece comes that much later.
    Delay(Duration),
    /// Everybody may connect and write, and nothing arrives.
    Blackhole,
    /// No more than that many bytes each millisecond, in each direction.
    Throttle(usize),
}

/// A proxy on a port of its own, until it is dropped.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    server: u16,
    mode: Mutex<Mode>,
    listens: AtomicBool,
    ended: AtomicBool,
    /// Both ends of each connection.
    open: Mutex<HashMap<u64, [TcpStream; 2]>>,
    accepted: AtomicU64,
    most: AtomicUsize,
    begun: AtomicUsize,
}

impl Proxy {
    /// To a server on this machine.
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            server,
            mode: Mutex::new(Mode::Forward),
            listens: AtomicBool::new(true),
            ended: AtomicBool::new(false),
            open: Mutex::default(),
            accepted: AtomicU64::new(0),
            most: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || accept(&accepting, listener, port));
        Self { port, shared }
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap() = mode;
        while self.shared.listens.load(Ordering::Relaxed) == (mode == Mode::Refuse) {
            std::thread::sleep(TICK);
        }
    }

    /// Ends all connections.
    pub(crate) fn cut(&self) {
        for ends in self.shared.open.lock().unwrap().values() {
            for end in ends {
                let _ = end.shutdown(Shutdown::Both);
            }
        }
    }

    /// The server is not there: nobody listens, and all connections are closed.
    pub(crate) fn take_down(&self) {
        self.set(Mode::Refuse);
        self.cut();
    }

    /// Connections that are open now.
    pub(crate) fn open(&self) -> usize {
        self.shared.open.lock().unwrap().len()
    }

    /// The most connections that were open at once since this was last asked.
    pub(crate) fn most(&self) -> usize {
        self.shared.most.swap(0, Ordering::Relaxed)
    }

    /// Connections that were made so far, whatever became of them.
    pub(crate) fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// Reads that were begun so far.
    pub(crate) fn begun(&self) -> usize {
        self.shared.begun.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        self.cut();
    }
}

impl Shared {
    fn mode(&self) -> Mode {
        *self.mode.lock().unwrap()
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

fn accept(shared: &Arc<Shared>, listener: TcpListener, port: u16) {
    let mut listening = Some(listener);
    while !shared.has_ended() {
        if shared.mode() == Mode::Refuse {
            listening = None;
        } else if listening.is_none() {
            listening = TcpListener::bind(("127.0.0.1", port)).ok();
        }
        shared.listens.store(listening.is_some(), Ordering::Relaxed);
        if let Some(listener) = &listening {
            listener.set_nonblocking(true).unwrap();
            while let Ok((client, _)) = listener.accept() {
                client.set_nonblocking(false).unwrap();
                join(shared, client);
            }
        }
        std::thread::sleep(TICK);
    }
}

/// Joins a client with the server, if that is there.
fn join(shared: &Arc<Shared>, client: TcpStream) {
    let number = shared.accepted.fetch_add(1, Ordering::Relaxed);
    if shared.mode() == Mode::HangUp {
        return;
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", shared.server)) else {
        return;
    };
    for end in [&client, &server] {
        end.set_nodelay(true).unwrap();
    }
    let ways = [
        [client.try_clone().unwrap(), server.try_clone().unwrap()],
        [server.try_clone().unwrap(), client.try_clone().unwrap()],
    ];
    let mut open = shared.open.lock().unwrap();
    open.insert(number, [client, server]);
    shared.most.fetch_max(open.len(), Ordering::Relaxed);
    drop(open);
    for [from, to] in ways {
        let shared = Arc::clone(shared);
        let pump = move || {
            pump(&shared, from, to);
            if let Some(ends) = shared.open.lock().unwrap().remove(&number) {
                for end in ends {
                    let _ = end.shutdown(Shutdown::Both);
                }
            }
        };
        std::thread::Builder::new()
            .stack_size(256 << 10)
            .spawn(pump)
            .unwrap();
    }
}

/// Carries bytes one way until one end closes.
fn pump(shared: &Shared, mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(read) = from.read(&mut buffer) {
        if read == 0 {
            return;
        }
        let bytes = &buffer[..read];
        let begun = bytes.windows(BEGIN.len()).filter(|found| *found == BEGIN);
        shared.begun.fetch_add(begun.count(), Ordering::Relaxed);
        while shared.mode() == Mode::Blackhole {
            if shared.has_ended() {
                return;
            }
            std::thread::sleep(TICK);
        }
        let mut piece = read;
        match shared.mode() {
            Mode::Delay(delay) => std::thread::sleep(delay),
            Mode::Throttle(bytes) => piece = bytes,
            Mode::Forward | Mode::Refuse | Mode::HangUp | Mode::Blackhole => {}
        }
        for bytes in bytes.chunks(piece) {
            if to.write_all(bytes).is_err() {
                return;
            }
            if piece < read {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}
