//! The collector of the settings: how it is connected to, and how a message to it begins.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TE, USER_AGENT};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{HeaderMap, Method, Request, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::error::CollectorError;
use super::signal::Signal;
use crate::config::{OtlpProtocol, OtlpSettings, pairs};
use crate::telemetry::client_tls::{bare_host, client_tls};
use peppol_authz_engine::file::read_text_once;

/// The variable with headers, `key=value,key=value`, where no file has them.
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";

/// A collector.
pub(super) struct CollectorTarget {
    pub(super) protocol: OtlpProtocol,
    scheme: Scheme,
    pub(super) authority: Authority,
    /// The part before the paths, without a slash at its end.
    path: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    headers_file: Option<PathBuf>,
    pub(super) timeout: Duration,
}

/// A connection to it.
pub(super) enum Connection {
    Http(http1::SendRequest<Full<Bytes>>),
    Grpc(http2::SendRequest<Full<Bytes>>),
}

impl CollectorTarget {
    /// The collector of the settings; `None` where they name none.
    ///
    /// # Errors
    /// A URL, certificates or headers that cannot be used.
    pub(super) fn new(settings: &OtlpSettings) -> Result<Option<Self>, CollectorError> {
        let Some(url) = &settings.endpoint else {
            return Ok(None);
        };
        let wrong = |problem: &dyn fmt::Display| {
            CollectorError::Setting(format!("`otlp.endpoint`: {problem}"))
        };
        let uri: Uri = url.as_str().parse().map_err(|error| wrong(&error))?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(wrong(&"it has no host"));
        };
        let tls = match url.is_plain() {
            true => None,
            false => {
                let protocol: &[u8] = match settings.protocol {
                    OtlpProtocol::Grpc => b"h2",
                    OtlpProtocol::Http => b"http/1.1",
                };
                let client = client_tls(settings.ca_certificate.as_deref(), Some(protocol));
                let client = client.map_err(|problem| {
                    CollectorError::Setting(format!("`otlp.ca_certificate`: {problem}"))
                })?;
                let name = ServerName::try_from(bare_host(authority.host()).to_owned());
                let name = name.map_err(|error| wrong(&error))?;
                Some((TlsConnector::from(Arc::new(client)), name))
            }
        };
        let path = parts.path_and_query.as_ref().map_or("", PathAndQuery::path);
        let target = Self {
            protocol: settings.protocol,
            scheme,
            authority,
            path: path.trim_end_matches('/').to_owned(),
            tls,
            headers_file: settings.headers_file.clone(),
            timeout: settings.timeout,
        };
        // A fault is known at the start, and not when something is lost.
        target.headers()?;
        Ok(Some(target))
    }

    /// A request with a message.
    ///
    /// # Errors
    /// Headers that cannot be used any more.
    pub(super) fn request(
        &self,
        signal: Signal,
        message: &[u8],
    ) -> Result<Request<Full<Bytes>>, CollectorError> {
        let path = signal.path(self.protocol);
        let mut headers = self.headers()?;
        let agent = concat!("peppol-authz/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        let (kind, target, body) = match self.protocol {
            OtlpProtocol::Http => {
                let host = HeaderValue::from_str(self.authority.as_str());
                let host = host.map_err(|error| CollectorError::Setting(error.to_string()))?;
                headers.insert(HOST, host);
                let target = format!("{}{path}", self.path);
                let body = Bytes::copy_from_slice(message);
                headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
                ("application/x-protobuf", target, body)
            }
            OtlpProtocol::Grpc => {
                headers.insert(TE, HeaderValue::from_static("trailers"));
                let target = format!("{}://{}{path}", self.scheme, self.authority);
                ("application/grpc", target, framed(message)?)
            }
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let mut request = Request::new(Full::new(body));
        let target: Result<Uri, _> = target.parse();
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target.map_err(|error| CollectorError::Setting(error.to_string()))?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Connects to it.
    ///
    /// # Errors
    /// A collector that cannot be reached, or another one.
    pub(super) async fn connect(&self) -> Result<Connection, CollectorError> {
        let host = bare_host(self.authority.host());
        let default = if self.scheme == Scheme::HTTPS {
            443
        } else {
            80
        };
        let port = self.authority.port_u16().unwrap_or(default);
        let stream = TcpStream::connect((host, port)).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        match &self.tls {
            None => self.shaken(stream).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await;
                self.shaken(stream.map_err(failed)?).await
            }
        }
    }

    async fn shaken<S>(&self, stream: S) -> Result<Connection, CollectorError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(stream);
        Ok(match self.protocol {
            OtlpProtocol::Http => {
                let (sender, connection) = http1::handshake(io).await.map_err(failed)?;
                // Its errors are those of the requests over it.
                tokio::spawn(async move { drop(connection.await) });
                Connection::Http(sender)
            }
            OtlpProtocol::Grpc => {
                let executor = TokioExecutor::new();
                let (sender, connection) = http2::handshake(executor, io).await.map_err(failed)?;
                tokio::spawn(async move { drop(connection.await) });
                Connection::Grpc(sender)
            }
        })
    }

    /// The headers of the settings, as they are now.
    fn headers(&self) -> Result<HeaderMap, CollectorError> {
        match &self.headers_file {
            Some(path) => {
                let text = read_text_once(path).map_err(|error| error.to_string());
                let headers = text.and_then(|text| headers_of_lines(&text));
                headers.map_err(|problem| {
                    let path = path.display();
                    CollectorError::Setting(format!("`otlp.headers_file`: `{path}`: {problem}"))
                })
            }
            None => {
                let text = std::env::var(HEADERS).unwrap_or_default();
                let all = pairs(&text).ok_or("expected `key=value,key=value`".to_owned());
                let headers = all.and_then(|all| {
                    let all = all.iter().map(|(name, value)| (&**name, &**value));
                    headers(all)
                });
                headers
                    .map_err(|problem| CollectorError::Setting(format!("`{HEADERS}`: {problem}")))
            }
        }
    }
}

impl Connection {
    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Http(sender) => sender.is_closed(),
            Self::Grpc(sender) => sender.is_closed(),
        }
    }
}

fn failed(error: impl fmt::Display) -> CollectorError {
    CollectorError::Connection(error.to_string())
}

/// A message as gRPC has it: not compressed, and how long it is.
fn framed(message: &[u8]) -> Result<Bytes, CollectorError> {
    let length = u32::try_from(message.len());
    let length = length.map_err(|error| CollectorError::Refused(error.to_string()))?;
    let mut body = BytesMut::with_capacity(message.len() + 5);
    body.put_u8(0);
    body.put_u32(length);
    body.put_slice(message);
    Ok(body.freeze())
}

/// The headers of a text, one in a line. Their values, which may be secrets, are in no error.
fn headers_of_lines(text: &str) -> Result<HeaderMap, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut all = Vec::new();
    for (number, line) in lines.enumerate() {
        let (name, value) = line.split_once(':').ok_or_else(|| {
            format!(
                "line {} is no header, as `authorization: Bearer …`",
                number + 1
            )
        })?;
        all.push((name.trim(), value.trim()));
    }
    headers(all.into_iter())
}

fn headers<'h>(all: impl Iterator<Item = (&'h str, &'h str)>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in all {
        let known: HeaderName = name
            .parse()
            .map_err(|_| format!("`{name}` is no header's name"))?;
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| format!("the value of `{name}` is none of a header"))?;
        value.set_sensitive(true);
        headers.append(known, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_lines_and_faults_do_not_show_them() {
        let text = "authorization: Bearer abc:d\n\n x-tenant : one \r\n";
        let found = headers_of_lines(text).unwrap();
        assert_eq!(found["authorization"], "Bearer abc:d");
        assert_eq!(found["x-tenant"], "one");
        assert!(headers_of_lines("").unwrap().is_empty());
        for text in ["secret", "a b: secret", "a: secret\u{7f}"] {
            let fault = headers_of_lines(text).unwrap_err();
            assert!(!fault.contains("secret"), "{fault}");
        }
    }

    #[test]
    fn a_message_of_grpc_begins_with_its_length() {
        assert_eq!(&framed(b"abc").unwrap()[..], b"\0\0\0\0\x03abc");
    }
}
