//! Questions over HTTP/2: many of one connection at once.
//!
//! A request becomes what it would be over HTTP/1.1. What cannot be seen over HTTP/2 is the fragment of a target,
//! which is cut off before; the one endpoint that could decide something else for it refuses (`gateway/endpoints.rs`).

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::HOST;
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use hyper::Request;
use hyper::body::Body as _;
use tokio::sync::Semaphore;

use super::connection::OtherEnd;
use super::place::ConnectionPlace;
use super::problem::Problem;
use super::server_state::HttpServerState;
use super::shared_place::SharedPlace;
use super::unread_body::LentBody;

/// Requests of one connection that are answered at once.
pub(super) const STREAMS: u32 = 100;

/// Bytes of the bodies of one connection that are read at once. A body that is longer is read alone.
const BODY_BYTES: u32 = 4 << 20;

/// A body whose length is not told counts as so many bytes.
const UNTOLD_BYTES: u32 = BODY_BYTES / 16;

/// A connection whose requests are answered as they come.
#[derive(Clone)]
pub(super) struct ManyAtOnce {
    shared: Arc<HttpServerState>,
    end: OtherEnd,
    place: SharedPlace,
    /// Room for bodies. What has none is not read, and its client waits.
    room: Arc<Semaphore>,
}

impl ManyAtOnce {
    pub(super) fn new(shared: Arc<HttpServerState>, end: OtherEnd, place: ConnectionPlace) -> Self {
        Self {
            shared,
            end,
            place: SharedPlace::new(place),
            room: Arc::new(Semaphore::new(BODY_BYTES as usize)),
        }
    }

    pub(super) async fn answer(self, request: Request<LentBody>) -> Response {
        self.place.asks();
        let mut request = as_of_one_host(request).map(Body::new);
        let path = request.uri().path();
        if !ConnectionPlace::answers(path) && !self.place.is_own().await {
            return Problem::Busy.into_response();
        }
        // A request that waits for a place is not answered at once.
        let front = self.shared.front.as_ref();
        let refused = front.and_then(|front| front.refused(&mut request));
        if let Some(refusal) = refused {
            return refusal;
        }
        request.extensions_mut().insert(self.end.peer);
        request.extensions_mut().insert(self.end.caller.clone());
        let length = request.body().size_hint().exact();
        let length = length.and_then(|length| u32::try_from(length).ok());
        let room = length.unwrap_or(UNTOLD_BYTES).min(BODY_BYTES);
        let _held = self.room.acquire_many(room).await;
        self.shared.answered(request).await
    }
}

/// A request whose host stands where HTTP/1.1 has it. The authority of HTTP/2 counts, whatever else is said
/// (RFC 9113, 8.3.1).
fn as_of_one_host<B>(request: Request<B>) -> Request<B> {
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority();
    let authority = authority.and_then(|it| HeaderValue::from_str(it.as_str()).ok());
    if let Some(authority) = authority {
        head.headers.insert(HOST, authority);
    }
    if let Some(target) = head.uri.path_and_query() {
        head.uri = Uri::from(target.clone());
    }
    Request::from_parts(head, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_the_authority() {
        let request = Request::get("https://authz.example:8443/v1/search?x=1")
            .header(HOST, "elsewhere.example")
            .body(())
            .unwrap();
        let request = as_of_one_host(request);
        assert_eq!(request.uri(), "/v1/search?x=1");
        let hosts: Vec<_> = request.headers().get_all(HOST).iter().collect();
        assert_eq!(hosts, ["authz.example:8443"]);
        let request = Request::get("/livez").header(HOST, "a").body(()).unwrap();
        assert_eq!(as_of_one_host(request).headers()[HOST], "a");
    }
}
