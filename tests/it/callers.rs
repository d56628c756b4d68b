//! Callers: who is let in, and what each may ask.

mod administration;
mod kept;
mod known;
mod limits;
mod loaded;
mod policies;
mod rotation;
mod starts;

use peppol_authz_server::identity::hash_of_api_key;
use serde_json::{Value, json};

use crate::connection::{ALLOWED, Connection};
use crate::eventually::until;
use crate::sidecar::{Reply, Start};
use crate::tls::{Authority, HTTP1, connect, sample, with_tls};

/// A key of a caller, which is its name in a long form.
fn key(name: &str) -> String {
    format!("authz_{name:_>40}")
}

/// An entry for a key, with roles.
fn entry(name: &str, roles: &[&str]) -> String {
    let hash = hash_of_api_key(&key(name)).unwrap();
    format!("{{ name = \"{name}\", hash = \"{hash}\", claims = {{ roles = {roles:?} }} }}")
}

/// With settings of this text.
fn with_settings(start: Start, text: &str) -> Start {
    let path = start.path("authz.toml");
    std::fs::write(&path, text).unwrap();
    start.with(&["--config", path.to_str().unwrap()])
}

/// Sends a request with these headers.
fn send(connection: &mut Connection, line: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut text = format!("{line} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    connection.write(format!(
        "{text}content-length: {}\r\n\r\n{body}",
        body.len()
    ));
    connection.reply()
}

/// Sends a request as the owner of a key.
fn send_as(connection: &mut Connection, name: &str, line: &str, body: &str) -> Reply {
    let bearer = format!("Bearer {}", key(name));
    send(connection, line, &[("authorization", &bearer)], body)
}

const DECIDE: &str = "POST /v1/is_authorized";

fn is_refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.status, status, "{}", reply.text);
    assert_eq!(reply.json()["code"], code, "{}", reply.text);
    assert!(!reply.text.contains("Allow"), "{}", reply.text);
}

fn is_allowed(reply: &Reply) {
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.json()["decision"], "Allow", "{}", reply.text);
}

/// A question about one of Anna's organisations.
fn about(organisation: &str) -> Value {
    json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": {"type": "Peppol::Organisation", "id": organisation},
    })
}
