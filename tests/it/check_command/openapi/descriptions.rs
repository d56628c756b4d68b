//! Descriptions that are odd, broken or hostile.

use std::fmt::Write as _;

use super::{API, API_TEXT, ROUTES, TABLE, author, found, line};

/// One edit of the description is one finding in it.
#[track_caller]
fn assert_in_description(old: &str, new: &str, at: &str, message: &str) {
    assert!(API_TEXT.contains(old), "{old}");
    let api = API_TEXT.replacen(old, new, 1);
    let expected = (API.to_owned(), line(&api, at), message.to_owned());
    let found = found(TABLE, &api);
    assert!(found.contains(&expected), "{new}\n{found:?}");
}

#[test]
fn another_version_is_refused() {
    for version in ["3.2.0", "2.0", "3", "'3.1'", "{}"] {
        let api = API_TEXT.replacen("3.1.0", version, 1);
        let said = "no OpenAPI 3.0 or 3.1, as `openapi` would have to say";
        assert_eq!(
            found(TABLE, &api),
            [(API.to_owned(), 1, said.to_owned())],
            "{version}"
        );
    }
    for text in ["swagger: '2.0'\n", "[]\n", "x\n", "{}"] {
        assert_eq!(found(TABLE, text).len(), 1, "{text}");
    }
    let empty = "openapi: 3.1.0\nwebhooks: {x: {post: {}}}\n";
    assert_eq!(found(TABLE, empty)[0].2, "it describes no operation");
}

#[test]
fn what_could_be_an_operation_is_not_passed_over() {
    for (new, at, message) in [
        (
            "  /desks: {GET: {}, get:",
            "GET:",
            "`GET` is no operation of a path",
        ),
        (
            "  /desks: {fetch: {}, get:",
            "fetch:",
            "`fetch` is no operation of a path",
        ),
        (
            "  /desks: {put: null, get:",
            "put: null",
            "`put` is no operation of a path",
        ),
        (
            "  desks/x: {put: {}}\n  /desks: {get:",
            "desks/x",
            "a path that does not start with `/`",
        ),
        (
            "  /x: {$ref: 'more.yaml#/x'}\n  /desks: {get:",
            "'more.yaml#/x'",
            "`$ref` to `more.yaml#/x`: only references within the file are read",
        ),
        (
            "  /x/{y/z: {put: {}}\n  /desks: {get:",
            "put: {}",
            "no table can have an entry for `PUT /x/{y/z`: a segment that is neither a text nor a parameter",
        ),
        (
            "  /x?y=1: {put: {}}\n  /desks: {get:",
            "put: {}",
            "no table can have an entry for `PUT /x?y=1`: a character that no template has",
        ),
        (
            "  /x/: {put: {}}\n  /desks: {get:",
            "put: {}",
            "`PUT /x/` is always denied: a segment is empty, or dots",
        ),
    ] {
        assert_in_description("  /desks: {get:", new, at, message);
    }
    // Extensions, and what stands beside operations.
    let api = API_TEXT.replacen(
        "  /desks: {get:",
        "  x-y: {put: {}}\n  /desks: {x-z: {put: {}}, summary: s, description: d, servers: [], parameters: [], get:",
        1,
    );
    assert_eq!(found(TABLE, &api), []);
    // A path that is described elsewhere in the file.
    let api = API_TEXT.replacen(
        "  /desks: {get: {responses: {}}}",
        "  /desks: {$ref: '#/components/pathItems/a%7E1b~1c'}",
        1,
    );
    let api = format!("{api}  pathItems: {{a/b/c: {{get: {{}}}}}}\n");
    assert_eq!(found(TABLE, &api), []);
}

#[test]
fn references_that_lead_nowhere_are_refused() {
    let desk = "schema: {$ref: \"#/components/schemas/Desk\"}";
    for (reference, problem) in [
        ("#/components/schemas/None", "there is no such place"),
        ("#Desk", "there is no such place"),
        (
            "https://x.example/#/a",
            "only references within the file are read",
        ),
    ] {
        let new = format!("schema: {{$ref: \"{reference}\"}}");
        let message = format!("`$ref` to `{reference}`: {problem}");
        assert_in_description(desk, &new, reference, &message);
    }
    assert_in_description(
        "requestBodies:\n    Desk:\n",
        "requestBodies:\n    Desk: {$ref: '#/components/requestBodies/B'}\n    B: {$ref: '#/components/requestBodies/Desk'}\n    C:\n",
        "    B: {$ref",
        "`$ref` to `#/components/requestBodies/Desk`: it leads to itself, or far",
    );
}

#[test]
fn loops_of_schemas_end() {
    // A schema that is a part of itself says nothing of its own.
    let api = API_TEXT.replacen(
        "    Desk:\n      allOf:\n",
        "    Desk:\n      anyOf: [{$ref: \"#/components/schemas/Desk\"}]\n      $ref: \"#/components/schemas/Desk\"\n      allOf:\n        - {$ref: \"#/components/schemas/Desk\"}\n",
        1,
    );
    assert_eq!(found(TABLE, &api), []);
    // Each level has the one below ten times.
    let mut api = API_TEXT.replacen(
        "schema: {$ref: \"#/components/schemas/Desk\"}",
        "schema: {$ref: \"#/components/schemas/L40\"}",
        1,
    );
    api.push_str("    L0: {$ref: \"#/components/schemas/Desk\"}\n");
    for level in 1..=40 {
        let below =
            vec![format!("{{$ref: \"#/components/schemas/L{}\"}}", level - 1); 10].join(", ");
        writeln!(api, "    L{level}: {{allOf: [{below}]}}").unwrap();
    }
    assert_eq!(found(TABLE, &api), []);
}

#[test]
fn texts_that_are_hostile_end_soon() {
    let deep = format!("openapi: 3.1.0\nx: {}", "[".repeat(1_000_000));
    let long = format!("openapi: 3.1.0\nx: [{}]\n", "0,".repeat(2_100_000));
    let json = format!("{{\"openapi\": \"3.1.0\", \"x\": {}", "[".repeat(1_000_000));
    let mut bomb = "a0: &a0 [x]\n".to_owned();
    for level in 1..60 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{below}]").unwrap();
    }
    let bomb = format!(
        "{API_TEXT}x-bomb:\n{}",
        bomb.replace("a", "  a")
            .replace("&  a", "&a")
            .replace("*  a", "*a")
    );
    assert_eq!(found(TABLE, &bomb), []);
    for (text, expected) in [
        (&deep, "recursion limit exceeded"),
        (&long, "more than 2000000 values"),
        (&json, "EOF while parsing a list"),
    ] {
        let found = found(TABLE, text);
        assert!(found[0].2.starts_with(expected), "{found:?}");
    }
}

#[test]
fn a_text_that_cannot_be_read_is_refused_with_its_place() {
    let api = API_TEXT.replacen(
        "    delete: {responses: {}}\n",
        "    get: {responses: {}}\n",
        1,
    );
    let at = line(&api, "    get: {responses: {}}\n    get") + 1;
    assert_eq!(
        found(TABLE, &api),
        [(API.to_owned(), at, "a second member `get`".to_owned())]
    );
    let found = found(
        TABLE,
        "{\n\"openapi\": \"3.1.0\",\n\"paths\": {\"/a\": {}, \"/a\": {}}}",
    );
    assert_eq!(
        found,
        [(API.to_owned(), 3, "a second member `/a`".to_owned())]
    );
    let author = author(TABLE, "\u{feff}openapi: 3.1.0\npaths: {/: {get: {}}}\n");
    let ended = author.run(&["check", "--openapi", API, "--openapi-partial"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = author.run(&["check", "--openapi", "none.yaml"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("none.yaml"), "{ended:?}");
}

#[test]
fn servers_say_the_base_unless_an_option_does() {
    let based =
        |servers: &str| API_TEXT.replacen("[{url: \"https://desks.example/\"}]", servers, 1);
    let table = TABLE
        .replace("/desks", "/v1/desks")
        .replace("\"GET /\"", "\"GET /v1\"");
    // `/v1/` is no path of its own: a gateway's request of it is denied.
    let table = table.replace(
        "[[route]]\nrequest = \"GET /v1\"\npublic = \"anybody may see the door\"\n",
        "",
    );
    for servers in [
        "[{url: /v1}]",
        "[{url: \"https://a.example/v1\"}, {url: \"http://b.example:8080/v1/\"}]",
        "[{url: \"https://{host}/{version}\", variables: {version: {default: v1}}}]",
    ] {
        let api = based(servers).replacen("  /: {get: {responses: {}}}\n", "", 1);
        assert_eq!(found(&table, &api), [], "{servers}");
    }
    // Servers of different bases: each has to be in the table.
    let api = based("[{url: /v1}, {url: /v2}]").replacen("  /: {get: {responses: {}}}\n", "", 1);
    let found_two = found(&table, &api);
    assert!(
        found_two
            .iter()
            .all(|(file, _, said)| file == API && said.contains(" /v2/")),
        "{found_two:?}"
    );
    assert_eq!(found_two.len(), 5);
    let said = "it cannot be told which path the server `/{v}` has";
    assert_eq!(found(&table, &based("[{url: '/{v}'}]"))[0].2, said);
    // An operation's own go before.
    let api = API_TEXT.replacen(
        "  /desks: {get: {",
        "  /desks: {get: {servers: [{url: /v9}], ",
        1,
    );
    assert_eq!(found(TABLE, &api).len(), 2);
    let author = author(TABLE, &api);
    for (base, expected) in [("/", 0), ("", 64), ("v1", 64), ("/v1", 3)] {
        let ended = author.run(&["check", "--openapi", API, "--openapi-base", base]);
        assert_eq!(ended.code, Some(expected), "{base}\n{ended:?}");
    }
}

#[test]
fn without_a_table_there_is_nothing_to_hold() {
    let author = author(TABLE, API_TEXT);
    std::fs::remove_file(author.path(ROUTES)).unwrap();
    let ended = author.run(&["check", "--schema", crate::author::SCHEMA, "--openapi", API]);
    assert_eq!(ended.code, Some(64), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("`--openapi` needs a route table, `--routes`"),
        "{ended:?}"
    );
}
