//! A collector that takes OTLP over HTTP, and does what a test tells it to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use peppol_authz_server::telemetry::messages::logs::{ExportLogs, LogRecord};
use peppol_authz_server::telemetry::messages::metrics::{ExportMetrics, Metric};
use peppol_authz_server::telemetry::messages::traces::{ExportTraces, Span};
use peppol_authz_server::telemetry::messages::{ArrayValue, KeyValue, Resource, Value};
use prost::Message;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::eventually::eventually;

/// A collector.
pub(crate) struct Collector {
    address: SocketAddr,
    state: Arc<Mutex<CollectorState>>,
    is_secure: bool,
}

#[derive(Default)]
struct CollectorState {
    /// Messages that were taken, with the path and the head of each.
    taken: Vec<(String, String, Vec<u8>)>,
    /// The status of answers, where it is not 200.
    status: Option<u16>,
    asked: usize,
}

impl Collector {
    pub(crate) fn start() -> Self {
        Self::start_with(None)
    }

    /// The same over TLS.
    pub(crate) fn start_with(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(CollectorState::default()));
        let (shared, is_secure) = (Arc::clone(&state), tls.is_some());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (state, tls) = (Arc::clone(&shared), tls.clone());
                std::thread::spawn(move || match tls {
                    None => serve(&state, stream),
                    Some(config) => {
                        let tls = ServerConnection::new(config).unwrap();
                        serve(&state, StreamOwned::new(tls, stream));
                    }
                });
            }
        });
        Self {
            address,
            state,
            is_secure,
        }
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Answers with a status from now on.
    pub(crate) fn answers(&self, status: u16) {
        self.state.lock().unwrap().status = (status != 200).then_some(status);
    }

    /// How often it was asked, whatever it answered.
    pub(crate) fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }

    /// The messages that were taken at a path.
    pub(crate) fn messages(&self, path: &str) -> Vec<Vec<u8>> {
        let state = self.state.lock().unwrap();
        let taken = state.taken.iter().filter(|(at, ..)| at == path);
        taken.map(|(.., message)| message.clone()).collect()
    }

    /// The head of the last message.
    pub(crate) fn head(&self) -> String {
        let state = self.state.lock().unwrap();
        state.taken.last().unwrap().1.clone()
    }

    /// All spans so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let messages = self.messages("/v1/traces").into_iter();
        let messages = messages.map(|message| ExportTraces::decode(&*message).unwrap());
        let resources = messages.flat_map(|message| message.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    /// All records of logs so far, with the names of their scopes.
    pub(crate) fn records(&self) -> Vec<(String, LogRecord)> {
        let messages = self.messages("/v1/logs").into_iter();
        let messages = messages.map(|message| ExportLogs::decode(&*message).unwrap());
        let resources = messages.flat_map(|message| message.resource_logs);
        let scopes = resources.flat_map(|resource| resource.scope_logs);
        let records = scopes.flat_map(|scope| {
            let name = scope.scope.unwrap().name;
            let named = move |record| (name.clone(), record);
            scope.log_records.into_iter().map(named)
        });
        records.collect()
    }

    /// The metrics of the last message, and whose they are.
    pub(crate) fn metrics(&self) -> Option<(Resource, Vec<Metric>)> {
        let message = self.messages("/v1/metrics").pop()?;
        let mut message = ExportMetrics::decode(&*message).unwrap();
        let mut resource = message.resource_metrics.pop()?;
        let metrics = resource.scope_metrics.pop()?.metrics;
        Some((resource.resource?, metrics))
    }

    /// Waits for the span of a request by its name, of a trace that is not among `before`; returns it with those below.
    #[track_caller]
    pub(crate) fn request(&self, name: &str) -> (Span, Vec<Span>) {
        eventually(&format!("the span `{name}` is there"), || {
            let spans = self.spans();
            let found = spans.iter().rfind(|span| span.name == name);
            let found = found.ok_or_else(|| format!("{spans:#?}"))?.clone();
            let below = spans
                .into_iter()
                .filter(|span| span.parent_span_id == found.span_id)
                .collect();
            Ok::<_, String>((found, below))
        })
    }
}

/// The texts of an attribute; none where it is not there.
pub(crate) fn texts(attributes: &[KeyValue], key: &str) -> Vec<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    let value = found.and_then(|found| found.value.clone()?.value);
    let text = |value: Value| match value {
        Value::Text(text) => text,
        Value::Int(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        other => panic!("{other:?}"),
    };
    match value {
        None => Vec::new(),
        Some(Value::Array(ArrayValue { values })) => {
            let values = values.into_iter().map(|value| value.value.unwrap());
            values.map(text).collect()
        }
        Some(value) => vec![text(value)],
    }
}

/// The one text of an attribute.
#[track_caller]
pub(crate) fn text(attributes: &[KeyValue], key: &str) -> String {
    let mut texts = texts(attributes, key);
    assert_eq!(texts.len(), 1, "{key}: {attributes:#?}");
    texts.remove(0)
}

fn serve(state: &Mutex<CollectorState>, stream: impl Read + Write) {
    let mut stream = BufReader::new(stream);
    while serve_one(state, &mut stream).is_some() {}
}

fn serve_one<S: Read + Write>(
    state: &Mutex<CollectorState>,
    stream: &mut BufReader<S>,
) -> Option<()> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let lower = head.to_ascii_lowercase();
    let length = lower.split_once("content-length: ")?.1;
    let mut message = vec![0; length.split_once("\r\n")?.0.parse().ok()?];
    stream.read_exact(&mut message).ok()?;
    let path = head.split(' ').nth(1)?.to_owned();
    let status = {
        let mut state = state.lock().unwrap();
        state.asked += 1;
        if state.status.is_none() {
            state.taken.push((path, lower, message));
        }
        state.status.unwrap_or(200)
    };
    let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
    let stream = stream.get_mut();
    stream.write_all(answer.as_bytes()).ok()?;
    stream.flush().ok()
}

/// An address where nobody listens.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert!(TcpStream::connect(address).is_err());
    format!("http://{address}")
}
