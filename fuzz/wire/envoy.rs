//! Checks of Envoy's gRPC: messages that are changed before and after they are bytes.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use h2::client::SendRequest;
use peppol_authz_server::http::envoy::{
    AttributeContext, CheckRequest, CheckResponse, HttpRequest, HttpResponse, Peer, Request,
};
use prost::Message;
use tokio::net::TcpStream;

use super::Run;
use crate::mutation::Mutator;

const CHECK: &str = "http://envoy/envoy.service.auth.v3.Authorization/Check";

/// The longest that an answer may take.
const LONG: Duration = Duration::from_secs(60);

/// Sends checks until it is over.
pub(super) fn send(run: &Run) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut mutator = Mutator::new(run.seed * 1000 + 999);
    let corpus = crate::corpus("request");
    runtime.block_on(async {
        while !run.is_over() {
            let stream = TcpStream::connect(&run.envoy).await.unwrap();
            let (requests, connection) = h2::client::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            while !run.is_over() {
                let message = message(&mut mutator, &corpus);
                match tokio::time::timeout(LONG, checked(&requests, &message)).await {
                    Err(_) => run.found(format!("no answer to the check {message:?}")),
                    // The connection may be closed over what is no message.
                    Ok(Err(_)) => break,
                    Ok(Ok(answer)) => {
                        run.answered(1);
                        if let Some(problem) = answer.and_then(|answer| wrong(&answer)) {
                            run.found(format!("{problem} to the check {message:?}"));
                        }
                    }
                }
            }
        }
    });
}

fn message(mutator: &mut Mutator, corpus: &[Vec<u8>]) -> Vec<u8> {
    let input = mutator.mutated(corpus);
    let text = String::from_utf8_lossy(&input).into_owned();
    let mut parts = text.splitn(3, '\n');
    let mut next = || parts.next().unwrap_or_default().to_owned();
    let (method, path, body) = (next(), next(), next());
    let headers = [("x-user", "nobody"), ("content-type", "application/json")];
    let http = HttpRequest {
        method,
        path,
        body,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        size: -1,
        ..HttpRequest::default()
    };
    let request = CheckRequest {
        attributes: Some(AttributeContext {
            source: Some(Peer {
                principal: "nobody".to_owned(),
            }),
            request: Some(Request { http: Some(http) }),
        }),
    };
    let bytes = request.encode_to_vec();
    match mutator.below(2) {
        0 => bytes,
        _ => mutator.bytes(bytes, &input),
    }
}

/// Sends a message. Returns the answer; none where it says that it could not read the message.
async fn checked(
    requests: &SendRequest<Bytes>,
    message: &[u8],
) -> Result<Option<CheckResponse>, h2::Error> {
    let request = axum::http::Request::post(CHECK)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let mut requests = requests.clone().ready().await?;
    let (answer, mut stream) = requests.send_request(request, false)?;
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(message.len().try_into().unwrap());
    framed.put_slice(message);
    let _ = stream.send_data(framed.freeze(), true);
    let mut body = answer.await?.into_body();
    let mut bytes = BytesMut::new();
    while let Some(part) = body.data().await {
        let part = part?;
        body.flow_control().release_capacity(part.len())?;
        bytes.extend_from_slice(&part);
    }
    let message = bytes.get(5..).unwrap_or_default();
    Ok((!message.is_empty()).then(|| CheckResponse::decode(message).unwrap()))
}

/// Tells what must not be: an Allow for nobody, or a fault.
fn wrong(answer: &CheckResponse) -> Option<String> {
    let code = answer.status.as_ref().map(|status| status.code);
    match &answer.http_response {
        Some(HttpResponse::OkResponse(ok)) if code == Some(0) => {
            let mut headers = ok
                .headers
                .iter()
                .filter_map(|option| option.header.as_ref());
            headers
                .any(|header| header.key == "x-authz-subject" && header.value == "nobody")
                .then(|| format!("an Allow for nobody: {ok:?}"))
        }
        Some(HttpResponse::DeniedResponse(denied)) if code != Some(0) => {
            let status = denied.status.as_ref().map_or(0, |status| status.code);
            (status >= 500 && status != 503).then(|| format!("{denied:?}"))
        }
        other => Some(format!("{code:?} with {other:?}")),
    }
}
