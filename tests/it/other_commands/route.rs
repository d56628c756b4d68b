//! `route`: shows the questions of a request to the author of a table.

use serde_json::{Value, json};

use super::Ended;
use crate::author::Author;
use crate::sidecar::project;

const ANNA: &str = "Peppol::User::\"anna\"";

/// A directory with the tenancy of the examples in a database, and the shipped policies.
fn author() -> Author {
    let author = Author::empty();
    let documents = project("examples/quickstart/tenancy.ndjson");
    let documents = documents.to_str().unwrap();
    let ended = author.run(&["import", "--tenancy", "sqlite:t.db", documents]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    author
}

fn routed(author: &Author, arguments: &[&str]) -> Ended {
    author.run(&[&["route"][..], arguments].concat())
}

#[test]
fn what_is_asked_is_shown_without_a_store() {
    let author = Author::empty();
    author.write("body.json", r#"{"modeChangeRequest": "SHARED"}"#);
    let ended = routed(&author, &["PUT", "/orgs/acme", "--body", "body.json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        ended.stdout,
        "PUT /orgs/{orgId}\n  \
         asked updateOrganisation on Peppol::Organisation::\"acme\"\n  \
         depends on the store requestModeChange\n    \
         where `body.modeChangeRequest` is another modeChangeRequest than the store holds\n  \
         not asked setOrganisationMode\n    \
         where `body.organisationMode` is another mode than the store holds\n  \
         not asked rejectModeChange\n    \
         where `body.modeChangeRequest` is null where the store holds a modeChangeRequest\n"
    );
    assert!(!author.path("tenancy.db").exists());
}

#[test]
fn for_a_principal_the_store_of_the_settings_is_read_where_no_other_is_named() {
    let author = author();
    author.write("authz.toml", "tenancy = \"sqlite:t.db\"\n");
    let asked = ["GET", "/orgs/acme", "--principal", ANNA];
    let ended = routed(&author, &[&asked[..], &["--config", "authz.toml"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("\nAllow\n"), "{}", ended.stdout);
    let ended = routed(&author, &asked);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said = &ended.stderr;
    assert!(said.contains("tenancy.db` does not exist"), "{said}");
    assert!(!author.path("tenancy.db").exists());
}

#[test]
fn with_a_store_and_a_principal_it_is_decided() {
    let author = author();
    author.write("body.json", r#"{"modeChangeRequest": "SHARED"}"#);
    let with = [
        "--body",
        "body.json",
        "--tenancy",
        "sqlite:t.db",
        "--principal",
        ANNA,
    ];
    let ended = routed(&author, &[&["PUT", "/orgs/acme"][..], &with].concat());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let asked = "  asked requestModeChange on Peppol::Organisation::\"acme\" with {\"requestedMode\":\"SHARED\"}\n";
    assert!(ended.stdout.contains(asked), "{}", ended.stdout);
    let because = "Deny\n  because AT-1120  MCH-2  organisation/mode-change-needs-business-contact  the organisation has no contact of type BUSINESS\n";
    assert!(ended.stdout.ends_with(because), "{}", ended.stdout);

    let get = [
        "GET",
        "/orgs/acme",
        "--tenancy",
        "sqlite:t.db",
        "--principal",
        ANNA,
    ];
    let ended = routed(&author, &get);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.ends_with("Allow\n"), "{}", ended.stdout);
}

#[test]
fn in_json_it_is_the_same() {
    let author = author();
    author.write("body.json", r#"{"name": "new"}"#);
    let ended = routed(
        &author,
        &[
            "PUT",
            "/api/v1/user",
            "--claims",
            r#"{"organisation": "acme"}"#,
            "--body",
            "body.json",
            "--tenancy",
            "sqlite:t.db",
            "--principal",
            ANNA,
            "--json",
        ],
    );
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let shown: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        shown["asks"],
        json!([{"action": "putUser", "when": ["`body.name` is given"], "state": "asked",
            "resource": {"type": "Peppol::Organisation", "id": "acme"}, "context": {}}])
    );
    assert_eq!(shown["route"], "PUT /api/v1/user");
    assert_eq!(shown["decision"], "Deny");
    assert_eq!(shown["reasons"][0]["code"], "NOT_PERMITTED");
}

#[test]
fn what_no_entry_matches_is_denied() {
    let author = Author::empty();
    for (method, path, wanted) in [
        (
            "PATCH",
            "/orgs/acme",
            "denied ROUTE_UNKNOWN: no entry of the table matches it\n",
        ),
        ("GET", "/orgs/acme/", "denied PATH_UNREADABLE: "),
        ("GET", "/orgs/..%2Facme", "denied PATH_UNREADABLE: "),
        ("GET", "/nothing", "denied ROUTE_UNKNOWN: "),
        (
            "PUT",
            "/orgs/acme",
            "PUT /orgs/{orgId}\n  refused updateOrganisation: BODY_REQUIRED",
        ),
    ] {
        let ended = routed(&author, &[method, path]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stdout.starts_with(wanted), "{}", ended.stdout);
    }
}

#[test]
fn what_anybody_may_do_is_shown_as_public() {
    let author = Author::empty();
    let ended = routed(&author, &["GET", "/iso6523-actorid-upis%3A%3A0088%3A123"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.starts_with("public GET /{"),
        "{}",
        ended.stdout
    );
}

#[test]
fn wrong_usage_is_named() {
    let author = Author::empty();
    for (arguments, text) in [
        (
            &["--header", "x"][..],
            "`--header`: `x` is no `NAME: VALUE`",
        ),
        (&["--claims", "[]"], "`--claims`: an object is wanted"),
        (&["--body", "none.json"], "`none.json`: "),
        (
            &["--principal", "anna", "--tenancy", "sqlite:t.db"],
            "; did you mean Peppol::SubAccount::\"anna\" or Peppol::User::\"anna\"?",
        ),
    ] {
        let ended = routed(&author, &[&["GET", "/orgs/acme"][..], arguments].concat());
        assert_eq!(ended.code, Some(64), "{ended:?}");
        assert!(ended.stderr.contains(text), "{}", ended.stderr);
    }
}
