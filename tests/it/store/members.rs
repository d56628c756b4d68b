//! The only orgadmin of an organisation, and the organisations of a user, follow whatever any
//! program writes, in both databases.

use rusqlite::Connection;

use crate::deciding::open;
use crate::postgres::scene::quickstart;
use crate::postgres::server::SHARED;
use crate::rules::rng::Rng;

const ORGANISATIONS: [&str; 3] = ["o1", "o2", "o3"];
const USERS: [&str; 3] = ["u1", "u2", "u3"];
const ROLES: [&str; 4] = ["orgadmin", "orgadmin", "ApUser", "orgmember"];

const BEGINNING: &str = "
    INSERT INTO organisation (id, mode) VALUES ('o1', 'DEMO'), ('o2', 'DEMO'), ('o3', 'DEMO');
    INSERT INTO registered_user VALUES ('u1', true, false), ('u2', true, false), ('u3', true, false);
    INSERT INTO account (email, user_id) VALUES ('1@x', 'u1'), ('2@x', 'u2'), ('3@x', 'u3');";

/// Rows in which a view says something else than the memberships do.
const WRONG: &str = "
    SELECT count(*) FROM (
      SELECT id FROM \"Peppol::Organisation\" AS told
      WHERE \"onlyOrgadmin\" IS DISTINCT FROM (
        SELECT min(user_id) FROM membership
        WHERE organisation_id = told.id AND member_role = 'orgadmin'
        HAVING count(*) = 1
      )
      UNION ALL
      SELECT id FROM \"Peppol::User\" AS told
      WHERE \"onlyOrganisation\" IS DISTINCT FROM (
          SELECT min(organisation_id) FROM membership
          WHERE user_id = told.id
          HAVING count(DISTINCT organisation_id) = 1
        )
        OR \"severalOrganisations\" <> (
          (SELECT count(DISTINCT organisation_id) FROM membership WHERE user_id = told.id) > 1
        )
    ) AS wrong";

/// A write that some program may do. Where it is `sqlite`, rows may be replaced.
fn write(rng: &mut Rng, sqlite: bool) -> String {
    let (o, p) = (rng.pick(ORGANISATIONS), rng.pick(ORGANISATIONS));
    let (u, v) = (rng.pick(USERS), rng.pick(USERS));
    let (role, other) = (rng.pick(ROLES), rng.pick(ROLES));
    let or = if sqlite {
        rng.pick(["", "OR REPLACE ", "OR IGNORE "])
    } else {
        ""
    };
    match rng.below(10) {
        0..4 => format!("INSERT {or}INTO membership VALUES ('{u}', '{o}', '{role}')"),
        4 => format!(
            "INSERT INTO membership VALUES ('{u}', '{o}', '{role}'), ('{v}', '{p}', '{other}') ON CONFLICT DO NOTHING"
        ),
        5 => format!(
            "UPDATE {or}membership SET member_role = '{role}' WHERE user_id = '{u}' AND organisation_id = '{o}'"
        ),
        6 => format!(
            "UPDATE {or}membership SET user_id = '{v}', organisation_id = '{p}' WHERE user_id = '{u}' AND organisation_id = '{o}'"
        ),
        7 => format!("UPDATE {or}membership SET user_id = '{v}' WHERE member_role = '{role}'"),
        8 if !sqlite && rng.percent(10) => "TRUNCATE membership".to_owned(),
        8 => format!(
            "DELETE FROM membership WHERE organisation_id = '{o}' AND member_role = '{role}'"
        ),
        _ => format!("DELETE FROM membership WHERE user_id = '{u}'"),
    }
}

#[test]
fn they_follow_any_sequence_of_writes_with_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tenancy.db");
    drop(open(&path));
    let connection = Connection::open(&path).unwrap();
    connection
        .pragma_update(None, "foreign_keys", true)
        .unwrap();
    connection
        .pragma_update(None, "synchronous", "OFF")
        .unwrap();
    connection.execute_batch(BEGINNING).unwrap();
    let (mut rng, mut done) = (Rng::new(7), Vec::new());
    for _ in 0..1500 {
        let sql = write(&mut rng, true);
        // Many are refused, for a key that is taken.
        if connection.execute_batch(&sql).is_ok() {
            done.push(sql);
            let wrong: i64 = connection.query_row(WRONG, [], |row| row.get(0)).unwrap();
            let last = &done[done.len().saturating_sub(8)..];
            assert_eq!(wrong, 0, "{last:#?}");
        }
    }
    assert!(done.len() > 500, "{}", done.len());
}

#[test]
fn they_follow_any_sequence_of_writes_with_postgresql() {
    let database = quickstart(&SHARED);
    database.sql(BEGINNING);
    let mut rng = Rng::new(7);
    // Each in a transaction of its own within one script: a write that is refused is passed over.
    let script: String = (0..400)
        .map(|_| {
            let sql = write(&mut rng, false).replace('\'', "''");
            format!(
                "DO $$ DECLARE wrong bigint; BEGIN
                   BEGIN EXECUTE '{sql}'; EXCEPTION WHEN unique_violation THEN RETURN; END;
                   wrong := ({WRONG});
                   IF wrong <> 0 THEN RAISE EXCEPTION '% after {sql}', wrong; END IF;
                 END $$;\n"
            )
        })
        .collect();
    database.sql(&script);
    assert_eq!(database.sql(WRONG), "0");
}

/// Two at once take the last two orgadmins away: one of the two writes is seen by the other's trigger.
#[test]
fn what_two_write_at_once_is_seen_by_the_later_one() {
    let database = quickstart(&SHARED);
    database.sql(BEGINNING);
    database.sql(
        "INSERT INTO membership VALUES ('u1', 'o1', 'orgadmin'), ('u2', 'o1', 'orgadmin'), ('u3', 'o1', 'orgadmin')",
    );
    std::thread::scope(|scope| {
        for user in ["u1", "u2"] {
            let database = &database;
            scope.spawn(move || {
                database.sql(&format!(
                    "BEGIN; DELETE FROM membership WHERE user_id = '{user}'; SELECT pg_sleep(0.2); COMMIT"
                ))
            });
        }
    });
    assert_eq!(
        database.sql("SELECT \"onlyOrgadmin\" FROM \"Peppol::Organisation\" WHERE id = 'o1'"),
        "u3"
    );
}
