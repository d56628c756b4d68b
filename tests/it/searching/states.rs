//! While somebody writes, the results of a search are of one state, the one that it names.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::json;

use super::{documents, ids, search, wanted};
use crate::over::Over;
use crate::postgres::server::SHARED;
use crate::sidecar::{Sidecar, Start};

const TIME: Duration = Duration::from_millis(1500);
/// More than are looked at together.
const ORGANISATIONS: usize = 40;

/// `anna` is the orgadmin of exactly one of all, and it is another one all the time.
fn start() -> Start {
    let mut documents = documents(ORGANISATIONS);
    documents.push(json!({"type": "MEMBERSHIP", "userId": "anna", "organisationId": "o00", "memberRole": "orgadmin"}));
    Start::new().documents(&documents)
}

fn moved(number: usize) -> String {
    format!(
        "BEGIN; DELETE FROM membership WHERE user_id = 'anna';
         INSERT INTO membership VALUES ('anna', 'o{:02}', 'orgadmin'); COMMIT;",
        number % ORGANISATIONS
    )
}

fn hold(sidecar: &Sidecar, write: impl FnMut(usize) + Send) {
    let over = Over::default();
    let seen: Mutex<HashMap<String, Vec<String>>> = Mutex::default();
    let mut write = write;
    std::thread::scope(|scope| {
        let _until = over.until();
        scope.spawn(|| {
            let mut number = 0;
            while !over.is() {
                number += 1;
                write(number);
            }
        });
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let started = Instant::now();
                    let mut searches = 0;
                    while started.elapsed() < TIME {
                        searches += 1;
                        let reply = search(sidecar, &wanted("anna", "getOrganisation"));
                        let found = ids(&reply);
                        assert_eq!(found.len(), 1, "{}", reply.text);
                        let revision = reply.json()["tenancyRevision"].as_str().unwrap().to_owned();
                        let mut seen = seen.lock().unwrap();
                        let same = seen.entry(revision).or_insert_with(|| found.clone());
                        assert_eq!(*same, found, "{}", reply.text);
                    }
                    searches
                })
            })
            .collect();
        let searches: usize = readers.into_iter().map(|it| it.join().unwrap()).sum();
        assert!(searches > 10, "{searches}");
    });
    let seen = seen.into_inner().unwrap();
    assert!(seen.len() > 3, "{seen:?}");
}

#[test]
fn a_result_on_sqlite_is_of_one_state() {
    for cache in ["true", "false"] {
        let sidecar = start()
            .variable("PEPPOL_AUTHZ_CACHE__ENABLED", cache)
            .start();
        let connection = Connection::open(sidecar.path("tenancy.db")).unwrap();
        connection.busy_timeout(Duration::from_secs(5)).unwrap();
        hold(&sidecar, move |number| {
            connection
                .execute_batch(&moved(number).replace("BEGIN", "BEGIN IMMEDIATE"))
                .unwrap();
            std::thread::sleep(Duration::from_millis(2));
        });
    }
}

#[test]
fn a_result_on_postgres_is_of_one_state() {
    for cache in ["true", "false"] {
        let database = SHARED.database();
        let sidecar = start()
            .with(&["--tenancy", &database.url()])
            .variable("PEPPOL_AUTHZ_CACHE__ENABLED", cache)
            .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "5ms")
            .start();
        hold(&sidecar, move |number| {
            database.sql(&moved(number));
        });
    }
}
