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

    let text = text.replace("concurrency = 1", "rate = 2")
        + "[gateway]\ndenial = { error = { code = \"{code}\", status = \"{status}\" } }\n";
    let sidecar = with_settings(Start::quickstart(), &text).start();
    let mut first = Connection::open(&sidecar);
    let refused = (0..1000).find_map(|_| {
        let reply = send_as(&mut first, "one", DECIDE, ALLOWED);
        (reply.status != 200).then_some(reply)
    });
    let refused = refused.unwrap();
    is_refused(&refused, 429, "CALLER_ASKS_TOO_OFTEN");
    assert_eq!(refused.header("retry-after"), Some("1"));
    // A gateway is told so in the words of its denials, with a status that it understands.
    let own = format!("Bearer {}", key("one"));
    let as_gateway = [
        ("x-original-method", "GET"),
        ("x-original-uri", "/orgs/acme"),
        ("sidecar-authorization", &*own),
    ];
    let refused = (0..1000).find_map(|_| {
        let mut gateway = Connection::open(&sidecar);
        let reply = send(&mut gateway, "GET /authz/nginx", &as_gateway, "");
        (reply.status != 401).then_some(reply)
    });
    let refused = refused.unwrap();
    let code = "CALLER_ASKS_TOO_OFTEN";
    assert_eq!(
        (refused.status, refused.json()),
        (503, json!({"error": {"code": code, "status": 503}}))
    );
    assert_eq!(refused.header("x-authz-code"), Some(code));
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
