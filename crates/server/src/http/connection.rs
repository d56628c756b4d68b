//! One connection: its requests, and what ends it.
//!
//! hyper's own `header_read_timeout` also counts the time between requests, so a connection that a
//! gateway keeps open would be closed by it after seconds; and it starts a timer for each request.
//! Here the two are told apart, a connection has one timer, and that timer is touched only when a
//! head arrives in pieces.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::response::{IntoResponse, Response};
use hyper::Request;
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};
use tokio_util::io::InspectReader;
use tower::Service;

use super::connection_caller::ConnectionCaller;
use super::connection_peer::ConnectionPeer;
use super::framing::{FramedReader, Framing, TargetFragment};
use super::front::{Front, Handler};
use super::place::{ConnectionPlace, PATIENCE};
use super::problem::Problem;

/// How long the first bytes of a connection are waited for that was new when the server was told to stop. Who has
/// just connected is about to ask.
pub(super) const FIRST_WORD: Duration = Duration::from_millis(500);

/// How long, and for how many bytes, a client that is still sending is listened to after its answer.
pub(super) const LINGER: Duration = Duration::from_secs(5);
pub(super) const LINGER_BYTES: usize = 64 << 20;

/// Bytes that are thrown away at once.
const LINGER_BUFFER: usize = 16 << 10;

/// The other end of a connection, and who it is.
#[derive(Clone, Debug)]
pub(crate) struct OtherEnd {
    pub(super) peer: ConnectionPeer,
    pub(super) caller: ConnectionCaller,
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
    /// Before the router of questions.
    pub(crate) front: Option<Front>,
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
    end: OtherEnd,
    place: ConnectionPlace,
    shared: Arc<HttpServerState>,
    mut stage: watch::Receiver<Stage>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let exchange = Arc::new(ConnectionState::new(Arc::clone(&shared), place));
    let state = Arc::clone(&exchange);
    let mut clock = Clock::new(Arc::clone(&exchange));
    let mut timer = pin!(tokio::time::sleep_until(clock.since + exchange.patience()));
    let reading = Arc::clone(&exchange);
    let framing = Arc::new(Mutex::new(Framing::new()));
    let stream = FramedReader::new(stream, Arc::clone(&framing));
    let io = TokioIo::new(InspectReader::new(stream, move |bytes: &[u8]| {
        if !bytes.is_empty() {
            reading.has_heard.store(true, Ordering::Relaxed);
            if reading.phase() == Phase::Idle {
                reading.enter(Phase::Head);
            }
        }
    }));
    let service = service_fn(move |mut request: Request<Incoming>| {
        let length = request.body().size_hint().exact();
        let head = locked(&framing).body_follows(length);
        // Elsewhere a refusal would have to end the connection, or to wait for the body.
        let shed = match head.has_whole_body {
            true => exchange.shed(&mut request),
            false => None,
        };
        if shed.is_none() {
            request.extensions_mut().insert(end.peer);
            request.extensions_mut().insert(end.caller.clone());
        }
        if head.has_fragment {
            request.extensions_mut().insert(TargetFragment);
        }
        answer(Arc::clone(&exchange), request, shed)
    });
    let mut connection = shared.http.serve_connection(io, service);
    let mut patience = pin!(None::<Sleep>);
    loop {
        // In this order: what the client has sent is read before it is told to finish or is found
        // late.
        tokio::select! {
            biased;
            ended = &mut connection => {
                // hyper answers what it cannot read, as a head that is too long.
                let is_answered = match ended {
                    Ok(()) => state.lingers.load(Ordering::Relaxed),
                    Err(error) => {
                        tracing::debug!(%error, "connection failed");
                        error.is_parse()
                    }
                };
                if is_answered {
                    let stream = connection.into_parts().io.into_inner();
                    linger(stream.into_inner().into_inner(), stage).await;
                }
                return;
            }
            changed = stage.changed() => match *stage.borrow_and_update() {
                _ if changed.is_err() => return,
                Stage::Serve => {}
                // By hyper it would be closed at once. Its first answer is its last one.
                Stage::Drain if !state.has_heard.load(Ordering::Relaxed) => {
                    patience.set(Some(tokio::time::sleep(FIRST_WORD)));
                }
                Stage::Drain => Pin::new(&mut connection).graceful_shutdown(),
                Stage::Cut => return,
            },
            () = over(patience.as_mut()) => {
                patience.set(None);
                Pin::new(&mut connection).graceful_shutdown();
            }
            late = poll_fn(|context| clock.poll_late(timer.as_mut(), context)) => {
                tracing::debug!(waited_for = ?late, "connection timed out");
                return;
            }
        }
    }
}

/// Ready when a time is over; never, if there is none.
async fn over(time: Pin<&mut Option<Sleep>>) {
    match time.as_pin_mut() {
        Some(time) => time.await,
        None => std::future::pending().await,
    }
}

async fn answer(
    exchange: Arc<ConnectionState>,
    request: Request<Incoming>,
    shed: Option<Response>,
) -> Result<Response, Infallible> {
    exchange.enter(Phase::Answer);
    let has_body = shed.is_none() && !request.body().is_end_stream();
    exchange.is_unread.store(has_body, Ordering::Relaxed);
    let is_last = shed.is_none() && !exchange.is_placed(request.uri().path()).await;
    let mut response = match shed {
        Some(refusal) => refusal,
        None if is_last && !ConnectionPlace::answers(request.uri().path()) => {
            Problem::Busy.into_response()
        }
        None => {
            let request = request.map(|body| WatchedBody {
                body,
                exchange: Arc::clone(&exchange),
            });
            exchange.shared.answered(request.map(Body::new)).await
        }
    };
    let is_refusal = response.status().as_u16() >= 400;
    if is_refusal {
        exchange.lingers.store(true, Ordering::Relaxed);
    }
    // A client that is refused before its body is read learns that nothing more is read.
    let is_unread = is_refusal && exchange.is_unread.load(Ordering::Relaxed);
    if is_last || is_unread || exchange.shared.is_draining.load(Ordering::Relaxed) {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    exchange.enter(Phase::Idle);
    Ok(response)
}

/// Reads what the client still sends, and throws it away: a connection that is closed before would
/// be reset, and the client would not see the answer. hyper has ended the other direction.
async fn linger<S: AsyncRead + Unpin>(mut stream: S, mut stage: watch::Receiver<Stage>) {
    let rest = async {
        let (mut buffer, mut left) = (vec![0; LINGER_BUFFER], LINGER_BYTES);
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            left = left.saturating_sub(read);
            if left == 0 {
                return;
            }
        }
    };
    tokio::select! {
        _ = tokio::time::timeout(LINGER, rest) => {}
        _ = stage.wait_for(|stage| *stage == Stage::Cut) => {}
    }
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// True once something was read.
    has_heard: AtomicBool,
    /// True once an answer may have left a part of its request unread.
    lingers: AtomicBool,
    /// True until the body of the request in hand was read to its end.
    is_unread: AtomicBool,
    place: Mutex<ConnectionPlace>,
    shared: Arc<HttpServerState>,
}

/// The body of a request, which notes when it was read to its end.
struct WatchedBody {
    body: Incoming,
    exchange: Arc<ConnectionState>,
}

/// Notices when the client is late.
struct Clock {
    exchange: Arc<ConnectionState>,
    /// The progress at the last look, and when it was first seen.
    seen: u64,
    since: Instant,
}

// === impl HttpServerState ===

impl HttpServerState {
    pub(super) async fn answered(&self, request: axum::extract::Request) -> Response {
        if let (Some(front), Some(handler)) = (&self.front, Handler::of(&request)) {
            return front.answer(handler, request).await;
        }
        let Ok(response) = self.router.clone().call(request).await;
        response
    }
}

// === impl ConnectionState ===

impl ConnectionState {
    fn new(shared: Arc<HttpServerState>, place: ConnectionPlace) -> Self {
        Self {
            progress: AtomicU64::new(Phase::Head as u64),
            has_heard: AtomicBool::new(false),
            lingers: AtomicBool::new(false),
            is_unread: AtomicBool::new(false),
            place: Mutex::new(place),
            shared,
        }
    }

    fn place(&self) -> MutexGuard<'_, ConnectionPlace> {
        locked(&self.place)
    }

    /// The time for a head.
    fn patience(&self) -> Duration {
        let timeout = self.shared.header_read_timeout;
        match self.place().is_reserved() {
            true => timeout.min(PATIENCE),
            false => timeout,
        }
    }

    /// The refusal of a request of which all has come, if it is to be refused at once.
    fn shed(&self, request: &mut Request<Incoming>) -> Option<Response> {
        let front = self.shared.front.as_ref()?;
        // A request that waits for a place is not answered at once.
        match self.place().is_reserved() {
            true => None,
            false => front.refused(request),
        }
    }

    /// Returns true if the connection has a place of its own, or gets one for what is asked.
    async fn is_placed(&self, path: &str) -> bool {
        let wanted = {
            let place = self.place();
            place.asks();
            place.wanted()
        };
        let Some(wanted) = wanted else {
            return true;
        };
        if ConnectionPlace::answers(path) {
            return false;
        }
        let Some(place) = ConnectionPlace::wait_for(wanted).await else {
            return false;
        };
        *self.place() = place;
        true
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

// === impl WatchedBody ===

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.exchange.is_unread.store(false, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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
            Phase::Head => Some(self.since + self.exchange.patience()),
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
