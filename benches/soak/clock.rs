//! Views of an operator that show something else as time passes, though nobody writes: a user is
//! active until an instant, which a writer moves forward now and then.
//!
//! The writer notes the instant before it commits it. An Allow is wrong if the question was asked
//! after the last instant noted, and after the age that it and the settings admit.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::Random;
use crate::common::program::Program;
use crate::server::Database;
use crate::session::PsqlSession;

const USERS: usize = 8;

/// The age that entities in memory may have where nothing tells of their changes, in milliseconds.
const UNTOLD_MAX_AGE: u64 = 100;

const SCHEMA: &str = "
    entity User = { active: Bool };
    entity Door;
    action enter appliesTo { principal: User, resource: Door };
";

const POLICY: &str =
    r#"@id("soak/active") permit (principal, action, resource) when { principal.active };"#;

/// The instants until which users are active, in milliseconds of the epoch: the latest noted.
type Instants = Mutex<[u64; USERS]>;

#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) allowed: u64,
    pub(crate) denied: u64,
    pub(crate) wrong: u64,
    /// Refused: of a busy machine the server may not answer in time.
    unanswered: u64,
    writes: u64,
}

/// Writes to a SQLite file, and asks, until it is over.
pub(crate) fn soak_sqlite(directory: &Path, over: &AtomicBool) -> Found {
    let path = directory.join("clock.db");
    let connection = Connection::open(&path).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    let clock = "CAST(1000 * unixepoch('subsec') AS INTEGER)";
    connection.execute_batch(&tables(clock)).unwrap();
    soak(
        directory,
        &format!("sqlite:{}", path.display()),
        over,
        |sql| {
            connection.execute_batch(sql).unwrap();
        },
    )
}

/// Writes to a PostgreSQL database, and asks, until it is over.
pub(crate) fn soak_postgres(database: &Database, directory: &Path, over: &AtomicBool) -> Found {
    let clock = "(1000 * extract(epoch FROM now()))";
    database.sql(&tables(clock));
    let mut session = PsqlSession::on(database);
    soak(directory, &database.url(), over, |sql| {
        session.run(sql);
    })
}

fn tables(clock: &str) -> String {
    let users: Vec<String> = (0..USERS).map(|user| format!("('u-{user}', 0)")).collect();
    format!(
        "CREATE TABLE people (id TEXT, valid_until BIGINT);
         INSERT INTO people VALUES {};
         CREATE VIEW \"User\" AS SELECT id, valid_until > {clock} AS active FROM people;
         CREATE VIEW \"Door\" AS SELECT 'd' AS id;
         CREATE TABLE tenancy_revision (revision INTEGER);
         INSERT INTO tenancy_revision VALUES (1);",
        users.join(", ")
    )
}

fn soak(directory: &Path, source: &str, over: &AtomicBool, mut write: impl FnMut(&str)) -> Found {
    let schema = directory.join("clock.cedarschema");
    let policies = directory.join("clock-policies");
    std::fs::write(&schema, SCHEMA).unwrap();
    std::fs::create_dir_all(&policies).unwrap();
    std::fs::write(policies.join("p.cedar"), POLICY).unwrap();
    let mut command = Program::serve(source);
    command
        .arg("--schema")
        .arg(&schema)
        .arg("--policies")
        .arg(&policies)
        .env(
            "PEPPOL_AUTHZ_FRESHNESS__UNTOLD_MAX_AGE",
            format!("{UNTOLD_MAX_AGE}ms"),
        );
    // A question that has to be fresh makes the memory fresh for the others too.
    let [fresh, kept] = [(); 2].map(|()| Program::start(&mut command));
    let instants = Instants::default();
    std::thread::scope(|scope| {
        let instants = &instants;
        let asking = [(&fresh, true), (&kept, false)].map(|(sidecar, is_fresh)| {
            scope.spawn(move || ask(&sidecar.address, is_fresh, instants, over))
        });
        let mut random = Random(977);
        let mut writes = 0;
        while !over.load(Ordering::Relaxed) {
            let user = random.below(USERS);
            let until = now() + random.below(400) as u64;
            let noted = {
                let mut instants = instants.lock().unwrap();
                instants[user] = instants[user].max(until);
                instants[user]
            };
            write(&format!(
                "UPDATE people SET valid_until = {noted} WHERE id = 'u-{user}'"
            ));
            writes += 1;
            std::thread::sleep(Duration::from_millis(random.below(300) as u64));
        }
        let [fresh, kept] = asking.map(|asking| asking.join().unwrap());
        Found {
            allowed: fresh.allowed + kept.allowed,
            denied: fresh.denied + kept.denied,
            wrong: fresh.wrong + kept.wrong,
            unanswered: fresh.unanswered + kept.unanswered,
            writes,
        }
    })
}

/// Milliseconds of the epoch.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis().try_into().unwrap()
}

fn ask(address: &str, is_fresh: bool, instants: &Instants, over: &AtomicBool) -> Found {
    let mut random = Random(1237);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let url = format!("http://{address}/v1/is_authorized");
    let mut found = Found::default();
    while !over.load(Ordering::Relaxed) {
        let user = random.below(USERS);
        let mut question = json!({
            "principal": format!("User::\"u-{user}\""),
            "action": "Action::\"enter\"",
            "resource": "Door::\"d\"",
        });
        if is_fresh {
            question["maxAge"] = "0s".into();
        }
        let asked = now();
        let mut reply = agent.post(&url).send(question.to_string()).unwrap();
        let reply = reply.body_mut().read_to_string().unwrap();
        let reply: Value = serde_json::from_str(&reply).unwrap();
        // Moved forward only, so the latest one is the most that any state can have had.
        let until = instants.lock().unwrap()[user];
        match reply["decision"].as_str() {
            Some("Allow") => {
                found.allowed += 1;
                let age = if is_fresh { 0 } else { UNTOLD_MAX_AGE };
                if asked > until + age {
                    println!("wrong: user {user} is allowed at {asked}, after {until}");
                    found.wrong += 1;
                }
            }
            Some(_) => found.denied += 1,
            None if reply["status"] == 503 => found.unanswered += 1,
            None => panic!("no decision: {reply}"),
        }
    }
    found
}
