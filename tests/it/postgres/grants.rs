//! The least that a role needs to serve, and what is said of each right that is
//! missing.

use std::sync::Mutex;

use serde_json::json;

use super::client::{missing, until_missing, until_ready};
use super::imported;
use super::server::{Database, SHARED};
use crate::eventually::until;
use crate::sidecar::{Sidecar, Start, program, project};

/// The relations that a role has to read, from the head of the migration.
fn relations(database: &Database) -> Vec<String> {
    let views = database.sql(
        "SELECT relname FROM pg_class
         WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace ORDER BY relname",
    );
    let mut relations: Vec<String> = views.lines().map(|view| format!("\"{view}\"")).collect();
    assert_eq!(relations.len(), 14, "{relations:?}");
    relations.extend(["tenancy_change", "tenancy_horizon"].map(str::to_owned));
    relations
}

/// Grants on one relation at the same time get in each other's way.
static GRANTING: Mutex<()> = Mutex::new(());

fn grant(database: &Database, sql: &str) {
    let _granting = GRANTING.lock().unwrap();
    database.sql(sql);
}

/// A role with these rights and no others.
fn role(database: &Database, name: &str, grants: &[String]) -> String {
    let role = format!("{}_{name}", database.name);
    let grants: String = grants
        .iter()
        .map(|grant| format!("GRANT {grant} TO {role};\n"))
        .collect();
    grant(database, &format!("CREATE ROLE {role} LOGIN;\n{grants}"));
    role
}

fn of_role(database: &Database, role: &str) -> Start {
    let url = database.url_of(role, SHARED.port);
    Start::new().with(&["--tenancy", &url])
}

fn answers(sidecar: &Sidecar) {
    let decision = sidecar.ask(&json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"deleteUser\"",
        "resource": "Peppol::Organisation::\"acme\"",
        "context": {"user": "anna"},
    }));
    assert_eq!(decision["decision"], "Deny", "{decision}");
}

/// A database where nothing is granted to everyone.
fn strict() -> (Database, Vec<String>) {
    let (database, _) = imported();
    database.sql("REVOKE ALL ON SCHEMA public FROM PUBLIC");
    let mut grants = vec!["USAGE ON SCHEMA public".to_owned()];
    grants.extend(
        relations(&database)
            .iter()
            .map(|relation| format!("SELECT ON {relation}")),
    );
    grants.push("SELECT ON tenancy_migration".to_owned());
    (database, grants)
}

#[test]
fn a_role_with_the_rights_to_read_serves_and_can_do_nothing_else() {
    let (database, grants) = strict();
    let role = role(&database, "reader", &grants);
    answers(&of_role(&database, &role).start());
    for sql in [
        "SELECT * FROM registered_user",
        "DELETE FROM tenancy_change",
        "SELECT tenancy_prune('0s')",
        "SELECT tenancy_record(NULL::text, NULL::text)",
        "CREATE TABLE mine (x int)",
    ] {
        let refused = database
            .psql()
            .args(["-c", &format!("SET ROLE {role}"), "-c", sql])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains("permission denied"), "{sql}: {said}");
    }
}

#[test]
fn each_right_that_is_missing_is_named_and_waited_for() {
    let (database, grants) = strict();
    let numbered: Vec<(usize, &String)> = grants.iter().enumerate().collect();
    // Some at a time: each waits longer and longer between its looks.
    for some in numbered.chunks(8) {
        std::thread::scope(|scope| {
            for (number, left_out) in some {
                let others: Vec<String> = grants
                    .iter()
                    .filter(|grant| grant != left_out)
                    .cloned()
                    .collect();
                let database = &database;
                scope.spawn(move || {
                    let role = role(database, &format!("lacks_{number}"), &others);
                    let sidecar = of_role(database, &role).start_listening();
                    let relation = left_out.rsplit(' ').next().unwrap();
                    until_missing(&sidecar, &[relation.trim_matches('"'), &role, "GRANT"]);
                    // The advice in the message works.
                    let said = missing(&sidecar);
                    let (_, right) = said.split_once("GRANT").unwrap();
                    grant(database, &format!("GRANT {right}"));
                    until_ready(&sidecar);
                    answers(&sidecar);
                });
            }
        });
    }
}

/// Questions are answered from memory; anything else cannot be read any more.
/// An import says which rights are missing, or which view is in the way.
#[test]
fn an_import_says_what_is_in_its_way() {
    let (database, _) = imported();
    let documents = project("examples/quickstart/tenancy.ndjson");
    let import = |url: &str| {
        let output = program()
            .args(["import", "--tenancy", url])
            .arg(&documents)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        said
    };
    let reader = role(&database, "imports", &[]);
    grant(&database, &format!("GRANT pg_read_all_data TO {reader}"));
    let said = import(&database.url_of(&reader, SHARED.port));
    for words in [
        "nothing can be imported: the server says: permission denied for table ",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ",
        "organisation",
        &format!("TO \"{reader}\""),
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let url = format!(
        "{}?options=-c%20default_transaction_read_only%3Don",
        database.url()
    );
    let said = import(&url);
    assert!(said.contains("use the address of the primary"), "{said}");
    database.sql(
        "ALTER TABLE organisation RENAME TO organisation_of_ours;
         CREATE VIEW organisation AS SELECT *, 1 AS more FROM organisation_of_ours GROUP BY id",
    );
    let said = import(&database.url());
    assert!(said.contains("organisation"), "{said}");
    assert!(said.contains("write into the tables under these"), "{said}");
}

#[test]
fn a_right_that_is_taken_away_while_it_serves_is_named() {
    let (database, grants) = strict();
    let role = role(&database, "loses", &grants);
    let sidecar = of_role(&database, &role)
        .variable("PEPPOL_AUTHZ_FRESHNESS__MAX_STALE", "100ms")
        .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "50ms")
        .variable("PEPPOL_AUTHZ_CACHE__ENABLED", "false")
        .start();
    answers(&sidecar);
    let view = "\"Peppol::User.tags\"";
    database.sql(&format!("REVOKE SELECT ON {view} FROM {role}"));
    let question = json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": "Peppol::Organisation::\"acme\"",
    });
    // The description of the views is believed for a second.
    until("it is noticed", || {
        let reply = sidecar.post("/v1/is_authorized", &question);
        assert!(matches!(reply.status, 500 | 503), "{}", reply.text);
        missing(&sidecar).contains(&format!("GRANT SELECT ON {view} TO \"{role}\""))
    });
    grant(&database, &format!("GRANT SELECT ON {view} TO {role}"));
    until("it is ready again", || missing(&sidecar).is_empty());
    assert_eq!(sidecar.ask(&question)["decision"], "Allow");
}
