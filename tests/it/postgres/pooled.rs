//! A connection pooler between sidecars and the server: where it gives each transaction another session, a
//! statement that was prepared in one is not there, or is another one's under the same name.

use serde_json::Value;

use super::pooler::Pooler;
use super::scene::{allowed, cold, quickstart};
use super::server::{Database, SHARED};
use crate::sidecar::{Sidecar, Start};

const WARNING: &str = "transactions have other sessions of the server, as a connection pooler gives them: no statements are prepared, and reads take longer";

/// Nothing is kept in memory, so that each question reads.
fn over(database: &Database, readers: &str) -> Sidecar {
    Start::new()
        .with(&["--tenancy", &database.url()])
        .variable("PEPPOL_AUTHZ_CACHE__ENABLED", "false")
        .variable("PEPPOL_AUTHZ_STORE__READERS", readers)
        .start()
}

fn is_right(sidecar: &Sidecar) {
    let ask = |question: &Value| sidecar.ask(question)["decision"].clone();
    assert_eq!(ask(&allowed()), "Allow");
    assert_eq!(ask(&cold("anna")), "Deny");
    assert_eq!(ask(&cold("root")), "Allow");
}

fn warns(mut sidecar: Sidecar) -> bool {
    let logged = sidecar.stop();
    logged.iter().any(|record| record["message"] == WARNING)
}

#[test]
fn two_sidecars_that_share_sessions_answer_as_without_a_pooler() {
    for (mode, swaps) in [("transaction", true), ("session", false)] {
        let database = quickstart(&SHARED);
        let pooler = Pooler::to(&SHARED, mode, if swaps { 3 } else { 20 });
        let through = pooler.database(&SHARED, &database);
        let sidecars = [over(&through, "3"), over(&through, "3")];
        std::thread::scope(|scope| {
            for sidecar in sidecars.iter().chain(&sidecars) {
                scope.spawn(|| (0..40).for_each(|_| is_right(sidecar)));
            }
        });
        database.sql(super::scene::REVOKE);
        for sidecar in &sidecars {
            assert_eq!(sidecar.ask(&allowed())["decision"], "Deny", "{mode}");
        }
        assert_eq!(sidecars.map(warns), [swaps; 2], "{mode}");
    }
}

/// Another program is given the session, and prepares statements of its own under the same names, which say that
/// everybody is orgadmin everywhere.
#[test]
fn a_statement_of_another_program_is_never_taken_for_ones_own() {
    let database = quickstart(&SHARED);
    let pooler = Pooler::to(&SHARED, "transaction", 1);
    let through = pooler.database(&SHARED, &database);
    let sidecar = over(&through, "1");
    is_right(&sidecar);
    let name = through.sql(
        "SELECT name FROM pg_prepared_statements
         WHERE statement LIKE '%FROM \"Peppol::User.tags\" WHERE id = $1::text AND key = $2::text'",
    );
    assert!(!name.is_empty(), "it prepares what it reads tags by");
    through.sql(&format!(
        "SET peppol_authz.connection = 'other'; DEALLOCATE {name};
         PREPARE {name} (text, text) AS SELECT $1, $2, '[\"orgadmin\"]'"
    ));
    is_right(&sidecar);
    // Without it nothing is prepared any more.
    is_right(&sidecar);
    assert!(warns(sidecar));
}

/// So that it is asked for again, and no question fails.
#[test]
fn a_statement_that_is_gone_is_done_without() {
    let database = quickstart(&SHARED);
    let pooler = Pooler::to(&SHARED, "transaction", 1);
    let through = pooler.database(&SHARED, &database);
    let sidecar = over(&through, "1");
    is_right(&sidecar);
    through.sql("DEALLOCATE ALL");
    is_right(&sidecar);
    assert!(warns(sidecar));
}
