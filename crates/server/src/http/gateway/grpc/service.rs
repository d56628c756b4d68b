//! The methods that are served: Envoy's `Check`, and gRPC's own for health.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use axum::http;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use tonic::body::Body;
use tonic::server::{Grpc, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::health::{self, HealthCheck};
use super::messages::{CheckRequest, CheckResponse};
use super::place::check_marks;
use super::{PATH, refused, respond};
use crate::callers::Caller;
use crate::http::app::App;
use crate::http::connection_caller::ConnectionCaller;
use crate::http::place::ConnectionPlace;
use crate::http::request::{RequestInHand, answered_for};
use crate::http::shared_place::SharedPlace;
use crate::http::unread_body::LentBody;
use peppol_authz_engine::RequestMarks;

/// Answers requests of HTTP/2.
#[derive(Clone)]
pub(super) struct Checking {
    app: Arc<App>,
    /// The longest message, in bytes.
    longest: usize,
    /// That of the connection.
    place: SharedPlace,
}

/// Bytes before a message: is it compressed, and how long is it.
const PREFIX: usize = 5;

impl Checking {
    /// Of one connection, which has this place.
    pub(super) fn new(app: Arc<App>, longest: usize, place: ConnectionPlace) -> Self {
        Self {
            app,
            longest,
            place: SharedPlace::new(place),
        }
    }

    pub(super) async fn call(self, request: http::Request<LentBody>) -> http::Response<Body> {
        let arrived = Instant::now();
        self.place.asks();
        let method = match request.uri().path() {
            PATH => PATH,
            health::PATH => health::PATH,
            _ => return Status::unimplemented("").into_http(),
        };
        // Health is told without a place.
        if method == PATH && !self.place.is_own().await {
            return Status::unavailable("all connections are in use").into_http();
        }
        let connected = ConnectionCaller::of(request.extensions().get());
        // A probe of health is open to anyone, as `/readyz` is.
        let path = if method == PATH { PATH } else { "/readyz" };
        let admitted = self
            .app
            .admit(connected, request.headers(), path, false)
            .await;
        let request = match self.whole(request).await {
            Ok(request) => request,
            Err(status) => return status.into_http(),
        };
        let admitted = match admitted {
            Ok(admitted) => admitted,
            Err(problem) => {
                let refused = Refused(refused(&self.app, &problem, arrived));
                return Grpc::new(ProstCodec::default())
                    .unary(refused, request)
                    .await;
            }
        };
        if method == PATH {
            let check = Check {
                app: self.app,
                arrived,
                caller: Arc::clone(&admitted.caller),
            };
            let mut grpc = Grpc::new(ProstCodec::default());
            grpc = grpc.max_decoding_message_size(self.longest);
            grpc.unary(check, request).await
        } else {
            let mut grpc = Grpc::new(ProstCodec::default());
            grpc.unary(HealthCheck(self.app), request).await
        }
    }

    /// The request once all of it has arrived, which has to be in time.
    async fn whole(
        &self,
        request: http::Request<LentBody>,
    ) -> Result<http::Request<Full<Bytes>>, Status> {
        let limits = &self.app.limits;
        let patience = limits.body_read_timeout.min(limits.request_timeout);
        let (head, body) = request.into_parts();
        let arriving = Limited::new(body, self.longest.saturating_add(PREFIX)).collect();
        match tokio::time::timeout(patience, arriving).await {
            Err(_) => Err(Status::deadline_exceeded(
                "the message did not arrive in time",
            )),
            Ok(Err(_)) => Err(Status::out_of_range("the message is too long or was cut")),
            Ok(Ok(body)) => Ok(http::Request::from_parts(head, Full::new(body.to_bytes()))),
        }
    }
}

/// The method `Check`.
struct Check {
    app: Arc<App>,
    /// When the head of the request arrived.
    arrived: Instant,
    /// The one that asks.
    caller: Arc<Caller>,
}

/// The answer to an Envoy that is not let in: an error of gRPC could be let through.
struct Refused(CheckResponse);

impl UnaryService<CheckRequest> for Refused {
    type Response = CheckResponse;
    type Future = Ready<Result<Response<CheckResponse>, Status>>;

    fn call(&mut self, _: Request<CheckRequest>) -> Self::Future {
        ready(Ok(Response::new(std::mem::take(&mut self.0))))
    }
}

impl UnaryService<CheckRequest> for Check {
    type Response = CheckResponse;
    type Future = Pin<Box<dyn Future<Output = Result<Response<CheckResponse>, Status>> + Send>>;

    fn call(&mut self, request: Request<CheckRequest>) -> Self::Future {
        let (app, arrived) = (Arc::clone(&self.app), self.arrived);
        let in_hand = RequestInHand {
            marks: match app.decision_log {
                Some(_) => check_marks(&request),
                None => RequestMarks::default(),
            },
            caller: Arc::clone(&self.caller),
            is_let_in: false,
        };
        Box::pin(answered_for(in_hand, async move {
            Ok(Response::new(respond(&app, request, arrived).await))
        }))
    }
}
