//! Stores of an earlier version: what was stored by the name of its scheme is found by the code.

use rusqlite::Connection;
use serde_json::{Value, json};

use super::about;
use crate::postgres::server::SHARED;
use crate::sidecar::{Sidecar, Start, project};

const ROWS: &str = "
INSERT INTO organisation (id, legal_identifier_code, legal_identifier, mode) VALUES
  ('a', 'SE:ORGNR', '1', 'SHARED'), ('b', 'SE_ORGNR', '1', 'SHARED'), ('c', 'se:orgnr', '2', 'SHARED'),
  ('d', '0007', '2', 'SHARED'), ('e', '0088', '3', 'SHARED'), ('f', 'xx:y', '3', 'SHARED');
INSERT INTO registered_user (id, email_verified, superadmin) VALUES ('u', TRUE, FALSE);
INSERT INTO account (email, user_id) VALUES ('u@x', 'u');
INSERT INTO membership (user_id, organisation_id, member_role) VALUES ('u', 'a', 'orgadmin'), ('u', 'a', 'ApUser');
INSERT INTO participant (id, organisation_id, environment) VALUES
  ('iso6523-actorid-upis::it:iva:it1', 'a', 'TEST'), ('iso6523-actorid-upis::lei:9', 'a', 'TEST'),
  ('iso6523-actorid-upis::0211:it2', 'a', 'TEST'), ('iso6523-actorid-upis::it:iva:it2', 'b', 'TEST'),
  ('iso6523-actorid-upis::xx:9', 'b', 'TEST'), ('iso6523-actorid-upis::0007:5', 'a', 'TEST');
INSERT INTO party_authorization VALUES ('iso6523-actorid-upis::it:iva:it1', 'u', 'n', TRUE, TRUE, TRUE, TRUE);
";

fn migration(path: &str) -> String {
    std::fs::read_to_string(project("schema").join(path)).unwrap()
}

fn allows(sidecar: &Sidecar, action: &str, id: &str) -> Value {
    let answer = sidecar.ask(&about("u", action, "Participant", id));
    match answer["reasons"][0]["code"].as_str() {
        None => answer["decision"].clone(),
        Some(code) => json!(code),
    }
}

fn parties_are_found(sidecar: &Sidecar) {
    for id in [
        "0211:it1",
        "IT:IVA:it1",
        "LEI:9",
        "0199:9",
        "0211:it2",
        "SE:ORGNR:5",
    ] {
        assert_eq!(allows(sidecar, "getParticipant", id), "Allow", "{id}");
    }
    // Its authorization came along.
    assert_eq!(allows(sidecar, "removeDocument", "IT:IVA:it1"), "Allow");
    assert_ne!(allows(sidecar, "removeDocument", "LEI:9"), "Allow");
}

const CODES: &str = "a SE:ORGNR, b SE_ORGNR, c SE_ORGNR, d 0007, e GLN, f XX_Y";

const PARTICIPANTS: &str = "0007:5 a, 0199:9 a, 0211:it1 a, 0211:it2 a, it:iva:it2 b, xx:9 b";

#[test]
fn a_store_in_sqlite() {
    let start = Start::new();
    let path = start.path("tenancy.db");
    let connection = Connection::open(&path).unwrap();
    for step in ["1-tenancy", "2-changes", "3-search"] {
        connection
            .execute_batch(&migration(&format!("sqlite/migrations/{step}/up.sql")))
            .unwrap();
    }
    connection.execute_batch(ROWS).unwrap();
    connection
        .execute_batch("PRAGMA user_version = 3; PRAGMA application_id = 1885684058;")
        .unwrap();
    drop(connection);
    let sidecar = start.start();
    parties_are_found(&sidecar);
    let connection = Connection::open(&path).unwrap();
    let text = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, String>(0))
            .unwrap()
    };
    let codes = "SELECT group_concat(line, ', ') FROM (SELECT id || ' ' || legal_identifier_code AS line FROM organisation ORDER BY id)";
    assert_eq!(text(codes), CODES);
    let parties = "SELECT group_concat(line, ', ') FROM (SELECT substr(id, 23) || ' ' || organisation_id AS line FROM participant ORDER BY id)";
    assert_eq!(text(parties), PARTICIPANTS);
    assert_eq!(
        text(
            "SELECT group_concat(participants) FROM (SELECT participants FROM derived_organisation ORDER BY organisation_id)"
        ),
        "4,2"
    );
}

#[test]
fn a_store_in_postgres() {
    let database = SHARED.database();
    let over = || Start::new().with(&["--tenancy", &database.url()]);
    drop(over().start());
    database.sql(ROWS);
    // As the program runs it; the migrations after it cannot be taken back.
    let migration = migration("postgres/migrations/V5__one_name.sql");
    database.sql(&format!("BEGIN; {migration} COMMIT;"));
    let sidecar = over().start();
    parties_are_found(&sidecar);
    let codes =
        "SELECT string_agg(id || ' ' || legal_identifier_code, ', ' ORDER BY id) FROM organisation";
    assert_eq!(database.sql(codes), CODES);
    let parties = "SELECT string_agg(substr(id, 23) || ' ' || organisation_id, ', ' ORDER BY id) FROM participant";
    assert_eq!(database.sql(parties), PARTICIPANTS);
    let counts = "SELECT string_agg(participants::text, ',' ORDER BY organisation_id) FROM derived_organisation";
    assert_eq!(database.sql(counts), "4,2");
}
