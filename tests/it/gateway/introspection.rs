//! Opaque tokens, from an endpoint on the wire to the answer.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::tokens::{Key, claims};
use super::{as_nginx, is_denied, is_subject, of_acme, start};
use crate::eventually::until;
use crate::identity::key_server::KeyServer;
use crate::samples::Samples;
use crate::sidecar::{Reply, Sidecar, Start, project};

const SECRET: &str = "s3cret:+/";

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

/// An endpoint that says of every token that it is Anna's.
fn endpoint() -> KeyServer {
    let server = KeyServer::start();
    says(&server, json!({}));
    server
}

/// The endpoint's answer about every token from now on, beside a good one.
fn says(server: &KeyServer, changes: Value) {
    let mut answer =
        json!({"active": true, "sub": "anna", "aud": ["peppol"], "organisation": "acme"});
    for (name, value) in changes.as_object().unwrap() {
        answer[name] = value.clone();
    }
    server.answer("200 OK", answer.to_string().as_bytes());
}

/// A sidecar that asks it, with further settings.
fn asking(server: &KeyServer, more: &str) -> Start {
    let start = start("");
    let secret = start.path("secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let settings = format!(
        "[introspection]\nendpoint = '{}'\nclient_id = 'side car'\nclient_secret_file = '{}'\n\
         audience = 'peppol'\n{more}\n",
        server.url(),
        secret.display()
    );
    std::fs::write(start.path("config.toml"), settings).unwrap();
    start
}

fn sent(sidecar: &Sidecar, token: &str) -> Reply {
    of_acme(sidecar, &[("authorization", &format!("Bearer {token}"))])
}

fn refused(sidecar: &Sidecar, token: &str) {
    is_denied(&sent(sidecar, token), 401, "TOKEN_INVALID");
}

fn unavailable(sidecar: &Sidecar, token: &str) {
    let reply = sent(sidecar, token);
    is_denied(&reply, 503, "INTROSPECTION_UNAVAILABLE");
    assert_eq!(reply.header("retry-after"), Some("1"));
}

#[test]
fn an_opaque_token_is_whose_the_endpoint_says_and_the_answer_is_remembered() {
    let server = endpoint();
    let sidecar = asking(&server, "").start();
    for _ in 0..3 {
        is_subject(&sent(&sidecar, "opaque+/=~"), "anna");
    }
    assert_eq!(server.asked(), 1);
    let request = server.request();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "token=opaque%2B%2F%3D~&token_type_hint=access_token");
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /jwks.json http/1.1\r\n"), "{head}");
    for line in [
        "content-type: application/x-www-form-urlencoded",
        "accept: application/json",
    ] {
        assert!(head.contains(&format!("\r\n{line}")), "{head}");
    }
    // `side%20car:s3cret%3A%2B%2F`, both encoded as in a form.
    let pair = "Basic c2lkZSUyMGNhcjpzM2NyZXQlM0ElMkIlMkY=";
    assert!(request.contains(pair), "{request}");
    // Its members are claims for routes.
    let list = as_nginx(
        &sidecar.address,
        "GET",
        "/legal-entities",
        &[("authorization", "Bearer opaque+/=~")],
    );
    assert_ne!(
        list.header("x-authz-code"),
        Some("REQUEST_MALFORMED"),
        "{list:?}"
    );
    says(&server, json!({"active": false}));
    refused(&sidecar, "another");
    refused(&sidecar, "another");
    is_subject(&sent(&sidecar, "opaque+/=~"), "anna");
    assert_eq!(server.asked(), 2);
    let samples = Samples::of(&sidecar);
    assert_eq!(samples.value("introspections_total", &[]), 2.0);
    assert_eq!(samples.value("introspections_failed_total", &[]), 0.0);
    let reason = "the introspection endpoint says that it is not active";
    let counted = samples.value("tokens_refused_total", &[("reason", reason)]);
    assert_eq!(counted, 2.0);
}

#[test]
fn without_a_name_the_secret_is_a_bearer_token_and_is_read_anew() {
    let server = endpoint();
    let start = asking(&server, "max_age = '0s'");
    let (config, secret) = (start.path("config.toml"), start.path("secret"));
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("client_id = 'side car'\n", "")).unwrap();
    let sidecar = start.start();
    is_subject(&sent(&sidecar, "a"), "anna");
    assert!(server.request().contains(&format!(": Bearer {SECRET}\r\n")));
    std::fs::write(&secret, "other").unwrap();
    is_subject(&sent(&sidecar, "a"), "anna");
    assert!(server.request().contains(": Bearer other\r\n"));
    // Nothing that is not sent as it is.
    for text in ["", "\n", "a b", "a\nb", "\u{e5}"] {
        std::fs::write(&secret, text).unwrap();
        unavailable(&sidecar, "a");
    }
    assert_eq!(server.asked(), 2);
}

#[test]
fn an_active_token_is_refused_where_a_bearer_has_no_use_of_it() {
    let server = endpoint();
    let mut sidecar = asking(&server, "require = { iss = 'https://login.example.com/' }").start();
    let iss = json!("https://login.example.com/");
    for (i, changes) in [
        json!({}),
        json!({"token_type": "Bearer", "exp": now() + 60, "nbf": now(), "iat": now()}),
        json!({"token_type": "access_token", "token_use": "access_token"}),
        json!({"aud": "peppol", "client_id": "x"}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut changes = changes;
        changes["iss"] = iss.clone();
        says(&server, changes.clone());
        let reply = sent(&sidecar, &format!("good{i}"));
        assert_eq!(reply.status, 200, "{changes}: {reply:?}");
    }
    for (i, changes) in [
        json!({"active": false}),
        json!({"aud": "other"}),
        json!({"aud": null}),
        json!({"aud": []}),
        json!({"exp": now() - 60}),
        json!({"exp": "never"}),
        json!({"nbf": now() + 600}),
        json!({"iat": now() + 600}),
        json!({"cnf": {"jkt": "x"}}),
        json!({"token_type": "DPoP"}),
        json!({"token_type": "refresh_token"}),
        json!({"token_type": ["Bearer"]}),
        json!({"token_use": "refresh_token"}),
        json!({"iss": "https://elsewhere.example/"}),
        json!({"iss": null}),
        json!({"sub": null}),
        json!({"sub": ["anna"]}),
        json!({"sub": ""}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut changes = changes;
        if changes.get("iss").is_none() {
            changes["iss"] = iss.clone();
        }
        says(&server, changes.clone());
        let reply = sent(&sidecar, &format!("bad{i}"));
        assert_eq!(
            reply.header("x-authz-code"),
            Some("TOKEN_INVALID"),
            "{changes}: {reply:?}"
        );
        assert_eq!(reply.status, 401);
    }
    let log = serde_json::to_string(&sidecar.stop()).unwrap();
    assert!(log.contains("a token is refused"), "{log}");
    for word in ["bad1", "good1", SECRET, "elsewhere", "anna"] {
        assert!(!log.contains(word), "{word}: {log}");
    }
}

#[test]
fn an_endpoint_that_is_down_or_says_something_else_is_a_503_and_never_an_allow() {
    let server = endpoint();
    let mut sidecar = asking(&server, "timeout = '1s'").start();
    is_subject(&sent(&sidecar, "known"), "anna");
    let good = r#"{"active": true, "sub": "anna", "aud": "peppol"}"#;
    let long = format!("{good}{}", " ".repeat(1 << 20));
    let elsewhere = endpoint();
    let redirect = format!("307 Temporary Redirect\r\nLocation: {}", elsewhere.url());
    let deep = format!(
        r#"{{"active": true, "x": {}{}}}"#,
        "[".repeat(100),
        "]".repeat(100)
    );
    for (i, (head, body)) in [
        ("200 OK", ""),
        ("200 OK", "<html>active</html>"),
        ("200 OK", "true"),
        ("200 OK", "{}"),
        ("200 OK", "null"),
        ("200 OK", &format!("[{good}]")),
        (
            "200 OK",
            r#"{"active": "true", "sub": "anna", "aud": "peppol"}"#,
        ),
        ("200 OK", r#"{"active": 1, "sub": "anna", "aud": "peppol"}"#),
        (
            "200 OK",
            r#"{"active": null, "sub": "anna", "aud": "peppol"}"#,
        ),
        (
            "200 OK",
            r#"{"Active": true, "sub": "anna", "aud": "peppol"}"#,
        ),
        ("200 OK", &good.replace("true", "false, \"active\": true")),
        ("200 OK", good.trim_end_matches('}')),
        ("200 OK", &deep),
        ("200 OK", &long),
        ("201 Created", good),
        ("204 No Content", ""),
        ("401 Unauthorized", good),
        ("403 Forbidden", good),
        ("404 Not Found", good),
        ("500 Internal Server Error", good),
        (&redirect, good),
    ]
    .into_iter()
    .enumerate()
    {
        server.answer(head, body.as_bytes());
        let reply = sent(&sidecar, &format!("unknown{i}"));
        assert_eq!(reply.status, 503, "{head} {body:.60}: {reply:?}");
        assert_eq!(
            reply.header("x-authz-code"),
            Some("INTROSPECTION_UNAVAILABLE")
        );
    }
    assert_eq!(elsewhere.asked(), 0);
    let head = "HTTP/1.1 200 OK\r\n";
    for (i, raw) in [
        String::new(),
        "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
        format!("{head}Content-Length: 1000\r\n\r\n{good}"),
        format!(
            "{head}Connection: close\r\n\r\n{good}{}",
            " ".repeat(2 << 20)
        ),
    ]
    .into_iter()
    .enumerate()
    {
        server.answer_raw(raw.as_bytes());
        unavailable(&sidecar, &format!("raw{i}"));
    }
    server.hold();
    unavailable(&sidecar, "held");
    // Remembered tokens are answered all the while, and so are requests without a token.
    is_subject(&sent(&sidecar, "known"), "anna");
    is_denied(&of_acme(&sidecar, &[]), 401, "TOKEN_MISSING");
    assert_eq!(sidecar.get("/readyz").status, 200);
    server.release();
    says(&server, json!({}));
    is_subject(&sent(&sidecar, "unknown0"), "anna");
    let samples = Samples::of(&sidecar);
    assert_eq!(samples.value("introspections_failed_total", &[]), 26.0);
    let log = sidecar.stop();
    let told = |record: &&Value| record["message"] == "the introspection endpoint cannot be asked";
    let told = log.iter().filter(told).count();
    assert!((1..20).contains(&told), "{told}");
}

#[test]
fn an_answer_is_remembered_no_longer_than_its_token_lives_or_the_settings_say() {
    let server = endpoint();
    let sidecar = asking(&server, "max_age = '1h'").start();
    says(&server, json!({"exp": now() + 2}));
    is_subject(&sent(&sidecar, "short"), "anna");
    says(&server, json!({"active": false}));
    until("the endpoint is asked again", || {
        sent(&sidecar, "short").status == 401
    });
    assert_eq!(server.asked(), 2);
    // Nothing is remembered where nothing may be.
    let server = endpoint();
    let sidecar = asking(&server, "max_age = '0s'").start();
    for asked in 1..4 {
        is_subject(&sent(&sidecar, "each"), "anna");
        assert_eq!(server.asked(), asked);
    }
    says(&server, json!({"active": false}));
    refused(&sidecar, "each");
    says(&server, json!({}));
    is_subject(&sent(&sidecar, "each"), "anna");
}

#[test]
fn many_with_one_token_ask_once_and_only_so_many_ask_at_all() {
    let server = endpoint();
    let sidecar = asking(&server, "connections = 1\ntimeout = '30s'").start();
    server.hold();
    std::thread::scope(|scope| {
        let same: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| sent(&sidecar, "same").status))
            .collect();
        let other = scope.spawn(|| sent(&sidecar, "other").status);
        server.wait_until_asked(1);
        // The other waits for its turn.
        let asked = || Samples::of(&sidecar).value("introspections_total", &[]);
        assert_eq!(asked(), 1.0);
        server.release();
        for thread in same {
            assert_eq!(thread.join().unwrap(), 200);
        }
        assert_eq!(other.join().unwrap(), 200);
    });
    assert_eq!(server.asked(), 2);
}

/// A token or a key is shown only to what it may be for.
#[test]
fn what_is_no_opaque_token_is_not_sent_to_the_endpoint() {
    let (server, key) = (endpoint(), Key::new());
    let start = asking(&server, "");
    let (config, set) = (start.path("config.toml"), start.path("set.json"));
    std::fs::write(&set, key.set().to_string()).unwrap();
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text + &super::tokens::settings(&set)).unwrap();
    let sidecar = start.start();
    let jwt = key.token(&claims(&json!({"sub": "anna"}), 0));
    is_subject(&sent(&sidecar, &jwt), "anna");
    let expired = key.token(&claims(&json!({"sub": "anna"}), 7200));
    let elsewhere = json!({"sub": "anna", "iss": "https://elsewhere.example"});
    let elsewhere = key.token(&claims(&elsewhere, 0));
    for token in [
        &*expired,
        &elsewhere,
        "authz_0123456789012345678901234567890123456789012",
        &"a".repeat(40_000),
        "a,b",
    ] {
        refused(&sidecar, token);
    }
    assert_eq!(server.asked(), 0);
    // Dots alone make no JWT.
    for token in ["ya29.c.b0Aaek", "a.b.c.d.e", "opaque"] {
        is_subject(&sent(&sidecar, token), "anna");
    }
    assert_eq!(server.asked(), 3);
    // Where there are no keys, a JWT is a token like any other.
    let sidecar = asking(&server, "").start();
    is_subject(&sent(&sidecar, &expired), "anna");
    assert_eq!(server.asked(), 4);
}

#[test]
fn settings_that_cannot_be_used_end_the_start() {
    let server = endpoint();
    let without_secret = asking(&server, "");
    std::fs::remove_file(without_secret.path("secret")).unwrap();
    let (code, log) = without_secret.fails();
    assert_eq!(code, 1, "{log}");
    assert!(
        log.contains("`introspection.client_secret_file`: `"),
        "{log}"
    );
    let (code, log) = asking(&server, "principal = [{ type = 'Robot', claim = 'sub' }]").fails();
    assert_eq!(code, 1, "{log}");
    assert!(log.contains("introspection.principal"), "{log}");
}

#[test]
fn the_example_runs() {
    let server = endpoint();
    let start = Start::quickstart();
    let text = std::fs::read_to_string(project("examples/introspection/sidecar.toml")).unwrap();
    let secret = start.path("introspection.secret").display().to_string();
    std::fs::write(&secret, SECRET).unwrap();
    let of_example = "http://127.0.0.1:9090/oauth2/introspect";
    assert!(text.contains(of_example));
    let text = text.replace(of_example, &server.url());
    let text = text.replace("\"introspection.secret\"", &format!("\"{secret}\""));
    let config = start.path("sidecar.toml");
    std::fs::write(&config, text).unwrap();
    let sidecar = start.with(&["--config", config.to_str().unwrap()]).start();
    is_subject(&sent(&sidecar, "opaque"), "anna");
}
