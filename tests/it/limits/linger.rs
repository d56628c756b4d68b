//! Clients that send their whole request before they read: they see the answer.

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
