//! Clients that send their whole request before they read: they see the answer.

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;

use crate::connection::{Connection, head};
use crate::sidecar::Start;

const MEBIBYTE: usize = 1 << 20;

/// Writes a request whole, whatever is answered meanwhile, and then reads.
#[track_caller]
fn answered(connection: &mut Connection, head: &str, body: usize, status: u16) {
    let length = format!("content-length: {body}\r\n\r\n");
    let piece = vec![b' '; 64 << 10];
    assert!(connection.try_write(format!("{head}{length}")));
    let mut left = body;
    while left > 0 {
        let now = left.min(piece.len());
        assert!(
            connection.try_write(&piece[..now]),
            "reset, {left} bytes before the end"
        );
        left -= now;
    }
    let reply = connection.reply();
    assert_eq!(reply.status, status, "{}", reply.text);
    connection.is_closed();
}

#[test]
fn a_refusal_is_seen_by_who_is_still_sending() {
    let sidecar = Start::quickstart().start();
    for body in [MEBIBYTE + 1, 4 * MEBIBYTE, 32 * MEBIBYTE] {
        answered(&mut Connection::open(&sidecar), head(), body, 413);
    }
    // Each refusal by the head alone is one of the kind.
    let wrong = "POST /access/v1/evaluation HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\n";
    let nowhere = "POST /nowhere HTTP/1.1\r\nhost: a\r\n";
    let get = "PUT /v1/is_authorized HTTP/1.1\r\nhost: a\r\n";
    for (head, status) in [(wrong, 400), (nowhere, 404), (get, 405)] {
        answered(&mut Connection::open(&sidecar), head, 8 * MEBIBYTE, status);
    }
}

/// hyper's client reads while it sends; it sees the answer whether its body has a length, comes in chunks, or
/// waits to be asked for.
#[test]
fn hypers_client_sees_a_refusal() {
    let sidecar = Start::quickstart().start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for body in [MEBIBYTE + 1, 8 * MEBIBYTE, 32 * MEBIBYTE] {
        for (is_chunked, expect) in [(false, None), (true, None), (false, Some("100-continue"))] {
            let asked = asked_by_hyper(&sidecar.address, body, is_chunked, expect);
            let (status, text) = runtime.block_on(asked);
            assert_eq!(status, 413, "{body} {is_chunked} {expect:?}: {text}");
            assert!(text.contains("BODY_TOO_LARGE"), "{text}");
        }
    }
}

async fn asked_by_hyper(
    address: &str,
    body: usize,
    is_chunked: bool,
    expect: Option<&str>,
) -> (u16, String) {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut requests, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut request = hyper::Request::post("/v1/is_authorized")
        .header("host", "a")
        .header("content-type", "application/json");
    if !is_chunked {
        request = request.header("content-length", body);
    }
    if let Some(expect) = expect {
        request = request.header("expect", expect);
    }
    let piece = Bytes::from(vec![b' '; 64 << 10]);
    let pieces = (0..body).step_by(piece.len()).map(move |sent| {
        let piece = piece.slice(..piece.len().min(body - sent));
        Ok::<_, std::convert::Infallible>(Frame::data(piece))
    });
    let body = StreamBody::new(futures_util::stream::iter(pieces));
    let answer = requests.send_request(request.body(body).unwrap()).await;
    let answer = answer.unwrap();
    let status = answer.status().as_u16();
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    drop(requests);
    // The rest of its body may have found nobody.
    let _ = connection.await;
    (status, String::from_utf8(text.to_vec()).unwrap())
}

/// A client that waits for `100 Continue` sends nothing, and gets the answer at once.
#[test]
fn who_asks_before_sending_is_refused_before_sending() {
    let sidecar = Start::quickstart().start();
    let mut connection = Connection::open(&sidecar);
    let length = 4 * MEBIBYTE;
    connection.write(format!(
        "{}expect: 100-continue\r\ncontent-length: {length}\r\n\r\n",
        head()
    ));
    assert_eq!(connection.reply().status, 413);
    connection.is_closed();
}

/// It listens for a while, and not for ever.
#[test]
fn who_sends_without_end_is_cut_off() {
    let sidecar = Start::quickstart().start();
    let mut connection = Connection::open(&sidecar);
    connection.write(format!("{}content-length: 1000000000000\r\n\r\n", head()));
    let piece = vec![b' '; MEBIBYTE];
    let sent = (0..1024)
        .take_while(|_| connection.try_write(&piece))
        .count();
    assert!(sent < 1024, "it listens for ever");
}
