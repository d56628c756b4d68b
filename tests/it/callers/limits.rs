//! Limits of each caller.

use super::*;

#[test]
fn a_caller_that_asks_too_often_or_too_much_is_told_so_and_others_are_answered() {
    let text = format!(
        "[callers]\nconcurrency = 1\nkey = [{}, {}]\n",
        entry("one", &["decide"]),
        entry("two", &["decide"]),
    );
    let sidecar = with_settings(Start::quickstart(), &text).start();
    // Unknown callers are one together; this one has the one place.
    let mut half = Connection::half_asked(&sidecar);
    let mut others = Connection::open(&sidecar);
    let reply = send(&mut others, DECIDE, &[], ALLOWED);
    is_refused(&reply, 503, "CALLER_ASKS_TOO_MUCH");
    assert_eq!(reply.header("retry-after"), Some("1"));
    is_allowed(&send_as(
        &mut Connection::open(&sidecar),
        "one",
        DECIDE,
        ALLOWED,
    ));
    // Health is not counted.
    assert_eq!(Connection::open(&sidecar).get("/readyz").status, 200);
    half.write_rest();
    is_allowed(&half.reply());
    until("the place is free", || {
        send(&mut Connection::open(&sidecar), DECIDE, &[], ALLOWED).status == 200
    });

    let text = text.replace("concurrency = 1", "rate = 2");
    let sidecar = with_settings(Start::quickstart(), &text).start();
    let mut first = Connection::open(&sidecar);
    let refused = (0..1000).find_map(|_| {
        let reply = send_as(&mut first, "one", DECIDE, ALLOWED);
        (reply.status != 200).then_some(reply)
    });
    let refused = refused.unwrap();
    is_refused(&refused, 429, "CALLER_ASKS_TOO_OFTEN");
    assert_eq!(refused.header("retry-after"), Some("1"));
    is_allowed(&send_as(
        &mut Connection::open(&sidecar),
        "two",
        DECIDE,
        ALLOWED,
    ));
    until("it may ask again", || {
        send_as(&mut Connection::open(&sidecar), "one", DECIDE, ALLOWED).status == 200
    });
    let name = "peppol_authz_caller_requests_total{caller=\"key:one\",result=\"too_often\"}";
    assert!(sample(&mut Connection::open(&sidecar), name) > Some(0));
}
