//! One connection of HTTP/2: its requests, and what ends it. Envoy's gRPC and questions over TLS have this one.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
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
use super::connection::LINGER;
use super::generated::Generated;
use super::server_state::Stage;
use super::unread_body::{LentBody, UnreadBody};

/// A connection that is silent for so long is asked whether it is still there, and then has as long
/// to answer.
const SILENCE: Duration = Duration::from_secs(30);

/// A connection of HTTP/2.
pub(super) struct Http2Connection {
    pub(super) http: http2::Builder<TokioExecutor>,
    /// For the client to begin.
    pub(super) patience: Duration,
    /// Between requests.
    pub(super) idle_timeout: Duration,
    /// From the head of a request, for its body. One that nobody reads is waited for as long at most, and neither
    /// longer than [`LINGER`] nor than `patience`.
    pub(super) body_read_timeout: Duration,
    /// From the notice that it is closed until it is cut, which a request may still need.
    pub(super) leave: Duration,
}

/// HTTP/2 with so many requests of a connection at once, and heads of so many bytes.
pub(super) fn builder(streams: u32, head_bytes: u32) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(streams)
        .max_header_list_size(head_bytes)
        .keep_alive_interval(SILENCE)
        .keep_alive_timeout(SILENCE);
    http
}

impl Http2Connection {
    /// Answers the requests of the connection until either side closes it, the client makes no use of
    /// it, or `stage` says so.
    pub(super) async fn drive<S>(
        self,
        stream: S,
        mut stage: watch::Receiver<Stage>,
        answer: impl Fn(Request<LentBody>) -> Generated<'static, Response> + Send,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Arc::new(Activity::default());
        let requests = Arc::clone(&activity);
        let for_body = self.body_read_timeout.min(LINGER).min(self.patience);
        let service = service_fn(move |request: Request<Incoming>| {
            let (request, unread) = UnreadBody::of(request);
            let (answer, ongoing) = (answer(request), requests.begin());
            let arrived = Instant::now();
            async move {
                let answer = answer.await;
                if let Some(unread) = unread {
                    unread.arrive(arrived + for_body).await;
                }
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
