//! `check --openapi`: a service's description, held against the route table.

mod descriptions;
mod products;
mod reads;

use serde_json::Value;

use super::json;
use crate::author::{Author, Ended, SCHEMA};
use crate::sidecar::project;

const ROUTES: &str = "schema/routes.toml";
const API: &str = "api.yaml";

const SCHEMA_TEXT: &str = r#"entity Mode enum ["OPEN", "CLOSED"];
entity User = { email: String };
type Rights = { read: Bool, write?: Bool };
entity Desk = { owner: User, mode: Mode };
action look, list appliesTo { principal: User, resource: Desk };
action move appliesTo {
  principal: User,
  resource: Desk,
  context: { mode?: Mode, size?: Long, force?: Bool, rights?: Rights, modes?: Set<Mode>, at?: datetime, note?: String },
};
"#;

const TABLE: &str = r#"[[route]]
request = ["GET /desks/{id}", "DELETE /desks/{id}"]

[[route.ask]]
action = "look"
resource = { Desk = "{path.id}" }

[[route]]
request = "PUT /desks/{id}"

[[route.ask]]
action = "move"
resource = { Desk = "{path.id}" }
belongs = { owner = "{query.owner}" }
when = { sets = { mode = "{body.mode}" } }

[route.ask.context]
mode = "{body.mode}"
size = { from = "{body.size}", optional = true }
force = "{body.force}"
rights = { from = "{body.rights}", optional = true }
modes = "{body.modes}"
at = "{header.X-At}"

[[route]]
request = "POST /desks/delete"

[[route.ask]]
action = "look"
each = "{body.ids}"
resource = { Desk = "desk-{each.id}" }

[[route]]
request = "GET /"
public = "anybody may see the door"

[[route]]
request = "GET /desks"
denied = "no action is for it"
"#;

const API_TEXT: &str = r##"openapi: 3.1.0
info: {title: Desks, version: "1"}
servers: [{url: "https://desks.example/"}]
paths:
  /: {get: {responses: {}}}
  /desks: {get: {responses: {}}}
  /desks/{desk-id}:
    parameters:
      - {name: desk-id, in: path, required: true, schema: {type: integer}}
    get: {responses: {}}
    delete: {responses: {}}
    put:
      parameters:
        - {$ref: "#/components/parameters/owner"}
        - {name: x-at, in: header, schema: {type: string, format: date-time}}
      requestBody: {$ref: "#/components/requestBodies/Desk"}
      responses: {}
  /desks/delete:
    post:
      requestBody:
        content:
          application/x-www-form-urlencoded: {}
          application/json:
            schema: {properties: {ids: {type: array, items: {properties: {id: {type: integer}}}}}}
      responses: {}
components:
  parameters:
    owner: {name: owner, in: query, schema: {type: string}}
  requestBodies:
    Desk:
      content:
        application/json; charset=utf-8:
          schema: {$ref: "#/components/schemas/Desk"}
  schemas:
    Mode: {enum: [OPEN, CLOSED]}
    Desk:
      allOf:
        - {$ref: "#/components/schemas/Sized"}
        - type: object
          properties:
            mode: {anyOf: [{$ref: "#/components/schemas/Mode"}, {type: "null"}]}
            force: {type: [boolean, "null"]}
            rights: {properties: {read: {type: boolean}}}
            modes: {type: array, items: {$ref: "#/components/schemas/Mode"}}
    Sized:
      properties:
        size: {oneOf: [{type: integer}, {type: string}]}
        parent: {$ref: "#/components/schemas/Desk"}
"##;

/// A working directory with a table and a description.
fn author(table: &str, api: &str) -> Author {
    let author = Author::empty();
    author.write(SCHEMA, SCHEMA_TEXT);
    author.write(
        "policies/p.cedar",
        "permit (principal, action, resource);\n",
    );
    author.write(ROUTES, table);
    author.write(API, api);
    author
}

/// File, line and message of each finding.
#[track_caller]
fn found(table: &str, api: &str) -> Vec<(String, u64, String)> {
    let ended = author(table, api).run(&["check", "--json", "--openapi", API]);
    let faults = json(&ended);
    let is_fault = |fault: &Value| fault["severity"] != "note";
    let expected = if faults.iter().any(is_fault) { 3 } else { 0 };
    assert_eq!(ended.code, Some(expected), "{ended:?}");
    let found = faults.iter().map(|fault| {
        let text = |member: &str| fault[member].as_str().unwrap().to_owned();
        (
            text("file"),
            fault["line"].as_u64().unwrap(),
            text("message"),
        )
    });
    found.collect()
}

/// The line of a text that holds another one first.
#[track_caller]
fn line(text: &str, part: &str) -> u64 {
    let at = text.find(part).unwrap_or_else(|| panic!("no `{part}`"));
    u64::try_from(text.split_at(at).0.matches('\n').count() + 1).unwrap()
}

#[test]
fn a_table_that_fits_its_description_is_without_a_fault() {
    let author = author(TABLE, API_TEXT);
    let ended = author.run(&["check", "--openapi", API]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended
            .stdout
            .ends_with("ok: 6 operations of api.yaml are in the route table\n"),
        "{ended:?}"
    );
    let ended = author.run(&["check", "--json", "--openapi", API]);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
}

#[test]
fn an_operation_without_an_entry_is_found() {
    let api = API_TEXT.replacen(
        "  /desks:",
        "  /rooms/{room-id}/keys/{key}.json:\n    patch:\n      parameters: [{name: by, in: query}]\n      requestBody: {$ref: \"#/components/requestBodies/Desk\"}\n      responses: {}\n  /desks:",
        1,
    );
    let author = author(TABLE, &api);
    let ended = author.run(&["check", "--openapi", API]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    for part in [
        "`PATCH /rooms/{room_id}/keys/{key=*.json}` has no entry in the route table",
        "[api.yaml:7:5]",
    ] {
        assert!(ended.stderr.contains(part), "{part}\n{ended:?}");
    }
    let skeleton = "# In its query: by\n\
        # In its body: force, mode, modes, rights, parent, size\n\
        # In place of the `ask`, where there is no question: public = \"TODO\" or denied = \"TODO\"\n\
        [[route]]\n\
        request = \"PATCH /rooms/{room_id}/keys/{key=*.json}\"\n\
        \n\
        [[route.ask]]\n\
        action = \"TODO\"\n\
        resource = { TODO = \"{path.key}\" }\n";
    assert_eq!(ended.stdout, skeleton);
    // The same for programs.
    let ended = author.run(&["check", "--json", "--openapi", API]);
    let faults = json(&ended);
    assert_eq!(faults.len(), 1, "{ended:?}");
    let pointer = "/paths/~1rooms~1{room-id}~1keys~1{key}.json/patch";
    assert_eq!(
        (&faults[0]["pointer"], &faults[0]["skeleton"]),
        (&pointer.into(), &skeleton.into())
    );
    // Pasted as it is, it can be read, and allows nothing.
    author.write(ROUTES, &format!("{TABLE}\n{skeleton}"));
    let ended = author.run(&["check", "--openapi", API]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    for part in [
        "a place that is still to be filled in",
        "no entity type is called `TODO`",
    ] {
        assert!(ended.stderr.contains(part), "{ended:?}");
    }
    for reason in ["public", "denied"] {
        let entry =
            format!("[[route]]\nrequest = \"PATCH /rooms/{{r}}/keys/{{k=*.json}}\"\n{reason} = ");
        author.write(ROUTES, &format!("{TABLE}\n{entry}\"TODO why\"\n"));
        let ended = author.run(&["check", "--openapi", API]);
        assert!(
            ended
                .stderr
                .contains("a place that is still to be filled in"),
            "{ended:?}"
        );
        author.write(ROUTES, &format!("{TABLE}\n{entry}\" \"\n"));
        let ended = author.run(&["check", "--openapi", API]);
        let said = format!("it does not say why it is {reason}");
        assert!(
            ended.code == Some(3) && ended.stderr.contains(&said),
            "{ended:?}"
        );
        author.write(ROUTES, &format!("{TABLE}\n{entry}\"the door again\"\n"));
        let ended = author.run(&["check", "--openapi", API]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    // Filled in, it is an entry.
    let filled = skeleton.replacen(
        "\"TODO\"\nresource = { TODO",
        "\"look\"\nresource = { Desk",
        1,
    );
    author.write(ROUTES, &format!("{TABLE}\n{filled}"));
    let ended = author.run(&["check", "--openapi", API]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn an_operation_that_another_entry_answers_is_found_too() {
    let api = API_TEXT.replacen(
        "  /desks:",
        "  /desks/mine: {get: {responses: {}}}\n  /desks:",
        1,
    );
    let said = "`GET /desks/mine` has no entry in the route table of its own, and `GET /desks/{id}` answers for it";
    assert_eq!(found(TABLE, &api), [(API.to_owned(), 6, said.to_owned())]);
    // A path that is partly fixed is another endpoint, too.
    for (path, request) in [
        ("/desks/{desk-id}:lock", "GET /desks/{desk_id=*:lock}"),
        ("/desks/by-{room}", "GET /desks/{room=by-*}"),
        ("/desks/{desk-id}.{format}", "GET /desks/{desk_id=*.*}"),
    ] {
        let api = API_TEXT.replacen(
            "  /desks:",
            &format!("  {path}: {{get: {{responses: {{}}}}}}\n  /desks:"),
            1,
        );
        let said = format!(
            "`{request}` has no entry in the route table of its own, and `GET /desks/{{id}}` answers for it"
        );
        assert_eq!(found(TABLE, &api), [(API.to_owned(), 6, said)]);
    }
    // An entry that denies it goes before.
    let denied = format!(
        "{TABLE}\n[[route]]\nrequest = \"GET /desks/mine\"\ndenied = \"nobody is asked\"\n"
    );
    assert_eq!(found(&denied, &api), []);
    let author = author(&denied, &api);
    for (path, expected) in [
        ("/desks/mine", "the table denies it: nobody is asked"),
        ("/desks/d-1", "asked look on"),
    ] {
        let ended = author.run(&["route", "GET", path]);
        assert!(ended.stdout.contains(expected), "{ended:?}");
    }
    // Where the service has nothing else, the entry is for these.
    let api = API_TEXT.replacen("  /desks/{desk-id}:\n", "  /desks/mine: {get: {responses: {}}}\n  /desks/yours: {get: {responses: {}}}\n  /tables/{desk-id}:\n", 1);
    let table = TABLE.replace(
        "\"DELETE /desks/{id}\"",
        "\"DELETE /tables/{id}\", \"GET /tables/{id}\"",
    );
    let table = table.replace("PUT /desks", "PUT /tables");
    assert_eq!(found(&table, &api), []);
}

#[test]
fn a_part_of_an_operation_is_not_the_operation() {
    let table = TABLE.replace("\"GET /desks/{id}\", ", "");
    let table = format!(
        "{table}\n[[route]]\nrequest = \"GET /desks/mine\"\n\n[[route.ask]]\naction = \"look\"\nresource = {{ Desk = \"x\" }}\n"
    );
    let said = "`GET /desks/{desk_id}` has no entry in the route table of its own, and `GET /desks/mine` answers for a part of it";
    assert_eq!(
        found(&table, API_TEXT),
        [(
            API.to_owned(),
            line(API_TEXT, "    get: {responses: {}}\n    delete"),
            said.to_owned()
        )]
    );
}

#[test]
fn an_entry_without_an_operation_is_found_unless_a_part_is_described() {
    let api = API_TEXT.replacen("    delete: {responses: {}}\n", "", 1);
    let said = "no description has `DELETE /desks/{id}`";
    assert_eq!(
        found(TABLE, &api),
        [(ROUTES.to_owned(), 2, said.to_owned())]
    );
    let author = author(TABLE, &api);
    let ended = author.run(&["check", "--openapi", API, "--openapi-partial"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("1 of 6 requests is in no description"),
        "{ended:?}"
    );
    // Another description may have it.
    author.write(
        "more.json",
        r#"{"openapi": "3.0.3", "paths": {"/desks/{x}": {"delete": {}}}}"#,
    );
    let ended = author.run(&["check", "--openapi", API, "--openapi", "more.json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.contains("ok: 1 operation of more.json is in"),
        "{ended:?}"
    );
    for option in [&["--openapi-partial"][..], &["--openapi-base", "/x"]] {
        let ended = author.run(&[&["check"], option].concat());
        assert_eq!(ended.code, Some(64), "{ended:?}");
    }
}

#[test]
fn head_is_get_and_options_is_itself() {
    let api = API_TEXT.replacen(
        "  /: {get:",
        "  /: {head: {responses: {}}, options: {responses: {}}, trace: {responses: {}}, get:",
        1,
    );
    let expected = [
        "`TRACE /` is always denied: no table has this method",
        "`OPTIONS /` has no entry in the route table",
    ];
    let found = found(TABLE, &api);
    assert_eq!(
        found
            .iter()
            .map(|(.., said)| said.as_str())
            .collect::<Vec<_>>(),
        expected
    );
    let api = API_TEXT.replacen("  /: {get:", "  /: {head:", 1);
    assert_eq!(self::found(TABLE, &api), []);
}

#[test]
fn a_public_entry_for_what_wants_credentials_is_noted() {
    let api = API_TEXT.replacen("paths:\n", "security: [{key: []}]\npaths:\n", 1);
    let said = "`GET /` is public, and the description wants credentials for it";
    assert_eq!(
        found(TABLE, &api),
        [(ROUTES.to_owned(), line(TABLE, "\"GET /\""), said.to_owned())]
    );
    for own in ["security: []", "security: [{}, {key: []}]"] {
        let api = api.replacen("/: {get: {", &format!("/: {{get: {{{own}, "), 1);
        assert_eq!(found(TABLE, &api), [], "{own}");
    }
}

/// The example's description says what its code has, and the shipped table is for it.
#[test]
fn the_example_is_described_as_it_is() {
    let mut endpoints = Vec::new();
    for module in ["organisations", "members", "parties", "legal_entities"] {
        let code =
            std::fs::read_to_string(project(&format!("examples/tenancy-api/{module}.py"))).unwrap();
        let (_, listed) = code.split_once("\nENDPOINTS = [\n").unwrap();
        endpoints.extend(listed.lines().filter_map(|line| {
            let mut parts = line.trim().strip_prefix('(')?.split('"');
            Some(format!("{} {}", parts.nth(1)?, parts.nth(1)?))
        }));
    }
    assert!(endpoints.len() > 30);
    let author = Author::empty();
    let api = project("examples/tenancy-api/openapi.yaml");
    let run = |author: &Author, options: &[&str]| -> Ended {
        let named = ["check", "--openapi", api.to_str().unwrap()];
        author.run(&[&named, options].concat())
    };
    let ended = run(&author, &["--openapi-partial"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // A table of exactly these, so that one more or one less in either would be found.
    let requests: Vec<_> = endpoints.iter().map(|it| format!("\"{it}\"")).collect();
    author.write(
        "routes.toml",
        &format!(
            "[[route]]\nrequest = [{}]\ndenied = \"to compare\"\n",
            requests.join(", ")
        ),
    );
    let ended = run(&author, &["--routes", "routes.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
