//! One connection: its requests, and what ends it.
//!
//! hyper's own `header_read_timeout` also counts the time between requests, so a connection that a
//! gateway keeps open would be closed by it after seconds; and it starts a timer for each request.
//! Here the two are told apart, a connection has one timer, and that timer is touched only when a
//! head arrives in pieces.

mod clock;
mod state;
mod watched_body;

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::response::{IntoResponse, Response};
use hyper::Request;
use hyper::body::{Body as HttpBody, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Sleep;
use tokio_util::io::InspectReader;

use super::connection_caller::ConnectionCaller;
use super::connection_peer::ConnectionPeer;
use super::framing::{FramedReader, Framing, TargetFragment};
use super::place::ConnectionPlace;
use super::problem::Problem;
use super::server_state::{HttpServerState, Stage};
use clock::Clock;
use state::{ConnectionState, Phase, locked};
use watched_body::WatchedBody;

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
