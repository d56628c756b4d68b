//! A route table that is changed, beside the shipped policies and schema.

use std::path::PathBuf;

use super::{REFUSED, TAKEN, ask, is_refused, is_taken, replace, shipped_schema};
use crate::sidecar::{Sidecar, Start, project};

fn shipped_routes() -> String {
    std::fs::read_to_string(project("schema/routes.toml")).unwrap()
}

/// A sidecar with a table of its own, which learns of changes by notices alone.
fn start() -> (Sidecar, PathBuf) {
    let start = Start::quickstart().variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "1h");
    let routes = start.path("routes.toml");
    std::fs::write(&routes, shipped_routes()).unwrap();
    let sidecar = start.with(&["--routes", routes.to_str().unwrap()]).start();
    (sidecar, routes)
}

#[test]
fn a_table_that_is_changed_is_taken() {
    let (sidecar, routes) = start();
    let before = ask(&sidecar);
    assert_eq!(before.0, "Allow");
    replace(
        &routes,
        &shipped_routes().replace("/orgs", "/organisations"),
    );
    assert_ne!(is_taken(&sidecar, "Allow"), before.1);
    std::fs::write(&routes, shipped_routes()).unwrap();
    assert_eq!(is_taken(&sidecar, "Allow"), before.1);
}

#[test]
fn a_table_that_is_broken_is_refused_until_it_is_repaired() {
    let (sidecar, routes) = start();
    let before = ask(&sidecar);
    let shipped = shipped_routes();
    for (broken, place, part) in [
        ("[[route]".to_owned(), "routes.toml:1:", ""),
        (String::new(), "routes.toml:1:", "there are no routes"),
        (
            shipped.replacen("getOrganisation", "getOrganization", 1),
            "routes.toml:",
            "`getOrganization`",
        ),
        (
            format!(
                "{shipped}\n[[route]]\nrequest = \"GET /{{any}}/{{thing}}\"\npublic = \"all\"\n"
            ),
            "routes.toml:",
            "match the same requests",
        ),
    ] {
        replace(&routes, &broken);
        let fault = is_refused(&sidecar, &before);
        assert!(fault.contains(place) && fault.contains(part), "{fault}");
        replace(&routes, &shipped);
        assert_eq!(is_taken(&sidecar, "Allow"), before.1);
    }
    std::fs::remove_file(&routes).unwrap();
    let fault = is_refused(&sidecar, &before);
    assert!(fault.contains("routes.toml"), "{fault}");
}

/// Whole or not at all: a good table beside a broken schema is not taken either.
#[test]
fn a_table_and_a_schema_are_taken_together() {
    let start = Start::quickstart().variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "1h");
    let (routes, schema) = (start.path("routes.toml"), start.path("peppol.cedarschema"));
    std::fs::write(&routes, shipped_routes()).unwrap();
    std::fs::write(&schema, shipped_schema()).unwrap();
    let arguments = [
        "--routes",
        routes.to_str().unwrap(),
        "--schema",
        schema.to_str().unwrap(),
    ];
    let sidecar = start.with(&arguments).start();
    let before = ask(&sidecar);
    replace(
        &routes,
        &shipped_routes().replace("\"getOrganisation\"", "\"lookAtOrganisation\""),
    );
    is_refused(&sidecar, &before);
    let look =
        "  action lookAtOrganisation appliesTo { principal: User, resource: Organisation };\n}\n";
    replace(&schema, &super::schema_with(look));
    is_taken(&sidecar, "Allow");
    replace(&schema, &shipped_schema());
    let fault = sidecar.wait_for_log(REFUSED)["fault"].to_string();
    assert!(fault.contains("`lookAtOrganisation`"), "{fault}");
    replace(&routes, &shipped_routes());
    sidecar.wait_for_log(TAKEN);
    assert_eq!(ask(&sidecar), before);
}

#[test]
fn a_table_that_is_not_valid_is_shown_and_nothing_starts() {
    let start = Start::new();
    let routes = start.path("routes.toml");
    std::fs::write(
        &routes,
        shipped_routes().replace("POST /orgs\"", "POST orgs\""),
    )
    .unwrap();
    let (code, text) = start.with(&["--routes", routes.to_str().unwrap()]).fails();
    assert_eq!(code, 3, "{text}");
    assert!(
        text.contains("a path that does not start with `/`"),
        "{text}"
    );
    assert!(text.contains("routes.toml:"), "{text}");
}

#[test]
fn without_a_table_the_log_says_so() {
    let says_so = |start: Start| {
        let mut records = start.start().stop().into_iter();
        records.any(|record| record["message"] == "no routes: gateways are denied everything")
    };
    assert!(!says_so(Start::new()));
    let start = Start::new();
    let schema = start.path("peppol.cedarschema");
    std::fs::write(&schema, shipped_schema()).unwrap();
    assert!(says_so(start.with(&["--schema", schema.to_str().unwrap()])));
}
