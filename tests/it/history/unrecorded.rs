//! Commits of a SQLite database without a record, among others that have one.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::noted::{sql, upload};
use super::{GRANT, OTHER, asked, decision};
use crate::sidecar::{Sidecar, Start};

/// It looks by itself once an hour.
fn sidecar() -> Sidecar {
    let sidecar = Start::quickstart()
        .variable("PEPPOL_AUTHZ_FRESHNESS__POLL_INTERVAL", "1h")
        .variable("PEPPOL_AUTHZ_FRESHNESS__MAX_STALE", "1h")
        .start();
    sql(&sidecar.path("tenancy.db"), GRANT);
    assert_eq!(decision(&sidecar, &asked()), "Allow");
    sidecar
}

const AWAY: &str = "DELETE FROM membership WHERE user_id = 'anna' AND organisation_id = 'globex'";

/// Writers in this order, all between two questions.
fn is_seen(writes: &[&str]) {
    let sidecar = sidecar();
    let path = sidecar.path("tenancy.db");
    let silent = Connection::open(&path).unwrap();
    silent
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)
        .unwrap();
    let other = Connection::open(&path).unwrap();
    for write in writes {
        let by = if *write == AWAY { &silent } else { &other };
        by.execute_batch(write).unwrap();
    }
    assert_eq!(decision(&sidecar, &asked()), "Deny", "{writes:?}");
}

#[test]
fn a_write_without_triggers_between_others_is_seen() {
    is_seen(&[AWAY, OTHER]);
    is_seen(&[OTHER, AWAY, OTHER]);
    is_seen(&[OTHER, OTHER, AWAY]);
}

/// Where the log begins anew in between, and a part of it is gone.
#[test]
fn a_write_without_triggers_is_seen_when_the_log_is_begun_anew() {
    for checkpoint in ["RESTART", "TRUNCATE", "PASSIVE"] {
        let checkpoint = format!("PRAGMA wal_checkpoint({checkpoint})");
        is_seen(&[AWAY, OTHER, &checkpoint, OTHER]);
        is_seen(&[
            AWAY,
            OTHER,
            &checkpoint,
            OTHER,
            OTHER,
            OTHER,
            OTHER,
            OTHER,
            OTHER,
        ]);
        is_seen(&[OTHER, &checkpoint, AWAY, OTHER]);
        is_seen(&[AWAY, &checkpoint, OTHER, &checkpoint, OTHER]);
    }
}

fn text_of_the_trigger(path: &Path) -> String {
    let sql = "SELECT sql FROM sqlite_schema WHERE name = 'membership_deleted'";
    let connection = Connection::open(path).unwrap();
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// A trigger that is gone for one commit, without the count of schemas going up.
#[test]
fn a_trigger_that_is_away_for_a_while_is_seen() {
    let sidecar = sidecar();
    let path = sidecar.path("tenancy.db");
    let text = text_of_the_trigger(&path);
    sql(
        &path,
        "PRAGMA writable_schema = on; DELETE FROM sqlite_schema WHERE name = 'membership_deleted'",
    );
    sql(&path, &format!("BEGIN; {AWAY}; {OTHER}; COMMIT"));
    let back = Connection::open(&path).unwrap();
    back.execute_batch("PRAGMA writable_schema = on").unwrap();
    back.execute(
        "INSERT INTO sqlite_schema VALUES ('trigger', 'membership_deleted', 'membership', 0, ?1)",
        [text],
    )
    .unwrap();
    sql(&path, OTHER);
    assert_eq!(decision(&sidecar, &asked()), "Deny");
}

#[test]
fn a_trigger_that_is_away_within_a_transaction_is_seen() {
    let sidecar = sidecar();
    let path = sidecar.path("tenancy.db");
    let text = text_of_the_trigger(&path);
    sql(
        &path,
        &format!(
            "BEGIN; DROP TRIGGER membership_deleted; {AWAY}; {text}; {OTHER}; COMMIT; {OTHER}"
        ),
    );
    assert_eq!(decision(&sidecar, &asked()), "Deny");
}

/// Records that somebody has deleted, other than as it is written beside them.
#[test]
fn records_that_are_gone_are_missed() {
    let sidecar = sidecar();
    let path = sidecar.path("tenancy.db");
    sql(
        &path,
        &format!(
            "BEGIN; {AWAY}; DELETE FROM tenancy_change WHERE number = (SELECT max(number) FROM tenancy_change);
             {OTHER}; COMMIT"
        ),
    );
    assert_eq!(decision(&sidecar, &asked()), "Deny");
}

/// Commits that have records drop what they name, and nothing else, however the log goes on.
#[test]
fn commits_with_records_leave_the_rest_in_memory() {
    let sidecar = sidecar();
    let path = sidecar.path("tenancy.db");
    assert_eq!(decision(&sidecar, &upload()), "Deny");
    let loads = || {
        let text = sidecar.get("/metrics").text;
        let mut lines = text.lines();
        let line = lines.find(|line| line.starts_with("peppol_authz_cache_misses_total "));
        line.map(str::to_owned).unwrap_or_else(|| panic!("{text}"))
    };
    let before = loads();
    let writer = Connection::open(&path).unwrap();
    for i in 0..40 {
        for _ in 0..i % 4 {
            writer.execute_batch(OTHER).unwrap();
        }
        let checkpoint = |mode: &str| {
            let pragma = format!("PRAGMA wal_checkpoint({mode})");
            let mut statement = writer.prepare(&pragma).unwrap();
            statement.query_row([], |_| Ok(())).unwrap();
        };
        if i % 5 == 4 {
            checkpoint("PASSIVE");
            checkpoint("RESTART");
        }
        assert_eq!(decision(&sidecar, &upload()), "Deny");
        if i % 7 == 6 {
            checkpoint("TRUNCATE");
        }
    }
    assert_eq!(loads(), before);
}
