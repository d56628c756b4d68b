//! An operator's own database, that of `examples/own-tenancy`: with views only, and
//! with change records.

use serde_json::{Value, json};

use super::server::{Database, SHARED};
use crate::eventually::until;
use crate::sidecar::{Sidecar, Start, project};

const ACME: &str = "00000000-0000-4000-8000-0000000000a0";
const ANNA: &str = "00000000-0000-4000-8000-0000000000a1";
const BOB: &str = "00000000-0000-4000-8000-0000000000b1";
const READER: &str = "00000000-0000-4000-8000-0000000000c1";
const BRANCH: &str = "00000000-0000-4000-8000-0000000000d1";
const PARTY: &str = "iso6523-actorid-upis::0007:5561234567";

fn run(database: &Database, files: &[&str]) {
    for file in files {
        let path = project("examples/own-tenancy").join(file);
        database.sql(&std::fs::read_to_string(path).unwrap());
    }
}

/// The database of the example, with somebody in it.
fn filled(files: &[&str]) -> Database {
    let database = SHARED.database();
    run(&database, files);
    database.sql(&format!(
        "INSERT INTO company (company_id, name, stage, max_parties) VALUES ('{ACME}', 'Acme', 'demo', 2);
         INSERT INTO person VALUES
           ('{ANNA}', 'anna@acme.example', now(), false), ('{BOB}', 'bob@acme.example', now(), false);
         INSERT INTO employment VALUES
           ('{ANNA}', '{ACME}', 'admin'), ('{ANNA}', '{ACME}', 'ap_manager'), ('{BOB}', '{ACME}', 'ap_user');
         INSERT INTO gateway VALUES ('platform', false, NULL);
         INSERT INTO party VALUES ('{PARTY}', '{ACME}', false);
         INSERT INTO party_right (party_id, person_id, send) VALUES ('{PARTY}', '{BOB}', true);
         INSERT INTO branch VALUES ('{BRANCH}', '{ACME}');
         INSERT INTO reader (reader_id, company_id, mail) VALUES ('{READER}', '{ACME}', 'r@acme.example');
         INSERT INTO reader_branch VALUES ('{READER}', '{BRANCH}');
         INSERT INTO invoice (branch_id, incoming) VALUES ('{BRANCH}', true);"
    ));
    database
}

fn asked(principal: &str, action: &str, resource: (&str, &str), context: Value) -> Value {
    let (kind, id) = resource;
    json!({
        "principal": {"type": format!("Peppol::{}", if principal == READER { "SubAccount" } else { "User" }), "id": principal},
        "action": format!("Peppol::Action::\"{action}\""),
        "resource": {"type": format!("Peppol::{kind}"), "id": id},
        "context": context,
    })
}

fn get_acme(principal: &str) -> Value {
    asked(
        principal,
        "getOrganisation",
        ("Organisation", ACME),
        json!({}),
    )
}

fn create_participant() -> Value {
    create("iso6523-actorid-upis::0007:3")
}

fn create(participant: &str) -> Value {
    asked(
        ANNA,
        "createParticipant",
        ("Organisation", ACME),
        json!({"environment": "TEST", "participant": participant}),
    )
}

fn send() -> Value {
    asked(
        BOB,
        "sendDocument",
        ("Participant", PARTY),
        json!({"accessPoint": "platform"}),
    )
}

fn delete_bob() -> Value {
    asked(
        ANNA,
        "deleteUser",
        ("Organisation", ACME),
        json!({"user": BOB}),
    )
}

/// `Allow`, or the codes of the denial.
fn said(sidecar: &Sidecar, question: &Value) -> String {
    let decision = sidecar.ask(question);
    if decision["decision"] == "Allow" {
        return "Allow".to_owned();
    }
    let reasons = decision["reasons"].as_array().unwrap();
    let codes: Vec<&str> = reasons
        .iter()
        .map(|it| it["code"].as_str().unwrap())
        .collect();
    codes.join(" ")
}

fn over(database: &Database) -> Start {
    Start::new().with(&["--tenancy", &database.url()])
}

#[test]
fn every_type_of_the_example_is_read_as_the_rules_read_it() {
    for files in [
        &["tables.sql", "views.sql"][..],
        &["tables.sql", "views.sql", "records.sql"],
    ] {
        let database = filled(files);
        let sidecar = over(&database).start();
        let expect = |question: Value, wanted: &str| {
            assert_eq!(said(&sidecar, &question), wanted, "{question}");
        };
        expect(get_acme(ANNA), "Allow");
        expect(get_acme(BOB), "NOT_PERMITTED");
        expect(get_acme(&ANNA.to_uppercase()), "UNKNOWN_PRINCIPAL");
        expect(create_participant(), "Allow");
        expect(create(PARTY), "PARTICIPANT_TAKEN");
        expect(send(), "Allow");
        expect(
            asked(
                BOB,
                "receiveDocument",
                ("Participant", PARTY),
                json!({"accessPoint": "platform"}),
            ),
            "NOT_PERMITTED",
        );
        expect(delete_bob(), "LAST_AP_USER");
        expect(
            asked(
                ANNA,
                "removePartyAuthorization",
                ("Participant", PARTY),
                json!({"user": BOB}),
            ),
            "LAST_AP_USER",
        );
        expect(
            asked(
                ANNA,
                "requestModeChange",
                ("Organisation", ACME),
                json!({"requestedMode": "SHARED"}),
            ),
            "AT-1120",
        );
        expect(
            asked(READER, "viewDocument", ("Document", "1"), json!({})),
            "Allow",
        );
        let create = |email: &str| {
            asked(
                ANNA,
                "createSubAccount",
                ("LegalEntity", BRANCH),
                json!({"email": email}),
            )
        };
        expect(create("R@acme.example"), "EMAIL_ALREADY_REGISTERED");
        expect(create("bob@acme.example"), "EMAIL_ALREADY_REGISTERED");
        expect(create("new@acme.example"), "Allow");
    }
}

const UNVERIFY: &str = "UPDATE person SET mail_confirmed_at = NULL";

#[test]
fn without_records_what_was_read_counts_for_a_while_and_for_no_time_if_asked() {
    let database = filled(&["tables.sql", "views.sql"]);
    let slow = over(&database)
        .variable("PEPPOL_AUTHZ_FRESHNESS__UNTOLD_MAX_AGE", "1h")
        .variable("PEPPOL_AUTHZ_FRESHNESS__MAX_STALE", "1h")
        .start();
    let soon = over(&database)
        .variable("PEPPOL_AUTHZ_FRESHNESS__UNTOLD_MAX_AGE", "200ms")
        .start();
    let each = over(&database)
        .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "0s")
        .start();
    for sidecar in [&slow, &soon, &each] {
        assert_eq!(said(sidecar, &get_acme(ANNA)), "Allow");
    }
    database.sql(UNVERIFY);
    assert_eq!(said(&each, &get_acme(ANNA)), "EMAIL_NOT_VERIFIED");
    until("the change is seen", || {
        said(&soon, &get_acme(ANNA)) == "EMAIL_NOT_VERIFIED"
    });
    assert_eq!(said(&slow, &get_acme(ANNA)), "Allow");
    let mut now = get_acme(ANNA);
    now["maxAge"] = json!("0s");
    assert_eq!(said(&slow, &now), "EMAIL_NOT_VERIFIED");
}

/// Each kind of write, and a question that it changes the answer to. The next poll is
/// an hour away: it is by the notices that they are followed.
#[test]
fn with_records_every_write_is_followed() {
    let database = filled(&["tables.sql", "views.sql", "records.sql"]);
    let sidecar = over(&database)
        .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "1h")
        .variable("PEPPOL_AUTHZ_FRESHNESS__MAX_STALE", "1h")
        .start();
    // It listens once a first notice has come through.
    let listens = asked(ANNA, "getAccessPoint", ("AccessPoint", "first"), json!({}));
    assert_eq!(said(&sidecar, &listens), "UNKNOWN_RESOURCE");
    let mut number = 0;
    until("a notice is followed", || {
        number += 1;
        database.sql(&format!(
            "INSERT INTO gateway VALUES ('first', true, NULL) ON CONFLICT (code) DO UPDATE
             SET production = NOT gateway.production; INSERT INTO gateway VALUES ('{number}', true, NULL)"
        ));
        said(&sidecar, &listens) != "UNKNOWN_RESOURCE"
    });
    let create = asked(
        ANNA,
        "createSubAccount",
        ("LegalEntity", BRANCH),
        json!({"email": "new@acme.example"}),
    );
    let view = asked(READER, "viewDocument", ("Document", "1"), json!({}));
    let request = asked(
        ANNA,
        "requestModeChange",
        ("Organisation", ACME),
        json!({"requestedMode": "SHARED"}),
    );
    for (question, before, sql, after) in [
        (
            create_participant(),
            "Allow",
            format!("INSERT INTO party VALUES ('iso6523-actorid-upis::0007:2', '{ACME}', false)"),
            "DEMO_PARTICIPANT_LIMIT",
        ),
        (
            create_participant(),
            "DEMO_PARTICIPANT_LIMIT",
            "UPDATE company SET max_parties = 7".to_owned(),
            "Allow",
        ),
        (
            create_participant(),
            "Allow",
            "UPDATE party SET party_id = 'iso6523-actorid-upis::0007:3' WHERE party_id LIKE '%0007:2'".to_owned(),
            "PARTICIPANT_TAKEN",
        ),
        (
            create_participant(),
            "PARTICIPANT_TAKEN",
            "DELETE FROM party WHERE party_id = 'iso6523-actorid-upis::0007:3'".to_owned(),
            "Allow",
        ),
        (
            delete_bob(),
            "LAST_AP_USER",
            format!("INSERT INTO party_right (party_id, person_id) VALUES ('{PARTY}', '{ANNA}')"),
            "Allow",
        ),
        (
            send(),
            "Allow",
            "UPDATE party_right SET send = false".to_owned(),
            "NOT_PERMITTED",
        ),
        (
            request,
            "AT-1120",
            format!("INSERT INTO contact VALUES ('{ACME}', 'business', '1')"),
            "Allow",
        ),
        (
            view,
            "Allow",
            "DELETE FROM reader_branch".to_owned(),
            "NOT_PERMITTED",
        ),
        (
            create,
            "Allow",
            "UPDATE reader SET mail = 'new@acme.example'".to_owned(),
            "EMAIL_ALREADY_REGISTERED",
        ),
        (
            get_acme(ANNA),
            "Allow",
            "TRUNCATE employment".to_owned(),
            "NOT_PERMITTED",
        ),
        (
            get_acme(ANNA),
            "NOT_PERMITTED",
            UNVERIFY.to_owned(),
            "EMAIL_NOT_VERIFIED",
        ),
    ] {
        assert_eq!(said(&sidecar, &question), before, "{sql}");
        let written = database.sql(&format!("BEGIN; {sql}; SELECT tenancy_revision(); COMMIT"));
        let mut at_least = question.clone();
        at_least["atLeast"] = json!(written);
        assert_eq!(said(&sidecar, &at_least), after, "{sql}");
        assert_eq!(said(&sidecar, &question), after, "{sql}");
    }
    database.sql("UPDATE person SET mail_confirmed_at = now()");
    until("it is followed without being asked to", || {
        said(&sidecar, &get_acme(ANNA)) == "NOT_PERMITTED"
    });
}

/// The statement by which records are deleted, as the README has it.
#[test]
fn records_are_deleted_as_the_example_says() {
    let database = filled(&["tables.sql", "views.sql", "records.sql"]);
    let readme = std::fs::read_to_string(project("examples/own-tenancy/README.md")).unwrap();
    let (_, sql) = readme.split_once("```sql\n").unwrap();
    let (sql, _) = sql.split_once("```").unwrap();
    let sql = sql.replace("interval '1 day'", "interval '0s'");
    let sidecar = over(&database)
        .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "0s")
        .start();
    assert_eq!(said(&sidecar, &get_acme(ANNA)), "Allow");
    // A change whose record is gone before anyone has looked.
    database.sql(UNVERIFY);
    database.sql(&sql);
    assert_eq!(database.sql("SELECT count(*) FROM tenancy_change"), "0");
    assert_eq!(said(&sidecar, &get_acme(ANNA)), "EMAIL_NOT_VERIFIED");
}
