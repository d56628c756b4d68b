//! HTTP/2 at the listener of questions, for clients that ask for it by ALPN.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use h2::client::SendRequest;
use peppol_authz_server::identity::hash_of_api_key;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

use super::*;
use crate::connection::ALLOWED;

/// One connection.
struct Client {
    runtime: Runtime,
    requests: SendRequest<Bytes>,
}

/// How long a body comes after its head: a refusal is ready before.
const LATE: Duration = Duration::from_millis(50);

/// An answer, or how there was none.
type Answer = Result<(u16, String), String>;

impl Client {
    fn connect(sidecar: &Sidecar, config: ClientConfig) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let requests = runtime.block_on(async {
            let stream = TcpStream::connect(&sidecar.address).await.unwrap();
            let name = ServerName::try_from("127.0.0.1").unwrap();
            let connector = TlsConnector::from(Arc::new(config));
            let stream = connector.connect(name, stream).await.unwrap();
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
            let (requests, connection) = h2::client::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            requests
        });
        Self { runtime, requests }
    }

    /// Sends the same request so often at once.
    fn send(&self, times: usize, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<Answer> {
        let of = || self.requests.clone();
        let all = (0..times).map(|_| answered(of(), path, headers, body, Duration::ZERO));
        self.runtime.block_on(join_all(all))
    }

    /// Sends a request whose body comes after its head, as that of curl does.
    fn send_late(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let late = answered(self.requests.clone(), path, headers, body, LATE);
        self.runtime.block_on(late)
    }

    fn ask(&self, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
        let (status, text) = self.send(1, path, headers, body).remove(0).unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}

async fn answered(
    requests: SendRequest<Bytes>,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
    pause: Duration,
) -> Answer {
    let failed = |error: h2::Error| error.to_string();
    let method = if body.is_empty() { "GET" } else { "POST" };
    let mut request = axum::http::Request::builder()
        .method(method)
        .uri(format!("https://authz.example{path}"))
        .header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut requests = requests.ready().await.map_err(failed)?;
    let request = request.body(()).unwrap();
    let (answer, mut sent) = requests
        .send_request(request, body.is_empty())
        .map_err(failed)?;
    if !body.is_empty() {
        tokio::time::sleep(pause).await;
        sent.send_data(Bytes::copy_from_slice(body.as_bytes()), true)
            .map_err(failed)?;
    }
    let answer = answer.await.map_err(failed)?;
    let status = answer.status().as_u16();
    let mut body = answer.into_body();
    let mut text = Vec::new();
    while let Some(part) = body.data().await {
        let part = part.map_err(failed)?;
        let _ = body.flow_control().release_capacity(part.len());
        text.extend_from_slice(&part);
    }
    Ok((status, String::from_utf8(text).unwrap()))
}

const DECIDE: &str = "/v1/is_authorized";

fn both() -> Vec<Vec<u8>> {
    vec![b"h2".to_vec(), b"http/1.1".to_vec()]
}

#[test]
fn requests_are_answered_as_over_http_1_and_many_at_once() {
    let ours = Authority::new();
    let start = with_tls(Start::quickstart(), &ours.sign("server", LOCAL));
    let mut sidecar = start.start();
    // A client that could do both gets it too. A client that does not ask for it gets HTTP/1.1.
    let mut config = ours.client(None, "h2");
    config.alpn_protocols = both();
    let client = Client::connect(&sidecar, config);
    let mut other = connect(&sidecar, ours.client(None, HTTP1));
    let (status, answer) = client.ask(DECIDE, &[("x-request-id", "r-1")], ALLOWED);
    assert_eq!((status, &answer["decision"]), (200, &"Allow".into()));
    let evaluation = r#"{"subject": {"type": "Peppol::User", "id": "anna"},
        "action": {"name": "getOrganisation"}, "resource": {"type": "Peppol::Organisation", "id": "acme"}}"#;
    let (status, answer) = client.ask("/access/v1/evaluation", &[], evaluation);
    assert_eq!((status, &answer["decision"]), (200, &true.into()));
    // More than are answered at once wait, and all are answered.
    for answer in client.send(300, DECIDE, &[], ALLOWED) {
        let (status, text) = answer.unwrap();
        assert!(status == 200 && text.contains("\"Allow\""), "{text}");
    }
    for (path, headers, body, status) in [
        ("/none", &[][..], "", 404),
        (DECIDE, &[], "", 405),
        (DECIDE, &[], "{", 400),
        (DECIDE, &[("content-type", "text/plain")], "{}", 400),
        ("/metrics", &[], "", 200),
        ("/readyz", &[], "", 200),
    ] {
        let answer = client.send(1, path, headers, body).remove(0).unwrap();
        assert_eq!(answer.0, status, "{path}: {}", answer.1);
    }
    // The host is that of the request.
    let (_, found) = client.ask("/.well-known/authzen-configuration", &[], "");
    let place = found["access_evaluation_endpoint"].as_str().unwrap();
    assert!(place.contains("://authz.example/"), "{found}");
    other.is_served();
    assert_eq!(
        sample(
            &mut other,
            "peppol_authz_http_request_duration_seconds_count{path=\"/access/v1/evaluation\",status=\"200\"}"
        ),
        Some(1)
    );
    // It ends when the program does.
    let (code, _) = sidecar.stopped();
    assert_eq!(code, Some(0));
    assert!(client.send(1, DECIDE, &[], ALLOWED).remove(0).is_err());
}

/// An answer before the end of a request is lost by clients that are told to send no more.
#[test]
fn a_refusal_before_the_body_reaches_who_still_sends_it() {
    let ours = Authority::new();
    let start = with_tls(Start::quickstart(), &ours.sign("server", LOCAL));
    let (key, settings) = ("k".repeat(40), start.path("authz.toml"));
    let hash = hash_of_api_key(&key).unwrap();
    let text = format!(
        "[callers]\nkey = [{{ name = \"one\", hash = \"{hash}\", claims = {{ roles = [\"decide\"] }} }}]\n\
         [limits]\nbody_bytes = 100_000\n[server]\nbody_read_timeout = \"1s\"\n"
    );
    std::fs::write(&settings, text).unwrap();
    let start = start.with(&["--config", settings.to_str().unwrap()]);
    let sidecar = start.with(&["--listen", "0.0.0.0:0"]).start();
    let client = Client::connect(&sidecar, ours.client(None, "h2"));
    let known = [("authorization", &*format!("Bearer {key}"))];
    let long = " ".repeat(1_000_000);
    for (path, headers, body, status) in [
        (DECIDE, &[][..], "{}", 401),
        ("/nothing", &[], "{}", 401),
        ("/nothing", &known, "{}", 404),
        ("/livez", &known, "{}", 405),
        (DECIDE, &known, "{}", 400),
        (DECIDE, &known, &long, 413),
    ] {
        let answer = client.send_late(path, headers, body);
        let answer = answer.unwrap_or_else(|lost| panic!("{path} {status}: {lost}"));
        assert_eq!(answer.0, status, "{path}: {}", answer.1);
    }
    // It is not waited for longer than for one that is read.
    let status = client.runtime.block_on(async {
        let request = axum::http::Request::post("https://a/nothing").body(());
        let mut requests = client.requests.clone().ready().await.unwrap();
        let (answer, _unsent) = requests.send_request(request.unwrap(), false).unwrap();
        answer.await.unwrap().status()
    });
    assert_eq!(status, 401);
}

#[test]
fn a_target_that_could_have_a_fragment_is_no_question_of_a_gateway() {
    let ours = Authority::new();
    let start = with_tls(Start::quickstart(), &ours.sign("server", LOCAL));
    let sidecar = start.start();
    let client = Client::connect(&sidecar, ours.client(None, "h2"));
    // The same over HTTP/1.1 is read, and only its sender is not known.
    let mut other = connect(&sidecar, ours.client(None, HTTP1));
    for (path, over_1, over_2) in [
        (
            "/authz/envoy/orgs/acme",
            "TOKEN_MISSING",
            "GATEWAY_MALFORMED",
        ),
        (
            "/authz/envoy/iso6523-actorid-upis::0007:1",
            "",
            "GATEWAY_MALFORMED",
        ),
    ] {
        let reply = other.get(path);
        assert!(reply.text.contains(over_1), "{path}: {}", reply.text);
        let (status, text) = client.send(1, path, &[], "").remove(0).unwrap();
        assert_eq!(status, 403, "{path}: {text}");
        assert!(text.contains(over_2), "{path}: {text}");
    }
    // Where a header tells of the request, there is nothing that could have been cut off.
    let told = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-uri", "/orgs/acme"),
    ];
    let (status, text) = client.send(1, "/authz/caddy", &told, "").remove(0).unwrap();
    assert!(status == 401 && text.contains("TOKEN_MISSING"), "{text}");
}

#[test]
fn a_client_that_keeps_to_no_limit_harms_nobody() {
    let ours = Authority::new();
    let start = with_tls(Start::quickstart(), &ours.sign("server", LOCAL));
    let start = start.variable("PEPPOL_AUTHZ_SERVER__IDLE_TIMEOUT", "200ms");
    let start = start.variable("PEPPOL_AUTHZ_SERVER__HEADER_READ_TIMEOUT", "200ms");
    let sidecar = start.start();
    let of = || Client::connect(&sidecar, ours.client(None, "h2"));
    // A head that is too long.
    let long = "x".repeat(100_000);
    let refused = of()
        .send(1, DECIDE, &[("x-long", &long)], ALLOWED)
        .remove(0);
    assert!(
        refused.is_err() || refused == Ok((431, String::new())),
        "{refused:?}"
    );
    // Requests that are taken back at once, again and again.
    let client = of();
    client.runtime.block_on(async {
        for _ in 0..5_000 {
            let Ok(mut requests) = client.requests.clone().ready().await else {
                break;
            };
            let request = axum::http::Request::post("https://a/v1/is_authorized").body(());
            let Ok((_, mut sent)) = requests.send_request(request.unwrap(), false) else {
                break;
            };
            sent.send_reset(h2::Reason::CANCEL);
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(of().ask(DECIDE, &[], ALLOWED).0, 200);
    // One that says nothing, and one that asks nothing more, lose their connections.
    let silent = shake(&sidecar.address, ours.client(None, "h2"), "127.0.0.1").unwrap();
    let mut silent = silent;
    let mut text = Vec::new();
    let _ = silent.read_to_end(&mut text);
    let idle = of();
    assert_eq!(idle.ask(DECIDE, &[], ALLOWED).0, 200);
    until("an idle connection ends", || {
        // The connection is driven meanwhile.
        idle.runtime.block_on(async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            idle.requests.clone().ready().await.is_err()
        })
    });
    connect(&sidecar, ours.client(None, HTTP1)).is_served();
}
