//! The listener of Envoy's gRPC: HTTP/2, started and drained as the other one is.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::service::Checking;
use crate::config::Server;
use crate::http::accept::accept;
use crate::http::app::App;
use crate::http::connection::{ConnectionPeer, Stage};
use crate::http::listener::{Listener, Stream};

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
    shutdown: impl Future<Output = ()>,
) -> usize {
    let message = app.limits.body_bytes.saturating_add(BESIDE_THE_BODY);
    let checking = Checking::new(app, message);
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD_BYTES)
        .keep_alive_interval(SILENCE)
        .keep_alive_timeout(SILENCE);
    let patience = limits.header_read_timeout;
    let nothing = || {};
    accept(
        listener,
        limits,
        shutdown,
        nothing,
        |stream, peer, stage| {
            let (http, checking) = (http.clone(), checking.clone());
            async move {
                // One that says nothing at all takes nobody's place.
                let spoke = match &stream {
                    Stream::Tcp(stream) => tokio::time::timeout(patience, stream.readable()).await,
                    Stream::Unix(stream) => tokio::time::timeout(patience, stream.readable()).await,
                };
                match (spoke, stream) {
                    (Err(_), _) => tracing::debug!("connection timed out"),
                    (Ok(_), Stream::Tcp(stream)) => {
                        drive(stream, peer, &http, checking, stage).await
                    }
                    (Ok(_), Stream::Unix(stream)) => {
                        drive(stream, peer, &http, checking, stage).await
                    }
                }
            }
        },
    )
    .await
}

/// Answers the checks of one connection until either side closes it or `stage` says so.
async fn drive<S>(
    stream: S,
    peer: ConnectionPeer,
    http: &http2::Builder<TokioExecutor>,
    checking: Checking,
    mut stage: watch::Receiver<Stage>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let checking = checking.clone();
        async move { Ok::<_, Infallible>(checking.call(request).await) }
    });
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
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
        }
    }
}
