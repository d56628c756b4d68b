//! The listener of Envoy's gRPC: HTTP/2, started and drained as the other one is.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::io::InspectReader;

use super::activity::Activity;
use super::service::Checking;
use crate::config::Server;
use crate::http::accept::accept;
use crate::http::app::App;
use crate::http::connection::Stage;
use crate::http::connection_caller::ConnectionCaller;
use crate::http::connection_peer::ConnectionPeer;
use crate::http::generated::Generated;
use crate::http::listener::Listener;
use crate::http::place::{PATIENCE, RESERVED};
use crate::http::secured::{SecuredStream, secured};
use crate::tls::TlsProtocol;

/// Bytes of a message beside the body: the request's head, and its certificate.
const BESIDE_THE_BODY: usize = 1 << 20;

/// Checks of one connection that are answered at once. Envoy has one connection for each worker.
const STREAMS: u32 = 1024;

/// Bytes of the head of a check; what matters is in its message.
const HEAD_BYTES: u32 = 16 << 10;

/// A connection that is silent for so long is asked whether it is still there, and then has as long
/// to answer.
const SILENCE: Duration = Duration::from_secs(30);

/// Answers Envoy's checks on `listener` until `shutdown` is ready, and drains then as
/// [`crate::http::serve`] does. Returns how many connections were cut.
pub async fn serve_envoy(
    listener: Listener,
    app: Arc<App>,
    limits: &Server,
    shutdown: impl Future<Output = ()> + Send,
) -> usize {
    serving(listener, app, limits, Box::pin(shutdown)).await
}

fn serving<'s>(
    listener: Listener,
    app: Arc<App>,
    limits: &'s Server,
    shutdown: Generated<'s, ()>,
) -> Generated<'s, usize> {
    Box::pin(serve_until(listener, app, limits, shutdown))
}

async fn serve_until(
    listener: Listener,
    app: Arc<App>,
    limits: &Server,
    shutdown: Generated<'_, ()>,
) -> usize {
    let message = app.limits.body_bytes.saturating_add(BESIDE_THE_BODY);
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD_BYTES)
        .keep_alive_interval(SILENCE)
        .keep_alive_timeout(SILENCE);
    let (patience, idle_timeout) = (limits.header_read_timeout, limits.idle_timeout);
    let traits = Arc::new(listener.traits().clone());
    let nothing = || {};
    accept(
        listener,
        limits,
        RESERVED,
        shutdown,
        nothing,
        |stream, peer, place, stage| {
            // A silent client on a reserved place makes room for others.
            let (patience, idle_timeout) = match place.is_reserved() {
                true => (PATIENCE, PATIENCE),
                false => (patience, idle_timeout),
            };
            let checking = EnvoyConnection {
                http: http.clone(),
                checking: Checking::new(Arc::clone(&app), message, place),
                peer,
                patience,
                idle_timeout,
                leave: limits.request_timeout,
            };
            let traits = Arc::clone(&traits);
            async move {
                let (protocol, arrived) = (TlsProtocol::Http2, (stream, peer));
                let begun = secured(arrived, &traits, protocol, patience, stage.clone()).await;
                let Some((stream, caller)) = begun else {
                    return;
                };
                match stream {
                    SecuredStream::Tcp(stream) => checking.drive(stream, caller, stage).await,
                    SecuredStream::Tls(stream) => checking.drive(*stream, caller, stage).await,
                    SecuredStream::Unix(stream) => checking.drive(stream, caller, stage).await,
                }
            }
        },
    )
    .await
}

/// One connection of an Envoy.
struct EnvoyConnection {
    http: http2::Builder<TokioExecutor>,
    checking: Checking,
    peer: ConnectionPeer,
    /// For the client to begin.
    patience: Duration,
    /// Between requests.
    idle_timeout: Duration,
    /// From the notice that it is closed until it is cut, which a request may still need.
    leave: Duration,
}

impl EnvoyConnection {
    /// Answers the checks of the connection until either side closes it, the client makes no use of
    /// it, or `stage` says so.
    async fn drive<S>(self, stream: S, caller: ConnectionCaller, mut stage: watch::Receiver<Stage>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Arc::new(Activity::default());
        let (checking, peer, requests) = (self.checking, self.peer, Arc::clone(&activity));
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(caller.clone());
            let (checking, ongoing) = (checking.clone(), requests.begin());
            async move {
                let answer = checking.call(request).await;
                drop(ongoing);
                Ok::<_, Infallible>(answer)
            }
        });
        let read = Arc::clone(&activity);
        let stream = InspectReader::new(stream, move |bytes: &[u8]| read.read(bytes));
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let mut never_began = pin!(activity.never_began(self.patience));
        let mut fell_idle = pin!(activity.fell_idle(self.idle_timeout));
        let mut left = pin!(tokio::time::sleep(self.leave));
        let mut is_leaving = false;
        loop {
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
                () = never_began.as_mut() => {
                    tracing::debug!("connection timed out");
                    return;
                }
                () = left.as_mut(), if is_leaving => return,
                // It hears of it first: a request that it has just sent is answered.
                () = fell_idle.as_mut(), if !is_leaving => {
                    connection.as_mut().graceful_shutdown();
                    left.as_mut().reset(Instant::now() + self.leave);
                    is_leaving = true;
                }
            }
        }
    }
}
