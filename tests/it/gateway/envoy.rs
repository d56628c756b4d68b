//! A client of Envoy's gRPC, made of Envoy's own types.

use std::collections::HashMap;

use envoy_types::ext_authz::v3::pb::{
    CheckRequest, CheckResponse, HeaderAppendAction, HttpResponse,
};
use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::AttributeContext;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use serde_json::Value;
use tokio::runtime::Runtime;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

/// One connection.
pub(super) struct Envoy {
    runtime: Runtime,
    client: AuthorizationClient<Channel>,
}

/// Envoy's use of an answer: the request goes on with these headers, or its client gets this.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) status: u16,
    pub(super) headers: HashMap<String, String>,
    pub(super) body: String,
}

/// `GET` as Envoy tells of it.
pub(super) fn get(path: &str, headers: &[(&str, &str)]) -> HttpRequest {
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
pub(super) fn raw(mut request: HttpRequest, headers: &[(&str, &[u8])]) -> HttpRequest {
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
    pub(super) fn connect(address: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let url = if address.starts_with("unix:") {
            address.to_owned()
        } else {
            format!("http://{address}")
        };
        let channel = runtime
            .block_on(Endpoint::from_shared(url).unwrap().connect())
            .unwrap();
        Self {
            runtime,
            client: AuthorizationClient::new(channel),
        }
    }

    pub(super) fn check(&mut self, http: HttpRequest, principal: &str) -> Verdict {
        let source = Peer {
            principal: principal.to_owned(),
            ..Peer::default()
        };
        let attributes = AttributeContext {
            source: Some(source),
            request: Some(Request {
                http: Some(http),
                ..Request::default()
            }),
            ..AttributeContext::default()
        };
        let request = CheckRequest {
            attributes: Some(attributes),
        };
        Verdict::of(self.send(request).unwrap())
    }

    pub(super) fn send(&mut self, request: CheckRequest) -> Result<CheckResponse, Status> {
        let answer = self.runtime.block_on(self.client.check(request));
        answer.map(tonic::Response::into_inner)
    }
}

impl Verdict {
    /// As Envoy reads it: the code of the status decides, and the rest has to fit it.
    fn of(response: CheckResponse) -> Self {
        let allowed = response.status.unwrap().code == 0;
        let (status, headers, body) = match response.http_response.unwrap() {
            HttpResponse::OkResponse(ok) => {
                assert!(allowed);
                assert!(ok.headers_to_remove.is_empty() && ok.response_headers_to_add.is_empty());
                (200, ok.headers, String::new())
            }
            HttpResponse::DeniedResponse(denied) => {
                assert!(!allowed);
                (denied.status.unwrap().code, denied.headers, denied.body)
            }
            other => panic!("{other:?}"),
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

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    #[track_caller]
    pub(super) fn is_subject(&self, subject: &str) {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.header("x-authz-subject"), Some(subject));
        for name in [
            "x-authz-subject-type",
            "x-authz-obligations",
            "x-authz-decision-id",
        ] {
            assert!(self.header(name).is_some(), "{name}: {self:?}");
        }
    }

    #[track_caller]
    pub(super) fn is_denied(&self, status: u16, code: &str) {
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
