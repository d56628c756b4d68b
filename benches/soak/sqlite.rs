//! A SQLite file that is written, restored and replaced under a sidecar.
//!
//! The writer notes the members of each state by its name before it commits it. So each answer names
//! a state of which the members are known, whatever was restored since.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::Random;
use crate::common::program::Program;

const USERS: usize = 8;

/// The members of a state, one bit for each user.
type Members = u32;

/// The members of every state, by its name.
type States = Mutex<HashMap<String, Members>>;

#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) allowed: u64,
    pub(crate) denied: u64,
    pub(crate) wrong: u64,
    pub(crate) swaps: u64,
    errors: u64,
    writes: u64,
}

/// Writes, restores and asks until it is over.
pub(crate) fn soak(directory: &Path, over: &AtomicBool) -> Found {
    let path = directory.join("soak.db");
    let sidecar = Program::start(&mut Program::serve(&format!("sqlite:{}", path.display())));
    let states = States::default();
    fill(&path, &states);
    let mut found = Found::default();
    std::thread::scope(|scope| {
        let (states, path, address) = (&states, &path, &sidecar.address);
        let writing = scope.spawn(move || write(path, states, over));
        let asking: Vec<_> = (0..2)
            .map(|asker| scope.spawn(move || ask(address, asker, states, over)))
            .collect();
        (found.writes, found.swaps) = writing.join().unwrap();
        for asked in asking.into_iter().map(|it| it.join().unwrap()) {
            found.allowed += asked.allowed;
            found.denied += asked.denied;
            found.wrong += asked.wrong;
            found.errors += asked.errors;
        }
    });
    found
}

fn open(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection
}

/// Writes in one transaction, and notes the members under the name of the state.
fn commit(connection: &Connection, states: &States, sql: &str) {
    connection
        .execute_batch(&format!("BEGIN IMMEDIATE; {sql}"))
        .unwrap();
    note(connection, states);
    connection.execute_batch("COMMIT").unwrap();
}

fn note(connection: &Connection, states: &States) {
    let name: String = connection
        .query_row("SELECT revision FROM tenancy_revision", [], |row| {
            row.get(0)
        })
        .unwrap();
    states.lock().unwrap().insert(name, members(connection));
}

fn members(connection: &Connection) -> Members {
    let mut statement = connection
        .prepare("SELECT user_id FROM membership")
        .unwrap();
    let ids = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    ids.map(|id| 1 << id.unwrap()[2..].parse::<u32>().unwrap())
        .fold(0, |all, one: Members| all | one)
}

fn fill(path: &Path, states: &States) {
    let connection = open(path);
    note(&connection, states);
    for user in 0..USERS {
        for sql in [
            format!("INSERT INTO organisation (id, mode) VALUES ('o-{user}', 'SHARED')"),
            format!("INSERT INTO registered_user VALUES ('u-{user}', 1, 0)"),
            format!("INSERT INTO account VALUES ('{user}@example.com', 'u-{user}', NULL)"),
        ] {
            commit(&connection, states, &sql);
        }
    }
}

/// Grants and revokes, and now and then a backup that is restored: into the file, or as another
/// file in its place.
fn write(path: &Path, states: &States, over: &AtomicBool) -> (u64, u64) {
    let backup = path.with_extension("backup");
    let mut random = Random(31);
    let (mut writes, mut swaps) = (0, 0);
    let mut connection = open(path);
    copy(&connection, &backup);
    while !over.load(Ordering::Relaxed) {
        let user = random.below(USERS);
        let sql = if members(&connection) >> user & 1 == 1 {
            format!("DELETE FROM membership WHERE user_id = 'u-{user}'")
        } else {
            format!("INSERT INTO membership VALUES ('u-{user}', 'o-{user}', 'orgadmin')")
        };
        commit(&connection, states, &sql);
        writes += 1;
        std::thread::sleep(Duration::from_millis(random.below(6) as u64));
        match random.below(120) {
            0..2 => copy(&connection, &backup),
            2 => {
                swaps += 1;
                drop(connection);
                copy(&open(&backup), path);
                connection = open(path);
            }
            3 => {
                swaps += 1;
                drop(connection);
                replace(path, &backup);
                connection = open(path);
            }
            _ => {}
        }
    }
    (writes, swaps)
}

/// As `.backup` and `.restore` of SQLite's shell.
fn copy(from: &Connection, to: &Path) {
    let mut to = open(to);
    rusqlite::backup::Backup::new(from, &mut to)
        .unwrap()
        .run_to_completion(1000, Duration::ZERO, None)
        .unwrap();
}

/// Puts another file in the place of one, and removes what belonged to that.
fn replace(path: &Path, by: &Path) {
    let next = path.with_extension("next");
    remove(&next);
    copy(&open(by), &next);
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
    let _ = std::fs::remove_file(beside("-wal"));
    let _ = std::fs::remove_file(beside("-shm"));
    std::fs::rename(&next, path).unwrap();
}

fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
}

fn ask(address: &str, asker: u64, states: &States, over: &AtomicBool) -> Found {
    let mut random = Random(asker * 977 + 3);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let url = format!("http://{address}/v1/is_authorized");
    let mut found = Found::default();
    while !over.load(Ordering::Relaxed) {
        let user = random.below(USERS);
        let question = json!({
            "principal": format!("Peppol::User::\"u-{user}\""),
            "action": "Peppol::Action::\"getOrganisation\"",
            "resource": format!("Peppol::Organisation::\"o-{user}\""),
        });
        let mut reply = agent.post(&url).send(question.to_string()).unwrap();
        let reply = reply.body_mut().read_to_string().unwrap();
        let reply: Value = serde_json::from_str(&reply).unwrap();
        let Some(decision) = reply["decision"].as_str() else {
            found.errors += 1;
            continue;
        };
        let revision = reply["tenancyRevision"].as_str().unwrap();
        let members = states.lock().unwrap().get(revision).copied();
        let is_member = members.map(|members| members >> user & 1 == 1);
        let is_allowed = decision == "Allow";
        if is_allowed {
            found.allowed += 1;
        } else {
            found.denied += 1;
        }
        if is_member != Some(is_allowed) {
            println!("wrong: user {user} at {revision}: {decision}, {members:?}");
            found.wrong += 1;
        }
    }
    found
}
