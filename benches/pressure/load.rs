//! An open load: requests that have their times.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

/// The time at the beginning that does not count.
const BEGINNING: Duration = Duration::from_secs(1);

/// The requests of a load.
pub(crate) struct Load(Vec<Vec<u8>>);

/// The answers.
pub(crate) struct Found {
    /// In a second.
    pub(crate) served: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// How late a request was sent, where there was no free connection or this load itself had no time.
    pub(crate) late_p99: Duration,
    /// The p99 of answers from the time at which they were asked for, late or not.
    pub(crate) sent_p99: Duration,
    /// Refused, in a second.
    pub(crate) shed: f64,
    pub(crate) shed_p99: Duration,
}

/// A request by its number, and its time.
type Slot = (usize, Instant);

/// The state that connections share.
#[derive(Default)]
struct Shared {
    /// Connections that wait for something to ask.
    idle: Vec<UnboundedSender<Slot>>,
    served: Vec<Duration>,
    shed: Vec<Duration>,
    late: Vec<Duration>,
    sent: Vec<Duration>,
    asking: usize,
    /// From when on answers count.
    counts: Option<Instant>,
}

impl Load {
    pub(crate) fn new(requests: impl Iterator<Item = Vec<u8>>) -> Self {
        Self(requests.collect())
    }

    /// Asks so many a second for a time, over at most so many connections.
    pub(crate) fn ask(
        &self,
        address: &str,
        connections: usize,
        rate: f64,
        time: Duration,
    ) -> Found {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let shared = Rc::new(RefCell::new(Shared::default()));
        let asking = self.dispatch(address, connections, rate, time, &shared);
        let took = LocalSet::new().block_on(&runtime, asking);
        let mut shared = shared.borrow_mut();
        let seconds = took.as_secs_f64();
        shared.served.sort();
        shared.shed.sort();
        shared.late.sort();
        shared.sent.sort();
        let at = |sorted: &[Duration], part: usize| {
            let at = sorted.get(sorted.len() * part / 100);
            at.copied().unwrap_or_default()
        };
        Found {
            served: shared.served.len() as f64 / seconds,
            p50: at(&shared.served, 50),
            p99: at(&shared.served, 99),
            late_p99: at(&shared.late, 99),
            sent_p99: at(&shared.sent, 99),
            shed: shared.shed.len() as f64 / seconds,
            shed_p99: at(&shared.shed, 99),
        }
    }

    /// Gives each request to a connection at its time. Returns how long it all took.
    async fn dispatch(
        &self,
        address: &str,
        connections: usize,
        rate: f64,
        time: Duration,
        shared: &Rc<RefCell<Shared>>,
    ) -> Duration {
        let requests = Rc::new(self.0.clone());
        let (mut open, mut next) = (0, 0);
        let start = Instant::now();
        let counts = start + BEGINNING;
        shared.borrow_mut().counts = Some(counts);
        loop {
            let now = Instant::now();
            let due = match rate.is_finite() {
                true => start + Duration::from_secs_f64(next as f64 / rate),
                false => now,
            };
            if due > counts + time {
                break;
            }
            if due <= now {
                let idle = shared.borrow_mut().idle.pop();
                let connection = match idle {
                    Some(connection) => Some(connection),
                    None if open < connections => {
                        open += 1;
                        let (sender, slots) = unbounded_channel();
                        let work = answers(
                            address.to_owned(),
                            Rc::clone(&requests),
                            (sender.clone(), slots),
                            Rc::clone(shared),
                        );
                        tokio::task::spawn_local(work);
                        Some(sender)
                    }
                    None => None,
                };
                if let Some(connection) = connection {
                    shared.borrow_mut().asking += 1;
                    connection.send((next, due)).unwrap();
                    next += 1;
                    // Others have their turn now and then.
                    if next % 8 != 0 {
                        continue;
                    }
                }
            }
            tokio::task::yield_now().await;
        }
        // Those that were asked are waited for.
        while shared.borrow().asking > 0 {
            tokio::task::yield_now().await;
        }
        counts.elapsed()
    }
}

/// One connection: asks what it is told to.
async fn answers(
    address: String,
    requests: Rc<Vec<Vec<u8>>>,
    (own, mut slots): (UnboundedSender<Slot>, UnboundedReceiver<Slot>),
    shared: Rc<RefCell<Shared>>,
) {
    let mut stream = connected(&address).await;
    let mut buffer = Vec::new();
    while let Some((number, due)) = slots.recv().await {
        let late = due.elapsed();
        stream
            .write_all(&requests[number % requests.len()])
            .await
            .unwrap();
        let (status, closes) = answer(&mut stream, &mut buffer).await;
        let took = due.elapsed();
        if closes {
            stream = connected(&address).await;
        }
        let mut shared = shared.borrow_mut();
        let counts = shared.counts.is_none_or(|from| due >= from);
        if counts {
            shared.late.push(late);
        }
        match status {
            _ if !counts && [200, 503].contains(&status) => {}
            200 => {
                shared.served.push(took);
                shared.sent.push(took.saturating_sub(late));
            }
            503 => shared.shed.push(took),
            other => panic!("{other}: {}", String::from_utf8_lossy(&buffer)),
        }
        shared.asking -= 1;
        shared.idle.push(own.clone());
    }
}

async fn connected(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Reads an answer: its status, and true if the connection closes.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> (u16, bool) {
    buffer.clear();
    let mut chunk = [0; 8192];
    loop {
        let read = stream.read(&mut chunk).await.unwrap();
        assert!(read > 0, "the server closed the connection");
        buffer.extend_from_slice(&chunk[..read]);
        let Some(end) = find(buffer, b"\r\n\r\n") else {
            continue;
        };
        // The server writes the names of its headers in small letters.
        let head = &buffer[..end];
        let at = find(head, b"content-length: ").unwrap() + "content-length: ".len();
        let digits = head[at..].iter().take_while(|byte| byte.is_ascii_digit());
        let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
        if buffer.len() == end + 4 + length {
            let status = head[9..12].iter();
            let status = status.fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
            return (status, find(head, b"connection: close").is_some());
        }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, part)
}
