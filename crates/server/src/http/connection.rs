//! One connection: its requests, and what ends it.
//!
//! hyper's own `header_read_timeout` also counts the time between requests, so a connection that a
//! gateway keeps open would be closed by it after seconds; and it starts a timer for each request.
//! Here the two are told apart, a connection has one timer, and that timer is touched only when a
//! head arrives in pieces.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};
use tower::Service;

/// The other end of a connection. Each request has it among its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionPeer {
    /// A host.
    Ip(IpAddr),
    /// A process that may reach the file of a Unix socket.
    Unix,
}

/// The stage of a server. All connections watch one value of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Answer requests.
    Serve,
    /// Finish the request in hand, and close.
    Drain,
    /// Close.
    Cut,
}

/// The state that all connections of a server share.
#[derive(Debug)]
pub(crate) struct HttpServerState {
    pub(crate) http: http1::Builder,
    pub(crate) router: Router,
    /// From the first byte of a head, or from connecting, to the end of the head.
    pub(crate) header_read_timeout: Duration,
    /// From an answer to the next request's first byte. Taking the answer counts.
    pub(crate) idle_timeout: Duration,
    /// Set before connections hear of [`Stage::Drain`]: each answer from then on says that it is
    /// the last one.
    pub(crate) is_draining: AtomicBool,
}

/// Answers the requests of one connection until either side closes it, the client is late, or
/// `stage` says so.
pub(crate) async fn drive<S>(
    stream: S,
    peer: ConnectionPeer,
    shared: Arc<HttpServerState>,
    mut stage: watch::Receiver<Stage>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let exchange = Arc::new(ConnectionState::new(Arc::clone(&shared)));
    let mut clock = Clock::new(Arc::clone(&exchange));
    let mut timer = pin!(tokio::time::sleep_until(
        clock.since + shared.header_read_timeout
    ));
    let io = TokioIo::new(Watched {
        stream,
        exchange: Arc::clone(&exchange),
    });
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        answer(Arc::clone(&exchange), request)
    });
    let mut connection = pin!(shared.http.serve_connection(io, service));
    loop {
        // In this order: what the client has sent is read before it is told to finish or is found
        // late.
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection failed");
                }
                return;
            }
            changed = stage.changed() => match *stage.borrow_and_update() {
                _ if changed.is_err() => return,
                Stage::Serve => {}
                Stage::Drain => connection.as_mut().graceful_shutdown(),
                Stage::Cut => return,
            },
            late = poll_fn(|context| clock.poll_late(timer.as_mut(), context)) => {
                tracing::debug!(waited_for = ?late, "connection timed out");
                return;
            }
        }
    }
}

async fn answer(
    exchange: Arc<ConnectionState>,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    exchange.enter(Phase::Answer);
    let Ok(mut response) = exchange.shared.router.clone().call(request).await;
    if exchange.shared.is_draining.load(Ordering::Relaxed) {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    exchange.enter(Phase::Idle);
    Ok(response)
}

/// Where a connection is in the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing of a request has come.
    Idle,
    /// Some of the head has come. A new connection is here too: it has no reason to be silent.
    Head,
    /// The head is complete; what happens now has its own timeouts.
    Answer,
}

/// The state of one connection. Stream, service and clock share it, and run in one task, so the
/// order of memory accesses is no concern.
#[derive(Debug)]
struct ConnectionState {
    /// The phase in the lowest two bits, and how often it changed in the others.
    progress: AtomicU64,
    shared: Arc<HttpServerState>,
}

/// A stream that notes when a request begins.
struct Watched<S> {
    stream: S,
    exchange: Arc<ConnectionState>,
}

/// Notices when the client is late.
struct Clock {
    exchange: Arc<ConnectionState>,
    /// The progress at the last look, and when it was first seen.
    seen: u64,
    since: Instant,
}

// === impl ConnectionState ===

impl ConnectionState {
    fn new(shared: Arc<HttpServerState>) -> Self {
        Self {
            progress: AtomicU64::new(Phase::Head as u64),
            shared,
        }
    }

    fn progress(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }

    fn phase(&self) -> Phase {
        match self.progress() & 3 {
            0 => Phase::Idle,
            1 => Phase::Head,
            _ => Phase::Answer,
        }
    }

    fn enter(&self, phase: Phase) {
        let next = (self.progress() | 3).wrapping_add(1);
        self.progress.store(next | phase as u64, Ordering::Relaxed);
    }
}

// === impl Clock ===

impl Clock {
    fn new(exchange: Arc<ConnectionState>) -> Self {
        Self {
            seen: exchange.progress(),
            since: Instant::now(),
            exchange,
        }
    }

    /// Ready with the phase in which the client is late. To be polled after the connection was.
    fn poll_late(&mut self, mut timer: Pin<&mut Sleep>, context: &mut Context<'_>) -> Poll<Phase> {
        let progress = self.exchange.progress();
        if progress != self.seen {
            self.seen = progress;
            self.since = Instant::now();
        }
        let (shared, phase) = (&self.exchange.shared, self.exchange.phase());
        let deadline = match phase {
            Phase::Idle => Some(self.since + shared.idle_timeout),
            Phase::Head => Some(self.since + shared.header_read_timeout),
            Phase::Answer => None,
        };
        // A later deadline leaves the timer alone: when it fires, it is set anew. So a request
        // costs no timer.
        if let Some(deadline) = deadline.filter(|deadline| *deadline < timer.deadline()) {
            timer.as_mut().reset(deadline);
        }
        loop {
            ready!(timer.as_mut().poll(context));
            let now = Instant::now();
            match deadline {
                Some(deadline) if deadline <= now => return Poll::Ready(phase),
                Some(deadline) => timer.as_mut().reset(deadline),
                // INVARIANT: this is not after the deadline of the idle phase that follows.
                None => timer.as_mut().reset(now + shared.idle_timeout),
            }
        }
    }
}

// === impl Watched ===

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before && self.exchange.phase() == Phase::Idle {
            self.exchange.enter(Phase::Head);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
