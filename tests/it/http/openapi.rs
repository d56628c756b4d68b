//! The document says what there is: each route of the program is in it, and nothing else.
//! A client that makes requests of it checks that they are answered as it says.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::sidecar;
use crate::connection::Connection;
use crate::rules::vocabulary::ACTIONS;
use crate::sidecar::{Sidecar, Start, project};

fn document(sidecar: &Sidecar) -> Value {
    let reply = sidecar.get("/openapi.json");
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    reply.json()
}

/// Path, method and the name of the handler.
fn operations(document: &Value) -> Vec<(&str, &str, &str)> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            all.push((path.as_str(), method.as_str(), name));
        }
    }
    all
}

#[test]
fn each_operation_of_the_document_is_answered() {
    let sidecar = sidecar();
    let document = document(&sidecar);
    assert_eq!(document["openapi"], "3.1.0");
    let fixed = |path: &str| !path.contains('{');
    for (path, method, _) in operations(&document)
        .into_iter()
        .filter(|(path, ..)| fixed(path))
    {
        let method = method.to_uppercase();
        let mut connection = Connection::open(&sidecar);
        connection.write(format!(
            "{method} {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{{}}"
        ));
        let status = connection.reply().status;
        assert!(![404, 405].contains(&status), "{method} {path}: {status}");
    }
}

/// Tools sort operations: a text that goes on from another one says nothing there.
#[test]
fn each_text_of_an_operation_stands_alone() {
    let document = document(&sidecar());
    for (path, method, _) in operations(&document) {
        let operation = &document["paths"][path][method];
        let responses = operation["responses"].as_object().unwrap().values();
        let texts = responses.map(|response| &response["description"]);
        for text in texts.chain([&operation["summary"]]) {
            let text = text.as_str().unwrap();
            let leans = ["The same", "They ", "This "];
            let leans = leans.iter().any(|words| text.starts_with(words));
            assert!(!leans && !text.contains("the same for"), "{path}: {text}");
        }
    }
}

/// How callers say who they are, and what those are answered that are not let in.
#[test]
fn the_document_tells_callers_how_to_be_known() {
    let document = document(&sidecar());
    let schemes = document["components"]["securitySchemes"]
        .as_object()
        .unwrap();
    let names: BTreeSet<&str> = schemes.keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["bearer", "certificate", "sidecar"]));
    for needed in document["security"].as_array().unwrap() {
        let needed = needed.as_object().unwrap();
        assert!(needed.keys().all(|name| schemes.contains_key(name)));
    }
    for (path, method, _) in operations(&document) {
        let operation = &document["paths"][path][method];
        let is_open = ["/livez", "/readyz", "/healthz"].contains(&path);
        assert_eq!(
            operation.get("security"),
            is_open.then_some(&json!([])),
            "{path}"
        );
        let statuses: &[&str] = match path {
            _ if is_open => &[],
            // Its client could do nothing about the others.
            path if path.starts_with("/authz") => &["403", "503"],
            _ => &["401", "403", "429"],
        };
        for status in statuses {
            let response = &operation["responses"][status];
            assert!(response["content"].is_object(), "{path} {status}");
        }
    }
}

/// By the source, as a router does not tell its routes.
#[test]
fn each_route_of_the_program_is_in_the_document() {
    let mut files = vec![project("crates/server/src/http.rs")];
    crate::layers::files(&project("crates/server/src/http"), &mut files);
    files.retain(|file| !file.ends_with("tests.rs"));
    let texts = files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap());
    let text: String = texts.collect();
    let handlers = text.split("(routes!(").skip(1).flat_map(|rest| {
        let (list, _) = rest.split_once(')').unwrap();
        list.split(',')
    });
    let handlers: BTreeSet<&str> = handlers
        .filter_map(|handler| handler.trim().rsplit("::").next())
        .filter(|handler| !handler.is_empty())
        .collect();
    let document = document(&sidecar());
    let named: BTreeSet<&str> = operations(&document)
        .into_iter()
        .map(|(_, _, name)| name)
        .collect();
    assert_eq!(handlers, named);
    // A router that is merged or nested is made of the same, by its type.
    for other in ["route(", "route_service(", "nest_service("] {
        assert!(
            !text.contains(&format!(".{other}")),
            "{other} adds what the document does not say"
        );
    }
}

#[test]
fn every_action_of_the_schema_in_force_is_a_question() {
    let sidecar = sidecar();
    let document = document(&sidecar);
    let schemas = &document["components"]["schemas"];
    let questions = schemas["Question"]["anyOf"].as_array().unwrap();
    assert_eq!(questions.len(), ACTIONS.len());
    let question = |title: &str| {
        questions
            .iter()
            .find(|found| found["title"] == title)
            .unwrap()
    };
    let request = question("requestModeChange");
    assert_eq!(
        request["required"],
        json!(["principal", "action", "resource", "context"])
    );
    let mode = &request["properties"]["context"]["properties"]["requestedMode"];
    assert_eq!(
        mode["anyOf"][0],
        json!({"enum": ["DEMO", "SHARED", "WHITELABEL"]})
    );
    // The store serves all types: nobody describes any.
    let entities = &request["properties"]["entities"]["anyOf"][0];
    assert_eq!(*entities, json!({"type": "array", "maxItems": 0}));
}

#[test]
fn another_schema_has_another_document() {
    let start = Start::new();
    let (schema, policies) = (start.path("schema.cedarschema"), start.path("policies"));
    let entities = start.path("entities.json");
    std::fs::create_dir(&policies).unwrap();
    let text = "entity User; entity Doc in [Doc] = { owner: User, size?: Long } tags String;\n\
                action read appliesTo { principal: User, resource: Doc };";
    std::fs::write(&schema, text).unwrap();
    std::fs::write(
        policies.join("all.cedar"),
        "@id(\"all\") permit (principal, action, resource);",
    )
    .unwrap();
    std::fs::write(
        &entities,
        r#"[{"uid": {"type": "User", "id": "u"}, "attrs": {}, "parents": []}]"#,
    )
    .unwrap();
    let tenancy = format!("entities:{}", entities.display());
    let arguments = [
        ["--schema", schema.to_str().unwrap()],
        ["--policies", policies.to_str().unwrap()],
        ["--tenancy", &tenancy],
    ];
    let sidecar = start.with(arguments.as_flattened()).start();
    let before = document(&sidecar);
    let read = &before["components"]["schemas"]["Question"]["anyOf"][0];
    assert_eq!(
        read["properties"]["action"]["anyOf"][0],
        json!({"const": "Action::\"read\""})
    );
    let described = &read["properties"]["entities"]["anyOf"][0]["items"]["anyOf"];
    let doc = json!({
        "type": "object",
        "required": ["uid", "attrs"],
        "additionalProperties": false,
        "properties": {
            "uid": {"$ref": "#/components/schemas/Entity.Doc"},
            "attrs": {
                "type": "object",
                "required": ["owner"],
                "additionalProperties": false,
                "properties": {
                    "owner": described[0]["properties"]["attrs"]["properties"]["owner"],
                    "size": {"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX},
                },
            },
            "parents": {"type": "array", "items": {"anyOf": [{"$ref": "#/components/schemas/Entity.Doc"}]}},
            "tags": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    });
    assert_eq!(*described, json!([doc]));
    std::fs::write(&schema, text.replace("action read", "action read, write")).unwrap();
    sidecar.signal("HUP");
    crate::eventually::until("the document has both actions", || {
        let document = document(&sidecar);
        let questions = &document["components"]["schemas"]["Question"]["anyOf"];
        questions.as_array().unwrap().len() == 2
    });
}
