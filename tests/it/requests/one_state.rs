//! The questions of a request are made from the state that they are decided from.

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use peppol_authz_database::{Database, Import, Sqlite, SqliteOptions};
use serde_json::{Value, json};

use super::{Gate, brief, sent};

const ROUTES: &str = r#"
[[route]]
request = "PUT /orgs/{orgId}"

[[route.ask]]
action = "updateOrganisation"
resource = { Organisation = "{path.orgId}" }

[[route.ask]]
action = "requestModeChange"
resource = { Organisation = "{path.orgId}" }
context = { requestedMode = "{body.modeChangeRequest}" }
when = { sets = { modeChangeRequest = "{body.modeChangeRequest}" } }
"#;

/// In one state the body changes nothing; in the other it asks for a mode, and there is no
/// contact for that. Questions that are made in the first and decided in the second would be
/// allowed.
fn organisation(pending: bool) -> Value {
    let request = pending.then_some("SHARED");
    json!({"type": "ORGANISATION", "id": "acme", "legalIdentifierCode": "SE_ORGNR",
        "legalIdentifier": "1", "organisationMode": "DEMO", "modeChangeRequest": request,
        "contacts": []})
}

fn import(database: &Database, documents: &[Value]) -> String {
    let text: String = documents
        .iter()
        .map(|document| format!("{document}\n"))
        .collect();
    let import = Import::new().unwrap();
    let inputs = vec![("test".to_owned(), Cursor::new(text))];
    let imported = database.import(&import, inputs, &mut |_| {});
    imported.unwrap().revision.to_string()
}

/// So many ask that each is unknown to the cache, and its question is decided from a state that may
/// be later than the one that it was made from.
const USERS: usize = 3000;

#[test]
fn a_question_is_made_and_decided_in_the_same_state() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tenancy.db");
    let store = Arc::new(Sqlite::open(&path, SqliteOptions::default()).unwrap());
    let database = Database::Sqlite(Arc::clone(&store));
    let mut documents = vec![organisation(true)];
    for n in 0..USERS {
        let id = format!("u-{n}");
        documents.push(
            json!({"type": "USER", "id": id, "email": format!("{n}@b.c"),
            "emailVerified": true, "superadmin": false}),
        );
        documents.push(
            json!({"type": "MEMBERSHIP", "userId": id, "organisationId": "acme",
            "memberRole": "orgadmin"}),
        );
    }
    import(&database, &documents);
    let other = Sqlite::open(&path, SqliteOptions::default()).unwrap();
    let gate = Gate::over(other, ROUTES);
    let body = json!({"modeChangeRequest": "SHARED"});
    let put = |n: usize| sent(&format!("u-{n}"), "PUT /orgs/acme").with(&body);
    gate.assert_decides(&put(0), "Allow");

    let ended = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let ended = Arc::clone(&ended);
        move || {
            let mut states = HashMap::new();
            let mut pending = true;
            while !ended.load(Ordering::Acquire) {
                pending = !pending;
                states.insert(import(&database, &[organisation(pending)]), pending);
            }
            states
        }
    });
    let mut answers = Vec::new();
    for n in 1..USERS {
        let decision = gate.decide(&put(n));
        answers.push((decision.tenancy_revision.clone().unwrap(), brief(&decision)));
    }
    ended.store(true, Ordering::Release);
    let states = writer.join().unwrap();
    let mut seen = [0, 0];
    for (revision, found) in answers {
        let Some(pending) = states.get(&*revision) else {
            continue;
        };
        let wanted = if *pending { "Allow" } else { "Deny AT-1120" };
        assert_eq!(found, wanted, "{revision}");
        seen[usize::from(*pending)] += 1;
    }
    assert!(seen.iter().all(|seen| *seen > 5), "{seen:?}");
}
