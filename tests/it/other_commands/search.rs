//! `search`: whom, on what, or what is allowed, for a person or a program.

use serde_json::{Value, json};

use super::{Author, Ended, FIXTURE, assert_says, tester};
use crate::author::SCHEMA;
use crate::sidecar::Start;

const ANN: &str = "User::\"ann\"";
const RED: &str = "Desk::\"red\"";

fn searched(author: &Author, search: &[&str]) -> Ended {
    let tenancy = format!("entities:{FIXTURE}");
    author.run(&[&["search", "--tenancy", &tenancy][..], search].concat())
}

#[test]
fn whom_on_what_and_what() {
    let author = tester();
    for (search, found) in [
        (
            &["--principal", "User", "--action", "open", "--resource", RED][..],
            "User::\"ann\"\tobligation LOCK_AGAIN\n",
        ),
        (
            &["--principal", ANN, "--action", "open", "--resource", "Desk"],
            "Desk::\"red\"\tobligation LOCK_AGAIN\n",
        ),
        (
            &[
                "--principal",
                ANN,
                "--action",
                "close",
                "--resource",
                "Desk",
            ],
            "Desk::\"blue\"\nDesk::\"red\"\n",
        ),
        (
            &["--principal", ANN, "--resource", RED],
            "Action::\"close\"\nAction::\"open\"\tobligation LOCK_AGAIN\n",
        ),
        (&["--principal", "User::\"bob\"", "--resource", RED], ""),
        (
            &[
                "--principal",
                "User::\"nobody\"",
                "--action",
                "close",
                "--resource",
                "Desk",
            ],
            "",
        ),
    ] {
        let ended = searched(&author, search);
        assert_eq!(ended.code, Some(0), "{search:?}: {ended:?}");
        assert_eq!(ended.stdout, found, "{search:?}");
    }
    let close = [
        "--principal",
        ANN,
        "--action",
        "close",
        "--resource",
        "Desk",
    ];
    let ended = searched(&author, &[&close[..], &["--limit", "1"]].concat());
    assert_eq!(ended.stdout, "Desk::\"blue\"\n");
}

/// However short pages are, all of them are written.
#[test]
fn pages_are_no_limit() {
    let author = tester();
    author.write("settings.toml", "[limits]\npage = 1\n");
    let search = [
        "--principal",
        ANN,
        "--action",
        "close",
        "--resource",
        "Desk",
    ];
    let ended = searched(
        &author,
        &[&search[..], &["--config", "settings.toml"]].concat(),
    );
    assert_eq!(ended.stdout, "Desk::\"blue\"\nDesk::\"red\"\n", "{ended:?}");
}

#[test]
fn the_residual_says_why() {
    let author = tester();
    let search = ["--principal", ANN, "--action", "open", "--resource", "Desk"];
    let ended = searched(&author, &[&search[..], &["--residual"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_says(
        &ended,
        &[
            "residual desk/owner-opens",
            "resource.owner",
            "decided 2",
            RED,
        ],
    );
    let search = [
        "--principal",
        "User::\"bob\"",
        "--action",
        "open",
        "--resource",
        "Desk",
    ];
    let ended = searched(&author, &[&search[..], &["--residual"]].concat());
    assert_says(
        &ended,
        &["denied by desk/", "whatever is looked for", "decided 0"],
    );
}

#[test]
fn what_a_program_reads_is_what_the_sidecar_answers() {
    let author = tester();
    let path = |name: &str| author.path(name).display().to_string();
    let tenancy = format!("entities:{}", path(FIXTURE));
    let flags = [
        "--tenancy",
        &tenancy,
        "--policies",
        &path("policies"),
        "--schema",
        &path(SCHEMA),
    ];
    let sidecar = Start::new()
        .with(&flags)
        .variable("PEPPOL_AUTHZ_EXPLAIN__ALLOW", "all")
        .start();
    let search = json!({
        "principal": ANN,
        "action": {"type": "Action", "id": "close"},
        "resource": {"type": "Desk"},
        "explain": true,
    });
    let reply = sidecar.post("/v1/search", &search);
    assert_eq!(reply.status, 200, "{}", reply.text);
    let search = [
        "--principal",
        ANN,
        "--action",
        "close",
        "--resource",
        "Desk",
    ];
    let ended = searched(&author, &[&search[..], &["--residual", "--json"]].concat());
    let said: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(said, reply.json());
}

#[test]
fn a_search_that_is_none_is_an_error() {
    let author = tester();
    for (principal, action, resource, said) in [
        (ANN, "open", RED, "is to be looked for"),
        ("User", "open", "Desk", "is to be looked for"),
        ("Person", "open", RED, "`principal.type`"),
        ("User", "burn", RED, "`action`"),
        ("Desk", "open", RED, "`principal`"),
        (ANN, "open", "User", "`resource`"),
    ] {
        let search = [
            "--principal",
            principal,
            "--action",
            action,
            "--resource",
            resource,
        ];
        let ended = searched(&author, &search);
        assert_eq!(ended.code, Some(1), "{search:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{search:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{search:?}");
    }
    let ended = searched(&author, &["--principal", ANN]);
    assert_eq!(ended.code, Some(64), "{ended:?}");
}
