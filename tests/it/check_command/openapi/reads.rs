//! The places that an entry reads, and the description of them.

use super::{API, API_TEXT, ROUTES, TABLE, author, found, line};
use crate::check_command::json;

/// One edit of the description is one finding in the table, where `reference` stands.
#[track_caller]
fn assert_in_table(old: &str, new: &str, reference: &str, message: &str) {
    assert!(API_TEXT.contains(old), "{old}");
    let found = found(TABLE, &API_TEXT.replacen(old, new, 1));
    let expected = (
        ROUTES.to_owned(),
        line(TABLE, reference),
        message.to_owned(),
    );
    assert_eq!(found, [expected], "{new}");
}

#[test]
fn what_an_entry_reads_has_to_be_there() {
    for (old, new, reference, message) in [
        (
            "name: owner, in: query",
            "name: Owner, in: query",
            "{query.owner}",
            "`query.owner` is not described for `PUT /desks/{desk_id}`",
        ),
        (
            "name: x-at, in: header",
            "name: x-at, in: cookie",
            "{header.X-At}",
            "`header.x-at` is not described for `PUT /desks/{desk_id}`",
        ),
        (
            "            force: {type",
            "            forced: {type",
            "{body.force}",
            "`body.force` is not described for `PUT /desks/{desk_id}`",
        ),
        (
            "properties: {ids:",
            "properties: {names:",
            "{body.ids}",
            "`body.ids` is not described for `POST /desks/delete`",
        ),
        (
            "properties: {id: {type: integer}}",
            "properties: {name: {type: integer}}",
            "{each.id}",
            "`each.id` is not described for `POST /desks/delete`",
        ),
    ] {
        assert_in_table(old, new, reference, message);
    }
    // Where it is described, and what is there instead.
    let api = API_TEXT.replacen("name: owner, in: query", "name: Owner, in: query", 1);
    let ended = author(TABLE, &api).run(&["check", "--json", "--openapi", API]);
    let fault = &json(&ended)[0];
    let help = format!(
        "`/paths/~1desks~1{{desk-id}}/put` in line {} of api.yaml; did you mean `Owner`?",
        line(&api, "    put:")
    );
    assert_eq!(fault["help"], help.as_str());
    assert_eq!(fault["pointer"], "/paths/~1desks~1{desk-id}/put");
    let (start, end) = (
        fault["column"].as_u64().unwrap(),
        fault["endColumn"].as_u64().unwrap(),
    );
    assert_eq!(end - start, u64::try_from("{query.owner}".len()).unwrap());
}

#[test]
fn what_an_entry_reads_has_to_fit() {
    for (old, new, reference, message) in [
        (
            "schema: {type: integer}}\n    get",
            "schema: {type: array}}\n    get",
            "{path.id}",
            "`path.id` is an array by the description of `GET /desks/{desk_id}`, and a string is wanted",
        ),
        (
            "force: {type: [boolean, \"null\"]}",
            "force: {type: [string, integer]}",
            "{body.force}",
            "`body.force` is a whole number or a string by the description of `PUT /desks/{desk_id}`, and true or false is wanted",
        ),
        (
            "size: {oneOf: [{type: integer}, {type: string}]}",
            "size: {oneOf: [{type: number}, {type: string}]}",
            "{body.size}",
            "`body.size` is a number or a string by the description of `PUT /desks/{desk_id}`, and a whole number is wanted",
        ),
        (
            "rights: {properties: {read: {type: boolean}}}",
            "rights: {properties: {write: {type: boolean}}}",
            "{body.rights}",
            "`body.rights` has no member `read` by the description of `PUT /desks/{desk_id}`, and one is wanted",
        ),
        (
            "rights: {properties: {read: {type: boolean}}}",
            "rights: {properties: {read: {type: boolean}, write: {enum: [1]}}}",
            "{body.rights}",
            "`body.rights` has a member `write`, which is a whole number by the description of `PUT /desks/{desk_id}`, and true or false is wanted",
        ),
        (
            "modes: {type: array, items: {$ref: \"#/components/schemas/Mode\"}}",
            "modes: {type: array, items: {const: SHUT}}",
            "{body.modes}",
            "`body.modes` has elements of which each may be `SHUT` by the description of `PUT /desks/{desk_id}`, and no `Mode` is called so; `choices` could say what is meant",
        ),
        (
            "ids: {type: array, items",
            "ids: {type: object, items",
            "{body.ids}",
            "`body.ids` is an object by the description of `POST /desks/delete`, and an array is wanted",
        ),
        (
            "properties: {id: {type: integer}}",
            "properties: {id: {type: number}}",
            "{each.id}",
            "`each.id` is a number by the description of `POST /desks/delete`, and a string or a whole number is wanted",
        ),
    ] {
        let found = found(TABLE, &API_TEXT.replacen(old, new, 1));
        let expected = (
            ROUTES.to_owned(),
            line(TABLE, reference),
            message.to_owned(),
        );
        assert!(API_TEXT.contains(old), "{old}");
        assert_eq!(found.first(), Some(&expected), "{new}\n{found:?}");
    }
    // A name in a body is a text, and never a number.
    let table = TABLE.replace("{ Desk = \"desk-{each.id}\" }", "{ Desk = \"{each.id}\" }");
    let said = "`each.id` is a whole number by the description of `POST /desks/delete`, and a string is wanted";
    let expected = (
        ROUTES.to_owned(),
        line(&table, "{each.id}"),
        said.to_owned(),
    );
    assert_eq!(found(&table, API_TEXT), [expected]);
}

#[test]
fn listed_values_have_to_be_known() {
    let api = API_TEXT.replace(
        "Mode: {enum: [OPEN, CLOSED]}",
        "Mode: {enum: [OPEN, SHUT, null]}",
    );
    let found_in = |table: &str| {
        let found = found(table, &api);
        found.into_iter().map(|(.., said)| said).collect::<Vec<_>>()
    };
    let said = "`body.mode` may be `SHUT` by the description of `PUT /desks/{desk_id}`, and no `Mode` is called so; `choices` could say what is meant";
    assert_eq!(found_in(TABLE)[0], said);
    let chosen = |choices: &str| {
        let from = format!("{{ from = \"{{body.mode}}\", choices = {choices} }}");
        let table = TABLE.replace("mode = \"{body.mode}\"", &format!("mode = {from}"));
        table.replace("modes = \"{body.modes}\"\n", "")
    };
    assert_eq!(
        found_in(&chosen("{ OPEN = \"OPEN\", SHUT = \"CLOSED\" }")),
        Vec::<String>::new()
    );
    let said = "`body.mode` may be `SHUT` by the description of `PUT /desks/{desk_id}`, and `choices` do not have it";
    assert_eq!(found_in(&chosen("{ OPEN = \"OPEN\" }")), [said]);
}

#[test]
fn a_body_is_read_as_json() {
    let json = "          application/json:\n            schema: {properties: {ids: {type: array, items: {properties: {id: {type: integer}}}}}}\n";
    assert_in_table(
        json,
        "",
        "{body.ids}",
        "`body.ids` is read from JSON, and the body of `POST /desks/delete` is `application/x-www-form-urlencoded`",
    );
    assert_in_table(
        "      requestBody:\n        content:\n          application/x-www-form-urlencoded: {}\n          application/json:\n            schema: {properties: {ids: {type: array, items: {properties: {id: {type: integer}}}}}}\n",
        "",
        "{body.ids}",
        "`body.ids` is read, and `POST /desks/delete` has no body",
    );
    for kind in [
        "application/merge-patch+json",
        "'*/*'",
        "application/*",
        "APPLICATION/JSON",
    ] {
        let api = API_TEXT.replacen(
            "          application/json:\n",
            &format!("          {kind}:\n"),
            1,
        );
        assert_eq!(found(TABLE, &api), [], "{kind}");
    }
}

#[test]
fn what_is_not_described_is_not_missed() {
    for (old, new) in [
        // Any member, or any value.
        (
            "schema: {$ref: \"#/components/schemas/Desk\"}",
            "schema: {type: object}",
        ),
        (
            "schema: {$ref: \"#/components/schemas/Desk\"}",
            "schema: true",
        ),
        (
            "schema: {$ref: \"#/components/schemas/Desk\"}",
            "example: 1",
        ),
        (
            "            modes: {type: array, items: {$ref: \"#/components/schemas/Mode\"}}\n",
            "          additionalProperties: {type: boolean}\n",
        ),
        ("force: {type: [boolean, \"null\"]}", "force: {}"),
        (
            "force: {type: [boolean, \"null\"]}",
            "force: {$comment: x, not: {type: string}}",
        ),
        // A parameter of the path need not be described beyond its name.
        (
            "      - {name: desk-id, in: path, required: true, schema: {type: integer}}\n",
            "      []\n",
        ),
        // A text in a query in another form than a schema.
        (
            "owner: {name: owner, in: query, schema: {type: string}}",
            "owner: {name: owner, in: query, content: {text/plain: {}}}",
        ),
        // A key that is a header.
        (
            "        - {name: x-at, in: header, schema: {type: string, format: date-time}}\n",
            "        - {$ref: \"#/components/parameters/owner\"}\n",
        ),
    ] {
        assert!(API_TEXT.contains(old), "{old}");
        let mut api = API_TEXT.replacen(old, new, 1);
        if old.contains("x-at") {
            api.push_str("  securitySchemes: {key: {type: apiKey, in: header, name: X-AT}}\n");
        }
        assert_eq!(found(TABLE, &api), [], "{new}");
    }
}
