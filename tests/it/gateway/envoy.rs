//! A client of Envoy's gRPC: messages over HTTP/2, and no library for the rest.

use std::collections::HashMap;

use bytes::{BufMut, Bytes, BytesMut};
use h2::client::SendRequest;
use peppol_authz_server::http::envoy::{
    AttributeContext, CheckRequest, CheckResponse, HeaderAppendAction, HeaderMap, HeaderValue,
    HttpRequest, HttpResponse, Peer, Request,
};
use prost::Message;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Runtime;

pub(crate) const CHECK: &str = "http://envoy/envoy.service.auth.v3.Authorization/Check";

/// One connection.
pub(crate) struct Envoy {
    runtime: Runtime,
    requests: SendRequest<Bytes>,
}

/// Envoy's use of an answer: the request goes on with these headers, or its client gets this.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

/// `GET` as Envoy tells of it.
pub(crate) fn get(path: &str, headers: &[(&str, &str)]) -> HttpRequest {
    HttpRequest {
        method: "GET".to_owned(),
        path: path.to_owned(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        size: -1,
        ..HttpRequest::default()
    }
}

/// The headers as they came, in place of those that were joined.
pub(crate) fn raw(mut request: HttpRequest, headers: &[(&str, &[u8])]) -> HttpRequest {
    let headers = headers.iter().map(|(name, value)| HeaderValue {
        key: (*name).to_owned(),
        raw_value: value.to_vec(),
        ..HeaderValue::default()
    });
    request.header_map = Some(HeaderMap {
        headers: headers.collect(),
    });
    request
}

impl Envoy {
    /// To an address as `--listen` takes it.
    pub(crate) fn connect(address: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let requests = runtime.block_on(async {
            match address.strip_prefix("unix:") {
                Some(path) => spoken(UnixStream::connect(path).await.unwrap()).await,
                None => spoken(TcpStream::connect(address).await.unwrap()).await,
            }
        });
        Self { runtime, requests }
    }

    pub(crate) fn check(&mut self, http: HttpRequest, principal: &str) -> Verdict {
        let principal = principal.to_owned();
        let attributes = AttributeContext {
            source: Some(Peer { principal }),
            request: Some(Request { http: Some(http) }),
        };
        let request = CheckRequest {
            attributes: Some(attributes),
        };
        Verdict::of(self.send(request).unwrap())
    }

    pub(crate) fn send(&mut self, request: CheckRequest) -> Result<CheckResponse, String> {
        let bytes = self.call(CHECK, &request.encode_to_vec())?;
        Ok(CheckResponse::decode(bytes).unwrap())
    }

    /// The status that a request is answered with whose head has so many bytes more, or how it failed.
    pub(crate) fn call_with_head_of(&mut self, bytes: usize) -> Result<u16, String> {
        let failed = |error: h2::Error| error.to_string();
        let request = axum::http::Request::post(CHECK)
            .header("content-type", "application/grpc")
            .header("x", "y".repeat(bytes))
            .body(())
            .unwrap();
        self.runtime.block_on(async {
            let mut requests = self.requests.clone().ready().await.map_err(failed)?;
            let (answer, _) = requests.send_request(request, true).map_err(failed)?;
            Ok(answer.await.map_err(failed)?.status().as_u16())
        })
    }

    /// The failure of a method if the message never comes.
    pub(crate) fn call_without_an_end(&mut self, method: &str) -> Result<Bytes, String> {
        self.runtime.block_on(called(&self.requests, method, None))
    }

    /// The message that a method answers a message with, or what it says that it failed with.
    pub(crate) fn call(&mut self, method: &str, message: &[u8]) -> Result<Bytes, String> {
        self.runtime
            .block_on(called(&self.requests, method, Some(message)))
    }
}

async fn spoken(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> SendRequest<Bytes> {
    let (requests, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    requests
}

/// A message as gRPC sends it: not compressed, and how long it is.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(message.len().try_into().unwrap());
    framed.put_slice(message);
    framed.freeze()
}

async fn called(
    requests: &SendRequest<Bytes>,
    method: &str,
    message: Option<&[u8]>,
) -> Result<Bytes, String> {
    let failed = |error: h2::Error| error.to_string();
    let request = axum::http::Request::post(method)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let mut requests = requests.clone().ready().await.map_err(failed)?;
    let (answer, mut stream) = requests.send_request(request, false).map_err(failed)?;
    if let Some(message) = message {
        // One that is refused before it has all arrived is answered all the same.
        let _ = stream.send_data(framed(message), true);
    }
    let (head, mut body) = answer.await.map_err(failed)?.into_parts();
    assert_eq!(head.status, 200);
    assert_eq!(head.headers["content-type"], "application/grpc");
    let mut bytes = BytesMut::new();
    while let Some(part) = body.data().await {
        let part = part.map_err(failed)?;
        body.flow_control().release_capacity(part.len()).unwrap();
        bytes.extend_from_slice(&part);
    }
    let trailers = body.trailers().await.map_err(failed)?;
    let trailers = trailers.unwrap_or(head.headers);
    if trailers["grpc-status"] != "0" {
        return Err(format!("{trailers:?}"));
    }
    let bytes = bytes.freeze();
    let length = u32::from_be_bytes(bytes[1..5].try_into().unwrap());
    assert_eq!((bytes[0], length as usize), (0, bytes.len() - 5));
    Ok(bytes.slice(5..))
}

impl Verdict {
    /// As Envoy reads it: the code of the status decides, and the rest has to fit it.
    fn of(response: CheckResponse) -> Self {
        let allowed = response.status.unwrap().code == 0;
        let (status, headers, body) = match response.http_response.unwrap() {
            HttpResponse::OkResponse(ok) => {
                assert!(allowed);
                (200, ok.headers, String::new())
            }
            HttpResponse::DeniedResponse(denied) => {
                assert!(!allowed);
                (denied.status.unwrap().code, denied.headers, denied.body)
            }
        };
        let headers = headers.into_iter().map(|option| {
            // The client's own header of that name is removed, also where there is no value for it.
            let overwrite = i32::from(HeaderAppendAction::OverwriteIfExistsOrAdd);
            assert_eq!(
                (option.append_action, option.keep_empty_value),
                (overwrite, true)
            );
            let header = option.header.unwrap();
            (header.key, header.value)
        });
        Self {
            status: u16::try_from(status).unwrap(),
            headers: headers.collect(),
            body,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    #[track_caller]
    pub(crate) fn is_subject(&self, subject: &str) {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.header("x-authz-subject"), Some(subject));
        for name in [
            "x-authz-subject-type",
            "x-authz-resource",
            "x-authz-plan",
            "x-authz-plan-id",
            "x-authz-obligations",
            "x-authz-decision-id",
        ] {
            assert!(self.header(name).is_some(), "{name}: {self:?}");
        }
    }

    #[track_caller]
    pub(crate) fn is_denied(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.header("x-authz-code")),
            (status, Some(code)),
            "{self:?}"
        );
        let body: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(body["code"], code);
        assert_eq!(
            body["decisionId"].as_str(),
            self.header("x-authz-decision-id")
        );
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(self.header("www-authenticate").is_some(), status == 401);
    }
}
