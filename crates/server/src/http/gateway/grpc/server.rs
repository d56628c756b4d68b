//! The listener of Envoy's gRPC: HTTP/2, started and drained as the other one is.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use hyper::Request;

use super::service::Checking;
use crate::config::Server;
use crate::http::accept::accept;
use crate::http::app::App;
use crate::http::generated::Generated;
use crate::http::http2::{Http2Connection, builder};
use crate::http::listener::Listener;
use crate::http::place::{PATIENCE, RESERVED};
use crate::http::secured::{SecuredStream, secured};
use crate::http::unread_body::LentBody;
use crate::tls::TlsProtocol;

/// Bytes of a message beside the body: the request's head, and its certificate.
const BESIDE_THE_BODY: usize = 1 << 20;

/// Checks of one connection that are answered at once. Envoy has one connection for each worker.
const STREAMS: u32 = 1024;

/// Bytes of the head of a check; what matters is in its message.
const HEAD_BYTES: u32 = 16 << 10;

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
    let http = builder(STREAMS, HEAD_BYTES);
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
            let checking = Checking::new(Arc::clone(&app), message, place);
            let connection = Http2Connection {
                http: http.clone(),
                patience,
                idle_timeout,
                body_read_timeout: limits.body_read_timeout,
                leave: limits.request_timeout,
            };
            let traits = Arc::clone(&traits);
            async move {
                let (protocol, arrived) = (TlsProtocol::Http2, (stream, peer));
                let begun = secured(arrived, &traits, protocol, patience, stage.clone()).await;
                let Some((stream, caller)) = begun else {
                    return;
                };
                let answer = move |mut request: Request<LentBody>| -> Generated<'static, Response> {
                    request.extensions_mut().insert(peer);
                    request.extensions_mut().insert(caller.clone());
                    let checking = checking.clone();
                    Box::pin(async move { checking.call(request).await.map(Body::new) })
                };
                match stream {
                    SecuredStream::Tcp(stream) => connection.drive(stream, stage, answer).await,
                    SecuredStream::Tls(stream) => connection.drive(*stream, stage, answer).await,
                    SecuredStream::Unix(stream) => connection.drive(stream, stage, answer).await,
                }
            }
        },
    )
    .await
}
