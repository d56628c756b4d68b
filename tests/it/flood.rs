//! A flood of questions: many are refused at their heads, and nobody loses a connection.

use crate::connection::{ALLOWED, Connection, head};
use crate::eventually::until;
use crate::samples::Samples;
use crate::sidecar::{Reply, Start};

/// The most bytes of a body that the server passes over unread, and others.
const LENGTHS: [usize; 5] = [0, 300, 8 << 10, (8 << 10) + 1, 15 << 10];

/// Questions that a connection asks at once. A worker that has only one each would be as fast as this client.
const AT_ONCE: usize = 10;

/// A question whose body has at least that length.
fn asked(length: usize, number: usize) -> String {
    let body = format!("{ALLOWED:<length$}");
    let length = body.len();
    let head = head();
    format!("{head}x-request-id: n{number}\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// Several of them. The last is cut behind its head, within its body or nowhere: the rest is sent later.
fn cut(length: usize, number: usize) -> (String, String) {
    let one = asked(length, number);
    let body = one.len() - one.find("\r\n\r\n").unwrap() - 4;
    let later = [0, body, body / 2][number % 3];
    let (first, rest) = one.split_at(one.len() - later);
    (one.repeat(AT_ONCE - 1) + first, rest.to_owned())
}

/// True for a refusal, false for an Allow.
fn is_refused(reply: &Reply, number: usize) -> bool {
    let id = format!("n{number}");
    assert_eq!(reply.header("x-request-id"), Some(id.as_str()));
    assert_eq!(reply.header("connection"), None, "{}", reply.text);
    if reply.status == 200 {
        assert_eq!(reply.json()["decision"], "Allow");
        return false;
    }
    let code = reply.json()["code"].clone();
    assert_eq!((reply.status, code.as_str()), (503, Some("OVERLOADED")));
    assert_eq!(reply.header("retry-after"), Some("1"));
    let json = Some("application/problem+json");
    assert_eq!(reply.header("content-type"), json);
    true
}

#[test]
fn a_flood_is_refused_on_connections_that_stay() {
    let start = Start::quickstart()
        .variable("PEPPOL_AUTHZ_SERVER__WORKERS", "1")
        .variable("PEPPOL_AUTHZ_SERVER__DELAY", "1ms")
        .variable("PEPPOL_AUTHZ_SERVER__BURST_TIME", "0s");
    let sidecar = start.start();
    let mut connections: Vec<Connection> = (0..60).map(|_| Connection::open(&sidecar)).collect();
    // The last of each connection, by the length of the body and where it is cut.
    let mut refused = [[0; 3]; LENGTHS.len()];
    let mut of_new = [0; LENGTHS.len()];
    let (mut others, mut answered) = (0, 0);
    until("questions of all kinds are refused", || {
        let mut later = Vec::new();
        for (number, connection) in connections.iter_mut().enumerate() {
            let (first, rest) = cut(LENGTHS[number % LENGTHS.len()], number);
            connection.write(first);
            later.push(rest);
        }
        for (connection, rest) in connections.iter_mut().zip(later) {
            connection.write(rest);
        }
        // A server reads little at once of a connection that is new.
        for (length, refused) in LENGTHS.iter().zip(&mut of_new) {
            let mut new = Connection::open(&sidecar);
            for number in 0..2 {
                new.write(asked(*length, number));
                match is_refused(&new.reply(), number) {
                    true if number == 0 => *refused += 1,
                    true => others += 1,
                    false => answered += 1,
                }
            }
        }
        for (number, connection) in connections.iter_mut().enumerate() {
            for asked in 0..AT_ONCE {
                let reply = connection.reply();
                match is_refused(&reply, number) {
                    true if asked + 1 == AT_ONCE => {
                        refused[number % LENGTHS.len()][number % 3] += 1
                    }
                    true => others += 1,
                    false => answered += 1,
                }
            }
        }
        refused
            .iter()
            .flatten()
            .chain(&of_new)
            .all(|number| *number > 0)
    });
    assert!(answered > 0);
    let counted = Samples::of(&sidecar);
    let all: u32 = refused.iter().flatten().chain(&of_new).sum::<u32>() + others;
    let of_workers = counted.value("overloaded_total", &[("reason", "workers")]);
    assert_eq!(of_workers, f64::from(all));
    let path = ("path", "/v1/is_authorized");
    let duration = "http_request_duration_seconds_count";
    let answers = |status| counted.value(duration, &[path, ("status", status)]);
    assert_eq!(
        (answers("503"), answers("200")),
        (f64::from(all), f64::from(answered))
    );
    // Operators are answered meanwhile, by the flooded connections too.
    for (number, connection) in connections.iter_mut().enumerate() {
        connection.write("GET /readyz HTTP/1.1\r\nhost: a\r\n\r\n");
        assert_eq!(connection.reply().status, 200, "{number}");
    }
}
