//! The service behind the gateway is told which entities were decided on.

use serde_json::{Value, json};

use crate::connection::Connection;
use crate::sidecar::{Reply, Sidecar, Start};

const SETTINGS: &str = "[[gateway.header]]\nendpoint = \"envoy\"\nfrom = [\"127.0.0.1\"]\n\
                        name = \"X-User\"\ntype = \"User\"\n";

/// The characters that could end an id, an item or a header, and that a path may have.
const ODD: &str = "a,b c\"d=\u{e9}\u{1f600}'<>";

fn odd_start() -> Start {
    let start = super::start(SETTINGS);
    let mut documents = vec![
        json!({"type": "ORGANISATION", "id": ODD, "legalIdentifierCode": "X", "legalIdentifier": "1",
               "organisationMode": "SHARED"}),
        json!({"type": "MEMBERSHIP", "userId": "anna", "organisationId": ODD, "memberRole": "orgadmin"}),
        json!({"type": "MEMBERSHIP", "userId": "anna", "organisationId": ODD, "memberRole": "ApManager"}),
        json!({"type": "MEMBERSHIP", "userId": "mia", "organisationId": ODD, "memberRole": "ApUser"}),
    ];
    for number in 0..3 {
        documents.push(
            json!({"type": "PARTICIPANT", "id": format!("0088:PARTY{number}"),
                              "organisationId": ODD, "environment": "TEST"}),
        );
    }
    start.documents(&documents)
}

/// Asks as Envoy does: anna's request as it is, with its body.
fn asked(sidecar: &Sidecar, method: &str, target: &str, body: &Value) -> Reply {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let mut connection = Connection::open_at(&sidecar.address);
    connection.write(format!(
        "{method} /authz/envoy{target} HTTP/1.1\r\nhost: a\r\nx-user: anna\r\n\
         x-authz-resource: spoofed\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    connection.reply()
}

#[track_caller]
fn told(sidecar: &Sidecar, (method, target): (&str, &str), body: &Value, wanted: &str) {
    let reply = asked(sidecar, method, target, body);
    assert_eq!(reply.status, 200, "{target}: {}", reply.text);
    assert_eq!(reply.header("x-authz-resource"), Some(wanted), "{target}");
}

fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric();
    let byte = |byte: u8| match byte {
        byte if is_plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[test]
fn a_service_is_told_the_canonical_ids() {
    let sidecar = odd_start().start();
    let party = "Peppol::Participant::\"iso6523-actorid-upis::0088:party1\"";
    for spelling in [
        "0088:Party1",
        "GLN:PARTY1",
        "iso6523-actorid-upis%3A%3A0088%3aparty1",
    ] {
        told(
            &sidecar,
            ("GET", &format!("/api/v1/peppol/config/party/{spelling}")),
            &Value::Null,
            party,
        );
        let send = format!("/api/v1/{spelling}/salesInvoice/send");
        let platform = "; accessPoint=Peppol::AccessPoint::\"platform-production\"";
        told(
            &sidecar,
            ("POST", &send),
            &Value::Null,
            &format!("{party}{platform}"),
        );
    }
    // Of a request whose body says it too: each question once, and each entity of its context.
    let permissions = json!({"canSendDocument": true, "canReceiveDocument": true,
                             "canRemoveDocument": true, "canManageHook": true});
    let body = json!({"id": "GLN:Party1", "permissions": permissions});
    let user = format!("{party}; user=Peppol::User::\"mia\"");
    told(&sidecar, ("PUT", "/api/v1/user/mia/party"), &body, &user);
    told(
        &sidecar,
        ("PUT", "/orgs/acme"),
        &json!({"name": "x"}),
        "Peppol::Organisation::\"acme\"",
    );
    let reply = asked(
        &sidecar,
        "GET",
        "/iso6523-actorid-upis::0088:party1",
        &Value::Null,
    );
    assert_eq!(
        (reply.status, reply.header("x-authz-resource")),
        (200, Some(""))
    );
    let reply = asked(&sidecar, "GET", "/orgs/globex", &Value::Null);
    assert_eq!(
        (reply.status, reply.header("x-authz-resource")),
        (403, None)
    );
}

/// An id ends no item, whatever is in it, and is read back by percent-decoding it.
#[test]
fn no_id_is_two() {
    let sidecar = odd_start().start();
    let (at, odd) = (
        format!("/orgs/{}", encoded(ODD)),
        "a%2Cb%20c%22d=%C3%A9%F0%9F%98%80'<>",
    );
    told(
        &sidecar,
        ("GET", &at),
        &Value::Null,
        &format!("Peppol::Organisation::\"{odd}\""),
    );
    let body = json!({"participantIdentifier": "GLN:New-One_2", "environment": "PROD"});
    told(
        &sidecar,
        ("POST", &format!("{at}/participants")),
        &body,
        &format!(
            "Peppol::Organisation::\"{odd}\"; environment=Peppol::Environment::\"PRODUCTION\"; \
             participant=Peppol::ParticipantIdentifier::\"iso6523-actorid-upis::0088:new-one_2\""
        ),
    );
}

/// Several questions: a list in the order of the request, and one that would be too long is empty.
#[test]
fn a_list_is_told_whole_or_not() {
    let party =
        |number: u32| format!("Peppol::Participant::\"iso6523-actorid-upis::0088:party{number}\"");
    let whole = format!("{}, {}, {}", party(2), party(0), party(1));
    let body =
        json!({"ids": ["0088:party2", "GLN:PARTY0", "0088:PARTY2", "0088:party1", "0088:Party0"]});
    let delete = (
        "POST",
        format!("/orgs/{}/participants/batch-delete", encoded(ODD)),
    );
    for (most, wanted) in [
        (whole.len(), whole.as_str()),
        (whole.len() - 1, ""),
        (0, ""),
    ] {
        let start = odd_start().variable("PEPPOL_AUTHZ_GATEWAY__RESOURCE_BYTES", &most.to_string());
        told(&start.start(), (delete.0, &delete.1), &body, wanted);
    }
}
