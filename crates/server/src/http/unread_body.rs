//! The body of a request over HTTP/2 that is answered before all of it was read.
//!
//! Over HTTP/2 an answer before the end of the request is followed by RST_STREAM (RFC 9113, 8.1), and clients lose
//! the answer with it, as curl 7.88 does. So what nobody has read is read before the answer, and thrown away.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::http::header::EXPECT;
use http_body_util::{BodyExt, Limited};
use hyper::Request;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::Instant;

use super::connection::LINGER_BYTES;

/// A body that goes back to [`UnreadBody`] if it is dropped before its end.
pub(super) struct LentBody {
    /// `None` once it was dropped.
    body: Option<Incoming>,
    unread: Option<UnreadBody>,
}

/// The place of a body that nobody reads any more; all clones are of one request.
#[derive(Clone, Default)]
pub(super) struct UnreadBody(Arc<Mutex<Option<Incoming>>>);

// === impl UnreadBody ===

impl UnreadBody {
    /// The same request with a body that comes back, and its place; `None` where nothing would come back, or where
    /// the client waits for leave to send its body.
    pub(super) fn of(request: Request<Incoming>) -> (Request<LentBody>, Option<Self>) {
        let comes = !request.body().is_end_stream() && !request.headers().contains_key(EXPECT);
        let unread = comes.then(Self::default);
        let lent = request.map(|body| LentBody {
            body: Some(body),
            unread: unread.clone(),
        });
        (lent, unread)
    }

    /// Lets the rest of it arrive until `deadline`. What is longer or later is not waited for.
    pub(super) async fn arrive(self, deadline: Instant) {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(body) = body else {
            return;
        };
        let mut rest = Limited::new(body, LINGER_BYTES);
        let arrive = async { while matches!(rest.frame().await, Some(Ok(_))) {} };
        let _ = tokio::time::timeout_at(deadline, arrive).await;
    }
}

// === impl LentBody ===

impl Body for LentBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for LentBody {
    fn drop(&mut self) {
        let rest = self.body.take().filter(|body| !body.is_end_stream());
        if let (Some(UnreadBody(place)), Some(_)) = (&self.unread, &rest) {
            *place.lock().unwrap_or_else(PoisonError::into_inner) = rest;
        }
    }
}
