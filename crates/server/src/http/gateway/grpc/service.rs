//! The one method of Envoy's service `envoy.service.auth.v3.Authorization`.

use std::pin::Pin;
use std::sync::Arc;

use axum::http;
use hyper::body::Incoming;
use tonic::body::Body;
use tonic::server::{Grpc, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::messages::{CheckRequest, CheckResponse};
use super::{PATH, respond};
use crate::http::app::App;

/// Answers requests of HTTP/2.
#[derive(Clone)]
pub(super) struct Checking {
    app: Arc<App>,
    /// The longest message, in bytes.
    longest: usize,
}

impl Checking {
    pub(super) fn new(app: Arc<App>, longest: usize) -> Self {
        Self { app, longest }
    }

    pub(super) async fn call(self, request: http::Request<Incoming>) -> http::Response<Body> {
        if request.uri().path() != PATH {
            return Status::unimplemented("").into_http();
        }
        Grpc::new(ProstCodec::default())
            .max_decoding_message_size(self.longest)
            .unary(Check(self.app), request)
            .await
    }
}

/// The method `Check`.
struct Check(Arc<App>);

impl UnaryService<CheckRequest> for Check {
    type Response = CheckResponse;
    type Future = Pin<Box<dyn Future<Output = Result<Response<CheckResponse>, Status>> + Send>>;

    fn call(&mut self, request: Request<CheckRequest>) -> Self::Future {
        let app = Arc::clone(&self.0);
        Box::pin(async move { Ok(Response::new(respond(&app, request).await)) })
    }
}
