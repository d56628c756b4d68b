//! Records of changes that the program deletes: one of all sidecars, where its role may.

use super::client::SqlConnection;
use super::server::{Database, SHARED};
use crate::eventually::eventually;
use crate::import::{organisation, user};
use crate::living;
use crate::sidecar::{Sidecar, Start};

/// A database with records, of which one is young.
fn database() -> Database {
    let database = SHARED.database();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.ndjson");
    let documents: String = (0..5)
        .map(|number| format!("{}\n", user(&format!("u{number}"), &format!("u{number}@x"))))
        .collect();
    std::fs::write(&file, documents + &organisation("asked").to_string()).unwrap();
    living::done(&[
        "import",
        "--tenancy",
        &database.url(),
        file.to_str().unwrap(),
    ]);
    age(&database);
    database.sql("UPDATE registered_user SET superadmin = true WHERE id = 'u0'");
    database
}

/// Makes all records two days old.
fn age(database: &Database) {
    database.sql("UPDATE tenancy_change SET written_at = written_at - interval '2 days'");
}

fn records(database: &Database) -> [String; 2] {
    let number = |condition: &str| {
        database.sql(&format!(
            "SELECT count(*) FROM tenancy_change WHERE {condition}"
        ))
    };
    [
        number("written_at < now() - interval '1 day'"),
        number("written_at >= now() - interval '1 day'"),
    ]
}

/// It looks each second.
fn over(url: &str) -> Sidecar {
    Start::new()
        .with(&["--tenancy", url])
        .variable("PEPPOL_AUTHZ_STORE__KEEP_RECORDS", "24s")
        .start()
}

#[test]
fn old_ones_are_deleted_by_one_sidecar_at_a_time() {
    let database = database();
    let [old, young] = records(&database);
    assert_ne!((&*old, &*young), ("0", "0"));
    // Another is at it, as the lock says.
    let other = SqlConnection::open(&database);
    other.sql("BEGIN; SELECT pg_advisory_xact_lock(1885684048)");
    let sidecars = [over(&database.url()), over(&database.url())];
    database.sql("SELECT pg_sleep(2.5)");
    assert_eq!(records(&database)[0], old);
    other.sql("COMMIT");
    eventually("the old ones are gone", || {
        let [old, _] = records(&database);
        if old == "0" { Ok(()) } else { Err(old) }
    });
    // A reader that looked before them takes all as changed, and goes on.
    assert_ne!(database.sql("SELECT pruned_to FROM tenancy_horizon"), "0");
    for sidecar in &sidecars {
        let question = living::superadmin("u0");
        assert_eq!(sidecar.ask(&question)["decision"], "Allow");
    }
    database.sql("UPDATE registered_user SET superadmin = false WHERE id = 'u0'");
    for sidecar in &sidecars {
        let question = living::superadmin("u0");
        eventually(
            "the right is gone",
            || match sidecar.ask(&question)["decision"].as_str().unwrap() {
                "Deny" => Ok(()),
                other => Err(other.to_owned()),
            },
        );
    }
}

/// A role that only reads deletes nothing, and a function that somebody else has made is never called.
#[test]
fn by_none_that_may_not() {
    let database = database();
    let [old, _] = records(&database);
    let role = format!("{}_prunes_not", database.name);
    database.sql(&format!(
        "CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
    ));
    let reader = over(&database.url_of(&role, database.port));
    // The owner's function is gone, and another role's is in its place.
    database.sql(&format!(
        "CREATE ROLE {role}_evil; GRANT CREATE ON SCHEMA public TO {role}_evil;
         ALTER FUNCTION tenancy_prune(interval) OWNER TO {role}_evil"
    ));
    let owner = over(&database.url());
    database.sql("SELECT pg_sleep(3)");
    assert_eq!(records(&database)[0], old);
    for sidecar in [reader, owner] {
        let question = living::superadmin("u0");
        assert_eq!(sidecar.ask(&question)["decision"], "Allow");
    }
}
