//! Where the tables may be: in a schema of their own, beside others' tables; and how
//! a server may be reached: through its socket.

use serde_json::json;

use super::server::{Database, SHARED};
use crate::sidecar::{Sidecar, Start, project};

fn assert_served(sidecar: &Sidecar) {
    let decision = sidecar.ask(&json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": "Peppol::Organisation::\"acme\"",
    }));
    assert_eq!(decision["decision"], "Allow", "{decision}");
}

fn quickstart(source: &str) -> Sidecar {
    let documents = project("examples/quickstart/tenancy.ndjson");
    Start::new()
        .with(&["--tenancy", source, "--import", documents.to_str().unwrap()])
        .start()
}

/// An owner of a schema in a database whose `public` is another program's.
fn owner(database: &Database, search_path: &str) -> String {
    let role = format!("{}_owner", database.name);
    database.sql(&format!(
        "CREATE TABLE account (note text);
         CREATE ROLE {role} LOGIN;
         CREATE SCHEMA \"Ten ancy\" AUTHORIZATION {role};
         ALTER ROLE {role} IN DATABASE {} SET search_path = {search_path};",
        database.name
    ));
    database.url_of(&role, SHARED.port)
}

#[test]
fn the_first_schema_of_the_search_path_is_used_and_no_other() {
    for search_path in ["\"Ten ancy\", public", "\"Ten ancy\""] {
        let database = SHARED.database();
        let url = owner(&database, search_path);
        assert_served(&quickstart(&url));
        let places = "SELECT DISTINCT nspname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE relname IN ('registered_user', 'tenancy_migration', 'Peppol::User', 'tenancy_change')";
        assert_eq!(database.sql(places), "Ten ancy");
        // Another program's path makes no difference to the triggers.
        let organisation =
            "SELECT participants FROM \"Ten ancy\".\"Peppol::Organisation\" WHERE id = 'acme'";
        assert_eq!(database.sql(organisation), "1");
        database.sql("INSERT INTO \"Ten ancy\".participant VALUES ('x::y', 'acme', 'TEST')");
        assert_eq!(database.sql(organisation), "2");
        // It is found again, and up to date.
        assert_served(&quickstart(&url));
    }
}

#[test]
fn a_server_is_reached_through_its_socket() {
    let database = SHARED.database();
    let socket = SHARED.socket().to_str().unwrap().replace('/', "%2F");
    let url = format!(
        "postgres://postgres@{socket}:{}/{}",
        SHARED.port, database.name
    );
    let sidecar = quickstart(&url);
    assert_served(&sidecar);
    let over_tcp = database.sql(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'peppol-authz' AND client_addr IS NOT NULL",
    );
    assert_eq!(over_tcp, "0");
}
