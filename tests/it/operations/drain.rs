//! The way to stop: what was begun is finished, and nothing else.

use std::net::TcpStream;

use crate::connection::{ALLOWED, Connection, question};
use crate::sidecar::{Sidecar, Start};

/// One thread, so that things happen in their order.
fn sidecar() -> Sidecar {
    Start::quickstart()
        .variable("PEPPOL_AUTHZ_SERVER__WORKERS", "1")
        .variable("PEPPOL_AUTHZ_SERVER__BODY_READ_TIMEOUT", "1h")
        .variable("PEPPOL_AUTHZ_SERVER__HEADER_READ_TIMEOUT", "1h")
        .variable("PEPPOL_AUTHZ_SERVER__REQUEST_TIMEOUT", "1h")
        .variable("PEPPOL_AUTHZ_SERVER__DRAIN_TIMEOUT", "1h")
        .start()
}

#[track_caller]
fn is_allowed_and_the_last(connection: &mut Connection) {
    let reply = connection.reply();
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.json()["decision"], "Allow");
    assert_eq!(reply.header("connection"), Some("close"));
    connection.is_closed();
}

#[test]
fn a_question_that_was_begun_is_answered_and_then_it_ends_with_0() {
    for signal in ["TERM", "INT"] {
        let mut sidecar = sidecar();
        let mut idle = Connection::open(&sidecar);
        idle.is_served();
        let mut begun = Connection::half_asked(&sidecar);
        sidecar.signal(signal);
        sidecar.wait_for_log("draining");
        // A connection that waits for an answer gets it. An idle one is closed.
        idle.is_closed();
        begun.write_rest();
        is_allowed_and_the_last(&mut begun);
        assert_eq!(sidecar.ended().code(), Some(0), "{signal}");
    }
}

/// A balancer sees that it is not ready before it sends a request to a port that is closed.
#[test]
fn it_is_unready_before_it_closes_its_port() {
    for signal in ["TERM", "INT"] {
        let mut sidecar = Start::quickstart()
            .variable("PEPPOL_AUTHZ_SERVER__DRAIN_DELAY", "1h")
            .start();
        let mut kept = Connection::open(&sidecar);
        kept.is_served();
        sidecar.signal("TERM");
        sidecar.wait_for_log("draining");
        let ready = sidecar.get("/readyz");
        assert_eq!(ready.status, 503, "{}", ready.text);
        assert!(ready.text.contains("draining"), "{}", ready.text);
        Connection::open(&sidecar).is_served();
        kept.is_served();
        // A second signal ends the wait.
        sidecar.signal(signal);
        kept.is_closed();
        assert_eq!(sidecar.ended().code(), Some(0));
    }
    let mut at_once = Start::quickstart()
        .variable("PEPPOL_AUTHZ_SERVER__DRAIN_DELAY", "1h")
        .start();
    at_once.signal("INT");
    assert_eq!(at_once.ended().code(), Some(0));
}

#[test]
fn no_new_connection_is_taken_while_it_drains() {
    let mut sidecar = sidecar();
    let mut idle = Connection::open(&sidecar);
    idle.is_served();
    let mut begun = Connection::half_asked(&sidecar);
    sidecar.signal("TERM");
    sidecar.wait_for_log("draining");
    // The connection is closed after the listener was.
    idle.is_closed();
    assert!(TcpStream::connect(&sidecar.address).is_err());
    begun.write_rest();
    is_allowed_and_the_last(&mut begun);
    assert_eq!(sidecar.ended().code(), Some(0));
}

/// A client that has just connected is about to ask, and is answered. A silent one is not waited for.
#[test]
fn a_new_connection_is_answered_once_while_it_drains() {
    let mut sidecar = sidecar();
    let mut new = Connection::open(&sidecar);
    let mut silent = Connection::open(&sidecar);
    // By the time that this one is served the others were accepted.
    let mut idle = Connection::open(&sidecar);
    idle.is_served();
    sidecar.signal("TERM");
    sidecar.wait_for_log("draining");
    idle.is_closed();
    new.write(question(ALLOWED));
    is_allowed_and_the_last(&mut new);
    silent.is_closed();
    assert_eq!(sidecar.ended().code(), Some(0));
}

#[test]
fn it_is_not_ready_while_it_drains() {
    let mut sidecar = sidecar();
    let mut asking = Connection::open(&sidecar);
    asking.write("GET /readyz HTTP/1.1\r\nhost: a\r\n");
    // By the time that this one is served the head before it was read.
    let mut begun = Connection::half_asked(&sidecar);
    sidecar.signal("TERM");
    sidecar.wait_for_log("draining");
    asking.write("\r\n");
    let reply = asking.reply();
    assert_eq!(reply.status, 503);
    assert_eq!(reply.json()["missing"][0], "draining: it was told to stop");
    begun.write_rest();
    is_allowed_and_the_last(&mut begun);
    assert_eq!(sidecar.ended().code(), Some(0));
}

#[test]
fn who_does_not_finish_in_time_is_cut_and_counted() {
    let mut sidecar = Start::quickstart()
        .variable("PEPPOL_AUTHZ_SERVER__DRAIN_TIMEOUT", "300ms")
        .start();
    let mut begun = Connection::half_asked(&sidecar);
    sidecar.signal("TERM");
    let record = sidecar.wait_for_log("connections were cut at the end of the drain");
    assert_eq!(record["connections"], 1);
    begun.is_closed();
    assert_eq!(sidecar.ended().code(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut sidecar = sidecar();
    let mut begun = Connection::half_asked(&sidecar);
    sidecar.signal("TERM");
    sidecar.wait_for_log("draining");
    sidecar.signal("TERM");
    assert_ne!(sidecar.ended().code(), Some(0));
    begun.is_closed();
}

#[test]
fn with_nothing_to_finish_it_ends_at_once() {
    let mut sidecar = sidecar();
    let mut idle = Connection::open(&sidecar);
    idle.is_served();
    let log = sidecar.stop();
    let last = log.last().unwrap();
    assert_eq!(last["message"], "stopped", "{last}");
}
