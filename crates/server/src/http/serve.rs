//! Serves a router on a listener until told to stop.
//!
//! hyper is used directly, as `axum::serve` has no limits of time and number.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::response::Response;
use hyper::server::conn::http1;

use super::accept::accept;
use super::connection::{self, OtherEnd};
use super::front::Front;
use super::generated::Generated;
use super::http2::{Http2Connection, builder};
use super::listener::Listener;
use super::many_at_once::{ManyAtOnce, STREAMS};
use super::place::{PATIENCE, RESERVED};
use super::secured::{SecuredStream, is_http2, secured};
use super::server_state::HttpServerState;
use crate::config::Server;
use crate::tls::TlsProtocol;

/// The longest head (431 beyond), and the bytes that are buffered of one connection.
const BUFFER_BYTES: usize = 64 << 10;
const HTTP2_HEAD_BYTES: u32 = 64 << 10;

/// Answers requests on `listener` by `router`, and by what stands before it, until `shutdown` is ready.
///
/// Then it stops to accept (a Unix socket's file is removed), closes idle connections, lets
/// requests in hand finish for up to `limits.drain_timeout`, and cuts what is left. Of `limits` the
/// connections and the timeouts of head, idleness and drain are held here, those of body and
/// request by the router. Returns how many connections were cut; dropping the future cuts all.
pub async fn serve(
    listener: Listener,
    router: Router,
    front: Option<Front>,
    limits: &Server,
    shutdown: impl Future<Output = ()> + Send,
) -> usize {
    serving(listener, router, front, limits, Box::pin(shutdown)).await
}

fn serving<'s>(
    listener: Listener,
    router: Router,
    front: Option<Front>,
    limits: &'s Server,
    shutdown: Generated<'s, ()>,
) -> Generated<'s, usize> {
    Box::pin(serve_until(listener, router, front, limits, shutdown))
}

async fn serve_until(
    listener: Listener,
    router: Router,
    front: Option<Front>,
    limits: &Server,
    shutdown: Generated<'_, ()>,
) -> usize {
    let mut http = http1::Builder::new();
    // Its own timeout for the head is replaced by `connection`'s.
    http.header_read_timeout(None)
        .max_buf_size(BUFFER_BYTES)
        // hyper would take a longer one too if the end of it comes with the last bytes.
        .max_header_size(BUFFER_BYTES);
    let shared = Arc::new(HttpServerState {
        http,
        // Resolves the routes once and not for each request.
        router: router.with_state(()),
        front,
        header_read_timeout: limits.header_read_timeout,
        idle_timeout: limits.idle_timeout,
        is_draining: AtomicBool::new(false),
    });
    let http2 = builder(STREAMS, HTTP2_HEAD_BYTES);
    let traits = Arc::new(listener.traits().clone());
    let draining = || shared.is_draining.store(true, Ordering::Relaxed);
    accept(
        listener,
        limits,
        RESERVED,
        shutdown,
        draining,
        |stream, peer, place, stage| {
            let shared = Arc::clone(&shared);
            let traits = Arc::clone(&traits);
            let patience = match place.is_reserved() {
                true => shared.header_read_timeout.min(PATIENCE),
                false => shared.header_read_timeout,
            };
            let http2 = Http2Connection {
                http: http2.clone(),
                patience,
                idle_timeout: match place.is_reserved() {
                    true => PATIENCE,
                    false => shared.idle_timeout,
                },
                body_read_timeout: limits.body_read_timeout,
                leave: limits.request_timeout,
            };
            async move {
                let (protocol, arrived) = (TlsProtocol::Http, (stream, peer));
                let begun = secured(arrived, &traits, protocol, patience, stage.clone()).await;
                let Some((stream, caller)) = begun else {
                    return;
                };
                let end = OtherEnd { peer, caller };
                match stream {
                    SecuredStream::Tcp(stream) => {
                        connection::drive(stream, end, place, shared, stage).await
                    }
                    SecuredStream::Tls(stream) if is_http2(&stream) => {
                        let questions = ManyAtOnce::new(shared, end, place);
                        let answer = move |request| -> Generated<'static, Response> {
                            Box::pin(questions.clone().answer(request))
                        };
                        http2.drive(*stream, stage, answer).await;
                    }
                    SecuredStream::Tls(stream) => {
                        connection::drive(*stream, end, place, shared, stage).await
                    }
                    SecuredStream::Unix(stream) => {
                        connection::drive(stream, end, place, shared, stage).await
                    }
                }
            }
        },
    )
    .await
}

#[cfg(test)]
mod tests;
