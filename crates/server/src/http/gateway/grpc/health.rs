//! gRPC's own question for health, `grpc.health.v1.Health/Check`, by which Kubernetes, Envoy and
//! balancers probe. It is answered as `/readyz` is.

use std::pin::Pin;
use std::sync::Arc;

use tonic::server::UnaryService;
use tonic::{Request, Response, Status};

use super::messages::{HealthCheckRequest, HealthCheckResponse, ServingStatus};
use crate::http::app::App;
use crate::http::operations::ready;

/// The path of the method.
pub(super) const PATH: &str = "/grpc.health.v1.Health/Check";

/// The service that a probe may name; without a name it asks for the server.
const SERVICE: &str = "envoy.service.auth.v3.Authorization";

/// The method `Check`.
pub(super) struct HealthCheck(pub(super) Arc<App>);

impl UnaryService<HealthCheckRequest> for HealthCheck {
    type Response = HealthCheckResponse;
    type Future =
        Pin<Box<dyn Future<Output = Result<Response<HealthCheckResponse>, Status>> + Send>>;

    fn call(&mut self, request: Request<HealthCheckRequest>) -> Self::Future {
        let app = Arc::clone(&self.0);
        Box::pin(async move {
            match request.into_inner().service.as_str() {
                "" | SERVICE => {}
                _ => return Err(Status::not_found("no such service is here")),
            }
            let status = if ready(&app).await.ready {
                ServingStatus::Serving
            } else {
                ServingStatus::NotServing
            };
            Ok(Response::new(HealthCheckResponse {
                status: status.into(),
            }))
        })
    }
}
