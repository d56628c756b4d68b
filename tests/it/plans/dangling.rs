//! Rows that name an entity which nobody holds: a policy that reads it fails, and the question is denied,
//! also where another policy permits.

use serde_json::{Value, json};

use super::table::Table;
use super::{plan, planned, with};
use crate::sidecar::{Sidecar, Start};

pub(super) const SCHEMA: &str = r#"
entity User;
entity Folder { open: Bool };
entity Document { direction: String, folder: Folder };
action read appliesTo { principal: User, resource: Document };
"#;

pub(super) const POLICIES: &str = r#"
@id("sent")
permit (principal, action == Action::"read", resource)
when { resource.direction == "SENT" };

@id("open")
permit (principal, action == Action::"read", resource)
when { resource.folder.open };
"#;

const ROWS: [(&str, Option<&str>); 3] =
    [("d-1", Some("here")), ("d-2", Some("ghost")), ("d-3", None)];

pub(super) fn start() -> Start {
    let held = json!([
        {"uid": {"type": "User", "id": "u"}, "attrs": {}, "parents": []},
        {"uid": {"type": "Folder", "id": "here"}, "attrs": {"open": false}, "parents": []},
        {"uid": {"type": "Folder", "id": "other"}, "attrs": {"open": false}, "parents": []},
    ]);
    Start::new().policies(SCHEMA, POLICIES).entities(&held)
}

fn wanted() -> Value {
    json!({
        "principal": "User::\"u\"",
        "action": "Action::\"read\"",
        "resource": {"type": "Document"},
        "dialect": "sqlite",
    })
}

/// Returns true if a row is allowed as it describes itself.
fn is_allowed(sidecar: &Sidecar, id: &str, folder: Option<&str>) -> bool {
    let mut attrs = json!({"direction": "SENT"});
    if let Some(folder) = folder {
        attrs["folder"] = json!({"type": "Folder", "id": folder});
    }
    let mut question = with(wanted(), "resource", format!("Document::\"{id}\""));
    question.as_object_mut().unwrap().remove("dialect");
    question["entities"] =
        json!([{"uid": {"type": "Document", "id": id}, "attrs": attrs, "parents": []}]);
    let reply = sidecar.post("/v1/is_authorized", &question);
    reply.status == 200 && reply.json()["decision"] == "Allow"
}

#[test]
fn a_row_that_names_nobody_is_not_found() {
    let sidecar = start().start();
    for (id, folder) in ROWS {
        assert_eq!(is_allowed(&sidecar, id, folder), id == "d-1", "{id}");
    }
    let answer = planned(&sidecar, &wanted());
    let table = Table::of_documents("folder", &ROWS);
    assert_eq!(table.found(&answer["sql"]), ["d-1"], "{answer}");
    // Where there are more than a list holds, their table says which there are.
    let sidecar = start()
        .variable("PEPPOL_AUTHZ_LIMITS__PLAN_IDS", "1")
        .start();
    let reply = plan(&sidecar, &wanted());
    assert_eq!(reply.status, 422, "{}", reply.text);
    assert_eq!(reply.json()["code"], "PLAN_TOO_WIDE");
    let columns = json!({"Folder": {"$table": "folders"}});
    let answer = planned(&sidecar, &with(wanted(), "columns", columns));
    table.run(
        "CREATE TABLE folders (id TEXT PRIMARY KEY, open INTEGER);
         INSERT INTO folders VALUES ('here', 0), ('other', 0)",
    );
    assert_eq!(table.found(&answer["sql"]), ["d-1"], "{answer}");
}
