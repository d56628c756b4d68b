//! A table that is rewritten while it is read looks empty to whoever began before: what is read then is no answer.

use peppol_authz_engine::store::{Candidates, Condition, Store, TagKeys};

use super::{imported, open};
use crate::eventually::until;
use crate::sidecar::Start;
use crate::store::{runtime, shipped, uid};

const REWRITE: &str = "BEGIN; CREATE TEMP TABLE kept AS TABLE membership; TRUNCATE membership;
    INSERT INTO membership SELECT * FROM kept; COMMIT";

#[test]
fn what_is_read_of_a_table_that_is_rewritten_meanwhile_is_an_error() {
    let (database, _store) = imported();
    let schema = shipped();
    let anna = uid("Peppol::User", "anna");
    let users = Candidates {
        of: "Peppol::User".parse().unwrap(),
        condition: Condition::Always,
        after: None,
        limit: 10,
    };
    let store = open(&database);
    runtime().block_on(async {
        for read in ["entities", "tags", "candidates"] {
            let mut snapshot = store.snapshot(&schema, None).await.unwrap();
            database.sql(REWRITE);
            let failed = match read {
                "entities" => snapshot.entities(std::slice::from_ref(&anna)).await.err(),
                "tags" => snapshot.tags(&[(anna.clone(), TagKeys::All)]).await.err(),
                _ => snapshot.candidates(&users).await.err(),
            };
            let said = failed.map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains("was rewritten"), "{read}: {said}");
            // The next one reads it as it is.
            let mut snapshot = store.snapshot(&schema, None).await.unwrap();
            let found = snapshot
                .tags(&[(anna.clone(), TagKeys::All)])
                .await
                .unwrap();
            assert!(!found[0].is_empty(), "{read}");
        }
    });
}

/// A question meanwhile is answered by the new table, and never as if it were empty.
#[test]
fn no_question_is_denied_while_a_table_is_rewritten() {
    let database = super::scene::quickstart(&super::server::SHARED);
    let sidecar = Start::new()
        .with(&["--tenancy", &database.url()])
        .variable("PEPPOL_AUTHZ_CACHE__ENABLED", "false")
        .start();
    let question = super::scene::allowed();
    assert_eq!(sidecar.ask(&question)["decision"], "Allow");
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..20 {
                database.sql(REWRITE);
            }
            ended.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        until("the table was rewritten often", || {
            let reply = sidecar.post("/v1/is_authorized", &question);
            assert_eq!(reply.status, 200, "{}", reply.text);
            assert_eq!(reply.json()["decision"], "Allow", "{}", reply.text);
            ended.load(std::sync::atomic::Ordering::Relaxed)
        });
    });
}
