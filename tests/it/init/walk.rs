//! An author's whole way with an attribute, in SQLite and in PostgreSQL: from the schema to an answer at a
//! gateway. The program is never built anew.

use serde_json::{Value, json};

use super::authoring::{Target, add_column, add_rule, documents};
use super::{project, runs};
use crate::author::Author;
use crate::connection::Connection;
use crate::eventually::until;
use crate::sidecar::{Sidecar, Start};

const SETTINGS: [&str; 2] = ["--config", "peppol-authz.toml"];

fn update() -> Value {
    json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"updateOrganisation\"",
        "resource": "Peppol::Organisation::\"acme\"",
    })
}

/// A command of an operator over a database.
fn operate(author: &Author, target: &Target, command: &str, more: &[&str]) -> crate::author::Ended {
    let source = target.source();
    let arguments = [&[command], &SETTINGS[..], &["--tenancy", &source], more].concat();
    author.run(&arguments)
}

fn start(author: &Author, target: &Target) -> Sidecar {
    let settings = author.read("peppol-authz.toml");
    let header = "\n[[gateway.header]]\nendpoint = \"nginx\"\nfrom = [\"127.0.0.1\"]\n\
                  name = \"X-User\"\ntype = \"User\"\n";
    author.write("serve.toml", &(settings + header));
    Start::new()
        .inside(&author.path("."))
        .with(&["--config", "serve.toml", "--tenancy", &target.source()])
        .variable("PEPPOL_AUTHZ_STORE__TIMEOUT", "1m")
        .start()
}

/// The status at a gateway of a request that the author's own route is for.
fn rename(sidecar: &Sidecar) -> (u16, Option<String>) {
    let mut connection = Connection::open_at(&sidecar.address);
    connection.write(
        "GET /authz/nginx HTTP/1.1\r\nhost: a\r\nx-original-method: POST\r\n\
         x-original-uri: /orgs/acme/rename\r\nx-user: anna\r\n\r\n",
    );
    let reply = connection.reply();
    let code = reply.header("x-authz-code").map(str::to_owned);
    (reply.status, code)
}

#[test]
fn an_attribute_is_added_without_building_anew() {
    let author = project();
    add_column(&author);
    add_rule(&author);
    runs(&author, &["check", "--fix"]);
    let ended = runs(&author, &["check"]);
    assert_eq!(ended.stderr, "", "{ended:?}");
    let ended = runs(&author, &["test", "--coverage", "--drop-one"]);
    assert!(ended.stdout.contains(" 0 failed"), "{ended:?}");
    let ended = runs(&author, &["prove"]);
    assert!(ended.stdout.ends_with(" 0 not proved\n"), "{ended:?}");
    author.write("documents.ndjson", &documents(false));
    for target in Target::both(&author) {
        let ended = operate(&author, &target, "migrate", &[]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("`1-suspended`"), "{ended:?}");
        let ended = operate(
            &author,
            &target,
            "import",
            &["--strict", "documents.ndjson"],
        );
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let question = [
            "--principal",
            "Peppol::User::\"anna\"",
            "--action",
            "updateOrganisation",
        ];
        let resource = ["--resource", "Peppol::Organisation::\"acme\""];
        let question = [&question[..], &resource].concat();
        let ended = operate(&author, &target, "authorize", &question);
        assert_eq!(ended.code, Some(0), "{ended:?}");

        let mut sidecar = start(&author, &target);
        assert_eq!(sidecar.ask(&update())["decision"], "Allow");
        assert_eq!(rename(&sidecar), (200, None));
        let yes = match target {
            Target::Sqlite(_) => "1",
            Target::Postgres(_) => "true",
        };
        target.sql(&format!(
            "UPDATE organisation SET suspended = {yes} WHERE id = 'acme'"
        ));
        if let Target::Sqlite(_) = target {
            // No answer is from before a committed write.
            assert_eq!(sidecar.ask(&update())["decision"], "Deny");
        }
        until("the denial", || {
            sidecar.ask(&update())["decision"] == "Deny"
        });
        let code = &sidecar.ask(&update())["reasons"][0]["code"];
        assert_eq!(code, "ORGANISATION_SUSPENDED");
        let denied = (403, Some("ORGANISATION_SUSPENDED".to_owned()));
        assert_eq!(rename(&sidecar), denied);
        let ended = operate(&author, &target, "authorize", &question);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        // A document that says so lifts it, and the same again changes nothing.
        for _ in 0..2 {
            let ended = operate(&author, &target, "import", &["documents.ndjson"]);
            assert_eq!(ended.code, Some(0), "{ended:?}");
            until("the permit", || {
                sidecar.ask(&update())["decision"] == "Allow"
            });
        }
        // Records tell of all changes: the entities that did not change stay in memory.
        for record in sidecar.stop() {
            let message = record["message"].as_str().unwrap_or_default();
            for words in [
                "nothing notes",
                "not as this program makes them",
                "read more than",
            ] {
                assert!(!message.contains(words), "{record}");
            }
        }
    }
}

#[test]
fn the_suites_of_a_reload_know_the_column() {
    let author = project();
    add_column(&author);
    add_rule(&author);
    runs(&author, &["check", "--fix"]);
    author.write("documents.ndjson", &documents(true));
    let sidecar = Start::new()
        .inside(&author.path("."))
        .with(&SETTINGS)
        .with(&[
            "--reload-suites",
            "tests/policies",
            "--import",
            "documents.ndjson",
        ])
        .start();
    let answer = sidecar.ask(&update());
    assert_eq!(answer["reasons"][0]["code"], "ORGANISATION_SUSPENDED");
}
