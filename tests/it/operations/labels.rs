//! Labels of metrics are bounded in number, whatever callers send.

use serde_json::{Value, json};

use crate::connection::Connection;
use crate::samples::Samples;
use crate::sidecar::{Sidecar, Start};

/// A request that nobody should send, each with something that no other has.
fn odd(number: usize) -> (String, Vec<(String, String)>, String) {
    let unlike = format!("odd-{number}");
    let header = |name: &str, value: String| (name.to_owned(), value);
    let token = |text: String| header("authorization", format!("Bearer {text}"));
    let question = |change: &dyn Fn(&mut Value)| {
        let mut question: Value = serde_json::from_str(crate::connection::ALLOWED).unwrap();
        change(&mut question);
        question.to_string()
    };
    let asked = |body: String| ("POST /v1/is_authorized".to_owned(), Vec::new(), body);
    match number % 15 {
        0 => (format!("GET /{unlike}"), Vec::new(), String::new()),
        1 => (
            format!("GET /v1/policies/{unlike}"),
            Vec::new(),
            String::new(),
        ),
        2 => (format!("GET /v1/plan/{unlike}"), Vec::new(), String::new()),
        3 => (
            format!("GET /authz/envoy/{unlike}"),
            Vec::new(),
            String::new(),
        ),
        4 => (
            format!("ODD{number} /v1/is_authorized"),
            Vec::new(),
            String::new(),
        ),
        5 => asked(question(&|it| {
            it["action"] = json!(format!("Peppol::Action::\"{unlike}\""))
        })),
        6 => asked(question(&|it| {
            it["principal"] = json!(format!("Peppol::User::\"{unlike}\""))
        })),
        7 => asked(question(&|it| {
            it["resource"] = json!(format!("Odd{number}::Type::\"a\""))
        })),
        8 => asked(format!("{{\"{unlike}\": 1}}")),
        9 => {
            let body = json!({
                "subject": {"type": format!("s{number}"), "id": unlike},
                "action": {"name": unlike}, "resource": {"type": "organisation", "id": unlike},
            });
            (
                "POST /access/v1/evaluation".to_owned(),
                Vec::new(),
                body.to_string(),
            )
        }
        10 => {
            let target = header("x-amz-target", format!("VerifiedPermissions.Odd{number}"));
            ("POST /".to_owned(), vec![target], "{}".to_owned())
        }
        11 => {
            let told = vec![
                header("x-original-method", format!("ODD{number}")),
                header("x-original-uri", format!("/{unlike}?{unlike}")),
                token(unlike),
            ];
            ("GET /authz/nginx".to_owned(), told, String::new())
        }
        12 => {
            use base64::Engine;
            let part = |text: String| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
            let head = part(format!("{{\"alg\":\"A{number}\",\"kid\":\"{unlike}\"}}"));
            let claims = part(format!("{{\"iss\":\"{unlike}\"}}"));
            let signed = token(format!("{head}.{claims}.{}", part(unlike)));
            ("GET /v1/schema".to_owned(), vec![signed], String::new())
        }
        13 => {
            let marks = vec![
                header("x-request-id", unlike.clone()),
                header("traceparent", format!("00-{number:032x}-{number:016x}-01")),
                header("tracestate", format!("odd{number}=1")),
                header("user-agent", unlike),
            ];
            ("GET /livez".to_owned(), marks, String::new())
        }
        _ => {
            let body = json!({"principal": unlike, "action": unlike, "resource": {"type": unlike}});
            ("POST /v1/search".to_owned(), Vec::new(), body.to_string())
        }
    }
}

fn send(sidecar: &Sidecar, numbers: std::ops::Range<usize>) {
    let mut connection = Connection::open(sidecar);
    for number in numbers {
        let (line, headers, body) = odd(number);
        let mut request =
            format!("{line} HTTP/1.1\r\nhost: a{number}\r\ncontent-type: application/json\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += &format!("content-length: {}\r\n\r\n{body}", body.len());
        connection.write(request);
        let reply = connection.reply();
        assert_ne!(reply.status, 500, "{line}: {}", reply.text);
        if reply.header("connection") == Some("close") {
            connection = Connection::open(sidecar);
        }
    }
}

#[test]
fn fifteen_hundred_odd_requests_make_no_label_of_their_own() {
    let sidecar = Start::quickstart()
        .variable("PEPPOL_AUTHZ_OTLP__ENDPOINT", "http://127.0.0.1:1")
        .start();
    send(&sidecar, 0..500);
    // The look itself is counted, too.
    Samples::of(&sidecar);
    let before = Samples::of(&sidecar);
    send(&sidecar, 500..1500);
    let after = Samples::of(&sidecar);
    // Buckets of one histogram are many lines, and always as many.
    let new: Vec<_> = after
        .0
        .keys()
        .filter(|series| !before.0.contains_key(series))
        .collect();
    assert!(new.is_empty(), "{new:#?}");
    let odd: Vec<_> = after
        .0
        .keys()
        .filter(|(_, labels)| {
            labels
                .values()
                .any(|value| value.to_ascii_lowercase().contains("odd"))
        })
        .collect();
    assert!(odd.is_empty(), "{odd:#?}");
    assert!(after.sum("http_request_duration_seconds_count") >= 1500.0);
}
