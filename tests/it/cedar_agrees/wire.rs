//! The same over the wire: on each surface that takes Cedar's JSON, and out of a file.

use serde_json::{Value, json};

use super::uid;
use crate::connection::Connection;
use crate::sidecar::{Reply, Sidecar, Start};

const SCHEMA: &str = "
entity User;
entity Doc = { at: datetime, for: duration };
entity Draft = { at: datetime };
action see appliesTo { principal: User, resource: Doc, context: { at: datetime, for?: duration } };
action edit appliesTo { principal: User, resource: Draft, context: { at: datetime } };
";

const POLICIES: &str = r#"
@id("p/same") permit (principal, action == Action::"see", resource)
when { context.at == resource.at && (if context has for then context.for == resource.for else true) };
@id("p/later") permit (principal, action == Action::"edit", resource)
when { context.at > resource.at };
"#;

/// The second day of 1970, as Cedar writes what was computed.
fn second_day() -> Value {
    json!({"__extn": {"fn": "offset", "args": [
        {"__extn": {"fn": "datetime", "arg": "1970-01-01"}},
        {"__extn": {"fn": "duration", "arg": "86400000ms"}},
    ]}})
}

fn started() -> Sidecar {
    let entities = json!([
        {"uid": uid("User", "u"), "attrs": {}, "parents": []},
        {"uid": uid("Doc", "d"), "parents": [],
            "attrs": {"at": second_day(), "for": {"fn": "duration", "args": ["24h"]}}},
    ]);
    let start = Start::new().policies(SCHEMA, POLICIES);
    start.entities(&entities).start()
}

/// Every way to say the second day of 1970.
fn days() -> Vec<Value> {
    vec![
        json!("1970-01-02"),
        json!({"fn": "datetime", "arg": "1970-01-02"}),
        json!({"fn": "datetime", "args": ["1970-01-02"]}),
        json!({"__extn": {"fn": "datetime", "arg": "1970-01-02T00:00:00Z"}}),
        json!({"__extn": {"fn": "datetime", "args": ["1970-01-02T00:00:00.000Z"]}}),
        second_day(),
        json!({"fn": "offset", "args": ["1970-01-01", "1d"]}),
        json!({"fn": "toDate", "arg": "1970-01-02T13:14:15Z"}),
    ]
}

fn see(at: &Value) -> Value {
    json!({
        "principal": uid("User", "u"), "action": uid("Action", "see"), "resource": uid("Doc", "d"),
        "context": {"at": at},
    })
}

fn edit(at: &Value) -> Value {
    let draft = json!({"uid": uid("Draft", "n"), "attrs": {"at": at}, "parents": []});
    json!({
        "principal": uid("User", "u"), "action": uid("Action", "edit"),
        "resource": uid("Draft", "n"),
        "context": {"at": {"fn": "offset", "args": [at, "1ms"]}},
        "entities": [draft],
    })
}

#[test]
fn each_surface_takes_each_form() {
    let sidecar = started();
    for day in days() {
        for asked in [see(&day), edit(&day)] {
            assert_eq!(sidecar.ask(&asked)["decision"], "Allow", "{asked}");
        }
        let mut longer = see(&day);
        longer["context"]["for"] = json!({"__extn": {"fn": "durationSince", "args": [
            {"__extn": {"fn": "datetime", "arg": "1970-01-03"}}, second_day()]}});
        assert_eq!(sidecar.ask(&longer)["decision"], "Allow", "{longer}");
        let authzen = json!({
            "subject": uid("User", "u"), "action": {"name": "edit"},
            "resource": {"type": "Draft", "id": "n", "properties": {"at": day}},
            "context": {"at": {"fn": "offset", "args": [day, "1ms"]}},
        });
        let reply = sidecar.post("/access/v1/evaluation", &authzen);
        assert_eq!(reply.json()["decision"], true, "{}", reply.text);
        let avp = json!({
            "policyStoreId": "any",
            "principal": {"entityType": "User", "entityId": "u"},
            "action": {"actionType": "Action", "actionId": "see"},
            "resource": {"entityType": "Doc", "entityId": "d"},
            "context": {"cedarJson": json!({"at": day}).to_string()},
        });
        let target = [("X-Amz-Target", "VerifiedPermissions.IsAuthorized")];
        let reply = sidecar.send("/", &target, avp.to_string().as_bytes());
        assert_eq!(reply.json()["decision"], "ALLOW", "{}", reply.text);
    }
    for other in [
        json!("1970-01-03"),
        json!({"fn": "offset", "args": ["1970-01-01", "1s"]}),
        // Beyond the years that a text can say.
        json!({"fn": "offset", "args": ["9999-12-31", "40000d"]}),
    ] {
        assert_eq!(sidecar.ask(&see(&other))["decision"], "Deny", "{other}");
    }
    for wrong in [
        json!({"fn": "unknown", "arg": "x"}),
        json!({"__extn": {"fn": "unknown", "arg": "x"}}),
        json!({"fn": "duration", "arg": "1d"}),
        json!({"fn": "datetime", "arg": {"__extn": {"fn": "unknown", "arg": "x"}}}),
        json!({"fn": "offset", "args": ["1970-01-02"]}),
        json!({"fn": "datetime", "arg": "1970-01-02", "args": []}),
    ] {
        let reply = sidecar.post("/v1/is_authorized", &see(&wrong));
        assert_eq!(reply.status, 400, "{wrong}: {}", reply.text);
        assert!(reply.text.contains("context.at"), "{}", reply.text);
    }
}

#[test]
fn an_entity_that_the_file_serves_is_told_so_whatever_it_lacks() {
    let sidecar = started();
    let doc = |members: Value| {
        let mut doc = json!({"uid": uid("Doc", "d")});
        doc.as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        doc
    };
    for described in [
        doc(json!({})),
        doc(json!({"attrs": {}, "parents": []})),
        doc(json!({"attrs": {"at": 1}, "parent": []})),
    ] {
        let mut asked = see(&json!("1970-01-02"));
        asked["entities"] = json!([described]);
        let reply = sidecar.post("/v1/is_authorized", &asked);
        assert_eq!(reply.status, 400, "{}", reply.text);
        assert_eq!(
            reply.json()["code"],
            "ENTITY_OF_SERVED_TYPE",
            "{}",
            reply.text
        );
        let avp = json!({
            "policyStoreId": "any",
            "principal": {"entityType": "User", "entityId": "u"},
            "action": {"actionType": "Action", "actionId": "see"},
            "resource": {"entityType": "Doc", "entityId": "d"},
            "context": {"cedarJson": "{\"at\": \"1970-01-02\"}"},
            "entities": {"cedarJson": json!([described]).to_string()},
        });
        let target = [("X-Amz-Target", "VerifiedPermissions.IsAuthorized")];
        let reply = sidecar.send("/", &target, avp.to_string().as_bytes());
        assert_eq!(reply.status, 400, "{}", reply.text);
        assert!(
            reply.text.contains("the tenancy store alone says"),
            "{}",
            reply.text
        );
    }
    let authzen = json!({
        "subject": uid("User", "u"), "action": {"name": "see"},
        "resource": {"type": "Doc", "id": "d", "properties": {"at": 1}},
        "context": {"at": "1970-01-02"},
    });
    let reply = sidecar.post("/access/v1/evaluation", &authzen);
    assert!(!reply.text.contains("is missing"), "{}", reply.text);
}

/// The head of a request whose body is announced, and not sent yet.
fn head(line: &str, kind: &str) -> String {
    format!("{line} HTTP/1.1\r\nhost: a\r\ncontent-type: {kind}\r\ncontent-length: 5\r\n\r\n")
}

#[test]
fn a_refusal_before_the_body_is_read_says_that_it_closes() {
    let sidecar = started();
    let asked = |head: &str| -> (Reply, Connection) {
        let mut connection = Connection::open(&sidecar);
        connection.write(head);
        (connection.reply(), connection)
    };
    for (line, kind, status) in [
        ("PUT /v1/is_authorized", "application/json", 405),
        ("POST /nowhere", "application/json", 404),
        ("POST /access/v1/evaluation", "text/plain", 400),
    ] {
        let (reply, mut connection) = asked(&head(line, kind));
        assert_eq!(reply.status, status, "{line}: {}", reply.text);
        assert_eq!(reply.header("connection"), Some("close"), "{line}");
        connection.ends();
    }
    // Without a body there is nothing left to read.
    for line in ["GET /nowhere", "DELETE /v1/is_authorized"] {
        let (reply, mut connection) = asked(&format!("{line} HTTP/1.1\r\nhost: a\r\n\r\n"));
        assert!(reply.status >= 400, "{}", reply.text);
        assert_eq!(reply.header("connection"), None, "{line}");
        assert_eq!(connection.get("/livez").status, 200);
    }
    // One that was read to its end leaves nothing either.
    let (reply, mut connection) = asked(&format!(
        "{}{{\"a\"}}",
        head("POST /v1/is_authorized", "application/json")
    ));
    assert_eq!(reply.status, 400, "{}", reply.text);
    assert_eq!(reply.header("connection"), None);
    assert_eq!(connection.get("/livez").status, 200);
}
