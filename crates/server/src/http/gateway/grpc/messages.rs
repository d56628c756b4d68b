//! Envoy's messages of `ext_authz`, in so far as they are read or written here, and gRPC's of health.
//!
//! The definitions, whose names and numbers of fields these are, are Envoy's and gRPC's: a file of
//! each package that a message's doc names. A field that is not here is skipped where it comes, as protobuf wants
//! it, and is not sent.

use std::collections::HashMap;

/// `envoy.service.auth.v3.CheckRequest`: what Envoy asks.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CheckRequest {
    /// The attributes of the request.
    #[prost(message, optional, tag = "1")]
    pub attributes: Option<AttributeContext>,
}

/// `envoy.service.auth.v3.AttributeContext`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AttributeContext {
    /// The peer that has connected to Envoy.
    #[prost(message, optional, tag = "1")]
    pub source: Option<Peer>,
    /// The request.
    #[prost(message, optional, tag = "4")]
    pub request: Option<Request>,
}

/// `envoy.service.auth.v3.AttributeContext.Peer`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Peer {
    /// Whom its certificate names: a URI, a DNS name or the subject.
    #[prost(string, tag = "4")]
    pub principal: String,
}

/// `envoy.service.auth.v3.AttributeContext.Request`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Request {
    /// It as HTTP has it.
    #[prost(message, optional, tag = "2")]
    pub http: Option<HttpRequest>,
}

/// `envoy.service.auth.v3.AttributeContext.HttpRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HttpRequest {
    /// Its method.
    #[prost(string, tag = "2")]
    pub method: String,
    /// Its headers, where several of a name are joined by commas.
    #[prost(map = "string, string", tag = "3")]
    pub headers: HashMap<String, String>,
    /// Its path and query.
    #[prost(string, tag = "4")]
    pub path: String,
    /// How long its body is; -1 where that is not known.
    #[prost(int64, tag = "9")]
    pub size: i64,
    /// Its body, or the beginning of it, where that is UTF-8.
    #[prost(string, tag = "11")]
    pub body: String,
    /// The same in place of it, if Envoy is told so.
    #[prost(bytes = "vec", tag = "12")]
    pub raw_body: Vec<u8>,
    /// The headers one by one in place of those that are joined, if Envoy is told so.
    #[prost(message, optional, tag = "13")]
    pub header_map: Option<HeaderMap>,
}

/// `envoy.config.core.v3.HeaderMap`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HeaderMap {
    /// In the order in which they came.
    #[prost(message, repeated, tag = "1")]
    pub headers: Vec<HeaderValue>,
}

/// `envoy.config.core.v3.HeaderValue`: a header with its name.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HeaderValue {
    /// Its name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Its value, where that is UTF-8.
    #[prost(string, tag = "2")]
    pub value: String,
    /// The same in place of it.
    #[prost(bytes = "vec", tag = "3")]
    pub raw_value: Vec<u8>,
}

/// `envoy.service.auth.v3.CheckResponse`: what Envoy is told.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CheckResponse {
    /// `OK` lets the request through.
    #[prost(message, optional, tag = "1")]
    pub status: Option<Status>,
    /// With what.
    #[prost(oneof = "HttpResponse", tags = "2, 3")]
    pub http_response: Option<HttpResponse>,
}

/// One of `envoy.service.auth.v3.CheckResponse.http_response`.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum HttpResponse {
    /// The client gets this.
    #[prost(message, tag = "2")]
    DeniedResponse(DeniedHttpResponse),
    /// The request goes on with this.
    #[prost(message, tag = "3")]
    OkResponse(OkHttpResponse),
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Status {
    /// A code of gRPC's; zero lets through.
    #[prost(int32, tag = "1")]
    pub code: i32,
}

/// `envoy.service.auth.v3.DeniedHttpResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeniedHttpResponse {
    /// Its status.
    #[prost(message, optional, tag = "1")]
    pub status: Option<HttpStatus>,
    /// Its headers.
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<HeaderValueOption>,
    /// Its body.
    #[prost(string, tag = "3")]
    pub body: String,
}

/// `envoy.type.v3.HttpStatus`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HttpStatus {
    /// One of those that `envoy.type.v3.StatusCode` names, by its number.
    #[prost(int32, tag = "1")]
    pub code: i32,
}

/// `envoy.service.auth.v3.OkHttpResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OkHttpResponse {
    /// Headers that the request gets.
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<HeaderValueOption>,
}

/// `envoy.config.core.v3.HeaderValueOption`: a header to be put into others.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HeaderValueOption {
    /// The header.
    #[prost(message, optional, tag = "1")]
    pub header: Option<HeaderValue>,
    /// How it is put there.
    #[prost(enumeration = "HeaderAppendAction", tag = "3")]
    pub append_action: i32,
    /// True if the header is set even if its value is empty.
    #[prost(bool, tag = "4")]
    pub keep_empty_value: bool,
}

/// `envoy.config.core.v3.HeaderValueOption.HeaderAppendAction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum HeaderAppendAction {
    /// Beside others of its name.
    AppendIfExistsOrAdd = 0,
    /// Where there is none of its name.
    AddIfAbsent = 1,
    /// In place of any of its name.
    OverwriteIfExistsOrAdd = 2,
    /// In place of any of its name, where there is one.
    OverwriteIfExists = 3,
}

/// `grpc.health.v1.HealthCheckRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HealthCheckRequest {
    /// The service that is asked for; empty for the whole server.
    #[prost(string, tag = "1")]
    pub service: String,
}

/// `grpc.health.v1.HealthCheckResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HealthCheckResponse {
    /// If requests should be sent.
    #[prost(enumeration = "ServingStatus", tag = "1")]
    pub status: i32,
}

/// `grpc.health.v1.HealthCheckResponse.ServingStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum ServingStatus {
    /// Not known.
    Unknown = 0,
    /// They should.
    Serving = 1,
    /// They should not.
    NotServing = 2,
}
