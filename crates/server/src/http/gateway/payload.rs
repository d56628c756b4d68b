//! The body of a request, within the limits.

use axum::body::Body;
use bytes::Bytes;

use super::super::body;
use super::super::limits::Limits;
use super::super::problem::Problem;
use super::request::GatewayRequest;

/// The request's body.
pub(super) enum Payload {
    /// It is read where the route asks for it.
    Arriving(Body),
    /// It is here; `Err` where only a part of it is.
    Arrived(Result<Bytes, PartialBody>),
}

/// The gateway has cut the body.
pub(super) struct PartialBody;

impl Payload {
    /// Reads the body, and leaves none behind.
    pub(super) async fn read(
        &mut self,
        request: &GatewayRequest<'_>,
        limits: &Limits,
    ) -> Result<Result<Bytes, PartialBody>, Problem> {
        if request.is_partial() {
            return Ok(Err(PartialBody));
        }
        match std::mem::replace(self, Self::Arrived(Ok(Bytes::new()))) {
            Self::Arriving(body) => body::read(body, limits).await.map(Ok),
            Self::Arrived(Ok(text)) => {
                let most = limits.body_bytes;
                limits.peaks.body_bytes.note(text.len().min(most));
                match text.len() > most {
                    true => Err(Problem::BodyTooLarge(most)),
                    false => Ok(Ok(text)),
                }
            }
            Self::Arrived(partial) => Ok(partial),
        }
    }

    /// Lets a body arrive that was not read, within the deadline of the request. The connection would
    /// be closed over the rest of it, and the answer lost with that.
    ///
    /// A gateway that passes no body on is not waited for: nginx keeps the client's `Content-Length`
    /// all the same, unless it is told otherwise, and nothing follows.
    pub(super) async fn discard(self, request: &GatewayRequest<'_>, limits: &Limits) {
        if let Self::Arriving(body) = self
            && request.endpoint.passes_body()
        {
            let rest = limits.request_timeout;
            let rest = rest.saturating_sub(request.arrived.elapsed());
            let _ = tokio::time::timeout(rest, body::discard(body, limits)).await;
        }
    }
}
