//! Questions of the benchmarks of the server: eight actions, each of a thousand users asking of what is theirs.

use serde_json::{Value, json};

use super::participant;

pub(crate) const ORGANISATIONS: usize = 1000;

pub(crate) fn question(n: usize) -> Value {
    let (kind, n) = (n % 8, n % ORGANISATIONS);
    let (user, own) = (format!("u-{n}"), format!("o-{n}"));
    let party = participant(n);
    let (action, resource, context) = match kind {
        0 => ("getOrganisation", ("Organisation", own), json!({})),
        1 => ("uploadCertificate", ("Organisation", own), json!({})),
        2 => (
            "createParticipant",
            ("Organisation", own),
            json!({"environment": "TEST", "participant": "0007:new"}),
        ),
        3 => (
            "sendDocument",
            ("Participant", party),
            json!({"accessPoint": "ap-test"}),
        ),
        4 => ("manageHook", ("Participant", party), json!({})),
        5 => (
            "removePartyAuthorization",
            ("Participant", party),
            json!({"user": "busy"}),
        ),
        6 => ("viewDocument", ("Document", format!("d-{n}")), json!({})),
        _ => (
            "createSubAccount",
            ("LegalEntity", format!("le-{n}")),
            json!({"email": "new@example.com"}),
        ),
    };
    let principal = if action == "viewDocument" {
        ("SubAccount", "sub".to_owned())
    } else {
        ("User", user)
    };
    json!({
        "principal": format!("Peppol::{}::\"{}\"", principal.0, principal.1),
        "action": {"type": "Peppol::Action", "id": action},
        "resource": {"type": format!("Peppol::{}", resource.0), "id": resource.1},
        "context": context,
    })
}

pub(crate) fn request(path: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
