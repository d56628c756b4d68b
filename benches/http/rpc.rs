//! Envoy's checks over gRPC: a load of them, and the server that answers each with a constant.

#[path = "../../tests/it/gateway/envoy.rs"]
#[allow(dead_code, reason = "the benchmark uses a part")]
mod envoy;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use peppol_authz_server::http::envoy::{
    AttributeContext, CheckRequest, CheckResponse, HeaderValue, HeaderValueOption, HttpResponse,
    OkHttpResponse, Request, Status,
};
use prost::Message;
use tokio::net::{TcpListener, TcpStream};
use tonic::server::{Grpc, UnaryService};
use tonic_prost::ProstCodec;

use crate::load::{Load, timed};
use envoy::{CHECK, framed, get};

/// Envoy has a connection for each of its workers, and asks for many requests at once over it.
const CONNECTIONS: usize = 2;

/// The message of a check, framed: `GET` of a path.
pub(crate) fn check(path: &str, headers: &[(&str, &str)]) -> Bytes {
    let attributes = AttributeContext {
        request: Some(Request {
            http: Some(get(path, headers)),
        }),
        ..AttributeContext::default()
    };
    let message = CheckRequest {
        attributes: Some(attributes),
    };
    framed(&message.encode_to_vec())
}

/// So many checks at once, for a time.
pub(crate) fn load(
    (address, pid): (&str, u32),
    checks: &Arc<Vec<Bytes>>,
    at_once: usize,
    time: Duration,
) -> Load {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let next = Arc::new(AtomicUsize::new(0));
    timed(pid, time, |stop| {
        runtime.block_on(async {
            let mut connections = Vec::new();
            for _ in 0..CONNECTIONS {
                let stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (requests, connection) = h2::client::handshake(stream).await.unwrap();
                tokio::spawn(connection);
                connections.push(requests);
            }
            let asking: Vec<_> = (0..at_once)
                .map(|n| {
                    let requests = connections[n % CONNECTIONS].clone();
                    let (checks, next, stop) =
                        (Arc::clone(checks), Arc::clone(&next), Arc::clone(stop));
                    tokio::spawn(async move {
                        let mut taken = Vec::new();
                        while !stop.load(Ordering::Relaxed) {
                            let n = next.fetch_add(1, Ordering::Relaxed) % checks.len();
                            let started = Instant::now();
                            let length = called(&requests, checks[n].clone()).await;
                            assert!(length > 0, "the server has no answer");
                            taken.push(started.elapsed());
                        }
                        taken
                    })
                })
                .collect();
            let mut taken = Vec::new();
            for asked in asking {
                taken.extend(asked.await.unwrap());
            }
            taken
        })
    })
}

/// One check; returns the length of its answer.
async fn called(requests: &SendRequest<Bytes>, message: Bytes) -> usize {
    let request = axum::http::Request::post(CHECK)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let mut requests = requests.clone().ready().await.unwrap();
    let (answer, mut stream) = requests.send_request(request, false).unwrap();
    stream.send_data(message, true).unwrap();
    let mut body = answer.await.unwrap().into_body();
    let mut length = 0;
    while let Some(part) = body.data().await {
        let part = part.unwrap();
        body.flow_control().release_capacity(part.len()).unwrap();
        length += part.len();
    }
    let trailers = body.trailers().await.unwrap().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
    length
}

/// An allowance with two headers, as one of ours has.
fn allowed() -> CheckResponse {
    let header = |name: &str, value: &str| HeaderValueOption {
        header: Some(HeaderValue {
            key: name.to_owned(),
            value: value.to_owned(),
            ..HeaderValue::default()
        }),
        ..HeaderValueOption::default()
    };
    let ok = OkHttpResponse {
        headers: vec![
            header("x-authz-subject", "u-1"),
            header(
                "x-authz-decision-id",
                "00000000-0000-0000-0000-000000000000",
            ),
        ],
    };
    CheckResponse {
        status: Some(Status::default()),
        http_response: Some(HttpResponse::OkResponse(ok)),
    }
}

/// Answers each check with an allowance that was made before.
struct Constant(CheckResponse);

impl UnaryService<CheckRequest> for Constant {
    type Response = CheckResponse;
    type Future = Ready<Result<tonic::Response<CheckResponse>, tonic::Status>>;

    fn call(&mut self, request: tonic::Request<CheckRequest>) -> Self::Future {
        std::hint::black_box(request.into_inner());
        ready(Ok(tonic::Response::new(self.0.clone())))
    }
}

/// Serves that on connections of HTTP/2, for good.
pub(crate) async fn floor(listener: TcpListener) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let service = service_fn(|request| async {
            let mut grpc: Grpc<ProstCodec<CheckResponse, CheckRequest>> =
                Grpc::new(ProstCodec::default());
            let answer = grpc.unary(Constant(allowed()), request).await;
            Ok::<_, Infallible>(answer)
        });
        let connection = http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connection);
    }
}
