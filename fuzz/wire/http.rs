//! Requests of HTTP/1.1, several at once on a connection that is kept open.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use axum::http::StatusCode;

use super::{ENDPOINTS, Run};
use crate::mutation::Mutator;
use crate::server::judged;

/// The longest that an answer may take.
const LONG: Duration = Duration::from_secs(60);

/// Requests that are sent before the answer to the first is read.
const AT_ONCE: usize = 16;

/// Paths that bodies are sent to, with the corpus of each and the operation of Amazon's.
const POSTED: [(&str, &str, &str); 12] = [
    ("native", "/v1/is_authorized", ""),
    ("batch", "/v1/batch_is_authorized", ""),
    ("search", "/v1/search", ""),
    ("plan", "/v1/plan", ""),
    ("cerbos", "/api/plan/resources", ""),
    ("evaluation", "/access/v1/evaluation", ""),
    ("evaluations", "/access/v1/evaluations", ""),
    ("evaluation", "/access/v1/search/subject", ""),
    ("evaluation", "/access/v1/search/resource", ""),
    ("evaluation", "/access/v1/search/action", ""),
    ("avp", "/", "BatchIsAuthorized"),
    ("native", "/", "IsAuthorized"),
];

/// A request, and what it is judged by.
struct Sent {
    bytes: Vec<u8>,
    /// The path and the body of a question; none of a request at a gateway.
    question: Option<(&'static str, Vec<u8>)>,
}

struct Corpora {
    posted: Vec<Vec<Vec<u8>>>,
    requests: Vec<Vec<u8>>,
    tokens: Vec<Vec<u8>>,
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

/// Sends requests until it is over.
pub(super) fn send(run: &Run, number: u64) {
    let mut mutator = Mutator::new(run.seed * 1000 + number);
    let corpora = Corpora {
        posted: POSTED.map(|(corpus, ..)| crate::corpus(corpus)).to_vec(),
        requests: crate::corpus("request"),
        tokens: crate::corpus("token"),
    };
    let mut connection = None;
    while !run.is_over() {
        if mutator.below(8) == 0 {
            broken(run, &mut mutator, &corpora);
            continue;
        }
        let sent: Vec<Sent> = (0..AT_ONCE)
            .map(|_| request(&mut mutator, &corpora))
            .collect();
        let stream = connection
            .take()
            .unwrap_or_else(|| BufReader::new(connected(&run.address)));
        connection = exchange(run, stream, &sent);
    }
}

fn connected(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// Sends requests and reads their answers. Returns the connection if it stays open.
fn exchange(
    run: &Run,
    mut stream: BufReader<TcpStream>,
    sent: &[Sent],
) -> Option<BufReader<TcpStream>> {
    let bytes: Vec<u8> = sent.iter().flat_map(|sent| sent.bytes.clone()).collect();
    // One who has closed it has answered before.
    let _ = stream.get_mut().write_all(&bytes);
    for sent in sent {
        let answer = match answer(&mut stream) {
            Ok(Some(answer)) => answer,
            // Closed, after an answer that said so.
            Ok(None) => return None,
            Err(error) => {
                let text = String::from_utf8_lossy(&sent.bytes);
                run.found(format!("{error} after\n{text}"));
                return None;
            }
        };
        run.answered(1);
        if let Err(problem) = judge(sent, &answer) {
            let text = String::from_utf8_lossy(&sent.bytes);
            run.found(format!("{problem} after\n{text}"));
        }
        if answer.head.contains("\r\nconnection: close") {
            return None;
        }
    }
    Some(stream)
}

/// Sends bytes that need not be a request, alone, and reads whatever is answered.
fn broken(run: &Run, mutator: &mut Mutator, corpora: &Corpora) {
    let (bytes, other) = (
        request(mutator, corpora).bytes,
        request(mutator, corpora).bytes,
    );
    let mut bytes = mutator.bytes(bytes, &other);
    if mutator.below(2) == 0 {
        bytes = mutator.bytes(bytes, &other);
    }
    let mut stream = connected(&run.address);
    let _ = stream.write_all(&bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut text = Vec::new();
    match stream.read_to_end(&mut text) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => {
            let sent = String::from_utf8_lossy(&bytes);
            run.found(format!("{error} after\n{sent}"));
        }
    }
    run.answered(1);
    let is_fault = |status: &[u8]| text.starts_with(&[&b"HTTP/1.1 "[..], status].concat());
    if is_fault(b"500") || is_fault(b"502") || is_fault(b"504") {
        let (sent, text) = (
            String::from_utf8_lossy(&bytes),
            String::from_utf8_lossy(&text),
        );
        run.found(format!("{text} after\n{sent}"));
    }
}

fn judge(sent: &Sent, answer: &Answer) -> Result<(), String> {
    let problem = || {
        let body = String::from_utf8_lossy(&answer.body);
        format!("{} {body}", answer.head.trim_end())
    };
    if answer.status >= 500 {
        // The answer when more is asked than can be answered.
        let is_overload = answer.status == 503 && answer.head.contains("\r\nretry-after: ");
        return is_overload.then_some(()).ok_or_else(problem);
    }
    let Some((path, body)) = &sent.question else {
        // A gateway names nobody, who may do nothing.
        return match answer.head.contains("\r\nx-authz-subject: nobody") {
            true => Err(problem()),
            false => Ok(()),
        };
    };
    let pieces = [
        &b"llow"[..],
        b"LLOW",
        b"true",
        b"results",
        b"always",
        b"onditional",
        b"ONDITIONAL",
    ];
    let may_allow = pieces.iter().any(|piece| {
        let mut windows = answer.body.windows(piece.len());
        windows.any(|window| window == *piece)
    });
    if !may_allow {
        return Ok(());
    }
    let status = StatusCode::from_u16(answer.status).unwrap();
    judged(path, body, status, &answer.body).map(drop)
}

fn answer(stream: &mut BufReader<TcpStream>) -> Result<Option<Answer>, String> {
    let mut head = String::new();
    loop {
        let before = head.len();
        match stream.read_line(&mut head) {
            Ok(0) if head.is_empty() => return Ok(None),
            Ok(0) => return Err("it closes in the middle of a head".to_owned()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(None),
            Err(error) => return Err(error.to_string()),
            Ok(_) => {}
        }
        if head.get(before..) == Some("\r\n") {
            break;
        }
    }
    head.make_ascii_lowercase();
    let status = head.get(9..12).and_then(|status| status.parse().ok());
    let status: u16 = status.ok_or_else(|| format!("no status: {head}"))?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream
        .read_exact(&mut body)
        .map_err(|error| error.to_string())?;
    Ok(Some(Answer { status, head, body }))
}

fn request(mutator: &mut Mutator, corpora: &Corpora) -> Sent {
    if mutator.below(3) == 0 {
        return at_gateway(mutator, corpora);
    }
    let chosen = mutator.below(POSTED.len());
    let (_, path, operation) = POSTED[chosen];
    let body = mutator.mutated(&corpora.posted[chosen]);
    let target = match operation {
        "" => String::new(),
        operation => format!("x-amz-target: VerifiedPermissions.{operation}\r\n"),
    };
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{target}content-length: {}\r\n\r\n",
        body.len()
    );
    Sent {
        bytes: [head.as_bytes(), &body].concat(),
        question: Some((path, body)),
    }
}

/// A request that is asked about, as its gateway tells of it.
fn at_gateway(mutator: &mut Mutator, corpora: &Corpora) -> Sent {
    let input = mutator.mutated(&corpora.requests);
    let text = String::from_utf8_lossy(&input).into_owned();
    let mut parts = text.splitn(3, '\n');
    let mut next = || parts.next().unwrap_or_default().to_owned();
    let (method, target, body) = (told(&next()), told(&next()), next());
    let name = ENDPOINTS[mutator.below(ENDPOINTS.len())];
    let token = match mutator.below(4) {
        0 => format!(
            "authorization: Bearer {}\r\n",
            told(&String::from_utf8_lossy(&mutator.mutated(&corpora.tokens)))
        ),
        _ => String::new(),
    };
    let behind: String = match name {
        "envoy" => target.chars().filter(|it| it.is_ascii_graphic()).collect(),
        _ => String::new(),
    };
    let own = match (name, method.as_str()) {
        ("envoy", "PUT" | "POST" | "DELETE" | "PATCH" | "OPTIONS") => method.clone(),
        _ => "GET".to_owned(),
    };
    let head = format!(
        "{own} /authz/{name}{behind} HTTP/1.1\r\nhost: a\r\nx-user: nobody\r\ncontent-type: application/json\r\n\
         x-original-method: {method}\r\nx-original-uri: {target}\r\nx-original-url: http://a{target}\r\n\
         x-forwarded-method: {method}\r\nx-forwarded-uri: {target}\r\n{token}content-length: {}\r\n\r\n",
        body.len()
    );
    Sent {
        bytes: [head.as_bytes(), body.as_bytes()].concat(),
        question: None,
    }
}

/// A text as the value of a header, which ends with a line and is not too long.
fn told(text: &str) -> String {
    let visible = text.chars().filter(|it| !it.is_control());
    visible.take(2000).collect()
}
