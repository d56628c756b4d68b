//! Triggers keep the derived tables equal to the facts, whatever any program writes and in
//! whatever order.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use crate::deciding::open;
use crate::rules::rng::Rng;

const ORGANISATIONS: [&str; 3] = ["o1", "o2", "o3"];
const PARTICIPANTS: [&str; 5] = ["p1", "p2", "p3", "p4", "p5"];
const USERS: [&str; 3] = ["u1", "u2", "u3"];

/// A write that some program may do.
fn write(rng: &mut Rng) -> String {
    let (p, q) = (rng.pick(PARTICIPANTS), rng.pick(PARTICIPANTS));
    let (o, u, v) = (rng.pick(ORGANISATIONS), rng.pick(USERS), rng.pick(USERS));
    let or = rng.pick(["", "OR REPLACE ", "OR IGNORE "]);
    let flags = "'n', 1, 0, 0, 1";
    match rng.below(10) {
        0 | 1 => format!("INSERT {or}INTO participant VALUES ('{p}', '{o}', 'TEST')"),
        2 => format!("UPDATE participant SET organisation_id = '{o}' WHERE id = '{p}'"),
        3 => format!("UPDATE {or}participant SET id = '{q}' WHERE id = '{p}'"),
        4 => format!("DELETE FROM participant WHERE id = '{p}'"),
        5 | 6 => format!("INSERT {or}INTO party_authorization VALUES ('{p}', '{u}', {flags})"),
        7 => format!(
            "INSERT INTO party_authorization VALUES ('{p}', '{u}', {flags}) \
             ON CONFLICT (participant_id, user_id) DO UPDATE SET name = 'again'"
        ),
        8 => format!(
            "UPDATE {or}party_authorization SET user_id = '{v}', participant_id = '{q}' WHERE user_id = '{u}' AND participant_id = '{p}'"
        ),
        _ => format!(
            "DELETE FROM party_authorization WHERE participant_id = '{p}' AND user_id = '{u}'"
        ),
    }
}

fn pairs(connection: &Connection, sql: &str) -> Vec<(String, Option<String>)> {
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

/// The expected contents of the views, counted anew from the facts.
type Facts = (
    BTreeMap<String, String>,
    BTreeSet<(String, String)>,
    BTreeMap<String, i64>,
);

fn facts(connection: &Connection) -> Facts {
    let participants = pairs(connection, "SELECT id, organisation_id FROM participant");
    let authorized = pairs(
        connection,
        "SELECT participant_id, user_id FROM party_authorization",
    );
    let (mut only, mut alone) = (BTreeMap::new(), BTreeSet::new());
    let mut count: BTreeMap<_, _> = ORGANISATIONS.map(|id| (id.to_owned(), 0)).into();
    for (participant, organisation) in participants {
        let organisation = organisation.unwrap();
        *count.get_mut(&organisation).unwrap() += 1;
        let mut users = authorized
            .iter()
            .filter(|(id, _)| *id == participant)
            .filter_map(|(_, user)| user.clone());
        if let (Some(user), None) = (users.next(), users.next()) {
            alone.insert((organisation, user.clone()));
            only.insert(participant, user);
        }
    }
    (only, alone, count)
}

fn views(connection: &Connection) -> Facts {
    let only = pairs(
        connection,
        "SELECT id, \"onlyUser\" FROM \"Peppol::Participant\"",
    );
    let alone = pairs(
        connection,
        "SELECT id, key FROM \"Peppol::Organisation.tags\"",
    );
    let count = pairs(
        connection,
        "SELECT id, cast(participants AS TEXT) FROM \"Peppol::Organisation\"",
    );
    (
        only.into_iter()
            .filter_map(|(id, user)| Some((id, user?)))
            .collect(),
        alone
            .into_iter()
            .filter_map(|(id, user)| Some((id, user?)))
            .collect(),
        count
            .into_iter()
            .map(|(id, count)| (id, count.unwrap().parse().unwrap()))
            .collect(),
    )
}

#[test]
fn derived_values_follow_any_sequence_of_writes() {
    // Programs differ in these, and none may make a difference here.
    for (seed, foreign_keys, recursive) in [(1, true, false), (2, true, true), (3, true, false)] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tenancy.db");
        drop(open(&path));
        let connection = Connection::open(&path).unwrap();
        connection
            .pragma_update(None, "foreign_keys", foreign_keys)
            .unwrap();
        connection
            .pragma_update(None, "recursive_triggers", recursive)
            .unwrap();
        connection
            .pragma_update(None, "synchronous", "OFF")
            .unwrap();
        for id in ORGANISATIONS {
            let sql = "INSERT INTO organisation (id, mode) VALUES (?1, 'DEMO')";
            connection.execute(sql, [id]).unwrap();
        }
        for id in USERS {
            let sql = "INSERT INTO registered_user VALUES (?1, 1, 0)";
            connection.execute(sql, [id]).unwrap();
        }
        let mut rng = Rng::new(seed);
        let mut done = Vec::new();
        for _ in 0..1500 {
            let sql = write(&mut rng);
            // Many are refused, for a key that is taken or a row that is missing.
            if connection.execute_batch(&sql).is_ok() {
                done.push(sql);
                let last = &done[done.len().saturating_sub(8)..];
                assert_eq!(views(&connection), facts(&connection), "{last:#?}");
            }
        }
        assert!(done.len() > 500, "{}", done.len());
    }
}
